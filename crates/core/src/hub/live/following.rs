//! Following the log: the replica is loaded, takes hints of the store in without gaps, and has gaps repaired.

use std::sync::Arc;

use crate::event::{Entry, Event, Happening, LeaveReason, Sight};
use crate::hub::Link;
use crate::hub::letter::Letter;
use crate::model::{Epoch, Labels, Seq};
use crate::ports::{Committed, Replay, Store};
use crate::refusal::{Failure, Refusal};
use crate::room::{Room, member_changed};

use super::{Answer, Inner, LiveRoom, Way};

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
        loop {
            let room = store.room(&self.key).await?.ok_or(Refusal::RoomGone)?;
            if let Some(has_gap) = self.change(|inner| self.begin_with(inner, room)) {
                return Ok(has_gap);
            }
        }
    }

    /// Begins with the room as it was read, unless it was deleted meanwhile. Says whether a repair must be started.
    fn begin_with(&self, inner: &mut Inner, room: Arc<Room>) -> Option<bool> {
        if inner.gone.contains(&room.epoch) {
            return None;
        }
        inner.room = Some(room);
        let early = std::mem::take(&mut inner.early);
        // What came of another log came before this one began. Members were told when it came.
        Some(early.iter().fold(false, |gap, committed| {
            gap | (self.take_committed(inner, committed, &[]) == Followed::WithGap)
        }))
    }

    /// Whether its log is that one, which was deleted; remembered while it is not loaded.
    pub(in crate::hub) fn is_of(&self, deleted: Epoch) -> bool {
        let mut inner = self.inner.lock();
        if inner.room.is_none() {
            inner.gone.push(deleted);
        }
        inner.room.as_ref().is_some_and(|room| room.epoch == deleted)
    }

    /// Takes a hint of the store in, and tells those of the links that each entry concerns which are not in the room. Nobody is told
    /// of [another log](Followed::AnotherLog).
    pub(in crate::hub) fn committed(
        self: &Arc<Self>,
        committed: &Committed,
        concerned: &[Vec<Arc<Link>>],
    ) -> Followed {
        self.change(|inner| {
            if inner.room.is_some() {
                return self.take_committed(inner, committed, concerned);
            }
            inner.early.push(committed.clone());
            for (entry, links) in committed.entries.iter().zip(concerned) {
                self.tell_absent(inner, committed, entry, links);
            }
            Followed::Well
        })
    }

    fn take_committed(
        &self,
        inner: &mut Inner,
        committed: &Committed,
        concerned: &[Vec<Arc<Link>>],
    ) -> Followed {
        let (mut followed, mut concerned) = (Followed::Well, concerned.iter());
        for entry in &committed.entries {
            match self.take_entry(inner, committed, entry) {
                Followed::Well => {}
                Followed::WithGap => followed = Followed::WithGap,
                Followed::AnotherLog => return Followed::AnotherLog,
            }
            if let Some(links) = concerned.next() {
                self.tell_absent(inner, committed, entry, links);
            }
        }
        followed
    }

    /// Takes an entry in if it is the next; a double is dropped.
    fn take_entry(&self, inner: &mut Inner, committed: &Committed, entry: &Entry) -> Followed {
        let Some(room) = inner.room.as_ref().filter(|room| room.epoch == committed.epoch) else {
            return Followed::AnotherLog;
        };
        if let Some(known) = inner.repairing {
            inner.repairing = Some(known.max(entry.seq));
        } else if entry.seq > room.head.next() {
            inner.repairing = Some(entry.seq);
            return Followed::WithGap;
        } else if entry.seq == room.head.next() {
            self.follow(inner, entry);
        }
        Followed::Well
    }

    /// Tells those of `links` of the entry that was just taken in whose seats do not tell them.
    fn tell_absent(&self, inner: &mut Inner, committed: &Committed, entry: &Entry, links: &[Arc<Link>]) {
        if links.is_empty() {
            return;
        }
        let labels = inner.room.as_ref().map_or_else(Labels::default, |room| room.labels.clone());
        let mut letter = Letter::new(&self.faces, committed, &labels, entry);
        for link in links {
            match inner.way_to(link.id()) {
                Way::Seat => {}
                Way::Link => letter.send(link),
                Way::Behind(seat) => {
                    let (index, frames) = (inner.next_index, letter.frames(link.face()));
                    inner.answers.push(Answer { seat, index, frames });
                    self.queue(inner);
                }
            }
        }
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
            let seats = inner.seats.clone();
            for seat in seats.iter().filter(|seat| seat.presence().identity.user == *user) {
                inner.stand(seat, room.standing_of(&seat.link().identity()));
            }
        }
        if let Some((user, reason)) = &removes {
            inner
                .seats
                .iter()
                .filter(|seat| seat.presence().identity.user == *user)
                .for_each(|seat| seat.put_out(inner.next_index + 1, *reason));
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
