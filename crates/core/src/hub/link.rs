//! A connection to this node, and its seats in rooms.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::access;
use crate::event::LeaveReason;
use crate::model::{
    Actor, Audience, ConnectionId, Dialect, GroupName, Identity, Presence, Principal, ProjectId, RoomKey,
    RoomName,
};
use crate::ports::Outlet;

use super::LiveRoom;

/// Which of the hub's faces renders for a connection: its place in the list that the service was made with.
pub type FaceId = usize;

/// One live connection of one user.
pub struct Link {
    id: ConnectionId,
    face: FaceId,
    dialect: Dialect,
    project: ProjectId,
    identity: RwLock<Arc<Identity>>,
    outlet: Arc<dyn Outlet>,
}

impl Link {
    /// A link that speaks that dialect, rendered by `face`.
    pub fn new(
        id: ConnectionId,
        face: FaceId,
        dialect: Dialect,
        project: ProjectId,
        identity: Arc<Identity>,
        outlet: Arc<dyn Outlet>,
    ) -> Self {
        Self { id, face, dialect, project, identity: RwLock::new(identity), outlet }
    }

    /// Its id.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    pub(super) fn rename(&mut self, id: ConnectionId) {
        self.id = id;
    }

    /// Which face renders for it.
    pub fn face(&self) -> FaceId {
        self.face
    }

    /// The dialect that it speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The tenant.
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// Who it is.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.read().clone()
    }

    /// Takes a fresh token's identity; the user must be the same.
    pub fn refresh(&self, identity: Arc<Identity>) {
        debug_assert_eq!(identity.user, self.identity().user, "a refreshed token is the same user's");
        *self.identity.write() = identity;
    }

    /// The way to it.
    pub fn outlet(&self) -> &Arc<dyn Outlet> {
        &self.outlet
    }

    /// Its user as one who acts by this connection.
    pub fn principal(&self) -> Principal {
        Principal {
            project: self.project,
            actor: Actor::User(self.identity()),
            connection: Some(self.id),
            dialect: Some(self.dialect),
        }
    }

    pub(super) fn opens(&self, room: &RoomName) -> bool {
        access::opens(&self.principal(), room)
    }

    /// Whether something is for it, by its token's groups or by those of a room.
    pub(super) fn is_addressed(&self, audience: &Audience, groups: &[GroupName]) -> bool {
        let identity = self.identity();
        [&*identity.groups, groups]
            .iter()
            .any(|groups| access::is_addressed(&identity.user, groups, Some(self.id), audience))
    }
}

/// A connection in a room: where its notifications come from.
///
/// A fresh seat is *held*: what happens queues up until [`release`](Seat::release), so that the answer to the join goes out
/// first and nothing is missed in between.
pub struct Seat {
    live: Arc<LiveRoom>,
    link: Arc<Link>,
    /// The groups that hold in this room, each time with the first thing that happened since they do.
    groups: RwLock<Vec<(u64, Arc<[GroupName]>)>>,
    presence: Arc<Presence>,
    /// Whether it is told who comes and goes.
    wants_presence: bool,
    /// The first thing that happened after it came; what was pending before is in its join answer.
    since: u64,
    /// The first thing that happened after it was put out.
    until: AtomicU64,
    /// Why it was put out, if an entry did that: however it goes then, it has gone for that.
    put_out_for: OnceLock<LeaveReason>,
    released: AtomicBool,
    held: Mutex<Vec<Bytes>>,
}

impl Seat {
    pub(super) fn new(
        live: Arc<LiveRoom>,
        link: Arc<Link>,
        groups: Vec<GroupName>,
        presence: Arc<Presence>,
        wants_presence: bool,
        since: u64,
    ) -> Self {
        Self {
            live,
            link,
            groups: RwLock::new(vec![(since, groups.into())]),
            presence,
            wants_presence,
            since,
            until: AtomicU64::new(u64::MAX),
            put_out_for: OnceLock::new(),
            released: AtomicBool::new(false),
            held: Mutex::default(),
        }
    }

    /// The room.
    pub fn room(&self) -> &RoomKey {
        self.live.key()
    }

    /// The live room.
    pub fn live(&self) -> &Arc<LiveRoom> {
        &self.live
    }

    /// The connection.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Itself as the others saw it when it came; the roster has it as it is now.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// Whether it is still in the room.
    pub fn is_in(&self) -> bool {
        self.until.load(Ordering::Acquire) == u64::MAX
    }

    /// Lets notifications flow, those held back first.
    pub fn release(&self) {
        let mut held = self.held.lock();
        for frames in held.drain(..) {
            self.link.outlet.send(frames);
        }
        *held = Vec::new();
        self.released.store(true, Ordering::Release);
    }

    pub(super) fn send(&self, frames: Bytes) {
        if self.released.load(Ordering::Acquire) {
            return self.link.outlet.send(frames);
        }
        let mut held = self.held.lock();
        if self.released.load(Ordering::Acquire) {
            drop(held);
            return self.link.outlet.send(frames);
        }
        held.push(frames);
    }

    /// Sends the answer to something that this connection published here, behind what it published.
    pub fn answer(self: &Arc<Self>, frames: Bytes) {
        self.live.answer(self, frames);
    }

    /// Whether what happened at these places, from the first to the last, happened while it was in.
    pub(super) fn spans(&self, first: u64, last: u64) -> bool {
        self.since <= first && last < self.until.load(Ordering::Acquire)
    }

    /// Whether it was in when the last thing before that place happened, or has come since.
    pub(super) fn was_in_before(&self, next: u64) -> bool {
        next <= self.until.load(Ordering::Acquire)
    }

    pub(super) fn wants_presence(&self) -> bool {
        self.wants_presence
    }

    /// Gives it other groups for what happens from that place on. Nobody asks any more for what happened before `settled`.
    pub(super) fn set_groups(&self, groups: Vec<GroupName>, from: u64, settled: u64) {
        let mut times = self.groups.write();
        let first = times.iter().rposition(|(begin, _)| *begin <= settled).unwrap_or(0);
        times.drain(..first);
        times.retain(|(begin, _)| *begin < from);
        times.push((from, groups.into()));
    }

    /// Whether it is among `audience` for what happened at that place.
    pub(super) fn is_addressed(&self, audience: &Audience, index: u64) -> bool {
        match audience {
            Audience::Room => true,
            Audience::Group(group) => {
                let times = self.groups.read();
                times.iter().rfind(|(begin, _)| *begin <= index).is_some_and(|(_, held)| held.contains(group))
            }
            audience => access::is_addressed(&self.presence.identity.user, &[], Some(self.link.id), audience),
        }
    }

    /// Puts it out, for that reason, from `until` on.
    pub(super) fn put_out(&self, until: u64, reason: LeaveReason) {
        self.put_out_for.get_or_init(|| reason);
        self.mark_out(until);
    }

    /// Why it has gone, if now it goes for `reason`.
    pub(super) fn gone_for(&self, reason: LeaveReason) -> LeaveReason {
        self.put_out_for.get().copied().unwrap_or(reason)
    }

    /// What happens from `until` on is not for it any more.
    pub(super) fn mark_out(&self, until: u64) {
        self.until.fetch_min(until, Ordering::AcqRel);
    }
}
