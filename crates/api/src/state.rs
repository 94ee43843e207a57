//! What all requests and sockets of this face share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::hub::FaceId;
use sidetalk_core::model::Dialect;
use sidetalk_core::ports::{Closing, Entropy, Outlet as _};
use sidetalk_core::service::Service;
use sidetalk_edge::liveness::Liveness;
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::rate;
use sidetalk_edge::request_id::RequestIds;
use sidetalk_edge::socket::{SocketSettings, Sockets};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::expiry::Expiries;
use crate::keep::KeptConnections;
use crate::limits::{ApiLimits, Rates};
use crate::ticket::Tickets;
use crate::to_wire;
use crate::token::{Keys, Verified};
use crate::wire::answer::Bounds;
use crate::wire::notice::{DrainingNotice, Frame};

/// What this face is made of.
pub struct ApiParts {
    /// The core.
    pub service: Arc<Service>,
    /// Where [`face`](crate::face) stands in the service's list of faces.
    pub face: FaceId,
    /// Limits and manners of the sockets; the close numbers are set here.
    pub socket_settings: SocketSettings,
    /// Watches the sockets.
    pub liveness: Arc<Liveness>,
    /// Keys that sign tokens beside the projects' secrets.
    pub keys: Arc<dyn Keys>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The bounds of this face.
    pub limits: ApiLimits,
    /// Which pages may connect.
    pub origins: OriginPolicy,
    /// How often `liveness` pings, for the clients to know.
    pub ping_interval: Duration,
    /// The dialects whose drop-in scripts speak this one.
    pub dialects: Vec<Dialect>,
    /// The version of the server, for the documents.
    pub version: &'static str,
}

/// What all requests and sockets of this face share. Cloning is cheap.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// The inside of [`ApiState`].
pub struct Shared {
    pub(crate) service: Arc<Service>,
    pub(crate) face: FaceId,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) limits: ApiLimits,
    pub(crate) rates: Rates,
    pub(crate) tickets: Tickets,
    pub(crate) expiries: Expiries,
    pub(crate) kept: KeptConnections,
    /// Within which time everybody is to come back, once the node drains.
    draining: watch::Sender<Option<Duration>>,
    pub(crate) origins: OriginPolicy,
    pub(crate) ping_interval: Duration,
    pub(crate) bounds: Bounds,
    pub(crate) dialects: Vec<Dialect>,
    pub(crate) version: &'static str,
    pub(crate) request_ids: RequestIds,
}

impl Deref for ApiState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let settings = parts.socket_settings;
        let core = parts.service.limits();
        let bounds = Bounds {
            frame_bytes: settings.frames.message_bytes_max,
            text_bytes: core.text_bytes_max,
            signal_bytes: core.signal_bytes_max,
            page: core.page_max,
            outbox_bytes: settings.outbox_bytes_max,
        };
        #[expect(clippy::cast_possible_truncation, reason = "half of the random bits are enough")]
        let request_ids = RequestIds::new(parts.entropy.bits() as u64);
        Self(Arc::new(Shared {
            request_ids,
            face: parts.face,
            sockets: Sockets::new(settings, parts.liveness),
            keys: parts.keys,
            entropy: parts.entropy,
            rates: Rates::new(&parts.limits),
            tickets: Tickets::new(parts.limits.tickets_max),
            limits: parts.limits,
            expiries: Expiries::default(),
            kept: KeptConnections::default(),
            draining: watch::Sender::default(),
            origins: parts.origins,
            ping_interval: parts.ping_interval,
            bounds,
            dialects: parts.dialects,
            version: parts.version,
            service: parts.service,
        }))
    }

    /// Starts the sweeper, which ends sockets whose token ends and forgets what is not needed any more. Abort it at the end.
    #[must_use]
    pub fn spawn(&self) -> Vec<JoinHandle<()>> {
        let api = self.clone();
        vec![tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(500));
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut ticks = 0_u64;
            loop {
                interval.tick().await;
                api.expiries.sweep(api.service.now());
                ticks += 1;
                if ticks.is_multiple_of(120) {
                    api.rates.sweep(rate::now());
                    api.tickets.sweep(api.service.now());
                }
            }
        })]
    }

    /// Whose people the owner of a token is one of.
    pub(crate) fn dialect_of(&self, verified: &Verified) -> Dialect {
        let named = verified.dialect.as_deref();
        let known = self.dialects.iter().find(|dialect| Some(dialect.as_str()) == named);
        known.copied().unwrap_or(crate::DIALECT)
    }

    /// Tells every socket that it will be asked to come back within that time, and ends what follows rooms by
    /// server-sent events. Whoever comes from now on is sent away at once. Call it before [`Service::drain`].
    pub fn announce_drain(&self, within: Duration) {
        self.draining.send_replace(Some(within));
        let retry_after_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let frame = to_wire::frame(&Frame::new("server.draining", DrainingNotice { retry_after_ms }));
        for outbox in self.expiries.outboxes() {
            outbox.send(frame.clone());
        }
    }

    /// Sends a socket away if the node drains already. Called when the hub knows the connection, so that whoever comes at
    /// the moment of the drain is found by this or by [`Service::drain`].
    pub(crate) fn send_away(&self, outbox: &Outbox) {
        if let Some(after) = *self.draining.borrow() {
            outbox.close(Closing::Draining { after });
        }
    }

    /// Waits until the node drains.
    pub(crate) fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut draining = self.draining.subscribe();
        async move {
            // It ends with an error if the node itself is gone, which is the same to whoever waits.
            let _ = draining.wait_for(Option::is_some).await;
        }
    }
}
