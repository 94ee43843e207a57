//! A store that fails on the n-th call: what the application does when its engine does not answer.

use std::sync::atomic::{AtomicI64, Ordering};

use sidetalk_core::ports::{Around, BoxFuture, Store};
use sidetalk_core::refusal::{Failure, Unavailable};

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

    /// The call, or what the plan makes of it.
    fn call<'a, T: Send + 'a, E: From<Unavailable> + Send + 'a>(
        &self,
        call: BoxFuture<'a, Result<T, E>>,
    ) -> BoxFuture<'a, Result<T, E>> {
        if !self.is_due() {
            return call;
        }
        let failure = || Unavailable::new("calling a failing store", "this failure was asked for by a test");
        let plan = self.plan;
        Box::pin(async move {
            match plan {
                Plan::Before => drop(call),
                Plan::After => drop(call.await?),
            }
            Err(failure().into())
        })
    }
}

const NEVER: i64 = -1;
/// Above this, the count is of calls before a single failure.
const ONCE: i64 = 1 << 40;

impl<S: Store> Around for FailingStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        _: &'static str,
        call: BoxFuture<'a, Result<T, Failure>>,
    ) -> BoxFuture<'a, Result<T, Failure>> {
        self.call(call)
    }

    fn around_check<'a>(
        &'a self,
        call: BoxFuture<'a, Result<(), Unavailable>>,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.call(call)
    }
}

#[cfg(test)]
mod tests {
    use sidetalk_core::model::{Epoch, ProjectId, RoomKey, RoomKind, RoomName, RoomSpec, Timestamp};
    use sidetalk_core::ports::{RoomStore, Upkeep};
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
