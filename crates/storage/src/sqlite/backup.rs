//! Copies of the database. A copy is marked as one, so that what is said after it was put in place of the original is not
//! taken for the continuation that clients may have seen: each log begins a new incarnation.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::db::{Db, Role};
use super::{Durability, lock};
use crate::error::Fault;

/// Copies the database as it is at this moment, without what was deleted, and puts it in place when it is whole and synced.
pub(super) fn make(source: &Path, target: &Path) -> Result<(), Fault> {
    let partial = lock::beside(target, "partial");
    remove(&partial)?;
    let role = Role { reads_only: false, durability: Durability::Full, cache_bytes: 8 << 20 };
    let db = Db::open(source, role, Arc::default())?;
    // A copy holds secrets and private messages; a file that is there and empty keeps its mode.
    std::fs::File::options().write(true).create_new(true).mode(0o600).open(&partial)?;
    let name = partial.to_str().ok_or_else(|| std::io::Error::other("the path is not UTF-8"))?;
    db.execute("VACUUM INTO ?1", [name])?;
    mark(&partial)?;
    std::fs::File::open(&partial)?.sync_all()?;
    // What a copy at this place has left in its write-ahead log would be taken for the new one's.
    for left in ["-wal", "-shm"] {
        let mut name = target.as_os_str().to_owned();
        name.push(left);
        remove(Path::new(&name))?;
    }
    std::fs::rename(&partial, target)?;
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
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

fn remove(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
