//! The embedded engine: one file, one thread that writes, a few that read.

mod append;
mod backup;
mod db;
mod erase;
mod keys;
mod lock;
mod log;
mod message;
mod migrations;
mod ports;
mod projects;
mod queue;
mod records;
mod rooms;
mod search;
mod upkeep;
mod wal;
mod writer;

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use sidetalk_core::event::MessageRef;
use sidetalk_core::model::{
    Audience, Epoch, Message, MessageId, ProjectId, RoomKey, RoomName, RoomSpec, Seq, Timestamp, UserId,
    Viewer,
};
use sidetalk_core::ports::{
    BoxFuture, CommitSink, LogStore, Page, PageRequest, Project, ProjectStore, Record, RecordStore, Replay,
    RoomStore, RoomSummary, SearchRequest, Unread, Upkeep, UserProfile,
};
use sidetalk_core::refusal::{Failure, Unavailable};
use sidetalk_core::room::Room;
use sidetalk_core::transaction::{Submission, Written};
use std::time::Duration;
use tokio::sync::oneshot;

use crate::error::{Fault, OpenError};

use db::{Db, Faults, Role};
use message::Eyes;
use queue::{Queue, Taken};
use rooms::Remembered;
use writer::{Job, Work, Writer};

/// How the embedded engine runs. [`SqliteConfig::new`] has the defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SqliteConfig {
    /// The database file; its folder is made if it is missing. Beside it lie `….lock`, `…-wal` and `…-shm`.
    pub path: PathBuf,
    /// How many threads read. Default: one per core, 2 to 8.
    pub readers: usize,
    /// What an answered write has survived. Default: [`Durability::Full`].
    pub durability: Durability,
    /// Memory for pages of the writing connection, in bytes. Default: 32 MiB.
    pub write_cache_bytes: usize,
    /// Memory for pages of each reading connection, in bytes. Default: 8 MiB.
    pub read_cache_bytes: usize,
    /// The most writes, and the most reads, that wait; whoever comes then waits for a place. Default: 4,096.
    pub queue_len_max: usize,
    /// How many rooms are remembered with their members. Default: 10,000.
    pub rooms_cached: usize,
    /// How long client ids are remembered at least; must not be below the dedup window. Default: 48 hours.
    pub sent_kept: Duration,
    /// How long texts that were removed may still lie in the write-ahead log; while somebody reads for long, longer.
    /// Default: a minute.
    pub removed_kept: Duration,
}

/// What an answered write has survived.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// The loss of power: every commit is synced to the disk.
    #[default]
    Full,
    /// The end of the process; a power loss may take the last commits (never a part of one).
    Normal,
}

impl SqliteConfig {
    /// The defaults for the database file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            path: path.into(),
            readers: cores.clamp(2, 8),
            durability: Durability::Full,
            write_cache_bytes: 32 << 20,
            read_cache_bytes: 8 << 20,
            queue_len_max: 4_096,
            rooms_cached: 10_000,
            sent_kept: Duration::from_hours(48),
            removed_kept: Duration::from_mins(1),
        }
    }
}

/// The embedded store. Closed by [`Sqlite::close`] or by dropping it: what was accepted is written first.
pub struct Sqlite {
    shared: Arc<Shared>,
    /// All threads but the writer.
    threads: Mutex<Vec<JoinHandle<()>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    faults: Arc<Faults>,
    config: SqliteConfig,
}

/// What the threads and the handle have in common.
struct Shared {
    writes: Queue<Box<dyn Job>>,
    reads: Queue<Read>,
    sink: OnceLock<Arc<dyn CommitSink>>,
    remembered: Remembered,
    log: Arc<wal::Log>,
    rooms_cached: usize,
}

type Read = Box<dyn FnOnce(&mut Db) + Send>;

impl Sqlite {
    /// The schema that this version reads and writes: opening a store of an earlier one migrates it.
    pub const SCHEMA: u32 = migrations::KNOWN;

    /// What the header of a store's file says of whose it is (SQLite's `application_id`).
    pub const APPLICATION_ID: u32 = migrations::APPLICATION_ID;

    /// Opens the store, making or migrating it as needed.
    ///
    /// # Errors
    /// [`OpenError`] if another process holds it, if it is not ours or newer, or if the file system refuses.
    pub fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        let path = config.path.clone();
        let io = |source| OpenError::Io { path: path.clone(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let lock = lock::Lock::take(&path)?;
        if backup::has_foreign_log(&path) {
            return Err(OpenError::ForeignLog { path });
        }
        // Secrets and private messages: for nobody but the server. What SQLite puts beside it gets the same mode.
        std::fs::File::options().append(true).create(true).mode(0o600).open(&path).map_err(io)?;
        keep_private(&path);
        let engine =
            |source: rusqlite::Error| OpenError::Engine { path: path.clone(), source: source.into() };
        let faults = Arc::new(Faults::default());
        let durability = config.durability;
        let writes = Role { reads_only: false, durability, cache_bytes: config.write_cache_bytes };
        let reads = Role { reads_only: true, durability, cache_bytes: config.read_cache_bytes };
        let mut writing = Db::open(&path, writes, faults.clone()).map_err(engine)?;
        migrations::run(writing.raw(), &path)?;
        backup::unmark(writing.raw()).map_err(engine)?;
        let shared = Arc::new(Shared {
            writes: Queue::new(config.queue_len_max),
            reads: Queue::new(config.queue_len_max),
            sink: OnceLock::new(),
            remembered: Remembered::new(config.rooms_cached),
            log: Arc::default(),
            rooms_cached: config.rooms_cached,
        });
        wal::Log::watch(&shared.log, &mut writing).map_err(engine)?;
        let reader = || Db::open(&path, reads, Arc::default()).map_err(engine);
        let copying = reader()?;
        let reading = (0..config.readers.max(1)).map(|_| reader()).collect::<Result<Vec<_>, _>>()?;
        let log = shared.log.clone();
        // The writer takes the lock with it when it ends.
        let writer = Writer::new(writing, shared.clone(), config.removed_kept);
        let ending = Ending { shared: shared.clone(), _lock: lock };
        let writer = spawn("sqlite-write", move || {
            let _ending = ending;
            writer.run();
        });
        let writer = Mutex::new(Some(writer.map_err(io)?));
        let store = Self { shared: shared.clone(), threads: Mutex::default(), writer, faults, config };
        store.keep(spawn("sqlite-log", move || log.run(&copying)).map_err(io)?);
        for db in reading {
            let shared = shared.clone();
            store.keep(spawn("sqlite-read", move || read(&shared, db)).map_err(io)?);
        }
        Ok(store)
    }

    /// Makes a backup of a store that nobody has open, as it is: of any schema, which it keeps.
    ///
    /// # Errors
    /// [`OpenError`] if somebody holds it, or if the file system or the engine refuses.
    pub fn copy(database: &Path, target: &Path) -> Result<(), OpenError> {
        let _lock = lock::Lock::take(database)?;
        backup::make(database, target)
            .map_err(|fault| OpenError::Engine { path: database.to_owned(), source: fault.into() })
    }

    /// Remembers a thread to wait for.
    fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    /// Ends the store: takes no more work, does what it has accepted, and waits for its threads. Later calls are answered
    /// as unavailable. Blocks; calling it twice is harmless.
    pub fn close(&self) {
        self.shared.reads.close();
        self.shared.log.stop();
        let threads = std::mem::take(&mut *self.threads.lock());
        threads.into_iter().for_each(join);
        // The last connection that closes empties the write-ahead log and removes it: that must be one that may write.
        self.shared.writes.close();
        let writer = self.writer.lock().take();
        writer.into_iter().for_each(join);
    }

    /// Makes the step after the next `steps` statements of the writer fail. For tests.
    #[doc(hidden)]
    pub fn inject_failure_after(&self, steps: u32) {
        self.faults.fail_after(steps);
    }

    /// Lets the file grow by at most `pages` from now on; `None`: for ever. For tests of a full disk.
    #[doc(hidden)]
    pub async fn limit_growth(&self, pages: Option<u32>) -> Result<(), Failure> {
        self.write_job("limiting the file", move |writer| {
            let now = writer.db.number("PRAGMA page_count", [])?;
            let max = pages.map_or(i64::from(u32::MAX) - 1, |pages| now + i64::from(pages));
            writer.db.number(&format!("PRAGMA max_page_count = {max}"), [])?;
            Ok(())
        })
        .await
    }

    /// Has `work` done by the writer, in its transaction.
    async fn write_job<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Writer) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = Work { doing, work: Some(work), result: None, answer };
        if self.shared.writes.push(Box::new(job)).await.is_err() {
            return Err(Fault::Closed.failure(doing));
        }
        answered.await.unwrap_or_else(|_| Err(Fault::Closed.failure(doing)))
    }

    /// Has `work` done by a reader, on one unchanging view.
    async fn read_job<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Db) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        self.reader_job(doing, move |db| db.view(work)).await
    }

    async fn reader_job<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Db) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |db: &mut Db| {
            // A caller that has gone away needs no answer.
            let _ = answer.send(work(db).map_err(|fault| fault.failure(doing)));
        });
        if self.shared.reads.push(job).await.is_err() {
            return Err(Fault::Closed.failure(doing));
        }
        answered.await.unwrap_or_else(|_| Err(Fault::Closed.failure(doing)))
    }

    async fn remembered(&self, key: RoomKey) -> Result<Option<Arc<Room>>, Failure> {
        let shared = self.shared.clone();
        self.read_job("reading a room", move |db| shared.remembered.get(db, &key)).await
    }

    /// Removes the rows of deleted rooms.
    async fn sweep(&self) -> Result<(), Failure> {
        while !self.write_job("removing a deleted room", |writer| rooms::sweep(&writer.db)).await? {}
        Ok(())
    }

    async fn forget_sends(&self, cutoff: Timestamp) -> Result<(), Failure> {
        let mut after = (0, String::new(), String::new());
        loop {
            let from = after.clone();
            let doing = "forgetting old client ids";
            let old = self.read_job(doing, move |db| upkeep::old_sends(db, &from, cutoff)).await?;
            let Some(end) = old.last() else { return Ok(()) };
            after = end.clone();
            self.write_job(doing, move |writer| upkeep::forget_sends(&writer.db, &old)).await?;
        }
    }

    /// Empties the write-ahead log, so that what was overwritten in the database is not in it either.
    async fn truncate_log(&self) -> Result<(), Failure> {
        let doing = "emptying the write-ahead log";
        for _ in 0..8 {
            let log = self.shared.log.clone();
            if self.reader_job(doing, move |db| log.truncate(db)).await? {
                return Ok(());
            }
        }
        // Somebody reads for long; the writer goes on trying when it has time.
        self.write_job(doing, |writer| {
            writer.forget_now();
            Ok(())
        })
        .await
    }
}

/// What happens when the writer ends, even by a bug: nobody waits for it any more, and another process may open the store.
struct Ending {
    shared: Arc<Shared>,
    _lock: lock::Lock,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.writes.abandon();
    }
}

/// Takes what an older version has left from the eyes of others. What SQLite makes beside the file has the file's mode.
fn keep_private(database: &Path) {
    for file in
        [database.to_owned(), lock::with_suffix(database, "-wal"), lock::with_suffix(database, "-shm")]
    {
        let Ok(found) = std::fs::metadata(&file) else { continue };
        if found.permissions().mode() & 0o077 == 0 {
            continue;
        }
        if let Err(error) = std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)) {
            let path = file.display();
            tracing::warn!(%path, %error, "others on this machine can read this file, and its mode cannot be changed");
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store had panicked");
    }
}

/// A reading thread.
fn read(shared: &Shared, mut db: Db) {
    loop {
        match shared.reads.take(1, None) {
            Taken::Jobs(jobs) => jobs.into_iter().for_each(|job| {
                let panicked =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut db))).is_err();
                if panicked {
                    tracing::error!("a read panicked");
                    db.roll_back();
                }
            }),
            Taken::Idle => {}
            Taken::Closed => return,
        }
    }
}
