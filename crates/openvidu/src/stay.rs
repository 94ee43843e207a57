//! A connection's stay in a session, which outlives its socket for the time of grace.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{ConnectionId, Role};
use sidetalk_edge::berth::Berth;

use crate::book::SessionKey;

/// Somebody in a session.
pub(crate) struct Stay {
    pub(crate) key: SessionKey,
    /// The client's secret for coming back.
    pub(crate) rpc: String,
    pub(crate) link: Arc<Link>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) berth: Arc<Berth>,
}

impl Stay {
    pub(crate) fn new(key: SessionKey, rpc: String, seat: Arc<Seat>, berth: Arc<Berth>) -> Arc<Self> {
        let link = Arc::clone(seat.link());
        Arc::new(Self { key, rpc, link, seat, berth })
    }

    /// Whether it moderates, whichever dialect's people have made it so or taken that away.
    pub(crate) fn moderates(&self) -> bool {
        let role = self.seat.live().with(|room, _| room.role_in(&self.link.identity()));
        role.is_some_and(|role| role >= Role::Moderator)
    }
}

/// All stays of this node. Sessions may choose the same names for their connections, so an id alone names nobody.
#[derive(Default)]
pub(crate) struct Stays {
    by_id: Mutex<HashMap<(SessionKey, ConnectionId), Arc<Stay>>>,
    by_rpc: Mutex<HashMap<String, Arc<Stay>>>,
}

impl Stays {
    pub(crate) fn add(&self, stay: &Arc<Stay>) {
        self.by_rpc.lock().insert(stay.rpc.clone(), Arc::clone(stay));
        let replaced = self.by_id.lock().insert((stay.key.clone(), stay.link.id()), Arc::clone(stay));
        if let Some(replaced) = replaced.filter(|replaced| !Arc::ptr_eq(replaced, stay)) {
            self.by_rpc.lock().remove(&replaced.rpc);
        }
    }

    pub(crate) fn remove(&self, key: &SessionKey, id: ConnectionId) -> Option<Arc<Stay>> {
        let stay = self.by_id.lock().remove(&(key.clone(), id))?;
        self.by_rpc.lock().remove(&stay.rpc);
        Some(stay)
    }

    pub(crate) fn get(&self, key: &SessionKey, id: ConnectionId) -> Option<Arc<Stay>> {
        self.by_id.lock().get(&(key.clone(), id)).cloned()
    }

    /// The stay of the client with that secret.
    pub(crate) fn of_client(&self, rpc: &str) -> Option<Arc<Stay>> {
        self.by_rpc.lock().get(rpc).cloned()
    }
}
