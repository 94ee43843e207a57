//! Durable chat: messages that are acknowledged when they are on the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::dialect::{answered, members, room};
use crate::frame::Mark;
use crate::histogram::Histogram;
use crate::load::Times;
use crate::machine::{cpu_s, now_ns, pause};
use crate::servers::Server;
use crate::swarm::Swarm;
use crate::tally::{Seats, Tally};

/// Rooms of two, both write.
pub(crate) const PAIRS: Seats = Seats { rooms: 256, members: 2, publishers: 2 };
const JOINS_UNDER_WAY: usize = 128;
const QUIET: Duration = Duration::from_secs(2);
/// Between two messages, and between a message and a probe of the disk, at light load.
const LIGHT_PAUSE: Duration = Duration::from_millis(8);
/// What a stored message takes, roughly; the probe writes as much.
const PROBE_BYTES: usize = 512;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ChatOutcome {
    pub acknowledged_per_s: f64,
    pub messages_per_cpu_s: f64,
    pub core_share: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub light_p50_ms: f64,
    pub light_p99_ms: f64,
    pub disk_p50_ms: f64,
    pub disk_p99_ms: f64,
    pub lost: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub strays: u64,
    pub troubles: BTreeMap<String, u64>,
}

impl ChatOutcome {
    pub(crate) fn faults(&self) -> u64 {
        self.lost + self.duplicates + self.reordered + self.strays + self.troubles.values().sum::<u64>()
    }
}

pub(crate) fn measure(server: &Server, times: Times, scratch: &Path) -> Result<ChatOutcome> {
    let mut chat = Chat::join(server, PAIRS)?;
    chat.post_for(times.warm_up)?;
    chat.acknowledged = 0;
    chat.latency.clear();
    let (begun_ns, begun_cpu_s) = (now_ns(), cpu_s(server.pid)?);
    chat.post_for(times.measure)?;
    let (seconds, server_cpu_s) = ((now_ns() - begun_ns) as f64 / 1e9, cpu_s(server.pid)? - begun_cpu_s);
    let acknowledged = chat.acknowledged as f64;
    let (p50_ms, p99_ms) = (chat.latency.quantile_ms(0.5), chat.latency.quantile_ms(0.99));
    chat.settle()?;
    // Only now, when the store is at work: the first round of a new log file is slower.
    let (light, disk) = chat.light(times.measure, scratch)?;
    chat.settle()?;
    Ok(ChatOutcome {
        acknowledged_per_s: acknowledged / seconds,
        messages_per_cpu_s: acknowledged / server_cpu_s.max(0.01),
        core_share: server_cpu_s / seconds,
        p50_ms,
        p99_ms,
        light_p50_ms: light.quantile_ms(0.5),
        light_p99_ms: light.quantile_ms(0.99),
        disk_p50_ms: disk.quantile_ms(0.5),
        disk_p99_ms: disk.quantile_ms(0.99),
        lost: chat.expected() - chat.tally.delivered,
        duplicates: chat.tally.duplicates,
        reordered: chat.tally.reordered,
        strays: chat.tally.strays,
        troubles: chat.swarm.troubles,
    })
}

/// Stores `each` messages per publisher.
pub(crate) fn fill(server: &Server, seats: Seats, each: u32) -> Result<()> {
    let mut chat = Chat::join(server, seats)?;
    chat.each = each;
    chat.post_for(Duration::from_secs(3600))?;
    chat.settle()?;
    let lost = chat.expected() - chat.tally.delivered;
    ensure!(lost == 0 && chat.swarm.troubles.is_empty(), "filling: {lost} lost, {:?}", chat.swarm.troubles);
    Ok(())
}

struct Chat {
    seats: Seats,
    swarm: Swarm,
    tally: Tally,
    latency: Histogram,
    hint: usize,
    publishers: Vec<Publisher>,
    acknowledged: u64,
    /// The most messages of each publisher.
    each: u32,
}

#[derive(Clone, Default)]
struct Publisher {
    sent: u32,
    sent_ns: u64,
    busy: bool,
}

impl Chat {
    fn join(server: &Server, seats: Seats) -> Result<Chat> {
        let mut swarm = Swarm::new(server.address, server.dialect.clone())?;
        swarm.join(members(seats.rooms, seats.members, 0), JOINS_UNDER_WAY)?;
        Ok(Chat {
            seats,
            swarm,
            tally: Tally::new(seats),
            latency: Histogram::new(),
            hint: 0,
            publishers: vec![Publisher::default(); seats.rooms * seats.publishers],
            acknowledged: 0,
            each: u32::MAX,
        })
    }

    /// Everybody posts again as soon as the last message is acknowledged, until the time is over or all have posted enough.
    fn post_for(&mut self, duration: Duration) -> Result<()> {
        let end_ns = now_ns() + duration.as_nanos() as u64;
        for publisher in 0..self.publishers.len() {
            if !self.publishers[publisher].busy {
                self.post(publisher);
            }
        }
        while now_ns() < end_ns && self.publishers.iter().any(|publisher| publisher.busy) {
            for publisher in self.turn(Duration::from_millis(10))? {
                if self.publishers[publisher].sent < self.each {
                    self.post(publisher);
                }
            }
        }
        Ok(())
    }

    /// One message at a time with pauses, in turn with the same work done by nobody but the disk.
    fn light(&mut self, duration: Duration, scratch: &Path) -> Result<(Histogram, Histogram)> {
        let path = scratch.join("probe");
        let mut file = File::create(&path)?;
        let mut disk = Histogram::new();
        let end_ns = now_ns() + duration.as_nanos() as u64;
        self.latency.clear();
        for publisher in (0..self.publishers.len()).cycle() {
            pause(LIGHT_PAUSE);
            self.post(publisher);
            // It does not sleep here: waking the generator is not the server's time.
            while self.publishers[publisher].busy {
                self.turn(Duration::ZERO)?;
                if now_ns() > end_ns + 2_000_000_000 {
                    self.swarm.trouble("a message at light load was not acknowledged in 2 s".to_owned());
                    break;
                }
            }
            pause(LIGHT_PAUSE);
            let begun_ns = now_ns();
            file.write_all(&[b'x'; PROBE_BYTES])?;
            file.sync_data()?;
            disk.record(now_ns() - begun_ns);
            if now_ns() > end_ns {
                break;
            }
        }
        std::fs::remove_file(path)?;
        Ok((std::mem::replace(&mut self.latency, Histogram::new()), disk))
    }

    /// Waits until everything has come, or nothing comes any more.
    fn settle(&mut self) -> Result<()> {
        let mut last_ns = now_ns();
        while self.is_underway() && now_ns() - last_ns < QUIET.as_nanos() as u64 {
            let come = self.tally.delivered + self.acknowledged;
            self.turn(Duration::from_millis(50))?;
            if self.tally.delivered + self.acknowledged > come {
                last_ns = now_ns();
            }
        }
        Ok(())
    }

    fn is_underway(&self) -> bool {
        self.tally.delivered < self.expected() || self.publishers.iter().any(|publisher| publisher.busy)
    }

    /// Reads what has come; the publishers whose message was acknowledged.
    fn turn(&mut self, timeout: Duration) -> Result<Vec<usize>> {
        let mut free = Vec::new();
        let mut refused = Vec::new();
        for member in self.swarm.wait(timeout)? {
            let own = member / self.seats.members * self.seats.publishers + member % self.seats.members;
            self.swarm.read(member, &mut |text, now_ns| match answered(text) {
                Some((_, refusal)) => {
                    let publisher = &mut self.publishers[own];
                    publisher.busy = false;
                    self.latency.record(now_ns - publisher.sent_ns);
                    self.acknowledged += u64::from(refusal.is_none());
                    refused.extend(refusal);
                    free.push(own);
                }
                None => {
                    if let Some(mark) = Mark::find(text, &mut self.hint) {
                        self.tally.count(member, mark);
                    }
                }
            });
        }
        for reason in refused {
            self.swarm.trouble(reason);
        }
        Ok(free)
    }

    fn post(&mut self, index: usize) {
        let publisher = &mut self.publishers[index];
        publisher.sent_ns = now_ns();
        publisher.busy = true;
        let n = publisher.sent;
        publisher.sent += 1;
        let payload = Mark { publisher: index as u16, n, planned_ns: publisher.sent_ns }.payload();
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":"message.post","params":{{"room":"{}","text":"{}","client_id":"{index:04x}-{n:08x}"}}}}"#,
            n + 100,
            room(index / self.seats.publishers),
            str::from_utf8(&payload).expect("the payload is ASCII"),
        );
        self.swarm.text(self.seats.member(index), &text);
    }

    fn expected(&self) -> u64 {
        self.publishers.iter().map(|publisher| u64::from(publisher.sent)).sum::<u64>()
            * self.seats.members as u64
    }
}
