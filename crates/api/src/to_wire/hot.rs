//! What is rendered most, `message.posted` and `signal`, written out by hand; and the buffer in which every frame is made.
//!
//! Rendering is done once for all listeners, on the thread that publishes. Many small writes into a warm buffer and one copy
//! into a frame of exactly the right size cost less than growing the frame, and the frame wastes no memory while it waits.
//! Tests hold both to their shapes in [`wire`](crate::wire).

use std::cell::RefCell;
use std::io::Write as _;

use bytes::Bytes;
use serde::Serialize;
use sidetalk_edge::frame;

use crate::wire::answer::{Audience, Message, Part, Sender};
use crate::wire::json::Time;
use crate::wire::notice::{LogHead, Payload, SignalNotice};

/// A buffer that has grown beyond this by a large answer is given back.
const KEPT_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The text frame that `render` writes.
pub(super) fn framed(render: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    render(&mut scratch);
    let frame = frame::text(&scratch);
    if scratch.capacity() <= KEPT_BYTES_MAX {
        SCRATCH.set(scratch);
    }
    frame
}

/// Anything, as its JSON.
pub(super) fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("wire shapes are JSON, and memory does not fail");
}

/// `message.posted`
pub(super) fn posted_frame(head: &LogHead<'_>, message: &Message<'_>) -> Bytes {
    framed(|out| {
        raw(out, r#"{"jsonrpc":"2.0","method":"message.posted","params":{"room":"#);
        text(out, head.room);
        let _ = write!(out, r#","position":"{}","seq":{},"at":"#, head.position.0, head.seq);
        time(out, head.at);
        raw(out, r#","by":"#);
        sender(out, &head.by);
        if let Some(audience) = &head.audience {
            raw(out, r#","audience":"#);
            put(out, audience);
        }
        raw(out, r#","message":"#);
        self::message(out, message);
        raw(out, "}}");
    })
}

/// `signal`
pub(super) fn signal_frame(notice: &SignalNotice<'_>) -> Bytes {
    framed(|out| {
        raw(out, r#"{"jsonrpc":"2.0","method":"signal","params":{"room":"#);
        text(out, notice.room);
        raw(out, r#","type":"#);
        text_or_null(out, notice.kind);
        raw(out, r#","data":"#);
        match &notice.data {
            Payload::Text(data) => text(out, data),
            Payload::Json(data) => put(out, data),
        }
        raw(out, r#","from":"#);
        sender(out, &notice.from);
        if let Some(to) = &notice.to {
            raw(out, r#","to":"#);
            put(out, to);
        }
        raw(out, "}}");
    })
}

fn message(out: &mut Vec<u8>, message: &Message<'_>) {
    let _ = write!(out, r#"{{"id":"{}","seq":{},"sender":"#, message.id, message.seq);
    sender(out, &message.sender);
    raw(out, r#","audience":"#);
    match &message.audience {
        Audience::Room => raw(out, r#"{"type":"room"}"#),
        audience => put(out, audience),
    }
    raw(out, r#","parts":"#);
    match &*message.parts {
        [Part::Text { text: words, format }] => {
            raw(out, r#"[{"type":"text","text":"#);
            text(out, words);
            raw(out, r#","format":"#);
            text(out, format);
            raw(out, "}]");
        }
        parts => put(out, parts),
    }
    raw(out, r#","mentions":"#);
    put(out, &message.mentions);
    raw(out, r#","reply_to":"#);
    put(out, &message.reply_to);
    raw(out, r#","label":"#);
    text_or_null(out, message.label);
    raw(out, r#","client_id":"#);
    text_or_null(out, message.client_id);
    raw(out, r#","posted_at":"#);
    time(out, message.posted_at);
    raw(out, r#","edited_at":"#);
    put(out, &message.edited_at);
    raw(out, r#","deleted_at":"#);
    put(out, &message.deleted_at);
    raw(out, r#","pin":"#);
    put(out, &message.pin);
    raw(out, r#","reactions":"#);
    put(out, &message.reactions);
    raw(out, "}");
}

fn sender(out: &mut Vec<u8>, sender: &Sender<'_>) {
    raw(out, r#"{"user":"#);
    text_or_null(out, sender.user);
    raw(out, r#","name":"#);
    text(out, sender.name);
    raw(out, r#","connection":"#);
    match sender.connection {
        Some(connection) => {
            let _ = write!(out, "\"{connection}\"");
        }
        None => raw(out, "null"),
    }
    if let Some(dialect) = sender.dialect {
        raw(out, r#","dialect":"#);
        text(out, dialect);
    }
    raw(out, "}");
}

fn raw(out: &mut Vec<u8>, json: &str) {
    out.extend_from_slice(json.as_bytes());
}

/// A JSON text. Most hold nothing that needs an escape.
fn text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        raw(out, text);
        out.push(b'"');
    } else {
        put(out, text);
    }
}

fn text_or_null(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => self::text(out, text),
        None => raw(out, "null"),
    }
}

fn time(out: &mut Vec<u8>, time: Time) {
    out.push(b'"');
    raw(out, time.text().as_str());
    out.push(b'"');
}
