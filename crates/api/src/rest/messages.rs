//! `/rooms/{room}/messages`, pins, reactions, search and clearing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use sidetalk_core::command::Write;
use sidetalk_core::model::{Actor, Identity, MessageId, Principal, Role, RoomName};

use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{self, audience_or_room, message_id, named, user};
use crate::state::ApiState;
use crate::wire::answer::{Changed, OneMessage, Page, Posted};
use crate::wire::request::{Clear, Edit, HistoryQuery, Post, SearchQuery, SenderIn};

use super::extract::{Asked, Body, Caller, Json, Names, Room, idempotency_key};

/// Reads a page of messages, ascending.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/messages", tag = "messages",
    params(("room" = String, Path), HistoryQuery),
    responses((status = 200, body = Page), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_messages(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Response, Problem> {
    let request = from_wire::history_query(&query)?;
    api.history(&caller.principal, &room, request, Json).await
}

/// Posts a message. `Idempotency-Key` is its `client_id`.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", tag = "messages",
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Post,
    responses((status = 201, body = Posted), (status = 200, description = "A retry.", body = Posted),
        (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_message(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut post: Post<'_> = body.read()?;
    let who = match post.sender.take() {
        Some(sender) => on_behalf(&caller, &sender)?,
        None => caller.principal.clone(),
    };
    let mut draft = from_wire::draft(post)?;
    if let Some(key) = idempotency_key(&headers)? {
        let key = named("idempotency-key", key)?;
        if draft.client_id.as_ref().is_some_and(|id| *id != key) {
            return Err(Problem::invalid("client_id", "differs from the Idempotency-Key"));
        }
        draft.client_id = Some(key);
    }
    if caller.principal.user().is_some() {
        return api.post(&who, &room, draft, Json).await;
    }
    // What the server posts for a user does not count against that user.
    let written = api.service.write(&who, &room, Write::Post(draft)).await?;
    let posted = crate::to_wire::posted(&written);
    let status = if posted.repeated { http::StatusCode::OK } else { http::StatusCode::CREATED };
    Ok(super::extract::json(status, &posted))
}

/// The user for whom the server posts: with a member's rights, and only in rooms where the user may be.
fn on_behalf(caller: &Caller, sender: &SenderIn<'_>) -> Result<Principal, Problem> {
    caller.require_server()?;
    let user = user("sender", &sender.user)?;
    let name = match &sender.name {
        Some(name) => crate::token::display_name(name)
            .ok_or_else(|| Problem::invalid("sender", "must have a name of 1 to 255 bytes of plain text"))?,
        None => user.as_str().into(),
    };
    let identity = Identity {
        user,
        name,
        avatar: None,
        role: Role::Member,
        groups: Arc::default(),
        data: "".into(),
        rooms: None,
        issued_at: None,
        expires_at: None,
    };
    Ok(Principal { actor: Actor::User(Arc::new(identity)), ..caller.principal.clone() })
}

/// A message in the address.
#[derive(Deserialize)]
pub(crate) struct OfMessage {
    room: String,
    message: String,
}

impl OfMessage {
    fn read(&self) -> Result<(RoomName, MessageId), Problem> {
        Ok((from_wire::room_name(&self.room)?, message_id("message", &self.message)?))
    }
}

/// A reaction in the address.
#[derive(Deserialize)]
pub(crate) struct OfReaction {
    room: String,
    message: String,
    emoji: String,
}

/// Reads one message.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/messages/{message}", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = OneMessage), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_message(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMessage>,
) -> Result<Response, Problem> {
    let (room, message) = names.read()?;
    api.message(&caller.principal, &room, message, Json).await
}

/// Replaces what a message says.
#[utoipa::path(patch, path = "/api/v1/rooms/{room}/messages/{message}", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path)), request_body = Edit,
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn patch_message(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMessage>,
    body: Body,
) -> Result<Response, Problem> {
    let (room, message) = names.read()?;
    let edit: Edit<'_> = body.read()?;
    api.write(&caller.principal, &room, from_wire::edit(message, edit)?, Json).await
}

/// Deletes a message; a tombstone stays.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/messages/{message}", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_message(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMessage>,
) -> Result<Response, Problem> {
    let (room, message) = names.read()?;
    api.write(&caller.principal, &room, Write::Delete { message }, Json).await
}

/// Pins a message.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/messages/{message}/pin", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn put_pin(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMessage>,
) -> Result<Response, Problem> {
    let (room, message) = names.read()?;
    api.write(&caller.principal, &room, Write::Pin { message }, Json).await
}

/// Takes a pin away.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/messages/{message}/pin", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_pin(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMessage>,
) -> Result<Response, Problem> {
    let (room, message) = names.read()?;
    api.write(&caller.principal, &room, Write::Unpin { message }, Json).await
}

/// Adds a reaction of the caller.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/messages/{message}/reactions/{emoji}", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn put_reaction(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfReaction>,
) -> Result<Response, Problem> {
    let OfReaction { room, message, emoji } = names;
    let (room, message) = OfMessage { room, message }.read()?;
    api.write(&caller.principal, &room, Write::React { message, emoji: emoji.into() }, Json).await
}

/// Takes a reaction of the caller away.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/messages/{message}/reactions/{emoji}", tag = "messages",
    params(("room" = String, Path), ("message" = Uuid, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_reaction(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfReaction>,
) -> Result<Response, Problem> {
    let OfReaction { room, message, emoji } = names;
    let (room, message) = OfMessage { room, message }.read()?;
    api.write(&caller.principal, &room, Write::Unreact { message, emoji: emoji.into() }, Json).await
}

/// Looks for messages, newest first.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/search", tag = "messages",
    params(("room" = String, Path), SearchQuery),
    responses((status = 200, body = Page), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_search(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    Asked(query): Asked<SearchQuery>,
) -> Result<Response, Problem> {
    let request = from_wire::search_query(&query)?;
    api.search(&caller.principal, &room, request, Json).await
}

/// Removes all messages of an audience.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/clear", tag = "messages", params(("room" = String, Path)),
    request_body = Clear, responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_clear(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    body: Body,
) -> Result<Response, Problem> {
    let clear: Clear<'_> = body.read()?;
    let write = Write::ClearHistory(audience_or_room(clear.audience)?);
    api.write(&caller.principal, &room, write, Json).await
}
