//! Connections as REST shows them, of whatever dialect they are.

use std::borrow::Cow;
use std::collections::HashMap;

use sidetalk_core::model::{Presence, Role as CoreRole};

use crate::DIALECT;
use crate::book::{Connection, SessionKey};
use crate::ids;
use crate::state::OpenViduState;
use crate::wire::{ConnectionOut, Role};

/// Without those whose token nobody has used, unless they are wanted.
pub(super) fn active_and_pending(connections: Vec<Connection>, with_pending: bool) -> Vec<Connection> {
    connections.into_iter().filter(|connection| with_pending || connection.active.is_some()).collect()
}

/// Those who are there in the order in which they came, then those who are promised.
pub(super) fn all<'a>(
    state: &OpenViduState,
    key: &'a SessionKey,
    connections: &'a [Connection],
) -> Vec<ConnectionOut<'a>> {
    let mut known: HashMap<&str, &Connection> =
        connections.iter().map(|connection| (&*connection.name, connection)).collect();
    let mut shown = Vec::new();
    for presence in state.presences(key) {
        let name = ids::name_of(&presence);
        let own = known.remove(&*name);
        shown.push(active(key, name, own, &presence));
    }
    let is_promised =
        |connection: &&Connection| connection.active.is_none() && known.contains_key(&*connection.name);
    shown.extend(connections.iter().filter(is_promised).map(|connection| pending(key, connection)));
    shown
}

pub(super) fn pending<'a>(key: &'a SessionKey, connection: &'a Connection) -> ConnectionOut<'a> {
    ConnectionOut {
        id: Cow::Borrowed(&connection.name),
        object: "connection",
        status: "pending",
        connection_id: Cow::Borrowed(&connection.name),
        session_id: Cow::Borrowed(key.session.as_str()),
        created_at: connection.created_at,
        kind: "WEBRTC",
        record: connection.record,
        role: connection.role,
        server_data: Cow::Borrowed(&connection.data),
        token: Some(connection.token.clone()),
        kurento_options: connection.options.clone(),
        custom_ice_servers: Vec::new(),
        rtsp_uri: None,
        adaptative_bitrate: None,
        only_play_with_subscribers: None,
        network_cache: None,
        active_at: None,
        location: None,
        ip: None,
        platform: None,
        client_data: None,
        publishers: None,
        subscribers: None,
    }
}

/// Somebody who is there; `own` is what this dialect knows of people of its own.
fn active<'a>(
    key: &'a SessionKey,
    name: String,
    own: Option<&'a Connection>,
    presence: &Presence,
) -> ConnectionOut<'a> {
    let known = own.and_then(|connection| connection.active.as_ref());
    let joined_at = presence.joined_at.as_millis();
    let platform = known.map_or(presence.dialect.as_str(), |known| &known.platform);
    ConnectionOut {
        id: Cow::Owned(name.clone()),
        object: "connection",
        status: "active",
        connection_id: Cow::Owned(name),
        session_id: Cow::Borrowed(key.session.as_str()),
        created_at: own.map_or(joined_at, |connection| connection.created_at),
        kind: "WEBRTC",
        record: own.is_none_or(|connection| connection.record),
        role: own.map_or_else(|| role_of(presence), |connection| connection.role),
        server_data: Cow::Owned(presence.identity.data.to_string()),
        token: own.map(|connection| connection.token.clone()),
        kurento_options: own.and_then(|connection| connection.options.clone()),
        custom_ice_servers: Vec::new(),
        rtsp_uri: None,
        adaptative_bitrate: None,
        only_play_with_subscribers: None,
        network_cache: None,
        active_at: Some(joined_at),
        location: Some("unknown"),
        ip: known.and_then(|known| known.ip.as_deref()).map(Cow::Borrowed),
        platform: Some(Cow::Owned(if presence.dialect == DIALECT && platform.is_empty() {
            "unknown".to_owned()
        } else {
            platform.to_owned()
        })),
        client_data: Some(Cow::Owned(presence.client_data.to_string())),
        publishers: Some([]),
        subscribers: Some([]),
    }
}

/// What somebody of another dialect is here.
fn role_of(presence: &Presence) -> Role {
    if presence.role >= CoreRole::Moderator { Role::Moderator } else { Role::Publisher }
}
