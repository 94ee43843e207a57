//! What clients get: results, and the things that stand in them and in notifications.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json::{Place, Raw, Time};

/// Nothing to say but that it was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {}

/// Who you are, and what this server takes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connected<'a> {
    /// This connection.
    pub connection: Uuid,
    /// The project's key.
    pub project: u32,
    /// You, as the token has it.
    pub user: User<'a>,
    /// Server time.
    pub server_time: Time,
    /// When the token ends.
    pub token_expires_at: Option<Time>,
    /// How often the server pings.
    pub ping_interval_ms: u64,
    /// What fits.
    pub limits: Bounds,
    /// What to bring as `resume` to go on with this connection over another socket, if it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<&'a str>,
    /// Whether this connection goes on: it is in its rooms, and what it missed follows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// What fits.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Bounds {
    /// The longest frame.
    pub frame_bytes: usize,
    /// The most text in one message.
    pub text_bytes: usize,
    /// The most data in one signal.
    pub signal_bytes: usize,
    /// The most messages in one page.
    pub page: usize,
    /// What may wait for you before you count as too slow.
    pub outbox_bytes: usize,
}

/// A user as the token has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct User<'a> {
    /// The id.
    pub id: &'a str,
    /// The display name.
    pub name: &'a str,
    /// The address of a picture.
    pub avatar: Option<&'a str>,
    /// The role.
    pub role: &'static str,
    /// The groups.
    pub groups: Vec<&'a str>,
}

/// When the fresh token ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refreshed {
    /// The end.
    pub token_expires_at: Option<Time>,
}

/// Server time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pong {
    /// The moment.
    pub server_time: Time,
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub struct Room<'a> {
    /// Its name.
    pub name: &'a str,
    /// `session`, `direct` or `group`.
    pub kind: &'static str,
    /// A title for people.
    pub title: Option<&'a str>,
    /// When it was made.
    pub created_at: Time,
    /// What is set about it.
    pub settings: Settings,
}

/// What is set about a room.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoomSettings)]
pub struct Settings {
    /// Whether messages may be posted.
    pub chat_enabled: bool,
    /// The least seconds between two messages of one user.
    pub slow_mode_s: Option<u64>,
    /// `everyone`, `with_moderators`, `off`.
    pub private_chat: &'static str,
    /// How many seconds messages are kept.
    pub retention_s: Option<u64>,
}

/// One room.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneRoom<'a> {
    /// The room.
    pub room: Room<'a>,
}

/// A room in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary<'a> {
    /// Its name.
    pub name: &'a str,
    /// `session`, `direct` or `group`.
    pub kind: &'static str,
    /// A title for people.
    pub title: Option<&'a str>,
    /// When it was made.
    pub created_at: Time,
    /// When something last happened in it.
    pub last_at: Time,
    /// The seq of what happened last.
    pub head: u64,
    /// Whether you are only invited.
    pub invited: bool,
}

/// Rooms.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rooms<'a> {
    /// The rooms.
    pub rooms: Vec<Summary<'a>>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// A place in a room, and what it looked like then.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinResult<'a> {
    /// The room.
    pub room: Room<'a>,
    /// Where notifications go on.
    pub position: Place,
    /// What you are here.
    pub me: Me<'a>,
    /// `none`, `ok`, `too_old`, `epoch_changed`.
    pub resume: &'static str,
    /// What you missed, exactly as the notifications would have been.
    pub events: Vec<super::notice::EventNotice<'a>>,
    /// The newest messages; `null` if nothing was lost.
    pub history: Option<Newest<'a>>,
    /// Who is here, at most 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<Vec<Presence<'a>>>,
    /// How many are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_total: Option<usize>,
    /// The pinned messages, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Vec<Message<'a>>>,
    /// The unread counts, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<Vec<Unread<'a>>>,
    /// With them: whether older conversations may have been left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_more: Option<bool>,
}

/// What you are in a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me<'a> {
    /// This connection.
    pub connection: Uuid,
    /// You.
    pub user: &'a str,
    /// The role that holds here.
    pub role: &'static str,
    /// The groups that hold here.
    pub groups: Vec<&'a str>,
    /// The mute that holds, if one does.
    pub muted: Option<Until>,
}

/// Something with an end.
#[derive(Debug, Serialize, ToSchema)]
pub struct Until {
    /// The end; `null`: until lifted.
    pub until: Option<Time>,
}

/// The newest messages, ascending.
#[derive(Debug, Serialize, ToSchema)]
pub struct Newest<'a> {
    /// The messages.
    pub messages: Vec<Message<'a>>,
    /// Whether older ones exist.
    pub more_before: bool,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<'a> {
    /// The messages.
    pub messages: Vec<Message<'a>>,
    /// Whether older ones exist.
    pub more_before: bool,
    /// Whether newer ones exist.
    pub more_after: bool,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneMessage<'a> {
    /// The message.
    pub message: Message<'a>,
}

/// A message as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its place in the room's order.
    pub seq: u64,
    /// Who sent it, as they were then.
    pub sender: Sender<'a>,
    /// Who may see it.
    pub audience: Audience<'a>,
    /// What it says; empty once deleted.
    pub parts: Vec<Part<'a>>,
    /// The users that it mentions.
    pub mentions: Vec<&'a str>,
    /// The message that it answers.
    pub reply_to: Option<Uuid>,
    /// The signal type that it was sent under.
    pub label: Option<&'a str>,
    /// The sender's own id of the send.
    pub client_id: Option<&'a str>,
    /// When it was posted.
    pub posted_at: Time,
    /// When it was last edited.
    pub edited_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
    /// Whether and by whom it is pinned.
    pub pin: Option<Pin<'a>>,
    /// What is under it.
    pub reactions: Vec<Reaction<'a>>,
}

/// Who did something, as they were then.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Sender<'a> {
    /// The user; `null` for the server.
    pub user: Option<&'a str>,
    /// The display name.
    pub name: &'a str,
    /// The connection that it came by.
    pub connection: Option<Uuid>,
    /// The dialect that it came by, if that is not this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<&'static str>,
}

/// Who may see something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Audience<'a> {
    /// Everybody in the room.
    Room,
    /// The people in a group.
    Group {
        /// Its name.
        group: &'a str,
    },
    /// Some users.
    Users {
        /// Their ids.
        users: Vec<&'a str>,
    },
    /// Some connections.
    Connections {
        /// Their ids.
        connections: Vec<Uuid>,
    },
}

/// One piece of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Part<'a> {
    /// Words.
    Text {
        /// The words.
        text: &'a str,
        /// `plain` or `markdown`.
        format: &'static str,
    },
    /// A picture.
    Image {
        /// Where it is.
        file: File<'a>,
    },
    /// Any other file.
    File {
        /// Where it is.
        file: File<'a>,
    },
    /// The application's own data.
    Custom {
        /// Any JSON.
        data: Raw<'a>,
    },
}

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
pub struct File<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'a str,
    /// Its size.
    pub bytes: u64,
    /// Of images: the width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Of images: the height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// A pin.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pin<'a> {
    /// Who pinned it; `null` for the server.
    pub by: Option<&'a str>,
    /// When.
    pub at: Time,
}

/// One emoji under a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reaction<'a> {
    /// The emoji.
    pub emoji: &'a str,
    /// How many chose it.
    pub count: usize,
    /// The first 50 who chose it.
    pub users: Vec<&'a str>,
}

/// Somebody who is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Presence<'a> {
    /// The connection.
    pub connection: Uuid,
    /// The user.
    pub user: &'a str,
    /// The display name.
    pub name: &'a str,
    /// The address of a picture.
    pub avatar: Option<&'a str>,
    /// The role that holds here.
    pub role: &'static str,
    /// The groups of the token.
    pub groups: Vec<&'a str>,
    /// The dialect that it speaks.
    pub dialect: &'static str,
    /// What the client says of itself.
    pub data: &'a str,
    /// What the token says of the user.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub server_data: &'a str,
    /// When it came.
    pub joined_at: Time,
}

/// Who is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connections<'a> {
    /// The connections, oldest first.
    pub connections: Vec<Presence<'a>>,
}

/// A read marker and what follows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unread<'a> {
    /// The conversation.
    pub audience: Audience<'a>,
    /// The last message seen.
    pub seen: u64,
    /// How many messages of others follow; counting stops at 1000.
    pub count: u32,
}

/// Read markers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unreads<'a> {
    /// One per conversation: the whole room first, then those with the newest messages.
    pub unread: Vec<Unread<'a>>,
    /// Whether older conversations may have been left out.
    pub more: bool,
}

/// A message was posted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Posted {
    /// Its id.
    pub id: Uuid,
    /// Its place.
    pub seq: u64,
    /// The position behind it.
    pub position: Place,
    /// When.
    pub posted_at: Time,
    /// Whether this was a retry of a send that had succeeded.
    pub repeated: bool,
}

/// Something was changed, or was so already.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changed {
    /// The position behind the change.
    pub position: Place,
    /// Whether it was not so already.
    pub changed: bool,
}

/// A signal went out, or was chat and stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signalled {
    /// If the type is chat: the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Posted>,
}

/// Where the read marker stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// The last message seen.
    pub seq: u64,
}

/// Members.
#[derive(Debug, Serialize, ToSchema)]
pub struct Members<'a> {
    /// Users of whom something is recorded, by id.
    pub members: Vec<Member<'a>>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// What is recorded about a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member<'a> {
    /// The user.
    pub user: &'a str,
    /// The role in this room; `null`: the token's.
    pub role: Option<&'static str>,
    /// The groups in this room, beside the token's.
    pub groups: Vec<&'a str>,
    /// The mute.
    pub muted: Option<Until>,
    /// The ban.
    pub banned: Option<Until>,
    /// `invited`, `joined`, `left`; `null` in `session` rooms.
    pub membership: Option<&'static str>,
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Project<'a> {
    /// Its key.
    pub key: u32,
    /// Its name, for people.
    pub name: &'a str,
    /// What is set about it.
    pub settings: ProjectSettings<'a>,
}

/// What is set about a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectSettings<'a> {
    /// The signal types that are chat.
    pub chat_signal_types: Vec<&'a str>,
    /// How many seconds messages are kept; `null`: for ever.
    pub retention_s: Option<u64>,
    /// Whether joining a `session` room that does not exist makes it.
    pub create_rooms_on_join: bool,
    /// The dialects switched on; empty: all.
    pub dialects: Vec<&'a str>,
}

/// A minted token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// When it ends.
    pub expires_at: Time,
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    /// The ticket.
    pub ticket: String,
    /// When it ends.
    pub expires_at: Time,
}

/// A user's profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile<'a> {
    /// The id.
    pub id: &'a str,
    /// The display name.
    pub name: &'a str,
    /// The address of a picture.
    pub avatar: Option<&'a str>,
    /// When the profile was made.
    pub created_at: Time,
}

/// Users.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users<'a> {
    /// Their profiles.
    pub users: Vec<Profile<'a>>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// A user was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erased {
    /// How many messages lost their text.
    pub messages: u64,
}

/// The catalogue of errors.
#[derive(Debug, Serialize, ToSchema)]
pub struct Errors {
    /// Every code there is.
    pub errors: &'static [crate::errors::ErrorEntry],
}
