//! Every bound that this face adds to core's, in one struct, and the state of the rate limits.
//!
//! Sends (all that a user writes into a room's log, and the rooms that a user makes) and signals count per user, whatever the
//! number of tabs, and per room; moderators, owners and the server are exempt from both. Requests of any kind count per
//! connection, REST requests of users per address. People of another dialect who speak ours through a script may have limits
//! per user of their own: their pages were written for others.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use sidetalk_core::model::{Dialect, ProjectId, RoomKey, UserId};
use sidetalk_edge::gate::Household;
use sidetalk_edge::rate::{Cell, KeyedRates, Limited, Rule};

/// The bounds of this face. A rule that is `None` does not hold.
#[derive(Clone, Debug)]
pub struct ApiLimits {
    /// Requests of one socket, whatever they are. Default 50/s, burst 300.
    pub requests_per_connection: Option<Rule>,
    /// REST requests of users and strangers from one address. Default 50/s, burst 300.
    pub requests_per_address: Option<Rule>,
    /// What one user writes into logs (messages, edits, reactions, pins, invitations…), and rooms that the user makes.
    /// Default 5/s, burst 20.
    pub sends_per_user: Option<Rule>,
    /// What is written into the log of one room. Default 200/s, burst 400.
    pub sends_per_room: Option<Rule>,
    /// Signals and typing of one user. Default 20/s, burst 60.
    pub signals_per_user: Option<Rule>,
    /// What holds for people of other dialects in place of `sends_per_user` and `signals_per_user`. Default: nothing else.
    pub dialects: Vec<DialectLimits>,
    /// Signals and typing in one room. Default 1000/s, burst 2000.
    pub signals_per_room: Option<Rule>,
    /// Joins of one user. Default 5/s, burst 50.
    pub joins_per_user: Option<Rule>,
    /// Failed logins from one address. Default 10 per minute, burst 10.
    pub auth_failures_per_address: Option<Rule>,
    /// Users, addresses and rooms, each, that are remembered at a time. Default 100,000.
    pub keys_max: usize,
    /// Tickets that wait to be used. Default 10,000.
    pub tickets_max: usize,
    /// Rooms that one socket may be in. Default 200.
    pub rooms_per_connection_max: usize,
    /// Frames of one socket that are not requests before it is closed. Default 10.
    pub malformed_max: u8,
    /// Refusals of one socket by [`requests_per_connection`](Self::requests_per_connection) in a row before it is closed.
    /// Default 200.
    pub limited_max: u8,
    /// The longest REST body. Default 128 KiB.
    pub body_bytes_max: usize,
    /// The longest life of a token that `POST /tokens` mints. Default 30 days.
    pub token_ttl_max: Duration,
}

/// The limits per user for people of one dialect.
#[derive(Clone, Debug)]
pub struct DialectLimits {
    /// Whose.
    pub dialect: Dialect,
    /// What one user writes into logs, and rooms that the user makes.
    pub sends_per_user: Option<Rule>,
    /// Signals and typing of one user.
    pub signals_per_user: Option<Rule>,
}

impl Default for ApiLimits {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            requests_per_connection: Some(Rule::per_second("requests_per_connection", 50, 300)),
            requests_per_address: Some(Rule::per_second("requests_per_address", 50, 300)),
            sends_per_user: Some(Rule::per_second("sends_per_user", 5, 20)),
            sends_per_room: Some(Rule::per_second("sends_per_room", 200, 400)),
            signals_per_user: Some(Rule::per_second("signals_per_user", 20, 60)),
            dialects: Vec::new(),
            signals_per_room: Some(Rule::per_second("signals_per_room", 1_000, 2_000)),
            joins_per_user: Some(Rule::per_second("joins_per_user", 5, 50)),
            auth_failures_per_address: Some(Rule::per("auth_failures_per_address", 10, minute, 10)),
            keys_max: 100_000,
            tickets_max: 10_000,
            rooms_per_connection_max: 200,
            malformed_max: 10,
            limited_max: 200,
            body_bytes_max: 128 * 1024,
            token_ttl_max: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl ApiLimits {
    /// No rate limits: for benches, which measure the rest.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            requests_per_connection: None,
            requests_per_address: None,
            sends_per_user: None,
            sends_per_room: None,
            signals_per_user: None,
            signals_per_room: None,
            joins_per_user: None,
            auth_failures_per_address: None,
            ..Self::default()
        }
    }
}

/// A user of a project.
pub type UserKey = (ProjectId, UserId);

/// The state of the rate limits.
#[derive(Debug)]
pub struct Rates {
    sends: PerUserAndRoom,
    signals: PerUserAndRoom,
    joins: Option<KeyedRates<UserKey>>,
    requests: Option<KeyedRates<Household>>,
    auth_failures: Option<KeyedRates<Household>>,
}

/// Somebody whose sends are counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Who.
    pub user: UserKey,
    /// In whose words.
    pub dialect: Option<Dialect>,
    /// Where.
    pub room: RoomKey,
}

#[derive(Debug)]
struct PerUserAndRoom {
    users: Option<KeyedRates<UserKey>>,
    rooms: Option<KeyedRates<RoomKey>>,
    /// In place of `users`.
    dialects: Vec<(Dialect, Option<KeyedRates<UserKey>>)>,
}

impl PerUserAndRoom {
    fn check(&self, Counted { user, dialect, room }: &Counted, now: Instant) -> Result<(), Limited> {
        let own = self.dialects.iter().find(|(own, _)| Some(*own) == *dialect);
        if let Some(users) = own.map_or(&self.users, |(_, users)| users) {
            users.check(user, now)?;
        }
        self.rooms.as_ref().map_or(Ok(()), |rooms| rooms.check(room, now))
    }

    fn is_off(&self) -> bool {
        self.users.is_none() && self.rooms.is_none() && self.dialects.iter().all(|(_, users)| users.is_none())
    }

    fn sweep(&self, now: Instant) {
        let dialects = self.dialects.iter().filter_map(|(_, users)| users.as_ref());
        self.users.iter().chain(dialects).for_each(|users| users.sweep(now));
        self.rooms.iter().for_each(|rooms| rooms.sweep(now));
    }
}

impl Rates {
    /// Nobody has done anything yet.
    #[must_use]
    pub fn new(limits: &ApiLimits) -> Self {
        let keys_max = limits.keys_max;
        let users = |rule: Option<Rule>| rule.map(|rule| KeyedRates::new(rule, keys_max));
        let rooms = |rule: Option<Rule>| rule.map(|rule| KeyedRates::new(rule, keys_max));
        let addresses = |rule: Option<Rule>| rule.map(|rule| KeyedRates::new(rule, keys_max));
        let dialects = |rule: fn(&DialectLimits) -> Option<Rule>| {
            limits.dialects.iter().map(|limits| (limits.dialect, users(rule(limits)))).collect()
        };
        Self {
            sends: PerUserAndRoom {
                users: users(limits.sends_per_user),
                rooms: rooms(limits.sends_per_room),
                dialects: dialects(|limits| limits.sends_per_user),
            },
            signals: PerUserAndRoom {
                users: users(limits.signals_per_user),
                rooms: rooms(limits.signals_per_room),
                dialects: dialects(|limits| limits.signals_per_user),
            },
            joins: users(limits.joins_per_user),
            requests: addresses(limits.requests_per_address),
            auth_failures: addresses(limits.auth_failures_per_address),
        }
    }

    /// Counts what is written into a log, or a room that is made.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn send(&self, counted: &Counted, now: Instant) -> Result<(), Limited> {
        self.sends.check(counted, now)
    }

    /// Whether signals are counted at all.
    #[must_use]
    pub fn counts_signals(&self) -> bool {
        !self.signals.is_off()
    }

    /// Counts a signal.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn signal(&self, counted: &Counted, now: Instant) -> Result<(), Limited> {
        self.signals.check(counted, now)
    }

    /// Counts a join.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn join(&self, user: &UserKey, now: Instant) -> Result<(), Limited> {
        self.joins.as_ref().map_or(Ok(()), |joins| joins.check(user, now))
    }

    /// Counts a REST request of somebody who is not the server.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn request(&self, address: IpAddr, now: Instant) -> Result<(), Limited> {
        self.requests.as_ref().map_or(Ok(()), |requests| requests.check(&address.into(), now))
    }

    /// Counts a failed login.
    ///
    /// # Errors
    /// [`Limited`] if there were too many.
    pub fn auth_failure(&self, address: IpAddr, now: Instant) -> Result<(), Limited> {
        self.auth_failures.as_ref().map_or(Ok(()), |failures| failures.check(&address.into(), now))
    }

    /// Whether a failed login would be one too many; counts nothing.
    ///
    /// # Errors
    /// [`Limited`] if it would.
    pub fn foresee_auth_failure(&self, address: IpAddr, now: Instant) -> Result<(), Limited> {
        self.auth_failures.as_ref().map_or(Ok(()), |failures| failures.foresee(&address.into(), now))
    }

    /// Forgets who has rested.
    pub fn sweep(&self, now: Instant) {
        self.sends.sweep(now);
        self.signals.sweep(now);
        self.joins.iter().for_each(|joins| joins.sweep(now));
        for addresses in [&self.requests, &self.auth_failures].into_iter().flatten() {
            addresses.sweep(now);
        }
    }
}

/// Counts an event of a cell, if there is a rule.
///
/// # Errors
/// [`Limited`] if it comes too early.
pub fn check(cell: &mut Cell, rule: Option<&Rule>, now: Instant) -> Result<(), Limited> {
    rule.map_or(Ok(()), |rule| cell.check(rule, now))
}
