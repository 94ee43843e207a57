//! Judging anew what was judged when it began: seats whose token has changed, and a replica that was changed past the log.

use std::sync::Arc;

use crate::event::LeaveReason;
use crate::hub::Seat;
use crate::model::Timestamp;
use crate::ports::Store;
use crate::refusal::Failure;
use crate::room::{Room, Standing};

use super::{Inner, LiveRoom};

impl Inner {
    /// Lets a seat be what its owner is in the room from now on: by the token as it is now, and by the room.
    pub(super) fn stand(&mut self, seat: &Seat, standing: Standing) {
        let link = seat.link();
        self.roster.stand(link.id(), link.identity(), standing.role);
        seat.set_groups(standing.groups, self.next_index, self.settled);
    }
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
                    inner.stand(seat, standing);
                    true
                }
                None => {
                    self.put_out(inner, link.id(), LeaveReason::Removed, true);
                    false
                }
            }
        })
    }

    /// Reads anew who the members are: the store has changed them without an entry.
    pub(crate) async fn renew_members(&self, store: &dyn Store) -> Result<(), Failure> {
        // What is being loaded was perhaps read before the change.
        let _one_at_a_time = self.loading.lock().await;
        while self.is_loaded() {
            let Some(stored) = store.room(&self.key).await? else { break };
            if self.take_members(&stored) {
                break;
            }
        }
        Ok(())
    }

    /// Takes over the stored members; entries that come later are applied to them. Says no if entries have changed them here that
    /// the store did not have when it was read.
    fn take_members(&self, stored: &Room) -> bool {
        let mut inner = self.inner.lock();
        let known = inner.members_at;
        let Some(room) = inner.room.as_mut().filter(|room| room.epoch == stored.epoch) else { return true };
        if stored.head < known {
            return false;
        }
        Arc::make_mut(room).members = stored.members.clone();
        true
    }
}
