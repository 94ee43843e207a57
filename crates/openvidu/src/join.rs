//! `joinRoom`: a token is used up, a place in the session is taken, and the newcomer is told in the order that the vendor's
//! clients need: the result first, then stored chat if it is wanted, then whatever has happened since.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::value::RawValue;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{ConnectionId, Presence};
use sidetalk_core::ports::Outlet as _;
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::Joined;
use sidetalk_edge::berth::Berth;
use sidetalk_edge::outbox::Outbox;

use crate::book::{Active, Connection, Session, SessionKey};
use crate::error::{NO_SESSION, RpcError, UNAUTHORIZED};
use crate::from_wire::{Join, TokenText};
use crate::ids;
use crate::state::OpenViduState;
use crate::stay::Stay;
use crate::to_wire::{self, metadata, participant};
use crate::wire::{JoinResult, Participant};

/// The version that is named to clients which do not name theirs: the one that this dialect was checked with.
pub(crate) const VERSION: &str = "2.32.2";

/// Somebody who has just come in. If the socket has gone meanwhile, nobody takes it, and the absence begins.
pub struct Entered {
    state: OpenViduState,
    outbox: Arc<Outbox>,
    stay: Option<Arc<Stay>>,
}

impl Entered {
    pub(crate) fn take(mut self) -> Option<Arc<Stay>> {
        self.stay.take()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(stay) = self.stay.take() {
            self.state.lose(&stay, &self.outbox, self.state.settings.grace);
        }
    }
}

/// A client that wants to come in.
pub(crate) struct Newcomer {
    pub(crate) state: OpenViduState,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) address: Option<IpAddr>,
    /// Of its request.
    pub(crate) id: Option<Box<RawValue>>,
    pub(crate) wish: Join,
}

impl Newcomer {
    /// Comes in and is told so, or why not.
    pub(crate) async fn join(self) -> Option<Entered> {
        match self.enter().await {
            Ok(stay) => Some(Entered { state: self.state, outbox: self.outbox, stay: Some(stay) }),
            Err(error) => {
                if let Some(id) = &self.id {
                    self.outbox.send(to_wire::refused(id, &error));
                }
                None
            }
        }
    }

    async fn enter(&self) -> Result<Arc<Stay>, RpcError> {
        let Self { state, wish, .. } = self;
        let failed = |failure| RpcError::of(&failure);
        let (key, _) = promised(state, &wish.token, wish.session.as_deref()).await?;
        let _turn = state.book.lock(&key).await;
        let session = state.session(&key).await.map_err(failed)?.ok_or_else(no_session)?;
        let (_, connection) = promised(state, &wish.token, None).await?;
        state.pass_on(&key, &connection).await.map_err(failed)?;
        let connection = redeem(state, &wish.token).await?;
        match self.take_place(&key, &session, connection.clone()).await {
            Ok(stay) => Ok(stay),
            Err(failure) => {
                // Nobody came in by it, so the token is as good as before. If that cannot be kept either, it is lost.
                if let Err(failure) = state.book.put_promise(&key, &connection).await {
                    tracing::warn!(error = ?failure, "a token was used up by somebody who could not come in");
                }
                Err(RpcError::of(&failure))
            }
        }
    }

    async fn take_place(
        &self,
        key: &SessionKey,
        session: &Session,
        mut connection: Connection,
    ) -> Result<Arc<Stay>, Failure> {
        let Self { state, wish, .. } = self;
        let berth = Berth::new(Arc::clone(&self.outbox), state.settings.held_bytes_max);
        let rpc = ids::mint_rpc(&*state.entropy);
        let joined = state.enter(key, &connection, &wish.metadata, &berth, false).await?;
        connection.active = Some(Active {
            since: joined.seat.presence().joined_at.as_millis(),
            rpc: Some(rpc.clone()),
            client_data: wish.metadata.clone(),
            platform: wish.platform.clone(),
            ip: self.address.map(|address| address.to_string()),
        });
        if let Err(failure) = state.book.put_active(key, session, &connection).await {
            state.service.leave(&joined.seat, LeaveReason::Left);
            return Err(failure);
        }
        // Before the client learns its secret, so that it can use it at once.
        let stay = Stay::new(key.clone(), rpc, Arc::clone(&joined.seat), berth);
        state.stays.add(&stay);
        self.welcome(&connection, &stay.rpc, &joined);
        Ok(stay)
    }

    /// Sends the result, then stored chat, then what has been held back.
    fn welcome(&self, connection: &Connection, rpc: &str, joined: &Joined) {
        let Self { state, outbox, wish, .. } = self;
        let version = wish.version.as_deref().unwrap_or(VERSION);
        let own = joined.seat.presence();
        let client_data = &own.client_data;
        let others = joined.presence.iter().filter(|presence| presence.connection != own.connection);
        let value: Vec<Participant> = others.map(|presence| participant(presence)).collect();
        let result = JoinResult {
            id: &connection.name,
            session: joined.seat.room().name.as_str(),
            session_id: rpc,
            role: connection.role,
            record: connection.record,
            created_at: own.joined_at.as_millis(),
            metadata: &metadata(client_data, &connection.data),
            version,
            media_server: "kurento",
            video_simulcast: false,
            final_user_id: &connection.name,
            value,
        };
        if let Some(id) = &self.id {
            outbox.send(to_wire::result(id, result));
        }
        for message in joined.history.iter().flat_map(|page| &page.messages).filter(|one| !one.is_deleted()) {
            let is_here = message.sender.connection.is_some_and(|id| is_among(&joined.presence, id));
            outbox.send(state.renderer.message(message, &joined.room.labels, is_here));
        }
        joined.seat.release();
    }
}

/// The connection that a token promises, if it is one of the session that is asked for. The token stays good.
pub(crate) async fn promised(
    state: &OpenViduState,
    token: &TokenText,
    session: Option<&str>,
) -> Result<(SessionKey, Connection), RpcError> {
    let failed = |failure| RpcError::of(&failure);
    let (key, name) = state.book.token(&token.secret).await.map_err(failed)?.ok_or_else(bad_token)?;
    let named = [token.session.as_deref(), session];
    if named.into_iter().flatten().any(|named| named != key.session.as_str()) {
        return Err(bad_token());
    }
    let project = state.service.project(key.project).await.map_err(failed)?;
    if !project.is_some_and(|project| crate::auth::speaks(&project.settings)) {
        return Err(bad_token());
    }
    let connection = state.book.connection(&key, &name).await.map_err(failed)?.ok_or_else(bad_token)?;
    Ok((key, connection))
}

/// Uses a token up: of all who try, one succeeds. Gives the connection as it is now.
pub(crate) async fn redeem(state: &OpenViduState, token: &TokenText) -> Result<Connection, RpcError> {
    let failed = |failure| RpcError::of(&failure);
    let (_, connection) = promised(state, token, None).await?;
    if !state.book.take_token(&token.secret).await.map_err(failed)? {
        return Err(bad_token());
    }
    Ok(connection)
}

fn bad_token() -> RpcError {
    RpcError::new(UNAUTHORIZED, "Token is not valid or was used before. Code: 401")
}

pub(crate) fn no_session() -> RpcError {
    RpcError::new(NO_SESSION, "there is no such session. Code: 202")
}

fn is_among(presences: &[Arc<Presence>], id: ConnectionId) -> bool {
    presences.iter().any(|presence| presence.connection == id)
}
