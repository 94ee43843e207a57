//! Somebody on a live connection whose frames are caught.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{ConnectionId, Draft, Identity, Position, ProjectId, Role, RoomName, UserId};
use sidetalk_core::ports::{Closing, Outlet};
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::{JoinWish, Joined, Service};
use sidetalk_core::transaction::Written;
use uuid::Uuid;

/// How long a frame that must come may take.
const WAIT: Duration = Duration::from_secs(20);

/// Somebody on a live connection.
pub struct Person {
    service: Arc<Service>,
    link: Arc<Link>,
    caught: Arc<Caught>,
    seats: Mutex<Vec<Arc<Seat>>>,
}

/// What came over a connection.
#[derive(Debug, Default)]
struct Caught {
    frames: Mutex<Vec<Value>>,
    closed: Mutex<Option<Closing>>,
}

impl Caught {
    /// The first notification of that method; what came before it is forgotten.
    fn take(&self, method: &str) -> Option<Value> {
        let mut frames = self.frames.lock();
        let place = frames.iter().position(|frame| frame["method"] == method)?;
        frames.drain(..=place).next_back()
    }
}

impl Outlet for Caught {
    fn send(&self, frames: Bytes) {
        self.frames.lock().extend(texts(&frames));
    }

    fn close(&self, why: Closing) {
        self.closed.lock().get_or_insert(why);
    }
}

impl Person {
    pub(crate) fn connect(service: &Arc<Service>, project: ProjectId, name: &str, role: Role) -> Self {
        let caught = Arc::new(Caught::default());
        let identity = Identity {
            user: UserId::new(name).expect("tests use valid ids"),
            name: name.into(),
            avatar: None,
            role,
            groups: Vec::new().into(),
            data: "".into(),
            rooms: None,
            issued_at: None,
            expires_at: None,
        };
        let id = ConnectionId::from_uuid(Uuid::from_u128(service.entropy().bits()));
        let outlet = Arc::clone(&caught) as Arc<dyn Outlet>;
        let link =
            service.connect(Link::new(id, 0, sidetalk_api::DIALECT, project, Arc::new(identity), outlet));
        Self { service: Arc::clone(service), link, caught, seats: Mutex::default() }
    }

    /// The connection as the service has it.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The connection.
    pub fn connection(&self) -> ConnectionId {
        self.link.id()
    }

    /// Joins a room, with what was missed since `position`, and hears what happens there from now on.
    ///
    /// # Errors
    /// As the service says.
    pub async fn join(&self, room: &str, position: Option<Position>) -> Result<Joined, Failure> {
        let wish = JoinWish { position, history: 50, presence: true, client_data: "".into(), is_back: false };
        let joined = self.service.join(&self.link.principal(), &self.link, &name(room), wish).await?;
        joined.seat.release();
        self.seats.lock().push(Arc::clone(&joined.seat));
        Ok(joined)
    }

    /// Posts a text.
    ///
    /// # Errors
    /// As the service says.
    pub async fn post(&self, room: &str, text: &str) -> Result<Written, Failure> {
        self.write(room, Write::Post(Draft::text(text))).await
    }

    /// Writes.
    ///
    /// # Errors
    /// As the service says.
    pub async fn write(&self, room: &str, write: Write) -> Result<Written, Failure> {
        self.service.write(&self.link.principal(), &name(room), write).await
    }

    /// What came so far, each frame once.
    pub fn heard(&self) -> Vec<Value> {
        std::mem::take(&mut *self.caught.frames.lock())
    }

    /// How many notifications of that method have come and were not taken.
    pub fn count(&self, method: &str) -> usize {
        self.caught.frames.lock().iter().filter(|frame| frame["method"] == method).count()
    }

    /// Waits until a notification of that method has come; gives it and forgets what came before it.
    pub async fn hears(&self, method: &str) -> Value {
        let heard = async {
            loop {
                if let Some(frame) = self.caught.take(method) {
                    return frame;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let heard = tokio::time::timeout(WAIT, heard).await;
        heard.unwrap_or_else(|_| panic!("{method} did not come; this did: {:?}", self.heard()))
    }

    /// Why the server has closed the connection, if it has.
    pub fn closed(&self) -> Option<Closing> {
        *self.caught.closed.lock()
    }

    /// Goes away without a word.
    pub fn vanish(self) {
        let seats = std::mem::take(&mut *self.seats.lock());
        self.service.disconnect(&self.link, seats, LeaveReason::Lost);
    }
}

fn name(room: &str) -> RoomName {
    RoomName::new(room).expect("tests use valid names")
}

/// The texts in finished server frames (RFC 6455, 5.2; unmasked).
fn texts(mut frames: &[u8]) -> Vec<Value> {
    let mut texts = Vec::new();
    while let [first, length, rest @ ..] = frames {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("eight bytes")) as usize, &rest[8..]),
            length => (usize::from(*length), rest),
        };
        if first & 0x0f == 1 {
            texts.push(serde_json::from_slice(&rest[..length]).expect("the native face speaks JSON"));
        }
        frames = &rest[length..];
    }
    texts
}
