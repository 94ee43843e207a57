//! HTTP: rooms, invites, tickets, who one is, and where everything is. `/v1/…` for the one generation, the same below the
//! configured prefix for the other.

mod answer;
mod people;
mod rooms;
mod start;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;
use sidetalk_edge::caller::FoundAt;
use sidetalk_edge::origin::{Preflight, open_to_all_pages};
use sidetalk_edge::upgrade::{Upgrade, UpgradeRefusal};
use uuid::Uuid;

use crate::auth::{BadToken, Credentials, credentials, verify};
use crate::book::User;
use crate::generation::Generation;
use crate::socket::OpenTalkSession;
use crate::state::OpenTalkState;
use crate::tickets::CHARACTERS;

use answer::{Problem, json_answer};

/// The sub-protocol, and how it was called before.
const PROTOCOLS: [&str; 2] = ["opentalk-signaling-json-v1.0", "k3k-signaling-json-v1.0"];
const TICKET_PREFIX: &str = "ticket#";

/// All routes of this dialect.
pub fn router(state: OpenTalkState) -> Router {
    let prefix = state.settings.chunked_prefix.trim_end_matches('/').to_owned();
    let arrays = generation(Generation::Arrays);
    let mut router = Router::new().merge(arrays);
    if !prefix.is_empty() {
        router = router.nest(&prefix, generation(Generation::Chunks));
    }
    let preflight = Preflight { status: StatusCode::NO_CONTENT, methods: "GET, POST, PUT, PATCH, DELETE" };
    router.layer(from_fn_with_state(preflight, open_to_all_pages)).with_state(state)
}

fn generation(generation: Generation) -> Router<OpenTalkState> {
    let v1 = Router::new()
        .route("/rooms", post(rooms::post_room))
        .route("/rooms/{room}", get(rooms::get_room).patch(rooms::patch_room).delete(rooms::delete_room))
        .route("/rooms/{room}/event", get(rooms::get_event))
        .route("/rooms/{room}/tariff", get(rooms::get_tariff))
        .route("/rooms/{room}/invites", get(rooms::get_invites).post(rooms::post_invite))
        .route("/rooms/{room}/start", post(start::post_start))
        .route("/rooms/{room}/start_invited", post(start::post_start_invited))
        .route("/invite/verify", post(rooms::post_verify))
        .route("/auth/login", get(people::get_login).post(people::post_login))
        .route("/users/me", get(people::get_me))
        .route("/users/me/tariff", get(rooms::get_my_tariff));
    Router::new()
        .nest("/v1", v1)
        .route("/signaling", get(signaling))
        .route("/.well-known/opentalk/api", get(well_known_api))
        .route("/.well-known/opentalk/client", get(well_known_client))
        .layer(axum::Extension(generation))
}

async fn well_known_api() -> Response {
    json_answer(StatusCode::OK, &json!({ "opentalk_api": { "v1": { "base_url": "v1" } } }))
}

async fn well_known_client(
    State(state): State<OpenTalkState>,
    axum::Extension(generation): axum::Extension<Generation>,
    found: FoundAt,
) -> Response {
    let base = state.settings.public_url.clone().unwrap_or_else(|| found.url());
    let prefix = match generation {
        Generation::Arrays => "",
        Generation::Chunks => state.settings.chunked_prefix.trim_matches('/'),
    };
    let url = format!("{}/{prefix}", base.trim_end_matches('/'));
    let url = format!("{}/", url.trim_end_matches('/'));
    json_answer(StatusCode::OK, &json!({ "opentalk_controller": { "base_url": url } }))
}

/// Opens a socket for whoever has a ticket. It travels as a sub-protocol, and is never told back.
async fn signaling(State(state): State<OpenTalkState>, upgrade: Result<Upgrade, UpgradeRefusal>) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let offered: Vec<String> = upgrade.protocols().map(str::to_owned).collect();
    if offered.is_empty() {
        return Problem::bad_request("missing_protocol", "the sub-protocol is missing").into_response();
    }
    if !offered.iter().any(|offered| PROTOCOLS.contains(&offered.as_str())) {
        return Problem::bad_request("invalid_protocol", "no sub-protocol is known").into_response();
    }
    let Some(ticket) = offered.iter().find_map(|offered| offered.strip_prefix(TICKET_PREFIX)) else {
        return Problem::unauthorized("missing_ticket", "the ticket is missing").into_response();
    };
    let now = state.service.now();
    let visitor = (ticket.len() == CHARACTERS).then(|| state.tickets.redeem(ticket, now)).flatten();
    let Some(visitor) = visitor else {
        return Problem::unauthorized("invalid_ticket", "the ticket is unknown, used or too old")
            .into_response();
    };
    let sockets = std::sync::Arc::clone(&state.sockets);
    upgrade.choose(&PROTOCOLS).open(&sockets, move |outbox| OpenTalkSession::new(state, outbox, visitor))
}

// What handlers take from a request.

/// A user with a good token.
pub(crate) struct Caller(pub(crate) User);

impl FromRequestParts<OpenTalkState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &OpenTalkState) -> Result<Self, Problem> {
        match credentials(&parts.headers) {
            Credentials::Bearer(token) => user_of(state, &token).await.map(Self),
            _ => Err(Problem::unauthorized("unauthorized", "a bearer token is needed")),
        }
    }
}

/// The user of a token: what it says now, and what earlier ones have said.
async fn user_of(state: &OpenTalkState, token: &str) -> Result<User, Problem> {
    let settings = &state.settings;
    let now = state.service.now().as_millis().div_euclid(1_000);
    let claims =
        verify(&state.keys, &settings.oidc_url, settings.project, token, now).map_err(|bad| match bad {
            BadToken::Invalid => Problem::bad_token("invalid_access_token", "the token is not valid"),
            BadToken::Expired => Problem::bad_token("session_expired", "the token has expired"),
        })?;
    let known = state.book.user(&claims.sub).await?;
    let user = claims.user(known);
    if user.id().is_none() {
        return Err(Problem::bad_token("invalid_access_token", "the token's sub is not usable"));
    }
    Ok(user)
}

/// A user, or somebody with an invite code.
pub(crate) enum Somebody {
    User,
    Invited(Uuid),
}

impl FromRequestParts<OpenTalkState> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &OpenTalkState) -> Result<Self, Problem> {
        match credentials(&parts.headers) {
            Credentials::Bearer(token) => user_of(state, &token).await.map(|_| Self::User),
            Credentials::Invite(code) => Ok(Self::Invited(code)),
            Credentials::Nothing | Credentials::Unreadable => {
                Err(Problem::unauthorized("unauthorized", "a bearer token or an invite code is needed"))
            }
        }
    }
}
