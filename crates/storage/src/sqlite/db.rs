//! One connection. Every statement of the engine goes through the three methods here, so that a test can make any fail.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params, Row};

use super::Durability;
use crate::error::Fault;

/// A connection and its faults.
pub(super) struct Db {
    conn: Connection,
    faults: Arc<Faults>,
}

/// How long a statement waits for another connection's lock.
pub(super) const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy)]
pub(super) struct Role {
    pub(super) reads_only: bool,
    pub(super) durability: Durability,
    pub(super) cache_bytes: usize,
}

impl Db {
    pub(super) fn open(path: &Path, role: Role, faults: Arc<Faults>) -> rusqlite::Result<Self> {
        let conn = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        conn.busy_timeout(BUSY_PATIENCE)?;
        conn.set_prepared_statement_cache_capacity(256);
        // Secure delete: what is deleted is overwritten, not only unlinked.
        let synchronous = match role.durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        let cache_kib = role.cache_bytes / 1024;
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -{cache_kib};
             PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA query_only = {};",
            role.reads_only
        ))?;
        Ok(Self { conn, faults })
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        self.faults.step()?;
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row of a query.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.faults.step()?;
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// The rows of a query, until `read` says stop by `None`.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<Option<T>, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.faults.step()?;
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            match read(row)? {
                Some(value) => all.push(value),
                None => break,
            }
        }
        Ok(all)
    }

    /// The one number of a query, such as a count or whether something exists.
    pub(super) fn number(&self, sql: &str, params: impl Params) -> Result<i64, Fault> {
        Ok(self.one(sql, params, |row| Ok(row.get(0)?))?.unwrap_or(0))
    }

    /// Runs `work` on one unchanging view of the store.
    pub(super) fn view<T>(&self, work: impl FnOnce(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.execute("BEGIN", [])?;
        let result = work(self);
        self.roll_back();
        result
    }

    /// Ends an open transaction without its changes.
    pub(super) fn roll_back(&self) {
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.conn.execute_batch("ROLLBACK") {
            tracing::error!(error = %error, "the store could not roll back");
        }
    }

    /// Whether a transaction is open.
    pub(super) fn in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }

    /// How many rows this connection has changed in its life.
    pub(super) fn changes(&self) -> u64 {
        self.conn.total_changes()
    }

    /// The connection itself, for what has no statement.
    pub(super) fn raw(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

/// Makes the n-th step of a connection fail, for tests.
#[derive(Default)]
pub(super) struct Faults {
    /// 0: none is planned; n: the n-th step from now fails.
    left: AtomicI64,
}

impl Faults {
    pub(super) fn fail_after(&self, steps: u32) {
        self.left.store(i64::from(steps) + 1, Ordering::Relaxed);
    }

    fn step(&self) -> Result<(), Fault> {
        if self.left.load(Ordering::Relaxed) <= 0 || self.left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return Ok(());
        }
        Err(Fault::Injected)
    }
}
