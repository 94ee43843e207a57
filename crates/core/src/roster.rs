//! Who is in a room right now: pure state, and the rules of what is never stored (signals, typing).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Audience, ConnectionId, Identity, Presence, Principal, Role, Signal, SignalData, Timestamp, UserId};
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
    /// The name of the dialect that it speaks.
    pub dialect: &'static str,
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
        let presence = Arc::new(Presence { connection, identity, role, dialect, client_data, joined_at: now.after(last) });
        self.times.insert(connection, presence.joined_at);
        self.by_time.insert(presence.joined_at, presence.clone());
        presence
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
        connections.iter().filter_map(|id| self.get(*id)).map(|presence| presence.identity.user.clone()).collect()
    }
}

/// Decides whether `who` may send `signal`, and to whom it goes. `is_chat`: the project says that its type is chat, so that the
/// room's private chat policy and switches hold for it too.
///
/// # Errors
/// The refusal that says what to mend.
pub fn check_signal(
    room: &Room,
    roster: &Roster,
    now: Timestamp,
    who: &Principal,
    standing: &Standing,
    signal: &Signal,
    is_chat: bool,
    limits: &crate::limits::Limits,
) -> Result<(), Refusal> {
    let bytes = match &signal.data {
        SignalData::Text(text) | SignalData::Json(text) => text.len(),
    };
    if bytes > limits.signal_bytes_max {
        return Err(Refusal::TooLarge { field: "data", max: limits.signal_bytes_max });
    }
    check_reach(room, roster, now, who, standing, &signal.to, limits)?;
    let Some(user) = who.user().filter(|_| is_chat) else { return Ok(()) };
    if !room.settings.chat_enabled {
        return Err(Refusal::ChatDisabled);
    }
    match &signal.to {
        Audience::Users(users) => room.check_private(standing, user, users, &live_roles(roster, users)),
        Audience::Connections(connections) => {
            let users = roster.users_behind(connections);
            room.check_private(standing, user, &users, &live_roles(roster, &users))
        }
        Audience::Room | Audience::Group(_) => Ok(()),
    }
}

/// Decides whether `who` may say something ephemeral to `to`.
///
/// # Errors
/// The refusal that says what to mend.
pub fn check_reach(
    room: &Room,
    roster: &Roster,
    now: Timestamp,
    who: &Principal,
    standing: &Standing,
    to: &Audience,
    limits: &crate::limits::Limits,
) -> Result<(), Refusal> {
    let Some(user) = who.user() else { return Ok(()) };
    if standing.role < Role::Guest {
        return Err(Refusal::RoleTooLow { needed: Role::Guest.name() });
    }
    room.require_joined(user)?;
    room.require_unmuted(now, user)?;
    let max = limits.audience_max;
    match to {
        Audience::Room => Ok(()),
        Audience::Group(group) if standing.is_moderator() || standing.groups.contains(group) => Ok(()),
        Audience::Group(_) => Err(Refusal::NotFound { what: "group" }),
        Audience::Users(users) if users.len() > max => Err(Refusal::TooLarge { field: "to", max }),
        Audience::Connections(connections) if connections.len() > max => Err(Refusal::TooLarge { field: "to", max }),
        Audience::Connections(connections) if connections.iter().any(|id| roster.get(*id).is_none()) => {
            Err(Refusal::NotFound { what: "connection" })
        }
        Audience::Users(_) | Audience::Connections(_) => Ok(()),
    }
}

/// The roles that the tokens of those of `users` who are present give.
pub fn live_roles(roster: &Roster, users: &[UserId]) -> Vec<(UserId, Role)> {
    users.iter().filter_map(|user| roster.role_of(user).map(|role| (user.clone(), role))).collect()
}
