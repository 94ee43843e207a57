//! What happened, as finished frames of this dialect: core's [`Face`]. What it cannot say (edits, deletions, pins, typing) it
//! leaves out; `docs/dialects/openvidu.md` has the list.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sidetalk_core::event::{Event, Happening, LeaveReason, Moment};
use sidetalk_core::model::{
    Dialect, Labels, Message, Part, Presence, Sender, Signal, SignalData, SignalType,
};
use sidetalk_core::ports::Face;
use sidetalk_edge::frame;

use crate::DIALECT;
use crate::error::RpcError;
use crate::ids;
use crate::wire::{
    AUTHOR, ClientData, ErrorOut, Gone, Notification, Participant, Refused, Response, SignalOut,
};

/// What stands between what the client and what the application says of a connection.
const METADATA_SEPARATOR: &str = "%/%";

/// The renderer.
pub(crate) struct OpenViduFace {
    /// The type of messages where nobody of this dialect has used one yet.
    pub(crate) chat_type: SignalType,
}

impl Face for OpenViduFace {
    fn dialect(&self) -> Dialect {
        DIALECT
    }

    fn render(&self, happening: Happening<'_>) -> Option<Bytes> {
        match happening {
            Happening::Entry { entry, labels, is_here, .. } => match &entry.event {
                Event::MessagePosted(message) => Some(self.message(message, labels, is_here)),
                _ => None,
            },
            Happening::Moment { moment, .. } => match moment {
                Moment::Signalled { from, signal } => Some(signal_of(from, signal)),
                Moment::Joined(presence) => Some(notification("participantJoined", participant(presence))),
                Moment::Left { presence, reason } => {
                    let (connection_id, reason) = (ids::name_of(presence), reason_name(*reason));
                    Some(notification("participantLeft", Gone { connection_id, reason }))
                }
                Moment::Typing { .. } | Moment::MarkedRead { .. } | Moment::Changed { .. } => None,
            },
            Happening::Removed { presence, reason, .. } => Some(evicted(presence, reason)),
        }
    }
}

impl OpenViduFace {
    /// A stored message as the signal that it was, or that it would have been. Clients drop signals of people whom they do
    /// not know, so `from` is named only while its connection is there; of others the data says who wrote it.
    pub(crate) fn message(&self, message: &Message, labels: &Labels, is_here: bool) -> Bytes {
        let label = labels.shown(DIALECT, message).unwrap_or(&self.chat_type);
        let data = text_of(&message.parts);
        match name_of_sender(&message.sender).filter(|_| is_here) {
            Some(from) => signal_frame(data, Some(label), Some(from)),
            // What the application's server says is from nobody at all times.
            None if message.sender.user.is_none() => signal_frame(data, Some(label), None),
            None => signal_frame(data.map(|data| signed(data, &message.sender.name)), Some(label), None),
        }
    }
}

fn signal_of(from: &Sender, signal: &Signal) -> Bytes {
    signal_frame(data_of(signal), signal.kind.as_ref(), name_of_sender(from))
}

/// What the connection that something came by is called.
pub(crate) fn name_of_sender(sender: &Sender) -> Option<String> {
    Some(ids::name(sender.connection?, sender.user.as_ref()?))
}

/// What a signal says, if it says anything.
pub(crate) fn data_of(signal: &Signal) -> Option<Cow<'_, str>> {
    match &signal.data {
        SignalData::Text(text) => Some(Cow::Borrowed(text)),
        SignalData::Json(json) if &**json == "null" => None,
        SignalData::Json(json) => Some(Cow::Borrowed(json)),
    }
}

/// Data that says itself who wrote it: a JSON object in a field, unless it has that already; any other text before it.
#[must_use]
pub fn signed<'a>(data: Cow<'a, str>, author: &str) -> Cow<'a, str> {
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(&data) else {
        return Cow::Owned(format!("{author}: {data}"));
    };
    if fields.contains_key(AUTHOR) {
        return data;
    }
    // The rest stays as it was written, to the letter.
    let open = data.trim_end().strip_suffix('}').expect("an object ends so");
    let comma = if fields.is_empty() { "" } else { "," };
    Cow::Owned(format!("{open}{comma}\"{AUTHOR}\":{}}}", Value::from(author)))
}

fn signal_frame(data: Option<Cow<'_, str>>, kind: Option<&SignalType>, from: Option<String>) -> Bytes {
    let kind = kind.map(|kind| Cow::Owned(format!("signal:{kind}")));
    notification("sendMessage", SignalOut { data, kind, from })
}

/// The text of a message; of one without, the JSON that it carries.
pub(crate) fn text_of(parts: &[Part]) -> Option<Cow<'_, str>> {
    match parts {
        [Part::Text { text, .. }] => return Some(Cow::Borrowed(text)),
        [Part::Custom(json)] if &**json == "null" => return None,
        _ => {}
    }
    let pieces = parts.iter().map(|part| match part {
        Part::Text { text, .. } => &**text,
        Part::Custom(json) => &**json,
        Part::Image(file) | Part::File(file) => &*file.name,
    });
    Some(Cow::Owned(pieces.collect::<Vec<_>>().join("\n")))
}

/// That a connection was put out.
pub(crate) fn evicted(presence: &Presence, reason: LeaveReason) -> Bytes {
    let connection_id = ids::name_of(presence);
    notification("participantEvicted", Gone { connection_id, reason: reason_name(reason) })
}

/// Somebody who is in a session.
pub(crate) fn participant(presence: &Presence) -> Participant {
    let metadata = if presence.dialect == DIALECT || !presence.client_data.is_empty() {
        metadata(&presence.client_data, &presence.identity.data)
    } else {
        // People of other dialects have a name instead; the vendor's example applications look for it here.
        let name = ClientData { client_data: &presence.identity.name };
        let name = serde_json::to_string(&name).expect("a name is JSON");
        metadata(&name, &presence.identity.data)
    };
    Participant { id: ids::name_of(presence), created_at: presence.joined_at.as_millis(), metadata }
}

/// What the client says, then what the application says; a separator only between two.
pub(crate) fn metadata(client_data: &str, server_data: &str) -> String {
    match (client_data, server_data) {
        (client_data, "") => client_data.to_owned(),
        ("", server_data) => server_data.to_owned(),
        both => format!("{}{METADATA_SEPARATOR}{}", both.0, both.1),
    }
}

/// Why somebody is gone, in the vendor's words.
pub(crate) fn reason_name(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "disconnect",
        LeaveReason::Lost | LeaveReason::Expired => "networkDisconnect",
        LeaveReason::Kicked | LeaveReason::Banned => "forceDisconnectByUser",
        LeaveReason::Removed => "forceDisconnectByServer",
        LeaveReason::Ended | LeaveReason::RoomDeleted => "sessionClosedByServer",
        LeaveReason::Draining => "openviduServerStopped",
    }
}

/// A notification as a frame.
pub(crate) fn notification<P: Serialize>(method: &'static str, params: P) -> Bytes {
    framed(&Notification { method, params, jsonrpc: "2.0" })
}

/// The answer to a request as a frame.
pub(crate) fn result<T: Serialize>(id: &RawValue, result: T) -> Bytes {
    framed(&Response { id, result, jsonrpc: "2.0" })
}

/// The refusal of a request as a frame.
pub(crate) fn refused(id: &RawValue, error: &RpcError) -> Bytes {
    let error = ErrorOut { code: error.code, message: &error.message };
    framed(&Refused { id, error, jsonrpc: "2.0" })
}

fn framed(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, value).expect("wire shapes are JSON, and memory does not fail");
    frame::text(&json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_absent_wrote_says_who_it_was() {
        for (data, expected) in [
            ("hello", "Ada \"A\": hello"),
            ("", "Ada \"A\": "),
            ("[1]", "Ada \"A\": [1]"),
            ("{", "Ada \"A\": {"),
            ("{}", r#"{"author":"Ada \"A\""}"#),
            (r#"{ "b": 1, "a": "}" } "#, r#"{ "b": 1, "a": "}" ,"author":"Ada \"A\""}"#),
            (r#"{"author":"me"}"#, r#"{"author":"me"}"#),
        ] {
            assert_eq!(signed(Cow::Borrowed(data), "Ada \"A\""), expected, "{data}");
        }
    }
}
