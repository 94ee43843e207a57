//! Store and fan-out with a watch beside them: how long they take, how much goes through, what fails.

use std::sync::Arc;

use metrics::{Counter, Histogram, counter, histogram};
use sidetalk_core::event::{Entry, Event};
use sidetalk_core::model::Audience;
use sidetalk_core::ports::{Around, BoxFuture, Clock, Committed, Fanout, Hint, HintSink, Store};
use sidetalk_core::refusal::Failure;
use sidetalk_core::transaction::{WriteResult, Written};
use tokio::time::Instant;

/// The names of the store's calls, as [`Around`] gives them.
const OPS: &str = "write page entries message search messages_of mark_read unread open room rooms rooms_of delete put_project \
                   project projects put_user user users erase_user put_records add_record record records take_record \
                   remove_records purge backup";

/// Lets what is counted here begin at 0, so that the first event is a growth.
pub fn begin_at_zero() {
    for op in OPS.split(' ') {
        counter!("sidetalk_storage_errors_total", "op" => op).increment(0);
    }
    for scope in ["room", "group", "users"] {
        counter!("sidetalk_messages_total", "scope" => scope).increment(0);
    }
    for action in [
        "chat_enable",
        "chat_disable",
        "history_clear",
        "slow_mode",
        "mute",
        "unmute",
        "kick",
        "ban",
        "unban",
        "set_role",
    ] {
        counter!("sidetalk_moderation_actions_total", "action" => action).increment(0);
    }
}

/// A store that is watched.
pub struct MeasuredStore {
    inner: Arc<dyn Store>,
    commit: Histogram,
    repeated: Counter,
}

impl MeasuredStore {
    /// Watches `inner`.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let commit = histogram!("sidetalk_message_commit_seconds");
        Arc::new(Self { inner, commit, repeated: counter!("sidetalk_repeated_sends_total") })
    }
}

impl Around for MeasuredStore {
    type Inner = dyn Store;

    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        op: &'static str,
        call: BoxFuture<'a, Result<T, Failure>>,
    ) -> BoxFuture<'a, Result<T, Failure>> {
        Box::pin(async move {
            let began = Instant::now();
            let done = call.await;
            histogram!("sidetalk_db_query_seconds", "op" => op).record(began.elapsed().as_secs_f64());
            note_failure(op, &done);
            done
        })
    }

    fn around_write<'a>(
        &'a self,
        call: BoxFuture<'a, Result<Written, Failure>>,
    ) -> BoxFuture<'a, Result<Written, Failure>> {
        Box::pin(async move {
            let began = Instant::now();
            let done = call.await;
            match &done {
                Ok(Written { result: WriteResult::Repeated(_), .. }) => self.repeated.increment(1),
                Ok(_) => self.commit.record(began.elapsed().as_secs_f64()),
                Err(_) => note_failure("write", &done),
            }
            done
        })
    }
}

fn note_failure<T>(op: &'static str, done: &Result<T, Failure>) {
    if matches!(done, Err(Failure::Unavailable(_))) {
        counter!("sidetalk_storage_errors_total", "op" => op).increment(1);
    }
}

/// A fan-out that is watched. Everything that is committed or signalled on this node passes here.
pub struct MeasuredFanout {
    inner: Arc<dyn Fanout>,
    clock: Arc<dyn Clock>,
    fanout: Histogram,
    lag: Histogram,
    signals: Counter,
}

impl MeasuredFanout {
    /// Watches `inner`.
    pub fn new(inner: Arc<dyn Fanout>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            clock,
            fanout: histogram!("sidetalk_fanout_seconds"),
            lag: histogram!("sidetalk_delivery_lag_seconds"),
            signals: counter!("sidetalk_signals_total"),
        })
    }

    fn publish_committed(&self, committed: Committed) {
        let first_at = committed.entries.first().map(|entry| entry.at);
        for entry in &committed.entries {
            count(entry);
        }
        let began = Instant::now();
        self.inner.publish(Hint::Committed(committed));
        self.fanout.record(began.elapsed().as_secs_f64());
        if let Some(at) = first_at {
            self.lag.record(self.clock.now().since(at).as_secs_f64());
        }
    }
}

impl Fanout for MeasuredFanout {
    fn publish(&self, hint: Hint) {
        match hint {
            Hint::Committed(committed) => self.publish_committed(committed),
            // No watch here: there may be a hundred thousand of these a second.
            hint @ Hint::Moment { .. } => {
                self.signals.increment(1);
                self.inner.publish(hint);
            }
            hint @ Hint::Deleted { .. } => self.inner.publish(hint),
        }
    }

    fn attach(&self, sink: Arc<dyn HintSink>) {
        self.inner.attach(sink);
    }
}

fn count(entry: &Entry) {
    let action = match &entry.event {
        Event::MessagePosted(_) => {
            let scope = match &entry.audience {
                Audience::Room => "room",
                Audience::Group(_) => "group",
                Audience::Users(_) | Audience::Connections(_) => "users",
            };
            return counter!("sidetalk_messages_total", "scope" => scope).increment(1);
        }
        Event::ChatEnabledSet(true) => "chat_enable",
        Event::ChatEnabledSet(false) => "chat_disable",
        Event::HistoryCleared => "history_clear",
        Event::SlowModeSet(_) => "slow_mode",
        Event::MemberMuted { .. } => "mute",
        Event::MemberUnmuted { .. } => "unmute",
        Event::MemberKicked { .. } => "kick",
        Event::MemberBanned { .. } => "ban",
        Event::MemberUnbanned { .. } => "unban",
        Event::RoleSet { .. } => "set_role",
        _ => return,
    };
    counter!("sidetalk_moderation_actions_total", "action" => action).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_calls_of_the_store_are_listed() {
        let around = include_str!("../../core/src/ports/around.rs");
        let calls: Vec<&str> = around
            .split("self.around(\"")
            .skip(1)
            .filter_map(|call| call.split_once('"').map(|(op, _)| op))
            .collect();
        assert_eq!(OPS.split(' ').collect::<Vec<_>>(), calls, "fix: OPS above");
    }
}
