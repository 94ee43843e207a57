//! What a socket can ask for, in core's words.

use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, MessageId, RoomName, Seq, Signal, UserId};
use sidetalk_core::ports::{PageRequest, SearchRequest};
use sidetalk_core::service::JoinWish;

/// What a socket can ask for.
#[derive(Debug)]
pub enum Call {
    /// `connect`
    Connect {
        /// The token.
        token: Box<str>,
        /// The client's name and version.
        client: Option<Box<str>>,
        /// Whether the connection shall outlive its socket, or has.
        keeping: Keeping,
    },
    /// `token.refresh`
    Refresh {
        /// The token.
        token: Box<str>,
    },
    /// `ping`
    Ping,
    /// `room.join`
    Join {
        /// The room.
        room: RoomName,
        /// How.
        wish: JoinWish,
        /// What to tell beside it.
        extras: JoinExtras,
    },
    /// `room.leave`
    Leave {
        /// The room.
        room: RoomName,
    },
    /// `room.get`
    Get {
        /// The room.
        room: RoomName,
    },
    /// `room.list`
    List {
        /// Which part.
        part: Part<RoomName>,
    },
    /// `room.update`
    Update {
        /// The room.
        room: RoomName,
        /// One write per field.
        writes: Vec<Write>,
    },
    /// `room.history`
    History {
        /// The room.
        room: RoomName,
        /// Which messages.
        request: PageRequest,
    },
    /// `room.search`
    Search {
        /// The room.
        room: RoomName,
        /// What to look for.
        request: SearchRequest,
    },
    /// `room.unread`
    Unread {
        /// The room.
        room: RoomName,
    },
    /// `message.post`
    Post {
        /// The room.
        room: RoomName,
        /// The message.
        draft: Draft,
    },
    /// `message.get`
    Message {
        /// The room.
        room: RoomName,
        /// The message.
        message: MessageId,
    },
    /// Everything that changes the log and answers with a position.
    Write {
        /// The room.
        room: RoomName,
        /// What.
        write: Write,
    },
    /// `signal.send`
    Signal {
        /// The room.
        room: RoomName,
        /// The signal.
        signal: Signal,
    },
    /// `typing.set`
    Typing {
        /// The room.
        room: RoomName,
        /// Whom it concerns.
        audience: Audience,
        /// Started or stopped.
        active: bool,
    },
    /// `receipt.set`
    Receipt {
        /// The room.
        room: RoomName,
        /// The conversation.
        audience: Audience,
        /// The last message seen.
        seq: Seq,
    },
    /// `member.list`
    Members {
        /// The room.
        room: RoomName,
        /// Which part.
        part: Part<UserId>,
    },
}

/// A part of a list that is ordered by name.
#[derive(Clone, Debug)]
pub struct Part<N> {
    /// The last name of the part before.
    pub after: Option<N>,
    /// How many at most.
    pub limit: usize,
}

/// What an answer to a join tells beside what a place needs.
#[derive(Clone, Copy, Debug)]
pub struct JoinExtras {
    /// Who is here.
    pub presence: bool,
    /// The unread counts.
    pub unread: bool,
    /// The pinned messages.
    pub pinned: bool,
}

/// Whether a connection shall outlive its socket, or has.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    /// For how long.
    pub keep: Option<Duration>,
    /// The secret of the connection to go on with, and how many notifications of rooms have come over it.
    pub resume: Option<(Box<str>, u64)>,
}
