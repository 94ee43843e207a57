//! `/rooms/{room}/signals`, typing, and read markers.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sidetalk_core::model::{ClientId, Seq};

use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{self, audience_or_room, named};
use crate::state::ApiState;
use crate::wire::answer::{Done, Receipt, Signalled, Unreads};
use crate::wire::request::{ReceiptIn, SignalIn, TypingIn};

use super::extract::{Body, Caller, Json, Room, idempotency_key};

/// Sends a signal; one whose type is chat is stored as a message.
///
/// `Idempotency-Key` is the message's `client_id`. What is not stored is sent again by a retry.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/signals", tag = "signals",
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = SignalIn,
    responses((status = 202, description = "Sent.", body = Signalled),
        (status = 201, description = "Stored.", body = Signalled),
        (status = 200, description = "A retry of one that was stored.", body = Signalled),
        (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_signal(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let who = &caller.principal;
    let signal = from_wire::signal(body.read::<SignalIn<'_>>()?)?;
    let key = idempotency_key(&headers)?.map(|key| named::<ClientId>("idempotency-key", key)).transpose()?;
    api.service.project(who.project).await?;
    let stores = api.service.stores(who, &signal);
    let mut response = api.signal(who, &room, (signal, key), Json).await?;
    if !stores {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    Ok(response)
}

/// Says that the caller writes, or has stopped.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/typing", tag = "signals", params(("room" = String, Path)),
    request_body = TypingIn, responses((status = 200, body = Done), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_typing(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    body: Body,
) -> Result<Response, Problem> {
    let TypingIn { active, audience } = body.read()?;
    api.typing(&caller.principal, &room, audience_or_room(audience)?, active, Json).await
}

/// Moves the caller's read marker forward.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/receipt", tag = "signals", params(("room" = String, Path)),
    request_body = ReceiptIn, responses((status = 200, body = Receipt), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn put_receipt(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    body: Body,
) -> Result<Response, Problem> {
    let ReceiptIn { seq, audience } = body.read()?;
    caller.require_user()?;
    api.receipt(&caller.principal, &room, audience_or_room(audience)?, Seq(seq), Json).await
}

/// Reads the caller's read markers and how much follows them.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/unread", tag = "signals", params(("room" = String, Path)),
    responses((status = 200, body = Unreads), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_unread(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    caller.require_user()?;
    api.unread(&caller.principal, &room, Json).await
}
