//! What happens in sessions, as the vendor's session monitoring tells it. Rendered here; delivered elsewhere. Signals are not
//! told of: the vendor has no event for them.

use sidetalk_core::event::{LeaveReason, Sight, Sitting};
use sidetalk_core::model::{Presence, Timestamp};

use crate::ids::project_of;
use crate::wire::{Told, ToldConnection};

/// A webhook's body; `None` if the room is no session of this dialect, or the vendor has no event for this. `session` is the
/// session's id, `at` the time of the event.
#[must_use]
pub fn render(session: &str, _: Sitting, at: Timestamp, sight: Sight<'_>) -> Option<String> {
    let (event, connection, reason) = match sight {
        Sight::Began => ("sessionCreated", None, None),
        Sight::Ended { .. } => ("sessionDestroyed", None, None),
        Sight::Came(presence) => ("connectionCreated", Some(told(presence)), None),
        Sight::Went { presence, reason } => {
            ("connectionDestroyed", Some(told(presence)), Some(reason_name(reason)))
        }
        Sight::Happened { .. } => return None,
    };
    let project_id = project_of(session)?.to_string();
    let told = Told { session_id: session, project_id, event, timestamp: at.as_millis(), reason, connection };
    Some(serde_json::to_string(&told).expect("a webhook is JSON"))
}

fn told(presence: &Presence) -> ToldConnection<'_> {
    ToldConnection {
        id: presence.connection.as_uuid(),
        created_at: presence.joined_at.as_millis(),
        data: &presence.identity.data,
    }
}

/// The vendor knows three.
fn reason_name(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "clientDisconnected",
        LeaveReason::Lost | LeaveReason::Draining | LeaveReason::Expired => "networkDisconnected",
        LeaveReason::Kicked
        | LeaveReason::Removed
        | LeaveReason::Ended
        | LeaveReason::Banned
        | LeaveReason::RoomDeleted => "forceDisconnected",
    }
}
