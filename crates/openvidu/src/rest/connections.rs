//! Connections: promised by a token, listed, changed, put out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use http::StatusCode;
use sidetalk_core::command::Write;
use sidetalk_core::ports::{Outlet as _, Project};
use sidetalk_edge::caller::FoundAt;

use super::answer::{Problem, bare, json};
use super::shown::{active_and_pending, all, pending};
use super::{Answered, Caller, flag, session_in, socket_url};
use crate::book::{Bearer, Connection, SessionKey};
use crate::from_wire::{BadField, ConnectionWish, Fields, connection_wish, role};
use crate::ids;
use crate::join::VERSION;
use crate::state::{OpenViduState, core_role};
use crate::to_wire::notification;
use crate::wire::{List, PropertyChanged, TokenOut, field};

/// Promises a connection.
pub(super) async fn post_connection(
    State(state): State<OpenViduState>,
    OriginalUri(uri): OriginalUri,
    found: FoundAt,
    Caller(project): Caller,
    Path(session): Path<String>,
    body: Bytes,
) -> Answered {
    let at = state.service.now().as_millis();
    let bad = |field| Problem::field(field, uri.path(), at);
    let key = session_in(&project, &session).ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let wish = Fields::read(&body).and_then(|fields| connection_wish(&fields)).map_err(bad)?;
    let connection = promise(&state, &key, &found, wish).await?;
    Ok(json(StatusCode::OK, &pending(&key, &connection)))
}

/// Promises a connection, in the form that came before connections had addresses of their own.
pub(super) async fn post_token(
    State(state): State<OpenViduState>,
    OriginalUri(uri): OriginalUri,
    found: FoundAt,
    Caller(project): Caller,
    body: Bytes,
) -> Answered {
    let at = state.service.now().as_millis();
    let bad = |field| Problem::field(field, uri.path(), at);
    let fields = Fields::read(&body).map_err(bad)?;
    let session = fields.text(field::SESSION).map_err(bad)?;
    let session = session.ok_or_else(|| bad(BadField("Parameter 'session' is mandatory".to_owned())))?;
    let wish = connection_wish(&fields).map_err(bad)?;
    let unknown = || Problem::Said {
        status: StatusCode::NOT_FOUND,
        message: format!("Session {session:.128} not found"),
        path: uri.path().to_owned(),
        at,
    };
    let key = session_in(&project, session).ok_or_else(unknown)?;
    let connection = match promise(&state, &key, &found, wish).await {
        Err(Problem::Bare(StatusCode::NOT_FOUND)) => return Err(unknown()),
        promised => promised?,
    };
    let answer = TokenOut {
        id: &connection.token,
        token: &connection.token,
        connection_id: &connection.name,
        created_at: connection.created_at,
        session,
        data: &connection.data,
        role: connection.role,
    };
    Ok(json(StatusCode::OK, &answer))
}

async fn promise(
    state: &OpenViduState,
    key: &SessionKey,
    found: &FoundAt,
    wish: ConnectionWish,
) -> Result<Connection, Problem> {
    let _turn = state.book.lock(key).await;
    state.session(key).await?.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let (name, chosen) = match wish.user {
        Some(user) if state.book.connection(key, ids::name_in(&user)).await?.is_none() => {
            (ids::name_in(&user).to_owned(), Some(user))
        }
        // Somebody is called so already.
        _ => (ids::mint_name(&*state.entropy), None),
    };
    let secret = ids::mint_token(&*state.entropy);
    // Browsers of before version 2.16 read role and version from here; later ones pass over them.
    let token = format!(
        "{}?sessionId={}&token={secret}&role={}&version={VERSION}",
        socket_url(state, found),
        key.session,
        wish.role.name()
    );
    let connection = Connection {
        name,
        chosen,
        created_at: state.service.now().as_millis(),
        role: wish.role,
        record: wish.record,
        data: wish.data,
        options: wish.options,
        replay_history: wish.replay_history,
        secret,
        token,
        active: None,
    };
    state.book.put_promise(key, &connection).await?;
    Ok(connection)
}

/// The connections of a session: those who are there, of every dialect, and those who are promised.
pub(super) async fn get_connections(
    State(state): State<OpenViduState>,
    RawQuery(query): RawQuery,
    Caller(project): Caller,
    Path(session): Path<String>,
) -> Answered {
    let with_pending = flag(query.as_deref(), "pendingConnections", true);
    let key = session_in(&project, &session).ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    state.session(&key).await?.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    let connections = active_and_pending(state.book.connections(&key).await?, with_pending);
    Ok(json(StatusCode::OK, &List::from(all(&state, &key, &connections))))
}

/// One connection.
pub(super) async fn get_connection(
    State(state): State<OpenViduState>,
    Caller(project): Caller,
    Path((session, connection)): Path<(String, String)>,
) -> Answered {
    let key = known_session(&state, &project, &session).await?;
    let connections: Vec<_> = state.book.connection(&key, &connection).await?.into_iter().collect();
    let shown = all(&state, &key, &connections);
    let found = shown.into_iter().find(|one| one.id == connection);
    Ok(json(StatusCode::OK, &found.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?))
}

/// Puts a connection out, or takes its promise back.
pub(super) async fn delete_connection(
    State(state): State<OpenViduState>,
    Caller(project): Caller,
    Path((session, connection)): Path<(String, String)>,
) -> Answered {
    let key = known_session(&state, &project, &session).await?;
    if let Some(id) = state.find(&key, &connection) {
        state.put_out(&key, id, None, None).await?;
        return Ok(bare(StatusCode::NO_CONTENT));
    }
    let _turn = state.book.lock(&key).await;
    let missing = Problem::Bare(StatusCode::NOT_FOUND);
    let promised = state.book.connection(&key, &connection).await?.ok_or(missing)?;
    if state.is_on_page(&key, &promised).await? {
        state.keep_out(&key, &promised.user()).await?;
    }
    state.book.remove_connection(&key, &connection).await?;
    Ok(bare(StatusCode::NO_CONTENT))
}

/// Changes role and record of a connection.
pub(super) async fn patch_connection(
    State(state): State<OpenViduState>,
    OriginalUri(uri): OriginalUri,
    Caller(project): Caller,
    Path((session, name)): Path<(String, String)>,
    body: Bytes,
) -> Answered {
    let at = state.service.now().as_millis();
    let bad = |field| Problem::field(field, uri.path(), at);
    let fields = Fields::read(&body).map_err(bad)?;
    let (role, record) = (role(&fields).map_err(bad)?, fields.flag(field::RECORD).map_err(bad)?);
    let key = known_session(&state, &project, &session).await?;
    let _turn = state.book.lock(&key).await;
    let missing = Problem::Bare(StatusCode::NOT_FOUND);
    let mut connection = state.book.connection(&key, &name).await?.ok_or(missing)?;
    let (old_role, old_record) = (connection.role, connection.record);
    connection.role = role.unwrap_or(old_role);
    connection.record = record.unwrap_or(old_record);
    state.book.put_connection(&key, &connection).await?;
    if connection.role != old_role {
        change_role(&state, &key, &connection).await?;
    }
    if connection.record != old_record {
        tell(&state, &key, &connection, "record", if connection.record { "true" } else { "false" });
    }
    let connections = [connection];
    let shown = all(&state, &key, &connections).into_iter().find(|one| one.id == name);
    let shown = shown.unwrap_or_else(|| pending(&key, &connections[0]));
    Ok(json(StatusCode::OK, &shown))
}

/// The new role holds at once for somebody who is there, or on the way on a page.
async fn change_role(
    state: &OpenViduState,
    key: &SessionKey,
    connection: &Connection,
) -> Result<(), Problem> {
    let (id, role) = (ids::connection(key.session.as_str(), &connection.name), core_role(connection.role));
    if let Some(stay) = state.stays.get(key, id) {
        let mut identity = (*stay.link.identity()).clone();
        identity.role = role;
        stay.link.refresh(Arc::new(identity));
        state.service.rejudge(&stay.seat);
    } else if state.is_on_page(key, connection).await? {
        // It goes by its native token, even if it is still to come; what the room says goes before that.
        if let Some(chosen) = connection.chosen.as_deref().map(ids::user_off_page) {
            let bearer = Bearer { user: connection.user().as_str().to_owned(), role: Some(connection.role) };
            state.book.put_bearer(key, chosen, &bearer).await?;
        }
        let role = Write::SetRole { user: connection.user(), role: Some(role) };
        state.service.write(&state.server(key.project), &key.session, role).await?;
    }
    tell(state, key, connection, "role", connection.role.name());
    Ok(())
}

fn tell(
    state: &OpenViduState,
    key: &SessionKey,
    connection: &Connection,
    property: &'static str,
    new_value: &str,
) {
    let id = ids::connection(key.session.as_str(), &connection.name);
    if let Some(stay) = state.stays.get(key, id) {
        let params = PropertyChanged { property, new_value };
        stay.berth.send(notification("connectionPropertyChanged", params));
    }
}

/// The session in the address; one that does not exist is a bad request here, as in the original.
async fn known_session(
    state: &OpenViduState,
    project: &Project,
    session: &str,
) -> Result<SessionKey, Problem> {
    let unknown = || Problem::Bare(StatusCode::BAD_REQUEST);
    let key = session_in(project, session).ok_or_else(unknown)?;
    state.session(&key).await?.ok_or_else(unknown)?;
    Ok(key)
}
