//! The one thread that writes.
//!
//! ```text
//!   queue ──▶ take all that waits ──▶ BEGIN ─ job ─ job ─ job ─ COMMIT ──▶ tell the sink ──▶ answer the callers
//!                                       └─ any of them fails: ROLLBACK, forget the rooms touched, all answer so
//! ```
//! While a commit syncs, the next jobs gather in the queue: many share one sync without anybody waiting on purpose.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use sidetalk_core::event::{Entry, Event};
use sidetalk_core::model::{Epoch, RoomKey, RoomKind, RoomSpec, Timestamp, UserId};
use sidetalk_core::ports::{Committed, Recipient};
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::room::{Room, member_changed};
use sidetalk_core::transaction::{Submission, WriteResult, Written, execute};
use tokio::sync::oneshot;

use super::append::{IndexState, Tx, keep_labels, keep_state};
use super::db::Db;
use super::queue::Taken;
use super::{Shared, rooms, search};
use crate::error::Fault;

/// The most jobs in one transaction.
const BATCH_MAX: usize = 512;

/// How long nothing must have come before the writer looks after the search index and the write-ahead log.
const IDLE: Duration = Duration::from_millis(300);

/// How long it pauses between two pieces of that work.
const BREATH: Duration = Duration::from_millis(10);

/// The longest pause after work that failed: a full disk is not asked more often.
const BREATH_MAX: Duration = Duration::from_secs(30);

/// How long emptying the log waits for the end of a long read, such as a backup, before it tries again.
const FORGET_AGAIN: Duration = Duration::from_secs(10);

/// A job of the writer.
pub(super) trait Job: Send {
    /// Does the work; an error means that the whole transaction must be undone.
    fn run(&mut self, writer: &mut Writer) -> Result<(), Fault>;
    /// Answers the caller, after the commit or after it failed.
    fn answer(self: Box<Self>, failed: Option<&str>);
}

/// A job made of a function.
pub(super) struct Work<T, F> {
    pub(super) doing: &'static str,
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, Fault>>,
    pub(super) answer: oneshot::Sender<Result<T, Failure>>,
}

impl<T: Send, F: FnOnce(&mut Writer) -> Result<T, Fault> + Send> Job for Work<T, F> {
    fn run(&mut self, writer: &mut Writer) -> Result<(), Fault> {
        let work = self.work.take().expect("a job runs once");
        let before = writer.db.changes();
        match work(writer) {
            Ok(value) => self.result = Some(Ok(value)),
            // What failed before it changed anything fails alone.
            Err(fault) if writer.db.changes() == before && writer.db.in_transaction() => {
                self.result = Some(Err(fault));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<&str>) {
        let result = match (failed, self.result) {
            (None, Some(result)) => result,
            (failed, _) => Err(Fault::Undone(failed.unwrap_or("it did not run").to_owned())),
        };
        // A caller that has gone away needs no answer.
        let _ = self.answer.send(result.map_err(|fault| fault.failure(self.doing)));
    }
}

/// The writer's state.
pub(super) struct Writer {
    pub(super) db: Db,
    shared: Arc<Shared>,
    rooms: HashMap<RoomKey, Cached>,
    /// The rooms that the open transaction has changed, in the order of their first change.
    touched: Vec<RoomKey>,
    /// Entries of rooms that were deleted in the same transaction.
    orphaned: Vec<Committed>,
    /// Whether nothing has come since it last did some of its own work.
    resting: bool,
    /// Whether rows of deleted rooms may be left.
    sweeping: bool,
    /// Whether rooms may wait for the search index.
    behind: bool,
    /// How long texts that were removed may still lie in the write-ahead log.
    removed_kept: Duration,
    /// When the write-ahead log has to be emptied, because texts that were removed still lie in it.
    forget_at: Option<Instant>,
    /// How long it pauses after its own work has failed; zero while that goes well.
    ailing: Duration,
}

/// A room as the writer knows it.
struct Cached {
    no: i64,
    room: Room,
    index: IndexState,
    members: Option<Arc<[Recipient]>>,
    /// Entries appended in the open transaction; those that the same members are told of lie together.
    pending: Vec<Committed>,
    touched: bool,
}

impl Writer {
    pub(super) fn new(db: Db, shared: Arc<Shared>, removed_kept: Duration) -> Self {
        Self {
            db,
            shared,
            rooms: HashMap::new(),
            touched: Vec::new(),
            orphaned: Vec::new(),
            resting: false,
            sweeping: true,
            behind: true,
            removed_kept,
            forget_at: None,
            ailing: Duration::ZERO,
        }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            match self.shared.writes.take(BATCH_MAX, self.patience()) {
                Taken::Jobs(jobs) => {
                    self.resting = false;
                    self.guarded(jobs);
                }
                Taken::Idle if self.sweeping => self.sweep(),
                Taken::Idle => {
                    self.resting = true;
                    self.rest();
                }
                Taken::Closed => return,
            }
            self.forget_what_is_due();
            self.shared.log.relieve(&mut self.db);
        }
    }

    /// How long to wait for jobs before there is something else to do.
    fn patience(&self) -> Option<Duration> {
        let pause = if self.sweeping {
            Duration::ZERO
        } else if self.resting {
            BREATH
        } else {
            IDLE
        };
        let has_chores = self.sweeping || self.behind || self.shared.log.wants_rest();
        let chores = has_chores.then_some(pause.max(self.ailing));
        let forgetting = self.forget_at.map(|at| at.saturating_duration_since(now()));
        chores.into_iter().chain(forgetting).min()
    }

    /// Has the write-ahead log emptied at once.
    pub(super) fn forget_now(&mut self) {
        self.forget_at = Some(now());
    }

    /// Has the write-ahead log emptied before long, because something was removed.
    pub(super) fn forget_soon(&mut self) {
        self.forget_at.get_or_insert_with(|| now() + self.removed_kept);
    }

    fn forget_what_is_due(&mut self) {
        if self.forget_at.is_none_or(|at| at > now()) {
            return;
        }
        self.forget_at = match self.shared.log.truncate(&mut self.db) {
            Ok(true) => None,
            Ok(false) => Some(now() + FORGET_AGAIN),
            Err(fault) => {
                tracing::warn!(error = %fault, "the write-ahead log could not be emptied");
                Some(now() + FORGET_AGAIN)
            }
        };
    }

    /// Runs a batch; a panic in it (a bug) undoes it and does not stop the writer.
    fn guarded(&mut self, jobs: Vec<Box<dyn Job>>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.batch(jobs)));
        if outcome.is_err() {
            tracing::error!("a write panicked; its batch was undone");
            self.db.roll_back();
            self.rooms.clear();
            self.touched.clear();
            self.orphaned.clear();
        }
    }

    fn batch(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match self.transact(&mut jobs) {
            Ok(()) => {
                self.publish();
                jobs.into_iter().for_each(|job| job.answer(None));
            }
            Err(fault) => {
                self.undo();
                let count = jobs.len();
                let reason = std::error::Error::source(&fault)
                    .map_or(fault.to_string(), |source| format!("{fault}: {source}"));
                // Whoever asked is told, and logs it.
                tracing::debug!(error = %reason, writes = count, "a commit failed and was undone");
                jobs.into_iter().for_each(|job| job.answer(Some(&reason)));
            }
        }
        if self.rooms.len() > self.shared.rooms_cached {
            rooms::shed(&mut self.rooms);
        }
    }

    fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        self.db.execute("BEGIN IMMEDIATE", [])?;
        for job in jobs {
            job.run(self)?;
        }
        self.db.execute("COMMIT", [])?;
        Ok(())
    }

    /// Tells the sink what was committed.
    fn publish(&mut self) {
        let sink = self.shared.sink.get();
        for committed in self.orphaned.drain(..) {
            sink.inspect(|sink| sink.committed(committed));
        }
        for key in self.touched.drain(..) {
            let Some(cached) = self.rooms.get_mut(&key) else { continue };
            cached.touched = false;
            for committed in cached.pending.drain(..) {
                sink.inspect(|sink| sink.committed(committed));
            }
        }
    }

    /// Takes the open transaction back; the rooms that it changed are read again when they are next needed.
    fn undo(&mut self) {
        self.db.roll_back();
        self.orphaned.clear();
        for key in self.touched.drain(..) {
            self.rooms.remove(&key);
        }
    }

    /// Removes some rows of deleted rooms.
    fn sweep(&mut self) {
        match self.alone(|writer| rooms::sweep(&writer.db)) {
            Ok(done) => {
                self.sweeping = !done;
                if !done {
                    self.forget_soon();
                }
            }
            Err(fault) => {
                // The next purge tries again.
                self.sweeping = false;
                tracing::warn!(error = %fault, "the rows of a deleted room could not be removed");
            }
        }
    }

    /// Uses the time when nobody writes.
    fn rest(&mut self) {
        if self.behind {
            let indexing = self.alone(|writer| {
                let Some(room) = search::next_unindexed(&writer.db)? else { return Ok(false) };
                writer.catch_up(room)?;
                Ok(true)
            });
            match indexing {
                Ok(more) => {
                    self.behind = more;
                    self.ailing = Duration::ZERO;
                }
                Err(fault) => {
                    if self.ailing.is_zero() {
                        tracing::warn!(error = %fault, "the search index could not be brought up to date; will try again");
                    }
                    self.ailing = (self.ailing * 2).clamp(IDLE, BREATH_MAX);
                }
            }
        }
        self.shared.log.rest();
    }

    /// Runs `work` in a transaction of its own.
    fn alone<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let run = |writer: &mut Self| {
            writer.db.execute("BEGIN IMMEDIATE", [])?;
            let value = work(writer)?;
            writer.db.execute("COMMIT", [])?;
            Ok(value)
        };
        let result = run(self);
        match &result {
            Ok(_) => self.publish(),
            Err(_) => self.undo(),
        }
        result
    }

    /// Indexes a piece of that room. Says whether the room is done.
    pub(super) fn catch_up(&mut self, room: i64) -> Result<bool, Fault> {
        let (indexed, done) = search::catch_up(&self.db, room)?;
        // Few rooms are cached and steps are rare: a walk will do.
        if let Some((key, cached)) = self.rooms.iter_mut().find(|(_, cached)| cached.no == room) {
            cached.index = IndexState { indexed, listed: !done };
            if !cached.touched {
                cached.touched = true;
                self.touched.push(key.clone());
            }
        }
        Ok(done)
    }

    /// Runs a submission as the room's next write.
    pub(super) fn write(&mut self, key: &RoomKey, submission: &Submission) -> Result<Written, Fault> {
        let Some(cached) = Self::cached(&self.db, &mut self.rooms, key)? else {
            return Err(Refusal::RoomGone.into());
        };
        let labels = cached.room.labels.clone();
        let mut tx = Tx { db: &mut self.db, key, no: cached.no, index: &mut cached.index };
        let written = ready(execute(&mut tx, &mut cached.room, submission));
        if !cached.touched {
            cached.touched = true;
            self.touched.push(key.clone());
        }
        let written = written?;
        if let WriteResult::Appended(entry) = &written.result {
            keep_state(&self.db, cached.no, &cached.room, &entry.event)?;
            if cached.room.labels != labels {
                keep_labels(&self.db, cached.no, &cached.room.labels)?;
            }
            if member_changed(&entry.event).is_some() {
                cached.members = members(&cached.room);
            }
            cached.note(entry);
            self.behind = true;
            if removes_text(&entry.event) {
                self.forget_soon();
            }
        }
        Ok(written)
    }

    /// Makes a room unless there is one. Says whether it made it.
    pub(super) fn open(
        &mut self,
        key: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<(Arc<Room>, bool), Fault> {
        if let Some(cached) = Self::cached(&self.db, &mut self.rooms, key)? {
            return Ok((Arc::new(cached.room.clone()), false));
        }
        let (no, room) = rooms::insert(&self.db, key, spec, epoch, now)?;
        let made = Arc::new(room.clone());
        let index = IndexState { indexed: room.head, listed: false };
        let mut cached = Cached::new(no, room, index);
        cached.touched = true;
        self.touched.push(key.clone());
        self.rooms.insert(key.clone(), cached);
        Ok((made, true))
    }

    /// Deletes that incarnation of a room; its rows go by and by. Says whether it was there.
    pub(super) fn delete(&mut self, key: &RoomKey, epoch: Epoch) -> Result<bool, Fault> {
        if rooms::doom(&self.db, key, epoch)?.is_none() {
            return Ok(false);
        }
        self.sweeping = true;
        self.forget_soon();
        if let Some(cached) = self.rooms.remove(key) {
            self.orphaned.extend(cached.pending);
        }
        Ok(true)
    }

    /// Gives a room, if it is remembered, the members that the store has now: they were changed past the rules.
    pub(super) fn renew_members(&mut self, room: i64) -> Result<(), Fault> {
        if let Some((key, cached)) = self.rooms.iter_mut().find(|(_, cached)| cached.no == room)
            && let Some(row) = rooms::find(&self.db, key)?
        {
            cached.room.members = rooms::with_members(&self.db, key, row)?.members;
            cached.members = members(&cached.room);
        }
        Ok(())
    }

    fn cached<'a>(
        db: &Db,
        rooms: &'a mut HashMap<RoomKey, Cached>,
        key: &RoomKey,
    ) -> Result<Option<&'a mut Cached>, Fault> {
        if !rooms.contains_key(key) {
            let Some(row) = rooms::find(db, key)? else { return Ok(None) };
            let (no, index) = (row.no, rooms::index_state(db, &row)?);
            let room = rooms::with_members(db, key, row)?;
            rooms.insert(key.clone(), Cached::new(no, room, index));
        }
        Ok(rooms.get_mut(key))
    }
}

impl Cached {
    fn new(no: i64, room: Room, index: IndexState) -> Self {
        let members = members(&room);
        Self { no, room, index, members, pending: Vec::new(), touched: false }
    }

    /// Keeps an entry for the sink, with those who are members after it.
    fn note(&mut self, entry: &Arc<Entry>) {
        let members = self.members.as_ref();
        let is_same = |last: &Committed| last.members.as_ref().map(Arc::as_ptr) == members.map(Arc::as_ptr);
        if let Some(last) = self.pending.last_mut().filter(|last| is_same(last)) {
            return last.entries.push(entry.clone());
        }
        self.pending.push(Committed {
            room: self.room.key.clone(),
            epoch: self.room.epoch,
            entries: vec![entry.clone()],
            members: members.cloned(),
        });
    }
}

/// The joined members of a room that has such.
fn members(room: &Room) -> Option<Arc<[Recipient]>> {
    let recipient = |user: &UserId| {
        let member = &room.members[user];
        Recipient { user: user.clone(), groups: member.groups.as_slice().into(), ban: member.ban }
    };
    (room.kind != RoomKind::Session).then(|| room.joined_members().map(recipient).collect())
}

/// The value of a future that never waits.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the engine's transaction never waits"),
    }
}

/// Whether an entry takes texts away that are still in the file's log.
fn removes_text(event: &Event) -> bool {
    matches!(event, Event::MessageEdited { .. } | Event::MessageDeleted(_) | Event::HistoryCleared)
}

#[expect(clippy::disallowed_methods, reason = "when the disk is asked is nothing that a test decides")]
fn now() -> Instant {
    Instant::now()
}
