//! The names and meanings of what the edge counts. Call sites elsewhere in the crate use the functions below, so that
//! this file is the whole list.

use std::sync::atomic::{AtomicI64, Ordering};

/// Open WebSockets.
pub const CONNECTIONS: &str = "sidetalk_connections";
/// Connections accepted and refused, by `result`.
pub const CONNECTS_TOTAL: &str = "sidetalk_connects_total";
/// Connections ended by a deadline, by `phase`.
pub const DEADLINES_TOTAL: &str = "sidetalk_deadline_disconnects_total";
/// Sockets closed, by `code`.
pub const CLOSES_TOTAL: &str = "sidetalk_socket_closes_total";
/// Clients that read too slowly.
pub const SLOW_TOTAL: &str = "sidetalk_slow_consumer_disconnects_total";
/// Bytes in all outboxes.
pub const QUEUED_BYTES: &str = "sidetalk_outbound_queue_bytes";
/// Refusals by a rate limit, by `rule`.
pub const RATE_LIMITED_TOTAL: &str = "sidetalk_rate_limited_total";
/// Frames from clients that broke the protocol, by `code`.
pub const VIOLATIONS_TOTAL: &str = "sidetalk_protocol_violations_total";
/// Certificates loaded, by `result`.
pub const TLS_RELOADS_TOTAL: &str = "sidetalk_tls_reloads_total";
/// Logins that failed, by `reason`.
pub const AUTH_FAILURES_TOTAL: &str = "sidetalk_auth_failures_total";
/// Returns with a position, by `outcome`.
pub const RESUME_TOTAL: &str = "sidetalk_resume_total";
/// What was missed by whoever came back.
pub const RESUME_REPLAYED: &str = "sidetalk_resume_replayed_messages";

/// Name, kind and meaning of every metric of the edge.
pub const ALL: [(&str, Kind, &str); 12] = [
    (CONNECTIONS, Kind::Gauge, "open WebSockets"),
    (CONNECTS_TOTAL, Kind::Counter, "connections by result: accepted, address_full, node_full, tls_failed"),
    (
        DEADLINES_TOTAL,
        Kind::Counter,
        "connections ended by a deadline, by phase: silent, header, idle, write",
    ),
    (CLOSES_TOTAL, Kind::Counter, "WebSockets closed, by code; 0 when the connection was lost"),
    (SLOW_TOTAL, Kind::Counter, "clients closed because they read too slowly"),
    (QUEUED_BYTES, Kind::Gauge, "bytes waiting in all outboxes"),
    (RATE_LIMITED_TOTAL, Kind::Counter, "requests and frames refused by a rate limit, by rule"),
    (VIOLATIONS_TOTAL, Kind::Counter, "frames that broke RFC 6455 or a size limit, by code"),
    (TLS_RELOADS_TOTAL, Kind::Counter, "certificate reloads, by result: ok, failed"),
    (
        AUTH_FAILURES_TOTAL,
        Kind::Counter,
        "logins that failed, by reason: credentials, token, expired, secret",
    ),
    (RESUME_TOTAL, Kind::Counter, "returns with a position, by outcome: ok, too_old, epoch_changed"),
    (RESUME_REPLAYED, Kind::Histogram, "log entries that a return with a position brought"),
];

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often which size.
    Histogram,
}

/// The counters whose labels are words, with all of them. Those with a number (`code`) come with their first event.
const WORDS: [(&str, &str, &[&str]); 5] = [
    (CONNECTS_TOTAL, "result", &["accepted", "address_full", "node_full", "tls_failed"]),
    (DEADLINES_TOTAL, "phase", &["silent", "header", "idle", "write"]),
    (TLS_RELOADS_TOTAL, "result", &["ok", "failed"]),
    (AUTH_FAILURES_TOTAL, "reason", &["credentials", "token", "expired", "secret"]),
    (RESUME_TOTAL, "outcome", &["ok", "too_old", "epoch_changed"]),
];

/// Tells the recorder what the names mean, and lets counters begin at 0: to `increase()`, a counter that comes with its first
/// event has not grown by it. Call it once, after the recorder is installed.
pub fn describe() {
    for (name, label, words) in WORDS {
        for word in words {
            metrics::counter!(name, label => *word).increment(0);
        }
    }
    metrics::counter!(SLOW_TOTAL).increment(0);
    for (name, kind, meaning) in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, meaning),
        }
    }
}

/// Queues change with every write, so the sum is kept here and published once per sweep.
static QUEUED: AtomicI64 = AtomicI64::new(0);

/// Writes the gauges that are too lively to be set at each change.
#[expect(clippy::cast_precision_loss, reason = "a gauge of bytes may be off by one in 2^53")]
pub(crate) fn publish_gauges() {
    metrics::gauge!(QUEUED_BYTES).set(QUEUED.load(Ordering::Relaxed) as f64);
}

pub(crate) fn queued(bytes: usize) {
    QUEUED.fetch_add(bytes as i64, Ordering::Relaxed);
}

pub(crate) fn unqueued(bytes: usize) {
    QUEUED.fetch_sub(bytes as i64, Ordering::Relaxed);
}

pub(crate) fn slow_consumer() {
    metrics::counter!(SLOW_TOTAL).increment(1);
}

pub(crate) fn socket_opened() {
    metrics::gauge!(CONNECTIONS).increment(1.0);
}

pub(crate) fn socket_closed(number: u16) {
    metrics::gauge!(CONNECTIONS).decrement(1.0);
    // A vendor's or a client's own number must not grow the list of series without end.
    let number = if matches!(number, 0 | 1000..=1015 | 4000..=4099 | 4500..=4599) { number } else { 4999 };
    metrics::counter!(CLOSES_TOTAL, "code" => number.to_string()).increment(1);
}

pub(crate) fn connect(result: &'static str) {
    metrics::counter!(CONNECTS_TOTAL, "result" => result).increment(1);
}

pub(crate) fn deadline(phase: &'static str) {
    metrics::counter!(DEADLINES_TOTAL, "phase" => phase).increment(1);
}

pub(crate) fn violation(number: u16) {
    metrics::counter!(VIOLATIONS_TOTAL, "code" => number.to_string()).increment(1);
}

pub(crate) fn rate_limited(rule: &'static str) {
    metrics::counter!(RATE_LIMITED_TOTAL, "rule" => rule).increment(1);
}

pub(crate) fn tls_reload(result: &'static str) {
    metrics::counter!(TLS_RELOADS_TOTAL, "result" => result).increment(1);
}

/// A login failed, for one of a few reasons.
pub fn auth_failed(reason: &'static str) {
    metrics::counter!(AUTH_FAILURES_TOTAL, "reason" => reason).increment(1);
}

/// Somebody came back with a position; `replayed` entries were missed, if they could be told.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn resumed(outcome: &'static str, replayed: Option<usize>) {
    metrics::counter!(RESUME_TOTAL, "outcome" => outcome).increment(1);
    if let Some(replayed) = replayed {
        metrics::histogram!(RESUME_REPLAYED).record(replayed as f64);
    }
}
