//! Sessions: made, found, ended.

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use http::StatusCode;
use sidetalk_core::model::RoomSpec;

use super::answer::{Problem, bare, json};
use super::shown::{active_and_pending, all};
use super::{Answered, Caller, flag, session_in};
use crate::book::{Connection, Session, SessionKey};
use crate::from_wire::{Fields, session_properties};
use crate::ids;
use crate::state::OpenViduState;
use crate::wire::{List, SessionOut};

/// Makes a session.
pub(super) async fn post_session(
    State(state): State<OpenViduState>,
    OriginalUri(uri): OriginalUri,
    Caller(project): Caller,
    body: Bytes,
) -> Answered {
    let now = state.service.now();
    let bad = |field| Problem::field(field, uri.path(), now.as_millis());
    let properties = Fields::read(&body).and_then(|fields| session_properties(&fields)).map_err(bad)?;
    let name = match &*properties.custom_session_id {
        "" => ids::mint_session(&*state.entropy),
        custom => custom.to_owned(),
    };
    let key = session_in(&project, &name).ok_or(Problem::Bare(StatusCode::BAD_REQUEST))?;
    let server = state.server(project.id);
    let _turn = state.book.lock(&key).await;
    let session = Session { created_at: now.as_millis(), used: false, properties };
    // The room may be there already, with the history of earlier sessions of that name.
    state.service.open_room(&server, &key.session, RoomSpec::default()).await?;
    state.forget_if_over(&key).await?;
    if !state.book.add_session(&key, &session).await? {
        return Err(Problem::Bare(StatusCode::CONFLICT));
    }
    Ok(json(StatusCode::OK, &shown(&key, &session, &[], &state)))
}

/// All sessions of the project.
pub(super) async fn get_sessions(
    State(state): State<OpenViduState>,
    RawQuery(query): RawQuery,
    Caller(project): Caller,
) -> Answered {
    let with_pending = flag(query.as_deref(), "pendingConnections", false);
    let mut found = Vec::new();
    let mut all = state.book.all_connections(project.id).await?;
    for (key, session) in state.book.sessions(project.id).await? {
        if session.used && state.presences(&key).is_empty() {
            continue;
        }
        let connections = all.remove(&key.session).unwrap_or_default();
        found.push((key, session, active_and_pending(connections, with_pending)));
    }
    let content = found.iter().map(|(key, session, connections)| shown(key, session, connections, &state));
    Ok(json(StatusCode::OK, &List::from(content.collect::<Vec<_>>())))
}

/// One session.
pub(super) async fn get_session(
    State(state): State<OpenViduState>,
    RawQuery(query): RawQuery,
    Caller(project): Caller,
    Path(session): Path<String>,
) -> Answered {
    let with_pending = flag(query.as_deref(), "pendingConnections", false);
    let key = session_in(&project, &session).ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let session = state.session(&key).await?.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let connections = active_and_pending(state.book.connections(&key).await?, with_pending);
    Ok(json(StatusCode::OK, &shown(&key, &session, &connections, &state)))
}

/// Ends a session: everybody is put out, tokens are good for nothing, those of pages too. The room and its log stay.
pub(super) async fn delete_session(
    State(state): State<OpenViduState>,
    Caller(project): Caller,
    Path(session): Path<String>,
) -> Answered {
    let key = session_in(&project, &session).ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let _turn = state.book.lock(&key).await;
    state.session(&key).await?.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    state.service.end_sitting(&state.server(project.id), &key.session).await?;
    state.keep_all_out(&key).await?;
    state.book.remove_session(&key).await?;
    Ok(bare(StatusCode::NO_CONTENT))
}

fn shown<'a>(
    key: &'a SessionKey,
    session: &'a Session,
    connections: &'a [Connection],
    state: &'a OpenViduState,
) -> SessionOut<'a> {
    SessionOut {
        id: key.session.as_str(),
        object: "session",
        session_id: key.session.as_str(),
        created_at: session.created_at,
        recording: false,
        broadcasting: false,
        properties: &session.properties,
        connections: List::from(all(state, key, connections)),
    }
}
