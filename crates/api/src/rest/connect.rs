//! `GET /connect`: the way to the socket. Who brings a token as a second sub-protocol, or a ticket, is known from the
//! start; everybody else says so in the first request.

use std::net::IpAddr;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use sidetalk_edge::caller::Address;
use sidetalk_edge::upgrade::{Upgrade, UpgradeRefusal};

use crate::errors::{ErrorBody, Problem};
use crate::socket::NativeSession;
use crate::state::ApiState;
use crate::token::Verified;

/// The sub-protocol's name.
pub const PROTOCOL: &str = "sidetalk.v1";
/// A token as a sub-protocol begins so.
const TOKEN_PREFIX: &str = "token.";

/// Opens a WebSocket; what it says is in `/asyncapi.json`.
#[utoipa::path(get, path = "/api/v1/connect", tag = "socket",
    params(("ticket" = Option<String>, Query, description = "A single-use ticket of `POST /tickets`.")),
    responses((status = 101, description = "The socket is open."),
        (status = 401, description = "The token or ticket is not good.", body = ErrorBody),
        (status = 426, description = "This is no request for a WebSocket.", body = ErrorBody),
        (status = "4XX", body = ErrorBody)))]
pub(crate) async fn connect(
    State(api): State<ApiState>,
    Address(address): Address,
    RawQuery(query): RawQuery,
    upgrade: Result<Upgrade, UpgradeRefusal>,
) -> Response {
    let upgrade = match upgrade.and_then(|upgrade| upgrade.check_origin(&api.origins)) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refused(refusal),
    };
    let verified = match early(&api, &upgrade, query.as_deref(), address).await {
        Ok(verified) => verified,
        Err(problem) => return problem.into_response(),
    };
    let sockets = api.sockets.clone();
    upgrade.choose(&[PROTOCOL]).open(&sockets, move |outbox| match verified {
        Some(verified) => NativeSession::known(api, outbox, &verified),
        None => NativeSession::stranger(api, outbox, address),
    })
}

/// Edge's status and headers, with our body.
fn refused(refusal: UpgradeRefusal) -> Response {
    let plain = refusal.into_response();
    let mut ours = Problem::InvalidRequest(refusal.to_string().into()).into_response();
    *ours.status_mut() = plain.status();
    for name in [http::header::ALLOW, http::header::UPGRADE, http::header::SEC_WEBSOCKET_VERSION] {
        if let Some(value) = plain.headers().get(&name) {
            ours.headers_mut().insert(name, value.clone());
        }
    }
    ours
}

/// Who it is, if the request says so.
async fn early(
    api: &ApiState,
    upgrade: &Upgrade,
    query: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Option<Verified>, Problem> {
    if let Some(token) = upgrade.protocols().find_map(|protocol| protocol.strip_prefix(TOKEN_PREFIX)) {
        let verified = api.verify(token, address).await?;
        return if verified.principal().user().is_some() {
            Ok(Some(verified))
        } else {
            Err(Problem::UserOnly)
        };
    }
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(None) };
    let Some(ticket) = query.strip_prefix("ticket=") else {
        return Err(Problem::invalid(
            "query",
            "may hold a ticket and nothing else; a token never goes into an address",
        ));
    };
    let verified = api.tickets.redeem(ticket, api.service.now());
    verified.map(Some).ok_or_else(|| Problem::Unauthenticated("the ticket is used up or has ended".into()))
}
