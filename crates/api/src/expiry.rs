//! When the tokens of open sockets end: one ordered list and one sweeper instead of a timer per socket.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::{Closing, Outlet as _};
use sidetalk_edge::outbox::Outbox;

use crate::to_wire;
use crate::token::LEEWAY;
use crate::wire::json::Time;
use crate::wire::notice::{ExpiringNotice, Frame};

/// How long before the end a client is told.
const WARNING: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Warn,
    End,
}

/// The number is the watch's own: two sockets may have one connection and one end, while the second tries to go on with it.
type Due = (Timestamp, u64, Stage);

/// Sockets by the end of their tokens.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    due: Mutex<BTreeMap<Due, Weak<Outbox>>>,
    watches: AtomicU64,
}

/// One socket that is watched; give it to [`Expiries::forget`].
#[derive(Debug)]
pub(crate) struct Watch {
    number: u64,
    end: Timestamp,
}

/// When a socket ends whose token ends at `expires_at`: then, or when a token that was let in late is out of leeway.
#[must_use]
pub(crate) fn end_of(expires_at: Timestamp, now: Timestamp) -> Timestamp {
    if now < expires_at { expires_at } else { expires_at.plus(LEEWAY) }
}

impl Expiries {
    /// Watches a socket until `end`.
    #[must_use]
    pub(crate) fn watch(&self, end: Timestamp, outbox: &Arc<Outbox>) -> Watch {
        let number = self.watches.fetch_add(1, Ordering::Relaxed);
        let mut due = self.due.lock();
        due.insert((end.minus(WARNING), number, Stage::Warn), Arc::downgrade(outbox));
        due.insert((end, number, Stage::End), Arc::downgrade(outbox));
        Watch { number, end }
    }

    /// Forgets a socket.
    pub(crate) fn forget(&self, watch: &Watch) {
        let mut due = self.due.lock();
        due.remove(&(watch.end.minus(WARNING), watch.number, Stage::Warn));
        due.remove(&(watch.end, watch.number, Stage::End));
    }

    /// Warns and ends the sockets whose time has come.
    pub(crate) fn sweep(&self, now: Timestamp) {
        while let Some(((at, _, stage), outbox)) = self.next_due(now) {
            let Some(outbox) = outbox.upgrade() else { continue };
            match stage {
                Stage::Warn => {
                    let notice = ExpiringNotice { expires_at: Time(at.plus(WARNING)) };
                    outbox.send(to_wire::frame(&Frame::new("token.expiring", notice)));
                }
                Stage::End => outbox.close(Closing::TokenExpired),
            }
        }
    }

    /// The watched sockets.
    pub(crate) fn outboxes(&self) -> Vec<Arc<Outbox>> {
        let due = self.due.lock();
        due.iter()
            .filter(|((_, _, stage), _)| *stage == Stage::End)
            .filter_map(|(_, outbox)| outbox.upgrade())
            .collect()
    }

    fn next_due(&self, now: Timestamp) -> Option<(Due, Weak<Outbox>)> {
        let mut due = self.due.lock();
        let first = due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove_entry())
    }
}
