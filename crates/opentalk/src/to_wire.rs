//! What happened, as finished frames of this dialect: core's [`Face`]; and core's messages as the wire's.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use sidetalk_core::event::{Entry, Event, Happening, LeaveReason, Moment};
use sidetalk_core::model::{
    self as core, Audience, Dialect, Part, Presence, RoomKey, Sender, Timestamp, UserId,
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
            Happening::Entry { room, entry, .. } => self.entry(room, entry),
            Happening::Moment { room, moment } => match moment {
                Moment::Joined(presence) => self.joined(room, presence),
                Moment::Left { presence, reason } => {
                    let id = presence.connection.as_uuid();
                    let waits = self.halls.with(room, |hall| hall.sent_to_wait.contains(&id));
                    let reason = if waits { "sent_to_waiting_room" } else { reason_name(*reason) };
                    Some(event(CONTROL, self.clock.now(), &ControlEvent::Left { id, reason }))
                }
                Moment::Signalled { .. } | Moment::Typing { .. } | Moment::MarkedRead { .. } => None,
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
}

impl OpenTalkFace {
    fn entry(&self, room: &RoomKey, entry: &Entry) -> Option<Bytes> {
        let issued_by = source(&entry.by);
        let payload = match &entry.event {
            Event::MessagePosted(message) => {
                let content = text_of(&message.parts)?;
                let (scope, target) = self.halls.with(room, |hall| scope_now(hall, message));
                let (id, source) = (message.id.as_uuid(), source(&message.sender));
                ChatEvent::MessageSent { id, source, content, scope, target: target.map(Cow::Owned) }
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

    /// The same for all, unless there may be shared groups: then each hears it from the watch.
    fn joined(&self, room: &RoomKey, presence: &Presence) -> Option<Bytes> {
        if !presence.identity.groups.is_empty() {
            return None;
        }
        let owner = self.halls.with(room, |hall| hall.owner.clone());
        let person = Person::of(presence, owner.as_ref());
        Some(event(CONTROL, presence.joined_at, &ControlEvent::Joined(person.seen_with(&[]))))
    }
}

/// The participant who did something; the server is nobody.
pub(crate) fn source(by: &Sender) -> Uuid {
    by.connection.map_or_else(|| by.user.as_ref().map_or(Uuid::nil(), id_for), core::ConnectionId::as_uuid)
}

/// The scope of a message that was just sent, and its target: of this dialect's people the participant that they named.
fn scope_now(hall: &Hall, message: &core::Message) -> (Scope, Option<String>) {
    let Sender { user, connection, .. } = &message.sender;
    let named = || hall.addressed.get(&connection.as_ref()?.as_uuid()).copied();
    let name_of = |user: &UserId| hall.id_of(user).unwrap_or_else(|| id_for(user));
    scope_of(message, |users| {
        named().unwrap_or_else(|| other_of(users, user.as_ref()).map_or(source(&message.sender), name_of))
    })
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
