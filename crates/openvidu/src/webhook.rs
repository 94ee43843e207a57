//! What happens in sessions, as the vendor's webhooks tell it (since its version 2.17). Rendered here; delivered elsewhere.

use serde::Serialize;
use sidetalk_core::event::{Event, Happening, LeaveReason, Moment, Sight, Sitting};
use sidetalk_core::model::{Audience, Part, Presence, Sender, SignalData, SignalType, Timestamp};

use crate::ids::minted_name;
use crate::to_wire::reason_name;

/// A webhook's body; `None` if the vendor has no event for this. `session` is the session's name, `at` the time of the event.
#[must_use]
pub fn render(session: &str, sitting: Sitting, at: Timestamp, sight: Sight<'_>) -> Option<String> {
    let began = sitting.began_at.as_millis();
    let body = |event, what| {
        let unique = format!("{session}_{began}");
        let shape =
            Hook { session_id: session, unique_session_id: unique, timestamp: at.as_millis(), event, what };
        serde_json::to_string(&shape).expect("a webhook is JSON")
    };
    Some(match sight {
        Sight::Began => body("sessionCreated", What::Nothing {}),
        Sight::Ended { reason } => body("sessionDestroyed", What::Span(span(began, at, reason))),
        Sight::Came(presence) => body("participantJoined", What::Person(person(presence, None))),
        Sight::Went { presence, reason } => {
            let span = span(presence.joined_at.as_millis(), at, reason);
            body("participantLeft", What::Person(person(presence, Some(span))))
        }
        Sight::Happened { happening, roster } => {
            let (from, kind, data, to) = said(happening)?;
            let receives = |presence: &&std::sync::Arc<Presence>| {
                let identity = &presence.identity;
                let id = Some(presence.connection);
                sidetalk_core::access::is_addressed(&identity.user, &identity.groups, id, to)
            };
            let to =
                roster.iter().filter(receives).map(|presence| minted_name(presence.connection)).collect();
            let from_id = from.connection.map(minted_name);
            // The original keeps the prefix of what its server sends.
            let kind = match (&from_id, kind) {
                (_, None) => None,
                (Some(_), Some(kind)) => Some(kind.to_string()),
                (None, Some(kind)) => Some(format!("signal:{kind}")),
            };
            body("signalSent", What::Signal(SignalSent { from: from_id, to, kind, data }))
        }
    })
}

/// Who said what to whom, if it was a signal or is one here.
fn said<'a>(happening: Happening<'a>) -> Option<(&'a Sender, Option<&'a SignalType>, String, &'a Audience)> {
    match happening {
        Happening::Moment { moment: Moment::Signalled { from, signal }, .. } => {
            let (SignalData::Text(data) | SignalData::Json(data)) = &signal.data;
            Some((from, signal.kind.as_ref(), data.to_string(), &signal.to))
        }
        Happening::Entry { entry, .. } => match &entry.event {
            Event::MessagePosted(message) => {
                let data = match &*message.parts {
                    [Part::Custom(json)] => json.to_string(),
                    _ => message.text(),
                };
                Some((&message.sender, message.label.as_ref(), data, &message.audience))
            }
            _ => None,
        },
        _ => None,
    }
}

fn span(began: i64, at: Timestamp, reason: LeaveReason) -> Span {
    Span {
        start_time: began,
        duration: at.as_millis().saturating_sub(began).div_euclid(1_000),
        reason: reason_name(reason),
    }
}

fn person(presence: &Presence, span: Option<Span>) -> Person<'_> {
    let id = minted_name(presence.connection);
    Person {
        participant_id: id.clone(),
        connection_id: id,
        location: "unknown",
        platform: presence.dialect.as_str(),
        client_data: &presence.client_data,
        server_data: &presence.identity.data,
        span,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hook<'a> {
    session_id: &'a str,
    unique_session_id: String,
    timestamp: i64,
    #[serde(flatten)]
    what: What<'a>,
    event: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Nothing {},
    Span(Span),
    Person(Person<'a>),
    Signal(SignalSent),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    start_time: i64,
    /// Seconds.
    duration: i64,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    participant_id: String,
    connection_id: String,
    location: &'static str,
    platform: &'a str,
    client_data: &'a str,
    server_data: &'a str,
    #[serde(flatten)]
    span: Option<Span>,
}

#[derive(Serialize)]
struct SignalSent {
    from: Option<String>,
    to: Vec<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    data: String,
}
