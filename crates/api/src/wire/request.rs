//! What clients send. A field that is not listed is a mistake, never ignored. Where REST has the room in its address, the
//! socket has it beside these fields (see [`At`](super::json::At)).

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::json::{Str, present};

/// Says who is there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect<'a> {
    /// A user token.
    #[serde(borrow)]
    pub token: Str<'a>,
    /// Name and version of the client, for the operator's eyes.
    #[serde(borrow)]
    pub client: Option<Str<'a>>,
    /// For how many seconds, at most 30, the connection is to be kept when its socket breaks.
    pub keep_s: Option<u32>,
    /// The secret of a connection that was kept, to go on with it.
    #[serde(borrow)]
    pub resume: Option<Str<'a>>,
    /// With `resume`: how many notifications with a `room` have come over that connection.
    pub received: Option<u64>,
}

/// Brings a fresh token of the same user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh<'a> {
    /// The token.
    #[serde(borrow)]
    pub token: Str<'a>,
}

/// Comes into a room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join<'a> {
    /// The last position seen.
    #[serde(borrow)]
    pub position: Option<Str<'a>>,
    /// How many of the newest messages to get; 50 if absent.
    pub history: Option<usize>,
    /// Whether to be told who is there, comes and goes; `true` if absent.
    pub presence: Option<bool>,
    /// Whether to get the unread counts.
    #[serde(default)]
    pub unread: bool,
    /// Whether to get the pinned messages.
    #[serde(default)]
    pub pinned: bool,
    /// What the client says of itself to the others, at most 4 KiB; of viewers and whoever is muted nothing is told.
    #[serde(borrow)]
    pub data: Option<Str<'a>>,
}

/// Changes what is set about a room; `null` resets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRoom<'a> {
    /// The title.
    #[serde(borrow, default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<Str<'a>>>,
    /// Whether messages may be posted.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<bool>)]
    pub chat_enabled: Option<Option<bool>>,
    /// The least seconds between two messages of one user, 1 to 120.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 120)]
    pub slow_mode_s: Option<Option<u64>>,
    /// Who may speak privately: `everyone`, `with_moderators`, `off`.
    #[serde(borrow, default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub private_chat: Option<Option<Str<'a>>>,
    /// How many seconds messages are kept.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub retention_s: Option<Option<u64>>,
}

/// Asks for a page of messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct History<'a> {
    /// Those just before that seq.
    pub before: Option<u64>,
    /// Those just after that seq.
    pub after: Option<u64>,
    /// Those around that seq.
    pub around: Option<u64>,
    /// How many at most; 50 if absent.
    #[schema(minimum = 1)]
    pub limit: Option<usize>,
    /// Only this conversation.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
    /// Only pinned ones.
    #[serde(default)]
    pub pinned: bool,
}

/// Looks for messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search<'a> {
    /// Words, all of which must occur; the last one may be the beginning of a word.
    #[serde(borrow)]
    pub text: Str<'a>,
    /// Only before that seq.
    pub before: Option<u64>,
    /// How many at most; 20 if absent.
    #[schema(minimum = 1)]
    pub limit: Option<usize>,
    /// Only this conversation.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
    /// Only this sender.
    #[serde(borrow)]
    pub sender: Option<Str<'a>>,
}

/// Posts a message: `text`, or `parts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Post<'a> {
    /// The text.
    #[serde(borrow)]
    pub text: Option<Str<'a>>,
    /// How to read it: `plain` (the default) or `markdown`.
    #[serde(borrow)]
    pub format: Option<Str<'a>>,
    /// The parts.
    #[serde(borrow)]
    pub parts: Option<Vec<PartIn<'a>>>,
    /// Who shall see it; the room if absent.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
    /// The users that it mentions.
    #[serde(borrow)]
    pub mentions: Option<Vec<Str<'a>>>,
    /// The message that it answers.
    #[serde(borrow)]
    pub reply_to: Option<Str<'a>>,
    /// The sender's own id of this send: a retry with the same one is harmless.
    #[serde(borrow)]
    pub client_id: Option<Str<'a>>,
    /// A signal type to file it under.
    #[serde(borrow)]
    pub label: Option<Str<'a>>,
    /// In REST, by the server only: for whom it is posted.
    #[serde(borrow)]
    pub sender: Option<SenderIn<'a>>,
}

/// A user for whom the server posts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderIn<'a> {
    /// The user.
    #[serde(borrow)]
    pub user: Str<'a>,
    /// The display name; the user's id if absent.
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
}

/// Replaces what a message says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit<'a> {
    /// The new text.
    #[serde(borrow)]
    pub text: Option<Str<'a>>,
    /// How to read it: `plain` (the default) or `markdown`.
    #[serde(borrow)]
    pub format: Option<Str<'a>>,
    /// The new parts.
    #[serde(borrow)]
    pub parts: Option<Vec<PartIn<'a>>>,
    /// The users that it mentions now.
    #[serde(borrow)]
    pub mentions: Option<Vec<Str<'a>>>,
}

/// One piece of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartIn<'a> {
    /// `text` or `custom`.
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    /// Of a text: the words.
    #[serde(borrow)]
    pub text: Option<Str<'a>>,
    /// Of a text: `plain` (the default) or `markdown`.
    #[serde(borrow)]
    pub format: Option<Str<'a>>,
    /// Of a custom part: any JSON.
    #[serde(borrow)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub data: Option<&'a RawValue>,
}

/// Who shall see something.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceIn<'a> {
    /// `room`, `group`, `users`, and for signals `connections`.
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    /// The group's name.
    #[serde(borrow)]
    pub group: Option<Str<'a>>,
    /// The users' ids; the sender is added.
    #[serde(borrow)]
    pub users: Option<Vec<Str<'a>>>,
    /// The connections' ids.
    #[serde(borrow)]
    pub connections: Option<Vec<Str<'a>>>,
}

/// Names an emoji.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct React<'a> {
    /// The emoji, or any short text without white space.
    #[serde(borrow)]
    pub emoji: Str<'a>,
}

/// Sends a signal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalIn<'a> {
    /// Its type.
    #[serde(borrow, rename = "type")]
    pub kind: Option<Str<'a>>,
    /// What it carries: any JSON.
    #[serde(borrow)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub data: Option<&'a RawValue>,
    /// Who gets it; the room if absent.
    #[serde(borrow)]
    pub to: Option<AudienceIn<'a>>,
}

/// Says that the user writes, or has stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypingIn<'a> {
    /// Started or stopped.
    pub active: bool,
    /// Whom it concerns; the room if absent.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
}

/// Moves the user's read marker.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptIn<'a> {
    /// The last message seen.
    pub seq: u64,
    /// The conversation; the room's if absent.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
}

/// Removes the messages of an audience.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Clear<'a> {
    /// The conversation; the room's if absent.
    #[serde(borrow)]
    pub audience: Option<AudienceIn<'a>>,
}

/// For how long.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    /// Seconds; until lifted if absent.
    #[schema(minimum = 1)]
    pub duration_s: Option<u64>,
}

/// Gives a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole<'a> {
    /// The role in this room; `null`: the token's again.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    pub role: Option<Str<'a>>,
}

/// Gives groups.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGroups<'a> {
    /// The groups in this room, beside the token's.
    #[serde(borrow)]
    pub groups: Vec<Str<'a>>,
}

/// Changes what is recorded about a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutMember<'a> {
    /// The role in this room; `null`: the token's again.
    #[serde(borrow, default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Option<Str<'a>>>,
    /// The groups in this room, beside the token's.
    #[serde(borrow)]
    pub groups: Option<Vec<Str<'a>>>,
}

/// Makes a room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeRoom<'a> {
    /// Its name; a fresh one if absent.
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    /// `session` (the default), `direct` or `group`.
    #[serde(borrow)]
    pub kind: Option<Str<'a>>,
    /// A title for people.
    #[serde(borrow)]
    pub title: Option<Str<'a>>,
    /// What is set about it.
    #[serde(borrow)]
    pub settings: Option<SettingsIn<'a>>,
    /// The members from the start, in `direct` and `group` rooms.
    #[serde(borrow)]
    pub members: Option<Vec<Str<'a>>>,
}

/// What is set about a room that is made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsIn<'a> {
    /// Whether messages may be posted.
    pub chat_enabled: Option<bool>,
    /// The least seconds between two messages of one user, 1 to 120.
    #[schema(minimum = 1, maximum = 120)]
    pub slow_mode_s: Option<u64>,
    /// `everyone`, `with_moderators`, `off`.
    #[serde(borrow)]
    pub private_chat: Option<Str<'a>>,
    /// How many seconds messages are kept.
    pub retention_s: Option<u64>,
}

/// Mints a token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MintIn<'a> {
    /// The user.
    #[serde(borrow)]
    pub user: Str<'a>,
    /// The display name.
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    /// The `https:` address of a picture.
    #[serde(borrow)]
    pub avatar: Option<Str<'a>>,
    /// The rooms that it opens: one, a list, or any if absent.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<String>>)]
    pub room: Option<RoomsIn<'a>>,
    /// The role.
    #[serde(borrow)]
    pub role: Option<Str<'a>>,
    /// The groups.
    #[serde(borrow)]
    pub groups: Option<Vec<Str<'a>>>,
    /// How many seconds it holds; 3600 if absent, at most 30 days.
    pub ttl_s: Option<u64>,
}

/// One room or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum RoomsIn<'a> {
    /// One.
    #[serde(borrow)]
    One(Str<'a>),
    /// Several.
    #[serde(borrow)]
    Many(Vec<Str<'a>>),
}

/// Changes a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchProject<'a> {
    /// Its name, for people.
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    /// What is set about it.
    #[serde(borrow)]
    pub settings: Option<PatchSettings<'a>>,
}

/// What is set about a project; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchSettings<'a> {
    /// The signal types that are chat.
    #[serde(borrow)]
    pub chat_signal_types: Option<Vec<Str<'a>>>,
    /// How many seconds messages are kept; `null`: for ever.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub retention_s: Option<Option<u64>>,
    /// Whether joining a `session` room that does not exist makes it.
    pub create_rooms_on_join: Option<bool>,
    /// The dialects switched on; empty: all.
    #[serde(borrow)]
    pub dialects: Option<Vec<Str<'a>>>,
}

/// A profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutUser<'a> {
    /// The display name; the id if absent.
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    /// The `https:` address of a picture.
    #[serde(borrow)]
    pub avatar: Option<Str<'a>>,
}

/// Which messages, in an address.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Those just before that seq.
    pub before: Option<u64>,
    /// Those just after that seq.
    pub after: Option<u64>,
    /// Those around that seq.
    pub around: Option<u64>,
    /// How many at most; 50 if absent.
    #[param(minimum = 1)]
    pub limit: Option<usize>,
    /// `room`, `group:<name>` or `users:<id>,<id>` with percent-encoded ids.
    pub audience: Option<String>,
    /// Only pinned ones.
    pub pinned: Option<bool>,
}

/// What to look for, in an address.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, all of which must occur; the last one may be the beginning of a word.
    pub text: String,
    /// Only before that seq.
    pub before: Option<u64>,
    /// How many at most; 20 if absent.
    #[param(minimum = 1)]
    pub limit: Option<usize>,
    /// `room`, `group:<name>` or `users:<id>,<id>` with percent-encoded ids.
    pub audience: Option<String>,
    /// Only this sender.
    pub sender: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct List<'a> {
    /// The last name of the part before.
    #[serde(borrow)]
    pub after: Option<Str<'a>>,
    /// How many at most, 1 to 1000; as many as fit if absent.
    #[schema(minimum = 1)]
    pub limit: Option<usize>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The last name of the part before.
    pub after: Option<String>,
    /// How many at most, 1 to 1000; as many as fit if absent (of all rooms or users of a project: 1 to 300, 50 if absent).
    #[param(minimum = 1)]
    pub limit: Option<usize>,
}

/// Where the events begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The last position seen; the log's end if absent. `Last-Event-ID` goes before it.
    pub after: Option<String>,
}
