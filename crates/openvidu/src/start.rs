//! How the dialect begins: put together with the service, with those brought back who were here when the last process ended,
//! and with the tasks that look after sockets and sessions.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sidetalk_core::hub::FaceId;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::{Entropy, Face, Witness};
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::Service;
use sidetalk_edge::berth::Berth;
use sidetalk_edge::liveness::Liveness;
use sidetalk_edge::rate::{self, KeyedRates};
use sidetalk_edge::reader::FrameLimits;
use sidetalk_edge::socket::{SocketSettings, Sockets};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, sleep};

use crate::book::{Active, Book, Session};
use crate::clerk::{self, Note};
use crate::pulse::Watch;
use crate::settings::OpenViduSettings;
use crate::state::{OpenViduState, Shared};
use crate::stay::{Stay, Stays};
use crate::to_wire::OpenViduFace;

/// How often sessions that nobody uses are looked for, as the original.
const SWEEP: Duration = Duration::from_secs(15 * 60);

/// In what time pages with the drop-in script have come back to another process by themselves. Until then a session that
/// was in use may have nobody in it.
const RETURN: Duration = Duration::from_secs(60);

/// The part of this dialect that the service must know from its beginning: who renders and who watches.
pub struct OpenVidu {
    settings: Arc<OpenViduSettings>,
    notes: UnboundedSender<Note>,
    unread: UnboundedReceiver<Note>,
}

impl OpenVidu {
    /// The dialect under these settings.
    #[must_use]
    pub fn new(settings: OpenViduSettings) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "at most one note per connection there is, and per sitting"
        )]
        let (notes, unread) = unbounded_channel();
        Self { settings: Arc::new(settings), notes, unread }
    }

    /// The renderer, for the service's list of faces.
    #[must_use]
    pub fn face(&self) -> Arc<dyn Face> {
        Arc::new(OpenViduFace { chat_type: self.settings.chat_type.clone() })
    }

    /// The witness, for the service's list of witnesses.
    #[must_use]
    pub fn witness(&self) -> Arc<dyn Witness> {
        clerk::reporter(self.notes.clone())
    }

    /// Puts the dialect together with the service that knows its face and its witness, brings back the clients that were in
    /// a session when the last process ended, and starts its tasks. They end when the handles are aborted.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn start(self, parts: OpenViduParts) -> Result<(OpenViduState, Vec<JoinHandle<()>>), Failure> {
        let OpenViduParts { service, face, socket_settings, liveness, entropy } = parts;
        let settings = self.settings;
        let limits = Limits {
            text_bytes_max: settings.signal_bytes_max(),
            signal_bytes_max: settings.signal_bytes_max(),
            ..Limits::clone(service.limits())
        };
        let frames = FrameLimits { message_bytes_max: settings.frame_bytes_max, ..socket_settings.frames };
        let state = OpenViduState::new(Shared {
            service: service.within(limits),
            face,
            sockets: Sockets::new(SocketSettings { frames, ..socket_settings }, liveness),
            entropy,
            renderer: OpenViduFace { chat_type: settings.chat_type.clone() },
            book: Book::new(Arc::clone(service.store())),
            stays: Stays::default(),
            watch: Watch::new(settings.unjoined_per_address_max),
            auth_failures: settings
                .auth_failures_per_address
                .map(|rule| KeyedRates::new(rule, settings.keys_max)),
            credentials: Mutex::default(),
            settings,
        });
        let clerk = tokio::spawn(clerk::run(state.clone(), self.unread));
        state.bring_back().await?;
        let tasks =
            vec![clerk, tokio::spawn(state.clone().keep_watch()), tokio::spawn(state.clone().sweep())];
        Ok((state, tasks))
    }
}

/// What the dialect is made of.
pub struct OpenViduParts {
    /// The core; its list of faces has [`OpenVidu::face`] at `face`, its list of witnesses [`OpenVidu::witness`].
    pub service: Arc<Service>,
    /// Where the renderer stands in the service's list of faces.
    pub face: FaceId,
    /// Limits and manners of the sockets; the longest frame is set here.
    pub socket_settings: SocketSettings,
    /// Watches the sockets.
    pub liveness: Arc<Liveness>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

impl OpenViduState {
    /// Brings back those who were in a session when the last process ended: they have the time of grace to connect.
    async fn bring_back(&self) -> Result<(), Failure> {
        for (key, connection, active) in self.book.active().await? {
            let Active { rpc: Some(rpc), client_data, .. } = &active else {
                // It came by the drop-in script, which comes back by itself.
                self.book.remove_connection(&key, &connection.name).await?;
                continue;
            };
            let berth = Berth::empty(self.settings.held_bytes_max);
            match self.enter(&key, &connection, client_data, &berth, true).await {
                Ok(joined) => {
                    joined.seat.release();
                    let stay = Stay::new(key, rpc.clone(), joined.seat, berth);
                    self.stays.add(&stay);
                    self.wait_for(&stay, self.settings.grace);
                }
                Err(Failure::Refused(refusal)) => {
                    tracing::info!(reason = %refusal, "a client of the last process cannot come back");
                    self.book.remove_connection(&key, &connection.name).await?;
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut empty = self.book.all_sessions().await?;
        empty.retain(|(key, session)| session.used && self.presences(key).is_empty());
        let state = self.clone();
        tokio::spawn(async move {
            sleep(RETURN).await;
            for (key, _) in empty {
                if let Err(failure) = state.end_if_empty(&key).await {
                    tracing::warn!(error = ?failure, "an empty session could not be forgotten");
                }
            }
        });
        Ok(())
    }

    /// Closes sockets whose client has stopped to ping.
    async fn keep_watch(self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.watch.sweep();
        }
    }

    /// Forgets sessions that nobody joins, as often as the original looks for them.
    async fn sweep(self) {
        let all_are_back = Instant::now() + RETURN;
        let mut ticks = tokio::time::interval(SWEEP.min(self.settings.unused_session_kept));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let used_too = ticks.tick().await >= all_are_back;
            if let Err(failure) = self.forget_empty(self.service.now(), used_too).await {
                tracing::warn!(error = ?failure, "unused sessions could not be forgotten; will try again");
            }
            if let Some(failures) = &self.auth_failures {
                failures.sweep(rate::now());
            }
        }
    }

    /// Forgets sessions that were made too long before `now` and have nobody in them. One that was used ends with the last who
    /// leaves; if it is empty all the same, the store did not answer then, or its people are on their way to this process.
    async fn forget_empty(&self, now: Timestamp, used_too: bool) -> Result<(), Failure> {
        let made_before = now.minus(self.settings.unused_session_kept).as_millis();
        let is_old = |session: &Session| session.created_at <= made_before && (used_too || !session.used);
        for (key, _) in self.book.all_sessions().await?.iter().filter(|(_, session)| is_old(session)) {
            let _turn = self.book.lock(key).await;
            // It may have been used since it was read, or be another one of the same name.
            let is_old = self.book.session(key).await?.is_some_and(|session| is_old(&session));
            if is_old && self.presences(key).is_empty() {
                self.book.remove_session(key).await?;
            }
        }
        Ok(())
    }
}
