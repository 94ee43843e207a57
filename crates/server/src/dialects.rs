//! The vendors' dialects, each switched on and off by its own section of the configuration.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use sidetalk_core::model::{Dialect, SignalType};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_edge::liveness::Liveness;
use sidetalk_edge::rate::Rule;
use sidetalk_openvidu::{OpenVidu, OpenViduParts, OpenViduSettings};
use tokio::task::JoinHandle;

use crate::clock::OsEntropy;
use crate::config::Config;
use crate::config::setting::Rate;
use crate::wiring::socket_settings;

/// The dialects before the service is there, which must know their faces and witnesses from its beginning.
#[derive(Default)]
pub struct Dialects {
    openvidu: Option<OpenVidu>,
}

/// The dialects at work.
pub struct Speaking {
    /// Their routes.
    pub router: Router,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
}

/// Those whose drop-in scripts speak our own dialect.
pub const DROP_INS: [Dialect; 1] = [sidetalk_openvidu::DIALECT];

impl Dialects {
    /// Those that are switched on.
    ///
    /// # Errors
    /// If a setting is not usable.
    pub fn new(config: &Config) -> Result<Self> {
        let openvidu = config.openvidu.enabled.then(|| openvidu_settings(config)).transpose()?;
        Ok(Self { openvidu: openvidu.map(OpenVidu::new) })
    }

    /// Adds their faces and witnesses.
    #[must_use]
    pub fn join(&self, mut parts: ServiceParts) -> ServiceParts {
        if let Some(openvidu) = &self.openvidu {
            parts.faces.push(openvidu.face());
            parts.witnesses.push(openvidu.witness());
        }
        parts
    }

    /// Lets them speak. Their faces stand in the order of [`join`](Self::join), after our own.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn start(
        self,
        config: &Config,
        service: &Arc<Service>,
        liveness: &Arc<Liveness>,
    ) -> Result<Speaking> {
        let mut speaking = Speaking { router: Router::new(), tasks: Vec::new() };
        if let Some(openvidu) = self.openvidu {
            let parts = OpenViduParts {
                service: Arc::clone(service),
                face: 1,
                socket_settings: socket_settings(&config.socket),
                liveness: Arc::clone(liveness),
                entropy: Arc::new(OsEntropy),
            };
            let (state, tasks) = openvidu.start(parts).await?;
            speaking.router = speaking.router.merge(sidetalk_openvidu::router(state));
            speaking.tasks.extend(tasks);
        }
        Ok(speaking)
    }
}

fn openvidu_settings(config: &Config) -> Result<OpenViduSettings> {
    let section = &config.openvidu;
    let rule =
        |name, rate: Rate| (rate != Rate::OFF).then(|| Rule::per(name, rate.events, rate.span, rate.burst));
    Ok(OpenViduSettings {
        public_url: config.http.public_url.clone(),
        grace: section.grace,
        closed_page_grace: section.closed_page_grace,
        replay_history: section.replay_history,
        chat_type: SignalType::new(&section.chat_type).context("openvidu.chat_type")?,
        signal_bytes_max: section.signal_max.size(),
        frame_bytes_max: section.frame_max.size(),
        held_bytes_max: section.held_max.size(),
        unjoined_per_address_max: section.unjoined_per_address_max,
        unused_session_kept: section.unused_session_kept,
        requests_per_connection: rule("requests_per_connection", section.requests_per_connection),
        auth_failures_per_address: rule("auth_failures_per_address", section.auth_failures_per_address),
        keys_max: config.rates.remembered_max,
    })
}
