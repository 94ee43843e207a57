//! How often a busy room is written.
//!
//! A write to one member costs the same whether it carries one message or fifty, so a room in which members × messages per
//! second is high is written in slots: the first message at once, what follows at the end of the slot. A slot that joins
//! nothing only adds delay, so pacing pauses for a while when it does not help.

use std::time::Duration;

use tokio::time::Instant;

/// Deliveries per second from which a room is busy.
const BUSY_PER_SECOND: f64 = 10_000.0;
/// Deliveries per second at which the slot is longest.
const BUSIEST_PER_SECOND: f64 = 50_000.0;
const SLOT_MIN: Duration = Duration::from_millis(10);
const SLOT_MAX: Duration = Duration::from_millis(20);
/// Over which time the rate is averaged.
const WINDOW_SECONDS: f64 = 0.5;
/// Messages per flush from which pacing is worth its delay.
const GAIN_MIN: f64 = 1.3;
/// How long pacing pauses when it does not help.
const PAUSE: Duration = Duration::from_secs(2);

/// One room's pace.
#[derive(Debug)]
pub(super) struct Pace {
    flushed_at: Option<Instant>,
    deliveries_per_second: f64,
    messages_per_flush: f64,
    paused_until: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { flushed_at: None, deliveries_per_second: 0.0, messages_per_flush: 2.0, paused_until: None }
    }
}

impl Pace {
    /// The earliest moment of the next flush; `None`: at once.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.flushed_at? + self.slot(now)?;
        (due > now).then_some(due)
    }

    /// Takes a flush of `messages` to `listeners` into account.
    pub(super) fn flushed(&mut self, now: Instant, messages: usize, listeners: usize) {
        let was_paced = self.slot(now).is_some();
        let elapsed = self.flushed_at.map_or(WINDOW_SECONDS, |last| (now - last).as_secs_f64());
        self.flushed_at = Some(now);
        let kept = (-elapsed / WINDOW_SECONDS).exp();
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (messages, listeners) = (messages as f64, listeners as f64);
        self.deliveries_per_second =
            self.deliveries_per_second * kept + messages * listeners / WINDOW_SECONDS;
        if !was_paced {
            return;
        }
        self.messages_per_flush = self.messages_per_flush * 0.8 + messages * 0.2;
        if self.messages_per_flush < GAIN_MIN {
            self.paused_until = Some(now + PAUSE);
            self.messages_per_flush = 2.0;
        }
    }

    fn slot(&self, now: Instant) -> Option<Duration> {
        if self.deliveries_per_second < BUSY_PER_SECOND || self.paused_until.is_some_and(|until| now < until)
        {
            return None;
        }
        let part = (self.deliveries_per_second - BUSY_PER_SECOND) / (BUSIEST_PER_SECOND - BUSY_PER_SECOND);
        Some(SLOT_MIN + (SLOT_MAX - SLOT_MIN).mul_f64(part.min(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(messages_per_flush: usize, flushes: u32) -> (Pace, Instant) {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..flushes {
            now = pace.due(now).unwrap_or(now + Duration::from_millis(1));
            pace.flushed(now, messages_per_flush, 1_000);
        }
        (pace, now)
    }

    #[test]
    fn a_quiet_room_is_written_at_once() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.due(now), None);
    }

    #[test]
    fn a_busy_room_is_written_in_slots() {
        let (pace, now) = run(25, 100);
        assert_eq!(pace.due(now), Some(now + SLOT_MAX));
    }

    #[test]
    fn slots_that_join_nothing_are_given_up() {
        let (pace, now) = run(1, 100);
        assert_eq!(pace.due(now), None);
        assert!(pace.paused_until.is_some());
    }
}
