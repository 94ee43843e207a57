//! Following the log: the replica is loaded, takes hints of the store in without gaps, and has gaps repaired.

use std::sync::Arc;

use crate::event::{Entry, Event, Happening, LeaveReason, Sight};
use crate::model::Seq;
use crate::ports::{Committed, Replay, Store};
use crate::refusal::{Failure, Refusal};
use crate::room::member_changed;

use super::judging::stand;
use super::{Inner, LiveRoom};

/// How a hint of the store was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) enum Followed {
    /// As far as it is known.
    Well,
    /// Entries before it are missing: a repair must be started.
    WithGap,
    /// It is of another incarnation of the log.
    AnotherLog,
}

impl LiveRoom {
    /// Loads the replica from the store, once. Says whether a repair must be started.
    pub(in crate::hub) async fn load(self: &Arc<Self>, store: &dyn Store) -> Result<bool, Failure> {
        if self.is_loaded() {
            return Ok(false);
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.is_loaded() {
            return Ok(false);
        }
        let room = store.room(&self.key).await?.ok_or(Refusal::RoomGone)?;
        Ok(self.change(|inner| {
            inner.room = Some(room);
            let early = std::mem::take(&mut inner.early);
            // What came of another log came before this one began.
            early.iter().fold(false, |gap, committed| {
                gap | (self.take_committed(inner, committed) == Followed::WithGap)
            })
        }))
    }

    /// Takes a hint of the store in.
    pub(in crate::hub) fn committed(self: &Arc<Self>, committed: &Committed) -> Followed {
        self.change(|inner| {
            if inner.room.is_none() {
                inner.early.push(committed.clone());
                return Followed::Well;
            }
            self.take_committed(inner, committed)
        })
    }

    fn take_committed(&self, inner: &mut Inner, committed: &Committed) -> Followed {
        let Some(last) = committed.entries.last().map(|entry| entry.seq) else { return Followed::Well };
        if inner.room.as_ref().is_none_or(|room| room.epoch != committed.epoch) {
            return Followed::AnotherLog;
        }
        if let Some(known) = inner.repairing {
            inner.repairing = Some(known.max(last));
            return Followed::Well;
        }
        for entry in &committed.entries {
            if !self.take_entry(inner, entry) {
                inner.repairing = Some(last);
                return Followed::WithGap;
            }
        }
        Followed::Well
    }

    /// Takes the next entry in; a double is dropped; `false` if entries before it are missing.
    fn take_entry(&self, inner: &mut Inner, entry: &Arc<Entry>) -> bool {
        let Some(room) = inner.room.as_mut() else { return false };
        if entry.seq <= room.head {
            return true;
        }
        if entry.seq != room.head.next() {
            return false;
        }
        self.follow(inner, entry);
        true
    }

    /// Applies an entry that is the next, or the next that a repair found.
    fn follow(&self, inner: &mut Inner, entry: &Entry) {
        let Some(room) = inner.room.as_mut() else { return };
        Arc::make_mut(room).apply(entry);
        if member_changed(&entry.event).is_some() {
            inner.members_at = entry.seq;
        }
        let (room, epoch) = (room.clone(), room.epoch);
        let is_here = entry.by.connection.is_some_and(|id| inner.roster.get(id).is_some());
        let happening = Happening::Entry { room: &self.key, epoch, labels: &room.labels, entry, is_here };
        self.show(inner, Sight::Happened { happening, roster: &inner.roster });
        let removes = match &entry.event {
            Event::MemberKicked { user } => Some((user.clone(), LeaveReason::Kicked)),
            Event::MemberBanned { user, .. } => Some((user.clone(), LeaveReason::Banned)),
            Event::MemberLeft { user } => Some((user.clone(), LeaveReason::Left)),
            _ => None,
        };
        if let Event::GroupsSet { user, .. } | Event::RoleSet { user, .. } = &entry.event {
            for seat in inner.seats.iter().filter(|seat| seat.presence().identity.user == *user) {
                stand(&mut inner.roster, seat, room.standing_of(&seat.link().identity()));
            }
        }
        if let Some((user, _)) = &removes {
            inner
                .seats
                .iter()
                .filter(|seat| seat.presence().identity.user == *user)
                .for_each(|seat| seat.mark_out(inner.next_index + 1));
        }
        self.push(inner, &happening, &entry.audience, removes);
    }

    /// Where a repair must read on, while there is a gap.
    pub(in crate::hub) fn repair_from(&self) -> Option<Seq> {
        let inner = self.inner.lock();
        let room = inner.room.as_ref().filter(|_| !inner.retired)?;
        inner.repairing.map(|_| room.head)
    }

    /// Takes in what a repair has read.
    pub(in crate::hub) fn repaired(self: &Arc<Self>, replay: &Replay) {
        self.change(|inner| {
            let head = inner.room.as_ref().map_or(Seq::ZERO, |room| room.head);
            for entry in replay.entries.iter().filter(|entry| entry.seq > head) {
                self.follow(inner, entry);
            }
            if !replay.more && inner.repairing.is_some_and(|known| known <= replay.head) {
                inner.repairing = None;
                // Entries that retention has removed leave holes; the log still stands where the store says.
                if let Some(room) = inner.room.as_mut().filter(|room| room.head < replay.head) {
                    Arc::make_mut(room).head = replay.head;
                }
            }
        });
    }
}
