//! Coming into a room: a place is taken, and everything that the newcomer must know is told in one `join_success`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sidetalk_core::access::is_meant_for;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{
    Audience, ConnectionId, GroupName, Identity, Message as CoreMessage, Principal, Role as CoreRole,
    RoomKey, Seq, UserId,
};
use sidetalk_core::ports::Outlet;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::service::{JoinWish, Joined};
use sidetalk_edge::outbox::Outbox;
use uuid::Uuid;

use crate::DIALECT;
use crate::book::{Room, Seen, User};
use crate::generation::Generation;
use crate::hall::{Attendee, Hall, Halls, Person, connection, hashed, id_for, kind_of};
use crate::history::{Wanted, chunk, correspondents, last_of, load};
use crate::rates::Pace;
use crate::state::OpenTalkState;
use crate::tickets::Visitor;
use crate::to_wire::{self, CONTROL, event};
use crate::wire::{
    ChatState, ControlEvent, Creator, GroupHistory, History, JoinSuccess, Kind, LiveKit, Message,
    ModerationState, Module, PrivateHistory, RoomInfo, Tariff,
};

/// Somebody in a room.
pub struct Inside {
    pub(crate) link: Arc<Link>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) attendee: Arc<Attendee>,
    pub(crate) room: RoomKey,
    pub(crate) room_id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) user: UserId,
    pub(crate) generation: Generation,
    /// The last entry before the place was taken.
    pub(crate) came_at: Seq,
    pub(crate) pace: Arc<Pace>,
}

impl Inside {
    pub(crate) fn id(&self) -> Uuid {
        self.attendee.id
    }

    pub(crate) fn who(&self) -> Principal {
        self.link.principal()
    }

    /// Whether a message of a history is this participant's. What was said to a user before is everybody's who comes as that
    /// user; since then it is for the participant who was named.
    pub(crate) fn is_concerned(&self, halls: &Halls, message: &CoreMessage) -> bool {
        if message.seq <= self.came_at || is_meant_for(message, self.link.id()) {
            return true;
        }
        let addressee = message.addressee.map(ConnectionId::as_uuid);
        !addressee.is_some_and(|id| halls.with(&self.room, |hall| hall.was_here(id, message.posted_at)))
    }

    /// Under which name it is kept what somebody has seen.
    pub(crate) fn seen_as(&self) -> &str {
        self.user.as_str()
    }
}

/// Who a visitor is to core. A guest is a user who is called like the participant.
pub(crate) fn identity(visitor: &Visitor, name: &str, room: &RoomKey) -> Identity {
    let guest = || UserId::new(&visitor.participant.to_string()).expect("a UUID is a good name");
    let known = visitor.user.as_ref();
    Identity {
        user: known.map_or_else(guest, |known| known.user.clone()),
        name: name.into(),
        avatar: known.and_then(|known| known.avatar.as_deref()).map(Into::into),
        role: if known.is_some_and(|known| known.is_owner) { CoreRole::Moderator } else { CoreRole::Member },
        groups: known.map(|known| known.groups.clone()).unwrap_or_default().into(),
        data: "".into(),
        rooms: Some([room.name.clone()].into()),
        issued_at: None,
        expires_at: None,
    }
}

/// Takes a place and tells the newcomer everything.
pub(crate) async fn enter(
    state: &OpenTalkState,
    visitor: &Visitor,
    name: &str,
    room: &Room,
    outbox: &Arc<Outbox>,
    pace: &Arc<Pace>,
) -> Result<Inside, Failure> {
    let key = visitor.room.clone();
    let identity = Arc::new(identity(visitor, name, &key));
    let (user, groups) = (identity.user.clone(), Arc::clone(&identity.groups));
    let id = visitor.participant;
    let outlet = Arc::clone(outbox) as Arc<dyn Outlet>;
    let link = Link::new(connection(id), state.face, DIALECT, key.project, identity, outlet);
    let attendee = Attendee::new(id, groups, Arc::clone(outbox));
    // Known before the place is taken, so that nothing which only the clerk tells is missed.
    let is_alone = state.halls.with(&key, |hall| {
        hall.set_owner(UserId::new(&room.created_by).ok());
        let is_alone = !hall.attendees.contains_key(&id) && !hall.waiting.contains_key(&id);
        if is_alone {
            hall.attendees.insert(id, Arc::clone(&attendee));
        }
        is_alone
    });
    if !is_alone {
        // Two tickets were resumed for one participant.
        return Err(Refusal::invalid("participant", "is here already").into());
    }
    let link = state.service.connect(link);
    let wish =
        JoinWish { position: None, history: 0, presence: true, client_data: "".into(), is_back: false };
    let joined = state.service.join(&link.principal(), &link, &key.name, wish).await;
    let joined = joined.inspect_err(|_| {
        state.service.hub().disconnect(&link);
        state.halls.with(&key, |hall| hall.attendees.remove(&id));
        state.leave_hall(&key);
    })?;
    let kind = if visitor.user.is_some() { Kind::User } else { Kind::Guest };
    let seat = Arc::clone(&joined.seat);
    attendee.seat.get_or_init(|| Arc::clone(&seat));
    let (generation, came_at) = (visitor.generation, joined.position.seq);
    let inside = Inside {
        link,
        seat,
        attendee,
        room: key,
        room_id: room.id,
        kind,
        user,
        generation,
        came_at,
        pace: Arc::clone(pace),
    };
    match welcome(state, visitor, &inside, &joined, name, room).await {
        Ok(frame) => {
            outbox.send(frame);
            inside.seat.release();
            inside.attendee.release();
            Ok(inside)
        }
        Err(failure) => {
            state.service.disconnect(&inside.link, [Arc::clone(&inside.seat)], LeaveReason::Left);
            Err(failure)
        }
    }
}

async fn welcome(
    state: &OpenTalkState,
    visitor: &Visitor,
    inside: &Inside,
    joined: &Joined,
    name: &str,
    room: &Room,
) -> Result<bytes::Bytes, Failure> {
    let groups: &[GroupName] = &inside.attendee.groups;
    let (chat, absent) = chat_state(state, inside, joined, groups).await?;
    let creator = state.book.user(&room.created_by).await?;
    let (moderation, me) = state.halls.with(&inside.room, |hall| {
        let me = hall.people.get(&inside.id()).cloned();
        let is_moderator = me.as_ref().is_some_and(|me| me.is_moderator);
        (moderation_state(hall, is_moderator, room, groups), me)
    });
    let found = std::mem::take(&mut *inside.attendee.found.lock());
    let participants = found.iter().chain(&absent).map(|person| person.seen_with(groups)).collect();
    let is_moderator = me.as_ref().is_some_and(|me| me.is_moderator);
    let role = me.as_ref().map_or(crate::wire::Role::Guest, Person::role);
    let livekit = state.settings.livekit.as_ref();
    let success = JoinSuccess {
        id: inside.id(),
        display_name: name,
        avatar_url: visitor.user.as_ref().and_then(|known| known.avatar.as_deref()),
        role,
        tariff: tariff(),
        participants,
        event_info: None,
        room_info: RoomInfo {
            id: room.id,
            // For those who may invite.
            password: room.password.as_deref().filter(|_| is_moderator),
            created_by: creator_of(creator.as_ref()),
        },
        is_room_owner: me.is_some_and(|me| me.is_owner),
        chat,
        moderation,
        livekit: livekit.map(|(url, token)| LiveKit { room: room.id, token, public_url: url }),
    };
    Ok(event(CONTROL, state.service.now(), &ControlEvent::JoinSuccess(Box::new(success))))
}

fn moderation_state(hall: &Hall, is_moderator: bool, room: &Room, groups: &[GroupName]) -> ModerationState {
    let waiting = || hall.waiting.values().map(|waiter| waiter.person.seen_with(groups)).collect();
    ModerationState {
        raise_hands_enabled: !hall.raise_hands_disabled,
        waiting_room_enabled: is_moderator.then_some(room.waiting_room),
        waiting_room_participants: is_moderator.then(waiting),
    }
}

/// The chat as it was when the place was taken, and those who are named in it and have not been here in this sitting: they are
/// told to this one alone, for others may not even know that they exist.
async fn chat_state<'a>(
    state: &OpenTalkState,
    inside: &Inside,
    joined: &Joined,
    groups: &'a [GroupName],
) -> Result<(ChatState<'a>, Vec<Person>), Failure> {
    let (service, who, name) = (&state.service, inside.who(), &inside.room.name);
    let mut names = Names::of(state, inside);
    let load = async |audience: &Audience| {
        let wanted =
            Wanted { audience, until: Some(inside.came_at), max: state.settings.history_max, pace: None };
        load(service, &who, name, wanted, |_| true).await
    };
    let room_history = names.told(&Audience::Room, &load(&Audience::Room).await?);
    let mut groups_history = Vec::new();
    for group in groups {
        let audience = Audience::Group(group.clone());
        let history = names.told(&audience, &load(&audience).await?);
        let id = (inside.generation == Generation::Chunks).then(|| group_id(group.as_str()));
        groups_history.push(GroupHistory { id, name: group.as_str(), history });
    }
    let mut private_history = Vec::new();
    for (other, audience) in correspondents(service, &who, name, &inside.user).await? {
        let messages = load(&audience).await?;
        if messages.is_empty() {
            continue;
        }
        let history = names.told(&audience, &messages);
        if !names.knows(&other) {
            let user = state.book.user(other.as_str()).await?;
            let called = user.map_or_else(|| "Guest".to_owned(), |user| user.display_name);
            names.remember(&other, kind_of(&other, id_for(&other)), called, &messages[0]);
        }
        private_history.push(PrivateHistory { correspondent: names.called(&other), history });
    }
    let Seen { global, private, groups: seen_groups } =
        state.book.seen(inside.room_id, inside.seen_as()).await?;
    let is_own_group = |group: &String| groups.iter().any(|own| own.as_str() == group);
    let private = private.into_iter().filter_map(|(user, at)| Some((UserId::new(&user).ok()?, at)));
    let chat = ChatState {
        enabled: joined.room.settings.chat_enabled,
        room_history,
        groups_history,
        private_history,
        last_seen_timestamp_global: global,
        last_seen_timestamps_private: private.map(|(user, at)| (names.called(&user), at)).collect(),
        last_seen_timestamps_group: seen_groups
            .into_iter()
            .filter(|(group, _)| is_own_group(group))
            .collect(),
    };
    Ok((chat, names.absent))
}

/// How users are called for one who looks: in this sitting, or, if they have not been in it, by an id that is always theirs.
pub(crate) struct Names<'a> {
    inside: &'a Inside,
    here: HashMap<UserId, Uuid>,
    /// The participants of this sitting, those who have left too.
    people: HashSet<Uuid>,
    owner: Option<UserId>,
    absent: Vec<Person>,
    /// How many bytes of histories may still be told.
    bytes_left: usize,
}

/// How long all histories that somebody gets at once may be together, and what a message has beside its text.
const TOLD_BYTES_MAX: usize = 12 * 1024 * 1024;
const MESSAGE_BYTES: usize = 320;

impl<'a> Names<'a> {
    pub(crate) fn of(state: &OpenTalkState, inside: &'a Inside) -> Self {
        let (mut here, people, owner) = state.halls.with(&inside.room, |hall| {
            (hall.ids(), hall.people.keys().copied().collect(), hall.owner.clone())
        });
        here.insert(inside.user.clone(), inside.id());
        Self { inside, here, people, owner, absent: Vec::new(), bytes_left: TOLD_BYTES_MAX }
    }

    pub(crate) fn called(&self, user: &UserId) -> Uuid {
        self.here.get(user).copied().unwrap_or_else(|| id_for(user))
    }

    /// Messages as they are told.
    pub(crate) fn shown(&self, messages: &[CoreMessage]) -> Vec<Message> {
        let has_been_here = |id: &Uuid| self.people.contains(id);
        let shown = |one| to_wire::message(one, has_been_here, |user| self.called(user));
        messages.iter().filter_map(shown).collect()
    }

    /// The history of one who comes in, as much of it as has place: the rest is told chunk by chunk, or not. Its authors are
    /// remembered.
    fn told(&mut self, audience: &Audience, messages: &[CoreMessage]) -> History {
        for message in messages {
            let sender = &message.sender;
            if let Some(user) = sender.user.as_ref().filter(|user| !self.knows(user)) {
                let connection = sender.connection.map(ConnectionId::as_uuid);
                let kind = kind_of(user, connection.unwrap_or_default());
                self.remember(user, kind, sender.name.to_string(), message);
            }
        }
        match self.inside.generation {
            Generation::Arrays => {
                let cut = self.too_long(messages);
                History::Arrays(self.shown(&messages[cut..]))
            }
            Generation::Chunks => {
                let (newest, next_index) = chunk(messages, last_of(messages));
                let cut = self.too_long(newest);
                let start = messages.len() - newest.len() + cut;
                let next_index =
                    if cut == 0 { next_index } else { start.checked_sub(1).map(|next| next as u64) };
                let next = next_index.zip(start.checked_sub(1).map(|next| messages[next].seq));
                self.inside.attendee.tell_to(audience, next);
                History::Chunk { messages: self.shown(&newest[cut..]), next_index }
            }
        }
    }

    /// How many messages, from the oldest on, have no place any more.
    fn too_long(&mut self, messages: &[CoreMessage]) -> usize {
        let too_long = messages.iter().rposition(|message| {
            let text = to_wire::text_of(&message.parts).unwrap_or_default();
            // As long as it can get in JSON.
            let escaped = text.bytes().filter(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
            let bytes = text.len() + 5 * escaped.count() + MESSAGE_BYTES;
            let fits = self.bytes_left.checked_sub(bytes);
            self.bytes_left = fits.unwrap_or(0);
            fits.is_none()
        });
        too_long.map_or(0, |last| last + 1)
    }

    fn knows(&self, user: &UserId) -> bool {
        self.here.contains_key(user)
    }

    /// Lists somebody as one who has left, and knows from now on who is meant by that id.
    fn remember(&mut self, user: &UserId, kind: Kind, name: String, message: &CoreMessage) {
        let (id, at) = (id_for(user), message.posted_at);
        self.here.insert(user.clone(), id);
        self.inside.attendee.remembered.lock().insert(id, user.clone());
        self.absent.push(Person {
            id,
            user: user.clone(),
            name,
            avatar: None,
            kind,
            is_moderator: false,
            moderates_by_token: false,
            is_owner: self.owner.as_ref() == Some(user),
            groups: Arc::default(),
            joined_at: at,
            left_at: Some(at),
            hand_is_up: false,
            hand_at: at,
        });
    }
}

/// A group's id where the wire wants one.
pub(crate) fn group_id(name: &str) -> Uuid {
    hashed("group", name)
}

/// Everything is in the free binary.
pub(crate) fn tariff() -> Tariff {
    let modules = ["chat", "core", "moderation"];
    Tariff {
        id: hashed("tariff", "free"),
        name: "Free",
        quotas: BTreeMap::new(),
        modules: modules.into_iter().map(|name| (name, Module { features: [] })).collect(),
    }
}

fn creator_of(user: Option<&User>) -> Creator<'_> {
    let text = |of: fn(&User) -> &str| user.map_or("", of);
    Creator {
        title: "",
        firstname: text(|user| &user.firstname),
        lastname: text(|user| &user.lastname),
        display_name: text(|user| &user.display_name),
        avatar_url: text(|user| &user.avatar),
    }
}
