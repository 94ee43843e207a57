//! What happened, as finished frames; and core's things as the wire's.
//!
//! A happening is rendered once for all native listeners of this node: [`Native`] is core's [`Face`]. Everything is
//! serialised straight into the frame; nothing is built as a tree first.

mod hot;

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sidetalk_core::event::{Entry, Event, Happening, LeaveReason, Moment};
use sidetalk_core::model::{
    self as core, Dialect, Epoch, GroupName, Identity, Member, Membership, Mute, Position, PrivateChat, Role,
    RoomKey, SignalData, TextFormat, Timestamp, UserId,
};
use sidetalk_core::ports::{self, Face};
use sidetalk_core::room;
use sidetalk_core::transaction::{Sent, WriteResult, Written};
use uuid::Uuid;

use crate::wire::answer::{
    Audience, Changed, File, Message, Page, Part, Pin, Posted, Presence, Reaction, Room, Sender, Settings,
    Summary, Unread, Until, User,
};
use crate::wire::json::{Place, Raw, Time};
use crate::wire::notice::{
    BareNotice, EditedNotice, EventNotice, Frame, GroupsNotice, JoinedNotice, LeftNotice, LogHead, Logged,
    MemberNotice, Payload, PostedNotice, PrivateChatNotice, ReactedNotice, ReceiptNotice, RemovedNotice,
    RetentionNotice, RoleNotice, SanctionedNotice, SignalNotice, SlowModeNotice, TitleNotice, TouchedNotice,
    TypingNotice, What,
};

/// A reaction names at most so many users.
pub const REACTION_USERS_MAX: usize = 50;

/// The native renderer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Face for Native {
    fn dialect(&self) -> Dialect {
        crate::DIALECT
    }

    fn render(&self, happening: Happening<'_>) -> Option<Bytes> {
        Some(match happening {
            Happening::Entry { room, epoch, entry, .. } => {
                let EventNotice { method, params } = event_notice(room, epoch, entry);
                match &params.what {
                    What::Posted(posted) => hot::posted_frame(&params.head, &posted.message),
                    _ => frame(&Frame::new(method, params)),
                }
            }
            Happening::Moment { room, moment: Moment::Signalled { from, signal } } => {
                hot::signal_frame(&signal_notice(room, from, signal))
            }
            Happening::Moment { room, moment } => moment_frame(room, moment)?,
            Happening::Removed { room, reason, .. } => {
                let params = RemovedNotice { room: room.name.as_str(), reason: leave_reason(reason) };
                frame(&Frame::new("room.removed", params))
            }
        })
    }
}

/// `value` as a text frame.
pub fn frame(value: &impl Serialize) -> Bytes {
    hot::framed(|out| hot::put(out, value))
}

/// A log entry as its notification.
pub fn event_notice<'a>(room: &'a RoomKey, epoch: Epoch, entry: &'a Entry) -> EventNotice<'a> {
    let (method, what) = what(&entry.event);
    let head = LogHead {
        room: room.name.as_str(),
        position: Place(Position { epoch, seq: entry.seq }),
        seq: entry.seq.0,
        at: Time(entry.at),
        by: sender(&entry.by),
        audience: beside_room(&entry.audience),
    };
    EventNotice { method, params: Logged { head, what } }
}

fn what(event: &Event) -> (&'static str, What<'_>) {
    let touched = |target: &sidetalk_core::event::MessageRef| {
        What::Touched(TouchedNotice { message: target.id.as_uuid(), message_seq: target.seq.0 })
    };
    let reacted = |target: &sidetalk_core::event::MessageRef, emoji| {
        What::Reacted(ReactedNotice { message: target.id.as_uuid(), message_seq: target.seq.0, emoji })
    };
    let until = |mute: &Mute| mute.until.map(Time);
    match event {
        Event::MessagePosted(posted) => {
            ("message.posted", What::Posted(PostedNotice { message: message(posted) }))
        }
        Event::MessageEdited { target, parts: edited, mentions } => (
            "message.edited",
            What::Edited(EditedNotice {
                message: target.id.as_uuid(),
                message_seq: target.seq.0,
                parts: parts(edited),
                mentions: mentions.iter().map(UserId::as_str).collect(),
            }),
        ),
        Event::MessageDeleted(target) => ("message.deleted", touched(target)),
        Event::MessagePinned(target) => ("message.pinned", touched(target)),
        Event::MessageUnpinned(target) => ("message.unpinned", touched(target)),
        Event::ReactionAdded { target, emoji } => ("reaction.added", reacted(target, emoji)),
        Event::ReactionRemoved { target, emoji } => ("reaction.removed", reacted(target, emoji)),
        Event::ChatEnabledSet(true) => ("chat.enabled", What::Bare(BareNotice {})),
        Event::ChatEnabledSet(false) => ("chat.disabled", What::Bare(BareNotice {})),
        Event::HistoryCleared => ("history.cleared", What::Bare(BareNotice {})),
        Event::SlowModeSet(pause) => {
            ("room.slow_mode_set", What::SlowMode(SlowModeNotice { slow_mode_s: pause.map(seconds) }))
        }
        Event::PrivateChatSet(policy) => (
            "room.private_chat_set",
            What::PrivateChat(PrivateChatNotice { private_chat: private_chat(*policy) }),
        ),
        Event::TitleSet(title) => ("room.title_set", What::Title(TitleNotice { title: title.as_deref() })),
        Event::RetentionSet(retention) => {
            ("room.retention_set", What::Retention(RetentionNotice { retention_s: retention.map(seconds) }))
        }
        Event::MemberMuted { user, mute } => {
            ("member.muted", What::Sanctioned(SanctionedNotice { user: user.as_str(), until: until(mute) }))
        }
        Event::MemberBanned { user, ban } => {
            ("member.banned", What::Sanctioned(SanctionedNotice { user: user.as_str(), until: until(ban) }))
        }
        Event::MemberUnmuted { user } => {
            ("member.unmuted", What::Member(MemberNotice { user: user.as_str() }))
        }
        Event::MemberUnbanned { user } => {
            ("member.unbanned", What::Member(MemberNotice { user: user.as_str() }))
        }
        Event::MemberKicked { user } => ("member.kicked", What::Member(MemberNotice { user: user.as_str() })),
        Event::MemberInvited { user } => {
            ("member.invited", What::Member(MemberNotice { user: user.as_str() }))
        }
        Event::MemberJoined { user } => ("member.joined", What::Member(MemberNotice { user: user.as_str() })),
        Event::MemberLeft { user } => ("member.left", What::Member(MemberNotice { user: user.as_str() })),
        Event::RoleSet { user, role } => {
            ("member.role_set", What::Role(RoleNotice { user: user.as_str(), role: role.map(Role::name) }))
        }
        Event::GroupsSet { user, groups } => (
            "member.groups_set",
            What::Groups(GroupsNotice { user: user.as_str(), groups: group_names(groups) }),
        ),
    }
}

/// A signal as its notification.
pub fn signal_notice<'a>(
    room: &'a RoomKey,
    from: &'a core::Sender,
    signal: &'a core::Signal,
) -> SignalNotice<'a> {
    SignalNotice {
        room: room.name.as_str(),
        kind: signal.kind.as_ref().map(core::SignalType::as_str),
        data: match &signal.data {
            SignalData::Text(text) => Payload::Text(text),
            SignalData::Json(json) => Payload::Json(Raw(json)),
        },
        from: sender(from),
        to: beside_room(&signal.to),
    }
}

fn moment_frame(room: &RoomKey, moment: &Moment) -> Option<Bytes> {
    let room = room.name.as_str();
    Some(match moment {
        // Signals are rendered by `hot::signal_frame`; what other dialects keep is theirs.
        Moment::Signalled { .. } | Moment::Changed { .. } => return None,
        Moment::Typing { from, audience, active } => {
            let audience = beside_room(audience);
            frame(&Frame::new("typing", TypingNotice { room, from: sender(from), active: *active, audience }))
        }
        Moment::Joined(arrived) => {
            frame(&Frame::new("presence.joined", JoinedNotice { room, presence: presence(arrived) }))
        }
        Moment::Left { presence, reason } => {
            let connection = presence.connection.as_uuid();
            let user = presence.identity.user.as_str();
            let reason = leave_reason(*reason);
            frame(&Frame::new("presence.left", LeftNotice { room, connection, user, reason }))
        }
        Moment::MarkedRead { audience: of, seq, .. } => {
            frame(&Frame::new("receipt.set", ReceiptNotice { room, seq: seq.0, audience: audience(of) }))
        }
    })
}

/// A message.
pub fn message(message: &core::Message) -> Message<'_> {
    Message {
        id: message.id.as_uuid(),
        seq: message.seq.0,
        sender: sender(&message.sender),
        audience: audience(&message.audience),
        parts: parts(&message.parts),
        mentions: message.mentions.iter().map(UserId::as_str).collect(),
        reply_to: message.reply_to.map(core::MessageId::as_uuid),
        label: message.label.as_ref().map(core::SignalType::as_str),
        client_id: message.client_id.as_ref().map(core::ClientId::as_str),
        posted_at: Time(message.posted_at),
        edited_at: message.edited_at.map(Time),
        deleted_at: message.deleted_at.map(Time),
        pin: message
            .pin
            .as_ref()
            .map(|pin| Pin { by: pin.by.as_ref().map(UserId::as_str), at: Time(pin.at) }),
        reactions: message.reactions.iter().map(reaction).collect(),
    }
}

/// Messages.
pub fn messages(messages: &[core::Message]) -> Vec<Message<'_>> {
    messages.iter().map(message).collect()
}

/// A page of messages.
pub fn page(page: &ports::Page) -> Page<'_> {
    Page { messages: messages(&page.messages), more_before: page.more_before, more_after: page.more_after }
}

fn reaction(reaction: &core::Reaction) -> Reaction<'_> {
    Reaction {
        emoji: &reaction.emoji,
        count: reaction.users.len(),
        users: reaction.users.iter().take(REACTION_USERS_MAX).map(UserId::as_str).collect(),
    }
}

fn sender(sender: &core::Sender) -> Sender<'_> {
    Sender {
        user: sender.user.as_ref().map(UserId::as_str),
        name: &sender.name,
        connection: sender.connection.map(core::ConnectionId::as_uuid),
        dialect: sender.dialect.filter(|dialect| *dialect != crate::DIALECT).map(Dialect::as_str),
    }
}

fn parts(parts: &[core::Part]) -> Vec<Part<'_>> {
    parts.iter().map(part).collect()
}

fn part(part: &core::Part) -> Part<'_> {
    match part {
        core::Part::Text { text, format } => {
            let format = match format {
                TextFormat::Plain => "plain",
                TextFormat::Markdown => "markdown",
            };
            Part::Text { text, format }
        }
        core::Part::Image(stored) => Part::Image { file: file(stored) },
        core::Part::File(stored) => Part::File { file: file(stored) },
        core::Part::Custom(json) => Part::Custom { data: Raw(json) },
    }
}

fn file(file: &core::FileRef) -> File<'_> {
    File {
        id: file.id,
        name: &file.name,
        media_type: &file.media_type,
        bytes: file.bytes,
        width: file.pixels.map(|(width, _)| width),
        height: file.pixels.map(|(_, height)| height),
    }
}

/// An audience.
pub fn audience(audience: &core::Audience) -> Audience<'_> {
    match audience {
        core::Audience::Room => Audience::Room,
        core::Audience::Group(group) => Audience::Group { group: group.as_str() },
        core::Audience::Users(users) => Audience::Users { users: users.iter().map(UserId::as_str).collect() },
        core::Audience::Connections(connections) => {
            Audience::Connections { connections: connections.iter().map(|id| id.as_uuid()).collect() }
        }
    }
}

fn beside_room(of: &core::Audience) -> Option<Audience<'_>> {
    (*of != core::Audience::Room).then(|| audience(of))
}

/// Somebody who is there.
pub fn presence(presence: &core::Presence) -> Presence<'_> {
    let Identity { user, name, avatar, groups, .. } = &*presence.identity;
    Presence {
        connection: presence.connection.as_uuid(),
        user: user.as_str(),
        name,
        avatar: avatar.as_deref(),
        role: presence.role.name(),
        groups: group_names(groups),
        dialect: presence.dialect.as_str(),
        data: &presence.client_data,
        server_data: &presence.identity.data,
        joined_at: Time(presence.joined_at),
    }
}

/// A user as the token has it.
pub fn user(identity: &Identity) -> User<'_> {
    User {
        id: identity.user.as_str(),
        name: &identity.name,
        avatar: identity.avatar.as_deref(),
        role: identity.role.name(),
        groups: group_names(&identity.groups),
    }
}

/// A room.
pub fn room(room: &room::Room) -> Room<'_> {
    let settings = &room.settings;
    Room {
        name: room.key.name.as_str(),
        kind: room.kind.name(),
        title: settings.title.as_deref(),
        created_at: Time(room.created_at),
        settings: Settings {
            chat_enabled: settings.chat_enabled,
            slow_mode_s: settings.slow_mode.map(seconds),
            private_chat: private_chat(settings.private_chat),
            retention_s: settings.retention.map(seconds),
        },
    }
}

/// A room in a list.
pub fn summary(room: &ports::RoomSummary) -> Summary<'_> {
    Summary {
        name: room.name.as_str(),
        kind: room.kind.name(),
        title: room.title.as_deref(),
        created_at: Time(room.created_at),
        last_at: Time(room.last_at),
        head: room.head.0,
        invited: room.invited,
    }
}

/// A read marker.
pub fn unread(unread: &ports::Unread) -> Unread<'_> {
    Unread { audience: audience(&unread.audience), seen: unread.seen.0, count: unread.count }
}

/// What is recorded about a user.
pub fn member<'a>(user: &'a UserId, member: &'a Member, now: Timestamp) -> crate::wire::answer::Member<'a> {
    crate::wire::answer::Member {
        user: user.as_str(),
        role: member.role.map(Role::name),
        groups: group_names(&member.groups),
        muted: until(member.mute, now),
        banned: until(member.ban, now),
        membership: member.membership.map(|membership| match membership {
            Membership::Invited => "invited",
            Membership::Joined => "joined",
            Membership::Left => "left",
        }),
    }
}

/// A mute or ban, if it holds.
pub fn until(mute: Option<Mute>, now: Timestamp) -> Option<Until> {
    mute.filter(|mute| mute.holds(now)).map(|mute| Until { until: mute.until.map(Time) })
}

/// Group names.
pub fn group_names(groups: &[GroupName]) -> Vec<&str> {
    groups.iter().map(GroupName::as_str).collect()
}

/// What posting a message came to.
pub fn posted(written: &Written) -> Posted {
    let position = Place(written.position());
    let (id, seq, at, repeated): (Uuid, _, _, _) = match &written.result {
        WriteResult::Appended(entry) => {
            let id = match &entry.event {
                Event::MessagePosted(message) => message.id.as_uuid(),
                _ => Uuid::nil(),
            };
            (id, entry.seq, entry.at, false)
        }
        WriteResult::Repeated(Sent { id, seq, at, .. }) => (id.as_uuid(), *seq, *at, true),
        // The rules never find a post unchanged.
        WriteResult::Unchanged { head } => (Uuid::nil(), *head, Timestamp::default(), true),
    };
    Posted { id, seq: seq.0, position, posted_at: Time(at), repeated }
}

/// What another write came to.
pub fn changed(written: &Written) -> Changed {
    let changed = matches!(written.result, WriteResult::Appended(_));
    Changed { position: Place(written.position()), changed }
}

/// A private chat policy.
pub fn private_chat(policy: PrivateChat) -> &'static str {
    match policy {
        PrivateChat::Everyone => "everyone",
        PrivateChat::WithModerators => "with_moderators",
        PrivateChat::Off => "off",
    }
}

/// Why somebody left.
pub fn leave_reason(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "left",
        LeaveReason::Lost => "lost",
        LeaveReason::Kicked => "kicked",
        LeaveReason::Removed => "removed",
        LeaveReason::Ended => "ended",
        LeaveReason::Banned => "banned",
        LeaveReason::RoomDeleted => "room_deleted",
        LeaveReason::Expired => "expired",
        LeaveReason::Draining => "draining",
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}
