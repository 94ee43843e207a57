//! What all requests of this dialect share.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::limits::Limits;
use sidetalk_core::model::{Presence, Principal, ProjectId, RoomKey};
use sidetalk_core::ports::Entropy;
use sidetalk_core::service::Service;
use sidetalk_edge::gate::Household;
use sidetalk_edge::rate::{self, KeyedRates, Limited};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::DIALECT;
use crate::settings::OpenTokSettings;

/// How often addresses that have rested are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// What the dialect is made of.
pub struct OpenTokParts {
    /// The core.
    pub service: Arc<Service>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator has chosen.
    pub settings: OpenTokSettings,
}

/// What all requests of this dialect share. Cloning is cheap.
#[derive(Clone)]
pub struct OpenTokState(Arc<Shared>);

/// The inside of [`OpenTokState`].
pub struct Shared {
    pub(crate) service: Arc<Service>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: OpenTokSettings,
    auth_failures: Option<KeyedRates<Household>>,
}

impl Deref for OpenTokState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl OpenTokState {
    /// Puts the dialect together.
    #[must_use]
    pub fn new(parts: OpenTokParts) -> Self {
        let OpenTokParts { service, entropy, settings } = parts;
        let limits = Limits {
            text_bytes_max: settings.data_bytes_max,
            signal_bytes_max: settings.data_bytes_max,
            ..Limits::clone(service.limits())
        };
        Self(Arc::new(Shared {
            service: service.within(limits),
            entropy,
            auth_failures: settings
                .auth_failures_per_address
                .map(|rule| KeyedRates::new(rule, settings.keys_max)),
            settings,
        }))
    }

    /// Starts its tasks. They end when the handles are aborted.
    pub fn spawn(&self) -> Vec<JoinHandle<()>> {
        vec![tokio::spawn(self.clone().sweep())]
    }

    /// The application's server.
    pub(crate) fn server(&self, project: ProjectId) -> Principal {
        Principal::server(project, Some(DIALECT))
    }

    /// Who is in a session, of every dialect, in the order in which they came.
    pub(crate) fn presences(&self, room: &RoomKey) -> Vec<Arc<Presence>> {
        let live = self.service.hub().live(room);
        live.and_then(|live| live.with(|_, roster| roster.iter().cloned().collect())).unwrap_or_default()
    }

    /// Counts a wrong signature.
    ///
    /// # Errors
    /// [`Limited`] if there were too many from there.
    pub(crate) fn note_failure(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        let (Some(failures), Some(address)) = (&self.auth_failures, address) else { return Ok(()) };
        failures.check(&address.into(), rate::now())
    }

    async fn sweep(self) {
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(failures) = &self.auth_failures {
                failures.sweep(rate::now());
            }
        }
    }
}
