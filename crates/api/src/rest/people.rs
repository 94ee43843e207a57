//! `/rooms/{room}/connections`: who is there.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use sidetalk_core::event::LeaveReason;

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{named, room_name};
use crate::state::ApiState;
use crate::to_wire;
use crate::wire::answer::Connections;

use super::extract::{Caller, Json, Names, Room};

/// Lists who is there, oldest first.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/connections", tag = "people", params(("room" = String, Path)),
    responses((status = 200, body = Connections), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_connections(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    let presences = api.service.presences(&caller.principal, &room).await?;
    let connections = presences.iter().map(|presence| to_wire::presence(presence)).collect();
    Ok(Json.made(&Connections { connections }))
}

/// A connection in the address.
#[derive(Deserialize)]
pub(crate) struct OfConnection {
    room: String,
    connection: String,
}

/// Puts one connection out of the room.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/connections/{connection}", tag = "people",
    params(("room" = String, Path), ("connection" = Uuid, Path)),
    responses((status = 204), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_connection(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfConnection>,
) -> Result<Response, Problem> {
    let room = room_name(&names.room)?;
    let connection = named("connection", &names.connection)?;
    let reason = if caller.principal.user().is_some() { LeaveReason::Kicked } else { LeaveReason::Removed };
    api.service.cut(&caller.principal, &room, connection, reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
