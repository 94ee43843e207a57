//! What clients send, as core's commands. Names are checked here, rules are core's.

mod call;
mod messages;
mod names;
mod rooms;

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sidetalk_core::command::Write;
use sidetalk_core::model::{MessageId, RoomName, Seq, UserId};

use crate::errors::Problem;
use crate::methods::{self, Params};
use crate::wire::json::{At, InRoom, Nothing, OnMessage, OnUser, Str, check_opaque, is_too_deep};
use crate::wire::request::{ReceiptIn, TypingIn};

pub use call::{Call, JoinExtras, Keeping, Part};
pub use messages::{audience_or_room, draft, edit, history_query, search_query, signal};
pub(crate) use names::{bounded, named};
pub use names::{groups, lasting, limit, message_id, part, position, role, room_name, user, users};
pub use rooms::{member_writes, room_spec, updates};

use messages::{history, search};
use names::shared;
use rooms::join_wish;

/// The longest id of a request, as JSON.
pub const ID_BYTES_MAX: usize = 128;

/// One request of a socket.
#[derive(Debug)]
pub struct Request {
    /// Its id as JSON; `None`: no answer is wanted.
    pub id: Option<Box<str>>,
    /// What is wanted.
    pub call: Result<Call, Problem>,
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
            keeping: Keeping {
                keep: connect
                    .keep_s
                    .filter(|seconds| *seconds > 0)
                    .map(|seconds| Duration::from_secs(seconds.into())),
                resume: connect
                    .resume
                    .zip(connect.received)
                    .map(|(secret, received)| (boxed(secret), received)),
            },
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
        Params::List(list) => Call::List { part: part(list.after.as_deref(), list.limit)? },
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
        Params::Members(At { target, body }) => {
            Call::Members { room: room(&target)?, part: part(body.after.as_deref(), body.limit)? }
        }
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
