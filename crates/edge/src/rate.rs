//! Rate limits by the generic cell rate algorithm: one number per key says when the next event would be due if events
//! came evenly; a burst may run that far ahead. Exact, without windows, and time is an argument.
//!
//! ```text
//! 5/s, burst 20:  an event moves `due` by 200 ms; it is refused if `due` would then be more than 20 x 200 ms ahead
//! ```

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::{Duration, Instant};

use http::HeaderValue;
use parking_lot::Mutex;

use crate::metrics;

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What a refusal and the metrics call it, such as `messages_per_user`.
    pub name: &'static str,
    /// Time per event in the long run.
    pub every: Duration,
    /// Events that may come at once after a pause. At least 1.
    pub burst: u32,
}

impl Rule {
    /// So many events per second, and so many at once.
    #[must_use]
    pub fn per_second(name: &'static str, events: u32, burst: u32) -> Self {
        Self::per(name, events, Duration::from_secs(1), burst)
    }

    /// So many events per `span`, and so many at once.
    #[must_use]
    pub fn per(name: &'static str, events: u32, span: Duration, burst: u32) -> Self {
        Self { name, every: span / events.max(1), burst: burst.max(1) }
    }

    fn ahead_max(&self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// A refusal by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate limit {rule}: wait {wait_ms} ms")]
pub struct Limited {
    /// Its name.
    pub rule: &'static str,
    /// After how many milliseconds the same event will pass, if nothing else comes in between.
    pub wait_ms: u64,
}

/// The value of `Retry-After` for so many milliseconds: whole seconds, at least one.
#[must_use]
pub fn retry_after(wait_ms: u64) -> HeaderValue {
    HeaderValue::from(wait_ms.div_ceil(1_000).max(1))
}

/// The moment, for rate limits, by the runtime's clock.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The state of one key: for a connection, keep it in the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    due: Option<Instant>,
}

impl Cell {
    /// Counts one event. A refused event is not counted.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn check(&mut self, rule: &Rule, now: Instant) -> Result<(), Limited> {
        let due = self.due.map_or(now, |due| due.max(now)) + rule.every;
        let ahead = due - now;
        if ahead > rule.ahead_max() {
            metrics::rate_limited(rule.name);
            let wait = ahead - rule.ahead_max();
            // Rounded up: who waits as told must pass.
            let wait_ms = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            return Err(Limited { rule: rule.name, wait_ms });
        }
        self.due = Some(due);
        Ok(())
    }

    /// Whether the key is as good as one that was never seen.
    #[must_use]
    pub fn is_rested(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }
}

/// One rule for many keys: users, addresses, rooms. Bounded: see [`Self::new`].
#[derive(Debug)]
pub struct KeyedRates<K> {
    rule: Rule,
    shards: Box<[Mutex<Shard<K>>]>,
    shard_keys_max: usize,
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard<K> {
    cells: HashMap<K, Cell>,
    /// Shared by the keys for which there was no room.
    crowd: Cell,
    /// Sweeping again before any cell can have rested would be in vain, and expensive.
    sweep_after: Option<Instant>,
}

const SHARDS: usize = 16;

impl<K: Hash + Eq + Clone> KeyedRates<K> {
    /// Room for about `keys_max` keys that are not at rest. Beyond that, new keys share one cell: memory stays bounded
    /// and a flood of fresh keys limits itself, while keys already known keep their own cell.
    #[must_use]
    pub fn new(rule: Rule, keys_max: usize) -> Self {
        let shards = (0..SHARDS)
            .map(|_| Mutex::new(Shard { cells: HashMap::new(), crowd: Cell::default(), sweep_after: None }))
            .collect();
        Self { rule, shards, shard_keys_max: keys_max.div_ceil(SHARDS), hasher: RandomState::new() }
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Counts one event of `key`.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), Limited> {
        let shard = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        let mut shard = self.shards[shard].lock();
        if let Some(cell) = shard.cells.get_mut(key) {
            return cell.check(&self.rule, now);
        }
        if shard.cells.len() >= self.shard_keys_max {
            shard.sweep(now, self.rule.every);
        }
        if shard.cells.len() >= self.shard_keys_max {
            return shard.crowd.check(&self.rule, now);
        }
        let mut cell = Cell::default();
        let result = cell.check(&self.rule, now);
        shard.cells.insert(key.clone(), cell);
        result
    }

    /// Says whether an event of `key` would pass, and counts nothing: before something expensive whose failure is the event.
    ///
    /// # Errors
    /// [`Limited`] if it would come too early.
    pub fn foresee(&self, key: &K, now: Instant) -> Result<(), Limited> {
        let shard = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        let known = self.shards[shard].lock().cells.get(key).copied();
        known.unwrap_or_default().check(&self.rule, now)
    }

    /// Forgets the keys that have rested. Call it every minute or so.
    pub fn sweep(&self, now: Instant) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.sweep_after = None;
            shard.sweep(now, self.rule.every);
            shard.cells.shrink_to(self.shard_keys_max.min(64));
        }
    }

    /// Keys in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().cells.len()).sum()
    }

    /// Whether no key is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq> Shard<K> {
    fn sweep(&mut self, now: Instant, pause: Duration) {
        if self.sweep_after.is_some_and(|after| now < after) {
            return;
        }
        self.cells.retain(|_, cell| !cell.is_rested(now));
        self.sweep_after = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let rule = Rule::per_second("messages", 5, 20);
        let mut cell = Cell::default();
        let now = now();
        let passed = (0..100).filter(|_| cell.check(&rule, now).is_ok()).count();
        assert_eq!(passed, 20);
        assert_eq!(cell.check(&rule, now), Err(Limited { rule: "messages", wait_ms: 200 }));
        assert!(cell.check(&rule, now + Duration::from_millis(199)).is_err());
        assert!(cell.check(&rule, now + Duration::from_millis(200)).is_ok());
    }

    #[test]
    fn a_flood_passes_exactly_at_the_rate() {
        for (events, burst, flood_every) in
            [(5, 20, 1_000_u64), (20, 60, 777), (1000, 2, 333), (7, 3, 10_000)]
        {
            let rule = Rule::per_second("flood", events, burst);
            let mut cell = Cell::default();
            let begin = now();
            let seconds = 60;
            let mut passed = 0_u64;
            let mut at_us = 0;
            while at_us < seconds * 1_000_000 {
                passed += u64::from(cell.check(&rule, begin + Duration::from_micros(at_us)).is_ok());
                at_us += flood_every;
            }
            let allowed = u64::from(burst) + u64::from(events) * seconds;
            // The last moment of the minute is not reached, so that one event may be outstanding.
            assert!(passed.abs_diff(allowed) <= 1, "{events}/s burst {burst}: {passed} of {allowed}");
        }
    }

    #[test]
    fn who_waits_as_told_passes() {
        let rule = Rule::per("odd", 7, Duration::from_secs(3), 2);
        let mut cell = Cell::default();
        let mut now = now();
        for _ in 0..1000 {
            if let Err(limited) = cell.check(&rule, now) {
                now += Duration::from_millis(limited.wait_ms);
                assert_eq!(cell.check(&rule, now), Ok(()));
            }
        }
    }

    #[test]
    fn time_that_stands_still_or_goes_back_is_harmless() {
        let rule = Rule::per_second("back", 1, 1);
        let mut cell = Cell::default();
        let now = now() + Duration::from_secs(10);
        assert!(cell.check(&rule, now).is_ok());
        assert_eq!(cell.check(&rule, now - Duration::from_secs(5)).unwrap_err().wait_ms, 6000);
        assert!(cell.check(&rule, now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn keys_do_not_touch_each_other() {
        // As much room as if chance put all keys into one shard.
        let rates = KeyedRates::new(Rule::per_second("user", 1, 1), 50 * SHARDS);
        let now = now();
        for user in 0..50 {
            assert!(rates.check(&user, now).is_ok());
            assert!(rates.check(&user, now).is_err());
        }
    }

    #[test]
    fn memory_is_bounded_and_rested_keys_are_forgotten() {
        let rates = KeyedRates::new(Rule::per_second("address", 1, 1), 160);
        let now = now();
        let passed = (0..100_000).filter(|key| rates.check(key, now).is_ok()).count();
        assert!(rates.len() <= 160);
        // Each shard lets one more pass, from the cell that the crowd shares.
        assert_eq!(passed, 160 + SHARDS);
        // When the first keys have rested, new ones find room again.
        let later = now + Duration::from_secs(2);
        assert!(rates.check(&200_000, later).is_ok());
        rates.sweep(later + Duration::from_secs(2));
        assert!(rates.is_empty());
    }
}
