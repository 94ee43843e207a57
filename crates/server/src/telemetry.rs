//! Logs and metrics: where they go. What is never in them is written in `docs/LOGGING.md`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::sections::Log;
use crate::config::setting::LogFormat;
use crate::measured;

mod lines;

use lines::Lines;

/// Bounds of the histograms of times, in seconds: from a write without waiting to a stuck disk.
const SECONDS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Bounds of the histograms of counts.
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];

/// What was said last before the end may take this long to be written.
const LAST_LINES_WAIT: Duration = Duration::from_secs(1);

/// The log lines of this process.
static LINES: Lines = Lines::new();

/// The start of the thread that writes them.
static WRITER: Once = Once::new();

/// How often samples are folded into the histograms.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts logging to standard error.
///
/// # Errors
/// If the level is not one.
pub fn start_logs(log: &Log) -> Result<()> {
    let mut started = Ok(());
    WRITER.call_once(|| started = start_writer());
    started.context("cannot start the log thread")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&log.level).map_err(|right| anyhow!("log.level {right}"))?)
        .with_writer(|| &LINES)
        // It would say so on standard error, and panic if that fails too.
        .log_internal_errors(false)
        .with_span_events(FmtSpan::NONE);
    // A second start in one process (a test) keeps the first.
    if is_json(log.format) {
        let _ = builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init();
    } else {
        let _ = builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init();
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Whether lines are JSON.
pub fn is_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

/// A bug is an event like others: one line, in the format of the log.
fn log_panic(bug: &PanicHookInfo<'_>) {
    let at = bug.location().map(ToString::to_string);
    let error = bug.payload_as_str();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(at, error, backtrace, "a bug: the code panicked");
}

fn start_writer() -> io::Result<()> {
    std::thread::Builder::new().name("log".to_owned()).spawn(|| LINES.write_to(io::stderr())).map(drop)
}

/// Says something to the operator beside the log, as little held up by a reader that stalls as the log is.
pub fn complain(line: &str) {
    if WRITER.is_completed() {
        LINES.push(line.as_bytes());
    } else {
        // There is nobody left who could be told.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Waits, not for long, until what was logged is written. Called before the process ends.
pub fn flush_logs() {
    LINES.flush(LAST_LINES_WAIT);
}

/// What the level lets through. A bare level is ours alone: other crates speak from `warn` on, as they may show more than
/// we would.
///
/// # Errors
/// What would be right.
pub fn filter(level: &str) -> Result<EnvFilter, String> {
    let right = || {
        "must be a level (error, warn, info, debug, trace, off), or such as \"info,sidetalk_edge=debug\""
            .to_owned()
    };
    let is_level = |word: &str| {
        ["error", "warn", "info", "debug", "trace", "off"]
            .iter()
            .any(|level| word.eq_ignore_ascii_case(level))
    };
    // To tracing, a word that is no level is a target: everything else would be silent.
    if !level.split(',').all(|directive| directive.contains('=') || is_level(directive)) {
        return Err(right());
    }
    let is_ours = is_level(level) && !level.eq_ignore_ascii_case("off");
    let directives = if is_ours { format!("warn,sidetalk={level}") } else { level.to_owned() };
    EnvFilter::try_new(&directives).map_err(|_| right())
}

/// Starts counting; gives the way to the numbers.
///
/// # Errors
/// If a recorder is already there.
pub fn start_metrics() -> Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_messages".to_owned()), COUNTS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), COUNTS))
        .expect("the bounds are not empty")
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|_| anyhow::anyhow!("metrics are already recorded elsewhere"))?;
    describe();
    Ok(handle)
}

/// The metrics of this crate.
pub const ALL: &[(&str, &str)] = &[
    ("sidetalk_messages_total", "messages posted, by scope: room, group, users"),
    ("sidetalk_signals_total", "signals and typing that were passed on and forgotten"),
    ("sidetalk_repeated_sends_total", "sends that were stored before and got their first result again"),
    ("sidetalk_moderation_actions_total", "what moderators did, by action"),
    ("sidetalk_message_commit_seconds", "from a write's arrival at the store to its commit on the disk"),
    ("sidetalk_fanout_seconds", "handing what was committed to everybody who is there"),
    ("sidetalk_delivery_lag_seconds", "from a write's server time to the end of its fan-out"),
    ("sidetalk_db_query_seconds", "reads and rarer writes of the store, by op"),
    ("sidetalk_storage_errors_total", "what the store could not do, by op"),
    ("sidetalk_build_info", "always 1; the version is a label"),
    ("sidetalk_ready", "1 while the node takes traffic"),
    ("sidetalk_http_requests_total", "answered requests, by method and kind of status"),
    ("sidetalk_http_request_seconds", "from a request's headers to its answer's headers"),
    ("sidetalk_retention_purged_messages_total", "messages removed because they were over their retention"),
    ("sidetalk_retention_failures_total", "runs of the retention job that failed"),
    (
        "sidetalk_task_failures_total",
        "tasks of the server that a bug has ended; the node is not ready any more",
    ),
    ("sidetalk_jwks_reads_total", "readings of key sets, by result: ok, failed"),
    (
        "sidetalk_log_lines_dropped_total",
        "log lines that could not be written: nobody reads them, or the disk is full",
    ),
    ("process_resident_memory_bytes", "memory in use"),
    ("process_open_fds", "open files and sockets"),
    ("process_max_fds", "the most open files and sockets"),
    ("process_cpu_seconds_total", "time on a processor"),
];

fn describe() {
    sidetalk_edge::metrics::describe();
    measured::begin_at_zero();
    for result in ["ok", "failed"] {
        metrics::counter!("sidetalk_jwks_reads_total", "result" => result).increment(0);
    }
    for name in [
        "sidetalk_task_failures_total",
        "sidetalk_retention_purged_messages_total",
        "sidetalk_retention_failures_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for (name, meaning) in ALL {
        match () {
            () if name.ends_with("_total") => metrics::describe_counter!(*name, *meaning),
            () if name.starts_with("sidetalk_") && name.ends_with("_seconds") => {
                metrics::describe_histogram!(*name, *meaning);
            }
            () => metrics::describe_gauge!(*name, *meaning),
        }
    }
    metrics::gauge!("sidetalk_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Writes the numbers that are read rather than counted.
#[expect(clippy::cast_precision_loss, reason = "a gauge may be off by one in 2^53")]
pub fn measure_process() {
    metrics::counter!("sidetalk_log_lines_dropped_total").absolute(LINES.dropped());
    if let Ok(statm) = std::fs::read_to_string("/proc/self/statm")
        && let Some(pages) = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok())
    {
        metrics::gauge!("process_resident_memory_bytes")
            .set((pages * rustix::param::page_size() as u64) as f64);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(files.count() as f64);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    metrics::gauge!("process_max_fds").set(limit.current.unwrap_or(u64::MAX) as f64);
    // Fields 14 and 15 after the command's closing bracket: user and system time in ticks.
    if let Ok(stat) = std::fs::read_to_string("/proc/self/stat")
        && let Some((_, fields)) = stat.rsplit_once(") ")
    {
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        metrics::counter!("process_cpu_seconds_total")
            .absolute(ticks / rustix::param::clock_ticks_per_second());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_is_fresh() {
        let page = include_str!("../../../docs/METRICS.md");
        let listed: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .filter(|(_, rest)| ["counter", "gauge", "histogram"].iter().any(|kind| rest.starts_with(kind)))
            .map(|(name, _)| name)
            .collect();
        let ours = ALL.iter().map(|(name, meaning)| (*name, *meaning));
        let edges = sidetalk_edge::metrics::ALL.iter().map(|(name, _, meaning)| (*name, *meaning));
        let mut known: Vec<(&str, &str)> = ours.chain(edges).collect();
        known.sort_unstable();
        assert_eq!(listed, known.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "fix: docs/METRICS.md");
        for (name, meaning) in known {
            assert!(page.contains(meaning), "docs/METRICS.md says something else of {name}");
        }
    }

    #[test]
    fn a_bare_level_is_ours_alone() {
        let ours = filter("debug").expect("a level").to_string();
        assert!(ours.contains("warn") && ours.contains("sidetalk=debug"), "{ours}");
        assert!(filter("INFO").expect("a level").to_string().contains("sidetalk=info"));
    }

    /// A slip of a letter silenced the whole server.
    #[test]
    fn what_is_no_level_is_refused() {
        for good in ["off", "info,sidetalk_edge=debug", "Warn,sidetalk=TRACE"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "infoo", "sidetalk", "info,foo=bar", "loud=nois=e", "info,,"] {
            assert!(filter(bad).is_err(), "{bad:?}");
        }
    }
}
