//! `/rooms` and `/rooms/{room}`: making, finding, changing and deleting rooms.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};
use sidetalk_core::model::RoomName;

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{self, room_name};
use crate::state::ApiState;
use crate::to_wire;
use crate::wire::answer::{OneRoom, Rooms};
use crate::wire::request::{ListQuery, MakeRoom, UpdateRoom};

use super::extract::{Asked, Body, Caller, Json, Room, idempotency_key, json};

/// How many rooms or users a list has if nobody says.
pub(super) const LIST_DEFAULT: usize = 50;

/// Lists the project's rooms by name; for a user, the rooms that last and that the user is in or invited to.
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms", params(ListQuery),
    responses((status = 200, body = Rooms), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_rooms(
    State(api): State<ApiState>,
    caller: Caller,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Problem> {
    if let Some(user) = caller.principal.user() {
        let part = from_wire::part(query.after.as_deref(), query.limit)?;
        return api.list_rooms(&caller.principal, user, &part, Json).await;
    }
    let after = query.after.as_deref().map(room_name).transpose()?;
    let limit = list_limit(&api, query.limit)?;
    let rooms = api.service.store().rooms(caller.principal.project, after.as_ref(), limit + 1).await?;
    let (rooms, more) = api.fitting(rooms.iter().map(to_wire::summary), limit);
    Ok(Json.made(&Rooms { rooms, more }))
}

/// How many of a list.
pub(super) fn list_limit(api: &ApiState, limit: Option<usize>) -> Result<usize, Problem> {
    let limit = from_wire::limit(limit, LIST_DEFAULT)?;
    let max = api.service.limits().page_max;
    if limit > max {
        return Err(sidetalk_core::refusal::Refusal::TooLarge { field: "limit", max }.into());
    }
    Ok(limit)
}

/// Makes a room, which counts as a send, or finds the one of that name.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = MakeRoom,
    responses((status = 201, body = OneRoom), (status = 200, description = "It was there already.", body = OneRoom),
        (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_room(
    State(api): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let make: MakeRoom<'_> = body.read()?;
    let name = match (&make.name, idempotency_key(&headers)?) {
        (Some(name), _) => room_name(name)?,
        (None, Some(key)) => keyed_name(&caller, key),
        (None, None) => fresh_name(&api),
    };
    let spec = from_wire::room_spec(&make)?;
    let (room, made) = api.open_room(&caller.principal, &name, spec).await?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &OneRoom { room: to_wire::room(&room) }))
}

/// A name that nobody has chosen.
fn fresh_name(api: &ApiState) -> RoomName {
    let id = uuid::Builder::from_random_bytes(api.entropy.bits().to_be_bytes()).into_uuid();
    room_name(&id.to_string()).expect("a UUID is a valid name")
}

/// The name that a retry finds again: made from the caller and the key.
fn keyed_name(caller: &Caller, key: &str) -> RoomName {
    let user = caller.principal.user().map_or("", |user| user.as_str());
    let hash = Sha256::new().chain_update(user).chain_update([0]).chain_update(key).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    room_name(&id.to_string()).expect("a UUID is a valid name")
}

/// Reads a room.
#[utoipa::path(get, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)),
    responses((status = 200, body = OneRoom), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_room(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    api.get_room(&caller.principal, &room, Json).await
}

/// Changes what is set about a room, field by field; the first refusal ends it.
#[utoipa::path(patch, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)),
    request_body = UpdateRoom, responses((status = 200, body = OneRoom), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn patch_room(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    body: Body,
) -> Result<Response, Problem> {
    let writes = from_wire::updates(&body.read()?)?;
    api.update_room(&caller.principal, &room, writes, Json).await
}

/// Deletes a room with everything in it.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)),
    responses((status = 204), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_room(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    api.service.delete_room(&caller.principal, &room).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
