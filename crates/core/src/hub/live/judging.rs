//! Judging anew what was judged when it began: seats whose token has changed, and a replica that was changed past the log.

use std::sync::Arc;

use crate::event::LeaveReason;
use crate::hub::Seat;
use crate::model::Timestamp;
use crate::room::{Room, Standing};
use crate::roster::Roster;

use super::LiveRoom;

/// Lets a seat be what its owner is in the room now.
pub(super) fn stand(roster: &mut Roster, seat: &Seat, standing: Standing) {
    roster.set_role(seat.link().id(), standing.role);
    seat.set_groups(standing.groups);
}

impl LiveRoom {
    /// Gives a seat what its link's token says now, or puts it out if that lets nobody in. Says whether it stays.
    pub(crate) fn rejudge(self: &Arc<Self>, seat: &Arc<Seat>, now: Timestamp) -> bool {
        self.change(|inner| {
            if !inner.holds(seat) {
                return false;
            }
            let link = seat.link();
            let room = inner.room.as_ref().filter(|_| link.opens(&self.key.name));
            match room.and_then(|room| room.admit(now, &link.principal()).ok()) {
                Some(standing) => {
                    stand(&mut inner.roster, seat, standing);
                    true
                }
                None => {
                    self.put_out(inner, link.id(), LeaveReason::Removed, true);
                    false
                }
            }
        })
    }

    /// Takes over who the members are, where the store says so without an entry. Entries that come later are applied to it.
    pub(crate) fn take_members(&self, stored: &Room) {
        let mut inner = self.inner.lock();
        if let Some(room) = inner.room.as_mut().filter(|room| room.epoch == stored.epoch) {
            Arc::make_mut(room).members = stored.members.clone();
        }
    }
}
