//! Reading rooms' logs: pages, replays, read markers.

use std::sync::Arc;

use rusqlite::{Row, ToSql};
use sidetalk_core::event::{Entry, Event, MessageRef};
use sidetalk_core::model::{
    Audience, ConnectionId, Dialect, Message, MessageId, Sender, Seq, Timestamp, UserId,
};
use sidetalk_core::ports::{Page, PageAnchor, PageRequest, Replay, Unread};
use sidetalk_core::refusal::Refusal;

use super::db::Db;
use super::keys::{SEQ_MAX, first, key, last, seq};
use super::message::{self, COLUMNS, Eyes, WITH_AUDIENCE, add_reactions, audience, uuid, visible};
use super::rooms::RoomRow;
use crate::error::Fault;
use crate::rows;

/// Reads a page; one message more than asked says whether there is more.
pub(super) fn page(db: &Db, room: i64, eyes: &Eyes, request: &PageRequest) -> Result<Page, Fault> {
    let conversation = match &request.audience {
        None => None,
        Some(audience) => match message::conversation(db, room, audience)? {
            None => return Ok(Page::default()),
            some => some,
        },
    };
    let shelf = Shelf { db, room, eyes, conversation, pinned: request.pinned };
    let limit = request.limit;
    let mut page = match request.anchor {
        PageAnchor::Newest => {
            let (messages, more_before) = shelf.before(Seq(SEQ_MAX + 1), limit)?;
            Page { messages, more_before, more_after: false }
        }
        PageAnchor::Before(seq) => {
            let (messages, more_before) = shelf.before(seq, limit)?;
            let (_, more_after) = shelf.from(seq, 0)?;
            Page { messages, more_before, more_after }
        }
        PageAnchor::After(seq) => {
            let start = Seq(seq.0.saturating_add(1));
            let (messages, more_after) = shelf.from(start, limit)?;
            let (_, more_before) = shelf.before(start, 0)?;
            Page { messages, more_before, more_after }
        }
        PageAnchor::Around(seq) => {
            let (mut messages, more_before) = shelf.before(seq, limit / 2)?;
            let (after, more_after) = shelf.from(seq, limit - limit / 2)?;
            messages.extend(after);
            Page { messages, more_before, more_after }
        }
    };
    add_reactions(db, room, &mut page.messages)?;
    Ok(page)
}

/// The messages that a page is cut from.
struct Shelf<'a> {
    db: &'a Db,
    room: i64,
    eyes: &'a Eyes,
    conversation: Option<i64>,
    pinned: bool,
}

impl Shelf<'_> {
    /// The last messages before `end`, ascending, and whether there are earlier ones.
    fn before(&self, end: Seq, limit: usize) -> Result<(Vec<Message>, bool), Fault> {
        if end == Seq::ZERO {
            return Ok((Vec::new(), false));
        }
        let upto = key(self.room, Seq(end.0 - 1));
        let (mut messages, more) = self.take(first(self.room), upto, "DESC", limit)?;
        messages.reverse();
        Ok((messages, more))
    }

    /// The first messages from `start` on, ascending, and whether there are later ones.
    fn from(&self, start: Seq, limit: usize) -> Result<(Vec<Message>, bool), Fault> {
        if start.0 > SEQ_MAX {
            return Ok((Vec::new(), false));
        }
        self.take(key(self.room, start), last(self.room), "ASC", limit)
    }

    fn take(
        &self,
        from: i64,
        upto: i64,
        order: &'static str,
        limit: usize,
    ) -> Result<(Vec<Message>, bool), Fault> {
        let (index, only) = match (self.conversation, self.pinned) {
            (None, false) => ("NOT INDEXED", ""),
            (Some(0), false) => ("NOT INDEXED", "AND m.conversation = ?7"),
            (Some(_), false) => {
                ("INDEXED BY message_conversation", "AND m.conversation = ?7 AND m.conversation <> 0")
            }
            (None, true) => ("INDEXED BY message_pinned", "AND m.pinned_at IS NOT NULL"),
            (Some(_), true) => {
                ("INDEXED BY message_pinned", "AND m.pinned_at IS NOT NULL AND m.conversation = ?7")
            }
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM message m {index} {WITH_AUDIENCE}
             WHERE m.key BETWEEN ?4 AND ?5 AND {} {only} ORDER BY m.key {order} LIMIT ?6",
            visible("m")
        );
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let (eyes, conversation) = (self.eyes, self.conversation.unwrap_or(0));
        let all: [&dyn ToSql; 7] =
            [&self.room, &eyes.user(), &eyes.groups, &from, &upto, &one_more, &conversation];
        let params = if self.conversation.is_some() { &all[..] } else { &all[..6] };
        let mut messages = self.db.all(&sql, params, |row| message::read(row).map(Some))?;
        let more = messages.len() > limit;
        messages.truncate(limit);
        Ok((messages, more))
    }
}

/// Reads entries after `after`: posted messages and all others lie in two tables, each in order.
pub(super) fn entries(
    db: &Db,
    room: &RoomRow,
    eyes: &Eyes,
    after: Seq,
    limit: usize,
) -> Result<Replay, Fault> {
    let mut entries = Vec::new();
    if after.0 < SEQ_MAX {
        let shelf = Shelf { db, room: room.no, eyes, conversation: None, pinned: false };
        let (mut messages, _) = shelf.from(after.next(), limit.saturating_add(1))?;
        add_reactions(db, room.no, &mut messages)?;
        entries.extend(messages.into_iter().map(posted));
        entries.extend(others(db, room.no, eyes, after, limit.saturating_add(1))?);
        entries.sort_unstable_by_key(|entry| entry.seq);
    }
    let more = entries.len() > limit;
    entries.truncate(limit);
    let entries = entries.into_iter().map(Arc::new).collect();
    Ok(Replay { epoch: room.epoch, entries, more, head: room.head, floor: room.floor })
}

fn posted(message: Message) -> Entry {
    Entry {
        seq: message.seq,
        at: message.posted_at,
        by: message.sender.clone(),
        audience: message.audience.clone(),
        event: Event::MessagePosted(Arc::new(message)),
    }
}

fn others(db: &Db, room: i64, eyes: &Eyes, after: Seq, limit: usize) -> Result<Vec<Entry>, Fault> {
    let sql = format!(
        "SELECT e.key, e.at, e.by_user, e.by_name, e.by_connection, c.kind, c.audience, e.target, e.target_id, e.event,
           m.parts, m.mentions, e.by_dialect
         FROM entry e LEFT JOIN conversation c ON c.no = e.conversation LEFT JOIN message m ON m.key = e.target
         WHERE e.key BETWEEN ?4 AND ?5 AND {} ORDER BY e.key LIMIT ?6",
        visible("e")
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params: [&dyn ToSql; 6] =
        [&room, &eyes.user(), &eyes.groups, &key(room, after.next()), &last(room), &limit];
    db.all(&sql, params, |row| read_entry(row).map(Some))
}

fn read_entry(row: &Row<'_>) -> Result<Entry, Fault> {
    let by = Sender {
        user: row.get_ref(2)?.as_str_or_null()?.map(rows::user).transpose()?,
        name: row.get_ref(3)?.as_str()?.into(),
        connection: uuid(row, 4)?.map(ConnectionId::from_uuid),
        dialect: row.get_ref(12)?.as_str_or_null()?.map(Dialect::recalled),
    };
    let target = match (row.get::<_, Option<i64>>(7)?, uuid(row, 8)?) {
        (Some(key), Some(id)) => Some(MessageRef { id: MessageId::from_uuid(id), seq: seq(key) }),
        _ => None,
    };
    let (parts, mentions) = (row.get_ref(10)?.as_str_or_null()?, row.get_ref(11)?.as_str_or_null()?);
    // A message that was cleared has no row any more; one that was deleted has an empty one.
    let content = || Ok((rows::parts(parts.unwrap_or("[]"))?, rows::mentions(mentions)?));
    Ok(Entry {
        seq: seq(row.get(0)?),
        at: Timestamp::from_micros(row.get(1)?),
        by,
        audience: audience(row, 5, 6)?,
        event: rows::event(row.get_ref(9)?.as_str()?, target, content)?,
    })
}

/// Moves a marker forward, up to the end of the log. Without messages there is nothing to mark.
pub(super) fn mark_read(
    db: &Db,
    room: &RoomRow,
    user: &UserId,
    audience: &Audience,
    seq: Seq,
) -> Result<Seq, Fault> {
    if matches!(audience, Audience::Users(users) if !users.contains(user)) {
        return Err(Refusal::NotFound { what: "conversation" }.into());
    }
    let Some(conversation) = message::conversation(db, room.no, audience)? else { return Ok(Seq::ZERO) };
    let seen = marker(db, room.no, user, conversation)?;
    let seq = seq.min(room.head);
    if seq <= seen {
        return Ok(seen);
    }
    db.execute(
        "INSERT OR REPLACE INTO marker (room, user, conversation, seq) VALUES (?1, ?2, ?3, ?4)",
        (room.no, user.as_str(), conversation, i64::try_from(seq.0).expect("32 bits")),
    )?;
    Ok(seq)
}

fn marker(db: &Db, room: i64, user: &UserId, conversation: i64) -> Result<Seq, Fault> {
    let seq = db.number(
        "SELECT seq FROM marker WHERE room = ?1 AND user = ?2 AND conversation = ?3",
        (room, user.as_str(), conversation),
    )?;
    Ok(Seq(seq.unsigned_abs()))
}

/// The conversations that `eyes` see messages of, with what is new in them. The server has no markers. Anybody can begin
/// conversations with anybody, so only those with the newest messages are counted: to find them is one look at each.
pub(super) fn unread(db: &Db, room: i64, eyes: &Eyes, limit: usize) -> Result<Vec<Unread>, Fault> {
    let Some(user) = &eyes.user else { return Ok(Vec::new()) };
    let named = db.all(
        "SELECT c.no, c.kind, c.audience FROM conversation c
         WHERE c.room = ?1 AND c.no IN (
           SELECT no FROM conversation WHERE room = ?1 AND kind = 1 AND audience IN (SELECT value FROM json_each(?3))
           UNION ALL
           SELECT conversation FROM conversation_user WHERE room = ?1 AND user = ?2)
         ORDER BY (
           SELECT key FROM message INDEXED BY message_conversation
           WHERE conversation = c.no AND conversation <> 0 ORDER BY key DESC LIMIT 1) DESC
         LIMIT ?4",
        (room, user.as_str(), &eyes.groups, i64::try_from(limit).unwrap_or(i64::MAX)),
        |row| Ok(Some((row.get::<_, i64>(0)?, audience(row, 1, 2)?))),
    )?;
    let mut all = Vec::new();
    for (no, audience) in std::iter::once((0, Audience::Room)).chain(named) {
        if all.len() == limit {
            break;
        }
        if let Some((seen, count)) = unread_in(db, room, user, no)? {
            all.push(Unread { audience, seen, count });
        }
    }
    Ok(all)
}

/// `None` if the conversation has no messages (any more).
fn unread_in(db: &Db, room: i64, user: &UserId, conversation: i64) -> Result<Option<(Seq, u32)>, Fault> {
    let (index, only) = if conversation == 0 {
        ("NOT INDEXED", "conversation = ?1")
    } else {
        ("INDEXED BY message_conversation", "conversation = ?1 AND conversation <> 0")
    };
    let any = db.number(
        &format!("SELECT EXISTS (SELECT 1 FROM message {index} WHERE {only} AND key BETWEEN ?2 AND ?3)"),
        (conversation, first(room), last(room)),
    )?;
    if any == 0 {
        return Ok(None);
    }
    let seen = marker(db, room, user, conversation)?;
    let count = db.number(
        &format!(
            "SELECT count(*) FROM (SELECT 1 FROM message {index}
             WHERE {only} AND key BETWEEN ?2 AND ?3 AND sender IS NOT ?4 AND deleted_at IS NULL LIMIT ?5)"
        ),
        (conversation, key(room, seen.next()), last(room), user.as_str(), Unread::COUNT_MAX),
    )?;
    Ok(Some((seen, u32::try_from(count).unwrap_or(Unread::COUNT_MAX))))
}
