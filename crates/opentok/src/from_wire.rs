//! The bodies of requests, with their checks.

use std::net::Ipv4Addr;

use serde_json::Value;
use sidetalk_core::model::{RoomName, SignalData, SignalType};

use crate::settings::OpenTokSettings;
use crate::wire::{LOCATION, NO_LOCATION, ROOM, SignalIn};

/// The body of a request is not as it must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum BadBody {
    /// A field is missing or wrong.
    Field(String),
    /// The signal's data or type is missing or wrong.
    Payload(String),
    /// The signal is too large.
    TooLarge(String),
}

/// What is wanted of a new session; all else that is said of one is about media.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionWish {
    pub(crate) location: Option<Ipv4Addr>,
    /// The room that it shall lie over.
    pub(crate) room: Option<RoomName>,
}

pub(crate) fn session(body: &[u8]) -> Result<SessionWish, BadBody> {
    let field = |wanted: &str| form_urlencoded::parse(body).find(|(name, _)| name == wanted);
    let wrong = |name: &str, what: &str| BadBody::Field(format!("{name} must be {what}"));
    let location = match field(LOCATION) {
        None => None,
        Some((_, location)) if location.is_empty() || location == NO_LOCATION => None,
        Some((_, location)) => Some(location.parse().map_err(|_| wrong(LOCATION, "an IPv4 address"))?),
    };
    let room = match field(ROOM) {
        None => None,
        Some((_, name)) => Some(RoomName::new(&name).map_err(|_| wrong(ROOM, "the name of a room"))?),
    };
    Ok(SessionWish { location, room })
}

/// A signal without its audience.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignalWish {
    pub(crate) kind: Option<SignalType>,
    pub(crate) data: SignalData,
}

pub(crate) fn signal(body: &[u8], settings: &OpenTokSettings) -> Result<SignalWish, BadBody> {
    let signal: SignalIn<'_> = serde_json::from_slice(body).map_err(|error| {
        // Without the place in a text that the reader does not see.
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        BadBody::Payload(format!(
            "the body must be a JSON object like {{\"type\":\"chat\",\"data\":\"Hello\"}}: {text}"
        ))
    })?;
    let data = match signal.data {
        Some(Value::String(data)) => data,
        None | Some(Value::Null) => {
            return Err(BadBody::Payload("Signal payload 'data' must be set".to_owned()));
        }
        Some(_) => return Err(BadBody::Payload("Signal payload 'data' must be a string".to_owned())),
    };
    if data.len() > settings.data_bytes_max {
        let max = settings.data_bytes_max;
        return Err(BadBody::TooLarge(format!("Signal payload 'data' is larger than {max} bytes")));
    }
    let kind = match signal.kind.as_deref() {
        None | Some("") => None,
        Some(kind) if kind.len() > settings.type_bytes_max.min(SignalType::BYTES_MAX) => {
            let max = settings.type_bytes_max.min(SignalType::BYTES_MAX);
            return Err(BadBody::TooLarge(format!("Signal payload 'type' is larger than {max} bytes")));
        }
        Some(kind) => Some(
            SignalType::new(kind)
                .map_err(|problem| BadBody::Payload(format!("Signal payload 'type' {problem}")))?,
        ),
    };
    Ok(SignalWish { kind, data: SignalData::Text(data.into()) })
}

/// What a text says as a body, for the fuzzer.
pub fn understood(body: &[u8]) -> String {
    let wish = signal(body, &OpenTokSettings::default());
    if let Ok(SignalWish { data: SignalData::Text(data) | SignalData::Json(data), .. }) = &wish {
        assert!(data.len() <= OpenTokSettings::default().data_bytes_max, "more than fits was let through");
    }
    format!("{:?} {wish:?}", session(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_location_and_room_of_a_new_session_are_looked_at() {
        let over = |body: &str| session(body.as_bytes()).map(|wish| wish.room.map(|room| room.to_string()));
        assert_eq!(
            over("p2p.preference=enabled&room=the+hall&location=null"),
            Ok(Some("the hall".to_owned()))
        );
        assert_eq!(over("archiveMode=manual"), Ok(None));
        assert!(over("room=").is_err());
        let at = |body: &str| session(body.as_bytes()).map(|wish| wish.location);
        assert_eq!(at(""), Ok(None));
        assert_eq!(at("archiveMode=manual&location=null&p2p.preference=disabled"), Ok(None));
        assert_eq!(at("p2p.preference=enabled&archiveMode=manual&e2ee=false&location="), Ok(None));
        assert_eq!(
            at("archiveMode=always&location=12.34.56.78&p2p.preference=always"),
            Ok(Some(Ipv4Addr::new(12, 34, 56, 78)))
        );
        assert_eq!(at("%ff=&&=&e2ee=perhaps"), Ok(None));
        for wrong in ["location=Berlin", "location=1.2.3.4~5", "location=::1", "location=1.2.3.4%00"] {
            assert!(matches!(at(wrong), Err(BadBody::Field(_))), "{wrong}");
        }
    }

    #[test]
    fn signals_are_read_as_every_client_sends_them() {
        let settings = OpenTokSettings::default();
        let read = |body: &str| {
            signal(body.as_bytes(), &settings).map(|wish| (wish.kind.map(|kind| kind.to_string()), wish.data))
        };
        let wish =
            |kind: Option<&str>, data: &str| Ok((kind.map(str::to_owned), SignalData::Text(data.into())));
        assert_eq!(read(r#"{"type":"chat","data":"Hello"}"#), wish(Some("chat"), "Hello"));
        assert_eq!(read(r#"{"data":""}"#), wish(None, ""));
        assert_eq!(read(r#"{"type":null,"data":"x","other":[1]}"#), wish(None, "x"));
        assert_eq!(read(r#"{"type":"","data":"x"}"#), wish(None, "x"));
        assert_eq!(read(r#"{"data":"\ud83d\ude00 \u0000"}"#), wish(None, "😀 \0"));
        assert_eq!(read(r#"{"type":"\u0061","data":"😀"}"#), wish(Some("a"), "😀"));
        for wrong in [
            "",
            "null",
            "[]",
            "5",
            "{",
            r#"{"type":"chat"}"#,
            r#"{"data":null}"#,
            r#"{"data":5}"#,
            r#"{"data":{}}"#,
            r#"{"data":"\ud800"}"#,
            r#"{"type":7,"data":"x"}"#,
            r#"{"type":"a\u0000","data":"x"}"#,
            r#"{"data":"a","data":"b"}"#,
        ] {
            assert!(matches!(read(wrong), Err(BadBody::Payload(_))), "{wrong}");
        }
        let of = |kind: usize, data: usize| {
            read(&format!(r#"{{"type":"{}","data":"{}"}}"#, "t".repeat(kind), "d".repeat(data))).is_ok()
        };
        assert!(of(128, 8_192));
        assert!(!of(129, 1) && !of(1, 8_193));
        assert!(read(&format!(r#"{{"data":"{}"}}"#, "é".repeat(4_096))).is_ok());
        assert!(read(&format!(r#"{{"data":"{}é"}}"#, "é".repeat(4_096))).is_err());
    }
}
