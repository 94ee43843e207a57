//! What clients send, as core's commands. Names are checked here, rules are core's.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sidetalk_core::command::Write;
use sidetalk_core::model::{
    Audience, ClientId, ConnectionId, Draft, GroupName, InvalidName, MessageId, Part, Position, PrivateChat,
    Role, RoomKind, RoomName, RoomSettings, RoomSpec, Seq, Signal, SignalData, SignalType, TextFormat,
    UserId,
};
use sidetalk_core::ports::{PageAnchor, PageRequest, SearchRequest};
use sidetalk_core::refusal::Refusal;
use sidetalk_core::service::JoinWish;

use crate::errors::Problem;
use crate::methods::{self, Params};
use crate::wire::json::{At, InRoom, Nothing, OnMessage, OnUser, Str, check_opaque, is_too_deep};
use crate::wire::request::{
    AudienceIn, Edit, History, HistoryQuery, Join, MakeRoom, PartIn, Post, PutMember, ReceiptIn, Search,
    SearchQuery, SettingsIn, SignalIn, TypingIn, UpdateRoom,
};

/// Messages that a join brings, if the client does not say how many.
pub const HISTORY_DEFAULT: usize = 50;
/// Messages that a search brings, if the client does not say how many.
pub const SEARCH_DEFAULT: usize = 20;
/// The most that a client may say of itself in a room.
pub const CLIENT_DATA_BYTES_MAX: usize = 4 * 1024;
/// The longest id of a request, as JSON.
pub const ID_BYTES_MAX: usize = 128;
/// A hundred years: longer than anybody means, shorter than what times can say.
const SECONDS_MAX: u64 = 100 * 365 * 24 * 60 * 60;

/// One request of a socket.
#[derive(Debug)]
pub struct Request {
    /// Its id as JSON; `None`: no answer is wanted.
    pub id: Option<Box<str>>,
    /// What is wanted.
    pub call: Result<Call, Problem>,
}

/// What a socket can ask for.
#[derive(Debug)]
pub enum Call {
    /// `connect`
    Connect {
        /// The token.
        token: Box<str>,
        /// The client's name and version.
        client: Option<Box<str>>,
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
    List,
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
    },
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

/// The frame around a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Str<'a>,
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Str<'a>,
    #[serde(borrow, default, deserialize_with = "there")]
    params: Option<&'a RawValue>,
}

/// A value that is there, `null` included.
fn there<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one text frame.
///
/// # Errors
/// A problem of the frame itself, for which there is no id to answer to. Mistakes inside a request are in
/// [`Request::call`].
pub fn decode_request(text: &str) -> Result<Request, Problem> {
    if is_too_deep(text) {
        return Err(Problem::MalformedJson("the JSON is nested too deeply".to_owned()));
    }
    if text.trim_start().starts_with('[') {
        return Err(Problem::InvalidRequest("batches are not taken: send one request per frame".into()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| bad_envelope(text, &error))?;
    let id = envelope.id.map(request_id).transpose()?;
    let call = if envelope.jsonrpc.0 == "2.0" {
        methods::read(&envelope.method, envelope.params).and_then(call)
    } else {
        Err(Problem::InvalidRequest("jsonrpc must be 2.0".into()))
    };
    Ok(Request { id, call })
}

fn bad_envelope(text: &str, error: &serde_json::Error) -> Problem {
    match error.classify() {
        serde_json::error::Category::Data if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            Problem::InvalidRequest(format!("this is not a JSON-RPC 2.0 request: {error:.300}").into())
        }
        _ => Problem::MalformedJson(format!("this is not JSON: {error:.300}")),
    }
}

fn request_id(id: &RawValue) -> Result<Box<str>, Problem> {
    let text = id.get();
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if text.len() > ID_BYTES_MAX || !(is_number || text.starts_with('"')) || check_opaque(id).is_err() {
        return Err(Problem::InvalidRequest(
            format!("an id must be a text or a number of at most {ID_BYTES_MAX} bytes").into(),
        ));
    }
    Ok(text.into())
}

/// The call that the parameters make.
fn call(params: Params<'_>) -> Result<Call, Problem> {
    Ok(match params {
        Params::Connect(connect) => Call::Connect {
            token: boxed(connect.token),
            client: connect.client.map(|client| client.chars().take(128).collect::<String>().into()),
        },
        Params::Refresh(refresh) => Call::Refresh { token: boxed(refresh.token) },
        Params::Ping(Nothing {}) => Call::Ping,
        Params::Join(At { target, body }) => {
            let wish = join_wish(&body)?;
            let extras = JoinExtras { presence: wish.presence, unread: body.unread, pinned: body.pinned };
            Call::Join { room: room(&target)?, wish, extras }
        }
        Params::Leave(at) => Call::Leave { room: room(&at.target)? },
        Params::Get(at) => Call::Get { room: room(&at.target)? },
        Params::List(Nothing {}) => Call::List,
        Params::Update(at) => Call::Update { room: room(&at.target)?, writes: updates(&at.body)? },
        Params::History(at) => Call::History { room: room(&at.target)?, request: history(at.body)? },
        Params::Search(at) => Call::Search { room: room(&at.target)?, request: search(at.body)? },
        Params::Unread(at) => Call::Unread { room: room(&at.target)? },
        Params::Post(at) => {
            if at.body.sender.is_some() {
                return Err(Problem::invalid("sender", "is for the server's REST calls only"));
            }
            Call::Post { room: room(&at.target)?, draft: draft(at.body)? }
        }
        Params::Message(at) => {
            let (room, message) = message(&at.target)?;
            Call::Message { room, message }
        }
        Params::Edit(At { target, body }) => on_message(&target, |message| edit(message, body))?,
        Params::Delete(at) => on_message(&at.target, |message| Ok(Write::Delete { message }))?,
        Params::Pin(at) => on_message(&at.target, |message| Ok(Write::Pin { message }))?,
        Params::Unpin(at) => on_message(&at.target, |message| Ok(Write::Unpin { message }))?,
        Params::React(At { target, body }) => {
            on_message(&target, |message| Ok(Write::React { message, emoji: shared(&body.emoji) }))?
        }
        Params::Unreact(At { target, body }) => {
            on_message(&target, |message| Ok(Write::Unreact { message, emoji: shared(&body.emoji) }))?
        }
        Params::Signal(at) => Call::Signal { room: room(&at.target)?, signal: signal(at.body)? },
        Params::Typing(At { target, body: TypingIn { active, audience: to } }) => {
            Call::Typing { room: room(&target)?, audience: audience_or_room(to)?, active }
        }
        Params::Receipt(At { target, body: ReceiptIn { seq, audience: of } }) => {
            Call::Receipt { room: room(&target)?, audience: audience_or_room(of)?, seq: Seq(seq) }
        }
        Params::EnableChat(at) => in_room(&at.target, Write::SetChatEnabled(true))?,
        Params::DisableChat(at) => in_room(&at.target, Write::SetChatEnabled(false))?,
        Params::Clear(at) => in_room(&at.target, Write::ClearHistory(audience_or_room(at.body.audience)?))?,
        Params::Members(at) => Call::Members { room: room(&at.target)? },
        Params::Mute(At { target, body }) => {
            let duration = lasting(body.duration_s)?;
            on_user(&target, |user| Write::Mute { user, duration })?
        }
        Params::Unmute(at) => on_user(&at.target, |user| Write::Unmute { user })?,
        Params::Kick(at) => on_user(&at.target, |user| Write::Kick { user })?,
        Params::Ban(At { target, body }) => {
            let duration = lasting(body.duration_s)?;
            on_user(&target, |user| Write::Ban { user, duration })?
        }
        Params::Unban(at) => on_user(&at.target, |user| Write::Unban { user })?,
        Params::Invite(at) => on_user(&at.target, |user| Write::Invite { user })?,
        Params::Add(at) => on_user(&at.target, |user| Write::AddMember { user })?,
        Params::SetRole(At { target, body }) => {
            let role = body.role.as_deref().map(role).transpose()?;
            on_user(&target, |user| Write::SetRole { user, role })?
        }
        Params::SetGroups(At { target, body }) => {
            let groups = groups(&body.groups)?;
            on_user(&target, |user| Write::SetGroups { user, groups })?
        }
        Params::Accept(at) => in_room(&at.target, Write::AcceptInvitation)?,
        Params::GiveUp(at) => in_room(&at.target, Write::LeaveRoom)?,
    })
}

fn in_room(target: &InRoom<'_>, write: Write) -> Result<Call, Problem> {
    Ok(Call::Write { room: room(target)?, write })
}

fn on_message(
    target: &OnMessage<'_>,
    write: impl FnOnce(MessageId) -> Result<Write, Problem>,
) -> Result<Call, Problem> {
    let (room, message) = message(target)?;
    Ok(Call::Write { room, write: write(message)? })
}

fn on_user(target: &OnUser<'_>, write: impl FnOnce(UserId) -> Write) -> Result<Call, Problem> {
    Ok(Call::Write { room: room_name(&target.room)?, write: write(user("user", &target.user)?) })
}

fn room(target: &InRoom<'_>) -> Result<RoomName, Problem> {
    room_name(&target.room)
}

fn message(target: &OnMessage<'_>) -> Result<(RoomName, MessageId), Problem> {
    Ok((room_name(&target.room)?, message_id("message", &target.message)?))
}

fn boxed(text: Str<'_>) -> Box<str> {
    text.0.into_owned().into_boxed_str()
}

fn shared(text: &str) -> Arc<str> {
    text.into()
}

pub(crate) fn named<T: FromStr<Err = InvalidName>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|problem: InvalidName| Problem::invalid(field, problem.to_string()))
}

/// A room's name.
///
/// # Errors
/// If it cannot be one.
pub fn room_name(text: &str) -> Result<RoomName, Problem> {
    named("room", text)
}

/// A user's id.
///
/// # Errors
/// If it cannot be one.
pub fn user(field: &'static str, text: &str) -> Result<UserId, Problem> {
    named(field, text)
}

/// A message's id.
///
/// # Errors
/// If it cannot be one.
pub fn message_id(field: &'static str, text: &str) -> Result<MessageId, Problem> {
    named(field, text)
}

/// A role.
///
/// # Errors
/// If there is no such role.
pub fn role(text: &str) -> Result<Role, Problem> {
    Role::from_name(text)
        .ok_or_else(|| Problem::invalid("role", "must be viewer, guest, member, moderator or owner"))
}

/// Group names.
///
/// # Errors
/// If one cannot be a group's.
pub fn groups(texts: &[Str<'_>]) -> Result<Vec<GroupName>, Problem> {
    texts.iter().map(|text| named("groups", text)).collect()
}

/// User ids.
///
/// # Errors
/// If one cannot be a user's.
pub fn users(field: &'static str, texts: &[Str<'_>]) -> Result<Vec<UserId>, Problem> {
    texts.iter().map(|text| user(field, text)).collect()
}

/// A position.
///
/// # Errors
/// If it is not one of ours.
pub fn position(text: &str) -> Result<Position, Problem> {
    named("position", text)
}

/// For how long; `None`: until lifted.
///
/// # Errors
/// If it is longer than a hundred years.
pub fn lasting(seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    bounded("duration_s", seconds)
}

pub(crate) fn bounded(field: &'static str, seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    match seconds {
        Some(seconds) if seconds > SECONDS_MAX => {
            Err(Problem::invalid(field, format!("must be at most {SECONDS_MAX} seconds")))
        }
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

fn join_wish(join: &Join<'_>) -> Result<JoinWish, Problem> {
    let data = join.data.as_deref().unwrap_or_default();
    if data.len() > CLIENT_DATA_BYTES_MAX {
        return Err(Refusal::TooLarge { field: "data", max: CLIENT_DATA_BYTES_MAX }.into());
    }
    Ok(JoinWish {
        position: join.position.as_deref().map(position).transpose()?,
        history: join.history.unwrap_or(HISTORY_DEFAULT),
        presence: join.presence.unwrap_or(true),
        client_data: shared(data),
    })
}

/// One write per field that is there.
///
/// # Errors
/// If a field is not as it must be, or none is there.
pub fn updates(update: &UpdateRoom<'_>) -> Result<Vec<Write>, Problem> {
    let mut writes = Vec::new();
    if let Some(title) = &update.title {
        writes.push(Write::SetTitle(title.as_deref().map(shared)));
    }
    if let Some(enabled) = update.chat_enabled {
        writes.push(Write::SetChatEnabled(enabled));
    }
    if let Some(pause) = update.slow_mode_s {
        writes.push(Write::SetSlowMode(bounded("slow_mode_s", pause)?));
    }
    if let Some(policy) = &update.private_chat {
        writes.push(Write::SetPrivateChat(private_chat(policy)?));
    }
    if let Some(retention) = update.retention_s {
        writes.push(Write::SetRetention(bounded("retention_s", retention)?));
    }
    if writes.is_empty() {
        return Err(Problem::invalid("params", "change nothing"));
    }
    Ok(writes)
}

fn private_chat(text: &str) -> Result<PrivateChat, Problem> {
    match text {
        "everyone" => Ok(PrivateChat::Everyone),
        "with_moderators" => Ok(PrivateChat::WithModerators),
        "off" => Ok(PrivateChat::Off),
        _ => Err(Problem::invalid("private_chat", "must be everyone, with_moderators or off")),
    }
}

/// A room to be made.
///
/// # Errors
/// If a field is not as it must be.
pub fn room_spec(make: &MakeRoom<'_>) -> Result<RoomSpec, Problem> {
    let kind = match make.kind.as_deref() {
        None => RoomKind::Session,
        Some(kind) => RoomKind::from_name(kind)
            .ok_or_else(|| Problem::invalid("kind", "must be session, direct or group"))?,
    };
    let default = SettingsIn::default();
    let settings = make.settings.as_ref().unwrap_or(&default);
    Ok(RoomSpec {
        kind,
        settings: RoomSettings {
            title: make.title.as_deref().map(shared),
            chat_enabled: settings.chat_enabled.unwrap_or(true),
            slow_mode: bounded("slow_mode_s", settings.slow_mode_s)?,
            private_chat: settings.private_chat.as_deref().map(private_chat).transpose()?.unwrap_or_default(),
            retention: bounded("retention_s", settings.retention_s)?,
        },
        members: users("members", make.members.as_deref().unwrap_or_default())?,
    })
}

/// The writes that record something about a member.
///
/// # Errors
/// If a field is not as it must be, or none is there.
pub fn member_writes(user: &UserId, put: &PutMember<'_>) -> Result<Vec<Write>, Problem> {
    let mut writes = Vec::new();
    if let Some(given) = &put.role {
        let role = given.as_deref().map(role).transpose()?;
        writes.push(Write::SetRole { user: user.clone(), role });
    }
    if let Some(given) = &put.groups {
        writes.push(Write::SetGroups { user: user.clone(), groups: groups(given)? });
    }
    if writes.is_empty() {
        return Err(Problem::invalid("body", "changes nothing"));
    }
    Ok(writes)
}

fn history(history: History<'_>) -> Result<PageRequest, Problem> {
    Ok(PageRequest {
        anchor: anchor(history.before, history.after, history.around)?,
        limit: limit(history.limit, HISTORY_DEFAULT)?,
        audience: history.audience.map(audience).transpose()?,
        pinned: history.pinned,
    })
}

/// A page that an address asks for.
///
/// # Errors
/// If a field is not as it must be.
pub fn history_query(query: &HistoryQuery) -> Result<PageRequest, Problem> {
    Ok(PageRequest {
        anchor: anchor(query.before, query.after, query.around)?,
        limit: limit(query.limit, HISTORY_DEFAULT)?,
        audience: query.audience.as_deref().map(audience_text).transpose()?,
        pinned: query.pinned.unwrap_or(false),
    })
}

fn anchor(before: Option<u64>, after: Option<u64>, around: Option<u64>) -> Result<PageAnchor, Problem> {
    match (before, after, around) {
        (None, None, None) => Ok(PageAnchor::Newest),
        (Some(seq), None, None) => Ok(PageAnchor::Before(Seq(seq))),
        (None, Some(seq), None) => Ok(PageAnchor::After(Seq(seq))),
        (None, None, Some(seq)) => Ok(PageAnchor::Around(Seq(seq))),
        _ => Err(Problem::invalid("before", "excludes after and around, and they each other")),
    }
}

/// How many, at least one.
///
/// # Errors
/// If it is none.
pub fn limit(limit: Option<usize>, default: usize) -> Result<usize, Problem> {
    match limit {
        Some(0) => Err(Problem::invalid("limit", "must be at least 1")),
        limit => Ok(limit.unwrap_or(default)),
    }
}

fn search(search: Search<'_>) -> Result<SearchRequest, Problem> {
    Ok(SearchRequest {
        text: search_text(search.text.0)?,
        before: search.before.map(Seq),
        limit: limit(search.limit, SEARCH_DEFAULT)?,
        audience: search.audience.map(audience).transpose()?,
        sender: search.sender.as_deref().map(|sender| user("sender", sender)).transpose()?,
    })
}

/// A search that an address asks for.
///
/// # Errors
/// If a field is not as it must be.
pub fn search_query(query: &SearchQuery) -> Result<SearchRequest, Problem> {
    Ok(SearchRequest {
        text: search_text(Cow::Borrowed(&query.text))?,
        before: query.before.map(Seq),
        limit: limit(query.limit, SEARCH_DEFAULT)?,
        audience: query.audience.as_deref().map(audience_text).transpose()?,
        sender: query.sender.as_deref().map(|sender| user("sender", sender)).transpose()?,
    })
}

fn search_text(text: Cow<'_, str>) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid("text", "is empty"));
    }
    Ok(text.into_owned())
}

/// A message to be posted.
///
/// # Errors
/// If a field is not as it must be.
pub fn draft(post: Post<'_>) -> Result<Draft, Problem> {
    let audience = match audience_or_room(post.audience)? {
        Audience::Connections(_) => {
            return Err(Problem::invalid("audience", "names connections; a message goes to users"));
        }
        audience => audience,
    };
    Ok(Draft {
        client_id: post.client_id.as_deref().map(|id| named::<ClientId>("client_id", id)).transpose()?,
        audience,
        parts: parts(post.text, post.format.as_deref(), post.parts)?,
        mentions: users("mentions", post.mentions.as_deref().unwrap_or_default())?,
        reply_to: post.reply_to.as_deref().map(|id| message_id("reply_to", id)).transpose()?,
        label: post.label.as_deref().map(|label| named::<SignalType>("label", label)).transpose()?,
    })
}

/// The edit of a message.
///
/// # Errors
/// If a field is not as it must be.
pub fn edit(message: MessageId, edit: Edit<'_>) -> Result<Write, Problem> {
    Ok(Write::Edit {
        message,
        parts: parts(edit.text, edit.format.as_deref(), edit.parts)?,
        mentions: users("mentions", edit.mentions.as_deref().unwrap_or_default())?,
    })
}

fn parts(
    text: Option<Str<'_>>,
    format: Option<&str>,
    parts: Option<Vec<PartIn<'_>>>,
) -> Result<Vec<Part>, Problem> {
    match (text, parts) {
        (Some(text), None) => Ok(vec![Part::Text { text: shared(&text), format: text_format(format)? }]),
        (None, Some(parts)) if format.is_none() => parts.into_iter().map(part).collect(),
        (None, Some(_)) => Err(Problem::invalid("format", "goes with text; parts have their own")),
        (Some(_), Some(_)) => Err(Problem::invalid("parts", "exclude text")),
        (None, None) => Err(Problem::invalid("text", "is missing, and so are parts")),
    }
}

fn part(part: PartIn<'_>) -> Result<Part, Problem> {
    match (&*part.kind, part.text, part.data) {
        ("text", Some(text), None) => {
            Ok(Part::Text { text: shared(&text), format: text_format(part.format.as_deref())? })
        }
        ("custom", None, Some(data)) if part.format.is_none() => Ok(Part::Custom(opaque("data", data)?)),
        ("image" | "file", ..) => Err(Problem::invalid("parts", "hold a file; this server takes none yet")),
        ("text" | "custom", ..) => {
            Err(Problem::invalid("parts", "must be {type: text, text, format?} or {type: custom, data}"))
        }
        _ => Err(Problem::invalid("parts", "must have the type text or custom")),
    }
}

fn text_format(format: Option<&str>) -> Result<TextFormat, Problem> {
    match format {
        None | Some("plain") => Ok(TextFormat::Plain),
        Some("markdown") => Ok(TextFormat::Markdown),
        Some(_) => Err(Problem::invalid("format", "must be plain or markdown")),
    }
}

fn opaque(field: &'static str, value: &RawValue) -> Result<Arc<str>, Problem> {
    check_opaque(value)
        .map_err(|error| Problem::invalid(field, format!("is not valid JSON: {error:.200}")))?;
    Ok(value.get().into())
}

/// A signal to be sent.
///
/// # Errors
/// If a field is not as it must be.
pub fn signal(signal: SignalIn<'_>) -> Result<Signal, Problem> {
    Ok(Signal {
        kind: signal.kind.as_deref().map(|kind| named::<SignalType>("type", kind)).transpose()?,
        data: match signal.data {
            None => SignalData::Json("null".into()),
            Some(data) if data.get().starts_with('"') => {
                let text: Str<'_> = serde_json::from_str(data.get()).map_err(|error| {
                    Problem::invalid("data", format!("is not a valid text: {error:.200}"))
                })?;
                SignalData::Text(shared(&text))
            }
            Some(data) => SignalData::Json(opaque("data", data)?),
        },
        to: audience_or_room(signal.to)?,
    })
}

/// The audience, or the room.
///
/// # Errors
/// If it is not one.
pub fn audience_or_room(audience_in: Option<AudienceIn<'_>>) -> Result<Audience, Problem> {
    audience_in.map_or(Ok(Audience::Room), audience)
}

fn audience(audience: AudienceIn<'_>) -> Result<Audience, Problem> {
    match (&*audience.kind, audience.group, audience.users, audience.connections) {
        ("room", None, None, None) => Ok(Audience::Room),
        ("group", Some(group), None, None) => Ok(Audience::Group(named("audience", &group)?)),
        ("users", None, Some(texts), None) => Ok(Audience::users(users("audience", &texts)?)),
        ("connections", None, None, Some(texts)) => {
            let ids: Result<Vec<ConnectionId>, _> = texts.iter().map(|id| named("audience", id)).collect();
            Ok(Audience::connections(ids?))
        }
        _ => Err(Problem::invalid(
            "audience",
            "must be {type: room}, {type: group, group}, {type: users, users} or {type: connections, connections}",
        )),
    }
}

/// An audience as addresses have it: `room`, `group:<name>`, `users:<id>,<id>` with percent-encoded ids.
fn audience_text(text: &str) -> Result<Audience, Problem> {
    let wrong = || Problem::invalid("audience", "must be room, group:<name> or users:<id>,<id>");
    match text.split_once(':') {
        None if text == "room" => Ok(Audience::Room),
        Some(("group", group)) => Ok(Audience::Group(named("audience", group)?)),
        Some(("users", list)) => {
            let ids: Result<Vec<_>, _> =
                list.split(',').map(|id| percent_decoded(id).ok_or_else(wrong)).collect();
            let users: Result<Vec<_>, _> = ids?.iter().map(|id| user("audience", id)).collect();
            Ok(Audience::users(users?))
        }
        _ => Err(wrong()),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
