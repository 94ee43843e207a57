//! `POST /openvidu/exchange`, our own addition: the drop-in script changes a token of this dialect for a native one.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sidetalk_edge::drop_in::{DATA_BYTES_MAX, Pass};

use super::answer::json;
use crate::DIALECT;
use crate::error::{NO_SESSION, RpcError};
use crate::from_wire::token;
use crate::ids;
use crate::join::{no_session, promised, redeem};
use crate::pages::NATIVE_TTL;
use crate::state::{OpenViduState, identity};
use crate::wire::{ErrorOut, ExchangeIn, ExchangeOut};

/// Uses a token up and gives a native one for the same connection.
pub(super) async fn post_exchange(State(state): State<OpenViduState>, body: Bytes) -> Response {
    match exchange(&state, &body).await {
        Ok(response) => response,
        Err(error) => {
            let status = match error.code {
                401 => StatusCode::UNAUTHORIZED,
                NO_SESSION => StatusCode::NOT_FOUND,
                crate::error::UNSUPPORTED => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            json(status, &ErrorOut { code: error.code, message: &error.message })
        }
    }
}

/// What fits the vendor's client may not fit ours; the token stays good for the vendor's.
fn too_much(what: &str) -> RpcError {
    let message = format!("{what} may be at most {DATA_BYTES_MAX} bytes with the drop-in script");
    RpcError::new(crate::error::BAD_METADATA, message)
}

async fn exchange(state: &OpenViduState, body: &[u8]) -> Result<Response, RpcError> {
    let bad = |what: &str| RpcError::new(crate::error::BAD_PARAMS, format!("the body {what}"));
    let wish: ExchangeIn<'_> =
        serde_json::from_slice(body).map_err(|_| bad("must be {\"token\", \"clientData\"}"))?;
    let client_data = wish.client_data.as_deref().unwrap_or_default();
    if client_data.len() > DATA_BYTES_MAX {
        return Err(too_much("clientData"));
    }
    let failed = |failure| RpcError::of(&failure);
    let token = token(&wish.token).ok_or_else(|| bad("has a token that is not one of this server"))?;
    let (key, connection) = promised(state, &token, None).await?;
    if connection.data.len() > DATA_BYTES_MAX {
        return Err(too_much("data"));
    }
    let _turn = state.book.lock(&key).await;
    state.session(&key).await.map_err(failed)?.ok_or_else(no_session)?;
    let project = state.service.project(key.project).await.map_err(failed)?.ok_or_else(no_session)?;
    let (_, connection) = promised(state, &token, None).await?;
    state.put_on_page(&key, connection).await.map_err(failed)?;
    // Last of all that can fail, so that no token is lost.
    let connection = redeem(state, &token).await?;
    let id = ids::connection(key.session.as_str(), &connection.name);
    let identity = identity(&key, &connection, client_data);
    let pass = Pass {
        user: &identity.user,
        name: &identity.name,
        room: &key.session,
        role: identity.role,
        data: &connection.data,
        connection: id,
        dialect: DIALECT,
        ttl: NATIVE_TTL,
    };
    let native = pass.mint(&project, state.service.now());
    let replay = connection.replay_history.unwrap_or(state.settings.replay_history);
    let answer = ExchangeOut {
        token: &native,
        room: key.session.as_str(),
        session: key.session.as_str(),
        connection_id: &connection.name,
        connection: id.as_uuid(),
        role: connection.role,
        server_data: &connection.data,
        chat_type: state.settings.chat_type.as_str(),
        replay_history: (replay > 0).then_some(replay),
    };
    Ok(json(StatusCode::OK, &answer))
}
