//! Why something is refused, in one closed list with stable codes.
//!
//! Three kinds of failure exist: a [`Refusal`] (the user may not; the text says what to mend), an [`Unavailable`] (an
//! engine failed; try again) and a bug (an assertion, which ends that connection).

use thiserror::Error;

use crate::model::Timestamp;

/// Why a command or a read is refused. Its [`code`](Refusal::code) is stable; faces match it exhaustively.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// Chat is switched off in this room.
    #[error("chat is switched off in this room")]
    ChatDisabled,
    /// The user is muted.
    #[error("you are muted in this room")]
    Muted {
        /// Until when; `None`: until lifted.
        until: Option<Timestamp>,
    },
    /// The user is banned.
    #[error("you are banned from this room")]
    Banned {
        /// Until when; `None`: until lifted.
        until: Option<Timestamp>,
    },
    /// The role does not allow it.
    #[error("this takes the role {needed} or above")]
    RoleTooLow {
        /// The least role that may.
        needed: &'static str,
    },
    /// It is about a person whose role is not below the own.
    #[error("you cannot do this to somebody whose role is not below yours")]
    RoleNotBelow,
    /// The message is somebody else's.
    #[error("only the author may do this")]
    NotAuthor,
    /// Private chat is off.
    #[error("private chat is switched off in this room")]
    PrivateChatOff,
    /// Private chat needs a moderator.
    #[error("private chat is allowed only with a moderator")]
    PrivateChatWithModerators,
    /// Too soon after the last message.
    #[error("slow mode: wait {wait_ms} ms")]
    SlowMode {
        /// How long to wait.
        wait_ms: u64,
    },
    /// Too many requests.
    #[error("rate limit {rule}: wait {wait_ms} ms")]
    RateLimited {
        /// The rule that was hit.
        rule: &'static str,
        /// How long to wait.
        wait_ms: u64,
    },
    /// There is none, or it is not for this reader; the two look the same.
    #[error("there is no such {what} for you")]
    NotFound {
        /// What was looked for: `room`, `message`, `user`.
        what: &'static str,
    },
    /// The token does not open this room, or the room is for members only; looks like a room that does not exist.
    #[error("there is no such room for you")]
    NotInvited,
    /// The client id was used for another body.
    #[error("this client_id was already used for another body")]
    Conflict,
    /// The name belongs to a room of another kind, or to a direct room of other people.
    #[error("the name belongs to a {kind} room that is not the wished one; choose another name")]
    RoomTaken {
        /// The kind of the room that has the name.
        kind: &'static str,
    },
    /// The message has been deleted.
    #[error("the message has been deleted")]
    MessageDeleted,
    /// There are too many kinds of reaction under the message.
    #[error("a message takes at most {max} kinds of reaction")]
    TooManyReactions {
        /// The most that fit.
        max: usize,
    },
    /// A field is not as it must be.
    #[error("{field} {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Something has more than fits.
    #[error("{field} is larger than {max}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// The most that fits; bytes for texts, a count for lists.
        max: usize,
    },
    /// The kind of the room does not have this.
    #[error("a {kind} room does not have this")]
    WrongRoomKind {
        /// The room's kind.
        kind: &'static str,
    },
    /// The room is full.
    #[error("the room takes at most {max} {what}")]
    RoomFull {
        /// What there are too many of.
        what: &'static str,
        /// The most that fit.
        max: usize,
    },
    /// The room was deleted meanwhile.
    #[error("the room is gone")]
    RoomGone,
}

impl Refusal {
    /// The stable code that faces show.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ChatDisabled => "chat_disabled",
            Self::Muted { .. } => "muted",
            Self::Banned { .. } => "banned",
            Self::RoleTooLow { .. } => "role_too_low",
            Self::RoleNotBelow => "role_not_below",
            Self::NotAuthor => "not_author",
            Self::PrivateChatOff => "private_chat_off",
            Self::PrivateChatWithModerators => "private_chat_with_moderators",
            Self::SlowMode { .. } => "slow_mode",
            Self::RateLimited { .. } => "rate_limited",
            Self::NotFound { .. } | Self::NotInvited => "not_found",
            Self::Conflict | Self::RoomTaken { .. } => "conflict",
            Self::MessageDeleted => "message_deleted",
            Self::TooManyReactions { .. } => "too_many_reactions",
            Self::Invalid { .. } => "invalid",
            Self::TooLarge { .. } => "too_large",
            Self::WrongRoomKind { .. } => "wrong_room_kind",
            Self::RoomFull { .. } => "room_full",
            Self::RoomGone => "room_gone",
        }
    }

    /// How long to wait before trying again, if waiting helps.
    pub const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::SlowMode { wait_ms } | Self::RateLimited { wait_ms, .. } => Some(*wait_ms),
            _ => None,
        }
    }

    /// A field that is not as it must be.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

/// An engine failed; nothing was done, trying again may help.
#[derive(Debug, Error)]
#[error("{doing} failed")]
pub struct Unavailable {
    /// What was tried, for the log.
    pub doing: &'static str,
    /// What the engine said, for the log; never shown to clients.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// The stable code that faces show.
    pub const CODE: &'static str = "unavailable";

    /// `doing` failed because of `source`.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
}

/// A refusal or an engine's failure.
#[derive(Debug, Error)]
pub enum Failure {
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine cannot.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Failure {
    /// The stable code that faces show.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unavailable(_) => Unavailable::CODE,
        }
    }
}
