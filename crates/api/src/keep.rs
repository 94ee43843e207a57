//! Connections that are kept for a while when their socket breaks, for clients that ask for it: the same connection goes on
//! over another socket, nobody hears of it, and what happened meanwhile is delivered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{ProjectId, UserId};
use sidetalk_edge::berth::Berth;

use crate::state::ApiState;

/// The longest that a client may ask for.
pub(crate) const KEEP_MAX: Duration = Duration::from_secs(30);

/// The rooms that a connection is in.
pub(crate) type Seats = Arc<Mutex<Vec<Arc<Seat>>>>;

/// A connection that outlives its socket.
pub(crate) struct Kept {
    /// What a client proves by that it is the same one.
    pub(crate) secret: String,
    pub(crate) link: Arc<Link>,
    pub(crate) berth: Arc<Berth>,
    pub(crate) seats: Seats,
    keep: Duration,
}

impl Kept {
    pub(crate) fn new(
        secret: String,
        link: Arc<Link>,
        berth: Arc<Berth>,
        seats: Seats,
        keep: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { secret, link, berth, seats, keep: keep.min(KEEP_MAX) })
    }
}

/// All of them, by their secrets.
#[derive(Default)]
pub(crate) struct KeptConnections(Mutex<HashMap<String, Arc<Kept>>>);

impl KeptConnections {
    pub(crate) fn add(&self, kept: &Arc<Kept>) {
        self.0.lock().insert(kept.secret.clone(), Arc::clone(kept));
    }

    /// The connection of that secret, if it is that user's.
    pub(crate) fn find(&self, secret: &str, project: ProjectId, user: &UserId) -> Option<Arc<Kept>> {
        let kept = self.0.lock().get(secret).cloned()?;
        (kept.link.project() == project && kept.link.identity().user == *user).then_some(kept)
    }

    fn remove(&self, kept: &Kept) {
        self.0.lock().remove(&kept.secret);
    }
}

impl ApiState {
    /// The connection's token is another now: its places in rooms follow it.
    pub(crate) fn judge_anew(&self, seats: &Seats) {
        // A copy, for rooms are locked meanwhile.
        let held = seats.lock().clone();
        for seat in &held {
            self.service.rejudge(seat);
        }
        seats.lock().retain(|seat| seat.is_in());
    }

    /// The connection is over.
    pub(crate) fn end_kept(&self, kept: &Kept, reason: LeaveReason) {
        self.kept.remove(kept);
        kept.berth.give_up();
        let seats = std::mem::take(&mut *kept.seats.lock());
        self.service.disconnect(&kept.link, seats, reason);
    }

    /// The socket is gone; the connection waits for another.
    pub(crate) fn wait_for(&self, kept: Arc<Kept>) {
        let (api, is_lost) = (self.clone(), kept.berth.absence(kept.keep));
        tokio::spawn(async move {
            if is_lost.await {
                api.end_kept(&kept, LeaveReason::Lost);
            }
        });
    }
}
