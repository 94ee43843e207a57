//! What the numbers must be. The goals are ratios within one run where they can be, because machines differ.

use serde::Serialize;

use crate::report::Results;
use crate::servers::Target::{self, OpenTok, OpenVidu, Raw, RawJoin, Sidetalk, SocketIo};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub scenario: &'static str,
    pub what: &'static str,
    pub limit: Limit,
    /// `None` if it was not measured.
    pub measured: Option<f64>,
    pub met: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

use Limit::{AtLeast, AtMost, Below};

pub(crate) fn judge(results: &Results) -> Vec<Goal> {
    let between = |scenario: &str, target: Target, to: Target| {
        let per_cpu_s = |target| results.signal(scenario, target, |outcome| outcome.per_cpu_s);
        Some(per_cpu_s(target)? / per_cpu_s(to)?)
    };
    let ratio = |scenario: &str, to: Target| between(scenario, Sidetalk, to);
    let of_native = |scenario: &str, target: Target| between(scenario, target, Sidetalk);
    // How little of a core was used says nothing about a round that did not keep up.
    let kept_up = |scenario: &str, read: fn(&crate::load::Outcome) -> f64| {
        results.over(scenario, Sidetalk).filter(|over| *over == 0.0)?;
        results.signal(scenario, Sidetalk, read)
    };
    let chat = |read: fn(&crate::chat::ChatOutcome) -> f64| results.chat(read);
    let idle = |history, read: fn(&crate::idle::IdleOutcome) -> f64| results.idle(Sidetalk, history, read);
    let start = results.start.as_ref();

    vec![
        goal("S1", "of raw per CPU second", AtLeast(0.80), ratio("S1", Raw)),
        goal("S1", "times socket.io per CPU second", AtLeast(2.0), ratio("S1", SocketIo)),
        goal("S1", "of native per CPU second, in OpenVidu's words", AtLeast(0.85), of_native("S1", OpenVidu)),
        goal("S1", "of native per CPU second, as OpenTok's pages", AtLeast(0.85), of_native("S1", OpenTok)),
        goal("S1w", "of raw-join per CPU second", AtLeast(0.45), ratio("S1w", RawJoin)),
        goal("S2", "of raw-join per CPU second", AtLeast(0.55), ratio("S2", RawJoin)),
        goal("S2", "times socket.io per CPU second", AtLeast(12.0), ratio("S2", SocketIo)),
        goal("S2", "of native per CPU second, in OpenVidu's words", AtLeast(0.85), of_native("S2", OpenVidu)),
        goal("S2", "of native per CPU second, as OpenTok's pages", AtLeast(0.85), of_native("S2", OpenTok)),
        goal("R3", "rounds that did not keep up", AtMost(0.0), results.over("R3", Sidetalk)),
        goal("R3", "of one core", AtMost(0.70), kept_up("R3", crate::load::Outcome::core_share)),
        goal("R3", "ms p99", Below(50.0), kept_up("R3", |outcome| outcome.p99_ms)),
        goal("R4", "rounds that did not keep up", AtMost(0.0), results.over("R4", Sidetalk)),
        goal("R4", "ms p99", Below(10.0), kept_up("R4", |outcome| outcome.p99_ms)),
        goal(
            "MEM",
            "bytes resident per idle member",
            AtMost(6.0 * 1024.0),
            idle(0, |outcome| outcome.rss_bytes_per_member),
        ),
        goal("JOIN", "joins/s with 50 messages", AtLeast(4_000.0), idle(50, |outcome| outcome.joins_per_s)),
        goal("CHAT", "acknowledged messages/s", AtLeast(8_000.0), chat(|outcome| outcome.acknowledged_per_s)),
        goal(
            "CHAT",
            "times the disk's write and sync, acknowledgement p50 at light load",
            AtMost(2.5),
            chat(|outcome| outcome.light_p50_ms / outcome.disk_p50_ms.max(1e-6)),
        ),
        goal("START", "ms to start", Below(500.0), start.map(|outcome| outcome.start_ms)),
        goal("START", "ms p99 for the newest 50", Below(5.0), start.map(|outcome| outcome.page_p99_ms)),
        goal("all", "lost, doubled, reordered, strayed or refused", AtMost(0.0), faults(results)),
    ]
}

fn goal(scenario: &'static str, what: &'static str, limit: Limit, measured: Option<f64>) -> Goal {
    let met = measured.map(|measured| match limit {
        AtLeast(limit) => measured >= limit,
        AtMost(limit) => measured <= limit,
        Below(limit) => measured < limit,
    });
    Goal { scenario, what, limit, measured, met }
}

/// Of Sidetalk, in whatever words, over all rounds.
fn faults(results: &Results) -> Option<f64> {
    let signals = results.signals.iter().filter(|signals| signals.target.is_ours());
    let faults: Vec<u64> = signals
        .map(|signals| signals.outcome.faults())
        .chain(results.chat.iter().map(crate::chat::ChatOutcome::faults))
        .collect();
    (!faults.is_empty()).then(|| faults.iter().sum::<u64>() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_without_a_measurement_is_open() {
        assert!(judge(&Results::default()).iter().all(|goal| goal.met.is_none()));
        assert_eq!(goal("S1", "", AtLeast(0.8), Some(0.8)).met, Some(true));
        assert_eq!(goal("R3", "", Below(50.0), Some(50.0)).met, Some(false));
    }
}
