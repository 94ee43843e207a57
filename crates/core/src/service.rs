//! The one way in: every face, for every dialect, submits its commands and reads here.
//!
//! ```text
//!   face -> Service::write -> Store::write (rules inside the transaction) -> commit -> Fanout -> Hub -> faces' frames
//!   face -> Service::signal_from (rules on the live replica)              ->          Fanout -> Hub -> faces' frames
//! ```

mod people;
mod reads;
mod rooms;
mod signals;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::command::Write;
use crate::event::LeaveReason;
use crate::hub::{Hub, Link};
use crate::limits::Limits;
use crate::model::{
    Audience, ConnectionId, MessageId, Principal, ProjectId, Role, RoomKey, RoomName, Timestamp, UserId,
};
use crate::ports::{Clock, CommitSink, Committed, Entropy, Face, Fanout, Hint, Project, Store, Witness};
use crate::refusal::{Failure, Refusal, Unavailable};
use crate::roster::{self, Roster};
use crate::transaction::{Submission, Written};

pub use rooms::{Held, JoinWish, Joined, Resume};

/// What a service is made of.
pub struct ServiceParts {
    /// The durable truth.
    pub store: Arc<dyn Store>,
    /// The way to the other nodes, and to this one.
    pub fanout: Arc<dyn Fanout>,
    /// Server time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// The dialects' renderers; a link names its own by its place here.
    pub faces: Vec<Arc<dyn Face>>,
    /// Who watches the lives of rooms.
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// How many tasks flush rooms: about one per core.
    pub flushers: usize,
}

/// Sidetalk, whole: rooms, people, messages, signals.
pub struct Service {
    store: Arc<dyn Store>,
    fanout: Arc<dyn Fanout>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Arc<Limits>,
    hub: Arc<Hub>,
    projects: Arc<RwLock<HashMap<ProjectId, Arc<Project>>>>,
    /// Held from the reading of a project until its change is stored and known, and while one gets known: so no change is lost,
    /// and none is known that is not the last. It is the one lock that is held across an await; nothing else is locked
    /// with it.
    project_turn: Arc<Mutex<()>>,
}

impl Service {
    /// Puts the parts together: commits flow from the store through the fan-out to the hub.
    pub fn new(parts: ServiceParts) -> Arc<Self> {
        let ServiceParts { store, fanout, clock, entropy, limits, faces, witnesses, flushers } = parts;
        let hub = Hub::new(store.clone(), faces, witnesses, flushers);
        fanout.attach(Arc::new(Arc::downgrade(&hub)));
        store.attach(Arc::new(ToFanout(fanout.clone())));
        let (projects, project_turn) = Default::default();
        Arc::new(Self { store, fanout, clock, entropy, limits, hub, projects, project_turn })
    }

    /// The same service under other bounds, for a dialect that has its own.
    pub fn within(&self, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            store: self.store.clone(),
            fanout: self.fanout.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            limits: Arc::new(limits),
            hub: self.hub.clone(),
            projects: self.projects.clone(),
            project_turn: self.project_turn.clone(),
        })
    }

    /// Starts the tasks; they end at [`stop`](Self::stop).
    pub fn spawn(&self) -> Vec<tokio::task::JoinHandle<()>> {
        self.hub.spawn()
    }

    /// Ends the tasks after a last flush.
    pub fn stop(&self) {
        self.hub.stop();
    }

    /// The bounds.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Server time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Chance.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The store, for what only operators do.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The live side.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Submits a write: judged, committed, shown to whom it concerns, answered.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn write(&self, who: &Principal, room: &RoomName, write: Write) -> Result<Written, Failure> {
        let key = self.key(who, room)?;
        let now = self.now();
        let live_roles = self.live_roles(&key, &write);
        let limits = self.limits.clone();
        let submission = Submission {
            principal: who.clone(),
            write,
            now,
            message_id: self.message_id(now),
            live_roles,
            limits,
        };
        self.store.write(&key, submission).await.map_err(as_not_found)
    }

    /// The project of that key.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Arc<Project>>, Failure> {
        if let Some(project) = self.known_project(id) {
            return Ok(Some(project));
        }
        let _turn = self.project_turn.lock().await;
        if let Some(project) = self.known_project(id) {
            return Ok(Some(project));
        }
        let Some(project) = self.store.project(id).await?.map(Arc::new) else { return Ok(None) };
        self.projects.write().insert(id, project.clone());
        Ok(Some(project))
    }

    /// Stores a project, new or as it shall be whatever it was. To change one, see [`change_project`](Self::change_project).
    ///
    /// # Errors
    /// The store's failure.
    pub async fn put_project(&self, project: Project) -> Result<(), Failure> {
        let turn = self.project_turn.clone().lock_owned().await;
        self.keep_project(turn, project).await?;
        Ok(())
    }

    /// Changes a project, if there is one, and gives it as it is then. Of changes at the same time each begins with what the
    /// one before has left.
    ///
    /// # Errors
    /// What `change` says, and then nothing is changed; the store's failure.
    pub async fn change_project<E: From<Failure>>(
        &self,
        id: ProjectId,
        change: impl FnOnce(&mut Project) -> Result<(), E>,
    ) -> Result<Option<Arc<Project>>, E> {
        let turn = self.project_turn.clone().lock_owned().await;
        let Some(mut project) = self.store.project(id).await? else { return Ok(None) };
        change(&mut project)?;
        Ok(Some(self.keep_project(turn, project).await?))
    }

    /// Makes the project that `choose` makes of those that are there, and gives it. Of two at the same time, one sees the other.
    ///
    /// # Errors
    /// What `choose` says, and then nothing is made; the store's failure.
    pub async fn create_project<E: From<Failure>>(
        &self,
        choose: impl FnOnce(&[Project]) -> Result<Project, E>,
    ) -> Result<Arc<Project>, E> {
        let turn = self.project_turn.clone().lock_owned().await;
        let project = choose(&self.store.projects().await?)?;
        Ok(self.keep_project(turn, project).await?)
    }

    /// Whoever asked may stop waiting, but what is stored must be what is known.
    async fn keep_project(
        &self,
        turn: OwnedMutexGuard<()>,
        project: Project,
    ) -> Result<Arc<Project>, Failure> {
        let (store, projects) = (self.store.clone(), self.projects.clone());
        let keeping = tokio::spawn(async move {
            let project = Arc::new(project);
            let stored = store.put_project(&project).await;
            let known = match &stored {
                Ok(()) => Some(project.clone()),
                // It may be stored all the same.
                Err(_) => store.project(project.id).await.ok().flatten().map(Arc::new),
            };
            if let Some(known) = known {
                projects.write().insert(known.id, known);
            }
            drop(turn);
            stored.map(|()| project)
        });
        keeping.await.map_err(|error| Unavailable::new("storing a project", error))?
    }

    fn known_project(&self, id: ProjectId) -> Option<Arc<Project>> {
        self.projects.read().get(&id).cloned()
    }

    /// Takes a connection in.
    pub fn connect(&self, link: Link) -> Arc<Link> {
        let link = Arc::new(link);
        self.hub.connect(&link);
        link
    }

    /// Takes a connection in under the id that was promised to its owner. If a live one has that id already, it keeps its
    /// own.
    pub fn connect_promised(&self, link: Link, promised: ConnectionId) -> Arc<Link> {
        self.hub.connect_promised(link, promised)
    }

    /// Takes a connection out of all its rooms and of the node.
    pub fn disconnect(
        &self,
        link: &Arc<Link>,
        seats: impl IntoIterator<Item = Arc<crate::hub::Seat>>,
        reason: LeaveReason,
    ) {
        for seat in seats {
            self.leave(&seat, reason);
        }
        self.hub.disconnect(link);
    }

    /// Asks every connection to come back, spread over `within`.
    pub fn drain(&self, within: Duration) {
        self.hub.drain(within);
    }

    /// The room's key, if the token opens it.
    fn key(&self, who: &Principal, room: &RoomName) -> Result<RoomKey, Refusal> {
        if crate::access::opens(who, room) {
            return Ok(RoomKey { project: who.project, name: room.clone() });
        }
        Err(Refusal::NotInvited)
    }

    /// A UUID of version 7 for a message of that time (RFC 9562, 5.7).
    fn message_id(&self, now: Timestamp) -> MessageId {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let bits = self.entropy.bits().to_be_bytes();
        let mut random = [0; 10];
        random.copy_from_slice(&bits[..10]);
        MessageId::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The roles that tokens of people present give, of those whom the write names.
    fn live_roles(&self, key: &RoomKey, write: &Write) -> Vec<(UserId, Role)> {
        let named: &[UserId] = match write {
            Write::Post(draft) => match &draft.audience {
                Audience::Users(users) => users,
                _ => return Vec::new(),
            },
            Write::Mute { user, .. }
            | Write::Kick { user }
            | Write::Unmute { user }
            | Write::Ban { user, .. }
            | Write::Unban { user }
            | Write::SetRole { user, .. }
            | Write::SetGroups { user, .. } => std::slice::from_ref(user),
            // Whom the message is for is not known here; of them, moderators count.
            Write::Edit { .. } | Write::React { .. } | Write::Pin { .. } | Write::Unpin { .. } => &[],
            _ => return Vec::new(),
        };
        let Some(live) = self.hub.live(key) else { return Vec::new() };
        let roles = |roster: &Roster| match named {
            [] => roster::live_moderators(roster),
            named => roster::live_roles(roster, named),
        };
        live.with(|_, roster| roles(roster)).unwrap_or_default()
    }
}

/// A room that does not exist looks like one that is not yours.
fn as_not_found(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(Refusal::RoomGone) => Refusal::NotFound { what: "room" }.into(),
        failure => failure,
    }
}

/// Hands what the store committed to the fan-out.
struct ToFanout(Arc<dyn Fanout>);

impl CommitSink for ToFanout {
    fn committed(&self, committed: Committed) {
        self.0.publish(Hint::Committed(committed));
    }
}
