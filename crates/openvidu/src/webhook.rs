//! What happens in sessions, as the vendor's webhooks tell it (since its version 2.17). Rendered here; delivered elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use sidetalk_core::event::{Event, Happening, LeaveReason, Moment, Sight, Sitting};
use sidetalk_core::model::{Audience, Presence, Sender, SignalType, Timestamp};

use crate::ids::name_of;
use crate::to_wire::{data_of, name_of_sender, reason_name, text_of};
use crate::wire::webhook::{Hook, Person, SignalSent, Span, What};

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
        Sight::Ended { reason } => {
            let reason = match reason {
                LeaveReason::Ended | LeaveReason::RoomDeleted | LeaveReason::Draining => reason_name(reason),
                _ => "lastParticipantLeft",
            };
            body("sessionDestroyed", What::Span(span(began, at, reason)))
        }
        Sight::Came(presence) => body("participantJoined", What::Person(person(presence, None))),
        Sight::Went { presence, reason } => {
            let span = span(presence.joined_at.as_millis(), at, reason_name(reason));
            body("participantLeft", What::Person(person(presence, Some(span))))
        }
        Sight::Happened { happening, roster } => {
            let (from, kind, data, to) = said(happening)?;
            let receives = |presence: &&Arc<Presence>| {
                let identity = &presence.identity;
                let id = Some(presence.connection);
                sidetalk_core::access::is_addressed(&identity.user, &identity.groups, id, to)
            };
            let to = roster.iter().filter(receives).map(|presence| name_of(presence)).collect();
            let from_id = name_of_sender(from);
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

type Said<'a> = (&'a Sender, Option<&'a SignalType>, Option<Cow<'a, str>>, &'a Audience);

/// Who said what to whom, if it was a signal or is one here.
fn said<'a>(happening: Happening<'a>) -> Option<Said<'a>> {
    match happening {
        Happening::Moment { moment: Moment::Signalled { from, signal }, .. } => {
            Some((from, signal.kind.as_ref(), data_of(signal), &signal.to))
        }
        Happening::Entry { entry, .. } => match &entry.event {
            Event::MessagePosted(message) => {
                Some((&message.sender, message.label.as_ref(), text_of(&message.parts), &message.audience))
            }
            _ => None,
        },
        _ => None,
    }
}

fn span(began: i64, at: Timestamp, reason: &'static str) -> Span {
    Span { start_time: began, duration: at.as_millis().saturating_sub(began).div_euclid(1_000), reason }
}

fn person(presence: &Presence, span: Option<Span>) -> Person<'_> {
    let id = name_of(presence);
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
