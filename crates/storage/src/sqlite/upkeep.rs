//! Removing what is too old or must be forgotten, in bounded steps between which others write.

use sidetalk_core::model::{ProjectId, Timestamp, UserId};

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

/// What a user who was erased is called.
const ERASED_NAME: &str = "erased user";

/// Removes what is only the user's own, and gives the name under which the rest stays.
pub(super) fn erase_own(db: &Db, project: ProjectId, user: &UserId) -> Result<String, Fault> {
    let (project, user) = (project.get(), user.as_str());
    db.execute("DELETE FROM user WHERE project = ?1 AND id = ?2", (project, user))?;
    for table in ["marker", "sent"] {
        let column = if table == "sent" { "sender" } else { "user" };
        db.execute(
            &format!(
                "DELETE FROM {table} WHERE room IN (SELECT no FROM room WHERE project = ?1) AND {column} = ?2"
            ),
            (project, user),
        )?;
    }
    db.execute(
        "DELETE FROM reaction WHERE user = ?2 AND key >> 32 IN (SELECT no FROM room WHERE project = ?1)",
        (project, user),
    )?;
    let pseudonym = db.one("SELECT 'erased-' || lower(hex(randomblob(8)))", [], |row| Ok(row.get(0)?))?;
    Ok(pseudonym.expect("a constant query has a row"))
}

/// The numbers of all rooms of a project.
pub(super) fn rooms(db: &Db, project: ProjectId) -> Result<Vec<i64>, Fault> {
    db.all("SELECT no FROM room WHERE project = ?1", [project.get()], |row| Ok(Some(row.get(0)?)))
}

/// Where a user's traces are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    Messages,
    Pins,
    Entries,
}

impl Trace {
    pub(super) const ALL: [Self; 3] = [Self::Messages, Self::Pins, Self::Entries];
}

/// The next traces of a user in a room after `after`.
pub(super) fn traces(db: &Db, trace: Trace, room: i64, user: &UserId, after: i64) -> Result<Vec<i64>, Fault> {
    let sql = match trace {
        Trace::Messages => {
            "SELECT key FROM message WHERE key > ?1 AND key <= ?2 AND sender = ?3 ORDER BY key LIMIT ?4"
        }
        Trace::Pins => {
            "SELECT key FROM message INDEXED BY message_pinned
             WHERE key > ?1 AND key <= ?2 AND pinned_at IS NOT NULL AND pinned_by = ?3 ORDER BY key LIMIT ?4"
        }
        Trace::Entries => {
            "SELECT key FROM entry WHERE key > ?1 AND key <= ?2 AND by_user = ?3 ORDER BY key LIMIT ?4"
        }
    };
    let limit = i64::try_from(STEP).expect("small");
    db.all(sql, (after, last(room), user.as_str(), limit), |row| Ok(Some(row.get(0)?)))
}

/// Wipes the traces at `keys`.
pub(super) fn wipe(
    db: &Db,
    trace: Trace,
    keys: &[i64],
    pseudonym: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    for &key in keys {
        match trace {
            Trace::Messages => {
                db.execute(
                    "UPDATE message SET sender = ?2, sender_name = ?3, connection = NULL, parts = '[]', mentions = NULL,
                       client_id = NULL, pinned_at = NULL, pinned_by = NULL, deleted_at = coalesce(deleted_at, ?4)
                     WHERE key = ?1",
                    (key, pseudonym, ERASED_NAME, now.as_micros()),
                )?;
                db.execute("DELETE FROM reaction WHERE key = ?1", [key])?;
                db.execute("DELETE FROM search WHERE rowid = ?1", [key])?;
            }
            Trace::Pins => {
                db.execute("UPDATE message SET pinned_by = ?2 WHERE key = ?1", (key, pseudonym))?;
            }
            Trace::Entries => {
                db.execute(
                    "UPDATE entry SET by_user = ?2, by_name = ?3, by_connection = NULL WHERE key = ?1",
                    (key, pseudonym, ERASED_NAME),
                )?;
            }
        }
    }
    Ok(())
}

/// Rewrites a piece of the search index, so that words of messages that are gone leave it. Says whether it is done.
pub(super) fn compact_index(db: &Db) -> Result<bool, Fault> {
    let before = db.changes();
    db.execute("INSERT INTO search (search, rank) VALUES ('merge', -500)", [])?;
    Ok(db.changes() - before < 2)
}
