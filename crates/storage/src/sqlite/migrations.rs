//! Brings a database to the schema of this version. Forward only; see `migrations/README.md`.

use std::path::Path;

use rusqlite::Connection;

use crate::error::OpenError;

/// In order; the number is the place in the list, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/001_initial.sql"),
    include_str!("../../migrations/sqlite/002_dialects.sql"),
    include_str!("../../migrations/sqlite/003_addressee.sql"),
    include_str!("../../migrations/sqlite/004_copies.sql"),
    include_str!("../../migrations/sqlite/005_prefixes.sql"),
];

/// The number of the last one.
#[expect(clippy::cast_possible_truncation, reason = "few migrations")]
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// "Side" in ASCII: says whose file it is.
pub(super) const APPLICATION_ID: u32 = 0x5369_6465;

/// Runs what is missing, each migration in its own transaction.
pub(super) fn run(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let engine = |source: rusqlite::Error| OpenError::Engine { path: path.to_owned(), source: source.into() };
    let number = |name: &str| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let found = number("user_version").map_err(engine)?;
    let tables = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    let tables: i64 = tables.map_err(engine)?;
    if tables > 0 && number("application_id").map_err(engine)? != i64::from(APPLICATION_ID) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = i64::from(KNOWN);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = conn.transaction().map_err(engine)?;
        transaction.execute_batch(sql).map_err(engine)?;
        transaction.pragma_update(None, "user_version", version).map_err(engine)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(engine)?;
        transaction.commit().map_err(engine)?;
    }
    Ok(())
}
