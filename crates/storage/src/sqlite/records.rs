//! The small things that dialects keep.

use rusqlite::Row;
use rusqlite::types::Value;
use sidetalk_core::model::{ProjectId, Timestamp};
use sidetalk_core::ports::Record;

use super::db::Db;
use crate::error::Fault;
use crate::rows::BadRow;

const COLUMNS: &str = "key, project, value, expires_at";

fn read(kind: &'static str, row: &Row<'_>) -> Result<Record, Fault> {
    Ok(Record {
        kind,
        key: row.get_ref(0)?.as_str()?.into(),
        project: ProjectId::new(row.get(1)?).map_err(|_| BadRow::Value { what: "project" })?,
        value: row.get_ref(2)?.as_str()?.into(),
        expires_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
    })
}

pub(super) fn put(db: &Db, records: &[Record]) -> Result<(), Fault> {
    records.iter().try_for_each(|record| insert(db, "INSERT OR REPLACE", record).map(drop))
}

/// Says whether there was none before.
pub(super) fn add(db: &Db, record: &Record) -> Result<bool, Fault> {
    Ok(insert(db, "INSERT OR IGNORE", record)? == 1)
}

fn insert(db: &Db, how: &str, record: &Record) -> Result<usize, Fault> {
    let Record { kind, key, project, value, expires_at } = record;
    db.execute(
        &format!("{how} INTO record (kind, key, project, value, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)"),
        (kind, &**key, project.get(), &**value, expires_at.map(Timestamp::as_micros)),
    )
}

pub(super) fn get(db: &Db, kind: &'static str, key: &str) -> Result<Option<Record>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM record WHERE kind = ?1 AND key = ?2");
    db.one(&sql, (kind, key), |row| read(kind, row))
}

pub(super) fn list(
    db: &Db,
    kind: &'static str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, Fault> {
    let (first, end) = range(prefix);
    // Both bounds hold; whichever is the narrower one leads.
    let (above, from) = match after {
        Some(after) if after >= first => (">", after),
        _ => (">=", first),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM record WHERE kind = ?1 AND key {above} ?2 AND key < ?3 ORDER BY key LIMIT ?4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.all(&sql, (kind, from, end, limit), |row| read(kind, row).map(Some))
}

/// The first key that may begin with `prefix`, and what is greater than the last: keys are ordered by their bytes, so all
/// that begin alike lie together. Any blob is greater than any text, and stands for the end of all keys.
fn range(prefix: &str) -> (&str, Value) {
    let next = prefix.char_indices().rev().find_map(|(place, last)| {
        let successor = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32)?;
        Some(format!("{}{successor}", &prefix[..place]))
    });
    (prefix, next.map_or(Value::Blob(Vec::new()), Value::Text))
}

pub(super) fn take(db: &Db, kind: &'static str, key: &str) -> Result<Option<Record>, Fault> {
    let sql = format!("DELETE FROM record WHERE kind = ?1 AND key = ?2 RETURNING {COLUMNS}");
    db.one(&sql, (kind, key), |row| read(kind, row))
}

pub(super) fn remove(db: &Db, kind: &'static str, prefix: &str) -> Result<u64, Fault> {
    let (first, end) = range(prefix);
    let gone =
        db.execute("DELETE FROM record WHERE kind = ?1 AND key >= ?2 AND key < ?3", (kind, first, end))?;
    Ok(gone as u64)
}

/// Removes what has ended.
pub(super) fn expire(db: &Db, now: Timestamp) -> Result<(), Fault> {
    db.execute("DELETE FROM record WHERE expires_at < ?1", [now.as_micros()])?;
    Ok(())
}
