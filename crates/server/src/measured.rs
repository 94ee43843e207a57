//! Store and fan-out with a watch beside them: how long they take, how much goes through, what fails.

use std::path::Path;
use std::sync::Arc;

use metrics::{Counter, Histogram, counter, histogram};
use sidetalk_core::event::{Entry, Event};
use sidetalk_core::model::{
    Audience, Epoch, Message, MessageId, ProjectId, RoomKey, RoomName, RoomSpec, Seq, Timestamp, UserId,
    Viewer,
};
use sidetalk_core::ports::{
    BoxFuture, Clock, CommitSink, Committed, Fanout, Hint, HintSink, LogStore, Page, PageRequest, Project,
    ProjectStore, Record, RecordStore, Replay, RoomStore, RoomSummary, SearchRequest, Store, Unread, Upkeep,
    UserProfile,
};
use sidetalk_core::refusal::{Failure, Unavailable};
use sidetalk_core::room::Room;
use sidetalk_core::transaction::{Submission, WriteResult, Written};
use tokio::time::Instant;

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

fn timed<'a, T: Send + 'a>(
    op: &'static str,
    work: BoxFuture<'a, Result<T, Failure>>,
) -> BoxFuture<'a, Result<T, Failure>> {
    Box::pin(async move {
        let began = Instant::now();
        let done = work.await;
        histogram!("sidetalk_db_query_seconds", "op" => op).record(began.elapsed().as_secs_f64());
        note_failure(op, &done);
        done
    })
}

fn note_failure<T>(op: &'static str, done: &Result<T, Failure>) {
    if matches!(done, Err(Failure::Unavailable(_))) {
        counter!("sidetalk_storage_errors_total", "op" => op).increment(1);
    }
}

impl LogStore for MeasuredStore {
    fn write(&self, room: &RoomKey, submission: Submission) -> BoxFuture<'_, Result<Written, Failure>> {
        let work = self.inner.write(room, submission);
        Box::pin(async move {
            let began = Instant::now();
            let done = work.await;
            match &done {
                Ok(Written { result: WriteResult::Repeated(_), .. }) => self.repeated.increment(1),
                Ok(_) => self.commit.record(began.elapsed().as_secs_f64()),
                Err(_) => note_failure("write", &done),
            }
            done
        })
    }

    fn page(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &PageRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        timed("page", self.inner.page(room, viewer, request))
    }

    fn entries(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Replay, Failure>> {
        timed("entries", self.inner.entries(room, viewer, after, limit))
    }

    fn message(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<Message>, Failure>> {
        timed("message", self.inner.message(room, viewer, id))
    }

    fn search(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &SearchRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        timed("search", self.inner.search(room, viewer, request))
    }

    fn mark_read(
        &self,
        room: &RoomKey,
        user: &UserId,
        audience: &Audience,
        seq: Seq,
    ) -> BoxFuture<'_, Result<Seq, Failure>> {
        timed("mark_read", self.inner.mark_read(room, user, audience, seq))
    }

    fn unread(&self, room: &RoomKey, viewer: &Viewer) -> BoxFuture<'_, Result<Vec<Unread>, Failure>> {
        timed("unread", self.inner.unread(room, viewer))
    }
}

impl RoomStore for MeasuredStore {
    fn open(
        &self,
        room: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(Arc<Room>, bool), Failure>> {
        timed("open", self.inner.open(room, spec, epoch, now))
    }

    fn room(&self, room: &RoomKey) -> BoxFuture<'_, Result<Option<Arc<Room>>, Failure>> {
        timed("room", self.inner.room(room))
    }

    fn rooms(
        &self,
        project: ProjectId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        timed("rooms", self.inner.rooms(project, after, limit))
    }

    fn rooms_of(
        &self,
        project: ProjectId,
        user: &UserId,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        timed("rooms_of", self.inner.rooms_of(project, user))
    }

    fn delete(&self, room: &RoomKey) -> BoxFuture<'_, Result<bool, Failure>> {
        timed("delete", self.inner.delete(room))
    }
}

impl ProjectStore for MeasuredStore {
    fn put_project(&self, project: &Project) -> BoxFuture<'_, Result<(), Failure>> {
        timed("put_project", self.inner.put_project(project))
    }

    fn project(&self, id: ProjectId) -> BoxFuture<'_, Result<Option<Project>, Failure>> {
        timed("project", self.inner.project(id))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, Failure>> {
        timed("projects", self.inner.projects())
    }

    fn put_user(&self, project: ProjectId, user: &UserProfile) -> BoxFuture<'_, Result<(), Failure>> {
        timed("put_user", self.inner.put_user(project, user))
    }

    fn user(&self, project: ProjectId, user: &UserId) -> BoxFuture<'_, Result<Option<UserProfile>, Failure>> {
        timed("user", self.inner.user(project, user))
    }

    fn users(
        &self,
        project: ProjectId,
        after: Option<&UserId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UserProfile>, Failure>> {
        timed("users", self.inner.users(project, after, limit))
    }

    fn erase_user(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, Failure>> {
        timed("erase_user", self.inner.erase_user(project, user, now))
    }
}

impl RecordStore for MeasuredStore {
    fn put_records(&self, records: Vec<Record>) -> BoxFuture<'_, Result<(), Failure>> {
        timed("put_records", self.inner.put_records(records))
    }

    fn add_record(&self, record: Record) -> BoxFuture<'_, Result<bool, Failure>> {
        timed("add_record", self.inner.add_record(record))
    }

    fn record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        timed("record", self.inner.record(kind, key))
    }

    fn records(
        &self,
        kind: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, Failure>> {
        timed("records", self.inner.records(kind, prefix, after, limit))
    }

    fn take_record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        timed("take_record", self.inner.take_record(kind, key))
    }

    fn remove_records(&self, kind: &'static str, prefix: &str) -> BoxFuture<'_, Result<u64, Failure>> {
        timed("remove_records", self.inner.remove_records(kind, prefix))
    }
}

impl Upkeep for MeasuredStore {
    fn attach(&self, sink: Arc<dyn CommitSink>) {
        self.inner.attach(sink);
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, Failure>> {
        timed("purge", self.inner.purge(now))
    }

    fn backup(&self, target: &Path) -> BoxFuture<'_, Result<(), Failure>> {
        timed("backup", self.inner.backup(target))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        self.inner.check()
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
