//! What all requests and sockets of this dialect share.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::FaceId;
use sidetalk_core::model::{Audience, Principal, RoomKey, RoomName};
use sidetalk_core::ports::{Clock, Closing, Entropy, Face, PageAnchor, PageRequest, Witness};
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::Service;
use sidetalk_edge::close::{Close, Code, Reason};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::rate;
use sidetalk_edge::reader::FrameLimits;
use sidetalk_edge::socket::{SocketSettings, Sockets};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::DIALECT;
use crate::auth::IssuerKeys;
use crate::book::Book;
use crate::clerk::{Clerk, Emptied};
use crate::hall::{Halls, connection};
use crate::rates::Rates;
use crate::settings::OpenTalkSettings;
use crate::tickets::Tickets;
use crate::to_wire::OpenTalkFace;

/// How often the server pings, what it says, and how long it waits for the answer, as in the original.
const PING: Duration = Duration::from_secs(15);
const PING_PAYLOAD: &[u8] = b"heartbeat";
const PONG: Duration = Duration::from_secs(20);

/// What may wait for one client at least: a `join_success` is one frame.
const OUTBOX_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The vendor's web client comes back after 1001, 1011 to 1013 and the like, and after no number of our own.
fn close_of(reason: Reason) -> Close {
    match reason {
        Reason::Core(Closing::Draining { .. } | Closing::Left(LeaveReason::Draining)) => {
            Close::new(Code::GoingAway, "")
        }
        Reason::Core(Closing::Slow) | Reason::NoPong => Close::new(Code::TryLater, ""),
        Reason::Core(Closing::Bug) => Close::new(Code::Restart, ""),
        Reason::Core(Closing::Left(_) | Closing::TokenExpired) | Reason::NoLogin => {
            Close::new(Code::Normal, "")
        }
    }
}

/// The part of this dialect that the service must know from its beginning: who renders and who watches.
pub struct OpenTalk {
    settings: OpenTalkSettings,
    halls: Arc<Halls>,
    clock: Arc<dyn Clock>,
    emptied: Arc<Emptied>,
}

impl OpenTalk {
    /// The dialect under these settings.
    #[must_use]
    pub fn new(settings: OpenTalkSettings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, halls: Arc::default(), clock, emptied: Arc::default() }
    }

    /// The renderer, for the service's list of faces.
    #[must_use]
    pub fn face(&self) -> Arc<dyn Face> {
        Arc::new(OpenTalkFace { halls: Arc::clone(&self.halls), clock: Arc::clone(&self.clock) })
    }

    /// The witness, for the service's list of witnesses.
    #[must_use]
    pub fn witness(&self) -> Arc<dyn Witness> {
        let (halls, clock) = (Arc::clone(&self.halls), Arc::clone(&self.clock));
        Arc::new(Clerk { halls, clock, emptied: Arc::clone(&self.emptied) })
    }

    /// Puts the dialect together with the service that knows its face and its witness, and starts its tasks. They end when
    /// the handles are aborted.
    #[must_use]
    pub fn start(self, parts: OpenTalkParts) -> (OpenTalkState, Vec<JoinHandle<()>>) {
        let OpenTalkParts { service, face, socket_settings, entropy, keys } = parts;
        let settings = self.settings;
        let socket_settings = SocketSettings {
            frames: FrameLimits { message_bytes_max: settings.frame_bytes_max, ..socket_settings.frames },
            // Whole histories must fit.
            outbox_bytes_max: socket_settings.outbox_bytes_max.max(OUTBOX_BYTES_MAX),
            close_of,
            ..socket_settings
        };
        // The original pings more often than we do elsewhere.
        let liveness = Liveness::new(LivenessSettings {
            ping_every: PING,
            pong_wait: PONG,
            login_wait: PONG,
            ping_payload: PING_PAYLOAD,
        });
        let watching = tokio::spawn(Arc::clone(&liveness).run());
        let state = OpenTalkState(Arc::new(Shared {
            face,
            sockets: Sockets::new(socket_settings, Arc::clone(&liveness)),
            liveness,
            halls: self.halls,
            book: Book::new(Arc::clone(service.store()), settings.project),
            tickets: Tickets::new(settings.ticket_ttl, settings.resumption_ttl, settings.tickets_max),
            rates: Rates::new(&settings),
            entropy,
            keys,
            settings,
            emptied: self.emptied,
            forgetting: tokio::sync::Mutex::default(),
            service,
        }));
        let forgetting = tokio::spawn(state.clone().forget_emptied());
        (state.clone(), vec![watching, forgetting, tokio::spawn(state.sweep())])
    }
}

/// What the dialect is made of.
pub struct OpenTalkParts {
    /// The core; its list of faces has [`OpenTalk::face`] at `face`, its list of witnesses [`OpenTalk::witness`].
    pub service: Arc<Service>,
    /// Where the renderer stands in the service's list of faces.
    pub face: FaceId,
    /// Limits and manners of the sockets; the longest frame is set here.
    pub socket_settings: SocketSettings,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The keys of the issuers that are trusted.
    pub keys: Arc<dyn IssuerKeys>,
}

/// What all requests and sockets of this dialect share. Cloning is cheap.
#[derive(Clone)]
pub struct OpenTalkState(Arc<Shared>);

/// The inside of [`OpenTalkState`].
pub struct Shared {
    pub(crate) service: Arc<Service>,
    pub(crate) face: FaceId,
    pub(crate) sockets: Arc<Sockets>,
    liveness: Arc<Liveness>,
    pub(crate) halls: Arc<Halls>,
    pub(crate) book: Book,
    pub(crate) tickets: Tickets,
    pub(crate) rates: Rates,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) keys: Arc<dyn IssuerKeys>,
    pub(crate) settings: OpenTalkSettings,
    emptied: Arc<Emptied>,
    /// Rooms are forgotten one after the other.
    forgetting: tokio::sync::Mutex<()>,
}

impl Deref for OpenTalkState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl OpenTalkState {
    /// The register of this dialect's sockets, for a node that drains: who has not joined, or waits at the door of a room, is
    /// in no room that could end.
    #[must_use]
    pub fn liveness(&self) -> &Arc<Liveness> {
        &self.liveness
    }

    /// The dialect itself, for what its rules allow and core's roles do not say.
    pub(crate) fn server(&self) -> Principal {
        Principal::server(self.settings.project, Some(DIALECT))
    }

    pub(crate) fn room_key(&self, room: Uuid) -> RoomKey {
        let name = RoomName::new(&room.to_string()).expect("a UUID is a good name");
        RoomKey { project: self.settings.project, name }
    }

    /// A random UUID of version 4.
    pub(crate) fn fresh_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.entropy.bits().to_be_bytes()).into_uuid()
    }

    /// Whether a participant is in the room, or waits for it.
    pub(crate) fn is_here(&self, room: &RoomKey, participant: Uuid) -> bool {
        let live = self.service.hub().live(room);
        live.is_some_and(|live| live.has(connection(participant)))
            || self.halls.look(room, |hall| hall.waiting.contains_key(&participant)).unwrap_or_default()
    }

    /// Somebody is gone: the last one takes the hall along.
    pub(crate) fn leave_hall(&self, room: &RoomKey) {
        if self.halls.forget_if_empty(room) {
            self.emptied.add(room);
        }
    }

    /// Forgets tickets that nobody has used, and who has rested from trying doors.
    async fn sweep(self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.tickets.sweep(self.service.now(), |room, participant| self.is_here(room, participant));
            self.rates.sweep(rate::now());
        }
    }

    /// Where the original forgets, so do we if it is wished: messages, the chat's switch, and what people have seen.
    async fn forget_emptied(self) {
        loop {
            for room in self.emptied.wait().await {
                if let Err(failure) = self.forget_if_emptied(&room).await {
                    tracing::warn!(error = ?failure, "a room that emptied could not be forgotten");
                }
            }
        }
    }

    /// Forgets what was in a room if it has emptied; whoever comes next waits for that.
    ///
    /// # Errors
    /// The store's failure.
    pub(crate) async fn forget_if_emptied(&self, room: &RoomKey) -> Result<(), Failure> {
        if !self.settings.forget_when_empty || room.project != self.settings.project {
            self.emptied.take(room);
            return Ok(());
        }
        let _one_at_a_time = self.forgetting.lock().await;
        if !self.emptied.take(room) {
            return Ok(());
        }
        self.forget(room).await.inspect_err(|_| self.emptied.put_back(room))
    }

    async fn forget(&self, room: &RoomKey) -> Result<(), Failure> {
        let Ok(id) = Uuid::try_parse(room.name.as_str()) else { return Ok(()) };
        let is_waited_for = || self.halls.look(room, |_| ()).is_some();
        if self.book.room(id).await?.is_none() || is_waited_for() || self.service.hub().live(room).is_some() {
            return Ok(());
        }
        let server = self.server();
        for audience in self.conversations(room).await? {
            self.service.write(&server, &room.name, Write::ClearHistory(audience)).await?;
        }
        self.service.write(&server, &room.name, Write::SetChatEnabled(true)).await?;
        let core = self.service.room(&server, &room.name).await?;
        for (user, member) in &core.members {
            if member.ban.is_some() {
                self.service.write(&server, &room.name, Write::Unban { user: user.clone() }).await?;
            }
            if member.role.is_some() {
                let write = Write::SetRole { user: user.clone(), role: None };
                self.service.write(&server, &room.name, write).await?;
            }
        }
        self.book.forget_seen(id).await
    }

    /// Whom the messages of a room are for. The server sees them all.
    async fn conversations(&self, room: &RoomKey) -> Result<HashSet<Audience>, Failure> {
        let (server, limit) = (self.server(), self.service.limits().page_max);
        let (mut found, mut anchor) = (HashSet::new(), PageAnchor::Newest);
        loop {
            let request = PageRequest { anchor, limit, audience: None, pinned: false };
            let page = self.service.page(&server, &room.name, request).await?;
            let Some(oldest) = page.messages.first().map(|message| message.seq) else { return Ok(found) };
            anchor = PageAnchor::Before(oldest);
            found.extend(page.messages.into_iter().map(|message| message.audience));
            if !page.more_before {
                return Ok(found);
            }
        }
    }
}
