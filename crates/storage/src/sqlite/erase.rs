//! Removing what names a user, in bounded steps between which others write. What must stay, so that no number is missing,
//! stays under a pseudonym that nobody can compute from the user's id.

use sidetalk_core::model::{ProjectId, Timestamp, UserId};
use sidetalk_core::refusal::Failure;

use super::Sqlite;
use super::db::Db;
use super::keys::{first, last};
use super::upkeep::STEP;
use crate::error::Fault;
use crate::rows;

/// What a user who was erased is called.
const ERASED_NAME: &str = "erased user";
const DOING: &str = "erasing a user";

/// Whose traces are wiped, and what stays in their place.
#[derive(Clone)]
struct Erased {
    user: UserId,
    pseudonym: UserId,
    now: Timestamp,
}

/// Where a user's traces are, row by row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trace {
    Messages,
    Pins,
    Mentions,
    Entries,
    /// Entries of others that are about the user: who was muted, invited, banned.
    Moderation,
}

impl Trace {
    const ALL: [Self; 5] = [Self::Messages, Self::Pins, Self::Mentions, Self::Entries, Self::Moderation];
}

impl Sqlite {
    /// Erases a user; returns how many messages were wiped.
    pub(super) async fn erase(
        &self,
        project: ProjectId,
        user: UserId,
        now: Timestamp,
    ) -> Result<u64, Failure> {
        let own = user.clone();
        let pseudonym = self.write_job(DOING, move |writer| erase_own(&writer.db, project, &own)).await?;
        let who = Erased { user, pseudonym, now };
        let mut messages = 0;
        for room in self.read_job(DOING, move |db| rooms(db, project)).await? {
            for trace in Trace::ALL {
                let wiped = self.wipe(trace, room, &who).await?;
                messages += if trace == Trace::Messages { wiped } else { 0 };
            }
            self.rename(room, &who).await?;
        }
        while !self.write_job(DOING, |writer| compact_index(&writer.db)).await? {}
        self.truncate_log().await?;
        Ok(messages)
    }

    /// Wipes a user's traces of one sort; returns how many there were.
    async fn wipe(&self, trace: Trace, room: i64, who: &Erased) -> Result<u64, Failure> {
        let mut after = first(room);
        let mut wiped = 0;
        loop {
            let user = who.user.clone();
            let keys = self.read_job(DOING, move |db| traces(db, trace, room, &user, after)).await?;
            let Some(end) = keys.last() else { return Ok(wiped) };
            after = *end;
            wiped += keys.len() as u64;
            let who = who.clone();
            self.write_job(DOING, move |writer| wipe(&writer.db, trace, &keys, &who)).await?;
        }
    }

    /// Gives the user's place in the room's conversations, among its members and under its messages to the pseudonym.
    async fn rename(&self, room: i64, who: &Erased) -> Result<(), Failure> {
        let user = who.user.clone();
        if !self.read_job(DOING, move |db| is_named(db, room, &user)).await? {
            return Ok(());
        }
        let who = who.clone();
        self.write_job(DOING, move |writer| {
            rename(&writer.db, room, &who)?;
            writer.renew_members(room)
        })
        .await
    }
}

/// Removes the profile, and gives the name under which the rest stays.
fn erase_own(db: &Db, project: ProjectId, user: &UserId) -> Result<UserId, Fault> {
    db.execute("DELETE FROM user WHERE project = ?1 AND id = ?2", (project.get(), user.as_str()))?;
    let pseudonym = db.one("SELECT 'erased-' || lower(hex(randomblob(8)))", [], |row| {
        Ok(rows::user(row.get_ref(0)?.as_str()?)?)
    })?;
    Ok(pseudonym.expect("a constant query has a row"))
}

/// The numbers of all rooms of a project.
fn rooms(db: &Db, project: ProjectId) -> Result<Vec<i64>, Fault> {
    db.all("SELECT no FROM room WHERE project = ?1", [project.get()], |row| Ok(Some(row.get(0)?)))
}

/// The next traces of a user in a room after `after`.
fn traces(db: &Db, trace: Trace, room: i64, user: &UserId, after: i64) -> Result<Vec<i64>, Fault> {
    let name = match trace {
        Trace::Mentions | Trace::Moderation => rows::quoted(user),
        Trace::Messages | Trace::Pins | Trace::Entries => user.as_str().to_owned(),
    };
    let (rows, is_trace) = match trace {
        // What is not deleted came after the erasing began, and is not wiped behind the backs of those who see it.
        Trace::Messages => ("message", "sender = ?3 AND deleted_at IS NOT NULL"),
        Trace::Pins => ("message INDEXED BY message_pinned", "pinned_at IS NOT NULL AND pinned_by = ?3"),
        Trace::Mentions => ("message", "mentions IS NOT NULL AND instr(mentions, ?3)"),
        Trace::Entries => ("entry", "by_user = ?3"),
        Trace::Moderation => ("entry", "instr(event, ?3)"),
    };
    let sql =
        format!("SELECT key FROM {rows} WHERE key > ?1 AND key <= ?2 AND {is_trace} ORDER BY key LIMIT ?4");
    let limit = i64::try_from(STEP).expect("small");
    db.all(&sql, (after, last(room), name, limit), |row| Ok(Some(row.get(0)?)))
}

/// Wipes the traces at `keys`.
fn wipe(db: &Db, trace: Trace, keys: &[i64], who: &Erased) -> Result<(), Fault> {
    keys.iter().try_for_each(|&key| wipe_one(db, trace, key, who))
}

fn wipe_one(db: &Db, trace: Trace, key: i64, who: &Erased) -> Result<(), Fault> {
    let pseudonym = who.pseudonym.as_str();
    match trace {
        Trace::Messages => {
            db.execute(
                "UPDATE message SET sender = ?2, sender_name = ?3, connection = NULL, parts = '[]', mentions = NULL,
                   label = NULL, client_id = NULL, pinned_at = NULL, pinned_by = NULL, deleted_at = coalesce(deleted_at, ?4)
                 WHERE key = ?1",
                (key, pseudonym, ERASED_NAME, who.now.as_micros()),
            )?;
            db.execute("DELETE FROM reaction WHERE key = ?1", [key])?;
            db.execute("DELETE FROM search WHERE rowid = ?1", [key])?;
        }
        Trace::Pins => {
            db.execute("UPDATE message SET pinned_by = ?2 WHERE key = ?1", (key, pseudonym))?;
        }
        Trace::Mentions => replace(db, "message", "mentions", key, |text| renamed_in_list(text, who))?,
        Trace::Entries => {
            db.execute(
                "UPDATE entry SET by_user = ?2, by_name = ?3, by_connection = NULL WHERE key = ?1",
                (key, pseudonym, ERASED_NAME),
            )?;
        }
        Trace::Moderation => {
            let rename = |text: &str| Ok(rows::event_renamed(text, &who.user, &who.pseudonym)?);
            replace(db, "entry", "event", key, rename)?;
        }
    }
    Ok(())
}

/// Whether anything of a room but messages and entries names the user.
fn is_named(db: &Db, room: i64, user: &UserId) -> Result<bool, Fault> {
    let named = db.number(
        "SELECT EXISTS (SELECT 1 FROM conversation_user WHERE room = ?1 AND user = ?2)
             OR EXISTS (SELECT 1 FROM member WHERE room = ?1 AND user = ?2)
             OR EXISTS (SELECT 1 FROM marker WHERE room = ?1 AND user = ?2)
             OR EXISTS (SELECT 1 FROM reaction WHERE user = ?2 AND key BETWEEN ?3 AND ?4)
             OR EXISTS (SELECT 1 FROM sent WHERE room = ?1 AND sender = ?2)",
        (room, user.as_str(), first(room), last(room)),
    )?;
    Ok(named != 0)
}

/// A ban that holds stays under the id: else whoever is banned could be erased and come back.
fn rename(db: &Db, room: i64, who: &Erased) -> Result<(), Fault> {
    let (user, pseudonym) = (who.user.as_str(), who.pseudonym.as_str());
    let conversations: Vec<i64> = db.all(
        "SELECT conversation FROM conversation_user WHERE room = ?1 AND user = ?2",
        (room, user),
        |row| Ok(Some(row.get(0)?)),
    )?;
    for no in conversations {
        replace(db, "conversation", "audience", no, |text| renamed_in_list(text, who))?;
    }
    let ban = db.one(
        "SELECT banned_until FROM member
         WHERE room = ?1 AND user = ?2 AND banned AND (banned_until IS NULL OR banned_until > ?3)",
        (room, user, who.now.as_micros()),
        |row| Ok(row.get::<_, Option<i64>>(0)?),
    )?;
    for table in ["conversation_user", "member"] {
        db.execute(
            &format!("UPDATE {table} SET user = ?3 WHERE room = ?1 AND user = ?2"),
            (room, user, pseudonym),
        )?;
    }
    // A reaction counts on, as the entry that added it says.
    db.execute(
        "UPDATE reaction SET user = ?2 WHERE user = ?1 AND key BETWEEN ?3 AND ?4",
        (user, pseudonym, first(room), last(room)),
    )?;
    db.execute("DELETE FROM marker WHERE room = ?1 AND user = ?2", (room, user))?;
    db.execute("DELETE FROM sent WHERE room = ?1 AND sender = ?2", (room, user))?;
    if let Some(until) = ban {
        db.execute(
            "INSERT INTO member (room, user, \"groups\", muted, banned, banned_until) VALUES (?1, ?2, '[]', 0, 1, ?3)",
            (room, user, until),
        )?;
    }
    db.execute("UPDATE room SET revision = revision + 1 WHERE no = ?1", [room])?;
    Ok(())
}

fn renamed_in_list(text: &str, who: &Erased) -> Result<Option<String>, Fault> {
    Ok(rows::users_renamed(text, &who.user, &who.pseudonym)?)
}

/// Puts what `change` makes of it in place of a column, unless that is nothing.
fn replace(
    db: &Db,
    table: &str,
    column: &str,
    key: i64,
    change: impl FnOnce(&str) -> Result<Option<String>, Fault>,
) -> Result<(), Fault> {
    let id = if table == "conversation" { "no" } else { "key" };
    let changed = db.one(&format!("SELECT {column} FROM {table} WHERE {id} = ?1"), [key], |row| {
        change(row.get_ref(0)?.as_str()?)
    })?;
    if let Some(text) = changed.flatten() {
        db.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE {id} = ?1"), (key, text))?;
    }
    Ok(())
}

/// Rewrites a piece of the search index, so that words of messages that are gone leave it. Says whether it is done.
fn compact_index(db: &Db) -> Result<bool, Fault> {
    let before = db.changes();
    db.execute("INSERT INTO search (search, rank) VALUES ('merge', -500)", [])?;
    Ok(db.changes() - before < 2)
}
