//! Copies of the database. A copy is marked as one, so that what is said after it was put in place of the original is not
//! taken for the continuation that clients may have seen: each log begins a new incarnation.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::Durability;
use super::db::{Db, Role};
use super::lock::{beside, with_suffix};
use crate::error::Fault;

/// Copies the database as it is at this moment, without what was deleted, and puts it in place when it is whole and synced.
/// Of a copy that fails nothing is left.
pub(super) fn make(source: &Path, target: &Path) -> Result<(), Fault> {
    let partial = beside(target, "partial");
    clear_away(&partial)?;
    let made = copy(source, &partial).and_then(|()| put_in_place(&partial, target));
    if made.is_err() {
        // The first failure is the one to tell of.
        let _ = clear_away(&partial);
    }
    made
}

fn copy(source: &Path, partial: &Path) -> Result<(), Fault> {
    let role = Role { reads_only: false, durability: Durability::Full, cache_bytes: 8 << 20 };
    let db = Db::open(source, role, Arc::default())?;
    // A copy holds secrets and private messages; a file that is there and empty keeps its mode.
    std::fs::File::options().write(true).create_new(true).mode(0o600).open(partial)?;
    let name = partial.to_str().ok_or_else(|| std::io::Error::other("the path is not UTF-8"))?;
    db.execute("VACUUM INTO ?1", [name])?;
    mark(partial)?;
    Ok(std::fs::File::open(partial)?.sync_all()?)
}

fn put_in_place(partial: &Path, target: &Path) -> Result<(), Fault> {
    // What a copy at this place has left in its write-ahead log would be taken for the new one's.
    remove(&with_suffix(target, "-wal"))?;
    remove(&with_suffix(target, "-shm"))?;
    std::fs::rename(partial, target)?;
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Whether `database` is a copy beside which lies the write-ahead log of another file: SQLite would play that log into it.
///
/// A copy is not in WAL mode before it was opened as a store (its "write version", byte 18 of the file's header, is 1), and a
/// store has no log before it is (<https://www.sqlite.org/fileformat2.html#the_database_header>).
pub(super) fn has_foreign_log(database: &Path) -> bool {
    let log_bytes = std::fs::metadata(with_suffix(database, "-wal")).map_or(0, |found| found.len());
    let mut header = [0; 20];
    let header_is_read = std::fs::File::open(database).and_then(|mut file| file.read_exact(&mut header));
    log_bytes > 0 && header_is_read.is_ok() && header[18] == 1
}

/// Takes the rooms' epochs away: whoever opens the copy gives new ones, every time that it is restored.
fn mark(copy: &Path) -> rusqlite::Result<()> {
    Connection::open(copy)?.execute_batch("UPDATE room SET epoch = 0")
}

/// Gives the rooms of a copy epochs of their own.
pub(super) fn unmark(db: &Connection) -> rusqlite::Result<()> {
    // The index of rooms without an epoch is empty in all but a fresh copy, so this costs a start nothing.
    db.execute_batch("UPDATE room SET epoch = random() WHERE epoch = 0")
}

fn clear_away(partial: &Path) -> std::io::Result<()> {
    remove(partial)?;
    remove(&with_suffix(partial, "-journal"))
}

fn remove(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
