//! In whose name a moderator acts. The vendor's moderators act on each other and make others such, which core leaves to owners:
//! so among people of this dialect it is the dialect itself that acts. People of other dialects, and whoever stands above
//! in the room, have core's rules on their side.

use std::collections::HashSet;

use sidetalk_core::model::{Presence, Principal, Role, UserId};
use sidetalk_core::refusal::{Failure, Refusal};
use uuid::Uuid;

use crate::DIALECT;
use crate::enter::Inside;
use crate::hall::connection;
use crate::state::OpenTalkState;

/// In whose name somebody who moderates acts on a user: what is done to a user is done to all connections, so all must be
/// peers.
pub(crate) fn acting_on(state: &OpenTalkState, inside: &Inside, user: &UserId) -> Principal {
    let are_peers = inside.seat.live().with(|room, roster| {
        let own = room.role_in(&inside.link.identity());
        let mut connections = roster.connections_of(user).peekable();
        connections.peek().is_some() && connections.all(|presence| is_peer(presence, own))
    });
    named(state, inside, are_peers)
}

/// In whose name somebody who moderates acts on one connection.
pub(crate) fn acting_at(state: &OpenTalkState, inside: &Inside, target: Uuid) -> Principal {
    let is_peer = inside.seat.live().with(|room, roster| {
        let own = room.role_in(&inside.link.identity());
        roster.get(connection(target)).is_some_and(|presence| is_peer(presence, own))
    });
    named(state, inside, is_peer)
}

/// The peers who are here.
pub(crate) fn peers(inside: &Inside) -> HashSet<Uuid> {
    let peers = inside.seat.live().with(|room, roster| {
        let own = room.role_in(&inside.link.identity());
        let peers = roster.iter().filter(|presence| is_peer(presence, own));
        peers.map(|presence| presence.connection.as_uuid()).collect()
    });
    peers.unwrap_or_default()
}

/// Whether the rules of roles have kept somebody from it.
pub(crate) fn is_denied<T>(done: &Result<T, Failure>) -> bool {
    matches!(done, Err(Failure::Refused(Refusal::RoleNotBelow | Refusal::RoleTooLow { .. })))
}

fn named(state: &OpenTalkState, inside: &Inside, are_peers: Option<bool>) -> Principal {
    if are_peers == Some(true) { state.server() } else { inside.who() }
}

/// A peer is of this dialect and does not stand above.
fn is_peer(presence: &Presence, own: Role) -> bool {
    presence.dialect == DIALECT && presence.role <= own
}
