//! Removing what is too old, in bounded steps between which others write.

use sidetalk_core::model::Timestamp;

use super::db::Db;
use super::keys::{first, last, seq};
use crate::error::Fault;
use crate::rows;

/// The most rows that one step touches.
pub(super) const STEP: usize = 500;

/// A room whose messages are kept for a limited time.
pub(super) struct Expiring {
    pub(super) room: i64,
    pub(super) cutoff: Timestamp,
}

pub(super) fn expiring(db: &Db, now: Timestamp) -> Result<Vec<Expiring>, Fault> {
    db.all(
        "SELECT r.no, coalesce(r.retention, p.retention) FROM room r LEFT JOIN project p ON p.id = r.project
         WHERE coalesce(r.retention, p.retention) IS NOT NULL",
        [],
        |row| {
            let retention = rows::duration(row.get(1)?).unwrap_or_default();
            Ok(Some(Expiring { room: row.get(0)?, cutoff: now.minus(retention) }))
        },
    )
}

/// What a step came to.
pub(super) struct Progress {
    pub(super) messages: u64,
    pub(super) done: bool,
}

/// Removes a room's oldest messages and entries, as far as they are older than the cutoff.
///
/// Times rise within a room, so what goes is always a piece of the log's beginning, and one number (the floor) tells it.
pub(super) fn expire(db: &Db, expiring: &Expiring) -> Result<Progress, Fault> {
    let Expiring { room, cutoff } = *expiring;
    let messages = oldest(db, "SELECT key, posted_at FROM message", room, cutoff)?;
    let entries = oldest(db, "SELECT key, at FROM entry", room, cutoff)?;
    let ends = [messages.last(), entries.last()];
    let full = [messages.len() == STEP, entries.len() == STEP];
    let cut_short = ends.iter().zip(full).filter(|(_, full)| *full).filter_map(|(end, _)| *end).min();
    let Some(&(upto, at)) = cut_short.or(ends.into_iter().flatten().max()) else {
        return Ok(Progress { messages: 0, done: true });
    };
    let span = (first(room), upto);
    db.execute(
        "DELETE FROM search WHERE rowid IN (SELECT key FROM message WHERE key BETWEEN ?1 AND ?2)",
        span,
    )?;
    db.execute("DELETE FROM reaction WHERE key BETWEEN ?1 AND ?2", span)?;
    let removed = db.execute("DELETE FROM message WHERE key BETWEEN ?1 AND ?2", span)?;
    db.execute("DELETE FROM entry WHERE key BETWEEN ?1 AND ?2", span)?;
    let upto = i64::try_from(seq(upto).0).expect("32 bits");
    db.execute(
        "UPDATE room SET floor = max(floor, ?2), head = max(head, ?2), last_at = max(last_at, ?3) WHERE no = ?1",
        (room, upto, at),
    )?;
    Ok(Progress { messages: removed as u64, done: cut_short.is_none() })
}

fn oldest(db: &Db, select: &str, room: i64, cutoff: Timestamp) -> Result<Vec<(i64, i64)>, Fault> {
    db.all(
        &format!("{select} WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3"),
        (first(room), last(room), i64::try_from(STEP).expect("small")),
        |row| {
            let (key, at) = (row.get(0)?, row.get::<_, i64>(1)?);
            Ok((at < cutoff.as_micros()).then_some((key, at)))
        },
    )
}

/// What names a remembered send: room, client id, sender.
pub(super) type SentKey = (i64, String, String);

/// The remembered sends after `after` that are older than `cutoff`; `None` at the end.
pub(super) fn old_sends(db: &Db, after: &SentKey, cutoff: Timestamp) -> Result<Vec<SentKey>, Fault> {
    db.all(
        "SELECT room, client_id, sender FROM sent
         WHERE (room, client_id, sender) > (?1, ?2, ?3) AND at < ?4 ORDER BY room, client_id, sender LIMIT ?5",
        (after.0, &after.1, &after.2, cutoff.as_micros(), i64::try_from(STEP).expect("small")),
        |row| Ok(Some((row.get(0)?, row.get(1)?, row.get(2)?))),
    )
}

pub(super) fn forget_sends(db: &Db, sends: &[SentKey]) -> Result<(), Fault> {
    for send in sends {
        db.execute("DELETE FROM sent WHERE room = ?1 AND client_id = ?2 AND sender = ?3", send.clone())?;
    }
    Ok(())
}
