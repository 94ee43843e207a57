//! Tickets: single use, short-lived, for clients that can put nothing but an address into a WebSocket. In memory and
//! bounded; a node that restarts forgets them, and the client asks for another.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::Entropy;
use sidetalk_core::refusal::Refusal;

use crate::token::Verified;

/// How long a ticket holds.
pub(crate) const TTL: Duration = Duration::from_secs(60);

/// The tickets that wait to be used.
#[derive(Debug)]
pub(crate) struct Tickets {
    waiting: Mutex<HashMap<String, (Verified, Timestamp)>>,
    max: usize,
}

impl Tickets {
    /// Room for that many.
    #[must_use]
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), max }
    }

    /// A fresh ticket for what the token said, and its end.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] if too many wait to be used.
    pub(crate) fn issue(
        &self,
        verified: Verified,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(String, Timestamp), Refusal> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.max {
            waiting.retain(|_, (_, end)| now < *end);
        }
        if waiting.len() >= self.max {
            return Err(Refusal::RateLimited { rule: "tickets", wait_ms: 1_000 });
        }
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&entropy.bits().to_be_bytes());
        bytes[16..].copy_from_slice(&entropy.bits().to_be_bytes());
        let ticket = URL_SAFE_NO_PAD.encode(bytes);
        let end = now.plus(TTL).min(verified.expires_at.max(now));
        waiting.insert(ticket.clone(), (verified, end));
        Ok((ticket, end))
    }

    /// What the ticket stands for. It is used up.
    pub(crate) fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Verified> {
        let (verified, end) = self.waiting.lock().remove(ticket)?;
        (now < end).then_some(verified)
    }

    /// Forgets those that have ended.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, (_, end)| now < *end);
        waiting.shrink_to(64);
    }
}
