//! In whose name a moderator acts. The vendor's moderators act on each other and make others such, which core leaves to owners:
//! so among people of this dialect it is the dialect itself that acts. People of other dialects, and whoever stands above
//! in the room, have core's rules on their side.

use std::collections::HashSet;

use sidetalk_core::model::{Presence, Principal, UserId};
use sidetalk_core::refusal::{Failure, Refusal};

use crate::DIALECT;
use crate::enter::Inside;
use crate::state::OpenTalkState;

/// In whose name somebody who moderates acts on a user.
pub(crate) fn acting_on(state: &OpenTalkState, inside: &Inside, user: &UserId) -> Principal {
    if peers(inside).contains(user) { state.server() } else { inside.who() }
}

/// The users who are here by this dialect alone and stand not above somebody: what is done to a user is done to all its
/// connections.
pub(crate) fn peers(inside: &Inside) -> HashSet<UserId> {
    let peers = inside.seat.live().with(|room, roster| {
        let own = room.role_in(&inside.link.identity());
        let is_peer = |presence: &Presence| presence.dialect == DIALECT && presence.role <= own;
        let others: HashSet<_> =
            roster.iter().filter(|one| !is_peer(one)).map(|one| &one.identity.user).collect();
        let users = roster.iter().map(|one| &one.identity.user);
        users.filter(|user| !others.contains(user)).cloned().collect()
    });
    peers.unwrap_or_default()
}

/// Whether the rules of roles have kept somebody from it.
pub(crate) fn is_denied<T>(done: &Result<T, Failure>) -> bool {
    matches!(done, Err(Failure::Refused(Refusal::RoleNotBelow | Refusal::RoleTooLow { .. })))
}
