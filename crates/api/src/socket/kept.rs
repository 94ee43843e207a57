//! Connections that outlive their socket: how another socket goes on with one, and how a socket leaves one behind.

use std::sync::Arc;

use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::Actor;
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::socket::Ended;

use super::{Arrival, Known, NativeSession};
use crate::token::Verified;

impl NativeSession {
    /// Goes on with a connection that was kept, if it is this user's.
    pub(super) fn go_on(
        &mut self,
        id: Option<&str>,
        verified: &Verified,
        secret: &str,
        received: u64,
    ) -> bool {
        let Actor::User(identity) = &verified.actor else { return false };
        let Some(kept) = self.api.kept.find(secret, verified.project, &identity.user) else { return false };
        let arrival = Arrival::of(&kept.link, Some(&kept), true);
        let frame = self.connected_frame(id, verified, &arrival);
        // Until this goes well, nothing may be changed that the older socket lives by.
        let Ok(replaced) = kept.berth.board_after(&self.outbox, frame, received) else { return false };
        kept.link.refresh(Arc::clone(identity));
        self.api.judge_anew(&kept.seats);
        let (link, seats) = (Arc::clone(&kept.link), Arc::clone(&kept.seats));
        self.settle(verified, link, seats, Some(kept));
        if let Some(replaced) = replaced {
            replaced.close_with(&Close::new(Code::Normal, "the connection goes on over another socket"));
        }
        true
    }

    /// Ends the connection, or keeps it for another socket.
    pub(super) fn depart(&self, known: Known, ended: Ended, reason: LeaveReason) {
        self.api.expiries.forget(&known.watch);
        let Some(kept) = known.kept else {
            let seats = std::mem::take(&mut *known.seats.lock());
            return self.api.service.disconnect(&known.link, seats, reason);
        };
        let is_empty = kept.berth.leave(&self.outbox);
        if !is_empty && !kept.berth.is_over() {
            // Another socket has taken over; a join of this one may have been judged by the token before.
            return self.api.judge_anew(&kept.seats);
        }
        if is_empty && comes_back(ended) {
            self.api.wait_for(kept);
        } else {
            self.api.end_kept(&kept, reason);
        }
    }
}

/// Whether a client whose socket ended so may come back over another: not if it said goodbye, or was told to go.
fn comes_back(ended: Ended) -> bool {
    match ended {
        Ended::Lost => true,
        Ended::ByPeer { number } => !matches!(number, Some(1000 | 1001)),
        Ended::ByUs { number } => number == Code::PingTimeout.number(),
    }
}
