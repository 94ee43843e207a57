//! `GET /api/v1/connect`: the way to the socket. Who brings a token as a second sub-protocol, or a ticket, is known from the
//! start; everybody else says so in the first request.

use std::net::IpAddr;

use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use sidetalk_edge::proxy::Client;
use sidetalk_edge::upgrade::Upgrade;

use crate::errors::Problem;
use crate::socket::NativeSession;
use crate::state::ApiState;
use crate::token::Verified;

/// The sub-protocol's name.
pub const PROTOCOL: &str = "sidetalk.v1";
/// A token as a sub-protocol begins so.
const TOKEN_PREFIX: &str = "token.";

/// Opens a socket.
pub async fn connect(
    State(api): State<ApiState>,
    client: Option<Extension<Client>>,
    RawQuery(query): RawQuery,
    upgrade: Upgrade,
) -> Response {
    let address = client.map(|Extension(client)| client.address);
    let upgrade = match upgrade.check_origin(&api.origins) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let verified = match early(&api, &upgrade, query.as_deref(), address).await {
        Ok(verified) => verified,
        Err(problem) => return problem.into_response(),
    };
    let upgrade = upgrade.choose(&[PROTOCOL]);
    let sockets = api.sockets.clone();
    upgrade.open(&sockets, move |outbox| match verified {
        Some(verified) => NativeSession::known(api, outbox, &verified),
        None => NativeSession::stranger(api, outbox, address),
    })
}

/// Who it is, if the request says so.
async fn early(
    api: &ApiState,
    upgrade: &Upgrade,
    query: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Option<Verified>, Problem> {
    if let Some(token) = upgrade.protocols().find_map(|protocol| protocol.strip_prefix(TOKEN_PREFIX)) {
        return api.verify(token, address).await.map(Some);
    }
    let Some(query) = query else { return Ok(None) };
    let Some(ticket) = query.split('&').find_map(|pair| pair.strip_prefix("ticket=")) else {
        return Err(Problem::invalid("query", "may hold a ticket and nothing else; a token never goes into an address"));
    };
    let verified = api.tickets.redeem(ticket, api.service.now());
    verified.map(Some).ok_or_else(|| Problem::Unauthenticated("the ticket is used up or has ended".into()))
}
