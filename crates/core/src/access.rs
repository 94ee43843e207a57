//! The audience rule: who may see what. The one place; stores repeat it in SQL and are tested against it.

use crate::model::{Actor, Audience, ConnectionId, GroupName, Message, Principal, RoomName, UserId, Viewer};

/// Whether `viewer`, reading by `connection` if it is a live one, may see what is for `audience`.
pub fn may_see(viewer: &Viewer, connection: Option<ConnectionId>, audience: &Audience) -> bool {
    match viewer {
        Viewer::Server => true,
        Viewer::User { user, groups } => is_addressed(user, groups, connection, audience),
    }
}

/// Whether a user with `groups` on `connection` is among `audience`.
pub fn is_addressed(
    user: &UserId,
    groups: &[GroupName],
    connection: Option<ConnectionId>,
    audience: &Audience,
) -> bool {
    match audience {
        Audience::Room => true,
        Audience::Group(group) => groups.contains(group),
        Audience::Users(users) => users.binary_search(user).is_ok(),
        Audience::Connections(connections) => {
            connection.is_some_and(|id| connections.binary_search(&id).is_ok())
        }
    }
}

/// Whether a message is meant for that connection among its audience, in a dialect in which each connection is a person of its
/// own: for the one that it was addressed to and the one it came by, or for all.
pub fn is_meant_for(message: &Message, connection: ConnectionId) -> bool {
    message.addressee.is_none_or(|addressee| addressee == connection)
        || message.sender.connection == Some(connection)
}

/// Whether the principal's token opens the room of that name.
pub fn opens(principal: &Principal, room: &RoomName) -> bool {
    match &principal.actor {
        Actor::Server => true,
        Actor::User(identity) => identity.rooms.as_ref().is_none_or(|rooms| rooms.contains(room)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_seen_by_its_people_and_the_server() {
        let id = |name: &str| UserId::new(name).expect("a valid id");
        let group = GroupName::new("staff").expect("a valid name");
        let viewer =
            |name: &str, groups: Vec<GroupName>| Viewer::User { user: id(name), groups: groups.into() };
        let private = Audience::users([id("bob"), id("alice")]);
        let staff = Audience::Group(group.clone());
        assert!(may_see(&viewer("alice", vec![]), None, &private));
        assert!(!may_see(&viewer("carol", vec![group.clone()]), None, &private));
        assert!(may_see(&viewer("carol", vec![group]), None, &staff));
        assert!(!may_see(&viewer("alice", vec![]), None, &staff));
        assert!(may_see(&Viewer::Server, None, &private));
        assert!(may_see(&viewer("dave", vec![]), None, &Audience::Room));
    }
}
