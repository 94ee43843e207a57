//! The shapes on the wire, as the vendor's clients send and read them. Nothing else in this crate knows a field's name.

pub(crate) mod webhook;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

// JSON-RPC: what clients send.

/// A frame of a client.
#[derive(Deserialize)]
pub(crate) struct Request<'a> {
    /// A number from 0 on; some clients use texts. Without one nothing is answered.
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) method: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct PingParams {
    /// Milliseconds between two pings; only on the first one after a (re)connection.
    pub(crate) interval: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinParams<'a> {
    /// The whole token as the application got it.
    #[serde(borrow)]
    pub(crate) token: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) platform: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) sdk_version: Option<Cow<'a, str>>,
    /// What the client says of itself.
    #[serde(borrow)]
    pub(crate) metadata: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(crate) struct SendParams<'a> {
    /// JSON text of a [`SignalIn`].
    #[serde(borrow)]
    pub(crate) message: Cow<'a, str>,
}

/// A signal, in a socket's `sendMessage` and in REST.
#[derive(Deserialize)]
pub(crate) struct SignalIn<'a> {
    #[serde(borrow)]
    pub(crate) to: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OneConnection<'a> {
    #[serde(borrow)]
    pub(crate) connection_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectParams<'a> {
    #[serde(borrow)]
    pub(crate) session_id: Cow<'a, str>,
}

// JSON-RPC: what the server sends.

/// The answer to a request.
#[derive(Serialize)]
pub(crate) struct Response<'a, T> {
    pub(crate) id: &'a RawValue,
    pub(crate) result: T,
    pub(crate) jsonrpc: &'static str,
}

/// The refusal of a request.
#[derive(Serialize)]
pub(crate) struct Refused<'a> {
    pub(crate) id: &'a RawValue,
    pub(crate) error: ErrorOut<'a>,
    pub(crate) jsonrpc: &'static str,
}

#[derive(Serialize)]
pub(crate) struct ErrorOut<'a> {
    pub(crate) code: i32,
    pub(crate) message: &'a str,
}

/// A notification.
#[derive(Serialize)]
pub(crate) struct Notification<P> {
    pub(crate) method: &'static str,
    pub(crate) params: P,
    pub(crate) jsonrpc: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Pong {
    pub(crate) value: &'static str,
}

/// A result that says nothing but whose it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Done<'a> {
    pub(crate) session_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconnected<'a> {
    pub(crate) value: &'static str,
    pub(crate) session_id: &'a str,
}

/// The result of `joinRoom`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinResult<'a> {
    pub(crate) id: &'a str,
    pub(crate) session: &'a str,
    /// The client's secret for coming back.
    pub(crate) session_id: &'a str,
    pub(crate) role: Role,
    pub(crate) record: bool,
    pub(crate) created_at: i64,
    pub(crate) metadata: &'a str,
    pub(crate) version: &'a str,
    pub(crate) media_server: &'static str,
    pub(crate) video_simulcast: bool,
    pub(crate) final_user_id: &'a str,
    pub(crate) value: Vec<Participant>,
}

/// Somebody who is in the session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    pub(crate) id: String,
    pub(crate) created_at: i64,
    pub(crate) metadata: String,
}

/// How the vendor's example applications say who somebody is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientData<'a> {
    pub(crate) client_data: &'a str,
}

/// `participantLeft`, `participantEvicted`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Gone {
    pub(crate) connection_id: String,
    pub(crate) reason: &'static str,
}

/// `sendMessage`
#[derive(Serialize)]
pub(crate) struct SignalOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
}

/// The field that says in a JSON object who wrote it, where `from` cannot. Ours, not the vendor's.
pub(crate) const AUTHOR: &str = "author";

/// `connectionPropertyChanged`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PropertyChanged<'a> {
    pub(crate) property: &'static str,
    pub(crate) new_value: &'a str,
}

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Role {
    Subscriber,
    #[default]
    Publisher,
    Moderator,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subscriber => "SUBSCRIBER",
            Self::Publisher => "PUBLISHER",
            Self::Moderator => "MODERATOR",
        }
    }
}

// REST.

/// Fields of bodies, which are read one by one.
pub(crate) mod field {
    pub(crate) const TO: &str = "to";
    pub(crate) const CUSTOM_SESSION_ID: &str = "customSessionId";
    pub(crate) const DEFAULT_RECORDING_PROPERTIES: &str = "defaultRecordingProperties";
    pub(crate) const MEDIA_NODE: &str = "mediaNode";
    pub(crate) const MEDIA_MODE: &str = "mediaMode";
    pub(crate) const RECORDING_MODE: &str = "recordingMode";
    pub(crate) const FORCED_VIDEO_CODEC: &str = "forcedVideoCodec";
    pub(crate) const ALLOW_TRANSCODING: &str = "allowTranscoding";
    pub(crate) const TYPE: &str = "type";
    pub(crate) const DATA: &str = "data";
    pub(crate) const REPLAY_HISTORY: &str = "replayHistory";
    pub(crate) const RECORD: &str = "record";
    pub(crate) const KURENTO_OPTIONS: &str = "kurentoOptions";
    pub(crate) const ROLE: &str = "role";
    pub(crate) const SESSION: &str = "session";
}

/// What an application may say in a connection's `data`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedData {
    /// What the connection shall be called; a hidden feature of the original.
    pub(crate) openvidu_custom_connection_id: String,
}

/// A list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    pub(crate) number_of_elements: usize,
    pub(crate) content: Vec<T>,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(content: Vec<T>) -> Self {
        Self { number_of_elements: content.len(), content }
    }
}

/// A session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOut<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) session_id: &'a str,
    pub(crate) created_at: i64,
    pub(crate) recording: bool,
    pub(crate) broadcasting: bool,
    #[serde(flatten)]
    pub(crate) properties: &'a SessionProperties,
    pub(crate) connections: List<ConnectionOut<'a>>,
}

/// What the application has set about a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionProperties {
    pub(crate) media_mode: String,
    pub(crate) recording_mode: String,
    pub(crate) custom_session_id: String,
    pub(crate) forced_video_codec: String,
    pub(crate) allow_transcoding: bool,
    pub(crate) default_recording_properties: BTreeMap<String, Value>,
}

/// A connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionOut<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) object: &'static str,
    pub(crate) status: &'static str,
    pub(crate) connection_id: Cow<'a, str>,
    pub(crate) session_id: Cow<'a, str>,
    pub(crate) created_at: i64,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) record: bool,
    pub(crate) role: Role,
    pub(crate) server_data: Cow<'a, str>,
    pub(crate) token: Option<String>,
    pub(crate) kurento_options: Option<Value>,
    pub(crate) custom_ice_servers: Vec<Value>,
    pub(crate) rtsp_uri: Option<Value>,
    pub(crate) adaptative_bitrate: Option<bool>,
    pub(crate) only_play_with_subscribers: Option<bool>,
    pub(crate) network_cache: Option<u32>,
    pub(crate) active_at: Option<i64>,
    pub(crate) location: Option<&'static str>,
    pub(crate) ip: Option<Cow<'a, str>>,
    pub(crate) platform: Option<Cow<'a, str>>,
    pub(crate) client_data: Option<Cow<'a, str>>,
    pub(crate) publishers: Option<[Value; 0]>,
    pub(crate) subscribers: Option<[Value; 0]>,
}

/// The answer to the deprecated `POST /tokens`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenOut<'a> {
    pub(crate) id: &'a str,
    pub(crate) token: &'a str,
    pub(crate) connection_id: &'a str,
    pub(crate) created_at: i64,
    pub(crate) session: &'a str,
    pub(crate) data: &'a str,
    pub(crate) role: Role,
}

/// `GET /config`: what clients and tools look at.
#[derive(Serialize)]
pub(crate) struct ConfigOut<'a> {
    #[serde(rename = "VERSION")]
    pub(crate) version: &'a str,
    #[serde(rename = "DOMAIN_OR_PUBLIC_IP")]
    pub(crate) domain: &'a str,
    #[serde(rename = "OPENVIDU_PUBLICURL")]
    pub(crate) public_url: &'a str,
    #[serde(rename = "OPENVIDU_CDR")]
    pub(crate) cdr: bool,
    #[serde(rename = "OPENVIDU_RECORDING")]
    pub(crate) recording: bool,
    #[serde(rename = "OPENVIDU_WEBHOOK")]
    pub(crate) webhook: bool,
    #[serde(rename = "OPENVIDU_SESSIONS_GARBAGE_INTERVAL")]
    pub(crate) garbage_interval_s: u64,
    #[serde(rename = "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD")]
    pub(crate) garbage_threshold_s: u64,
}

/// An error with a body.
#[derive(Serialize)]
pub(crate) struct ProblemOut<'a> {
    pub(crate) timestamp: i64,
    pub(crate) status: u16,
    pub(crate) error: &'a str,
    pub(crate) message: &'a str,
    pub(crate) path: &'a str,
}

// Our own addition: the drop-in script changes its token for a native one.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeIn<'a> {
    #[serde(borrow)]
    pub(crate) token: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) client_data: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeOut<'a> {
    pub(crate) token: &'a str,
    pub(crate) room: &'a str,
    pub(crate) session: &'a str,
    pub(crate) connection_id: &'a str,
    pub(crate) connection: uuid::Uuid,
    pub(crate) role: Role,
    pub(crate) server_data: &'a str,
    /// The type under which messages of other dialects come.
    pub(crate) chat_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay_history: Option<usize>,
}
