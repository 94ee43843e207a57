//! A store that fails on the n-th call: what the application does when its engine does not answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sidetalk_core::model::{
    Audience, Epoch, Message, MessageId, ProjectId, RoomKey, RoomName, RoomSpec, Seq, Timestamp, UserId,
    Viewer,
};
use sidetalk_core::ports::{
    BoxFuture, CommitSink, LogStore, Page, PageRequest, Project, ProjectStore, Record, RecordStore, Replay,
    RoomStore, RoomSummary, SearchRequest, Store, Unread, Upkeep, UserProfile,
};
use sidetalk_core::refusal::{Failure, Unavailable};
use sidetalk_core::room::Room;
use sidetalk_core::transaction::{Submission, Written};

/// Any store, some of whose calls fail as unavailable, before or after they were done.
pub struct FailingStore<S> {
    inner: S,
    /// How many calls still go well; negative: all do.
    left: AtomicI64,
    plan: Plan,
}

/// How a planned failure looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Plan {
    /// Nothing is done, and so it is said.
    #[default]
    Before,
    /// It is done, but the answer is lost: as when a connection to an engine breaks at the wrong moment.
    After,
}

impl<S: Store> FailingStore<S> {
    /// Wraps `inner`; nothing fails until [`fail_from`](Self::fail_from) or [`fail_once`](Self::fail_once).
    pub fn new(inner: S, plan: Plan) -> Self {
        Self { inner, left: AtomicI64::new(NEVER), plan }
    }

    /// Lets `calls` more calls go well; all later ones fail until [`heal`](Self::heal).
    pub fn fail_from(&self, calls: u32) {
        self.left.store(i64::from(calls), Ordering::SeqCst);
    }

    /// Lets `calls` more calls go well; the next one fails, and then all go well again.
    pub fn fail_once(&self, calls: u32) {
        self.left.store(ONCE + i64::from(calls), Ordering::SeqCst);
    }

    /// Lets all calls go well.
    pub fn heal(&self) {
        self.left.store(NEVER, Ordering::SeqCst);
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Whether the call that begins now shall fail.
    fn is_due(&self) -> bool {
        let count = |left: i64| match left {
            NEVER | 0 => None,
            ONCE => Some(NEVER),
            left => Some(left - 1),
        };
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) {
            Ok(before) => before == ONCE,
            Err(left) => left == 0,
        }
    }

    /// Runs a call, or what the plan makes of it.
    fn call<'a, T: Send + 'a, E: From<Unavailable> + Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a S) -> BoxFuture<'a, Result<T, E>>,
    ) -> BoxFuture<'a, Result<T, E>> {
        if !self.is_due() {
            return call(&self.inner);
        }
        let failure = || Unavailable::new("calling a failing store", "this failure was asked for by a test");
        match self.plan {
            Plan::Before => Box::pin(async move { Err(failure().into()) }),
            Plan::After => {
                let call = call(&self.inner);
                Box::pin(async move {
                    call.await?;
                    Err(failure().into())
                })
            }
        }
    }
}

const NEVER: i64 = -1;
/// Above this, the count is of calls before a single failure.
const ONCE: i64 = 1 << 40;

impl<S: Store> LogStore for FailingStore<S> {
    fn write(&self, room: &RoomKey, submission: Submission) -> BoxFuture<'_, Result<Written, Failure>> {
        self.call(|inner| inner.write(room, submission))
    }

    fn page(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &PageRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        self.call(|inner| inner.page(room, viewer, request))
    }

    fn entries(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Replay, Failure>> {
        self.call(|inner| inner.entries(room, viewer, after, limit))
    }

    fn message(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<Message>, Failure>> {
        self.call(|inner| inner.message(room, viewer, id))
    }

    fn search(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &SearchRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        self.call(|inner| inner.search(room, viewer, request))
    }

    fn mark_read(
        &self,
        room: &RoomKey,
        user: &UserId,
        audience: &Audience,
        seq: Seq,
    ) -> BoxFuture<'_, Result<Seq, Failure>> {
        self.call(|inner| inner.mark_read(room, user, audience, seq))
    }

    fn unread(&self, room: &RoomKey, viewer: &Viewer) -> BoxFuture<'_, Result<Vec<Unread>, Failure>> {
        self.call(|inner| inner.unread(room, viewer))
    }
}

impl<S: Store> RoomStore for FailingStore<S> {
    fn open(
        &self,
        room: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(Arc<Room>, bool), Failure>> {
        self.call(|inner| inner.open(room, spec, epoch, now))
    }

    fn room(&self, room: &RoomKey) -> BoxFuture<'_, Result<Option<Arc<Room>>, Failure>> {
        self.call(|inner| inner.room(room))
    }

    fn rooms(
        &self,
        project: ProjectId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        self.call(|inner| inner.rooms(project, after, limit))
    }

    fn rooms_of(
        &self,
        project: ProjectId,
        user: &UserId,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        self.call(|inner| inner.rooms_of(project, user))
    }

    fn delete(&self, room: &RoomKey) -> BoxFuture<'_, Result<bool, Failure>> {
        self.call(|inner| inner.delete(room))
    }
}

impl<S: Store> ProjectStore for FailingStore<S> {
    fn put_project(&self, project: &Project) -> BoxFuture<'_, Result<(), Failure>> {
        self.call(|inner| inner.put_project(project))
    }

    fn project(&self, id: ProjectId) -> BoxFuture<'_, Result<Option<Project>, Failure>> {
        self.call(|inner| inner.project(id))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, Failure>> {
        self.call(|inner| inner.projects())
    }

    fn put_user(&self, project: ProjectId, user: &UserProfile) -> BoxFuture<'_, Result<(), Failure>> {
        self.call(|inner| inner.put_user(project, user))
    }

    fn user(&self, project: ProjectId, user: &UserId) -> BoxFuture<'_, Result<Option<UserProfile>, Failure>> {
        self.call(|inner| inner.user(project, user))
    }

    fn users(
        &self,
        project: ProjectId,
        after: Option<&UserId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UserProfile>, Failure>> {
        self.call(|inner| inner.users(project, after, limit))
    }

    fn erase_user(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, Failure>> {
        self.call(|inner| inner.erase_user(project, user, now))
    }
}

impl<S: Store> RecordStore for FailingStore<S> {
    fn put_records(&self, records: Vec<Record>) -> BoxFuture<'_, Result<(), Failure>> {
        self.call(|inner| inner.put_records(records))
    }

    fn add_record(&self, record: Record) -> BoxFuture<'_, Result<bool, Failure>> {
        self.call(|inner| inner.add_record(record))
    }

    fn record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        self.call(|inner| inner.record(kind, key))
    }

    fn records(
        &self,
        kind: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, Failure>> {
        self.call(|inner| inner.records(kind, prefix, after, limit))
    }

    fn take_record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        self.call(|inner| inner.take_record(kind, key))
    }

    fn remove_records(&self, kind: &'static str, prefix: &str) -> BoxFuture<'_, Result<u64, Failure>> {
        self.call(|inner| inner.remove_records(kind, prefix))
    }
}

impl<S: Store> Upkeep for FailingStore<S> {
    fn attach(&self, sink: Arc<dyn CommitSink>) {
        self.inner.attach(sink);
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, Failure>> {
        self.call(|inner| inner.purge(now))
    }

    fn backup(&self, target: &Path) -> BoxFuture<'_, Result<(), Failure>> {
        self.call(|inner| inner.backup(target))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        self.call(|inner| inner.check())
    }
}

#[cfg(test)]
mod tests {
    use sidetalk_core::model::RoomKind;
    use sidetalk_storage::{Sqlite, SqliteConfig};

    use super::*;

    fn store(folder: &tempfile::TempDir, plan: Plan) -> FailingStore<Sqlite> {
        let config = SqliteConfig::new(folder.path().join("sidetalk.db"));
        FailingStore::new(Sqlite::open(config).expect("opens"), plan)
    }

    #[tokio::test]
    async fn the_planned_call_fails_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder, Plan::Before);
        store.check().await.expect("nothing is planned");
        store.fail_once(1);
        store.check().await.expect("the one before");
        store.check().await.expect_err("the planned one");
        store.check().await.expect("the one after");
        store.fail_from(1);
        store.check().await.expect("the one before");
        for _ in 0..3 {
            store.check().await.expect_err("all from then on");
        }
        store.heal();
        store.check().await.expect("healed");
    }

    #[tokio::test]
    async fn a_lost_answer_is_of_something_done() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder, Plan::After);
        let project = ProjectId::new(1).expect("valid");
        let room = RoomKey { project, name: RoomName::new("r").expect("valid") };
        store.fail_once(0);
        let spec = RoomSpec { kind: RoomKind::Session, ..RoomSpec::default() };
        let opened = store.open(&room, &spec, Epoch(1), Timestamp::from_micros(1)).await;
        assert_eq!(opened.expect_err("the answer is lost").code(), "unavailable");
        assert!(store.room(&room).await.expect("an answer").is_some());
    }
}
