//! Finds connections that are dead or never logged in. One task for all of them: a wheel of slots, of which one is
//! pinged per tick, so that a hundred thousand connections do not get their ping in the same millisecond.
//!
//! ```text
//! slot k:   ping at tick t ────── pong wait ──────> anything heard since? no: closed
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::ports::{Closing, Outlet as _};
use tokio::time::{Instant, MissedTickBehavior};

use crate::close::Reason;
use crate::frame;
use crate::metrics;
use crate::outbox::Outbox;

/// Connections handled before other tasks get their turn.
const CONNECTIONS_PER_TURN: usize = 256;

/// When a silent connection is given up.
#[derive(Clone, Copy, Debug)]
pub struct LivenessSettings {
    /// How often each connection is pinged. Default 25 s, below the usual 60 s and 30 s idle limits of proxies.
    pub ping_every: Duration,
    /// How long to wait for a sign of life after a ping; any inbound byte counts. May be longer than the time between two
    /// pings, up to seven times. Default 8 s.
    pub pong_wait: Duration,
    /// How long a connection may stay without login. Default 5 s.
    pub login_wait: Duration,
    /// What a ping carries, at most 125 bytes. Default nothing.
    pub ping_payload: &'static [u8],
}

impl Default for LivenessSettings {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(25),
            pong_wait: Duration::from_secs(8),
            login_wait: Duration::from_secs(5),
            ping_payload: b"",
        }
    }
}

/// The register of open connections and its sweeper.
#[derive(Debug)]
pub struct Liveness {
    tick: Duration,
    pong_ticks: u64,
    /// How many pings a connection has got since the one whose answer is due.
    pings_since: u64,
    login_wait: Duration,
    ping: Bytes,
    wheel: Mutex<Wheel>,
}

#[derive(Debug)]
struct Wheel {
    /// The number of the tick to come.
    now_tick: u64,
    slots: Vec<Vec<Weak<Outbox>>>,
    /// Not known to be logged in, oldest first.
    newcomers: VecDeque<(Instant, Weak<Outbox>)>,
}

impl Liveness {
    /// An empty register. Nothing happens until [`Self::run`] is spawned.
    #[must_use]
    pub fn new(settings: LivenessSettings) -> Arc<Self> {
        let shortest = settings.ping_every.min(settings.pong_wait).min(settings.login_wait);
        let tick = (shortest / 5).clamp(Duration::from_millis(5), Duration::from_secs(1));
        let slots = ticks(settings.ping_every, tick).max(2);
        let pong_ticks = ticks(settings.pong_wait, tick).clamp(1, slots * Outbox::PINGS_REMEMBERED);
        Arc::new(Self {
            tick,
            pong_ticks,
            // In the tick in which it is due, a slot is looked at before it is pinged.
            pings_since: (pong_ticks - 1) / slots,
            login_wait: settings.login_wait,
            ping: frame::ping(settings.ping_payload),
            wheel: Mutex::new(Wheel {
                now_tick: 0,
                slots: (0..slots).map(|_| Vec::new()).collect(),
                newcomers: VecDeque::new(),
            }),
        })
    }

    /// Sweeps for ever; spawn it once and abort it at the end.
    pub async fn run(self: Arc<Self>) {
        let mut interval = tokio::time::interval(self.tick);
        // After a stall of the process nobody may be punished for ticks that did not happen.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = interval.tick().await;
            self.sweep(now).await;
            metrics::publish_gauges();
        }
    }

    /// Takes a connection into the register until it is closed.
    pub fn watch(&self, outbox: &Arc<Outbox>) {
        let mut wheel = self.wheel.lock();
        if !outbox.is_authenticated() {
            wheel.newcomers.push_back((Instant::now() + self.login_wait, Arc::downgrade(outbox)));
        }
        // Into the slot that was just served: its first ping comes after a full round.
        let slots = wheel.slots.len() as u64;
        let slot = (wheel.now_tick + slots - 1) % slots;
        wheel.slots[slot as usize].push(Arc::downgrade(outbox));
    }

    /// Every open connection at this moment.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<Outbox>> {
        self.wheel
            .lock()
            .slots
            .iter()
            .flatten()
            .filter_map(Weak::upgrade)
            .filter(|outbox| outbox.is_open())
            .collect()
    }

    /// Closes every connection, for a draining node: `after` says for each (by its number) when to come back, so that
    /// the caller can spread them.
    pub fn drain(&self, mut after: impl FnMut(usize) -> Duration) {
        for (number, outbox) in self.connections().into_iter().enumerate() {
            outbox.close(Closing::Draining { after: after(number) });
        }
    }

    /// One tick.
    async fn sweep(&self, now: Instant) {
        for outbox in self.overdue_logins(now) {
            if !outbox.is_authenticated() {
                outbox.close_for(Reason::NoLogin);
            }
        }
        let tick = self.wheel.lock().now_tick;
        let pong_due = tick.checked_sub(self.pong_ticks);
        if let Some(pong_due) = pong_due {
            self.each_of_slot(pong_due, |outbox| {
                if !outbox.was_heard_since(self.pings_since) {
                    outbox.close_for(Reason::NoPong);
                }
            })
            .await;
        }
        self.each_of_slot(tick, |outbox| outbox.ping(self.ping.clone())).await;
        self.wheel.lock().now_tick = tick + 1;
    }

    fn overdue_logins(&self, now: Instant) -> Vec<Arc<Outbox>> {
        let mut wheel = self.wheel.lock();
        // Whoever would be late by the next tick goes now: nobody stays longer than was said.
        let overdue = wheel.newcomers.partition_point(|(deadline, _)| *deadline <= now + self.tick);
        wheel.newcomers.drain(..overdue).filter_map(|(_, outbox)| outbox.upgrade()).collect()
    }

    /// Runs `act` on the living of a slot and forgets the dead. The lock is held only while a turn's worth is picked, so
    /// that publishers and newcomers do not wait for the sends.
    async fn each_of_slot(&self, tick: u64, act: impl Fn(&Outbox)) {
        let mut at = 0;
        loop {
            let turn = self.wheel.lock().pick(tick, &mut at);
            if turn.is_empty() {
                return;
            }
            turn.iter().for_each(|outbox| act(outbox));
            drop(turn);
            tokio::task::yield_now().await;
        }
    }
}

impl Wheel {
    /// The next living members of a slot, from `at`, which moves on. Only the sweeper removes members and newcomers are
    /// added at the end, so between two picks nobody is skipped.
    fn pick(&mut self, tick: u64, at: &mut usize) -> Vec<Arc<Outbox>> {
        let slot = (tick % self.slots.len() as u64) as usize;
        let members = &mut self.slots[slot];
        let mut turn = Vec::new();
        while *at < members.len() && turn.len() < CONNECTIONS_PER_TURN {
            match members[*at].upgrade() {
                Some(outbox) if outbox.is_open() => {
                    turn.push(outbox);
                    *at += 1;
                }
                _ => {
                    members.swap_remove(*at);
                }
            }
        }
        if members.len() < members.capacity() / 4 {
            members.shrink_to_fit();
        }
        turn
    }
}

fn ticks(span: Duration, tick: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(tick.as_nanos())).unwrap_or(u64::MAX)
}
