//! What a log entry does to the tables: the engine's half of `sidetalk_core::transaction`.

use std::future::{Future, ready};

use sidetalk_core::event::{Entry, Event, MessageRef};
use sidetalk_core::model::{
    Audience, ClientId, ConnectionId, Dialect, Labels, Message, MessageId, Part, RoomKey, RoomSettings, Seq,
    SignalType, Timestamp, UserId,
};
use sidetalk_core::ports::RoomTx;
use sidetalk_core::refusal::Unavailable;
use sidetalk_core::room::{Room, member_changed};
use sidetalk_core::transaction::{Fingerprint, Sent};

use super::db::Db;
use super::keys::{SEQ_MAX, first, key, last};
use super::message::{self, Eyes, message_id};
use super::search;
use crate::error::Fault;
use crate::rows::{self, BadRow, Conversation, MemberRow};

/// One room's right to write, inside the writer's open transaction. Its futures are always ready.
pub(super) struct Tx<'a> {
    pub(super) db: &'a mut Db,
    pub(super) key: &'a RoomKey,
    pub(super) no: i64,
    pub(super) index: &'a mut IndexState,
}

/// How far a room is in the search index.
#[derive(Clone, Copy)]
pub(super) struct IndexState {
    /// Messages up to this one are in it.
    pub(super) indexed: Seq,
    /// Whether the room is on the list of those that have more.
    pub(super) listed: bool,
}

impl RoomTx for Tx<'_> {
    fn message(
        &mut self,
        id: MessageId,
    ) -> impl Future<Output = Result<Option<Message>, Unavailable>> + Send {
        let server = Eyes { user: None, groups: "[]".into() };
        ready(
            message::find(self.db, self.no, &server, id)
                .map_err(|fault| fault.unavailable("reading a message")),
        )
    }

    fn sent(
        &mut self,
        user: Option<&UserId>,
        client_id: &ClientId,
    ) -> impl Future<Output = Result<Option<Sent>, Unavailable>> + Send {
        let sent = sent(self.db, self.no, user, client_id);
        ready(sent.map_err(|fault| fault.unavailable("looking for an earlier send")))
    }

    fn last_post_at(
        &mut self,
        user: &UserId,
        not_before: Timestamp,
    ) -> impl Future<Output = Result<Option<Timestamp>, Unavailable>> + Send {
        let at = last_post_at(self.db, self.no, user, not_before);
        ready(at.map_err(|fault| fault.unavailable("looking for the last post")))
    }

    fn append(
        &mut self,
        entry: &Entry,
        fingerprint: Option<Fingerprint>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send {
        ready(self.append_now(entry, fingerprint).map_err(|fault| fault.unavailable("appending an entry")))
    }
}

fn sent(db: &Db, room: i64, user: Option<&UserId>, client_id: &ClientId) -> Result<Option<Sent>, Fault> {
    db.one(
        "SELECT id, seq, at, fingerprint FROM sent WHERE room = ?1 AND sender = ?2 AND client_id = ?3",
        (room, user.map_or("", UserId::as_str), client_id.as_str()),
        |row| {
            let fingerprint = row.get_ref(3)?.as_blob()?;
            let fingerprint = fingerprint.try_into().map_err(|_| BadRow::Value { what: "fingerprint" })?;
            Ok(Sent {
                id: message_id(row, 0)?,
                seq: Seq(row.get::<_, i64>(1)?.unsigned_abs()),
                at: Timestamp::from_micros(row.get(2)?),
                fingerprint: Fingerprint(fingerprint),
            })
        },
    )
}

/// Walks back from the newest message: times rise within a room, so the walk ends at `not_before`.
fn last_post_at(
    db: &Db,
    room: i64,
    user: &UserId,
    not_before: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let mut found = None;
    db.all(
        "SELECT sender, posted_at FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC",
        (first(room), last(room)),
        |row| {
            let at = Timestamp::from_micros(row.get(1)?);
            if at < not_before {
                return Ok(None);
            }
            if row.get_ref(0)?.as_str_or_null()? == Some(user.as_str()) {
                found = Some(at);
                return Ok(None);
            }
            Ok(Some(()))
        },
    )?;
    Ok(found)
}

impl Tx<'_> {
    fn append_now(&mut self, entry: &Entry, fingerprint: Option<Fingerprint>) -> Result<(), Fault> {
        if entry.seq.0 > SEQ_MAX {
            return Err(Fault::Numbers { room: self.key.to_string(), last: SEQ_MAX });
        }
        let conversation = self.conversation(&entry.audience)?;
        if let Event::MessagePosted(message) = &entry.event {
            return self.post(message, conversation, fingerprint);
        }
        self.insert_entry(entry, conversation)?;
        match &entry.event {
            Event::MessageEdited { target, parts, mentions } => self.edit(*target, parts, mentions, entry.at),
            Event::MessageDeleted(target) => self.bury(*target, entry.at),
            Event::MessagePinned(target) => self.pin(*target, entry),
            Event::MessageUnpinned(target) => self.unpin(*target),
            Event::ReactionAdded { target, emoji } => self.react(*target, emoji, entry),
            Event::ReactionRemoved { target, emoji } => self.unreact(*target, emoji, entry),
            Event::HistoryCleared => self.clear(conversation, entry.seq),
            _ => Ok(()), // settings and members: see `keep_state`
        }
    }

    fn post(
        &mut self,
        message: &Message,
        conversation: i64,
        fingerprint: Option<Fingerprint>,
    ) -> Result<(), Fault> {
        let id = message.id.as_uuid();
        let connection = message.sender.connection.map(ConnectionId::as_uuid);
        let reply_to = message.reply_to.map(MessageId::as_uuid);
        let addressee = message.addressee.map(ConnectionId::as_uuid);
        let sender = message.sender.user.as_ref().map(UserId::as_str);
        let client_id = message.client_id.as_ref().map(ClientId::as_str);
        self.db.execute(
            "INSERT INTO message (key, id, sender, sender_name, connection, conversation, parts, mentions, reply_to,
               label, client_id, posted_at, dialect, addressee)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            (
                key(self.no, message.seq),
                id.as_bytes(),
                sender,
                &*message.sender.name,
                connection.as_ref().map(uuid_bytes),
                conversation,
                rows::parts_column(&message.parts),
                rows::mentions_column(&message.mentions),
                reply_to.as_ref().map(uuid_bytes),
                message.label.as_ref().map(SignalType::as_str),
                client_id,
                message.posted_at.as_micros(),
                message.sender.dialect.map(Dialect::as_str),
                addressee.as_ref().map(uuid_bytes),
            ),
        )?;
        if let (Some(client_id), Some(fingerprint)) = (client_id, fingerprint) {
            self.db.execute(
                "INSERT OR REPLACE INTO sent (room, sender, client_id, seq, id, at, fingerprint)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    self.no,
                    sender.unwrap_or(""),
                    client_id,
                    i64::try_from(message.seq.0).expect("32 bits"),
                    id.as_bytes(),
                    message.posted_at.as_micros(),
                    fingerprint.0,
                ),
            )?;
        }
        if !self.index.listed {
            self.db.execute("INSERT OR IGNORE INTO unindexed (room) VALUES (?1)", [self.no])?;
            self.index.listed = true;
        }
        Ok(())
    }

    fn insert_entry(&mut self, entry: &Entry, conversation: i64) -> Result<(), Fault> {
        let (event, target) = rows::event_column(&entry.event).expect("a post was handled before");
        let target_id = target.map(|target| target.id.as_uuid());
        let connection = entry.by.connection.map(ConnectionId::as_uuid);
        self.db.execute(
            "INSERT INTO entry (key, at, by_user, by_name, by_connection, conversation, target, target_id, event,
               by_dialect)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                key(self.no, entry.seq),
                entry.at.as_micros(),
                entry.by.user.as_ref().map(UserId::as_str),
                &*entry.by.name,
                connection.as_ref().map(uuid_bytes),
                conversation,
                target.map(|target| key(self.no, target.seq)),
                target_id.as_ref().map(uuid_bytes),
                event,
                entry.by.dialect.map(Dialect::as_str),
            ),
        )?;
        Ok(())
    }

    fn edit(
        &mut self,
        target: MessageRef,
        parts: &[Part],
        mentions: &[UserId],
        at: Timestamp,
    ) -> Result<(), Fault> {
        let target_key = key(self.no, target.seq);
        self.db.execute(
            "UPDATE message SET parts = ?2, mentions = ?3, edited_at = ?4 WHERE key = ?1",
            (target_key, rows::parts_column(parts), rows::mentions_column(mentions), at.as_micros()),
        )?;
        if target.seq <= self.index.indexed {
            self.db.execute("DELETE FROM search WHERE rowid = ?1", [target_key])?;
            search::index(self.db, target_key, parts)?;
        }
        Ok(())
    }

    fn bury(&mut self, target: MessageRef, at: Timestamp) -> Result<(), Fault> {
        let target_key = key(self.no, target.seq);
        self.db.execute(
            "UPDATE message SET parts = '[]', mentions = NULL, label = NULL, deleted_at = ?2, pinned_at = NULL,
               pinned_by = NULL
             WHERE key = ?1",
            (target_key, at.as_micros()),
        )?;
        self.db.execute("DELETE FROM reaction WHERE key = ?1", [target_key])?;
        if target.seq <= self.index.indexed {
            self.db.execute("DELETE FROM search WHERE rowid = ?1", [target_key])?;
        }
        Ok(())
    }

    fn pin(&mut self, target: MessageRef, entry: &Entry) -> Result<(), Fault> {
        let by = entry.by.user.as_ref().map(UserId::as_str);
        self.db.execute(
            "UPDATE message SET pinned_at = ?2, pinned_by = ?3 WHERE key = ?1",
            (key(self.no, target.seq), entry.at.as_micros(), by),
        )?;
        Ok(())
    }

    fn unpin(&mut self, target: MessageRef) -> Result<(), Fault> {
        self.db.execute(
            "UPDATE message SET pinned_at = NULL, pinned_by = NULL WHERE key = ?1",
            [key(self.no, target.seq)],
        )?;
        Ok(())
    }

    fn react(&mut self, target: MessageRef, emoji: &str, entry: &Entry) -> Result<(), Fault> {
        let Some(user) = &entry.by.user else { return Ok(()) };
        self.db.execute(
            "INSERT OR IGNORE INTO reaction (key, emoji, user, seq) VALUES (?1, ?2, ?3, ?4)",
            (key(self.no, target.seq), emoji, user.as_str(), i64::try_from(entry.seq.0).expect("32 bits")),
        )?;
        Ok(())
    }

    fn unreact(&mut self, target: MessageRef, emoji: &str, entry: &Entry) -> Result<(), Fault> {
        let Some(user) = &entry.by.user else { return Ok(()) };
        self.db.execute(
            "DELETE FROM reaction WHERE key = ?1 AND emoji = ?2 AND user = ?3",
            (key(self.no, target.seq), emoji, user.as_str()),
        )?;
        Ok(())
    }

    /// Removes the messages of one conversation and all that hangs on them.
    fn clear(&mut self, conversation: i64, upto: Seq) -> Result<(), Fault> {
        let of_conversation = if conversation == 0 {
            "key BETWEEN ?2 AND ?3 AND conversation = ?1"
        } else {
            "key BETWEEN ?2 AND ?3 AND conversation = ?1 AND conversation <> 0"
        };
        let span = (conversation, first(self.no), key(self.no, upto));
        let indexed = (conversation, first(self.no), key(self.no, self.index.indexed));
        self.db.execute(
            &format!("DELETE FROM search WHERE rowid IN (SELECT key FROM message WHERE {of_conversation})"),
            indexed,
        )?;
        self.db.execute(
            &format!("DELETE FROM reaction WHERE key IN (SELECT key FROM message WHERE {of_conversation})"),
            span,
        )?;
        self.db.execute(&format!("DELETE FROM message WHERE {of_conversation}"), span)?;
        Ok(())
    }

    /// The number of the conversation with that audience, given to it if it has none yet.
    fn conversation(&mut self, audience: &Audience) -> Result<i64, Fault> {
        if let Some(no) = message::conversation(self.db, self.no, audience)? {
            return Ok(no);
        }
        let Conversation::Named { kind, audience: column } = rows::conversation(audience) else {
            return Err(Fault::ForConnections);
        };
        let no = self
            .db
            .one(
                "INSERT INTO conversation (room, kind, audience) VALUES (?1, ?2, ?3) RETURNING no",
                (self.no, kind, column),
                |row| Ok(row.get(0)?),
            )?
            .expect("an insert returns its row");
        if let Audience::Users(users) = audience {
            for user in users.iter() {
                self.db.execute(
                    "INSERT OR IGNORE INTO conversation_user (room, user, conversation) VALUES (?1, ?2, ?3)",
                    (self.no, user.as_str(), no),
                )?;
            }
        }
        Ok(no)
    }
}

/// Stores what an entry changed about the room itself; `room` is the state after it.
pub(super) fn keep_state(db: &Db, no: i64, room: &Room, event: &Event) -> Result<(), Fault> {
    if let Some(user) = member_changed(event) {
        keep_member(db, no, room, user)?;
        return touch(db, no);
    }
    match event {
        Event::ChatEnabledSet(_)
        | Event::SlowModeSet(_)
        | Event::PrivateChatSet(_)
        | Event::TitleSet(_)
        | Event::RetentionSet(_) => {
            keep_settings(db, no, &room.settings)?;
            touch(db, no)
        }
        _ => Ok(()),
    }
}

pub(super) fn keep_member(db: &Db, no: i64, room: &Room, user: &UserId) -> Result<(), Fault> {
    let Some(member) = room.members.get(user) else {
        db.execute("DELETE FROM member WHERE room = ?1 AND user = ?2", (no, user.as_str()))?;
        return Ok(());
    };
    let row = MemberRow::from(member);
    db.execute(
        "INSERT OR REPLACE INTO member (room, user, role, \"groups\", muted, muted_until, banned, banned_until,
           membership)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            no,
            user.as_str(),
            row.role,
            row.groups,
            row.muted,
            row.muted_until,
            row.banned,
            row.banned_until,
            row.membership,
        ),
    )?;
    Ok(())
}

fn keep_settings(db: &Db, no: i64, settings: &RoomSettings) -> Result<(), Fault> {
    db.execute(
        "UPDATE room SET title = ?2, chat_enabled = ?3, slow_mode = ?4, private_chat = ?5, retention = ?6
         WHERE no = ?1",
        (
            no,
            settings.title.as_deref(),
            settings.chat_enabled,
            rows::micros_column(settings.slow_mode),
            rows::private_chat_column(settings.private_chat),
            rows::micros_column(settings.retention),
        ),
    )?;
    Ok(())
}

/// Stores under which types the room's people chat.
pub(super) fn keep_labels(db: &Db, no: i64, labels: &Labels) -> Result<(), Fault> {
    db.execute("UPDATE room SET labels = ?2 WHERE no = ?1", (no, rows::labels_column(labels)))?;
    touch(db, no)
}

/// Tells readers that what they remember of the room is old.
fn touch(db: &Db, no: i64) -> Result<(), Fault> {
    db.execute("UPDATE room SET revision = revision + 1 WHERE no = ?1", [no])?;
    Ok(())
}

fn uuid_bytes(uuid: &uuid::Uuid) -> &[u8] {
    uuid.as_bytes()
}
