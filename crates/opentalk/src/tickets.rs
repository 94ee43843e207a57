//! Tickets, which open a socket once, and resumption tokens, by which somebody comes back as the same participant. Both live
//! for seconds, so they live in memory.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sidetalk_core::model::{GroupName, RoomKey, Timestamp, UserId};
use sidetalk_core::ports::Entropy;
use sidetalk_edge::digits::{LETTERS_AND_DIGITS, digits};
use uuid::Uuid;

use crate::generation::Generation;

/// How long a ticket and a resumption token are.
pub(crate) const CHARACTERS: usize = 64;

/// Who comes in by a ticket.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) room: RoomKey,
    pub(crate) participant: Uuid,
    /// `None`: a guest.
    pub(crate) user: Option<Known>,
    pub(crate) generation: Generation,
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) avatar: Option<String>,
    pub(crate) groups: Vec<GroupName>,
    pub(crate) is_owner: bool,
}

/// What a resumption token is good for.
#[derive(Clone, Debug)]
struct Claim {
    room: RoomKey,
    participant: Uuid,
    user: Option<UserId>,
    /// When the participant was last here.
    seen_at: Timestamp,
}

/// How asking to come back went.
pub(crate) enum Resumed {
    /// As this participant.
    As(Uuid),
    /// The participant is still here.
    Running,
    /// There is nothing to come back to.
    No,
}

/// All of them.
pub(crate) struct Tickets {
    tickets: Mutex<HashMap<String, (Visitor, Timestamp)>>,
    claims: Mutex<HashMap<String, Claim>>,
    ticket_ttl: Duration,
    claim_ttl: Duration,
    max: usize,
}

impl Tickets {
    pub(crate) fn new(ticket_ttl: Duration, claim_ttl: Duration, max: usize) -> Self {
        Self { tickets: Mutex::default(), claims: Mutex::default(), ticket_ttl, claim_ttl, max }
    }

    /// A ticket and a resumption token for a visitor; `None` if too many wait.
    pub(crate) fn issue(
        &self,
        entropy: &dyn Entropy,
        visitor: Visitor,
        now: Timestamp,
    ) -> Option<(String, String)> {
        let claim = Claim {
            room: visitor.room.clone(),
            participant: visitor.participant,
            user: visitor.user.as_ref().map(|known| known.user.clone()),
            seen_at: now,
        };
        let (ticket, resumption) = (secret(entropy), secret(entropy));
        let mut tickets = self.tickets.lock();
        let mut claims = self.claims.lock();
        if tickets.len() >= self.max || claims.len() >= self.max {
            return None;
        }
        tickets.insert(ticket.clone(), (visitor, now.plus(self.ticket_ttl)));
        claims.insert(resumption.clone(), claim);
        Some((ticket, resumption))
    }

    /// Uses a ticket up.
    pub(crate) fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Visitor> {
        let (visitor, until) = self.tickets.lock().remove(ticket)?;
        (now < until).then_some(visitor)
    }

    /// Uses a resumption token up, if it is that room's and that user's. `is_here`: whether a participant is in the room.
    pub(crate) fn resume(
        &self,
        token: &str,
        room: &RoomKey,
        user: Option<&UserId>,
        now: Timestamp,
        is_here: impl FnOnce(Uuid) -> bool,
    ) -> Resumed {
        let mut claims = self.claims.lock();
        let Some(claim) = claims.get(token) else { return Resumed::No };
        if claim.room != *room || claim.user.as_ref() != user {
            return Resumed::No;
        }
        if is_here(claim.participant) {
            return Resumed::Running;
        }
        let (participant, until) = (claim.participant, claim.seen_at.plus(self.claim_ttl));
        claims.remove(token);
        if now < until { Resumed::As(participant) } else { Resumed::No }
    }

    /// A participant has left: the time to come back begins.
    pub(crate) fn left(&self, participant: Uuid, now: Timestamp) {
        for claim in self.claims.lock().values_mut().filter(|claim| claim.participant == participant) {
            claim.seen_at = now;
        }
    }

    /// Forgets what is over. `is_here`: whether a participant is in that room.
    pub(crate) fn sweep(&self, now: Timestamp, is_here: impl Fn(&RoomKey, Uuid) -> bool) {
        self.tickets.lock().retain(|_, (_, until)| now < *until);
        let here = |claim: &mut Claim| {
            if is_here(&claim.room, claim.participant) {
                claim.seen_at = now;
            }
            now < claim.seen_at.plus(self.claim_ttl)
        };
        self.claims.lock().retain(|_, claim| here(claim));
    }
}

/// 64 letters and digits, of 252 random bits at least.
fn secret(entropy: &dyn Entropy) -> String {
    (0..CHARACTERS / 16).flat_map(|_| digits(entropy.bits(), LETTERS_AND_DIGITS).take(16)).collect()
}
