//! REST at the vendor's paths, for the application's server; and the exchange of tokens, for pages.

mod answer;
mod connections;
mod exchange;
mod media;
mod sessions;
mod signals;

use std::net::IpAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, RawPathParams, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri};
use sidetalk_core::model::{ConnectionId, RoomKey, RoomName};
use sidetalk_edge::caller::Address;
use sidetalk_edge::head::refuse_long_bodies;

use crate::auth::{Caller, caller};
use crate::ids::{ProjectName, Session};
use crate::state::OpenTokState;

use answer::{Problem, json};

/// What a JSON text may be longer than what it says: six bytes for one.
const ESCAPES: usize = 6;

/// Room for all of a body that is not a signal's data.
const BODY_BYTES: usize = 16 * 1024;

/// All routes of this dialect.
pub fn router(state: OpenTokState) -> Router {
    let body_max = state.settings.data_bytes_max.saturating_mul(ESCAPES).saturating_add(BODY_BYTES);
    let project = Router::new()
        .route("/session/{session}/signal", post(signals::post_signal))
        .route("/session/{session}/connection", get(connections::get_connections))
        .route("/session/{session}/connection/", get(connections::get_connections))
        .route("/session/{session}/connection/{connection}", delete(connections::delete_connection))
        .route("/session/{session}/connection/{connection}/signal", post(signals::post_signal_to_one))
        .route("/session/{session}/mute", post(media::post_mute))
        .route("/session/{session}/stream", get(media::get_streams))
        .route("/session/{session}/stream/{stream}", get(media::get_stream))
        .route("/session/{session}/stream/{stream}/mute", post(media::post_mute))
        .fallback(not_served)
        .method_not_allowed_fallback(wrong_method);
    Router::new()
        .route("/session/create", post(sessions::post_session))
        .route("/opentok/exchange", any(exchange::exchange))
        .route("/v2/", any(not_served))
        .nest("/v2", Router::new().nest("/project/{project}", project).fallback(not_served))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(body_max))
        .layer(from_fn_with_state(body_max, refuse_long_bodies))
        .with_state(state)
}

/// The same request with repeated slashes of its path folded into one, if it is one of this dialect: a client whose base
/// address ends in a slash asks for `//session/create`. Belongs around the router, which would have chosen its route already.
#[must_use]
pub fn fold_slashes(mut request: Request<Body>) -> Request<Body> {
    if let Some(uri) = folded(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn folded(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") {
        return None;
    }
    let mut short = String::with_capacity(path.len());
    for char in path.chars() {
        if char != '/' || !short.ends_with('/') {
            short.push(char);
        }
    }
    let is_ours =
        ["/session/create", "/v2/project/", "/opentok/"].iter().any(|start| short.starts_with(start));
    if !is_ours {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(short + &query).ok()?);
    Uri::from_parts(parts).ok()
}

async fn not_served() -> Problem {
    Problem::not_found("Not found. This server has sessions, connections and signals, and no media.")
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method")
}

// What handlers take from a request.

impl FromRequestParts<OpenTokState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &OpenTokState) -> Result<Self, Problem> {
        Ok(caller(state, &parts.headers, Address::of(parts).0).await?)
    }
}

/// A session that the caller may speak of, and the connection in it that the address names.
pub(crate) struct Place {
    pub(crate) caller: Caller,
    pub(crate) room: RoomKey,
    connection: Option<String>,
}

impl FromRequestParts<OpenTokState> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &OpenTokState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let bad = |what| Problem::new(StatusCode::BAD_REQUEST, what);
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| bad("The address is not valid"))?;
        let param =
            |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        if param("project").as_deref().and_then(ProjectName::read) != Some(caller.name) {
            return Err(Problem::forbidden("Id in the token does not match the one in the url"));
        }
        let session = param("session").unwrap_or_default();
        let session = Session::read(&session).ok_or_else(|| bad("The session id is not valid"))?;
        if session.owner != caller.name {
            return Err(Problem::forbidden("The session is one of another project"));
        }
        let room = RoomKey { project: caller.project.id, name: session.room };
        Ok(Self { caller, room, connection: param("connection") })
    }
}

impl Place {
    /// The connection that the address names. One that cannot be is not connected.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.connection.as_deref()?.parse().ok()
    }

    /// Whether the address names a connection by something that nobody would take for an id.
    pub(crate) fn has_bad_connection(&self) -> bool {
        let is_bad = |id: &str| id.len() > RoomName::BYTES_MAX || id.chars().any(char::is_control);
        self.connection.as_deref().is_some_and(is_bad)
    }
}

/// A body as it came, or why it did not.
pub(crate) type Read = Result<Bytes, BytesRejection>;

/// The body.
pub(crate) fn body(read: Read) -> Result<Bytes, Problem> {
    read.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
        _ => Problem::new(StatusCode::BAD_REQUEST, "The body could not be read"),
    })
}

pub(crate) type Answered = Result<Response, Problem>;

/// Done; there is nothing to say.
pub(crate) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_folded_in_addresses_of_this_dialect_only() {
        let fold = |uri: &str| folded(&uri.parse().expect("an address")).map(|uri| uri.to_string());
        assert_eq!(fold("//session/create").as_deref(), Some("/session/create"));
        assert_eq!(fold("/v2//project///7/x?a=//b").as_deref(), Some("/v2/project/7/x?a=//b"));
        assert_eq!(fold("/session/create"), None);
        assert_eq!(fold("/api/v1//rooms"), None);
    }
}
