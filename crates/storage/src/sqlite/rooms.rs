//! Rooms: made, found, listed, deleted.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Row;
use sidetalk_core::model::{
    Epoch, Labels, Member, Membership, ProjectId, RoomKey, RoomKind, RoomName, RoomSettings, RoomSpec, Seq,
    Timestamp, UserId,
};
use sidetalk_core::ports::RoomSummary;
use sidetalk_core::refusal::Refusal;
use sidetalk_core::room::Room;

use super::append::{IndexState, keep_member};
use super::db::Db;
use super::keys::{ROOM_MAX, first, last, seq};
use crate::error::Fault;
use crate::rows::{self, BadRow, MemberRow};

/// A room's row, with the end of its log.
pub(super) struct RoomRow {
    pub(super) no: i64,
    pub(super) name: RoomName,
    pub(super) kind: RoomKind,
    pub(super) epoch: Epoch,
    pub(super) created_at: Timestamp,
    pub(super) settings: RoomSettings,
    pub(super) revision: i64,
    pub(super) head: Seq,
    pub(super) last_at: Timestamp,
    pub(super) floor: Seq,
    pub(super) indexed: Seq,
    pub(super) labels: Labels,
}

/// The end of the log is where the rows end; the room's own row is not written with each message.
const COLUMNS: &str = "r.no, r.name, r.kind, r.epoch, r.created_at, r.title, r.chat_enabled, r.slow_mode, r.private_chat, \
     r.retention, r.revision, r.floor, r.indexed, r.head, r.last_at, \
     (SELECT key FROM message WHERE key BETWEEN r.no << 32 AND r.no << 32 | 4294967295 ORDER BY key DESC LIMIT 1), \
     (SELECT posted_at FROM message WHERE key BETWEEN r.no << 32 AND r.no << 32 | 4294967295 ORDER BY key DESC LIMIT 1), \
     (SELECT key FROM entry WHERE key BETWEEN r.no << 32 AND r.no << 32 | 4294967295 ORDER BY key DESC LIMIT 1), \
     (SELECT at FROM entry WHERE key BETWEEN r.no << 32 AND r.no << 32 | 4294967295 ORDER BY key DESC LIMIT 1), r.labels";

fn read(row: &Row<'_>) -> Result<RoomRow, Fault> {
    let number = |column| Ok::<_, Fault>(Seq(row.get::<_, i64>(column)?.unsigned_abs()));
    let ends = [(13, 14), (15, 16), (17, 18)];
    let (mut head, mut last_at) = (Seq::ZERO, Timestamp::from_micros(i64::MIN));
    for (end, at) in ends {
        let Some(end) = row.get::<_, Option<i64>>(end)? else { continue };
        head = head.max(seq(end));
        last_at = last_at.max(Timestamp::from_micros(row.get(at)?));
    }
    let settings = RoomSettings {
        title: row.get_ref(5)?.as_str_or_null()?.map(Into::into),
        chat_enabled: row.get(6)?,
        slow_mode: rows::duration(row.get(7)?),
        private_chat: rows::private_chat(row.get(8)?)?,
        retention: rows::duration(row.get(9)?),
    };
    Ok(RoomRow {
        no: row.get(0)?,
        name: room_name(row.get_ref(1)?.as_str()?)?,
        kind: rows::kind(row.get(2)?)?,
        epoch: Epoch(row.get::<_, i64>(3)?.cast_unsigned()),
        created_at: Timestamp::from_micros(row.get(4)?),
        settings,
        revision: row.get(10)?,
        head,
        last_at,
        floor: number(11)?,
        indexed: number(12)?,
        labels: rows::labels(row.get_ref(19)?.as_str()?)?,
    })
}

fn room_name(column: &str) -> Result<RoomName, BadRow> {
    RoomName::new(column).map_err(|_| BadRow::Value { what: "room name" })
}

/// The room's row, if there is such a room.
pub(super) fn find(db: &Db, key: &RoomKey) -> Result<Option<RoomRow>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM room r WHERE r.project = ?1 AND r.name = ?2");
    db.one(&sql, (key.project.get(), key.name.as_str()), read)
}

/// The room's row.
///
/// # Errors
/// The refusal that it is gone.
pub(super) fn get(db: &Db, key: &RoomKey) -> Result<RoomRow, Fault> {
    Ok(find(db, key)?.ok_or(Refusal::RoomGone)?)
}

/// The room with its members.
pub(super) fn with_members(db: &Db, key: &RoomKey, row: RoomRow) -> Result<Room, Fault> {
    let members = db.all(
        "SELECT user, role, \"groups\", muted, muted_until, banned, banned_until, membership
         FROM member WHERE room = ?1",
        [row.no],
        |row| {
            let user = rows::user(row.get_ref(0)?.as_str()?)?;
            let member = Member::try_from(MemberRow {
                role: row.get(1)?,
                groups: row.get(2)?,
                muted: row.get(3)?,
                muted_until: row.get(4)?,
                banned: row.get(5)?,
                banned_until: row.get(6)?,
                membership: row.get(7)?,
            })?;
            Ok(Some((user, member)))
        },
    )?;
    Ok(Room {
        key: key.clone(),
        kind: row.kind,
        epoch: row.epoch,
        head: row.head,
        last_at: row.last_at,
        created_at: row.created_at,
        settings: row.settings,
        labels: row.labels,
        members: members.into_iter().collect(),
    })
}

/// Makes a room. Its time starts with its making, so that every entry comes after it.
pub(super) fn insert(
    db: &Db,
    key: &RoomKey,
    spec: &RoomSpec,
    epoch: Epoch,
    now: Timestamp,
) -> Result<(i64, Room), Fault> {
    let members = founders(spec)?;
    let newest = db.number("SELECT seq FROM sqlite_sequence WHERE name = 'room'", [])?;
    if newest >= ROOM_MAX {
        return Err(Fault::Rooms { last: ROOM_MAX });
    }
    let settings = &spec.settings;
    let no = db
        .one(
            "INSERT INTO room (project, name, kind, epoch, created_at, title, chat_enabled, slow_mode, private_chat,
               retention, revision, head, last_at, floor, indexed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, ?5, 0, 0) RETURNING no",
            (
                key.project.get(),
                key.name.as_str(),
                rows::kind_column(spec.kind),
                epoch.0.cast_signed(),
                now.as_micros(),
                settings.title.as_deref(),
                settings.chat_enabled,
                rows::micros_column(settings.slow_mode),
                rows::private_chat_column(settings.private_chat),
                rows::micros_column(settings.retention),
            ),
            |row| Ok(row.get(0)?),
        )?
        .expect("an insert returns its row");
    let room = Room {
        key: key.clone(),
        kind: spec.kind,
        epoch,
        head: Seq::ZERO,
        last_at: now,
        created_at: now,
        settings: settings.clone(),
        labels: Labels::default(),
        members,
    };
    for user in room.members.keys() {
        keep_member(db, no, &room, user)?;
    }
    Ok((no, room))
}

fn founders(spec: &RoomSpec) -> Result<HashMap<UserId, Member>, Refusal> {
    let joined = || Member { membership: Some(Membership::Joined), ..Member::default() };
    let members: HashMap<_, _> = spec.members.iter().map(|user| (user.clone(), joined())).collect();
    match spec.kind {
        RoomKind::Direct if members.len() != 2 => {
            Err(Refusal::invalid("members", "must be exactly two users in a direct room"))
        }
        RoomKind::Session if !members.is_empty() => {
            Err(Refusal::invalid("members", "belong to direct and group rooms"))
        }
        _ => Ok(members),
    }
}

pub(super) fn list(
    db: &Db,
    project: ProjectId,
    after: Option<&RoomName>,
    limit: usize,
) -> Result<Vec<RoomSummary>, Fault> {
    let sql =
        format!("SELECT {COLUMNS} FROM room r WHERE r.project = ?1 AND r.name > ?2 ORDER BY r.name LIMIT ?3");
    let after = after.map_or("", RoomName::as_str);
    db.all(&sql, (project.get(), after, i64::try_from(limit).unwrap_or(i64::MAX)), |row| {
        Ok(Some(summary(read(row)?, false)))
    })
}

pub(super) fn of_user(
    db: &Db,
    project: ProjectId,
    user: &UserId,
    now: Timestamp,
    after: Option<&RoomName>,
    limit: usize,
) -> Result<Vec<RoomSummary>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, m.membership FROM member m JOIN room r ON r.no = m.room
         WHERE m.user = ?1 AND m.membership IN (1, 2) AND r.project = ?2 AND r.kind <> 0 AND r.name > ?3
           AND NOT (m.banned AND (m.banned_until IS NULL OR m.banned_until > ?5))
         ORDER BY r.name LIMIT ?4"
    );
    let after = after.map_or("", RoomName::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.all(&sql, (user.as_str(), project.get(), after, limit, now.as_micros()), |row| {
        let invited = row.get::<_, i64>(20)? == rows::INVITED;
        Ok(Some(summary(read(row)?, invited)))
    })
}

fn summary(row: RoomRow, invited: bool) -> RoomSummary {
    RoomSummary {
        name: row.name,
        kind: row.kind,
        title: row.settings.title,
        created_at: row.created_at,
        last_at: row.last_at,
        head: row.head,
        invited,
    }
}

/// Makes that incarnation of the room unfindable at once; its rows go by and by, see [`sweep`].
pub(super) fn doom(db: &Db, key: &RoomKey, epoch: Epoch) -> Result<Option<i64>, Fault> {
    let gone = db.one(
        "DELETE FROM room WHERE project = ?1 AND name = ?2 AND epoch = ?3 RETURNING no",
        (key.project.get(), key.name.as_str(), epoch.0.cast_signed()),
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    if let Some(no) = gone {
        db.execute("INSERT INTO doomed (room) VALUES (?1)", [no])?;
        db.execute("DELETE FROM unindexed WHERE room = ?1", [no])?;
        // Whoever made a room of that name again must not be listed in the old one meanwhile.
        db.execute("DELETE FROM member WHERE room = ?1", [no])?;
    }
    Ok(gone)
}

/// Removes a bounded number of a doomed room's rows; says whether that was all of any.
pub(super) fn sweep(db: &Db) -> Result<bool, Fault> {
    const STEP: usize = 500;
    let Some(no) = db.one("SELECT room FROM doomed LIMIT 1", [], |row| Ok(row.get::<_, i64>(0)?))? else {
        return Ok(true);
    };
    let span = (first(no), last(no));
    let removed = db.execute(
        "DELETE FROM search WHERE rowid IN (SELECT key FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 500)",
        span,
    )?;
    let messages = db.execute(
        "DELETE FROM message WHERE key IN (SELECT key FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 500)",
        span,
    )?;
    let entries = db.execute(
        "DELETE FROM entry WHERE key IN (SELECT key FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 500)",
        span,
    )?;
    let sent = db.execute(
        "DELETE FROM sent WHERE room = ?1 AND (sender, client_id) IN
           (SELECT sender, client_id FROM sent WHERE room = ?1 LIMIT 500)",
        [no],
    )?;
    if removed.max(messages).max(entries).max(sent) >= STEP {
        return Ok(false);
    }
    db.execute("DELETE FROM reaction WHERE key BETWEEN ?1 AND ?2", span)?;
    for table in ["conversation", "conversation_user", "marker", "member", "doomed"] {
        db.execute(&format!("DELETE FROM {table} WHERE room = ?1"), [no])?;
    }
    Ok(db.number("SELECT count(*) FROM doomed", [])? == 0)
}

/// What readers remember of rooms, so that members are not read again for every question.
///
/// Checked against the room's row each time: settings and members by `revision`, the end of the log by the row itself.
pub(super) struct Remembered {
    rooms: Mutex<HashMap<RoomKey, Memory>>,
    len_max: usize,
}

struct Memory {
    /// The room's number and revision.
    version: (i64, i64),
    room: Arc<Room>,
}

impl Remembered {
    pub(super) fn new(len_max: usize) -> Self {
        Self { rooms: Mutex::default(), len_max }
    }

    /// The room as the view of `db` shows it.
    pub(super) fn get(&self, db: &Db, key: &RoomKey) -> Result<Option<Arc<Room>>, Fault> {
        let Some(row) = find(db, key)? else {
            self.rooms.lock().remove(key);
            return Ok(None);
        };
        let version = (row.no, row.revision);
        if let Some(memory) = self.rooms.lock().get_mut(key)
            && memory.version == version
        {
            if memory.room.head != row.head {
                // Copies the members only if somebody still holds the room as it was.
                let room = Arc::make_mut(&mut memory.room);
                room.head = row.head;
                room.last_at = row.last_at;
            }
            return Ok(Some(memory.room.clone()));
        }
        let room = Arc::new(with_members(db, key, row)?);
        let mut rooms = self.rooms.lock();
        if rooms.len() >= self.len_max {
            shed(&mut rooms);
        }
        rooms.insert(key.clone(), Memory { version, room: room.clone() });
        Ok(Some(room))
    }
}

/// Drops every other room of a full cache: cheap, and who is busy comes back at once.
pub(super) fn shed<T>(rooms: &mut HashMap<RoomKey, T>) {
    let mut keep = false;
    rooms.retain(|_, _| {
        keep = !keep;
        keep
    });
}

/// What the writer must know of a room beside the room.
pub(super) fn index_state(db: &Db, row: &RoomRow) -> Result<IndexState, Fault> {
    let listed = db.number("SELECT count(*) FROM unindexed WHERE room = ?1", [row.no])? > 0;
    Ok(IndexState { indexed: row.indexed, listed })
}
