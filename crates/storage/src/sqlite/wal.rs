//! Keeps the write-ahead log short without making commits wait.
//!
//! A thread of its own copies the log into the database while the writer goes on (a *passive* checkpoint). Under constant
//! writing that never reaches the log's end, and only a log that was copied to its end starts from its beginning again: so
//! when the log is long, the writer copies the little that is left itself, right after such a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::db::{BUSY_PATIENCE, Db};
use crate::error::Fault;

/// After that many new pages (4 KiB each) the log is copied.
const PAGES_STEP: u64 = 1_000;
/// From that many pages on the log must start again.
const PAGES_LONG: u64 = 8_000;
/// What the writer may copy itself: about 10 ms.
const PAGES_TAIL: u64 = 2_000;
/// From that many pages on the writer waits until the log is empty: the disk cannot follow.
const PAGES_HUGE: u64 = 32_000;
/// How long emptying the log waits for readers to end.
const PATIENCE: Duration = Duration::from_millis(250);

/// The write-ahead log.
#[derive(Default)]
pub(super) struct Log {
    /// Pages in the log after the last commit.
    pages: AtomicU64,
    /// Pages of it that are in the database too.
    copied: AtomicU64,
    copying: AtomicBool,
    order: Mutex<Order>,
    ordered: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Order {
    #[default]
    None,
    Copy,
    Stop,
}

impl Log {
    /// Watches the commits of the writer's connection.
    pub(super) fn watch(log: &Arc<Self>, db: &mut Db) -> rusqlite::Result<()> {
        let log = log.clone();
        db.raw().wal_hook(Some(move |_: &mut _, pages: i32| {
            let pages = u64::from(pages.unsigned_abs());
            if log.pages.swap(pages, Ordering::Relaxed) > pages {
                log.copied.store(0, Ordering::Relaxed); // It has started again.
            }
            let left = pages.saturating_sub(log.copied.load(Ordering::Relaxed));
            if left >= PAGES_STEP && !(pages >= PAGES_LONG && left <= PAGES_TAIL) {
                log.order_copy();
            }
            Ok(())
        }))
    }

    fn order_copy(&self) {
        if self.copying.load(Ordering::Relaxed) {
            return;
        }
        let mut order = self.order.lock();
        if *order == Order::None {
            *order = Order::Copy;
            self.ordered.notify_one();
        }
    }

    /// Whether the log has something to copy when there is time.
    pub(super) fn wants_rest(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > self.copied.load(Ordering::Relaxed)
    }

    /// Has what is left copied: nobody writes.
    pub(super) fn rest(&self) {
        if self.wants_rest() {
            self.order_copy();
        }
    }

    /// Called by the writer between its transactions: ends a long log.
    pub(super) fn relieve(&self, db: &mut Db) {
        let pages = self.pages.load(Ordering::Relaxed);
        let left = pages.saturating_sub(self.copied.load(Ordering::Relaxed));
        let copying = self.copying.load(Ordering::Relaxed);
        let outcome = if pages >= PAGES_HUGE {
            self.impatient(db, "RESTART").map(drop)
        } else if pages >= PAGES_LONG && (1..=PAGES_TAIL).contains(&left) && !copying {
            self.copy(db)
        } else {
            Ok(())
        };
        if let Err(fault) = outcome {
            tracing::warn!(error = %fault, "the write-ahead log could not be copied");
        }
    }

    fn copy(&self, db: &Db) -> Result<(), Fault> {
        let copied = checkpoint(db, "PASSIVE")?.copied;
        self.copied.store(copied, Ordering::Relaxed);
        Ok(())
    }

    /// Empties the log file. Says whether that was possible: not while somebody reads from it.
    pub(super) fn truncate(&self, db: &mut Db) -> Result<bool, Fault> {
        self.impatient(db, "TRUNCATE")
    }

    /// Copies the whole log and starts it again. Writers wait meanwhile, so a long read (a backup) must not hold this up
    /// for long. Says whether it was done.
    fn impatient(&self, db: &mut Db, mode: &str) -> Result<bool, Fault> {
        db.raw().busy_timeout(PATIENCE)?;
        let outcome = checkpoint(db, mode);
        db.raw().busy_timeout(BUSY_PATIENCE)?;
        let done = !outcome?.busy;
        if done {
            self.pages.store(0, Ordering::Relaxed);
            self.copied.store(0, Ordering::Relaxed);
        }
        Ok(done)
    }

    /// The thread that copies.
    pub(super) fn run(&self, db: &Db) {
        loop {
            let mut order = self.order.lock();
            while *order == Order::None {
                self.ordered.wait(&mut order);
            }
            if *order == Order::Stop {
                return;
            }
            *order = Order::None;
            self.copying.store(true, Ordering::Relaxed);
            drop(order);
            if let Err(fault) = self.copy(db) {
                tracing::warn!(error = %fault, "the write-ahead log could not be copied");
            }
            self.copying.store(false, Ordering::Relaxed);
        }
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        *self.order.lock() = Order::Stop;
        self.ordered.notify_all();
    }
}

struct Checkpoint {
    busy: bool,
    copied: u64,
}

fn checkpoint(db: &Db, mode: &str) -> Result<Checkpoint, Fault> {
    let outcome = db.one(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Checkpoint { busy: row.get(0)?, copied: row.get::<_, i64>(2)?.max(0).unsigned_abs() })
    })?;
    Ok(outcome.expect("the pragma returns a row"))
}
