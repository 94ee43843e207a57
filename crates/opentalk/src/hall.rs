//! Who is in a room in this dialect's eyes: people of every dialect, with raised hands, those who have left, and those who
//! wait at the door. Lives as long as the sitting, or as somebody waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use sidetalk_core::hub::Seat;
use sidetalk_core::model::{Audience, ConnectionId, GroupName, Presence, RoomKey, Seq, Timestamp, UserId};
use sidetalk_core::ports::Outlet as _;
use sidetalk_edge::outbox::Outbox;
use uuid::Uuid;

use crate::wire::{ChatPeer, ControlState, Kind, Participant, Role};

/// How long somebody who was let in need not wait again.
const ACCEPTED_FOR: Duration = Duration::from_secs(120);

/// How many of those who have left a room are remembered.
const LEFT_MAX: usize = 1_000;

/// Somebody who is or was in a room.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) avatar: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) is_moderator: bool,
    /// Whether the token says so, where the room says nothing.
    pub(crate) moderates_by_token: bool,
    pub(crate) is_owner: bool,
    pub(crate) groups: Arc<[GroupName]>,
    pub(crate) joined_at: Timestamp,
    pub(crate) left_at: Option<Timestamp>,
    pub(crate) hand_is_up: bool,
    pub(crate) hand_at: Timestamp,
}

impl Person {
    pub(crate) fn of(presence: &Presence, owner: Option<&UserId>) -> Self {
        let identity = &presence.identity;
        let id = presence.connection.as_uuid();
        Self {
            id,
            user: identity.user.clone(),
            name: identity.name.to_string(),
            avatar: identity.avatar.as_deref().map(str::to_owned),
            kind: kind_of(&identity.user, id),
            is_moderator: presence.role >= sidetalk_core::model::Role::Moderator,
            moderates_by_token: identity.role >= sidetalk_core::model::Role::Moderator,
            is_owner: owner == Some(&identity.user),
            groups: Arc::clone(&identity.groups),
            joined_at: presence.joined_at,
            left_at: None,
            hand_is_up: false,
            hand_at: presence.joined_at,
        }
    }

    pub(crate) fn role(&self) -> Role {
        match self.kind {
            _ if self.is_moderator => Role::Moderator,
            Kind::User => Role::User,
            Kind::Guest => Role::Guest,
        }
    }

    /// How somebody with `groups` sees them.
    pub(crate) fn seen_with(&self, groups: &[GroupName]) -> Participant {
        let shared = self.groups.iter().filter(|group| groups.contains(group));
        let control = ControlState {
            display_name: self.name.clone(),
            role: self.role(),
            avatar_url: self.avatar.clone(),
            participation_kind: self.kind,
            hand_is_up: self.hand_is_up,
            joined_at: time(self.joined_at),
            left_at: self.left_at.map(time),
            hand_updated_at: time(self.hand_at),
            is_room_owner: self.is_owner,
        };
        let chat = (self.kind == Kind::User)
            .then(|| ChatPeer { groups: shared.map(|group| group.as_str().to_owned()).collect() });
        Participant { id: self.id, control, chat }
    }
}

pub(crate) fn time(at: Timestamp) -> String {
    at.text().as_str().to_owned()
}

/// A guest is a user who is called like the connection: nobody else ever is.
pub(crate) fn kind_of(user: &UserId, id: Uuid) -> Kind {
    if user.as_str() == id.to_string() { Kind::Guest } else { Kind::User }
}

/// Somebody of this dialect in a room, for what is not the same for all.
pub(crate) struct Attendee {
    pub(crate) id: Uuid,
    pub(crate) groups: Arc<[GroupName]>,
    pub(crate) outbox: Arc<Outbox>,
    /// Who was there at the moment of coming: what follows is told by events.
    pub(crate) found: Mutex<Vec<Person>>,
    /// Users whom only this one knows, from old messages: they are in no list of the room.
    pub(crate) remembered: Mutex<HashMap<Uuid, UserId>>,
    /// Where conversations go on towards their beginnings that were told as far as that: the place of the next message, and
    /// up to which entry it is found.
    told_to: Mutex<HashMap<Audience, (u64, Seq)>>,
    /// Its place in the room, once it is taken.
    pub(crate) seat: OnceLock<Arc<Seat>>,
    /// Until `join_success` is out.
    held: Mutex<Option<Vec<Bytes>>>,
}

impl Attendee {
    pub(crate) fn new(id: Uuid, groups: Arc<[GroupName]>, outbox: Arc<Outbox>) -> Arc<Self> {
        let held = Mutex::new(Some(Vec::new()));
        let (found, remembered, told_to) = (Mutex::default(), Mutex::default(), Mutex::default());
        let seat = OnceLock::new();
        Arc::new(Self { id, groups, outbox, found, remembered, told_to, seat, held })
    }

    /// A conversation was told down to the message after `next`; `None`: to its beginning.
    pub(crate) fn tell_to(&self, audience: &Audience, next: Option<(u64, Seq)>) {
        let mut told_to = self.told_to.lock();
        match next {
            Some(next) => drop(told_to.insert(audience.clone(), next)),
            None => drop(told_to.remove(audience)),
        }
    }

    /// Up to which entry the message at `index` is found, if a conversation goes on there.
    pub(crate) fn until(&self, audience: &Audience, index: u64) -> Option<Seq> {
        self.told_to.lock().get(audience).filter(|(next, _)| *next == index).map(|(_, until)| *until)
    }

    /// Comes in among `people`. What was held back for it is in that list.
    pub(crate) fn come(&self, people: impl Iterator<Item = Person>) {
        *self.found.lock() = people.filter(|person| person.id != self.id).collect();
        if let Some(held) = &mut *self.held.lock() {
            held.clear();
        }
    }

    pub(crate) fn send(&self, frame: Bytes) {
        let mut held = self.held.lock();
        match &mut *held {
            Some(held) => held.push(frame),
            None => self.outbox.send(frame),
        }
    }

    /// Lets through what was held back.
    pub(crate) fn release(&self) {
        let mut held = self.held.lock();
        for frame in held.take().unwrap_or_default() {
            self.outbox.send(frame);
        }
    }
}

/// Somebody at the door.
pub(crate) struct Waiter {
    pub(crate) person: Person,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) is_accepted: bool,
}

/// One room.
#[derive(Default)]
pub(crate) struct Hall {
    pub(crate) people: BTreeMap<Uuid, Person>,
    pub(crate) attendees: HashMap<Uuid, Arc<Attendee>>,
    pub(crate) waiting: BTreeMap<Uuid, Waiter>,
    /// Who was let in from the waiting room, and when; they need not wait again for some time.
    accepted: HashMap<Uuid, Timestamp>,
    /// Who is just being sent to the waiting room.
    pub(crate) sent_to_wait: HashSet<Uuid>,
    /// Whose roles the last change of roles has changed.
    pub(crate) role_changed: Vec<(Uuid, Role)>,
    pub(crate) raise_hands_disabled: bool,
    /// Who has made the room.
    pub(crate) owner: Option<UserId>,
    /// It is in the list of halls no more.
    is_forgotten: bool,
}

impl Hall {
    /// Lets somebody in who waits; they need not wait again for a while.
    pub(crate) fn accept(&mut self, id: Uuid, now: Timestamp) {
        self.accepted.retain(|_, accepted| now < accepted.plus(ACCEPTED_FOR));
        self.accepted.insert(id, now);
    }

    /// Whether somebody was let in a while ago.
    pub(crate) fn is_accepted(&self, id: Uuid, now: Timestamp) -> bool {
        self.accepted.get(&id).is_some_and(|accepted| now < accepted.plus(ACCEPTED_FOR))
    }

    /// Takes back that somebody was let in.
    pub(crate) fn send_away(&mut self, id: Uuid) {
        self.accepted.remove(&id);
    }

    /// Somebody comes. Of those who have left, the last ones are remembered.
    pub(crate) fn add(&mut self, person: Person) {
        self.people.insert(person.id, person);
        if self.people.len() <= LEFT_MAX {
            return;
        }
        let left = || self.people.values().filter_map(|person| person.left_at.map(|left| (left, person.id)));
        if left().count() > LEFT_MAX
            && let Some((_, oldest)) = left().min()
        {
            self.people.remove(&oldest);
        }
    }

    /// Who has made the room is known by now.
    pub(crate) fn set_owner(&mut self, owner: Option<UserId>) {
        if self.owner != owner {
            self.people
                .values_mut()
                .for_each(|person| person.is_owner = owner.as_ref() == Some(&person.user));
            self.owner = owner;
        }
    }

    /// The participants that users are called by now, for many questions.
    pub(crate) fn ids(&self) -> HashMap<UserId, Uuid> {
        let mut people: Vec<_> = self.people.values().collect();
        people.sort_by_key(|person| (person.left_at.is_none(), person.joined_at));
        people.into_iter().map(|person| (person.user.clone(), person.id)).collect()
    }

    /// Whether a participant is here.
    pub(crate) fn is_here(&self, id: Uuid) -> bool {
        self.people.get(&id).is_some_and(|person| person.left_at.is_none())
    }

    /// Whether a participant was here at that time.
    pub(crate) fn was_here(&self, id: Uuid, at: Timestamp) -> bool {
        let is_in = |person: &Person| person.joined_at <= at && person.left_at.is_none_or(|left| at < left);
        self.people.get(&id).is_some_and(is_in)
    }

    /// The participant that a user is called by now: the last one who came.
    pub(crate) fn id_of(&self, user: &UserId) -> Option<Uuid> {
        let own = self.people.values().filter(|person| person.user == *user);
        own.max_by_key(|person| (person.left_at.is_none(), person.joined_at)).map(|person| person.id)
    }

    /// Those of this dialect who moderate.
    pub(crate) fn moderators(&self) -> impl Iterator<Item = &Arc<Attendee>> {
        let moderates = |id: &Uuid| self.people.get(id).is_some_and(|person| person.is_moderator);
        self.attendees.values().filter(move |attendee| moderates(&attendee.id))
    }
}

/// All rooms of this node.
///
/// Locks: core's lock of a room comes first (its faces and witnesses look in here), then the list of halls, then a hall, then
/// an attendee. Nothing in here calls back into the hub.
#[derive(Default)]
pub(crate) struct Halls(Mutex<HashMap<RoomKey, Arc<Mutex<Hall>>>>);

impl Halls {
    /// Works on the hall of a room, which is made if need be.
    pub(crate) fn with<T>(&self, room: &RoomKey, work: impl FnOnce(&mut Hall) -> T) -> T {
        loop {
            let hall = Arc::clone(self.0.lock().entry(room.clone()).or_default());
            let mut hall = hall.lock();
            if !hall.is_forgotten {
                return work(&mut hall);
            }
        }
    }

    /// Looks into the hall of a room, if there is one.
    pub(crate) fn look<T>(&self, room: &RoomKey, look: impl FnOnce(&mut Hall) -> T) -> Option<T> {
        let hall = self.0.lock().get(room).map(Arc::clone)?;
        let mut hall = hall.lock();
        Some(look(&mut hall))
    }

    /// Drops a hall in which nobody is and at whose door nobody waits. Says whether there is none now.
    pub(crate) fn forget_if_empty(&self, room: &RoomKey) -> bool {
        let mut halls = self.0.lock();
        let Some(hall) = halls.get(room).map(Arc::clone) else { return true };
        let mut hall = hall.lock();
        hall.is_forgotten = hall.waiting.is_empty()
            && hall.attendees.is_empty()
            && hall.people.values().all(|person| person.left_at.is_some());
        if hall.is_forgotten {
            halls.remove(room);
        }
        hall.is_forgotten
    }
}

/// A participant for a user of whom nothing else is known: a guest's name is its id; others get one of their own.
pub(crate) fn id_for(user: &UserId) -> Uuid {
    Uuid::try_parse(user.as_str()).unwrap_or_else(|_| hashed("user", user.as_str()))
}

/// An id that is always the same for a name.
pub(crate) fn hashed(kind: &str, name: &str) -> Uuid {
    let digest =
        Sha256::new().chain_update("opentalk ").chain_update(kind).chain_update([0]).chain_update(name);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Core's id of a participant.
pub(crate) fn connection(id: Uuid) -> ConnectionId {
    ConnectionId::from_uuid(id)
}
