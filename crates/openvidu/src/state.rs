//! What all requests and sockets of this dialect share, and what is done to sessions from both sides.

use std::cell::LazyCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{FaceId, Link};
use sidetalk_core::model::{
    ConnectionId, Identity, Presence, Principal, ProjectId, Role as CoreRole, RoomKey,
};
use sidetalk_core::ports::{Entropy, Outlet};
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::service::{JoinWish, Joined, Service};
use sidetalk_edge::berth::Berth;
use sidetalk_edge::drop_in::display_name;
use sidetalk_edge::gate::Household;
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::rate::KeyedRates;
use sidetalk_edge::socket::Sockets;

use crate::DIALECT;
use crate::book::{Book, Connection, Session, SessionKey};
use crate::ids;
use crate::pulse::Watch;
use crate::settings::OpenViduSettings;
use crate::stay::{Stay, Stays};
use crate::to_wire::{self, OpenViduFace};
use crate::wire::Role;

/// What all requests and sockets of this dialect share. Cloning is cheap.
#[derive(Clone)]
pub struct OpenViduState(Arc<Shared>);

/// The inside of [`OpenViduState`].
pub struct Shared {
    pub(crate) service: Arc<Service>,
    pub(crate) face: FaceId,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) renderer: OpenViduFace,
    pub(crate) book: Book,
    pub(crate) stays: Stays,
    pub(crate) watch: Watch,
    pub(crate) auth_failures: Option<KeyedRates<Household>>,
    /// The project whose secret was good last.
    pub(crate) credentials: Mutex<Option<ProjectId>>,
    pub(crate) settings: Arc<OpenViduSettings>,
}

impl Deref for OpenViduState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl OpenViduState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The application's server.
    pub(crate) fn server(&self, project: ProjectId) -> Principal {
        Principal::server(project, Some(DIALECT))
    }

    /// Who is in a session, of every dialect, in the order in which they came.
    pub(crate) fn presences(&self, key: &SessionKey) -> Vec<Arc<Presence>> {
        let live = self.service.hub().live(&room_key(key));
        live.and_then(|live| live.with(|_, roster| roster.iter().cloned().collect())).unwrap_or_default()
    }

    pub(crate) fn is_here(&self, key: &SessionKey, connection: ConnectionId) -> bool {
        self.service.hub().live(&room_key(key)).is_some_and(|live| live.has(connection))
    }

    pub(crate) fn presence(&self, key: &SessionKey, connection: ConnectionId) -> Option<Arc<Presence>> {
        self.service.hub().live(&room_key(key))?.with(|_, roster| roster.get(connection).cloned())?
    }

    /// The connection of that name in a session.
    pub(crate) fn find(&self, key: &SessionKey, name: &str) -> Option<ConnectionId> {
        self.find_all(key, &[name].into()).ok()?.pop()
    }

    /// The connections of those names in a session, or a name that nobody there has. However many names are asked for, those
    /// who are there are gone through once at most.
    pub(crate) fn find_all<'a>(
        &self,
        key: &SessionKey,
        names: &BTreeSet<&'a str>,
    ) -> Result<Vec<ConnectionId>, &'a str> {
        // Of a connection of another dialect the id cannot be told from the name.
        let by_number = LazyCell::new(|| {
            let ids = self.presences(key).into_iter().map(|presence| presence.connection);
            ids.filter_map(|id| Some((ids::number_in_name(id)?, id))).collect::<HashMap<_, _>>()
        });
        let find = |name: &'a str| {
            let id = ids::connection(key.session.as_str(), name);
            if self.is_here(key, id) {
                return Ok(id);
            }
            ids::number_of(name).and_then(|number| by_number.get(&number).copied()).ok_or(name)
        };
        names.iter().copied().map(find).collect()
    }

    /// Takes a place in a session for a connection of the book.
    pub(crate) async fn enter(
        &self,
        key: &SessionKey,
        connection: &Connection,
        client_data: &str,
        berth: &Arc<Berth>,
        is_back: bool,
    ) -> Result<Joined, Failure> {
        let id = ids::connection(key.session.as_str(), &connection.name);
        let identity = Arc::new(identity(key, connection, client_data));
        let outlet = Arc::clone(berth) as Arc<dyn Outlet>;
        let link = self.service.connect(Link::new(id, self.face, DIALECT, key.project, identity, outlet));
        let history = connection.replay_history.unwrap_or(self.settings.replay_history);
        let wish = JoinWish {
            position: None,
            history: if is_back { 0 } else { history.min(self.service.limits().page_max) },
            presence: true,
            client_data: client_data.into(),
            is_back,
        };
        let joined = self.service.join(&link.principal(), &link, &key.session, wish).await;
        joined.inspect_err(|_| self.service.hub().disconnect(&link))
    }

    /// A session that goes on: one that was used ends with the last who leaves, though the book may not know it yet.
    pub(crate) async fn session(&self, key: &SessionKey) -> Result<Option<Session>, Failure> {
        let session = self.book.session(key).await?;
        Ok(session.filter(|session| !session.used || !self.presences(key).is_empty()))
    }

    /// Puts a connection out: those who stay hear that it left, then the `answer` goes to whoever asked for it, then
    /// everybody hears that it was put out. (The clients pass over what is about others, but the original tells them.)
    /// Without a moderator it is the application's server that does it.
    pub(crate) async fn put_out(
        &self,
        key: &SessionKey,
        connection: ConnectionId,
        moderator: Option<&Stay>,
        answer: Option<(&Arc<Stay>, Bytes)>,
    ) -> Result<(), Failure> {
        let missing = || Refusal::NotFound { what: "connection" };
        let presence = self.presence(key, connection).ok_or_else(missing)?;
        let (who, reason) = match moderator {
            None => (self.server(key.project), LeaveReason::Removed),
            // The vendor's moderators put out each other, and themselves: so the application's server does it for them.
            Some(_) if presence.dialect == DIALECT && presence.role <= CoreRole::Moderator => {
                (self.server(key.project), LeaveReason::Kicked)
            }
            // On everybody else they act as moderators of any dialect do.
            Some(moderator) => (moderator.link.principal(), LeaveReason::Kicked),
        };
        self.service.cut(&who, &key.session, connection, reason).await?;
        if let Some((stay, frame)) = answer {
            stay.seat.answer(frame);
        }
        let told = to_wire::evicted(&presence, reason);
        for presence in self.presences(key) {
            if let Some(stay) = self.stays.get(key, presence.connection) {
                stay.seat.answer(told.clone());
            }
        }
        Ok(())
    }

    /// The socket of a stay is gone: gives it some time to come back, if there is something to come back to.
    pub(crate) fn lose(&self, stay: &Arc<Stay>, outbox: &Arc<Outbox>, grace: Duration) {
        if !stay.berth.leave(outbox) {
            // Another socket may have taken over. If none can any more, core has closed this one for good.
            if stay.berth.is_over() {
                self.service.leave(&stay.seat, LeaveReason::Removed);
            }
            return;
        }
        if outbox.is_behind() {
            // What it has not taken is lost, so nobody comes back without a gap.
            stay.berth.give_up();
            return self.service.leave(&stay.seat, LeaveReason::Lost);
        }
        self.wait_for(stay, grace);
    }

    /// Nobody is in the berth of a stay: gives it some time to come back.
    pub(crate) fn wait_for(&self, stay: &Arc<Stay>, grace: Duration) {
        let (state, stay) = (self.clone(), Arc::clone(stay));
        let is_lost = stay.berth.absence(grace);
        tokio::spawn(async move {
            if is_lost.await {
                state.service.leave(&stay.seat, LeaveReason::Lost);
            }
        });
    }

    /// Forgets a session when nobody is in it.
    pub(crate) async fn end_if_empty(&self, key: &SessionKey) -> Result<(), Failure> {
        let _turn = self.book.lock(key).await;
        self.forget_if_over(key).await
    }

    /// Forgets a session that has ended. The caller has its lock.
    pub(crate) async fn forget_if_over(&self, key: &SessionKey) -> Result<(), Failure> {
        let session = self.book.session(key).await?;
        if session.is_some_and(|session| session.used) && self.presences(key).is_empty() {
            self.book.remove_session(key).await?;
        }
        Ok(())
    }

    /// Somebody of this dialect is in the session, by whatever way: from now on it ends with the last who leaves. Whoever has
    /// gone again may have been in an earlier session of that name.
    pub(crate) async fn note_use(&self, key: &SessionKey, connection: ConnectionId) -> Result<(), Failure> {
        let _turn = self.book.lock(key).await;
        match self.book.session(key).await? {
            Some(session) if !session.used && self.is_here(key, connection) => {
                self.book.put_used(key, &session).await
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn room_key(key: &SessionKey) -> RoomKey {
    RoomKey { project: key.project, name: key.session.clone() }
}

/// A connection as core's user: each is somebody of its own.
pub(crate) fn identity(key: &SessionKey, connection: &Connection, client_data: &str) -> Identity {
    let name = display_name([client_data, &connection.data]);
    Identity {
        user: connection.user(),
        name: name.map_or_else(|| connection.name.as_str().into(), Into::into),
        avatar: None,
        role: core_role(connection.role),
        groups: Arc::default(),
        data: connection.data.as_str().into(),
        rooms: Some([key.session.clone()].into()),
        issued_at: None,
        expires_at: None,
    }
}

/// Everybody in a session may write in this dialect; only moderators may put out.
pub(crate) fn core_role(role: Role) -> CoreRole {
    match role {
        Role::Subscriber | Role::Publisher => CoreRole::Member,
        Role::Moderator => CoreRole::Moderator,
    }
}
