//! Who is in a room right now: pure state, and the rules of what is never stored (signals, typing).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::limits::Limits;
use crate::model::{
    Audience, ConnectionId, Dialect, Identity, Presence, Principal, Role, Signal, SignalData, Timestamp,
    UserId,
};
use crate::refusal::Refusal;
use crate::room::{Room, Standing};

/// The connections in a room, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    by_time: BTreeMap<Timestamp, Arc<Presence>>,
    times: HashMap<ConnectionId, Timestamp>,
}

/// A connection that comes into a room.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The connection.
    pub connection: ConnectionId,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The role that holds in the room.
    pub role: Role,
    /// The dialect that it speaks.
    pub dialect: Dialect,
    /// What the client says of itself.
    pub client_data: Arc<str>,
}

impl Roster {
    /// Takes a connection in. Coming twice changes nothing.
    pub fn arrive(&mut self, now: Timestamp, arrival: Arrival) -> Arc<Presence> {
        if let Some(presence) = self.get(arrival.connection) {
            return presence.clone();
        }
        let last = self.by_time.last_key_value().map_or(Timestamp::default(), |(at, _)| *at);
        let Arrival { connection, identity, role, dialect, client_data } = arrival;
        let presence = Arc::new(Presence {
            connection,
            identity,
            role,
            dialect,
            client_data,
            joined_at: now.after(last),
        });
        self.times.insert(connection, presence.joined_at);
        self.by_time.insert(presence.joined_at, presence.clone());
        presence
    }

    /// Tells from now on that a connection is its user by that token, in that role.
    pub fn stand(&mut self, connection: ConnectionId, identity: Arc<Identity>, role: Role) {
        let at = self.times.get(&connection);
        if let Some(presence) = at.and_then(|at| self.by_time.get_mut(at)) {
            let presence = Arc::make_mut(presence);
            presence.identity = identity;
            presence.role = role;
        }
    }

    /// Takes a connection out.
    pub fn depart(&mut self, connection: ConnectionId) -> Option<Arc<Presence>> {
        self.times.remove(&connection).and_then(|at| self.by_time.remove(&at))
    }

    /// The presence of that connection.
    pub fn get(&self, connection: ConnectionId) -> Option<&Arc<Presence>> {
        self.times.get(&connection).and_then(|at| self.by_time.get(at))
    }

    /// Everybody, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Presence>> {
        self.by_time.values()
    }

    /// How many connections are here.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The connections of that user.
    pub fn connections_of<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = &'a Arc<Presence>> {
        self.iter().filter(move |presence| presence.identity.user == *user)
    }

    /// The highest role that a token of that user gives here.
    pub fn role_of(&self, user: &UserId) -> Option<Role> {
        self.connections_of(user).map(|presence| presence.identity.role).max()
    }

    /// The users behind these connections.
    pub fn users_behind(&self, connections: &[ConnectionId]) -> Vec<UserId> {
        connections
            .iter()
            .filter_map(|id| self.get(*id))
            .map(|presence| presence.identity.user.clone())
            .collect()
    }
}

/// Somebody who wants to say something that is not stored, with all that the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Utterance<'a> {
    /// The room.
    pub room: &'a Room,
    /// Who is there.
    pub roster: &'a Roster,
    /// The moment.
    pub now: Timestamp,
    /// Who speaks.
    pub who: &'a Principal,
    /// What the speaker is in the room.
    pub standing: &'a Standing,
    /// The bounds.
    pub limits: &'a Limits,
}

impl Utterance<'_> {
    /// Decides whether this signal may go out. `is_chat`: the project calls its type chat, so that the room's switches and
    /// private chat policy hold for it too.
    ///
    /// # Errors
    /// The refusal that says what to mend.
    pub fn check_signal(&self, signal: &Signal, is_chat: bool) -> Result<(), Refusal> {
        let (SignalData::Text(data) | SignalData::Json(data)) = &signal.data;
        let max = self.limits.signal_bytes_max;
        if data.len() > max {
            return Err(Refusal::TooLarge { field: "data", max });
        }
        self.check_reach(&signal.to)?;
        if is_chat { self.check_chat(&signal.to) } else { Ok(()) }
    }

    /// Decides whether anything ephemeral may go to `to`.
    ///
    /// # Errors
    /// The refusal that says what to mend.
    pub fn check_reach(&self, to: &Audience) -> Result<(), Refusal> {
        let Some(user) = self.who.user() else { return Ok(()) };
        if self.standing.role < Role::Guest {
            return Err(Refusal::RoleTooLow { needed: Role::Guest.name() });
        }
        self.room.require_joined(user)?;
        self.room.require_unmuted(self.now, user)?;
        let max = self.limits.audience_max;
        match to {
            Audience::Room => Ok(()),
            Audience::Group(group)
                if self.standing.is_moderator() || self.standing.groups.contains(group) =>
            {
                Ok(())
            }
            Audience::Group(_) => Err(Refusal::NotFound { what: "group" }),
            Audience::Users(users) if users.len() > max => Err(Refusal::TooLarge { field: "to", max }),
            Audience::Connections(connections) if connections.len() > max => {
                Err(Refusal::TooLarge { field: "to", max })
            }
            Audience::Connections(connections)
                if connections.iter().any(|id| self.roster.get(*id).is_none()) =>
            {
                Err(Refusal::NotFound { what: "connection" })
            }
            Audience::Users(_) | Audience::Connections(_) => Ok(()),
        }
    }

    /// Decides whether chat may go to `to`.
    ///
    /// # Errors
    /// The refusal that says what to mend.
    pub fn check_chat(&self, to: &Audience) -> Result<(), Refusal> {
        let Some(user) = self.who.user() else { return Ok(()) };
        if !self.room.settings.chat_enabled {
            return Err(Refusal::ChatDisabled);
        }
        let users = match to {
            Audience::Users(users) => users.to_vec(),
            Audience::Connections(connections) => self.roster.users_behind(connections),
            Audience::Room | Audience::Group(_) => return Ok(()),
        };
        self.room.check_private(self.standing, user, &users, &live_roles(self.roster, &users))
    }
}

/// The moderators among those who are present, by their tokens.
pub fn live_moderators(roster: &Roster) -> Vec<(UserId, Role)> {
    let moderators = roster.iter().filter(|other| other.identity.role >= Role::Moderator);
    moderators.map(|other| (other.identity.user.clone(), other.identity.role)).collect()
}

/// The roles that the tokens of those of `users` who are present give.
pub fn live_roles(roster: &Roster, users: &[UserId]) -> Vec<(UserId, Role)> {
    users.iter().filter_map(|user| roster.role_of(user).map(|role| (user.clone(), role))).collect()
}
