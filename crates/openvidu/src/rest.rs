//! REST below `/openvidu/api`, for the application's server; the paths of before version 2.16, without the prefix, too; and
//! the way to the socket.

mod answer;
mod connections;
mod exchange;
mod sessions;
mod shown;
mod signals;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use sidetalk_core::model::RoomName;
use sidetalk_core::ports::Project;
use sidetalk_edge::listener::Peer;
use sidetalk_edge::proxy::Client;
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
    Router::new()
        .route("/openvidu", get(connect))
        .route("/openvidu/exchange", post(exchange::post_exchange))
        .nest("/openvidu/api", api)
        // As it was before version 2.16.
        .nest("/api", rest)
        .merge(config)
        .layer(from_fn(open_to_all_pages))
        .with_state(state)
}

/// Opens a socket. Whatever is wrong with a client is said in the socket: the vendor's client tries a refused one again for
/// ever.
async fn connect(
    State(state): State<OpenViduState>,
    From(address): From,
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

/// Pages of every origin may call, as with the original: what counts is the secret, which no page has.
async fn open_to_all_pages(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = if is_preflight { StatusCode::OK.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if is_preflight {
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            asked.unwrap_or_else(|| HeaderValue::from_static("authorization, content-type")),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

async fn get_version(_: Caller) -> &'static str {
    VERSION
}

async fn get_public_url(State(state): State<OpenViduState>, Origin(origin): Origin) -> String {
    format!("{}/", origin.http(&state))
}

async fn get_config(State(state): State<OpenViduState>, Origin(origin): Origin, _: Caller) -> Response {
    let url = origin.http(&state);
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
        match project_of(state, &parts.headers, address(parts)).await {
            Ok(project) => Ok(Self(project)),
            Err(Denied::Unauthorized) => {
                let mut response = bare(StatusCode::UNAUTHORIZED);
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                Err(response)
            }
            Err(Denied::TooMany { wait_ms }) => {
                let mut response = bare(StatusCode::TOO_MANY_REQUESTS);
                let seconds = HeaderValue::from(wait_ms.div_ceil(1_000));
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
                Err(response)
            }
            Err(Denied::Failed(failure)) => Err(answer::failed(&failure)),
        }
    }
}

fn address(parts: &Parts) -> Option<IpAddr> {
    let client = parts.extensions.get::<Client>().map(|client| client.address);
    client.or_else(|| parts.extensions.get::<Peer>().map(|peer| peer.addr.ip()))
}

/// The address of whoever calls.
pub(crate) struct From(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(address(parts)))
    }
}

/// Where the caller has found this server.
pub(crate) struct Origin(pub(crate) FoundAt);

/// A scheme and a host.
pub(crate) struct FoundAt {
    is_https: bool,
    host: String,
}

impl FoundAt {
    /// `http(s)://host`, as the operator has set it or as it was found.
    pub(crate) fn http(&self, state: &OpenViduState) -> String {
        if let Some(url) = &state.settings.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.host)
    }

    /// The same with the scheme of a socket. Clients take scheme, host and port of it and nothing else.
    pub(crate) fn socket(&self, state: &OpenViduState) -> String {
        let url = self.http(state);
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        let host = rest.split('/').next().unwrap_or_default();
        format!("{}://{host}", if scheme == "https" { "wss" } else { "ws" })
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let client = parts.extensions.get::<Client>();
        let is_https = client.is_some_and(|client| client.is_https)
            || parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_tls);
        let found = client.and_then(|client| client.host.clone());
        let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let host = found.or(named).filter(|host| is_host(host)).unwrap_or_else(|| "localhost".to_owned());
        Ok(Self(FoundAt { is_https, host }))
    }
}

/// Whether it can stand in a token: the client's pattern for one is strict.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
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
