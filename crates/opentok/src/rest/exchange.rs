//! `POST /opentok/exchange`, our own addition: the drop-in script changes a token of this dialect for a native one. Tokens
//! may be used again and again; each use is a connection of its own.

use super::*;

use std::time::Duration;

use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use sidetalk_core::model::{Role as CoreRole, RoomSpec, SignalType, UserId};
use sidetalk_core::refusal::Failure;
use sidetalk_edge::drop_in::{Pass, display_name};
use sidetalk_edge::rate::{Rule, retry_after};
use uuid::Builder;

use crate::DIALECT;
use crate::settings::OpenTokSettings;
use crate::state::EXCHANGED_TTL;
use crate::token::{BadToken, verify};
use crate::wire::{ConnectErrorOut, ExchangeIn, ExchangeOut, Pace, Rates, Role};

/// Who gives no name.
const NAMELESS: &str = "Guest";

/// Changes a token. Pages of every origin may: what counts is the token.
pub(super) async fn exchange(
    State(state): State<OpenTokState>,
    method: Method,
    Address(address): Address,
    headers: HeaderMap,
    read: Read,
) -> Response {
    let mut response = match method {
        Method::OPTIONS => done(),
        Method::POST => match change(&state, address, read).await {
            Ok(response) => response,
            Err(refused) => refused.into_response(),
        },
        _ => wrong_method().await.into_response(),
    };
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if method == Method::OPTIONS {
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let asked = asked.unwrap_or(HeaderValue::from_static("content-type"));
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

async fn change(state: &OpenTokState, address: Option<IpAddr>, read: Read) -> Result<Response, Refused> {
    let bad = |what: &str| Refused::Parameter(format!("the body {what}"));
    let body = body(read).map_err(|problem| Refused::Body(problem.status))?;
    let ExchangeIn { api_key, session_id, token } =
        serde_json::from_slice(&body).map_err(|_| bad("must be {\"apiKey\", \"sessionId\", \"token\"}"))?;
    let Session { owner, room } = Session::read(&session_id).ok_or(Refused::Session)?;

    let verified = verify(state, &token).await;
    if let Err(bad) = &verified
        && bad.is_forged()
    {
        state.note_failure(address).map_err(|limited| Refused::TooMany { wait_ms: limited.wait_ms })?;
    }
    let verified = verified?;
    let key = ProjectName::read(api_key.into_text().trim());
    let denied = |what: &str| Refused::Token(what.to_owned());
    if key != Some(verified.name) {
        return Err(denied("the token is one of another project than the key that the page names"));
    }
    if verified.session != session_id {
        return Err(denied("the token is for another session"));
    }
    if owner != verified.name {
        return Err(denied("the session is one of another project"));
    }

    let project = &verified.signer.project;
    // A session is a name: the room may have been deleted, or this server is new.
    state.service.open_room(&state.server(project.id), &room, RoomSpec::default()).await?;
    let connection = Builder::from_random_bytes(state.entropy.bits().to_be_bytes()).into_uuid();
    let user = UserId::new(&format!("ot-{connection}")).expect("it is short and plain");
    let name = display_name([verified.data.as_str()]);
    let pass = Pass {
        user: &user,
        name: name.as_deref().unwrap_or(NAMELESS),
        room: &room,
        role: core_role(state, verified.role),
        data: &verified.data,
        connection: ConnectionId::from_uuid(connection),
        dialect: DIALECT,
        ttl: EXCHANGED_TTL,
    };
    let answer = ExchangeOut {
        token: &pass.mint(project, state.service.now()),
        room: room.as_str(),
        connection,
        role: verified.role,
        data: &verified.data,
        capabilities: verified.role.capabilities(),
        data_bytes_max: state.settings.data_bytes_max,
        type_bytes_max: state.settings.type_bytes_max,
        replay_history: state.settings.replay_history,
        chat_types: project.settings.chat_signal_types.iter().map(SignalType::as_str).collect(),
        rates: rates(&state.settings, verified.role),
    };
    Ok(json(StatusCode::OK, &answer))
}

fn core_role(state: &OpenTokState, role: Role) -> CoreRole {
    match role {
        Role::Moderator => CoreRole::Moderator,
        Role::Publisher => CoreRole::Member,
        Role::Subscriber if state.settings.subscribers_may_signal => CoreRole::Member,
        Role::Subscriber | Role::PublisherOnly => CoreRole::Viewer,
    }
}

/// Whoever moderates is exempt from the limits per user.
fn rates(settings: &OpenTokSettings, role: Role) -> Rates {
    // A page asks for other things too, and some of what it sends is sent again.
    let requests = pace(settings.requests_per_connection.as_ref());
    let requests = Pace(requests.0 - requests.0 / 6, requests.1 * 0.9);
    let of_user = |rule: &Option<Rule>| match role {
        Role::Moderator => requests,
        _ => pace(rule.as_ref()),
    };
    let (chat, signals) = (of_user(&settings.sends_per_user), of_user(&settings.signals_per_user));
    Rates { chat, signals, requests }
}

/// Where there is no limit, a thousand in a second are more than any page sends, and few enough for its socket.
fn pace(rule: Option<&Rule>) -> Pace {
    // Times have nanoseconds: a millionth tells no difference.
    let per_second = |every: Duration| (1e6 / every.as_secs_f64().max(1e-6)).floor() / 1e6;
    rule.map_or(Pace(1_000, 1_000.0), |rule| Pace(rule.burst, per_second(rule.every)))
}

/// Why nobody is let in.
enum Refused {
    Parameter(String),
    Body(StatusCode),
    Session,
    Token(String),
    TooMany { wait_ms: u64 },
    Failed,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code, name, message) = match &self {
            Self::Parameter(what) => (StatusCode::BAD_REQUEST, 1011, "OT_INVALID_PARAMETER", what.as_str()),
            Self::Body(status) => {
                (*status, 1011, "OT_INVALID_PARAMETER", "the body is too large or could not be read")
            }
            Self::Session => (
                StatusCode::NOT_FOUND,
                1005,
                "OT_INVALID_SESSION_ID",
                "the session id is not one that a server of this project has made",
            ),
            Self::Token(what) => (StatusCode::FORBIDDEN, 1004, "OT_AUTHENTICATION_ERROR", what.as_str()),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                1006,
                "OT_CONNECT_FAILED",
                "too many wrong tokens came from your address",
            ),
            Self::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                1006,
                "OT_CONNECT_FAILED",
                "the server cannot do this now; try again",
            ),
        };
        let mut response = json(status, &ConnectErrorOut { code, name, message });
        if let Self::TooMany { wait_ms } = self {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait_ms));
        }
        response
    }
}

impl From<BadToken> for Refused {
    fn from(bad: BadToken) -> Self {
        match bad {
            BadToken::Failed(failure) => failure.into(),
            bad => Self::Token(bad.to_string()),
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Token(refusal.to_string()),
            Failure::Unavailable(unavailable) => {
                tracing::warn!(error = ?unavailable, "a token could not be exchanged");
                Self::Failed
            }
        }
    }
}
