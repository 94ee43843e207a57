//! The module `chat`: its quiet rules stand here and in `from_wire.rs`, not in core. Empty messages are dropped, long ones cut,
//! messages to groups that one is not in dropped, and a chat that is switched off is so for moderators too.

use std::sync::Arc;

use bytes::Bytes;
use sidetalk_core::command::Write;
use sidetalk_core::model::{
    Audience, Draft, GroupName, Message as CoreMessage, Part, Seq, TextFormat, UserId,
};
use sidetalk_core::ports::{PageAnchor, PageRequest};
use sidetalk_core::refusal::Failure;
use sidetalk_core::transaction::WriteResult;
use uuid::Uuid;

use crate::enter::{Inside, Names, group_id};
use crate::from_wire;
use crate::hall::connection;
use crate::history::{CHUNK, Wanted, chunk, last_of, load};
use crate::state::OpenTalkState;
use crate::times;
use crate::to_wire::{self, CHAT, event};
use crate::wire::{ChatCommand, ChatEvent, History, Scope, TermTooShort};

/// With how many others it is kept when somebody has last seen what they said.
const SEEN_MAX: usize = 1_000;

/// The shortest text that is searched for, in bytes.
const TERM_BYTES_MIN: usize = 2;

/// Does what is asked; what is to be answered to the asker alone is given back.
pub(crate) async fn serve(
    state: &OpenTalkState,
    inside: &Arc<Inside>,
    command: ChatCommand,
) -> Result<Option<Bytes>, Failure> {
    match command {
        ChatCommand::SendMessage { scope, target, content } => {
            send(state, inside, scope, target.as_deref(), &content).await
        }
        ChatCommand::EnableChat => switch(state, inside, true).await,
        ChatCommand::DisableChat => switch(state, inside, false).await,
        ChatCommand::ClearHistory => clear(state, inside).await,
        ChatCommand::SetLastSeenTimestamp { scope, target, timestamp } => {
            set_seen(state, inside, scope, target.as_deref(), timestamp).await?;
            Ok(None)
        }
        ChatCommand::GetHistoryChunk { scope, target, message_index } => {
            history_chunk(state, inside, scope, target.as_deref(), message_index).await
        }
        ChatCommand::SearchHistory { scope, target, term, message_index } => {
            search(state, inside, scope, target.as_deref(), &term, message_index).await
        }
    }
}

async fn send(
    state: &OpenTalkState,
    inside: &Inside,
    scope: Scope,
    target: Option<&str>,
    content: &str,
) -> Result<Option<Bytes>, Failure> {
    let Some(text) = from_wire::content(content, state.settings.message_bytes_max) else { return Ok(None) };
    if !moderates(state, inside) {
        state.rates.send(&inside.user).await;
        // Somebody may have been sent to the waiting room meanwhile.
        if !inside.seat.is_in() {
            return Ok(None);
        }
    }
    let room = inside.seat.live().room();
    if room.is_some_and(|room| !room.settings.chat_enabled) {
        return Ok(Some(refused(state, "chat_disabled")));
    }
    let Some(audience) = audience(state, inside, scope, target) else { return Ok(None) };
    let named = target.filter(|_| scope == Scope::Private).and_then(|id| Uuid::try_parse(id).ok());
    let draft = Draft {
        client_id: None,
        audience,
        addressee: named.map(connection),
        parts: vec![Part::Text { text: text.into(), format: TextFormat::Plain }],
        mentions: Vec::new(),
        reply_to: None,
        label: None,
    };
    match state.service.write(&inside.who(), &inside.room.name, Write::Post(draft)).await {
        Ok(_) => Ok(None),
        Err(Failure::Refused(sidetalk_core::refusal::Refusal::ChatDisabled)) => {
            Ok(Some(refused(state, "chat_disabled")))
        }
        // The vendor has no other word for what one may not do.
        Err(Failure::Refused(_)) => Ok(Some(refused(state, "insufficient_permissions"))),
        Err(failure) => Err(failure),
    }
}

/// Whom a scope and its target mean. `None`: nobody, or not the asker's group.
fn audience(state: &OpenTalkState, inside: &Inside, scope: Scope, target: Option<&str>) -> Option<Audience> {
    match (scope, target) {
        (Scope::Global, None) => Some(Audience::Room),
        (Scope::Group, Some(name)) => {
            let group = GroupName::new(name).ok()?;
            inside.attendee.groups.contains(&group).then_some(Audience::Group(group))
        }
        (Scope::Private, Some(id)) => {
            let other = user_of(state, inside, Uuid::try_parse(id).ok()?);
            Some(Audience::users([inside.user.clone(), other]))
        }
        _ => None,
    }
}

/// The user behind a participant; one that is not known is a user of that name.
fn user_of(state: &OpenTalkState, inside: &Inside, id: Uuid) -> UserId {
    let known = state.halls.with(&inside.room, |hall| hall.people.get(&id).map(|person| person.user.clone()));
    let known = known.or_else(|| inside.attendee.remembered.lock().get(&id).cloned());
    known.unwrap_or_else(|| UserId::new(&id.to_string()).expect("a UUID is a good name"))
}

async fn switch(state: &OpenTalkState, inside: &Inside, enabled: bool) -> Result<Option<Bytes>, Failure> {
    if !moderates(state, inside) {
        return Ok(Some(refused(state, "insufficient_permissions")));
    }
    let written = state.service.write(&inside.who(), &inside.room.name, Write::SetChatEnabled(enabled)).await;
    let written = match written {
        Ok(written) => written,
        Err(Failure::Refused(_)) => return Ok(Some(refused(state, "insufficient_permissions"))),
        Err(failure) => return Err(failure),
    };
    if let WriteResult::Unchanged { .. } = written.result {
        // In this dialect everybody hears of it nevertheless.
        let issued_by = inside.id();
        let payload = if enabled {
            ChatEvent::ChatEnabled { issued_by }
        } else {
            ChatEvent::ChatDisabled { issued_by }
        };
        let frame = event(CHAT, state.service.now(), &payload);
        state.halls.with(&inside.room, |hall| {
            hall.attendees.values().for_each(|attendee| attendee.send(frame.clone()));
        });
    }
    Ok(None)
}

async fn clear(state: &OpenTalkState, inside: &Inside) -> Result<Option<Bytes>, Failure> {
    if !moderates(state, inside) {
        return Ok(Some(refused(state, "insufficient_permissions")));
    }
    let write = Write::ClearHistory(Audience::Room);
    match state.service.write(&inside.who(), &inside.room.name, write).await {
        Ok(_) => Ok(None),
        Err(Failure::Refused(_)) => Ok(Some(refused(state, "insufficient_permissions"))),
        Err(failure) => Err(failure),
    }
}

/// Keeps until when somebody has seen a conversation, and moves the read marker that other dialects know.
async fn set_seen(
    state: &OpenTalkState,
    inside: &Inside,
    scope: Scope,
    target: Option<&str>,
    timestamp: String,
) -> Result<(), Failure> {
    let Some(until) = times::parse(&timestamp) else { return Ok(()) };
    let Some(audience) = audience(state, inside, scope, target) else { return Ok(()) };
    let mut seen = state.book.seen(inside.room_id, inside.seen_as()).await?;
    match &audience {
        Audience::Room => seen.global = Some(timestamp.clone()),
        Audience::Group(group) => {
            seen.groups.insert(group.as_str().to_owned(), timestamp.clone());
        }
        Audience::Users(users) => {
            let other = to_wire::other_of(users, Some(&inside.user)).unwrap_or(&inside.user);
            if seen.private.len() >= SEEN_MAX && !seen.private.contains_key(other.as_str()) {
                return Ok(());
            }
            seen.private.insert(other.as_str().to_owned(), timestamp.clone());
        }
        Audience::Connections(_) => return Ok(()),
    }
    let guest_now = (inside.kind == crate::wire::Kind::Guest).then(|| state.service.now());
    state.book.put_seen(inside.room_id, inside.seen_as(), &seen, guest_now).await?;
    let newest =
        PageRequest { anchor: PageAnchor::Newest, limit: 1, audience: Some(audience.clone()), pinned: false };
    let page = state.service.page(&inside.who(), &inside.room.name, newest).await?;
    if let Some(last) = page.messages.last().filter(|last| last.posted_at <= until) {
        state.service.mark_read(&inside.who(), &inside.room.name, audience, last.seq).await?;
    }
    Ok(())
}

/// The newest messages of a conversation that the asker may see.
async fn newest(
    state: &OpenTalkState,
    inside: &Inside,
    wanted: Wanted<'_>,
) -> Result<Vec<CoreMessage>, Failure> {
    let is_concerned = |message: &CoreMessage| inside.is_concerned(&state.halls, message);
    load(&state.service, &inside.who(), &inside.room.name, wanted, is_concerned).await
}

/// All messages of a conversation that are told.
fn all_of<'a>(state: &OpenTalkState, inside: &'a Inside, audience: &'a Audience) -> Wanted<'a> {
    Wanted { audience, until: None, max: state.settings.history_max, pace: Some(&inside.pace) }
}

async fn history_chunk(
    state: &OpenTalkState,
    inside: &Inside,
    scope: Scope,
    target: Option<&str>,
    index: u64,
) -> Result<Option<Bytes>, Failure> {
    let Some(audience) = audience(state, inside, scope, target) else {
        return Ok(Some(refused(state, "insufficient_permissions")));
    };
    let history = match inside.attendee.until(&audience, index) {
        Some(until) => next_chunk(state, inside, &audience, index, until).await?,
        None => any_chunk(state, inside, &audience, index).await?,
    };
    let payload = match (scope, target) {
        (Scope::Group, Some(name)) => ChatEvent::GroupChatHistoryChunk { id: group_id(name), name, history },
        (Scope::Private, Some(id)) => {
            let correspondent = correspondent(state, inside, id);
            ChatEvent::PrivateChatHistoryChunk { correspondent, history }
        }
        _ => ChatEvent::RoomChatHistoryChunk { history },
    };
    Ok(Some(event(CHAT, state.service.now(), &payload)))
}

/// Somebody reads on: no more is read than is told.
async fn next_chunk(
    state: &OpenTalkState,
    inside: &Inside,
    audience: &Audience,
    index: u64,
    until: Seq,
) -> Result<History, Failure> {
    let wanted = Wanted { audience, until: Some(until), max: CHUNK, pace: Some(&inside.pace) };
    let messages = newest(state, inside, wanted).await?;
    let next_index = (index + 1).checked_sub(messages.len() as u64).and_then(|start| start.checked_sub(1));
    // Fewer than there were: somebody has deleted some, and this is the beginning.
    let next_index = next_index.filter(|_| messages.len() == CHUNK);
    let next = next_index.zip(messages.first().map(|first| Seq(first.seq.0 - 1)));
    inside.attendee.tell_to(audience, next);
    Ok(History::Chunk { messages: Names::of(state, inside).shown(&messages), next_index })
}

/// Somebody asks for another place: what is there must be counted.
async fn any_chunk(
    state: &OpenTalkState,
    inside: &Inside,
    audience: &Audience,
    index: u64,
) -> Result<History, Failure> {
    let all = newest(state, inside, all_of(state, inside, audience)).await?;
    let (messages, next_index) = chunk(&all, Some(index));
    let place = next_index.and_then(|next| usize::try_from(next).ok());
    inside.attendee.tell_to(audience, next_index.zip(place.map(|place| all[place].seq)));
    Ok(History::Chunk { messages: Names::of(state, inside).shown(messages), next_index })
}

fn correspondent(state: &OpenTalkState, inside: &Inside, id: &str) -> Uuid {
    let Ok(id) = Uuid::try_parse(id) else { return Uuid::nil() };
    Names::of(state, inside).called(&user_of(state, inside, id))
}

async fn search(
    state: &OpenTalkState,
    inside: &Inside,
    scope: Scope,
    target: Option<&str>,
    term: &str,
    index: Option<u64>,
) -> Result<Option<Bytes>, Failure> {
    if term.len() < TERM_BYTES_MIN {
        let payload =
            TermTooShort { message: "error", error: "invalid_search_term_length", min: TERM_BYTES_MIN };
        return Ok(Some(event(CHAT, state.service.now(), &payload)));
    }
    let Some(audience) = audience(state, inside, scope, target) else {
        return Ok(Some(refused(state, "insufficient_permissions")));
    };
    let mut found = newest(state, inside, all_of(state, inside, &audience)).await?;
    found.retain(|message| to_wire::text_of(&message.parts).is_some_and(|text| text.contains(term)));
    let (messages, next_index) = chunk(&found, index.or(last_of(&found)));
    let matches = History::Chunk { messages: Names::of(state, inside).shown(messages), next_index };
    Ok(Some(event(CHAT, state.service.now(), &ChatEvent::SearchResults { scope, target, matches })))
}

pub(crate) fn moderates(state: &OpenTalkState, inside: &Inside) -> bool {
    let id = inside.id();
    state.halls.with(&inside.room, |hall| hall.people.get(&id).is_some_and(|person| person.is_moderator))
}

fn refused(state: &OpenTalkState, error: &'static str) -> Bytes {
    event(CHAT, state.service.now(), &ChatEvent::Error { error })
}
