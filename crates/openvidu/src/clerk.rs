//! Follows the lives of rooms and brings the book up to date: who has left is forgotten, and with the last one the session.

use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::event::{LeaveReason, Sight, Sitting};
use sidetalk_core::model::{Presence, RoomKey};
use sidetalk_core::ports::Witness;
use sidetalk_core::refusal::Failure;
use sidetalk_edge::close::{Close, Code};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::DIALECT;
use crate::book::SessionKey;
use crate::ids;
use crate::state::OpenViduState;

/// How long a client that is out may take to close its socket.
const FAREWELL: Duration = Duration::from_secs(10);

/// Something that the clerk must look after.
#[derive(Debug)]
pub(crate) enum Note {
    /// A connection of this dialect is in.
    Came { room: RoomKey, presence: Arc<Presence> },
    /// A connection of this dialect is out.
    Went { room: RoomKey, presence: Arc<Presence>, reason: LeaveReason },
    /// The last one is out.
    Ended { room: RoomKey },
}

/// Passes on what is seen; there is at most one note per connection, and one per sitting.
pub(crate) struct Reporter(pub(crate) UnboundedSender<Note>);

impl Witness for Reporter {
    fn saw(&self, room: &RoomKey, _: Sitting, sight: Sight<'_>) {
        let note = match sight {
            Sight::Came(presence) if presence.dialect == DIALECT => {
                Note::Came { room: room.clone(), presence: Arc::clone(presence) }
            }
            Sight::Went { presence, reason } if presence.dialect == DIALECT => {
                Note::Went { room: room.clone(), presence: Arc::clone(presence), reason }
            }
            Sight::Ended { .. } => Note::Ended { room: room.clone() },
            _ => return,
        };
        // Without a clerk the process ends, and the book is as it shall be found.
        let _ = self.0.send(note);
    }
}

/// Works off notes until the process ends.
pub(crate) async fn run(state: OpenViduState, mut notes: UnboundedReceiver<Note>) {
    while let Some(note) = notes.recv().await {
        let done = match note {
            Note::Came { room, presence } => came(&state, room, &presence).await,
            Note::Went { room, presence, reason } => went(&state, room, &presence, reason).await,
            Note::Ended { room } => state.end_if_empty(&key_of(room)).await,
        };
        if let Err(failure) = done {
            tracing::warn!(error = ?failure, "what is kept of a session could not be brought up to date");
        }
    }
}

async fn came(state: &OpenViduState, room: RoomKey, presence: &Presence) -> Result<(), Failure> {
    let (key, user) = (key_of(room), &presence.identity.user);
    let turn = state.book.lock(&key).await;
    if state.is_passed_on(&key, user).await? {
        return state.end_page(&key, user).await;
    }
    drop(turn);
    state.note_use(&key, presence.connection).await
}

async fn went(
    state: &OpenViduState,
    room: RoomKey,
    presence: &Presence,
    reason: LeaveReason,
) -> Result<(), Failure> {
    let (key, connection, user) = (key_of(room), presence.connection, &presence.identity.user);
    // Whoever is just coming in has the turn until all of it is noted.
    let _turn = state.book.lock(&key).await;
    // Who has no stay is on a page.
    if is_put_out(reason)
        && state.stays.get(&key, connection).is_none_or(|stay| stay.link.identity().user != *user)
        && let Err(failure) = state.keep_out(&key, user).await
    {
        tracing::warn!(error = ?failure, "somebody who was put out could not be banned");
    }
    // The same name may have come again meanwhile.
    if state.is_here(&key, connection) {
        return Ok(());
    }
    if let Some(stay) = state.stays.remove(&key, connection) {
        state.service.hub().disconnect(&stay.link);
        if let Some(outbox) = stay.berth.give_up() {
            tokio::spawn(async move {
                tokio::time::sleep(FAREWELL).await;
                outbox.close_with(&Close::new(Code::Normal, "the session is over"));
            });
        }
    }
    state.book.remove_used_connection(&key, &ids::name_of(presence), user).await
}

/// Whether whoever is gone for that reason must not come again by the token that it has.
fn is_put_out(reason: LeaveReason) -> bool {
    matches!(reason, LeaveReason::Kicked | LeaveReason::Removed | LeaveReason::Ended)
}

fn key_of(room: RoomKey) -> SessionKey {
    SessionKey { project: room.project, session: room.name }
}

/// What reports to the clerk.
pub(crate) fn reporter(notes: UnboundedSender<Note>) -> Arc<dyn Witness> {
    Arc::new(Reporter(notes))
}
