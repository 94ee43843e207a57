//! One live room: the replica of its state, who is in it, and what waits to be written.

mod following;
mod judging;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::{Happening, LeaveReason, Moment, Sight, Sitting};
use crate::model::{
    Audience, ConnectionId, Epoch, Presence, Principal, RoomKey, RoomKind, Seq, Timestamp, UserId,
};
use crate::ports::{Committed, Face, Witness};
use crate::refusal::Refusal;
use crate::room::{Room, Standing};
use crate::roster::{Arrival, Roster};

use super::flush::{Flusher, send_late, wants, weave};
use super::link::{Link, Seat};
use super::pace::Pace;

pub(super) use following::Followed;

/// A room that somebody is in.
pub struct LiveRoom {
    key: RoomKey,
    faces: Arc<[Arc<dyn Face>]>,
    witnesses: Arc<[Arc<dyn Witness>]>,
    flusher: Arc<Flusher>,
    loading: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None` until loaded; what is committed meanwhile waits in `early`.
    room: Option<Arc<Room>>,
    early: Vec<Committed>,
    /// The logs that were deleted meanwhile.
    gone: Vec<Epoch>,
    /// A gap is being read from the store; the highest seq that is known to exist.
    repairing: Option<Seq>,
    /// The last entry that changed the members.
    members_at: Seq,
    roster: Roster,
    sitting: Option<Sitting>,
    seats: Arc<Vec<Arc<Seat>>>,
    places: HashMap<ConnectionId, usize>,
    seats_by_face: Vec<usize>,
    /// How many seats want to know who comes and goes.
    watchers: usize,
    pending: Vec<Pending>,
    answers: Vec<Answer>,
    next_index: u64,
    /// What happened before that place waits for nobody any more.
    settled: u64,
    queued: bool,
    /// The flusher is still to be told of it.
    untold: bool,
    /// A flush is under way: it has older things for the seats than what is pending.
    flushing: bool,
    pace: Pace,
    retired: bool,
}

/// Something rendered that waits for the next flush.
pub(super) struct Pending {
    /// Rising within the room, over entries and moments.
    pub(super) index: u64,
    pub(super) audience: Audience,
    /// Only for seats that want to know who comes and goes.
    pub(super) presence: bool,
    /// The finished frames, by face.
    pub(super) frames: Vec<Option<Bytes>>,
    /// Who is put out once this was told.
    pub(super) removes: Option<(UserId, LeaveReason)>,
}

/// Finished frames for one seat alone, behind what happened before they came and before what happens after.
pub(super) struct Answer {
    pub(super) seat: Arc<Seat>,
    /// The place of what happens next.
    pub(super) index: u64,
    pub(super) frames: Option<Bytes>,
}

/// What a flush writes, to whom.
pub(super) struct Batch {
    pub(super) pending: Vec<Pending>,
    pub(super) answers: Vec<Answer>,
    pub(super) seats: Arc<Vec<Arc<Seat>>>,
    /// The place behind all of it.
    end: u64,
}

/// How a link is told of an entry.
enum Way {
    /// By its seat.
    Seat,
    /// Behind what still waits for the seat that it had.
    Behind(Arc<Seat>),
    /// At once.
    Link,
}

/// Somebody at the door.
pub(crate) struct Entrance<'a> {
    pub(crate) now: Timestamp,
    pub(crate) who: &'a Principal,
    pub(crate) link: &'a Arc<Link>,
    pub(crate) wants_presence: bool,
    pub(crate) client_data: Arc<str>,
    pub(crate) is_back: bool,
    pub(crate) connections_max: usize,
}

/// A seat taken, with the room as it was at that moment.
pub(crate) struct Taken {
    pub(crate) seat: Arc<Seat>,
    pub(crate) room: Arc<Room>,
    pub(crate) standing: Standing,
    pub(crate) presence: Vec<Arc<Presence>>,
    pub(crate) presence_total: usize,
}

/// The most presences that a join answer lists.
const PRESENCE_LIST_MAX: usize = 1_000;

impl LiveRoom {
    pub(super) fn new(
        key: RoomKey,
        faces: Arc<[Arc<dyn Face>]>,
        witnesses: Arc<[Arc<dyn Witness>]>,
        flusher: Arc<Flusher>,
    ) -> Self {
        let inner = Inner {
            room: None,
            early: Vec::new(),
            gone: Vec::new(),
            repairing: None,
            members_at: Seq::ZERO,
            roster: Roster::default(),
            sitting: None,
            seats: Arc::default(),
            places: HashMap::new(),
            seats_by_face: vec![0; faces.len()],
            watchers: 0,
            pending: Vec::new(),
            answers: Vec::new(),
            next_index: 0,
            settled: 0,
            queued: false,
            untold: false,
            flushing: false,
            pace: Pace::default(),
            retired: false,
        };
        let (loading, inner) = (tokio::sync::Mutex::default(), Mutex::new(inner));
        Self { key, faces, witnesses, flusher, loading, inner }
    }

    /// Which room.
    pub fn key(&self) -> &RoomKey {
        &self.key
    }

    /// Changes the room, and then has the flusher told: whom that wakes finds the lock free.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock();
        let value = change(&mut inner);
        let untold = std::mem::take(&mut inner.untold);
        drop(inner);
        if untold {
            self.flusher.enqueue(self.clone());
        }
        value
    }

    fn is_loaded(&self) -> bool {
        self.inner.lock().room.is_some()
    }

    /// Takes a seat; it is held until released.
    ///
    /// # Errors
    /// `None` if this live room has been dropped meanwhile; else the room's refusal.
    pub(crate) fn take_seat(self: &Arc<Self>, entrance: Entrance<'_>) -> Option<Result<Taken, Refusal>> {
        self.change(|inner| {
            let room = inner.room.clone().filter(|_| !inner.retired)?;
            Some(self.seat_in(inner, room, entrance))
        })
    }

    fn seat_in(
        self: &Arc<Self>,
        inner: &mut Inner,
        room: Arc<Room>,
        entrance: Entrance<'_>,
    ) -> Result<Taken, Refusal> {
        let Entrance { now, who, link, wants_presence, client_data, is_back, connections_max } = entrance;
        let standing = room.admit(now, who)?;
        room.viewer(now, who)?;
        if inner.seats.len() >= connections_max && !inner.places.contains_key(&link.id()) {
            return Err(Refusal::RoomFull { what: "connections", max: connections_max });
        }
        if let Some(before) = inner.seat_of(link.id()) {
            self.hand_over(inner, &before);
        }
        if let Some((before, presence)) = self.unseat(inner, link.id()) {
            let reason = before.gone_for(LeaveReason::Left);
            self.show(inner, Sight::Went { presence: &presence, reason });
        }
        let arrival = Arrival {
            connection: link.id(),
            identity: link.identity(),
            role: standing.role,
            dialect: link.dialect(),
            client_data,
        };
        let presence = inner.roster.arrive(now, arrival);
        if inner.sitting.is_none() {
            inner.sitting = Some(Sitting { began_at: presence.joined_at });
            self.show(inner, Sight::Began);
        }
        self.show(inner, Sight::Came(&presence));
        if !is_back {
            let moment = Moment::Joined(presence.clone());
            let happening = Happening::Moment { room: &self.key, moment: &moment };
            self.push(inner, &happening, &Audience::Room, None);
        }
        let seat = Seat::new(
            self.clone(),
            link.clone(),
            standing.groups.clone(),
            presence,
            wants_presence,
            inner.next_index,
        );
        let seat = Arc::new(seat);
        inner.places.insert(link.id(), inner.seats.len());
        inner.seats_by_face[link.face()] += 1;
        inner.watchers += usize::from(wants_presence);
        Arc::make_mut(&mut inner.seats).push(seat.clone());
        let listed = if wants_presence { PRESENCE_LIST_MAX } else { 0 };
        let presence = inner.roster.iter().take(listed).cloned().collect();
        Ok(Taken { seat, room, standing, presence, presence_total: inner.roster.len() })
    }

    /// Takes a seat out whose connection leaves by itself or is lost; not one that the connection has taken since.
    pub(crate) fn leave(self: &Arc<Self>, seat: &Arc<Seat>, reason: LeaveReason) {
        self.change(|inner| {
            if inner.holds(seat) {
                if inner.has_members() {
                    // A member hears it, even if nobody took the seat over.
                    seat.release();
                }
                self.put_out(inner, seat.link().id(), reason, false);
            }
        });
    }

    /// Puts a connection out, and tells it why. Says whether it was in.
    pub(crate) fn remove(self: &Arc<Self>, connection: ConnectionId, reason: LeaveReason) -> bool {
        self.change(|inner| self.put_out(inner, connection, reason, true))
    }

    /// Takes out everybody for good: the room is gone.
    pub(super) fn close(self: &Arc<Self>) {
        self.inner.lock().retired = true;
        self.remove_all(LeaveReason::RoomDeleted);
    }

    /// Puts everybody out, and tells them why.
    pub(super) fn remove_all(self: &Arc<Self>, reason: LeaveReason) {
        self.change(|inner| {
            let all = inner.seats.clone();
            for seat in all.iter() {
                self.hand_over(inner, seat);
            }
            // From here on only the others' going is pending, which is not for those who go with them.
            all.iter().for_each(|seat| seat.mark_out(inner.next_index));
            for seat in all.iter() {
                self.put_out_of_hand(inner, seat.link().id(), reason, true);
            }
        });
    }

    /// Something ephemeral happened.
    pub(super) fn happen(self: &Arc<Self>, moment: &Moment) {
        let audience = moment.audience();
        let happening = Happening::Moment { room: &self.key, moment };
        self.change(|inner| {
            self.show(inner, Sight::Happened { happening, roster: &inner.roster });
            self.push(inner, &happening, &audience, None);
        });
    }

    /// Sends the answer to something that `seat` published here, behind it.
    pub(super) fn answer(self: &Arc<Self>, seat: &Arc<Seat>, frames: Bytes) {
        self.change(|inner| {
            let index = inner.next_index;
            inner.answers.push(Answer { seat: seat.clone(), index, frames: Some(frames) });
            self.queue(inner);
        });
    }

    /// Reads the replica and the roster.
    pub fn with<T>(&self, read: impl FnOnce(&Room, &Roster) -> T) -> Option<T> {
        let inner = self.inner.lock();
        inner.room.as_ref().map(|room| read(room, &inner.roster))
    }

    pub(super) fn is_retired(&self) -> bool {
        self.inner.lock().retired
    }

    /// The replica.
    pub fn room(&self) -> Option<Arc<Room>> {
        self.inner.lock().room.clone()
    }

    /// Whether that connection is in.
    pub fn has(&self, connection: ConnectionId) -> bool {
        self.inner.lock().places.contains_key(&connection)
    }

    pub(super) fn retire_if_empty(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.retired |= inner.seats.is_empty() && !inner.is_telling();
        inner.retired
    }

    /// Takes a connection out. What waits for it goes first if it is `told` of its going, or of a member.
    fn put_out(&self, inner: &mut Inner, connection: ConnectionId, reason: LeaveReason, told: bool) -> bool {
        let goes_first = told || inner.has_members() || inner.owes(connection);
        if let Some(seat) = inner.seat_of(connection).filter(|_| goes_first) {
            self.hand_over(inner, &seat);
        }
        self.put_out_of_hand(inner, connection, reason, told)
    }

    /// Sends what waits for a seat that is about to go. While a flush is under way nothing is sent: what the flush has is
    /// older. Answers then follow with the next one; so does, for a member, what else waits.
    fn hand_over(&self, inner: &mut Inner, seat: &Arc<Seat>) {
        if inner.flushing && !inner.has_members() {
            return;
        }
        let connection = seat.link().id();
        let answers = inner.answers.extract_if(.., |answer| answer.seat.link().id() == connection);
        let (answers, late): (Vec<_>, Vec<_>) = answers.partition(|answer| Arc::ptr_eq(&answer.seat, seat));
        let frames = weave(seat, &inner.pending, &answers);
        if inner.flushing {
            inner.answers.extend(late);
            // Even if it is nothing: what comes now must not overtake the flush.
            inner.answers.push(Answer { seat: seat.clone(), index: inner.next_index, frames });
            return self.queue(inner);
        }
        send_late(late);
        frames.into_iter().for_each(|frames| seat.send(frames));
    }

    fn put_out_of_hand(
        &self,
        inner: &mut Inner,
        connection: ConnectionId,
        reason: LeaveReason,
        told: bool,
    ) -> bool {
        let Some((seat, presence)) = self.unseat(inner, connection) else { return false };
        let reason = seat.gone_for(reason);
        if told {
            let happening = Happening::Removed { room: &self.key, presence: &presence, reason };
            if let Some(frame) = self.faces[seat.link().face()].render(happening) {
                seat.send(frame);
            }
        }
        // Whoever watches may end the way to the connection, so it has been told by then.
        self.show(inner, Sight::Went { presence: &presence, reason });
        if inner.seats.is_empty() {
            self.show(inner, Sight::Ended { reason });
            inner.sitting = None;
        }
        let moment = Moment::Left { presence, reason };
        self.push(inner, &Happening::Moment { room: &self.key, moment: &moment }, &Audience::Room, None);
        true
    }

    /// Takes a seat away, and gives it with what it was last.
    fn unseat(&self, inner: &mut Inner, connection: ConnectionId) -> Option<(Arc<Seat>, Arc<Presence>)> {
        let place = inner.places.remove(&connection)?;
        let seat = Arc::make_mut(&mut inner.seats).swap_remove(place);
        if let Some(moved) = inner.seats.get(place).map(|seat| seat.link().id()) {
            inner.places.insert(moved, place);
        }
        inner.seats_by_face[seat.link().face()] -= 1;
        inner.watchers -= usize::from(seat.wants_presence());
        let presence = inner.roster.depart(connection).expect("who has a seat is in the roster");
        seat.mark_out(inner.next_index);
        Some((seat, presence))
    }

    /// Renders for each face that listens, and queues the room for its flusher.
    fn push(
        &self,
        inner: &mut Inner,
        happening: &Happening<'_>,
        audience: &Audience,
        removes: Option<(UserId, LeaveReason)>,
    ) {
        let index = inner.next_index;
        inner.next_index += 1;
        let presence =
            matches!(happening, Happening::Moment { moment: Moment::Joined(_) | Moment::Left { .. }, .. });
        let listeners = if presence { inner.watchers } else { inner.seats.len() };
        if listeners == 0 {
            return;
        }
        let mut differs = false;
        let render = |(face, seats): (&Arc<dyn Face>, &usize)| {
            if *seats == 0 {
                return None;
            }
            let differs_here = face.differs(*happening);
            differs |= differs_here;
            if differs_here { None } else { face.render(*happening) }
        };
        let frames: Vec<_> = self.faces.iter().zip(&inner.seats_by_face).map(render).collect();
        let pending = Pending { index, audience: audience.clone(), presence, frames, removes };
        if differs {
            self.push_for_each(inner, happening, &pending);
        }
        inner.pending.push(pending);
        self.queue(inner);
    }

    /// Renders by itself for each listener to whom it differs, to stand at the place of `pending`.
    fn push_for_each(&self, inner: &mut Inner, happening: &Happening<'_>, pending: &Pending) {
        let index = pending.index + 1;
        for seat in inner.seats.iter().filter(|seat| wants(seat, pending)) {
            let face = &self.faces[seat.link().face()];
            if !face.differs(*happening) {
                continue;
            }
            let listener = inner.roster.get(seat.link().id()).unwrap_or(seat.presence());
            if let Some(frames) = face.render_for(*happening, listener) {
                inner.answers.push(Answer { seat: seat.clone(), index, frames: Some(frames) });
            }
        }
    }

    /// Asks for a flush; the flusher is told at the end of the [`change`](Self::change).
    fn queue(&self, inner: &mut Inner) {
        self.flusher.count();
        inner.untold |= !inner.queued;
        inner.queued = true;
    }

    fn show(&self, inner: &Inner, sight: Sight<'_>) {
        if let Some(sitting) = inner.sitting {
            self.witnesses.iter().for_each(|witness| witness.saw(&self.key, sitting, sight));
        }
    }

    /// When the next flush is due; `None`: now.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.inner.lock().pace.due(now)
    }

    /// Takes what waits.
    pub(super) fn take_batch(&self, now: Instant) -> Batch {
        let mut inner = self.inner.lock();
        inner.queued = false;
        let pending = std::mem::take(&mut inner.pending);
        let answers = std::mem::take(&mut inner.answers);
        let (answers, late) = answers.into_iter().partition(|answer| inner.holds(&answer.seat));
        // To seats that are none any more: their connections may have taken others, or be told without one from now on.
        send_late(late);
        let seats = inner.seats.clone();
        // Answers alone say nothing of how busy the room is.
        if !pending.is_empty() {
            inner.pace.flushed(now, pending.len(), seats.len());
        }
        inner.flushing = true;
        Batch { pending, answers, seats, end: inner.next_index }
    }

    /// Ends a flush: puts out the users that it told of. Says whether nobody is left.
    pub(super) fn finish(self: &Arc<Self>, batch: &Batch) -> bool {
        self.change(|inner| {
            inner.flushing = false;
            inner.settled = batch.end;
            for (user, reason) in batch.pending.iter().filter_map(|pending| pending.removes.as_ref()) {
                for seat in
                    batch.seats.iter().filter(|seat| seat.presence().identity.user == *user && !seat.is_in())
                {
                    if inner.holds(seat) {
                        self.put_out(inner, seat.link().id(), *reason, true);
                    }
                }
            }
            inner.seats.is_empty()
        })
    }
}

impl Inner {
    /// The seat that a connection has now.
    fn seat_of(&self, connection: ConnectionId) -> Option<Arc<Seat>> {
        self.places.get(&connection).map(|place| self.seats[*place].clone())
    }

    /// Whether that seat is taken, not another one of its connection.
    fn holds(&self, seat: &Arc<Seat>) -> bool {
        self.seat_of(seat.link().id()).is_some_and(|now| Arc::ptr_eq(&now, seat))
    }

    /// Whether who may be in is a member, and told of the room's log wherever he is.
    fn has_members(&self) -> bool {
        self.room.as_ref().is_some_and(|room| room.kind != RoomKind::Session)
    }

    /// Whether members who have left are still being told: what is said next must not overtake that.
    fn is_telling(&self) -> bool {
        self.has_members() && (self.flushing || !self.answers.is_empty())
    }

    /// How that connection is told of the entry that was taken in last.
    fn way_to(&self, connection: ConnectionId) -> Way {
        match self.seat_of(connection) {
            Some(seat) if seat.was_in_before(self.next_index) => Way::Seat,
            Some(seat) => Way::Behind(seat),
            None => {
                let owed = self.answers.iter().rfind(|answer| answer.seat.link().id() == connection);
                owed.map_or(Way::Link, |answer| Way::Behind(answer.seat.clone()))
            }
        }
    }

    /// Whether an answer waits for that connection.
    fn owes(&self, connection: ConnectionId) -> bool {
        self.answers.iter().any(|answer| answer.seat.link().id() == connection)
    }
}
