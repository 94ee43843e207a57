//! Coming into a room: a place is taken, and everything that the newcomer must know is told in one `join_success`.

use std::collections::BTreeMap;
use std::sync::Arc;

use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{Audience, GroupName, Identity, Principal, Role as CoreRole, RoomKey, UserId};
use sidetalk_core::ports::Outlet;
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::JoinWish;
use sidetalk_edge::outbox::Outbox;
use uuid::Uuid;

use crate::DIALECT;
use crate::book::{Room, Seen, User};
use crate::hall::{Attendee, Hall, Person, connection, hashed, id_for};
use crate::history::{correspondents, load, told};
use crate::state::OpenTalkState;
use crate::tickets::Visitor;
use crate::to_wire::{self, CONTROL, event};
use crate::wire::{
    ChatState, ControlEvent, Creator, GroupHistory, JoinSuccess, Kind, LiveKit, ModerationState, Module,
    PrivateHistory, RoomInfo, Tariff,
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
}

impl Inside {
    pub(crate) fn id(&self) -> Uuid {
        self.attendee.id
    }

    pub(crate) fn who(&self) -> Principal {
        self.link.principal()
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
) -> Result<Inside, Failure> {
    let key = visitor.room.clone();
    let identity = Arc::new(identity(visitor, name, &key));
    let (user, groups) = (identity.user.clone(), Arc::clone(&identity.groups));
    let id = visitor.participant;
    let outlet = Arc::clone(outbox) as Arc<dyn Outlet>;
    let link = Link::new(connection(id), state.face, DIALECT, key.project, identity, outlet);
    let link = state.service.connect(link);
    let attendee = Attendee::new(id, Arc::clone(&groups), Arc::clone(outbox));
    // Known before the place is taken, so that nothing which only the watch tells is missed.
    state.halls.with(&key, |hall| {
        hall.owner = UserId::new(&room.created_by).ok();
        hall.attendees.insert(id, Arc::clone(&attendee));
    });
    let wish =
        JoinWish { position: None, history: 0, presence: true, client_data: "".into(), is_back: false };
    let joined = state.service.join(&link.principal(), &link, &key.name, wish).await;
    let joined = joined.inspect_err(|_| {
        state.service.hub().disconnect(&link);
        state.halls.with(&key, |hall| hall.attendees.remove(&id));
        state.halls.forget_if_empty(&key);
    })?;
    let kind = if visitor.user.is_some() { Kind::User } else { Kind::Guest };
    let inside = Inside { link, seat: joined.seat, attendee, room: key, room_id: room.id, kind, user };
    match welcome(state, visitor, &inside, name, room).await {
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
    name: &str,
    room: &Room,
) -> Result<bytes::Bytes, Failure> {
    let groups: &[GroupName] = &inside.attendee.groups;
    let chat = chat_state(state, visitor, inside, groups).await?;
    let creator = state.book.user(&room.created_by).await?;
    let (participants, moderation, me) = state.halls.with(&inside.room, |hall| {
        let me = hall.people.get(&inside.id()).cloned();
        let others = hall.people.values().filter(|person| person.id != inside.id());
        let others: Vec<_> = others.map(|person| person.seen_with(groups)).collect();
        let is_moderator = me.as_ref().is_some_and(|me| me.is_moderator);
        (others, moderation_state(hall, is_moderator, room, groups), me)
    });
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
            password: room.password.as_deref(),
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

async fn chat_state<'a>(
    state: &OpenTalkState,
    visitor: &Visitor,
    inside: &Inside,
    groups: &'a [GroupName],
) -> Result<ChatState<'a>, Failure> {
    let (service, who, name) = (&state.service, inside.who(), &inside.room.name);
    let (max, generation) = (state.settings.history_max, visitor.generation);
    let own = inside.id();
    let shown = |messages: Vec<sidetalk_core::model::Message>| {
        state.halls.with(&inside.room, |hall| {
            remember_authors(hall, &messages);
            let shown = messages.iter().filter_map(|one| to_wire::message(hall, &inside.user, own, one));
            told(shown.collect(), generation)
        })
    };
    let enabled = service.room(&who, name).await?.settings.chat_enabled;
    let room_history = shown(load(service, &who, name, &Audience::Room, max).await?);
    let mut groups_history = Vec::new();
    for group in groups {
        let messages = load(service, &who, name, &Audience::Group(group.clone()), max).await?;
        let id = (generation == crate::generation::Generation::Chunks).then(|| group_id(group.as_str()));
        groups_history.push(GroupHistory { id, name: group.as_str(), history: shown(messages) });
    }
    let mut private_history = Vec::new();
    let mut names = BTreeMap::new();
    for (other, audience) in correspondents(service, &who, name, &inside.user).await? {
        let messages = load(service, &who, name, &audience, max).await?;
        if messages.is_empty() {
            continue;
        }
        let history = shown(messages);
        let correspondent = state.halls.with(&inside.room, |hall| called(hall, &other, &inside.user, own));
        names.insert(other.as_str().to_owned(), correspondent);
        private_history.push(PrivateHistory { correspondent, history });
    }
    let Seen { global, private, groups: seen_groups } =
        state.book.seen(inside.room_id, inside.seen_as()).await?;
    let name_of = |user: &str| {
        names.get(user).copied().or_else(|| {
            let user = UserId::new(user).ok()?;
            Some(state.halls.with(&inside.room, |hall| called(hall, &user, &inside.user, own)))
        })
    };
    let is_own_group = |group: &String| groups.iter().any(|own| own.as_str() == group);
    Ok(ChatState {
        enabled,
        room_history,
        groups_history,
        private_history,
        last_seen_timestamp_global: global,
        last_seen_timestamps_private: private
            .into_iter()
            .filter_map(|(user, at)| Some((name_of(&user)?, at)))
            .collect(),
        last_seen_timestamps_group: seen_groups
            .into_iter()
            .filter(|(group, _)| is_own_group(group))
            .collect(),
    })
}

/// What a user is called in this sitting.
pub(crate) fn called(hall: &Hall, user: &UserId, viewer: &UserId, own: Uuid) -> Uuid {
    if user == viewer { own } else { hall.id_of(user).unwrap_or_else(|| id_for(user)) }
}

/// Authors of stored messages who are not in this sitting are listed as people who have left, so that clients can name them.
fn remember_authors(hall: &mut Hall, messages: &[sidetalk_core::model::Message]) {
    for message in messages {
        let Some(user) = &message.sender.user else { continue };
        if hall.people.values().any(|person| person.user == *user) {
            continue;
        }
        let id = message
            .sender
            .connection
            .map_or_else(|| id_for(user), sidetalk_core::model::ConnectionId::as_uuid);
        let kind = if user.as_str() == id.to_string() { Kind::Guest } else { Kind::User };
        let person = Person {
            id,
            user: user.clone(),
            name: message.sender.name.to_string(),
            avatar: None,
            kind,
            is_moderator: false,
            is_owner: hall.owner.as_ref() == Some(user),
            groups: Arc::default(),
            joined_at: message.posted_at,
            left_at: Some(message.posted_at),
            hand_is_up: false,
            hand_at: message.posted_at,
        };
        hall.people.insert(id, person);
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
