//! REST below `/openvidu/api`, for the application's server; the paths of before version 2.16, without the prefix, too; and
//! the way to the socket.

mod answer;
mod connections;
mod exchange;
mod sessions;
mod shown;
mod signals;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use http::StatusCode;
use http::header::{self, HeaderValue};
use http::request::Parts;
use sidetalk_core::model::RoomName;
use sidetalk_core::ports::Project;
use sidetalk_edge::caller::{Address, FoundAt};
use sidetalk_edge::origin::{Preflight, is_host, open_to_all_pages};
use sidetalk_edge::rate::retry_after;
use sidetalk_edge::upgrade::{Upgrade, UpgradeRefusal};

use crate::auth::{Denied, project_of};
use crate::book::SessionKey;
use crate::join::VERSION;
use crate::socket::OpenViduSession;
use crate::state::OpenViduState;
use crate::wire::ConfigOut;

use answer::{Problem, bare, json};

/// All routes of this dialect.
pub fn router(state: OpenViduState) -> Router {
    let rest = Router::new()
        .route("/sessions", post(sessions::post_session).get(sessions::get_sessions))
        .route("/sessions/{session}", get(sessions::get_session).delete(sessions::delete_session))
        .route(
            "/sessions/{session}/connection",
            post(connections::post_connection).get(connections::get_connections),
        )
        .route(
            "/sessions/{session}/connection/{connection}",
            get(connections::get_connection)
                .delete(connections::delete_connection)
                .patch(connections::patch_connection),
        )
        .route("/sessions/{session}/stream/{stream}", delete(no_such_thing))
        .route("/tokens", post(connections::post_token))
        .route("/signal", post(signals::post_signal))
        .route("/recordings/{*rest}", any(no_media))
        .route("/recordings", any(no_media))
        .route("/broadcast/{*rest}", any(no_media));
    let config = Router::new()
        .route("/config", get(get_config))
        .route("/config/openvidu-version", get(get_version))
        .route("/config/openvidu-publicurl", get(get_public_url));
    let api = rest.clone().merge(config.clone());
    // As with the original: what counts is the secret, which no page has.
    let preflight = Preflight { status: StatusCode::OK, methods: "GET, POST, PUT, PATCH, DELETE, OPTIONS" };
    Router::new()
        .route("/openvidu", get(connect))
        .route("/openvidu/exchange", post(exchange::post_exchange))
        .nest("/openvidu/api", api)
        // As it was before version 2.16.
        .nest("/api", rest)
        .merge(config)
        .layer(from_fn_with_state(preflight, open_to_all_pages))
        .with_state(state)
}

/// Opens a socket. Whatever is wrong with a client is said in the socket: the vendor's client tries a refused one again for
/// ever.
async fn connect(
    State(state): State<OpenViduState>,
    Address(address): Address,
    upgrade: Result<Upgrade, UpgradeRefusal>,
) -> Response {
    match upgrade {
        Ok(upgrade) => {
            let sockets = Arc::clone(&state.sockets);
            upgrade.open(&sockets, move |outbox| OpenViduSession::new(state, outbox, address))
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn get_version(_: Caller) -> &'static str {
    VERSION
}

async fn get_public_url(State(state): State<OpenViduState>, found: FoundAt) -> String {
    format!("{}/", public_url(&state, &found))
}

async fn get_config(State(state): State<OpenViduState>, found: FoundAt, _: Caller) -> Response {
    let url = public_url(&state, &found);
    let domain = url.split("://").nth(1).unwrap_or_default();
    json(
        StatusCode::OK,
        &ConfigOut {
            version: VERSION,
            domain: domain.split(':').next().unwrap_or_default(),
            public_url: &url,
            cdr: false,
            recording: false,
            webhook: false,
            garbage_interval_s: 900,
            garbage_threshold_s: state.settings.unused_session_kept.as_secs(),
        },
    )
}

/// The recording module is off.
async fn no_media(_: Caller) -> Response {
    bare(StatusCode::NOT_IMPLEMENTED)
}

async fn no_such_thing(_: Caller) -> Response {
    bare(StatusCode::NOT_FOUND)
}

// What handlers take from a request.

/// The application's server.
pub(crate) struct Caller(pub(crate) Arc<Project>);

impl FromRequestParts<OpenViduState> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &OpenViduState) -> Result<Self, Response> {
        match project_of(state, &parts.headers, Address::of(parts).0).await {
            Ok(project) => Ok(Self(project)),
            Err(Denied::Unauthorized) => {
                let mut response = bare(StatusCode::UNAUTHORIZED);
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                Err(response)
            }
            Err(Denied::TooMany { wait_ms }) => {
                let mut response = bare(StatusCode::TOO_MANY_REQUESTS);
                response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait_ms));
                Err(response)
            }
            Err(Denied::Failed(failure)) => Err(answer::failed(&failure)),
        }
    }
}

/// `http(s)://host`, as the operator has set it or as it was found.
pub(crate) fn public_url(state: &OpenViduState, found: &FoundAt) -> String {
    match &state.settings.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        // It has to stand in a token: the client's pattern for one is strict.
        None => FoundAt { host: found.host.clone().filter(|host| is_host(host)), ..*found }.url(),
    }
}

/// The same with the scheme of a socket. Clients take scheme, host and port of it and nothing else.
pub(crate) fn socket_url(state: &OpenViduState, found: &FoundAt) -> String {
    let url = public_url(state, found);
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let host = rest.split('/').next().unwrap_or_default();
    format!("{}://{host}", if scheme == "https" { "wss" } else { "ws" })
}

/// The session in the address; a name that cannot be one names none.
pub(crate) fn session_in(project: &Project, session: &str) -> Option<SessionKey> {
    Some(SessionKey { project: project.id, session: RoomName::new(session).ok()? })
}

/// Whether the query sets a flag.
pub(crate) fn flag(query: Option<&str>, name: &str, default: bool) -> bool {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    match pairs.find(|(key, _)| *key == name) {
        Some((_, value)) => value.eq_ignore_ascii_case("true"),
        None => default,
    }
}

pub(crate) type Answered = Result<Response, Problem>;
