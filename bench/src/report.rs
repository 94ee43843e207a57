//! All results of a run, and their tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::chat::ChatOutcome;
use crate::goals::{Goal, Limit};
use crate::idle::IdleOutcome;
use crate::load::Outcome;
use crate::run::SIGNALS;
use crate::servers::Target;
use crate::start::StartOutcome;

#[derive(Default, Serialize)]
pub(crate) struct Results {
    pub machine: String,
    /// Before the run: above 1 somebody else was at work.
    pub load_average: f64,
    pub commit: String,
    pub measured_at_unix_s: u64,
    pub seconds: u64,
    pub rounds: usize,
    pub goals: Vec<Goal>,
    pub signals: Vec<Signals>,
    pub idle: Vec<(Target, IdleOutcome)>,
    pub chat: Vec<ChatOutcome>,
    pub start: Option<StartOutcome>,
    /// What could not be measured, and why.
    pub problems: Vec<String>,
}

/// One round of signals.
#[derive(Serialize)]
pub(crate) struct Signals {
    pub scenario: &'static str,
    pub target: Target,
    pub outcome: Outcome,
}

impl Results {
    /// The median over the rounds, if there were any.
    pub(crate) fn signal(
        &self,
        scenario: &str,
        target: Target,
        read: impl Fn(&Outcome) -> f64,
    ) -> Option<f64> {
        median(self.rounds_of(scenario, target).map(read))
    }

    /// Rounds in which the server did not keep up with the rate.
    pub(crate) fn over(&self, scenario: &str, target: Target) -> Option<f64> {
        let rounds: Vec<bool> = self.rounds_of(scenario, target).map(|outcome| outcome.over).collect();
        (!rounds.is_empty()).then(|| rounds.iter().filter(|over| **over).count() as f64)
    }

    pub(crate) fn idle(
        &self,
        target: Target,
        history: usize,
        read: impl Fn(&IdleOutcome) -> f64,
    ) -> Option<f64> {
        let rounds = self.idle.iter().filter(|(of, outcome)| *of == target && outcome.history == history);
        median(rounds.map(|(_, outcome)| read(outcome)))
    }

    pub(crate) fn chat(&self, read: impl Fn(&ChatOutcome) -> f64) -> Option<f64> {
        median(self.chat.iter().map(read))
    }

    fn rounds_of(&self, scenario: &str, target: Target) -> impl Iterator<Item = &Outcome> {
        let rounds = self
            .signals
            .iter()
            .filter(move |signals| signals.scenario == scenario && signals.target == target);
        rounds.map(|signals| &signals.outcome)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "# Bench\n\n{}; commit {}; {} rounds of {} s, medians; load average before the run {:.1}.\n\
             `openvidu`, `opentok` and `opentalk` are sidetalk in the words of those. `sidetalk-posts` and `opentalk` send\n\
             messages, stored before anybody gets them; all others signals, never stored.\n",
            self.machine, self.commit, self.rounds, self.seconds, self.load_average
        );
        section(&mut text, "Goals", &self.goal_rows());
        for (scenario, what, _) in SIGNALS {
            section(&mut text, &format!("{scenario}: {what}"), &self.signal_rows(scenario));
        }
        section(
            &mut text,
            "MEM and JOIN: 9,500 members in 500 rooms, 128 on their way in",
            &self.idle_rows(),
        );
        section(
            &mut text,
            "CHAT: durable messages in 256 rooms of 2, one in flight per member",
            &self.chat_rows(),
        );
        section(&mut text, "START", &self.start_rows());
        let mut troubles: BTreeMap<String, u64> = BTreeMap::new();
        for signals in &self.signals {
            for (trouble, count) in &signals.outcome.troubles {
                *troubles
                    .entry(format!("{} {}: {trouble}", signals.scenario, signals.target.name()))
                    .or_default() += count;
            }
        }
        for (trouble, count) in self.chat.iter().flat_map(|outcome| &outcome.troubles) {
            *troubles.entry(format!("CHAT sidetalk: {trouble}")).or_default() += count;
        }
        let troubles = troubles.iter().map(|(trouble, count)| format!("{count} x {trouble}"));
        let problems: Vec<String> = self.problems.iter().cloned().chain(troubles).collect();
        if !problems.is_empty() {
            let _ = writeln!(text, "\n## Problems\n\n- {}", problems.join("\n- "));
        }
        text
    }

    fn goal_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["", "scenario", "measured", "goal", ""].map(str::to_owned).to_vec()];
        for goal in &self.goals {
            let limit = match goal.limit {
                Limit::AtLeast(limit) => format!("≥ {}", number(limit)),
                Limit::AtMost(limit) => format!("≤ {}", number(limit)),
                Limit::Below(limit) => format!("< {}", number(limit)),
            };
            let sign = goal.met.map_or("–", |met| if met { "✓" } else { "✗" });
            let measured = goal.measured.map_or("not measured".to_owned(), number);
            rows.push(vec![sign.to_owned(), goal.scenario.to_owned(), measured, limit, goal.what.to_owned()]);
        }
        rows
    }

    fn signal_rows(&self, scenario: &str) -> Vec<Vec<String>> {
        let ratios = ["k/CPU s", "of raw", "of raw-join", "x socket.io", "of sidetalk"];
        let mut rows = vec![header("server", ratios, &SIGNAL_COLUMNS)];
        rows[0].extend(FAULT_COLUMNS.map(|(name, _)| name.to_owned()));
        for target in Target::ALL {
            let per_cpu_s = |target| self.signal(scenario, target, |outcome| outcome.per_cpu_s);
            let Some(own) = per_cpu_s(target) else { continue };
            let ratio = |to| per_cpu_s(to).map_or("–".to_owned(), |to| format!("{:.2}", own / to));
            let mut row = vec![target.name().to_owned(), number(own / 1e3)];
            row.extend([Target::Raw, Target::RawJoin, Target::SocketIo, Target::Sidetalk].map(ratio));
            row.extend(
                SIGNAL_COLUMNS.iter().filter_map(|(_, read)| self.signal(scenario, target, read)).map(number),
            );
            // A fault in one round is a fault, whatever the median.
            let sum = |read: fn(&Outcome) -> f64| self.rounds_of(scenario, target).map(read).sum::<f64>();
            row.extend(FAULT_COLUMNS.map(|(_, read)| number(sum(read))));
            rows.push(row);
        }
        rows
    }

    fn idle_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![header("server", ["history"], &IDLE_COLUMNS)];
        for (target, history) in [(Target::SocketIo, 0), (Target::Sidetalk, 0), (Target::Sidetalk, 50)] {
            let values: Vec<String> = IDLE_COLUMNS
                .iter()
                .filter_map(|(_, read)| self.idle(target, history, read))
                .map(number)
                .collect();
            if !values.is_empty() {
                rows.push([vec![target.name().to_owned(), history.to_string()], values].concat());
            }
        }
        rows
    }

    fn chat_rows(&self) -> Vec<Vec<String>> {
        let rows = CHAT_LINES
            .iter()
            .filter_map(|(name, read)| Some(vec![(*name).to_owned(), number(self.chat(read)?)]));
        std::iter::once(vec![String::new(), "sidetalk".to_owned()]).chain(rows).collect()
    }

    fn start_rows(&self) -> Vec<Vec<String>> {
        let row = |start: &StartOutcome| START_COLUMNS.iter().map(|(_, read)| number(read(start))).collect();
        let names = START_COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
        std::iter::once(names).chain(self.start.iter().map(row)).collect()
    }
}

type Column<T> = (&'static str, fn(&T) -> f64);

const SIGNAL_COLUMNS: [Column<Outcome>; 8] = [
    ("k/s", |outcome| outcome.per_s / 1e3),
    ("p50 ms", |outcome| outcome.p50_ms),
    ("p99 ms", |outcome| outcome.p99_ms),
    ("max ms", |outcome| outcome.max_ms),
    ("core %", |outcome| outcome.core_share() * 100.0),
    ("generator %", |outcome| outcome.generator_cpu_s / outcome.seconds * 100.0),
    ("B each", |outcome| outcome.bytes_per_delivery),
    ("over", |outcome| f64::from(u8::from(outcome.over))),
];

const FAULT_COLUMNS: [Column<Outcome>; 3] = [
    ("lost", |outcome| outcome.lost as f64),
    ("twice", |outcome| outcome.duplicates as f64),
    ("order", |outcome| (outcome.reordered + outcome.strays) as f64),
];

const IDLE_COLUMNS: [Column<IdleOutcome>; 7] = [
    ("joins/s", |outcome| outcome.joins_per_s),
    ("joins/CPU s", |outcome| outcome.joins_per_cpu_s),
    ("p50 ms", |outcome| outcome.p50_ms),
    ("p99 ms", |outcome| outcome.p99_ms),
    ("RSS empty MiB", |outcome| outcome.rss_empty_bytes as f64 / f64::from(1 << 20)),
    ("B/member", |outcome| outcome.rss_bytes_per_member),
    ("CPU us/s/member", |outcome| outcome.cpu_us_per_s_per_member),
];

const CHAT_LINES: [Column<ChatOutcome>; 10] = [
    ("acknowledged messages/s", |outcome| outcome.acknowledged_per_s),
    ("messages per CPU s", |outcome| outcome.messages_per_cpu_s),
    ("share of the core %", |outcome| outcome.core_share * 100.0),
    ("acknowledgement p50 ms", |outcome| outcome.p50_ms),
    ("acknowledgement p99 ms", |outcome| outcome.p99_ms),
    ("acknowledgement p50 ms, light load", |outcome| outcome.light_p50_ms),
    ("acknowledgement p99 ms, light load", |outcome| outcome.light_p99_ms),
    ("write and fdatasync p50 ms", |outcome| outcome.disk_p50_ms),
    ("write and fdatasync p99 ms", |outcome| outcome.disk_p99_ms),
    ("lost, twice, out of order, refused", |outcome| outcome.faults() as f64),
];

const START_COLUMNS: [Column<StartOutcome>; 4] = [
    ("messages stored", |outcome| outcome.messages as f64),
    ("start ms", |outcome| outcome.start_ms),
    ("newest 50 p50 ms", |outcome| outcome.page_p50_ms),
    ("newest 50 p99 ms", |outcome| outcome.page_p99_ms),
];

fn header<T, const N: usize>(first: &str, more: [&str; N], columns: &[Column<T>]) -> Vec<String> {
    let names = columns.iter().map(|(name, _)| *name);
    std::iter::once(first).chain(more).chain(names).map(str::to_owned).collect()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len() / 2)?;
    if values.len() % 2 == 1 { Some(*middle) } else { Some((middle + values[values.len() / 2 - 1]) / 2.0) }
}

/// Three digits that mean something, thousands with a comma.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        let text = format!("{value:.*}", if value.abs() < 10.0 { 2 } else { 1 });
        return text.strip_suffix(".00").map_or(text.clone(), str::to_owned);
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table, if it has more than its header; columns are aligned so that it reads well on a terminal too.
fn section(text: &mut String, title: &str, rows: &[Vec<String>]) {
    let [header, body @ ..] = rows else { return };
    if body.is_empty() {
        return;
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let _ = write!(text, "\n## {title}\n\n{}", line(header));
    text.push_str(&line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>()));
    body.iter().for_each(|row| text.push_str(&line(row)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let values = [0.0, 0.8, 1.234, 12.34, 123.4, 1_234_567.0];
        assert_eq!(values.map(number), ["0", "0.80", "1.23", "12.3", "123", "1,234,567"]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn an_empty_run_has_a_page() {
        let results = Results { problems: vec!["sidetalk left out".to_owned()], ..Results::default() };
        assert!(results.markdown().ends_with("## Problems\n\n- sidetalk left out\n"));
    }
}
