//! Messages, signals, pages, and whom they are for.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use sidetalk_core::command::Write;
use sidetalk_core::model::{
    Audience, ClientId, ConnectionId, Draft, MessageId, Part, Seq, Signal, SignalData, SignalType, TextFormat,
};
use sidetalk_core::ports::{PageAnchor, PageRequest, SearchRequest};

use crate::errors::Problem;
use crate::wire::json::{Str, check_opaque};
use crate::wire::request::{
    AudienceIn, Edit, History, HistoryQuery, PartIn, Post, Search, SearchQuery, SignalIn,
};

use super::names::{limit, message_id, named, shared, user, users};
use super::rooms::HISTORY_DEFAULT;

/// Messages that a search brings, if the client does not say how many.
pub(super) const SEARCH_DEFAULT: usize = 20;

pub(super) fn history(history: History<'_>) -> Result<PageRequest, Problem> {
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

pub(super) fn search(search: Search<'_>) -> Result<SearchRequest, Problem> {
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
        addressee: None,
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
