//! Watches sockets: clients ping every few seconds, and those who never join must not pile up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::outbox::Outbox;
use tokio::time::Instant;

/// How many intervals may pass without a ping, as in the original.
const MISSED_PINGS: u32 = 3;
/// How long a client that has not said its interval may be silent, as in the original.
const SILENCE: Duration = Duration::from_secs(20);
/// Intervals that clients may ask for.
const INTERVAL: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// One socket's signs of life.
pub(crate) struct Pulse {
    outbox: Arc<Outbox>,
    address: Option<IpAddr>,
    state: Mutex<Beat>,
    joined: AtomicBool,
}

struct Beat {
    patience: Duration,
    due: Instant,
}

impl Pulse {
    /// A ping came, perhaps with the interval of those to come.
    pub(crate) fn beat(&self, interval: Option<Duration>) {
        let mut state = self.state.lock();
        if let Some(interval) = interval {
            state.patience = interval.clamp(*INTERVAL.start(), *INTERVAL.end()) * MISSED_PINGS;
        }
        state.due = Instant::now() + state.patience;
    }

    /// The client is in a session.
    pub(crate) fn set_joined(&self) {
        self.joined.store(true, Ordering::Release);
    }
}

/// All sockets of this node.
pub(crate) struct Watch {
    pulses: Mutex<Vec<Arc<Pulse>>>,
    unjoined_per_address_max: usize,
}

impl Watch {
    pub(crate) fn new(unjoined_per_address_max: usize) -> Self {
        Self { pulses: Mutex::default(), unjoined_per_address_max }
    }

    /// Watches a socket from now on.
    pub(crate) fn add(&self, outbox: &Arc<Outbox>, address: Option<IpAddr>) -> Arc<Pulse> {
        let beat = Beat { patience: SILENCE, due: Instant::now() + SILENCE };
        let (outbox, state) = (Arc::clone(outbox), Mutex::new(beat));
        let pulse = Arc::new(Pulse { outbox, address, state, joined: AtomicBool::new(false) });
        self.pulses.lock().push(Arc::clone(&pulse));
        pulse
    }

    /// Closes who is silent and, where an address has too many that have not joined, the oldest of these: after a failed join
    /// the vendor's client leaves its socket open and pings for ever.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut pulses = self.pulses.lock();
        pulses.retain(|pulse| pulse.outbox.is_open());
        let mut unjoined: HashMap<IpAddr, usize> = HashMap::new();
        // From the newest on, so that those over the bound are the oldest.
        for pulse in pulses.iter().rev() {
            if pulse.state.lock().due < now {
                pulse.outbox.close_with(&Close::new(Code::Normal, "Close for not receive ping from client"));
                continue;
            }
            let Some(address) = pulse.address.filter(|_| !pulse.joined.load(Ordering::Acquire)) else {
                continue;
            };
            let count = unjoined.entry(address).or_default();
            *count += 1;
            if *count > self.unjoined_per_address_max {
                pulse.outbox.close_with(&Close::new(Code::Normal, "too many sockets that do not join"));
            }
        }
    }
}
