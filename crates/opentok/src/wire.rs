//! The shapes on the wire, as the vendor's server clients send and read them. Nothing else in this crate knows a field's
//! name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use uuid::Uuid;

// Tokens.

/// The header in which servers bring a token that is signed with the project's secret.
pub(crate) const AUTH_HEADER: &str = "x-opentok-auth";

/// What the claim `ist` says of a server's token.
pub(crate) const PROJECT_LEVEL: &str = "project";

/// The scope of a token that lets a person connect.
pub(crate) const CONNECT_SCOPE: &str = "session.connect";

/// The first form of tokens for people begins so.
pub(crate) const T1_PREFIX: &str = "T1==";

/// The claims of both kinds of tokens that are JWTs. Which are there differs by client and version.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: Option<TextOrNumber>,
    pub(crate) ist: Option<String>,
    pub(crate) application_id: Option<String>,
    pub(crate) iat: Option<Number>,
    pub(crate) nbf: Option<Number>,
    pub(crate) exp: Option<Number>,
    // Of people only.
    pub(crate) session_id: Option<String>,
    pub(crate) create_time: Option<Number>,
    pub(crate) expire_time: Option<Number>,
    pub(crate) role: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) connection_data: Option<String>,
    // Of people, in some forms; a server's token that has one of them is none.
    pub(crate) sub: Option<Value>,
    pub(crate) subject: Option<Value>,
    /// What a token of our own has instead.
    pub(crate) room: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum TextOrNumber {
    Text(String),
    Number(u64),
}

impl TextOrNumber {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// The fields of the first form's head.
pub(crate) const T1_PARTNER: &str = "partner_id";
pub(crate) const T1_SIGNATURE: &str = "sig";

/// The fields of the first form's payload that mean something to us, in any order.
#[derive(Default)]
pub(crate) struct T1Payload {
    pub(crate) session_id: Option<String>,
    pub(crate) create_time: Option<String>,
    pub(crate) expire_time: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) connection_data: Option<String>,
}

impl T1Payload {
    /// Where the value of that field belongs.
    pub(crate) fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "session_id" => &mut self.session_id,
            "create_time" => &mut self.create_time,
            "expire_time" => &mut self.expire_time,
            "role" => &mut self.role,
            "scope" => &mut self.scope,
            "connection_data" => &mut self.connection_data,
            _ => return None,
        })
    }
}

// Sessions.

/// The one field of a new session that means something without media.
pub(crate) const LOCATION: &str = "location";

/// Ours: the name of the room that the session shall lie over.
pub(crate) const ROOM: &str = "room";

/// What some clients say when they know of no location.
pub(crate) const NO_LOCATION: &str = "null";

/// A new session; the answer is an array of one.
#[derive(Serialize)]
pub(crate) struct SessionOut<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) project_id: &'a str,
    pub(crate) partner_id: &'a str,
    pub(crate) create_dt: &'a str,
    pub(crate) media_server_url: &'static str,
}

impl SessionOut<'_> {
    /// The form for those who do not ask for JSON. Nothing in it needs to be escaped.
    pub(crate) fn xml(&self) -> String {
        let Self { session_id, partner_id, create_dt, .. } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><sessions><Session><session_id>{session_id}\
             </session_id><partner_id>{partner_id}</partner_id><create_dt>{create_dt}</create_dt></Session></sessions>"
        )
    }
}

// Signals.

/// A signal of an application's server. `null` is as good as absent.
#[derive(Deserialize)]
pub(crate) struct SignalIn<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) data: Option<Value>,
}

// Connections.

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionsOut<'a> {
    pub(crate) count: usize,
    pub(crate) project_id: &'a str,
    pub(crate) session_id: &'a str,
    pub(crate) items: Vec<ConnectionOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionOut {
    pub(crate) connection_id: Uuid,
    pub(crate) connection_state: &'static str,
    /// Milliseconds since 1970, as a text.
    pub(crate) created_at: String,
}

// Media, of which there is none.

#[derive(Serialize)]
pub(crate) struct StreamsOut {
    pub(crate) count: usize,
    pub(crate) items: [Value; 0],
}

/// The answer to everything that mutes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectOut<'a> {
    pub(crate) id: &'a str,
    /// Not told.
    pub(crate) secret: Option<&'static str>,
    pub(crate) status: &'static str,
    pub(crate) name: &'a str,
    pub(crate) environment: &'static str,
    pub(crate) created_at: i64,
}

// Errors.

#[derive(Serialize)]
pub(crate) struct ErrorOut<'a> {
    pub(crate) code: i32,
    pub(crate) message: &'a str,
    pub(crate) description: &'a str,
}

/// The form of before there was JSON.
pub(crate) fn error_xml(code: i32, message: &str) -> String {
    let mut safe = String::with_capacity(message.len());
    for char in message.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(char),
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><error code=\"{code}\"><errorMessage \
         message=\"{safe}\"/></error>"
    )
}

// Our own addition: the drop-in script changes the vendor's token for a native one.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeIn {
    pub(crate) api_key: TextOrNumber,
    pub(crate) session_id: String,
    pub(crate) token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeOut<'a> {
    pub(crate) token: &'a str,
    pub(crate) room: &'a str,
    pub(crate) connection: Uuid,
    pub(crate) role: Role,
    pub(crate) data: &'a str,
    pub(crate) capabilities: Capabilities,
    pub(crate) data_bytes_max: usize,
    pub(crate) type_bytes_max: usize,
    pub(crate) replay_history: usize,
    /// Signals of these types to everybody are messages of the log.
    pub(crate) chat_types: Vec<&'a str>,
    pub(crate) rates: Rates,
}

/// How quickly a page may send and is surely not refused.
#[derive(Serialize)]
pub(crate) struct Rates {
    /// Signals of a chat type to everybody: they count as messages.
    pub(crate) chat: Pace,
    pub(crate) signals: Pace,
    /// Whatever a page asks the server for.
    pub(crate) requests: Pace,
}

/// So many at once, and then so many per second.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Pace(pub(crate) u32, pub(crate) f64);

/// What a person may do in the vendor's words: 1 or 0.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Capabilities {
    pub(crate) force_disconnect: u8,
    pub(crate) force_unpublish: u8,
    pub(crate) force_mute: u8,
    pub(crate) publish: u8,
    pub(crate) subscribe: u8,
}

/// The refusal, as the page gets it from the vendor's own `connect`.
#[derive(Serialize)]
pub(crate) struct ConnectErrorOut<'a> {
    pub(crate) code: u16,
    pub(crate) name: &'static str,
    pub(crate) message: &'a str,
}

/// What a token makes of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Subscriber,
    #[default]
    Publisher,
    PublisherOnly,
    Moderator,
}

impl Role {
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(match name {
            "subscriber" => Self::Subscriber,
            "publisher" => Self::Publisher,
            "publisheronly" => Self::PublisherOnly,
            "moderator" => Self::Moderator,
            _ => return None,
        })
    }

    pub(crate) fn capabilities(self) -> Capabilities {
        let moderates = u8::from(self == Self::Moderator);
        Capabilities {
            force_disconnect: moderates,
            force_unpublish: moderates,
            force_mute: moderates,
            publish: u8::from(self != Self::Subscriber),
            subscribe: u8::from(self != Self::PublisherOnly),
        }
    }
}

// Session monitoring.

/// What is told of a session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) project_id: String,
    pub(crate) event: &'static str,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<ToldConnection<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldConnection<'a> {
    pub(crate) id: Uuid,
    pub(crate) created_at: i64,
    pub(crate) data: &'a str,
}
