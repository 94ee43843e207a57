//! Time that stands still and chance that repeats itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::{Clock, Entropy};

/// 2026-11-21T09:30:00Z, when every test begins.
pub const START: Timestamp = Timestamp::from_micros(1_795_253_400_000_000);

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl Default for FixedClock {
    fn default() -> Self {
        Self(AtomicI64::new(START.as_micros()))
    }
}

impl FixedClock {
    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Jumps, back too.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.as_micros(), Ordering::Release);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Acquire))
    }
}

/// Chance that counts: the same test draws the same bits.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn bits(&self) -> u128 {
        // Spread over all bits (splitmix64), so that whoever takes a part of them gets something new each time.
        let spread = |mut bits: u64| {
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ (bits >> 31)
        };
        let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let seed = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (u128::from(spread(seed)) << 64) | u128::from(spread(!seed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn chance_repeats_itself_but_not_within_a_test() {
        let (one, other) = (CountingEntropy::default(), CountingEntropy::default());
        let drawn: HashSet<u128> = (0..1_000).map(|_| one.bits()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.contains(&other.bits()));
    }
}
