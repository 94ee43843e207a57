//! The search index (FTS5): filled when the writer has nothing better to do, or when a search asks for it.

use rusqlite::ToSql;
use sidetalk_core::model::{Part, Seq, UserId};
use sidetalk_core::ports::{Page, SearchRequest};

use super::db::Db;
use super::keys::{SEQ_MAX, first, key, last, seq};
use super::message::{self, Eyes, add_reactions};
use crate::error::Fault;
use crate::{rows, words};

/// How many messages go into the index at a time.
pub(super) const STEP: usize = 500;

/// Puts one message into the index.
pub(super) fn index(db: &Db, key: i64, parts: &[Part]) -> Result<(), Fault> {
    let text = words::indexed(parts);
    if !text.is_empty() {
        db.execute("INSERT INTO search (rowid, text) VALUES (?1, ?2)", (key, text))?;
    }
    Ok(())
}

/// Indexes the next messages of a room that is on the list. Returns how far it is now, and whether it is done.
pub(super) fn catch_up(db: &Db, room: i64) -> Result<(Seq, bool), Fault> {
    let indexed = db.number("SELECT indexed FROM room WHERE no = ?1", [room])?;
    let from = key(room, Seq(indexed.unsigned_abs()).next());
    let messages = db.all(
        "SELECT key, parts FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3",
        (from, last(room), i64::try_from(STEP).expect("small")),
        |row| Ok(Some((row.get::<_, i64>(0)?, rows::parts(row.get_ref(1)?.as_str()?)?))),
    )?;
    for (key, parts) in &messages {
        index(db, *key, parts)?;
    }
    let upto = messages.last().map_or(Seq(indexed.unsigned_abs()), |(key, _)| seq(*key));
    let column = i64::try_from(upto.0).expect("32 bits");
    db.execute("UPDATE room SET indexed = ?2 WHERE no = ?1", (room, column))?;
    let done = messages.len() < STEP;
    if done {
        db.execute("DELETE FROM unindexed WHERE room = ?1", [room])?;
    }
    Ok((upto, done))
}

/// A room that has messages outside the index.
pub(super) fn next_unindexed(db: &Db) -> Result<Option<i64>, Fault> {
    db.one("SELECT room FROM unindexed LIMIT 1", [], |row| Ok(row.get(0)?))
}

/// Whether that room has messages outside the index.
pub(super) fn is_unindexed(db: &Db, room: i64) -> Result<bool, Fault> {
    Ok(db.number("SELECT count(*) FROM unindexed WHERE room = ?1", [room])? > 0)
}

/// The newest messages that hold all the words.
pub(super) fn find(db: &Db, room: i64, eyes: &Eyes, request: &SearchRequest) -> Result<Page, Fault> {
    let words = words::wanted(&request.text)?;
    if words.is_empty() {
        return Ok(Page::default());
    }
    let conversation = match &request.audience {
        None => None,
        Some(audience) => match message::conversation(db, room, audience)? {
            None => return Ok(Page::default()),
            some => some,
        },
    };
    let sql = format!(
        "SELECT {columns} FROM search CROSS JOIN message m ON m.key = search.rowid {with_audience}
         WHERE search MATCH ?4 AND search.rowid BETWEEN ?5 AND ?6 AND m.deleted_at IS NULL
           AND (?7 IS NULL OR m.conversation = ?7) AND (?8 IS NULL OR m.sender = ?8) AND {visible}
         ORDER BY search.rowid DESC LIMIT ?9",
        columns = message::COLUMNS,
        with_audience = message::WITH_AUDIENCE,
        visible = message::visible("m"),
    );
    let before = request.before.map_or(SEQ_MAX, |before| before.0.saturating_sub(1));
    let limit = i64::try_from(request.limit).unwrap_or(i64::MAX - 1) + 1;
    let sender = request.sender.as_ref().map(UserId::as_str);
    let params: [&dyn ToSql; 9] = [
        &room,
        &eyes.user(),
        &eyes.groups,
        &query(&words),
        &first(room),
        &key(room, Seq(before)),
        &conversation,
        &sender,
        &limit,
    ];
    let mut messages = db.all(&sql, params, |row| message::read(row).map(Some))?;
    let more_before = messages.len() > request.limit;
    messages.truncate(request.limit);
    messages.reverse();
    add_reactions(db, room, &mut messages)?;
    messages.reverse();
    Ok(Page { messages, more_before, more_after: false })
}

/// Every word as a quoted string: nothing in it is FTS5 syntax.
fn query(words: &[String]) -> String {
    let quoted = words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
    format!("{}*", quoted.collect::<Vec<_>>().join(" AND "))
}
