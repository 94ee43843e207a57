//! Follows the lives of rooms: whoever was put out does not come again by the native token, whoever did it and by whatever
//! dialect.

use std::sync::Arc;

use sidetalk_core::event::{LeaveReason, Sight, Sitting};
use sidetalk_core::model::{Presence, RoomKey};
use sidetalk_core::ports::Witness;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::DIALECT;
use crate::state::OpenTokState;

/// Somebody of this dialect who was put out.
struct PutOut {
    room: RoomKey,
    presence: Arc<Presence>,
}

/// The clerk, who begins before the service: its witness must be in the service's list from the beginning.
pub struct Clerk {
    notes: UnboundedSender<PutOut>,
    unread: UnboundedReceiver<PutOut>,
}

impl Default for Clerk {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "at most one note per connection there is")]
        let (notes, unread) = unbounded_channel();
        Self { notes, unread }
    }
}

impl Clerk {
    /// The witness, for the service's list of witnesses.
    #[must_use]
    pub fn witness(&self) -> Arc<dyn Witness> {
        Arc::new(Reporter(self.notes.clone()))
    }

    /// Works off what the witness sees, until the process ends.
    pub async fn run(mut self, state: OpenTokState) {
        while let Some(PutOut { room, presence }) = self.unread.recv().await {
            if let Err(failure) = state.keep_out(&room, &presence.identity.user).await {
                tracing::warn!(error = ?failure, "somebody who was put out could not be banned");
            }
        }
    }
}

/// Passes on what is seen; there is at most one note per connection.
struct Reporter(UnboundedSender<PutOut>);

impl Witness for Reporter {
    fn saw(&self, room: &RoomKey, _: Sitting, sight: Sight<'_>) {
        if let Sight::Went { presence, reason } = sight
            && presence.dialect == DIALECT
            && is_put_out(reason)
        {
            // Without a clerk the process ends.
            let _ = self.0.send(PutOut { room: room.clone(), presence: Arc::clone(presence) });
        }
    }
}

/// Whether whoever is gone for that reason must not come again by the token that it has. A ban says so itself.
fn is_put_out(reason: LeaveReason) -> bool {
    matches!(reason, LeaveReason::Kicked | LeaveReason::Removed | LeaveReason::Ended)
}
