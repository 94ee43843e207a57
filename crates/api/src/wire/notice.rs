//! The notifications. [`EventNotice`] is one as it stands in a join answer; on the socket it has `"jsonrpc":"2.0"` in front.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Audience, Message, Part, Presence, Sender};
use super::json::{Place, Raw, Time};

/// A notification on the socket.
#[derive(Debug, Serialize)]
pub struct Frame<P> {
    /// `2.0`.
    pub jsonrpc: &'static str,
    /// Its name.
    pub method: &'static str,
    /// What it says.
    pub params: P,
}

impl<P> Frame<P> {
    /// A notification.
    pub fn new(method: &'static str, params: P) -> Self {
        Self { jsonrpc: "2.0", method, params }
    }
}

/// A notification of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventNotice<'a> {
    /// Its name.
    pub method: &'static str,
    /// What it says: what all of them have, and its own.
    #[schema(value_type = Object)]
    pub params: Logged<'a>,
}

/// What every notification of the log has, and its own.
#[derive(Debug, Serialize)]
pub struct Logged<'a> {
    /// What all of them have.
    #[serde(flatten)]
    pub head: LogHead<'a>,
    /// Its own.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// What every notification of the log has.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogHead<'a> {
    /// The room.
    pub room: &'a str,
    /// The position behind it.
    pub position: Place,
    /// Its number in the log.
    pub seq: u64,
    /// When it was committed.
    pub at: Time,
    /// Who did it.
    pub by: Sender<'a>,
    /// Who may see it, if not the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience<'a>>,
}

/// What a notification of the log has of its own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one rendering, and most are the large one"
)]
pub enum What<'a> {
    /// `message.posted`
    Posted(PostedNotice<'a>),
    /// `message.edited`
    Edited(EditedNotice<'a>),
    /// `message.deleted`, `message.pinned`, `message.unpinned`
    Touched(TouchedNotice),
    /// `reaction.added`, `reaction.removed`
    Reacted(ReactedNotice<'a>),
    /// `chat.enabled`, `chat.disabled`, `history.cleared`
    Bare(BareNotice),
    /// `room.slow_mode_set`
    SlowMode(SlowModeNotice),
    /// `room.private_chat_set`
    PrivateChat(PrivateChatNotice),
    /// `room.title_set`
    Title(TitleNotice<'a>),
    /// `room.retention_set`
    Retention(RetentionNotice),
    /// `member.muted`, `member.banned`
    Sanctioned(SanctionedNotice<'a>),
    /// `member.unmuted` and others
    Member(MemberNotice<'a>),
    /// `member.role_set`
    Role(RoleNotice<'a>),
    /// `member.groups_set`
    Groups(GroupsNotice<'a>),
}

/// A message was posted.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostedNotice<'a> {
    /// The message.
    pub message: Message<'a>,
}

/// The parts of a message were replaced.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditedNotice<'a> {
    /// The message's id.
    pub message: Uuid,
    /// The message's seq.
    pub message_seq: u64,
    /// The new parts.
    pub parts: Vec<Part<'a>>,
    /// The users that it mentions now.
    pub mentions: Vec<&'a str>,
}

/// A message was deleted, pinned or unpinned.
#[derive(Debug, Serialize, ToSchema)]
pub struct TouchedNotice {
    /// The message's id.
    pub message: Uuid,
    /// The message's seq.
    pub message_seq: u64,
}

/// A reaction came or went.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReactedNotice<'a> {
    /// The message's id.
    pub message: Uuid,
    /// The message's seq.
    pub message_seq: u64,
    /// The emoji.
    pub emoji: &'a str,
}

/// Its name says all.
#[derive(Debug, Serialize, ToSchema)]
pub struct BareNotice {}

/// Slow mode changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlowModeNotice {
    /// The least seconds between two messages of one user.
    pub slow_mode_s: Option<u64>,
}

/// The private chat policy changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrivateChatNotice {
    /// `everyone`, `with_moderators`, `off`.
    pub private_chat: &'static str,
}

/// The title changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TitleNotice<'a> {
    /// The title.
    pub title: Option<&'a str>,
}

/// The retention changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionNotice {
    /// How many seconds messages are kept.
    pub retention_s: Option<u64>,
}

/// A user was muted or banned.
#[derive(Debug, Serialize, ToSchema)]
pub struct SanctionedNotice<'a> {
    /// The user.
    pub user: &'a str,
    /// The end; `null`: until lifted.
    pub until: Option<Time>,
}

/// Something about a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberNotice<'a> {
    /// The user.
    pub user: &'a str,
}

/// A user's role was set.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleNotice<'a> {
    /// The user.
    pub user: &'a str,
    /// The role; `null`: the token's.
    pub role: Option<&'static str>,
}

/// A user's groups were set.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupsNotice<'a> {
    /// The user.
    pub user: &'a str,
    /// The groups.
    pub groups: Vec<&'a str>,
}

/// A signal.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignalNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<&'a str>,
    /// What it carries: any JSON.
    #[schema(value_type = serde_json::Value)]
    pub data: Payload<'a>,
    /// Who sent it.
    pub from: Sender<'a>,
    /// Who gets it, if not the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Audience<'a>>,
}

/// What a signal carries.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Payload<'a> {
    /// A text.
    Text(&'a str),
    /// Any other JSON.
    Json(Raw<'a>),
}

/// Somebody writes, or has stopped.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypingNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// Who.
    pub from: Sender<'a>,
    /// Started or stopped.
    pub active: bool,
    /// Whom it concerns, if not the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience<'a>>,
}

/// Somebody came.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinedNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// Who.
    pub presence: Presence<'a>,
}

/// Somebody went.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// The connection.
    pub connection: Uuid,
    /// The user.
    pub user: &'a str,
    /// `left`, `lost`, `kicked`, `removed`, `banned`, `expired`, `draining`, `ended`, `room_deleted`.
    pub reason: &'static str,
}

/// Another connection of yours has read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// The last message seen.
    pub seq: u64,
    /// The conversation.
    pub audience: Audience<'a>,
}

/// You are out of this room.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedNotice<'a> {
    /// The room.
    pub room: &'a str,
    /// `kicked`, `removed`, `banned`, `left`, `expired`, `draining`, `ended`, `room_deleted`.
    pub reason: &'static str,
}

/// Your token ends soon.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExpiringNotice {
    /// The end.
    pub expires_at: Time,
}

/// The node stops soon.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrainingNotice {
    /// Within this time you will be told to come back.
    pub retry_after_ms: u64,
}
