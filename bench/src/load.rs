//! Signals through rooms: with so many messages in flight per publisher, or at a fixed rate.
//!
//! A message is in flight until every member of its room, its publisher too, has it. At a fixed rate the delay counts
//! from the moment when the message was due, so a server (or a generator) that falls behind does not look fast.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::dialect::{Dialect, members};
use crate::frame::{self, Mark, PAYLOAD_BYTES};
use crate::histogram::Histogram;
use crate::machine::{cpu_s, now_ns};
use crate::servers::Server;
use crate::swarm::Swarm;
use crate::tally::{Seats, Tally};

const JOINS_UNDER_WAY: usize = 128;
const DRAIN_NS_MAX: u64 = 5_000_000_000;
/// Nothing comes any more.
const QUIET_NS: u64 = 1_000_000_000;
/// Share of the planned deliveries that must have come within the time for a rate to count as kept up.
const KEPT_UP: f64 = 0.98;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub seats: Seats,
    pub pace: Pace,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Messages in flight of each publisher.
    Window(u32),
    /// Messages per second of all publishers together.
    Rate(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub warm_up: Duration,
    pub measure: Duration,
}

/// What one round showed. Rates and delays are those of the measured time; faults those of the whole round.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub seconds: f64,
    pub deliveries: u64,
    pub server_cpu_s: f64,
    pub generator_cpu_s: f64,
    /// Deliveries per CPU second of the server.
    pub per_cpu_s: f64,
    pub per_s: f64,
    pub bytes_per_delivery: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub lost: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub strays: u64,
    /// Could not keep up with the rate: deliveries were still on their way long after the end, and count as late, not lost.
    pub over: bool,
    pub late: u64,
    pub troubles: BTreeMap<String, u64>,
}

impl Outcome {
    pub(crate) fn core_share(&self) -> f64 {
        self.server_cpu_s / self.seconds.max(1e-9)
    }

    pub(crate) fn faults(&self) -> u64 {
        self.lost + self.duplicates + self.reordered + self.strays + self.troubles.values().sum::<u64>()
    }
}

/// Joins everybody and measures one round on a fresh server.
pub(crate) fn measure(server: &Server, shape: Shape, times: Times) -> Result<Outcome> {
    let Seats { rooms, members: size, .. } = shape.seats;
    let mut members = members(rooms, size, 0);
    server.dialect.prepare(server.address, &mut members)?;
    let rooms: Vec<String> = members.iter().step_by(size).map(|member| member.room.clone()).collect();
    let mut swarm = Swarm::new(server.address, server.dialect.clone())?;
    swarm.join(members, JOINS_UNDER_WAY)?;
    let mut load = Load::new(shape, &server.dialect, &rooms);
    if let Pace::Rate(rate) = shape.pace {
        swarm.tick(Duration::from_secs(1) / rate)?;
    }
    let begun_ns = now_ns();
    let begin_ns = begun_ns + times.warm_up.as_nanos() as u64;
    let end_ns = begin_ns + times.measure.as_nanos() as u64;

    load.start(&mut swarm, begun_ns);
    load.run_until(&mut swarm, begin_ns)?;
    load.latency.clear();
    let before = Reading::take(server, &load, &swarm)?;
    load.run_until(&mut swarm, end_ns)?;
    let after = Reading::take(server, &load, &swarm)?;

    // What was sent in time and comes later must be right too, and its delay counts.
    let late = load.drain(&mut swarm)?;
    Ok(load.outcome(&before, &after, late, swarm.troubles))
}

struct Reading {
    ns: u64,
    server_cpu_s: f64,
    generator_cpu_s: f64,
    delivered: u64,
    text_bytes: u64,
}

impl Reading {
    fn take(server: &Server, load: &Load, swarm: &Swarm) -> Result<Reading> {
        Ok(Reading {
            ns: now_ns(),
            server_cpu_s: cpu_s(server.pid)?,
            generator_cpu_s: cpu_s(std::process::id())?,
            delivered: load.tally.delivered,
            text_bytes: swarm.text_bytes,
        })
    }
}

struct Load {
    shape: Shape,
    publishers: Vec<Publisher>,
    tally: Tally,
    latency: Histogram,
    /// Where the mark stands in the texts of this server.
    hint: usize,
    /// Publishers whose oldest message has arrived everywhere.
    free: Vec<usize>,
    /// Messages sent at the fixed rate, and when the first was due.
    paced: u64,
    started_ns: u64,
    stopped: bool,
}

struct Publisher {
    member: usize,
    /// The whole frame of a message; only the mark in it changes.
    frame: Vec<u8>,
    mark_at: usize,
    sent: u32,
    /// Deliveries that are awaited, per message in flight.
    awaited: Vec<usize>,
}

impl Load {
    fn new(shape: Shape, dialect: &Dialect, rooms: &[String]) -> Load {
        let Seats { members, publishers, .. } = shape.seats;
        let window = if let Pace::Window(window) = shape.pace { window as usize } else { 0 };
        let publisher = |index: usize| {
            let (prefix, suffix) = dialect.publish(&rooms[index / publishers]);
            let text = [prefix.as_bytes(), &[b'x'; PAYLOAD_BYTES], suffix.as_bytes()].concat();
            let frame = frame::client(frame::TEXT, &text);
            let mark_at = frame.len() - suffix.len() - PAYLOAD_BYTES;
            Publisher {
                member: shape.seats.member(index),
                frame,
                mark_at,
                sent: 0,
                awaited: vec![members; window],
            }
        };
        Load {
            shape,
            publishers: (0..rooms.len() * publishers).map(publisher).collect(),
            tally: Tally::new(shape.seats),
            latency: Histogram::new(),
            hint: 0,
            free: Vec::new(),
            paced: 0,
            started_ns: 0,
            stopped: false,
        }
    }

    fn start(&mut self, swarm: &mut Swarm, now_ns: u64) {
        self.started_ns = now_ns;
        if let Pace::Window(window) = self.shape.pace {
            for publisher in
                (0..self.publishers.len()).flat_map(|index| std::iter::repeat_n(index, window as usize))
            {
                self.publish(swarm, publisher, now_ns);
            }
        }
    }

    fn run_until(&mut self, swarm: &mut Swarm, end_ns: u64) -> Result<()> {
        loop {
            let now = now_ns();
            if now >= end_ns {
                return Ok(());
            }
            self.turn(swarm, Duration::from_nanos(end_ns - now))?;
        }
    }

    /// Waits for what is still on its way; deliveries that come too late to wait for.
    fn drain(&mut self, swarm: &mut Swarm) -> Result<u64> {
        self.stopped = true;
        let mut last_ns = now_ns();
        let end_ns = last_ns + DRAIN_NS_MAX;
        let mut delivered = self.tally.delivered;
        while delivered < self.expected() {
            self.turn(swarm, Duration::from_millis(50))?;
            let now = now_ns();
            if self.tally.delivered > delivered {
                (delivered, last_ns) = (self.tally.delivered, now);
            }
            if now - last_ns > QUIET_NS {
                return Ok(0);
            }
            if now > end_ns {
                return Ok(self.expected() - delivered);
            }
        }
        Ok(0)
    }

    fn turn(&mut self, swarm: &mut Swarm, timeout: Duration) -> Result<()> {
        for index in swarm.wait(timeout)? {
            let mut refused = None;
            swarm.read(index, &mut |text, now_ns| match Mark::find(text, &mut self.hint) {
                Some(mark) => self.delivered(index, mark, now_ns),
                None => refused = Some(String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned()),
            });
            if let Some(text) = refused {
                swarm.trouble(format!("unexpected text: {text}"));
            }
            self.publish_more(swarm);
        }
        self.publish_more(swarm);
        Ok(())
    }

    #[inline]
    fn delivered(&mut self, receiver: usize, mark: Mark, now_ns: u64) {
        if usize::from(mark.publisher) >= self.publishers.len() || !self.tally.count(receiver, mark) {
            return;
        }
        self.latency.record(now_ns.saturating_sub(mark.planned_ns));
        let awaited = &mut self.publishers[usize::from(mark.publisher)].awaited;
        if !awaited.is_empty() {
            let place = mark.n as usize % awaited.len();
            awaited[place] -= 1;
            if awaited[place] == 0 {
                awaited[place] = self.shape.seats.members;
                if !self.stopped {
                    self.free.push(usize::from(mark.publisher));
                }
            }
        }
    }

    /// Called after each socket, so that a long turn does not delay what is due.
    fn publish_more(&mut self, swarm: &mut Swarm) {
        while let Some(publisher) = self.free.pop() {
            self.publish(swarm, publisher, now_ns());
        }
        if let (Pace::Rate(rate), false) = (self.shape.pace, self.stopped) {
            self.publish_due(swarm, now_ns(), rate);
        }
    }

    /// Room after room, and within a room member after member.
    fn publish_due(&mut self, swarm: &mut Swarm, now_ns: u64, rate: u32) {
        let Seats { rooms, publishers, .. } = self.shape.seats;
        loop {
            let due_ns = self.started_ns + self.paced * 1_000_000_000 / u64::from(rate);
            if due_ns > now_ns {
                return;
            }
            let (room, turn) = (self.paced as usize % rooms, self.paced as usize / rooms);
            self.publish(swarm, room * publishers + turn % publishers, due_ns);
            self.paced += 1;
        }
    }

    fn publish(&mut self, swarm: &mut Swarm, index: usize, planned_ns: u64) {
        let publisher = &mut self.publishers[index];
        let mark = Mark { publisher: index as u16, n: publisher.sent, planned_ns };
        mark.write(&mut publisher.frame[publisher.mark_at..]);
        publisher.sent += 1;
        swarm.send(publisher.member, &publisher.frame);
    }

    fn expected(&self) -> u64 {
        self.publishers.iter().map(|publisher| u64::from(publisher.sent)).sum::<u64>()
            * self.shape.seats.members as u64
    }

    fn outcome(
        &self,
        before: &Reading,
        after: &Reading,
        late: u64,
        troubles: BTreeMap<String, u64>,
    ) -> Outcome {
        let seconds = (after.ns - before.ns) as f64 / 1e9;
        let deliveries = after.delivered - before.delivered;
        let server_cpu_s = after.server_cpu_s - before.server_cpu_s;
        let planned = match self.shape.pace {
            Pace::Rate(rate) => f64::from(rate) * seconds * self.shape.seats.members as f64,
            Pace::Window(_) => 0.0,
        };
        Outcome {
            seconds,
            deliveries,
            server_cpu_s,
            generator_cpu_s: after.generator_cpu_s - before.generator_cpu_s,
            per_cpu_s: deliveries as f64 / server_cpu_s.max(0.01),
            per_s: deliveries as f64 / seconds,
            bytes_per_delivery: (after.text_bytes - before.text_bytes) as f64 / (deliveries as f64).max(1.0),
            p50_ms: self.latency.quantile_ms(0.5),
            p99_ms: self.latency.quantile_ms(0.99),
            max_ms: self.latency.max_ms(),
            lost: self.expected() - self.tally.delivered - late,
            duplicates: self.tally.duplicates,
            reordered: self.tally.reordered,
            strays: self.tally.strays,
            over: late > 0 || (deliveries as f64) < planned * KEPT_UP,
            late,
            troubles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers;

    #[track_caller]
    fn check(join: bool, rooms: usize, publishers: usize, pace: Pace) {
        let server = servers::raw_in_thread(join);
        let shape = Shape { seats: Seats { rooms, members: 10 / rooms, publishers }, pace };
        let times = Times { warm_up: Duration::from_millis(30), measure: Duration::from_millis(150) };
        let outcome = measure(&server, shape, times).unwrap();
        assert!(outcome.deliveries > 0, "{outcome:?}");
        assert_eq!(outcome.faults(), 0, "{outcome:?}");
    }

    #[test]
    fn one_room_one_message_in_flight() {
        check(false, 1, 1, Pace::Window(1));
    }

    #[test]
    fn one_room_many_messages_in_flight() {
        check(false, 1, 1, Pace::Window(16));
        check(true, 1, 1, Pace::Window(16));
    }

    #[test]
    fn many_rooms_everybody_publishes() {
        check(true, 5, 2, Pace::Window(1));
    }

    #[test]
    fn one_room_at_a_rate() {
        check(false, 1, 10, Pace::Rate(500));
        check(true, 1, 10, Pace::Rate(500));
    }

    #[test]
    fn many_rooms_at_a_rate() {
        check(false, 5, 2, Pace::Rate(1000));
    }
}
