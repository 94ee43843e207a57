//! What happened, as finished frames of this dialect: core's [`Face`]. What it cannot say (edits, deletions, pins, typing) it
//! leaves out; `docs/dialects/openvidu.md` has the list.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use sidetalk_core::event::{Event, Happening, LeaveReason, Moment};
use sidetalk_core::model::{
    ConnectionId, Dialect, Labels, Message, Part, Presence, Sender, Signal, SignalData, SignalType,
};
use sidetalk_core::ports::Face;
use sidetalk_edge::frame;

use crate::DIALECT;
use crate::error::RpcError;
use crate::ids::Names;
use crate::wire::{ErrorOut, Gone, Notification, Participant, Refused, Response, SignalOut};

/// What stands between what the client and what the application says of a connection.
const METADATA_SEPARATOR: &str = "%/%";

/// The renderer.
pub(crate) struct OpenViduFace {
    pub(crate) names: Arc<Names>,
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
                Moment::Signalled { from, signal } => Some(self.signal(from, signal)),
                Moment::Joined(presence) => {
                    Some(notification("participantJoined", participant(&self.names, presence)))
                }
                Moment::Left { presence, reason } => {
                    let connection_id = self.names.of(presence.connection);
                    let reason = reason_name(*reason);
                    Some(notification("participantLeft", Gone { connection_id, reason }))
                }
                Moment::Typing { .. } | Moment::MarkedRead { .. } => None,
            },
            Happening::Removed { connection, reason, .. } => Some(evicted(&self.names, connection, reason)),
        }
    }
}

impl OpenViduFace {
    /// A stored message as the signal that it was, or that it would have been. Clients drop signals of people whom they do
    /// not know, so `from` is named only while its connection is there.
    pub(crate) fn message(&self, message: &Message, labels: &Labels, is_here: bool) -> Bytes {
        let label = labels.shown(DIALECT, message).unwrap_or(&self.chat_type);
        let from = message.sender.connection.filter(|_| is_here).map(|id| self.names.of(id));
        signal_frame(text_of(&message.parts), Some(label), from)
    }

    fn signal(&self, from: &Sender, signal: &Signal) -> Bytes {
        let data = match &signal.data {
            SignalData::Text(text) => Some(Cow::Borrowed(&**text)),
            SignalData::Json(json) if &**json == "null" => None,
            SignalData::Json(json) => Some(Cow::Borrowed(&**json)),
        };
        signal_frame(data, signal.kind.as_ref(), from.connection.map(|id| self.names.of(id)))
    }
}

fn signal_frame(data: Option<Cow<'_, str>>, kind: Option<&SignalType>, from: Option<String>) -> Bytes {
    let kind = kind.map(|kind| Cow::Owned(format!("signal:{kind}")));
    notification("sendMessage", SignalOut { data, kind, from })
}

/// The text of a message; of one without, the JSON that it carries.
fn text_of(parts: &[Part]) -> Option<Cow<'_, str>> {
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
pub(crate) fn evicted(names: &Names, connection: ConnectionId, reason: LeaveReason) -> Bytes {
    let connection_id = names.of(connection);
    notification("participantEvicted", Gone { connection_id, reason: reason_name(reason) })
}

/// Somebody who is in a session.
pub(crate) fn participant(names: &Names, presence: &Presence) -> Participant {
    let metadata = if presence.dialect == DIALECT || !presence.client_data.is_empty() {
        metadata(&presence.client_data, &presence.identity.data)
    } else {
        // People of other dialects have a name instead; the vendor's example applications look for it here.
        let name = serde_json::json!({ "clientData": &*presence.identity.name }).to_string();
        metadata(&name, &presence.identity.data)
    };
    Participant { id: names.of(presence.connection), created_at: presence.joined_at.as_millis(), metadata }
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
    let json = serde_json::to_vec(value).expect("wire shapes are JSON, and memory does not fail");
    frame::text(&json)
}
