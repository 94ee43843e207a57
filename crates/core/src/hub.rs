//! The live side: who listens where, and how what happened reaches them.
//!
//! ```text
//!  store --committed--> service --> fan-out --hint--> Hub::hint
//!                                                       | in order? gap -> repair from the store; double -> drop
//!                                                       v
//!                          LiveRoom: replica of the room, rendered once per face, pending frames
//!                                                       | flusher: joins what waits, one write per listener
//!                                                       v
//!                                        Seat (a connection in this room) -> Link -> Outlet
//! ```
//! A room that is quiet is flushed at once; while a flush runs, or a busy room waits for its slot (`pace.rs`), what comes is
//! joined, so that many small messages cost one write per listener.
//!
//! Members of a room that lasts are told of its entries wherever they are (`letter.rs`): by their seat if they have one, else by
//! their link, behind what waits for a seat that they had.
//!
//! Locks: a room's `inner` lock is taken alone or after the map of rooms, never the other way round; nothing awaits under it.

mod flush;
mod letter;
mod link;
mod live;
mod pace;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;

use crate::event::LeaveReason;
use crate::model::{ConnectionId, Labels, ProjectId, RoomKey, UserId, Viewer};
use crate::ports::{Closing, Committed, Face, Hint, HintSink, Store, Witness};
use crate::refusal::{Failure, Refusal};

pub use link::{FaceId, Link, Seat};
pub use live::LiveRoom;
pub(crate) use live::{Entrance, Taken};

use flush::Flusher;
use letter::Letter;
use live::Followed;

#[derive(Default)]
struct Links {
    by_user: HashMap<(ProjectId, UserId), Vec<Arc<Link>>>,
    ids: HashSet<(ProjectId, ConnectionId)>,
}

/// All live rooms and links of this node.
pub struct Hub {
    store: Arc<dyn Store>,
    faces: Arc<[Arc<dyn Face>]>,
    witnesses: Arc<[Arc<dyn Witness>]>,
    rooms: RwLock<HashMap<RoomKey, Arc<LiveRoom>>>,
    links: Mutex<Links>,
    flushers: Box<[Arc<Flusher>]>,
    /// Where repairs run: hints come on threads of the store's too.
    runtime: OnceLock<Handle>,
    stopped: AtomicBool,
}

impl Hub {
    /// A hub that renders with `faces`, is watched by `witnesses` and flushes with `flushers` tasks.
    pub fn new(
        store: Arc<dyn Store>,
        faces: Vec<Arc<dyn Face>>,
        witnesses: Vec<Arc<dyn Witness>>,
        flushers: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            faces: faces.into(),
            witnesses: witnesses.into(),
            rooms: RwLock::default(),
            links: Mutex::default(),
            flushers: (0..flushers.max(1)).map(|_| Arc::new(Flusher::default())).collect(),
            runtime: OnceLock::new(),
            stopped: AtomicBool::new(false),
        })
    }

    /// Starts the flushers; they end at [`stop`](Self::stop).
    pub fn spawn(self: &Arc<Self>) -> Vec<tokio::task::JoinHandle<()>> {
        self.runtime.get_or_init(Handle::current);
        let run = |index: usize| {
            let hub = self.clone();
            tokio::spawn(async move { flush::run(&hub, &hub.flushers[index]).await })
        };
        (0..self.flushers.len()).map(run).collect()
    }

    /// Ends the flushers, after a last flush.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        for flusher in &self.flushers {
            flusher.wake();
        }
    }

    /// Takes a link in, so that its user can be reached wherever it is.
    pub fn connect(&self, link: &Arc<Link>) {
        let key = (link.project(), link.identity().user.clone());
        let mut links = self.links.lock();
        links.ids.insert((link.project(), link.id()));
        links.by_user.entry(key).or_default().push(link.clone());
    }

    /// Takes a link in under the id `promised`, or under its own if another link has that one.
    pub(crate) fn connect_promised(&self, mut link: Link, promised: ConnectionId) -> Arc<Link> {
        let key = (link.project(), link.identity().user.clone());
        let mut links = self.links.lock();
        if links.ids.insert((link.project(), promised)) {
            link.rename(promised);
        } else {
            links.ids.insert((link.project(), link.id()));
        }
        let link = Arc::new(link);
        links.by_user.entry(key).or_default().push(link.clone());
        link
    }

    /// Takes a link out. Its seats must have been left.
    pub fn disconnect(&self, link: &Link) {
        let key = (link.project(), link.identity().user.clone());
        let mut links = self.links.lock();
        if let Some(own) = links.by_user.get_mut(&key) {
            own.retain(|other| other.id() != link.id());
            if own.is_empty() {
                links.by_user.remove(&key);
            }
        }
        links.ids.remove(&(link.project(), link.id()));
    }

    /// The links of a user.
    pub fn links_of(&self, project: ProjectId, user: &UserId) -> Vec<Arc<Link>> {
        self.links.lock().by_user.get(&(project, user.clone())).cloned().unwrap_or_default()
    }

    /// How many links there are.
    pub fn link_count(&self) -> usize {
        self.links.lock().by_user.values().map(Vec::len).sum()
    }

    /// Asks every link to come back after its own part of `within`, so that they do not come all at once.
    pub fn drain(&self, within: Duration) {
        let all: Vec<_> = self.links.lock().by_user.values().flatten().cloned().collect();
        let count = u32::try_from(all.len().max(1)).unwrap_or(u32::MAX);
        for (index, link) in (0u32..).zip(&all) {
            link.outlet().close(Closing::Draining { after: within / count * index });
        }
    }

    /// The live room, if somebody is in it.
    pub fn live(&self, room: &RoomKey) -> Option<Arc<LiveRoom>> {
        self.rooms.read().get(room).cloned()
    }

    /// The live room, made from the store if need be.
    ///
    /// # Errors
    /// [`Refusal::RoomGone`] if the store has no such room; the store's failure.
    pub async fn enter(self: &Arc<Self>, key: &RoomKey) -> Result<Arc<LiveRoom>, Failure> {
        let mut entering = Entering { hub: self, live: self.live_or_blank(key), is_loaded: false };
        let has_gap = entering.live.load(&*self.store).await?;
        entering.is_loaded = true;
        if has_gap {
            self.repair(entering.live.clone());
        }
        Ok(entering.live.clone())
    }

    fn live_or_blank(&self, key: &RoomKey) -> Arc<LiveRoom> {
        let mut rooms = self.rooms.write();
        match rooms.get(key) {
            Some(live) if !live.is_retired() => live.clone(),
            _ => {
                let live = self.blank(key);
                rooms.insert(key.clone(), live.clone());
                live
            }
        }
    }

    fn blank(&self, key: &RoomKey) -> Arc<LiveRoom> {
        let flusher = &self.flushers[spread(key, self.flushers.len())];
        Arc::new(LiveRoom::new(key.clone(), self.faces.clone(), self.witnesses.clone(), flusher.clone()))
    }

    /// Drops the room from the map if nobody is in it.
    pub(crate) fn forget_if_idle(&self, live: &Arc<LiveRoom>) {
        let mut rooms = self.rooms.write();
        if live.retire_if_empty() && rooms.get(live.key()).is_some_and(|known| Arc::ptr_eq(known, live)) {
            rooms.remove(live.key());
        }
    }

    /// Reads what a room missed from the store.
    fn repair(self: &Arc<Self>, live: Arc<LiveRoom>) {
        let Some(runtime) = self.runtime.get() else { return };
        let hub = self.clone();
        runtime.spawn(async move {
            while let Some(after) = live.repair_from() {
                match hub.store.entries(live.key(), &Viewer::Server, after, 500).await {
                    Ok(replay) => live.repaired(&replay),
                    Err(Failure::Refused(Refusal::RoomGone)) => {
                        return live.close();
                    }
                    Err(failure) => {
                        tracing::warn!(error = ?failure, "could not repair a gap in a room's log; will try again");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
        });
    }

    /// Has what was committed followed by the live room, and told to the members who are not in it.
    fn committed(self: &Arc<Self>, committed: &Committed) {
        let concerned = self.concerned(committed);
        if let Some(live) = self.live(&committed.room) {
            match live.committed(committed, &concerned) {
                Followed::Well => return,
                Followed::WithGap => return self.repair(live),
                // Its room was deleted and made anew: nobody here will ever hear of this log again.
                Followed::AnotherLog => {
                    live.close();
                    self.forget_if_idle(&live);
                }
            }
        }
        let labels = Labels::default();
        for (entry, links) in committed.entries.iter().zip(&concerned) {
            let mut letter = Letter::new(&self.faces, committed, &labels, entry);
            links.iter().for_each(|link| letter.send(link));
        }
    }

    /// Every live room of this node.
    pub fn live_rooms(&self) -> Vec<Arc<LiveRoom>> {
        self.rooms.read().values().cloned().collect()
    }

    /// Ends one connection in a room.
    pub(crate) fn cut(&self, room: &RoomKey, connection: ConnectionId, reason: LeaveReason) -> bool {
        self.live(room).is_some_and(|live| live.remove(connection, reason))
    }

    /// Ends all connections in a room.
    pub(crate) fn end_sitting(&self, room: &RoomKey) {
        if let Some(live) = self.live(room) {
            live.remove_all(LeaveReason::Ended);
            self.forget_if_idle(&live);
        }
    }
}

/// A room that is being loaded; dropped if that fails, or if nobody waits for it any more.
struct Entering<'a> {
    hub: &'a Hub,
    live: Arc<LiveRoom>,
    is_loaded: bool,
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        if !self.is_loaded {
            self.hub.forget_if_idle(&self.live);
        }
    }
}

impl HintSink for std::sync::Weak<Hub> {
    fn hint(&self, hint: Hint) {
        let Some(hub) = self.upgrade() else { return };
        match hint {
            Hint::Committed(committed) => hub.committed(&committed),
            Hint::Moment { room, moment } => {
                if let Some(live) = hub.live(&room) {
                    live.happen(&moment);
                }
            }
            Hint::Deleted { room, epoch } => {
                if let Some(live) = hub.live(&room).filter(|live| live.is_of(epoch)) {
                    live.close();
                    hub.forget_if_idle(&live);
                }
            }
        }
    }
}

/// Spreads rooms evenly over `count` places.
fn spread(key: &RoomKey, count: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % count as u64).expect("a remainder fits what it was divided by")
}
