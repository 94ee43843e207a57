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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use sidetalk_core::model::{ConnectionId, Identity, Role, UserId};
    use sidetalk_testkit::fixed::START;
    use uuid::Uuid;

    use super::*;

    const SESSION: &str = "1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4";

    fn presence() -> Arc<Presence> {
        Arc::new(Presence {
            connection: ConnectionId::from_uuid(Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef)),
            identity: Arc::new(Identity {
                user: UserId::new("ot-1").expect("a valid id"),
                name: "Alice".into(),
                avatar: None,
                role: Role::Member,
                groups: Arc::default(),
                data: "{\"name\":\"Alice\"}".into(),
                rooms: None,
                issued_at: None,
                expires_at: None,
            }),
            role: Role::Member,
            dialect: crate::DIALECT,
            client_data: "".into(),
            joined_at: START,
        })
    }

    #[test]
    fn a_session_is_told_of_as_the_vendor_does() {
        let (presence, later) = (presence(), START.plus(std::time::Duration::from_secs(60)));
        let sights = [
            (START, Sight::Began),
            (START, Sight::Came(&presence)),
            (later, Sight::Went { presence: &presence, reason: LeaveReason::Lost }),
            (later, Sight::Went { presence: &presence, reason: LeaveReason::Removed }),
            (later, Sight::Went { presence: &presence, reason: LeaveReason::Left }),
            (later, Sight::Ended { reason: LeaveReason::Left }),
        ];
        let sitting = Sitting { began_at: START };
        let told = sights.map(|(at, sight)| render(SESSION, sitting, at, sight).expect("an event") + "\n");
        expect![[r#"
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"sessionCreated","timestamp":1795253400000}
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"connectionCreated","timestamp":1795253400000,"connection":{"id":"12345678-9abc-4def-8123-456789abcdef","createdAt":1795253400000,"data":"{\"name\":\"Alice\"}"}}
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"connectionDestroyed","timestamp":1795253460000,"reason":"networkDisconnected","connection":{"id":"12345678-9abc-4def-8123-456789abcdef","createdAt":1795253400000,"data":"{\"name\":\"Alice\"}"}}
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"connectionDestroyed","timestamp":1795253460000,"reason":"forceDisconnected","connection":{"id":"12345678-9abc-4def-8123-456789abcdef","createdAt":1795253400000,"data":"{\"name\":\"Alice\"}"}}
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"connectionDestroyed","timestamp":1795253460000,"reason":"clientDisconnected","connection":{"id":"12345678-9abc-4def-8123-456789abcdef","createdAt":1795253400000,"data":"{\"name\":\"Alice\"}"}}
            {"sessionId":"1_MX4xMDAwMDF-fjE3OTUyNTM0MDAwMDB-eH4","projectId":"100001","event":"sessionDestroyed","timestamp":1795253460000}
        "#]].assert_eq(&told.concat());
        assert_eq!(render("lobby", sitting, START, Sight::Began), None);
    }
}
