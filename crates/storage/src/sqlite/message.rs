//! Reading messages, and the one SQL form of the audience rule.

use std::sync::Arc;

use rusqlite::{Row, ToSql};
use sidetalk_core::event::MessageRef;
use sidetalk_core::model::{
    Audience, ClientId, ConnectionId, Dialect, Message, MessageId, Pin, Reaction, Sender, Seq, SignalType,
    Timestamp, UserId, Viewer,
};
use uuid::Uuid;

use super::db::Db;
use super::keys::{first, key, last, seq};
use crate::error::Fault;
use crate::rows::{self, BadRow, Conversation};

/// The audience rule of `sidetalk_core::access` as SQL: ?1 is the room's number, ?2 the viewing user (null: the server),
/// ?3 the viewer's groups as a JSON list. `{t}` is the table with the column `conversation`.
///
/// The list of visible conversations does not depend on the row, so SQLite makes it once per query.
pub(super) fn visible(table: &str) -> String {
    format!(
        "(?2 IS NULL OR {table}.conversation = 0 OR {table}.conversation IN (
            SELECT no FROM conversation
            WHERE room = ?1 AND kind = 1 AND audience IN (SELECT value FROM json_each(?3))
            UNION ALL
            SELECT conversation FROM conversation_user WHERE room = ?1 AND user = ?2))"
    )
}

/// What a viewer is to [`visible`].
#[derive(Clone)]
pub(super) struct Eyes {
    pub(super) user: Option<UserId>,
    pub(super) groups: String,
}

impl From<&Viewer> for Eyes {
    fn from(viewer: &Viewer) -> Self {
        match viewer {
            Viewer::Server => Self { user: None, groups: "[]".into() },
            Viewer::User { user, groups } => {
                Self { user: Some(user.clone()), groups: rows::groups_column(groups) }
            }
        }
    }
}

impl Eyes {
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_ref().map(UserId::as_str)
    }
}

/// The columns that [`read`] takes, of a query with `message m` and [`WITH_AUDIENCE`].
pub(super) const COLUMNS: &str = "m.key, m.id, m.sender, m.sender_name, m.connection, c.kind, c.audience, m.parts, \
     m.mentions, m.reply_to, m.label, m.client_id, m.posted_at, m.edited_at, m.deleted_at, m.pinned_at, m.pinned_by, m.dialect, \
     m.addressee";

/// Joins each message with its audience.
pub(super) const WITH_AUDIENCE: &str = "LEFT JOIN conversation c ON c.no = m.conversation";

/// Makes a message of a row of [`COLUMNS`]; its reactions are not in it.
pub(super) fn read(row: &Row<'_>) -> Result<Message, Fault> {
    let optional = |column| row.get_ref(column)?.as_str_or_null().map_err(Fault::from);
    let sender = Sender {
        user: optional(2)?.map(rows::user).transpose()?,
        name: row.get_ref(3)?.as_str()?.into(),
        connection: uuid(row, 4)?.map(ConnectionId::from_uuid),
        dialect: optional(17)?.map(Dialect::recalled),
    };
    let pinned_at: Option<i64> = row.get(15)?;
    let pin = match pinned_at {
        Some(at) => {
            let by = optional(16)?.map(rows::user).transpose()?;
            Some(Pin { by, at: Timestamp::from_micros(at) })
        }
        None => None,
    };
    Ok(Message {
        id: message_id(row, 1)?,
        seq: seq(row.get(0)?),
        sender,
        audience: audience(row, 5, 6)?,
        addressee: uuid(row, 18)?.map(ConnectionId::from_uuid),
        parts: rows::parts(row.get_ref(7)?.as_str()?)?,
        mentions: rows::mentions(optional(8)?)?,
        reply_to: uuid(row, 9)?.map(MessageId::from_uuid),
        label: optional(10)?
            .map(|text| SignalType::new(text).map_err(|_| BadRow::Value { what: "label" }))
            .transpose()?,
        client_id: optional(11)?
            .map(|text| ClientId::new(text).map_err(|_| BadRow::Value { what: "client id" }))
            .transpose()?,
        posted_at: Timestamp::from_micros(row.get(12)?),
        edited_at: row.get::<_, Option<i64>>(13)?.map(Timestamp::from_micros),
        deleted_at: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_micros),
        pin,
        reactions: Vec::new(),
    })
}

/// The audience in the columns `kind` and `text` of a `conversation` that may be absent.
pub(super) fn audience(row: &Row<'_>, kind: usize, text: usize) -> Result<Audience, Fault> {
    let Some(kind) = row.get::<_, Option<i64>>(kind)? else { return Ok(Audience::Room) };
    Ok(rows::audience(Some((kind, row.get_ref(text)?.as_str()?)))?)
}

pub(super) fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId, Fault> {
    let id = uuid(row, column)?.ok_or(BadRow::Value { what: "message id" })?;
    Ok(MessageId::from_uuid(id))
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>, Fault> {
    let Some(bytes) = row.get_ref(column)?.as_blob_or_null()? else { return Ok(None) };
    Ok(Some(Uuid::from_slice(bytes).map_err(|_| BadRow::Value { what: "id" })?))
}

/// Adds the reactions to messages that were just read, which ascend by seq.
pub(super) fn add_reactions(db: &Db, room: i64, messages: &mut [Message]) -> Result<(), Fault> {
    // Messages that lie close together are asked for in one go; between distant ones others' reactions may lie.
    for near in messages.chunk_by_mut(|one, next| next.seq.0 - one.seq.0 <= NEAR) {
        let [first, ..] = near else { continue };
        let first = key(room, first.seq);
        let last = near.last().map_or(first, |last| key(room, last.seq));
        add_reactions_between(db, first, last, near)?;
    }
    Ok(())
}

/// How far apart messages may lie to be asked about together.
const NEAR: u64 = 16;

fn add_reactions_between(db: &Db, first: i64, last: i64, messages: &mut [Message]) -> Result<(), Fault> {
    // By order of the entries that added them: so the emoji come in the order of their first use.
    let sql = "SELECT key, emoji, user FROM reaction WHERE key BETWEEN ?1 AND ?2 ORDER BY key, seq";
    let given = db.all(sql, [first, last], |row| {
        let emoji: Arc<str> = row.get_ref(1)?.as_str()?.into();
        Ok(Some((seq(row.get(0)?), emoji, rows::user(row.get_ref(2)?.as_str()?)?)))
    })?;
    for (seq, emoji, user) in given {
        let Ok(place) = messages.binary_search_by_key(&seq, |message| message.seq) else { continue };
        let reactions = &mut messages[place].reactions;
        match reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
            Some(reaction) => reaction.users.push(user),
            None => reactions.push(Reaction { emoji, users: vec![user] }),
        }
    }
    Ok(())
}

/// The message of that id, if `eyes` see it.
pub(super) fn find(db: &Db, room: i64, eyes: &Eyes, id: MessageId) -> Result<Option<Message>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM message m {WITH_AUDIENCE}
         WHERE m.id = ?4 AND m.key BETWEEN ?5 AND ?6 AND {}",
        visible("m")
    );
    let id = id.as_uuid();
    let id = id.as_bytes().as_slice();
    let params: [&dyn ToSql; 6] = [&room, &eyes.user(), &eyes.groups, &id, &first(room), &last(room)];
    let Some(mut message) = db.one(&sql, params, read)? else { return Ok(None) };
    add_reactions(db, room, std::slice::from_mut(&mut message))?;
    Ok(Some(message))
}

/// The messages of a sender that are not deleted, whoever may see them.
pub(super) fn of_sender(
    db: &Db,
    room: i64,
    sender: &UserId,
    after: Seq,
    limit: usize,
) -> Result<Vec<MessageRef>, Fault> {
    db.all(
        "SELECT key, id FROM message WHERE key > ?1 AND key <= ?2 AND sender = ?3 AND deleted_at IS NULL
         ORDER BY key LIMIT ?4",
        (key(room, after), last(room), sender.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)),
        |row| Ok(Some(MessageRef { seq: seq(row.get(0)?), id: message_id(row, 1)? })),
    )
}

/// The number of a conversation that has been spoken in; 0 is the whole room's.
pub(super) fn conversation(db: &Db, room: i64, audience: &Audience) -> Result<Option<i64>, Fault> {
    let Conversation::Named { kind, audience } = rows::conversation(audience) else {
        return Ok((*audience == Audience::Room).then_some(0));
    };
    db.one(
        "SELECT no FROM conversation WHERE room = ?1 AND kind = ?2 AND audience = ?3",
        (room, kind, audience),
        |row| Ok(row.get(0)?),
    )
}
