//! What all requests of this dialect share.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{ConnectionId, Presence, Principal, ProjectId, RoomKey, UserId};
use sidetalk_core::ports::Entropy;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::service::Service;
use sidetalk_edge::gate::Household;
use sidetalk_edge::rate::{self, KeyedRates, Limited};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::DIALECT;
use crate::settings::OpenTokSettings;

/// How often addresses that have rested are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// How long the native token of a page holds: whoever is connected may come back, however old the vendor's token is then.
pub(crate) const EXCHANGED_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a ban lasts longer than any token that was given out before: clocks differ a little.
const MARGIN: Duration = Duration::from_secs(60 * 60);

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

    /// Puts a connection out. When it is done, nobody of this dialect comes again by the native token of that connection.
    pub(crate) async fn put_out(&self, room: &RoomKey, connection: ConnectionId) -> Result<(), Failure> {
        let live = self.service.hub().live(room);
        let presence = live.and_then(|live| live.with(|_, roster| roster.get(connection).cloned())).flatten();
        let presence = presence.ok_or(Refusal::NotFound { what: "connection" })?;
        let server = self.server(room.project);
        self.service.cut(&server, &room.name, connection, LeaveReason::Removed).await?;
        match presence.dialect {
            DIALECT => self.keep_out(room, &presence.identity.user).await,
            _ => Ok(()),
        }
    }

    /// Keeps out somebody of this dialect who was put out, for as long as the native token may hold; each connection is a user
    /// of its own, so nobody else is hit. A longer ban stays.
    pub(crate) async fn keep_out(&self, room: &RoomKey, user: &UserId) -> Result<(), Failure> {
        // What the store says: what is live may not have heard of the last ban yet.
        let Some(known) = self.service.store().room(room).await? else { return Ok(()) };
        let ban = known.members.get(user).and_then(|member| member.ban);
        if ban.is_some_and(|ban| ban.holds(self.service.now().plus(EXCHANGED_TTL))) {
            return Ok(());
        }
        let ban = Write::Ban { user: user.clone(), duration: Some(EXCHANGED_TTL + MARGIN) };
        self.service.write(&self.server(room.project), &room.name, ban).await?;
        Ok(())
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
