//! Signals of the application's server. `from` is nobody.

use super::*;

use sidetalk_core::model::{Audience, Signal};

use crate::from_wire;

/// Sends a signal to everybody in a session.
pub(super) async fn post_signal(State(state): State<OpenTokState>, place: Place, read: Read) -> Answered {
    let wish = from_wire::signal(&body(read)?, &state.settings)?;
    if state.presences(&place.room).is_empty() {
        return Err(Problem::nobody_there());
    }
    send(&state, &place, Signal { kind: wish.kind, data: wish.data, to: Audience::Room }).await
}

/// Sends a signal to one connection.
pub(super) async fn post_signal_to_one(
    State(state): State<OpenTokState>,
    place: Place,
    read: Read,
) -> Answered {
    let wish = from_wire::signal(&body(read)?, &state.settings)?;
    let connection = connections::connected(&state, &place)?;
    let to = Audience::connections([connection]);
    send(&state, &place, Signal { kind: wish.kind, data: wish.data, to }).await
}

async fn send(state: &OpenTokState, place: &Place, signal: Signal) -> Answered {
    state.service.signal(&state.server(place.room.project), &place.room.name, signal, None).await?;
    Ok(done())
}
