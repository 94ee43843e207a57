//! The vendors' dialects, each switched on and off by its own section of the configuration.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use sidetalk_api::DialectLimits;
use sidetalk_api::token::{KeySet, Keys as _, TrustedKey};
use sidetalk_core::model::{Dialect, ProjectId, SignalType};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_edge::head::refuse_long_bodies;
use sidetalk_edge::liveness::Liveness;
use sidetalk_edge::origin::only_pages_of;
use sidetalk_opentalk::{IssuerKey, IssuerKeys, OpenTalk, OpenTalkParts, OpenTalkSettings};
use sidetalk_opentok::{Application, Clerk, OpenTokParts, OpenTokSettings, OpenTokState};
use sidetalk_openvidu::{OpenVidu, OpenViduParts, OpenViduSettings};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::clock::{OsEntropy, SystemClock};
use crate::config::Config;
use crate::config::sections::OpenTokApplication;
use crate::wiring::{origins, socket_settings};

/// The dialects before the service is there, which must know their faces and witnesses from its beginning.
#[derive(Default)]
pub struct Dialects {
    openvidu: Option<OpenVidu>,
    opentalk: Option<OpenTalk>,
    /// It has no face: its people come by a drop-in script.
    opentok: Option<(OpenTokSettings, Clerk)>,
}

/// The dialects at work.
pub struct Speaking {
    /// Their routes.
    pub router: Router,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
    /// The registers of their sockets that are not in the one that all share.
    pub livenesses: Vec<Arc<Liveness>>,
}

/// Those whose drop-in scripts speak our own dialect.
pub const DROP_INS: [Dialect; 2] = [sidetalk_openvidu::DIALECT, sidetalk_opentok::DIALECT];

impl Dialects {
    /// Those that are switched on.
    ///
    /// # Errors
    /// If a setting is not usable.
    pub fn new(config: &Config) -> Result<Self> {
        let openvidu = config.openvidu.enabled.then(|| openvidu_settings(config)).transpose()?;
        let opentok = config.opentok.enabled.then(|| opentok_settings(config)).transpose()?;
        let opentalk = config.opentalk.enabled.then(|| opentalk_settings(config)).transpose()?;
        let opentalk = opentalk.map(|settings| OpenTalk::new(settings, Arc::new(SystemClock)));
        let opentok = opentok.map(|settings| (settings, Clerk::default()));
        Ok(Self { openvidu: openvidu.map(OpenVidu::new), opentalk, opentok })
    }

    /// Adds their faces and witnesses.
    #[must_use]
    pub fn join(&self, mut parts: ServiceParts) -> ServiceParts {
        if let Some(openvidu) = &self.openvidu {
            parts.faces.push(openvidu.face());
            parts.witnesses.push(openvidu.witness());
        }
        if let Some(opentalk) = &self.opentalk {
            parts.faces.push(opentalk.face());
            parts.witnesses.push(opentalk.witness());
        }
        if let Some((_, clerk)) = &self.opentok {
            parts.witnesses.push(clerk.witness());
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
        keys: &Arc<KeySet>,
    ) -> Result<Speaking> {
        let mut faces = 1..;
        // OpenTok's longest body follows from its own settings.
        let long_bodies = from_fn_with_state(config.http.body_max.size(), refuse_long_bodies);
        let mut speaking = Speaking { router: Router::new(), tasks: Vec::new(), livenesses: Vec::new() };
        if let Some(openvidu) = self.openvidu {
            let parts = OpenViduParts {
                service: Arc::clone(service),
                face: faces.next().unwrap_or_default(),
                socket_settings: socket_settings(&config.socket),
                liveness: Arc::clone(liveness),
                entropy: Arc::new(OsEntropy),
            };
            let (state, tasks) = openvidu.start(parts).await?;
            speaking.router =
                speaking.router.merge(sidetalk_openvidu::router(state).layer(long_bodies.clone()));
            speaking.tasks.extend(tasks);
        }
        if let Some(opentalk) = self.opentalk {
            let (state, tasks) = opentalk.start(OpenTalkParts {
                service: Arc::clone(service),
                face: faces.next().unwrap_or_default(),
                socket_settings: socket_settings(&config.socket),
                entropy: Arc::new(OsEntropy),
                keys: Arc::new(Issuers(Arc::clone(keys))),
            });
            speaking.livenesses.push(Arc::clone(state.liveness()));
            speaking.router = speaking.router.merge(sidetalk_opentalk::router(state).layer(long_bodies));
            speaking.tasks.extend(tasks);
        }
        if let Some((settings, clerk)) = self.opentok {
            let parts = OpenTokParts { service: Arc::clone(service), entropy: Arc::new(OsEntropy), settings };
            let state = OpenTokState::new(parts);
            speaking.tasks.extend(state.spawn());
            speaking.tasks.push(tokio::spawn(clerk.run(state.clone())));
            speaking.router = speaking.router.merge(sidetalk_opentok::router(state));
        }
        let origins = Arc::new(origins(&config.http)?);
        speaking.router = speaking.router.layer(from_fn_with_state(origins, only_pages_of));
        Ok(speaking)
    }
}

fn openvidu_settings(config: &Config) -> Result<OpenViduSettings> {
    let section = &config.openvidu;
    Ok(OpenViduSettings {
        public_url: config.http.public_url.clone(),
        grace: section.grace,
        closed_page_grace: section.closed_page_grace,
        replay_history: section.replay_history,
        chat_type: SignalType::new(&section.chat_type).context("the configuration was checked")?,
        signal_chars_max: section.signal_characters_max,
        frame_bytes_max: section.frame_max.size(),
        held_bytes_max: section.held_max.size(),
        unjoined_per_address_max: section.unjoined_per_address_max,
        unused_session_kept: section.unused_session_kept,
        requests_per_connection: section.requests_per_connection.rule("requests_per_connection"),
        auth_failures_per_address: section.auth_failures_per_address.rule("auth_failures_per_address"),
        keys_max: config.rates.remembered_max,
    })
}

fn opentalk_settings(config: &Config) -> Result<OpenTalkSettings> {
    let section = &config.opentalk;
    let project = ProjectId::new(section.project).context("the configuration was checked")?;
    let livekit = section
        .livekit_url
        .clone()
        .zip(section.livekit_token.as_ref().map(|token| token.reveal().to_string()));
    Ok(OpenTalkSettings {
        oidc_name: section.oidc_name.clone(),
        oidc_url: section.oidc_url.clone(),
        public_url: config.http.public_url.clone(),
        chunked_prefix: section.chunked_prefix.clone(),
        forget_when_empty: section.forget_when_empty,
        message_bytes_max: section.message_max.size(),
        history_max: section.history_max,
        livekit,
        wrong_passwords_per_address: section.wrong_passwords_per_address.rule("wrong_passwords_per_address"),
        wrong_passwords_per_room: section.wrong_passwords_per_room.rule("wrong_passwords_per_room"),
        tickets_per_address: section.tickets_per_address.rule("tickets_per_address"),
        requests_per_connection: section.requests_per_connection.rule("requests_per_connection"),
        sends_per_user: section.sends_per_user.rule("sends_per_user"),
        rate_keys_max: config.rates.remembered_max,
        ..OpenTalkSettings::new(project)
    })
}

/// The keys that tokens may be signed with, as this dialect asks for them.
struct Issuers(Arc<KeySet>);

impl IssuerKeys for Issuers {
    fn candidates(&self, issuer: &str, kid: Option<&str>) -> Vec<IssuerKey> {
        let keys = self.0.candidates(issuer, kid);
        let key = |key: &Arc<TrustedKey>| IssuerKey {
            project: key.project,
            algorithm: key.algorithm,
            key: key.key.clone(),
            audience: key.audience.clone(),
        };
        keys.iter().map(key).collect()
    }
}

/// What people of dialects may do who speak the native one through a script.
pub fn limits(config: &Config) -> Vec<DialectLimits> {
    let section = &config.opentok;
    vec![DialectLimits {
        dialect: sidetalk_opentok::DIALECT,
        sends_per_user: section.sends_per_user.rule("sends_per_user"),
        signals_per_user: section.signals_per_user.rule("signals_per_user"),
    }]
}

fn opentok_settings(config: &Config) -> Result<OpenTokSettings> {
    let section = &config.opentok;
    let applications = config.opentok_applications.iter().map(application).collect::<Result<_>>()?;
    Ok(OpenTokSettings {
        data_bytes_max: section.data_max.size(),
        type_bytes_max: section.type_max.size(),
        subscribers_may_signal: section.subscribers_may_signal,
        replay_history: section.replay_history,
        sends_per_user: section.sends_per_user.rule("sends_per_user"),
        signals_per_user: section.signals_per_user.rule("signals_per_user"),
        requests_per_connection: config.rates.requests_per_connection.rule("requests_per_connection"),
        auth_failures_per_address: section.auth_failures_per_address.rule("auth_failures_per_address"),
        keys_max: config.rates.remembered_max,
        applications,
    })
}

/// An application of the configuration.
///
/// # Errors
/// If its key cannot be read or is none.
pub fn application(entry: &OpenTokApplication) -> Result<Application> {
    let file = entry.public_key_file.as_ref().context("the configuration was checked")?;
    let what = || format!("public_key_file {} of opentok_application {}", file.display(), entry.id);
    let application = Application {
        id: Uuid::try_parse(&entry.id).context("the configuration was checked")?,
        project: ProjectId::new(entry.project).context("the configuration was checked")?,
        public_key: std::fs::read_to_string(file).with_context(what)?.into(),
    };
    application.check().with_context(what)?;
    Ok(application)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_dialects() {
        let settings = opentok_settings(&Config::default()).expect("the defaults are good");
        assert_eq!(format!("{settings:?}"), format!("{:?}", OpenTokSettings::default()));
    }

    #[test]
    fn the_defaults_of_opentalk_are_those_of_the_code() {
        let mut config = Config::default();
        config.opentalk.project = 100_001;
        let settings = opentalk_settings(&config).expect("good settings");
        let defaults = OpenTalkSettings::new(ProjectId::new(100_001).expect("a valid key"));
        assert_eq!(format!("{settings:?}"), format!("{defaults:?}"));
    }
}
