//! What happened, as finished frames of this dialect: core's [`Face`]; and core's messages as the wire's.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use sidetalk_core::access::is_meant_for;
use sidetalk_core::event::{Entry, Event, Happening, LeaveReason, Moment};
use sidetalk_core::model::{
    self as core, Audience, Dialect, GroupName, Part, Presence, RoomKey, Sender, Timestamp, UserId,
};
use sidetalk_core::ports::{Clock, Face};
use sidetalk_edge::frame;
use uuid::Uuid;

use crate::DIALECT;
use crate::hall::{Hall, Halls, Person, id_for, time};
use crate::wire::{ChatEvent, ControlEvent, Event as Envelope, Message, ModerationEvent, Scope};

pub(crate) const CONTROL: &str = "control";
pub(crate) const CHAT: &str = "chat";
pub(crate) const MODERATION: &str = "moderation";

/// An event as a frame.
pub(crate) fn event(namespace: &str, at: Timestamp, payload: &impl Serialize) -> Bytes {
    let timestamp = at.text();
    let envelope = Envelope { namespace, timestamp: timestamp.as_str(), payload };
    let json = serde_json::to_vec(&envelope).expect("wire shapes are JSON, and memory does not fail");
    frame::text(&json)
}

/// The renderer.
pub(crate) struct OpenTalkFace {
    pub(crate) halls: Arc<Halls>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Face for OpenTalkFace {
    fn dialect(&self) -> Dialect {
        DIALECT
    }

    fn render(&self, happening: Happening<'_>) -> Option<Bytes> {
        match happening {
            Happening::Entry { entry, .. } => self.entry(entry),
            Happening::Moment { room, moment } => match moment {
                Moment::Joined(presence) => Some(self.joined(room, presence, &[])),
                Moment::Left { presence, reason } => {
                    let id = presence.connection.as_uuid();
                    let waits = self.halls.with(room, |hall| hall.sent_to_wait.contains(&id));
                    let reason = if waits { "sent_to_waiting_room" } else { reason_name(*reason) };
                    Some(event(CONTROL, self.clock.now(), &ControlEvent::Left { id, reason }))
                }
                Moment::Signalled { .. }
                | Moment::Typing { .. }
                | Moment::Changed { .. }
                | Moment::MarkedRead { .. } => None,
            },
            Happening::Removed { reason, .. } => match reason {
                LeaveReason::Kicked | LeaveReason::Removed => {
                    Some(event(MODERATION, self.clock.now(), &ModerationEvent::Kicked))
                }
                LeaveReason::Banned => Some(event(MODERATION, self.clock.now(), &ModerationEvent::Banned)),
                LeaveReason::Ended | LeaveReason::RoomDeleted => {
                    Some(event(CONTROL, self.clock.now(), &ControlEvent::RoomDeleted))
                }
                LeaveReason::Left | LeaveReason::Lost | LeaveReason::Expired | LeaveReason::Draining => None,
            },
        }
    }

    /// What is private has two ends, who comes or has changed shares groups with each in another way, and of a role the
    /// others hear otherwise than the one who has it.
    fn differs(&self, happening: Happening<'_>) -> bool {
        match happening {
            Happening::Entry { entry, .. } => match &entry.event {
                Event::MessagePosted(message) => matches!(message.audience, Audience::Users(_)),
                event => matches!(event, Event::RoleSet { .. }),
            },
            Happening::Moment { moment: Moment::Joined(presence), .. } => {
                !presence.identity.groups.is_empty()
            }
            Happening::Moment { moment, .. } => matches!(moment, Moment::Changed { .. }),
            Happening::Removed { .. } => false,
        }
    }

    fn render_for(&self, happening: Happening<'_>, listener: &Presence) -> Option<Bytes> {
        match happening {
            Happening::Entry { room, entry, .. } => match &entry.event {
                Event::MessagePosted(message) => self.private(room, message, listener),
                _ => self.role_set(room, entry.at, listener),
            },
            Happening::Moment { room, moment: Moment::Joined(presence) } => {
                Some(self.joined(room, presence, &listener.identity.groups))
            }
            Happening::Moment { room, moment: Moment::Changed { connection } } => {
                self.updated(room, connection.as_uuid(), self.clock.now(), listener)
            }
            _ => None,
        }
    }
}

impl OpenTalkFace {
    fn entry(&self, entry: &Entry) -> Option<Bytes> {
        let issued_by = source(&entry.by);
        let payload = match &entry.event {
            Event::MessagePosted(message) => {
                let (scope, target) = scope_of(message, |_| source(&message.sender));
                sent(message, scope, target)?
            }
            Event::ChatEnabledSet(true) => ChatEvent::ChatEnabled { issued_by },
            Event::ChatEnabledSet(false) => ChatEvent::ChatDisabled { issued_by },
            Event::HistoryCleared if entry.audience == Audience::Room => {
                ChatEvent::HistoryCleared { issued_by }
            }
            _ => return None,
        };
        Some(event(CHAT, entry.at, &payload))
    }

    /// A private message, for the two participants whom it concerns.
    fn private(&self, room: &RoomKey, message: &core::Message, listener: &Presence) -> Option<Bytes> {
        let target = self.halls.with(room, |hall| private_target(hall, message, listener))?;
        let payload = sent(message, Scope::Private, Some(target.to_string()))?;
        Some(event(CHAT, message.posted_at, &payload))
    }

    /// Somebody who comes, for one with those groups.
    fn joined(&self, room: &RoomKey, presence: &Presence, groups: &[GroupName]) -> Bytes {
        let owner = self.halls.with(room, |hall| hall.owner.clone());
        let person = Person::of(presence, owner.as_ref());
        event(CONTROL, presence.joined_at, &ControlEvent::Joined(person.seen_with(groups)))
    }

    /// Participants have got another role: they hear which, others that they have changed.
    fn role_set(&self, room: &RoomKey, at: Timestamp, listener: &Presence) -> Option<Bytes> {
        let own = listener.connection.as_uuid();
        let changed = self.halls.with(room, |hall| hall.role_changed.clone());
        let frames = changed.into_iter().filter_map(|(id, new_role)| match id {
            id if id == own => Some(event(CONTROL, at, &ControlEvent::RoleUpdated { new_role })),
            id => self.updated(room, id, at, listener),
        });
        let frames = frames.collect::<Vec<_>>().concat();
        (!frames.is_empty()).then(|| frames.into())
    }

    /// How a participant who is here is now, for another one.
    fn updated(&self, room: &RoomKey, id: Uuid, at: Timestamp, listener: &Presence) -> Option<Bytes> {
        let groups = &listener.identity.groups;
        let participant = self.halls.with(room, |hall| {
            let person = hall.people.get(&id).filter(|person| person.left_at.is_none())?;
            Some(person.seen_with(groups))
        });
        let participant = participant.filter(|_| id != listener.connection.as_uuid())?;
        Some(event(CONTROL, at, &ControlEvent::Update(participant)))
    }
}

/// A message as it is told when it is sent. `None`: there is nothing to show.
fn sent(message: &core::Message, scope: Scope, target: Option<String>) -> Option<ChatEvent<'_>> {
    let (id, source) = (message.id.as_uuid(), source(&message.sender));
    let content = text_of(&message.parts)?;
    Some(ChatEvent::MessageSent { id, source, content, scope, target: target.map(Cow::Owned) })
}

/// The participant who did something; the server is nobody.
pub(crate) fn source(by: &Sender) -> Uuid {
    by.connection.map_or_else(|| by.user.as_ref().map_or(Uuid::nil(), id_for), core::ConnectionId::as_uuid)
}

/// Whom a private message that was just sent is for, in the eyes of one of its audience. `None`: it is not for this one.
///
/// One that names a participant who is here is for that one and its sender. Else it is for all who are here as the other user,
/// each of whom takes it as their own.
fn private_target(hall: &Hall, message: &core::Message, listener: &Presence) -> Option<Uuid> {
    let own = listener.connection;
    let addressee = message.addressee.map(core::ConnectionId::as_uuid);
    let is_sender = message.sender.connection == Some(own);
    if addressee.is_some_and(|id| hall.is_here(id)) {
        return addressee.filter(|_| is_meant_for(message, own));
    }
    let Audience::Users(users) = &message.audience else { return None };
    let user = message.sender.user.as_ref();
    match other_of(users, user) {
        Some(other) if *other == listener.identity.user => Some(own.as_uuid()),
        // Another tab of the sender's: it was named elsewhere to whom this goes.
        _ if addressee.is_some() && !is_sender => None,
        Some(other) => Some(addressee.or_else(|| hall.id_of(other)).unwrap_or_else(|| id_for(other))),
        None => Some(addressee.unwrap_or_else(|| source(&message.sender))),
    }
}

fn scope_of(message: &core::Message, target: impl FnOnce(&[UserId]) -> Uuid) -> (Scope, Option<String>) {
    match &message.audience {
        Audience::Group(group) => (Scope::Group, Some(group.as_str().to_owned())),
        Audience::Users(users) => (Scope::Private, Some(target(users).to_string())),
        Audience::Room | Audience::Connections(_) => (Scope::Global, None),
    }
}

/// The other one of a private conversation. `None`: somebody talks to nobody else.
pub(crate) fn other_of<'a>(users: &'a [UserId], own: Option<&UserId>) -> Option<&'a UserId> {
    users.iter().find(|user| Some(*user) != own)
}

/// The text of a message; of one without, the JSON or the file's name. `None`: there is nothing to show.
pub(crate) fn text_of(parts: &[Part]) -> Option<Cow<'_, str>> {
    let text = match parts {
        [Part::Text { text, .. }] => Cow::Borrowed(&**text),
        parts => {
            let pieces = parts.iter().map(|part| match part {
                Part::Text { text, .. } => &**text,
                Part::Custom(json) => &**json,
                Part::Image(file) | Part::File(file) => &*file.name,
            });
            Cow::Owned(pieces.collect::<Vec<_>>().join("\n"))
        }
    };
    (!text.is_empty()).then_some(text)
}

/// A stored message; `name_of` says how users are called by now. What somebody has said to many in this sitting is said by the
/// participant whom it came from; in private there are two users.
pub(crate) fn message(
    message: &core::Message,
    has_been_here: impl Fn(&Uuid) -> bool,
    name_of: impl Fn(&UserId) -> Uuid,
) -> Option<Message> {
    let content = text_of(&message.parts)?.into_owned();
    let by = message.sender.user.as_ref();
    let participant = message.sender.connection.map(core::ConnectionId::as_uuid).filter(has_been_here);
    let source = match (participant, by, &message.audience) {
        (Some(participant), _, Audience::Room | Audience::Group(_)) => participant,
        (_, Some(user), _) => name_of(user),
        (_, None, _) => source(&message.sender),
    };
    let (scope, target) = scope_of(message, |users| other_of(users, by).map_or(source, &name_of));
    Some(Message {
        id: message.id.as_uuid(),
        source,
        timestamp: time(message.posted_at),
        content,
        scope,
        target,
    })
}

/// Why somebody is gone, in the vendor's words.
pub(crate) fn reason_name(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "quit",
        LeaveReason::Lost | LeaveReason::Expired | LeaveReason::Draining => "timeout",
        LeaveReason::Kicked | LeaveReason::Removed | LeaveReason::Ended | LeaveReason::RoomDeleted => {
            "kicked"
        }
        LeaveReason::Banned => "banned",
    }
}
