//! Everything that somebody can ask of a room, in one closed list.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Audience, Draft, GroupName, MessageId, Part, PrivateChat, Role, Seq, Signal, UserId};

/// A wish, addressed to one room. Who wishes is said beside it by a [`Principal`](crate::model::Principal).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Changes the log, or is refused.
    Write(Write),
    /// Reaches who is there, and is forgotten.
    Signal(Signal),
    /// Somebody writes, or has stopped writing.
    Typing {
        /// Whom it concerns.
        audience: Audience,
        /// Started or stopped.
        active: bool,
    },
    /// The user has seen everything up to `seq` of an audience. Kept, but not in the log.
    MarkRead {
        /// The conversation.
        audience: Audience,
        /// The last message seen.
        seq: Seq,
    },
}

/// A command whose outcome is one entry of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Post a message.
    Post(Draft),
    /// Replace the parts of a message of one's own.
    Edit {
        /// The message.
        message: MessageId,
        /// The new parts.
        parts: Vec<Part>,
        /// The users that it mentions now.
        mentions: Vec<UserId>,
    },
    /// Delete a message: a tombstone stays.
    Delete {
        /// The message.
        message: MessageId,
    },
    /// Pin a message.
    Pin {
        /// The message.
        message: MessageId,
    },
    /// Take a pin away.
    Unpin {
        /// The message.
        message: MessageId,
    },
    /// Add a reaction.
    React {
        /// The message.
        message: MessageId,
        /// The emoji, at most 64 bytes.
        emoji: Arc<str>,
    },
    /// Take a reaction of one's own away.
    Unreact {
        /// The message.
        message: MessageId,
        /// The emoji.
        emoji: Arc<str>,
    },
    /// Switch the chat on or off.
    SetChatEnabled(bool),
    /// Remove all messages of an audience from the history.
    ClearHistory(Audience),
    /// Set the least time between two messages of one user: 1-120 s, or none.
    SetSlowMode(Option<Duration>),
    /// Set who may speak privately.
    SetPrivateChat(PrivateChat),
    /// Give the room a title.
    SetTitle(Option<Arc<str>>),
    /// Set how long messages are kept; `None`: as long as the project says.
    SetRetention(Option<Duration>),
    /// Forbid a user to post.
    Mute {
        /// The user.
        user: UserId,
        /// For how long; `None`: until lifted.
        duration: Option<Duration>,
    },
    /// Lift a mute.
    Unmute {
        /// The user.
        user: UserId,
    },
    /// Put a user out of the room; the user may come back.
    Kick {
        /// The user.
        user: UserId,
    },
    /// Put a user out of the room and keep the user out.
    Ban {
        /// The user.
        user: UserId,
        /// For how long; `None`: until lifted.
        duration: Option<Duration>,
    },
    /// Lift a ban.
    Unban {
        /// The user.
        user: UserId,
    },
    /// Give a user a role in this room; `None`: the token's again.
    SetRole {
        /// The user.
        user: UserId,
        /// The role.
        role: Option<Role>,
    },
    /// Give a user groups in this room, beside the token's.
    SetGroups {
        /// The user.
        user: UserId,
        /// The groups.
        groups: Vec<GroupName>,
    },
    /// Invite a user into a `group` room.
    Invite {
        /// The user.
        user: UserId,
    },
    /// Make a user a member of a `group` room at once.
    AddMember {
        /// The user.
        user: UserId,
    },
    /// Accept an invitation.
    AcceptInvitation,
    /// Give up a membership, or decline an invitation.
    LeaveRoom,
}

impl Write {
    /// The message that this is about, which the rules must see.
    pub fn target(&self) -> Option<MessageId> {
        match self {
            Self::Edit { message, .. }
            | Self::Delete { message }
            | Self::Pin { message }
            | Self::Unpin { message }
            | Self::React { message, .. }
            | Self::Unreact { message, .. } => Some(*message),
            Self::Post(draft) => draft.reply_to,
            _ => None,
        }
    }
}
