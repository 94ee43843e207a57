//! Users, roles, memberships and presences.

use std::sync::Arc;

use super::{ConnectionId, Dialect, GroupName, ProjectId, RoomName, Timestamp, UserId};

/// Who acts: fixed at login, carried with every command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The tenant.
    pub project: ProjectId,
    /// The user, or the project's own server.
    pub actor: Actor,
    /// The connection that the command comes by, if it comes by one.
    pub connection: Option<ConnectionId>,
    /// The dialect that the command comes by; `None` for what operators do.
    pub dialect: Option<Dialect>,
}

impl Principal {
    /// The project's own server, by that dialect; `None`: an operator, or Sidetalk itself.
    pub fn server(project: ProjectId, dialect: Option<Dialect>) -> Self {
        Self { project, actor: Actor::Server, connection: None, dialect }
    }

    /// The user, if a user acts.
    pub fn user(&self) -> Option<&UserId> {
        match &self.actor {
            Actor::User(identity) => Some(&identity.user),
            Actor::Server => None,
        }
    }

    /// What this principal reads as.
    pub fn viewer(&self) -> Viewer {
        match &self.actor {
            Actor::User(identity) => {
                Viewer::User { user: identity.user.clone(), groups: identity.groups.clone() }
            }
            Actor::Server => Viewer::Server,
        }
    }
}

/// A user, or the project's own server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A user, by a token.
    User(Arc<Identity>),
    /// The project's own server, by its secret: it may do everything and sees everything.
    Server,
}

/// What a user's token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The display name.
    pub name: Arc<str>,
    /// The address of a picture.
    pub avatar: Option<Arc<str>>,
    /// The role in the rooms that the token opens, unless the room says otherwise.
    pub role: Role,
    /// The groups that the user is in.
    pub groups: Arc<[GroupName]>,
    /// What the host application says of the user, to everybody in the room; fixed by the token.
    pub data: Arc<str>,
    /// The rooms that the token opens; `None` for any.
    pub rooms: Option<Arc<[RoomName]>>,
    /// When the token was issued.
    pub issued_at: Option<Timestamp>,
    /// When the token ends.
    pub expires_at: Option<Timestamp>,
}

/// What a user may do, from most to least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Reads; no more.
    Viewer,
    /// An unknown person: posts to the room, speaks privately only with moderators.
    Guest,
    /// Posts, reacts, edits and deletes the own.
    Member,
    /// Also pins, deletes, mutes, removes, bans, switches.
    Moderator,
    /// Also makes moderators.
    Owner,
}

/// Who reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Viewer {
    /// A user with groups.
    User {
        /// The user.
        user: UserId,
        /// The groups.
        groups: Arc<[GroupName]>,
    },
    /// The project's own server: sees everything.
    Server,
}

/// A user's lasting relation to a room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Member {
    /// The role given in this room; `None`: the token's.
    pub role: Option<Role>,
    /// The groups given in this room, beside the token's.
    pub groups: Vec<GroupName>,
    /// The mute, if there is one.
    pub mute: Option<Mute>,
    /// The ban, if there is one.
    pub ban: Option<Mute>,
    /// The durable membership, in `direct` and `group` rooms.
    pub membership: Option<Membership>,
}

impl Member {
    /// Whether nothing is recorded.
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// A mute or a ban and its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mute {
    /// When it ends by itself; `None`: when somebody lifts it.
    pub until: Option<Timestamp>,
}

impl Mute {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// How far a user is in a `direct` or `group` room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    /// Asked to join.
    Invited,
    /// In.
    Joined,
    /// Went, or was removed.
    Left,
}

/// One live connection in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presence {
    /// The connection.
    pub connection: ConnectionId,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The role that holds in this room.
    pub role: Role,
    /// The dialect that it speaks.
    pub dialect: Dialect,
    /// What the client said of itself.
    pub client_data: Arc<str>,
    /// When it joined: strictly rising within a room.
    pub joined_at: Timestamp,
}
