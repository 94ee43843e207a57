//! A client that keeps a view of a room as a good SDK would: by applying what it is told, in order, each once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::event::{Entry, Event, Happening};
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{
    Audience, Dialect, Epoch, Message, Part, Position, Principal, Reaction, RoomName, Seq, UserId,
};
use sidetalk_core::ports::{Closing, Face, Outlet, Page};
use sidetalk_core::service::{JoinWish, Resume, Service};

/// A face whose frames are numbers: places in a list of what happened.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Option<(Epoch, Entry)>>>);

const RECORDER: Dialect = Dialect::new("recorder");

impl Face for Recorder {
    fn dialect(&self) -> Dialect {
        RECORDER
    }

    fn render(&self, happening: Happening<'_>) -> Option<Bytes> {
        let record = match happening {
            Happening::Entry { epoch, entry, .. } => Some((epoch, entry.clone())),
            Happening::Moment { .. } | Happening::Removed { .. } => None,
        };
        let mut records = self.0.lock();
        records.push(record);
        Some(Bytes::copy_from_slice(&(records.len() - 1).to_be_bytes()))
    }
}

/// The wire to one client: keeps what was sent.
#[derive(Default)]
pub(crate) struct Wire(Mutex<Vec<u8>>);

impl Outlet for Wire {
    fn send(&self, frames: Bytes) {
        self.0.lock().extend_from_slice(&frames);
    }

    fn close(&self, _why: Closing) {}
}

pub(crate) struct Client {
    pub(crate) principal: Principal,
    recorder: Arc<Recorder>,
    wire: Arc<Wire>,
    link: Option<Arc<Link>>,
    seat: Option<Arc<Seat>>,
    position: Option<Position>,
    /// Whether every message of the room is known, or only those from this seq on.
    known_from: Seq,
    messages: BTreeMap<Seq, Seen>,
    chat_enabled: bool,
}

/// A message as a client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    audience: Audience,
    parts: Vec<Part>,
    deleted: bool,
    pinned: bool,
    reactions: Vec<(Arc<str>, Vec<UserId>)>,
}

impl From<&Message> for Seen {
    fn from(message: &Message) -> Self {
        let mut reactions: Vec<_> = message.reactions.iter().map(seen_reaction).collect();
        reactions.sort();
        Self {
            audience: message.audience.clone(),
            parts: message.parts.clone(),
            deleted: message.is_deleted(),
            pinned: message.pin.is_some(),
            reactions,
        }
    }
}

fn seen_reaction(reaction: &Reaction) -> (Arc<str>, Vec<UserId>) {
    let mut users = reaction.users.clone();
    users.sort();
    (reaction.emoji.clone(), users)
}

impl Client {
    pub(crate) fn new(principal: Principal, recorder: Arc<Recorder>) -> Self {
        Self {
            principal,
            recorder,
            wire: Arc::default(),
            link: None,
            seat: None,
            position: None,
            known_from: Seq::ZERO,
            messages: BTreeMap::new(),
            chat_enabled: true,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.seat.is_some()
    }

    /// Comes into the room with the last position; takes the answer in.
    pub(crate) async fn come(&mut self, service: &Arc<Service>, room: &RoomName, id: u128) -> Option<Resume> {
        let sidetalk_core::model::Actor::User(identity) = &self.principal.actor else { return None };
        let connection = sidetalk_core::model::ConnectionId::from_uuid(uuid::Uuid::from_u128(id));
        self.wire = Arc::default();
        let link =
            Link::new(connection, 0, RECORDER, self.principal.project, identity.clone(), self.wire.clone());
        let link = service.connect(link);
        self.principal.connection = Some(connection);
        let wish = JoinWish {
            position: self.position,
            history: 300,
            presence: false,
            client_data: "".into(),
            is_back: false,
        };
        let Ok(joined) = service.join(&self.principal, &link, room, wish).await else {
            service.disconnect(&link, [], sidetalk_core::event::LeaveReason::Left);
            return None;
        };
        match &joined.history {
            Some(page) => self.load(page, joined.position),
            None => joined.entries.iter().for_each(|entry| self.take(joined.position.epoch, entry)),
        }
        self.position = Some(joined.position);
        self.chat_enabled = joined.room.settings.chat_enabled;
        joined.seat.release();
        (self.link, self.seat) = (Some(link), Some(joined.seat));
        Some(joined.resume)
    }

    /// Loses the link: of what was sent, only the first `kept` frames arrived.
    pub(crate) fn lose(&mut self, service: &Service, kept: usize) {
        let frames = std::mem::take(&mut *self.wire.0.lock());
        self.read(&frames, kept);
        if let Some(link) = self.link.take() {
            service.disconnect(&link, self.seat.take(), sidetalk_core::event::LeaveReason::Lost);
        }
    }

    /// How many frames wait on the wire.
    pub(crate) fn waiting(&self) -> usize {
        self.wire.0.lock().len() / 8
    }

    /// Reads all that arrived.
    pub(crate) fn catch_up(&mut self) {
        let frames = std::mem::take(&mut *self.wire.0.lock());
        self.read(&frames, usize::MAX);
    }

    /// Where the view differs from the server's page of the newest messages, if it does.
    pub(crate) fn difference(&self, page: &Page, chat_enabled: bool) -> Option<String> {
        let known_from = if page.more_before {
            page.messages.first().map_or(Seq::ZERO, |message| message.seq)
        } else {
            Seq::ZERO
        };
        let from = known_from.max(self.known_from);
        let own: BTreeMap<_, _> =
            self.messages.range(from..).map(|(seq, seen)| (*seq, seen.sorted())).collect();
        let theirs = page.messages.iter().filter(|message| message.seq >= from);
        let theirs: BTreeMap<_, _> = theirs.map(|message| (message.seq, Seen::from(message))).collect();
        if self.chat_enabled != chat_enabled {
            return Some(format!("chat enabled: {} instead of {chat_enabled}", self.chat_enabled));
        }
        (own != theirs)
            .then(|| format!("{:?} sees\n{own:#?}\ninstead of\n{theirs:#?}", self.principal.user()))
    }

    fn load(&mut self, page: &Page, position: Position) {
        self.position = Some(position);
        self.known_from =
            page.messages.first().filter(|_| page.more_before).map_or(Seq::ZERO, |message| message.seq);
        self.messages = page.messages.iter().map(|message| (message.seq, Seen::from(message))).collect();
    }

    fn read(&mut self, frames: &[u8], kept: usize) {
        for frame in frames.chunks_exact(8).take(kept) {
            let place = usize::from_be_bytes(frame.try_into().expect("eight bytes"));
            let record = self.recorder.0.lock()[place].clone();
            if let Some((epoch, entry)) = record {
                self.take(epoch, &entry);
            }
        }
    }

    fn take(&mut self, epoch: Epoch, entry: &Entry) {
        let position = self.position.expect("a joined client has a position");
        assert_eq!(position.epoch, epoch, "two logs must never mix");
        if entry.seq <= position.seq {
            return;
        }
        self.position = Some(Position { epoch, seq: entry.seq });
        match &entry.event {
            Event::MessagePosted(message) => drop(self.messages.insert(entry.seq, Seen::from(&**message))),
            Event::MessageEdited { target, parts, .. } => self.change(target.seq, |seen| {
                if !parts.is_empty() {
                    seen.parts.clone_from(parts);
                }
            }),
            Event::MessageDeleted(target) => self.change(target.seq, |seen| {
                seen.deleted = true;
                seen.parts.clear();
                seen.pinned = false;
                seen.reactions.clear();
            }),
            Event::MessagePinned(target) => self.change(target.seq, |seen| seen.pinned = true),
            Event::MessageUnpinned(target) => self.change(target.seq, |seen| seen.pinned = false),
            Event::ReactionAdded { target, emoji } => self.react(target.seq, emoji, entry, true),
            Event::ReactionRemoved { target, emoji } => self.react(target.seq, emoji, entry, false),
            Event::ChatEnabledSet(enabled) => self.chat_enabled = *enabled,
            Event::HistoryCleared => {
                self.messages.retain(|seq, seen| *seq > entry.seq || seen.audience != entry.audience);
            }
            _ => {}
        }
    }

    fn change(&mut self, seq: Seq, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.messages.get_mut(&seq) {
            change(seen);
        }
    }

    fn react(&mut self, seq: Seq, emoji: &Arc<str>, entry: &Entry, added: bool) {
        let Some(user) = entry.by.user.clone() else { return };
        self.change(seq, |seen| {
            if seen.deleted {
                return;
            }
            if !seen.reactions.iter().any(|(known, _)| known == emoji) {
                seen.reactions.push((emoji.clone(), Vec::new()));
            }
            for (_, users) in seen.reactions.iter_mut().filter(|(known, _)| known == emoji) {
                users.retain(|known| *known != user);
                if added {
                    users.push(user.clone());
                }
            }
            seen.reactions.retain(|(_, users)| !users.is_empty());
        });
    }
}

impl Seen {
    /// The same with reactions in a fixed order.
    fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        sorted.reactions.iter_mut().for_each(|(_, users)| users.sort());
        sorted.reactions.sort();
        sorted
    }
}
