//! Everything that can happen in a room, in two closed lists: what the log keeps and what it does not.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Audience, ConnectionId, Epoch, GroupName, Labels, Message, MessageId, Mute, Part, Position, Presence,
    PrivateChat, Role, RoomKey, Sender, Seq, Signal, Timestamp, UserId,
};
use crate::roster::Roster;

/// One entry of a room's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// When it was committed; strictly rising within the room.
    pub at: Timestamp,
    /// Who did it.
    pub by: Sender,
    /// Who may see it.
    pub audience: Audience,
    /// What happened.
    pub event: Event,
}

/// What happened, durably.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A message was posted. Read back from the store, it is the message as it is now.
    MessagePosted(Arc<Message>),
    /// Its parts were replaced.
    MessageEdited {
        /// Which message.
        target: MessageRef,
        /// The new parts; empty if the message was deleted since.
        parts: Vec<Part>,
        /// The users that it mentions now.
        mentions: Vec<UserId>,
    },
    /// It became a tombstone: its parts, mentions, reactions and pin are gone.
    MessageDeleted(MessageRef),
    /// It was pinned.
    MessagePinned(MessageRef),
    /// Its pin was taken away.
    MessageUnpinned(MessageRef),
    /// Somebody reacted to it.
    ReactionAdded {
        /// Which message.
        target: MessageRef,
        /// The emoji.
        emoji: Arc<str>,
    },
    /// Somebody took a reaction back.
    ReactionRemoved {
        /// Which message.
        target: MessageRef,
        /// The emoji.
        emoji: Arc<str>,
    },
    /// Chat was switched on or off.
    ChatEnabledSet(bool),
    /// All messages of the entry's audience up to this entry are gone.
    HistoryCleared,
    /// Slow mode changed.
    SlowModeSet(Option<Duration>),
    /// The private chat policy changed.
    PrivateChatSet(PrivateChat),
    /// The title changed.
    TitleSet(Option<Arc<str>>),
    /// The retention changed.
    RetentionSet(Option<Duration>),
    /// A user was muted.
    MemberMuted {
        /// The user.
        user: UserId,
        /// Until when.
        mute: Mute,
    },
    /// A mute was lifted.
    MemberUnmuted {
        /// The user.
        user: UserId,
    },
    /// A user was put out.
    MemberKicked {
        /// The user.
        user: UserId,
    },
    /// A user was put out and is kept out.
    MemberBanned {
        /// The user.
        user: UserId,
        /// Until when.
        ban: Mute,
    },
    /// A ban was lifted.
    MemberUnbanned {
        /// The user.
        user: UserId,
    },
    /// A user's role in this room was set.
    RoleSet {
        /// The user.
        user: UserId,
        /// The role; `None`: the token's.
        role: Option<Role>,
    },
    /// A user's groups in this room were set.
    GroupsSet {
        /// The user.
        user: UserId,
        /// The groups beside the token's.
        groups: Vec<GroupName>,
    },
    /// A user was invited.
    MemberInvited {
        /// The user.
        user: UserId,
    },
    /// A user became a member.
    MemberJoined {
        /// The user.
        user: UserId,
    },
    /// A user gave the membership up.
    MemberLeft {
        /// The user.
        user: UserId,
    },
}

/// A message that an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageRef {
    /// Its id.
    pub id: MessageId,
    /// Its place.
    pub seq: Seq,
}

/// What happened, ephemerally.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A signal.
    Signalled {
        /// Who sent it.
        from: Sender,
        /// The signal.
        signal: Signal,
    },
    /// Somebody writes, or has stopped.
    Typing {
        /// Who.
        from: Sender,
        /// Whom it concerns.
        audience: Audience,
        /// Started or stopped.
        active: bool,
    },
    /// A connection came.
    Joined(Arc<Presence>),
    /// A connection went.
    Left {
        /// The presence that ended.
        presence: Arc<Presence>,
        /// Why.
        reason: LeaveReason,
    },
    /// Something about a connection has changed that only the dialects know which keep it, such as a raised hand.
    Changed {
        /// Whose.
        connection: ConnectionId,
    },
    /// A user has read up to `seq`; told to the user's own connections.
    MarkedRead {
        /// The user.
        user: UserId,
        /// The conversation.
        audience: Audience,
        /// The last message seen.
        seq: Seq,
    },
}

impl Moment {
    /// Who may see it.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Signalled { signal, .. } => signal.to.clone(),
            Self::Typing { audience, .. } => audience.clone(),
            Self::Joined(_) | Self::Left { .. } | Self::Changed { .. } => Audience::Room,
            Self::MarkedRead { user, .. } => Audience::users([user.clone()]),
        }
    }
}

/// Why a connection left a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveReason {
    /// It said so.
    Left,
    /// Its link broke or went silent.
    Lost,
    /// A moderator put the user out.
    Kicked,
    /// The project's server put the connection out.
    Removed,
    /// The project's server ended the sitting: everybody is out, the room stays.
    Ended,
    /// The user is banned.
    Banned,
    /// The room was deleted.
    RoomDeleted,
    /// The token ended.
    Expired,
    /// The node is stopping.
    Draining,
}

/// Something that a face may have to show: an event with where it happened.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// An entry of the log.
    Entry {
        /// The room.
        room: &'a RoomKey,
        /// The log's incarnation.
        epoch: Epoch,
        /// Under which signal types the room's people chat.
        labels: &'a Labels,
        /// The entry.
        entry: &'a Entry,
        /// Whether the connection that it came by is in the room.
        is_here: bool,
    },
    /// Something ephemeral.
    Moment {
        /// The room.
        room: &'a RoomKey,
        /// What happened.
        moment: &'a Moment,
    },
    /// The listener itself is out of the room, against its will. Told to that listener alone.
    Removed {
        /// The room.
        room: &'a RoomKey,
        /// The listener's presence, which has ended.
        presence: &'a Arc<Presence>,
        /// Why.
        reason: LeaveReason,
    },
}

impl Happening<'_> {
    /// The position after this, if the log keeps it.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Entry { epoch, entry, .. } => Some(Position { epoch: *epoch, seq: entry.seq }),
            _ => None,
        }
    }
}

/// Something that whoever watches a room's life is told: what webhooks and the books of dialects are made of.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// Somebody came into an empty room: a sitting began.
    Began,
    /// A connection came.
    Came(&'a Arc<Presence>),
    /// Something was said or changed, with those who are there.
    Happened {
        /// What.
        happening: Happening<'a>,
        /// Who is there.
        roster: &'a Roster,
    },
    /// A connection went.
    Went {
        /// The presence that ended.
        presence: &'a Arc<Presence>,
        /// Why.
        reason: LeaveReason,
    },
    /// The last one went, for that reason: the sitting ended.
    Ended {
        /// Why.
        reason: LeaveReason,
    },
}

/// One live occurrence of a room, from the first join to the last leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sitting {
    /// When it began.
    pub began_at: Timestamp,
}
