//! Connections: listed, put out.

use super::*;

use crate::wire::{ConnectionOut, ConnectionsOut};

/// Who is in a session, of every dialect, in the order in which they came.
pub(super) async fn get_connections(State(state): State<OpenTokState>, place: Place) -> Response {
    let shown = |presence: &std::sync::Arc<sidetalk_core::model::Presence>| ConnectionOut {
        connection_id: presence.connection.as_uuid(),
        connection_state: "Connected",
        created_at: presence.joined_at.as_millis().to_string(),
    };
    let items: Vec<_> = state.presences(&place.room).iter().map(shown).collect();
    let list = ConnectionsOut {
        count: items.len(),
        project_id: &place.caller.name.to_string(),
        session_id: place.room.name.as_str(),
        items,
    };
    json(StatusCode::OK, &list)
}

/// Puts a connection out.
pub(super) async fn delete_connection(State(state): State<OpenTokState>, place: Place) -> Answered {
    let connection = connected(&state, &place)?;
    state.put_out(&place.room, connection).await?;
    Ok(done())
}

/// The connection that the address names, if it is connected.
pub(super) fn connected(state: &OpenTokState, place: &Place) -> Result<ConnectionId, Problem> {
    if place.has_bad_connection() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The connection id is not valid"));
    }
    let live = state.service.hub().live(&place.room).ok_or_else(Problem::nobody_there)?;
    let connection = place.connection().filter(|connection| live.has(*connection));
    connection.ok_or_else(|| {
        Problem::not_found("Not found. The connection is not connected to the OpenTok session.")
    })
}
