//! REST, and the way to the socket.

mod connect;

use axum::Router;
use axum::routing::get;

use crate::state::ApiState;

/// All routes of this face.
pub fn router(state: ApiState) -> Router {
    Router::new().route("/api/v1/connect", get(connect::connect)).with_state(state)
}
