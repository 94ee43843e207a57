//! Members who only sit there, and what it takes to let them in.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::chat;
use crate::dialect::{Dialect, members};
use crate::machine::{cpu_s, now_ns, rss_bytes};
use crate::servers::Server;
use crate::swarm::Swarm;
use crate::tally::Seats;

const ROOMS: usize = 500;
const MEMBERS: usize = 19;
const JOINS_UNDER_WAY: usize = 128;
const SETTLE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct IdleOutcome {
    pub members: usize,
    pub history: usize,
    pub joins_per_s: f64,
    pub joins_per_cpu_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub rss_empty_bytes: u64,
    pub rss_bytes_per_member: f64,
    pub cpu_us_per_s_per_member: f64,
}

/// Lets 9,500 members into 500 rooms, each with `history` messages, and looks at the server when they sit.
pub(crate) fn measure(server: &Server, history: usize) -> Result<IdleOutcome> {
    measure_with(server, Seats { rooms: ROOMS, members: MEMBERS, publishers: 1 }, history, SETTLE)
}

fn measure_with(server: &Server, seats: Seats, history: usize, settle: Duration) -> Result<IdleOutcome> {
    if history > 0 {
        chat::fill(server, Seats { members: 1, ..seats }, history as u32)?;
    }
    let count = seats.rooms * seats.members;
    let mut swarm = Swarm::new(server.address, server.dialect.clone())?;
    let (rss_empty_bytes, joining_cpu_s) = (rss_bytes(server.pid)?, cpu_s(server.pid)?);
    let seconds = swarm.join(spread(&server.dialect, seats, history), JOINS_UNDER_WAY)?;
    let joining_cpu_s = cpu_s(server.pid)? - joining_cpu_s;
    listen(&mut swarm, settle)?;
    let rss = rss_bytes(server.pid)?;
    let idle_cpu_s = cpu_s(server.pid)?;
    listen(&mut swarm, settle)?;
    Ok(IdleOutcome {
        members: count,
        history,
        joins_per_s: count as f64 / seconds,
        joins_per_cpu_s: count as f64 / joining_cpu_s.max(0.01),
        p50_ms: swarm.joins.quantile_ms(0.5),
        p99_ms: swarm.joins.quantile_ms(0.99),
        rss_empty_bytes,
        rss_bytes_per_member: rss.saturating_sub(rss_empty_bytes) as f64 / count as f64,
        cpu_us_per_s_per_member: (cpu_s(server.pid)? - idle_cpu_s) * 1e6
            / settle.as_secs_f64()
            / count as f64,
    })
}

/// People do not come room by room: the first member of every room, then the second of every room, and so on.
fn spread(dialect: &Dialect, seats: Seats, history: usize) -> Vec<crate::dialect::Member> {
    let history = if matches!(dialect, Dialect::Sidetalk { .. }) { history } else { 0 };
    let members = members(seats.rooms, seats.members, history);
    let turns =
        (0..seats.members).flat_map(|turn| (0..seats.rooms).map(move |room| room * seats.members + turn));
    turns.map(|index| members[index].clone()).collect()
}

fn listen(swarm: &mut Swarm, duration: Duration) -> Result<()> {
    let end_ns = now_ns() + duration.as_nanos() as u64;
    while now_ns() < end_ns {
        for index in swarm.wait(Duration::from_millis(100))? {
            swarm.read(index, &mut |_, _| {});
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_members_come_in_and_sit() {
        let server = crate::servers::raw_in_thread(false);
        let outcome = measure_with(
            &server,
            Seats { rooms: 2, members: 5, publishers: 1 },
            0,
            Duration::from_millis(50),
        )
        .unwrap();
        assert_eq!(outcome.members, 10);
        assert!(outcome.joins_per_s > 0.0);
    }
}
