//! A stage with people on it whose wires are read as words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::event::{Event, Happening, LeaveReason, Moment, Sight, Sitting};
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{
    Audience, ConnectionId, Dialect, Presence, Principal, Role, RoomKey, RoomName, Signal, SignalData,
    Timestamp,
};
use sidetalk_core::ports::{Closing, Face, Outlet, Witness};
use sidetalk_core::service::JoinWish;

use crate::stage::{Stage, person};

/// A face whose frames are lines: `s hello` a signal, `e3 hello` an entry, `+bob` and `-bob Left` who comes and goes.
pub(crate) struct Words;

/// The place of [`Words`] in the list of faces.
pub(crate) const WORDS: usize = 1;

impl Face for Words {
    fn dialect(&self) -> Dialect {
        Dialect::new("words")
    }

    fn render(&self, happening: Happening<'_>) -> Option<Bytes> {
        Some(Bytes::from(words(&happening)? + "\n"))
    }

    /// What begins with `each` says for whom it is, and is not for carol.
    fn differs(&self, happening: Happening<'_>) -> bool {
        words(&happening).is_some_and(|words| words.starts_with("s each"))
    }

    fn render_for(&self, happening: Happening<'_>, listener: &Presence) -> Option<Bytes> {
        let name = listener.identity.user.as_str();
        let words = words(&happening).filter(|_| name != "carol")?;
        Some(Bytes::from(format!("{words} for {name}\n")))
    }
}

fn words(happening: &Happening<'_>) -> Option<String> {
    Some(match happening {
        Happening::Entry { entry, .. } => {
            let what = match &entry.event {
                Event::MessagePosted(message) => message.text(),
                event => format!("{event:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
            };
            format!("e{} {what}", entry.seq)
        }
        Happening::Moment { moment: Moment::Signalled { signal, .. }, .. } => match &signal.data {
            SignalData::Text(text) | SignalData::Json(text) => format!("s {text}"),
        },
        Happening::Moment { moment: Moment::Joined(presence), .. } => format!("+{}", presence.identity.user),
        Happening::Moment { moment: Moment::Left { presence, reason }, .. } => {
            format!("-{} {reason:?}", presence.identity.user)
        }
        Happening::Removed { reason, .. } => format!("removed {reason:?}"),
        _ => return None,
    })
}

/// The wire to one person: what was written, each write by itself.
#[derive(Default)]
pub(crate) struct Wire {
    writes: Mutex<Vec<String>>,
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Outlet for Wire {
    fn send(&self, frames: Bytes) {
        self.writes.lock().push(String::from_utf8(frames.into()).expect("words"));
        let then = self.then.lock().take();
        then.into_iter().for_each(|then| then());
    }

    fn close(&self, _why: Closing) {}
}

/// Somebody with a link, perhaps in a room.
pub(crate) struct Guest {
    pub(crate) who: Principal,
    pub(crate) link: Arc<Link>,
    wire: Arc<Wire>,
}

pub(crate) fn room(name: &str) -> RoomName {
    RoomName::new(name).expect("a valid name")
}

pub(crate) fn say(words: &str) -> Signal {
    Signal { kind: None, data: SignalData::Text(words.into()), to: Audience::Room }
}

impl Guest {
    pub(crate) fn new(stage: &Stage, name: &str, role: Role) -> Self {
        let who = person(name, role, &[]);
        let sidetalk_core::model::Actor::User(identity) = &who.actor else { unreachable!("a user") };
        let wire = Arc::<Wire>::default();
        let id = ConnectionId::from_uuid(uuid::Uuid::from_u128(stage.service.entropy().bits()));
        let link = Link::new(id, WORDS, Dialect::new("words"), who.project, identity.clone(), wire.clone());
        let link = stage.service.connect(link);
        Self { who: link.principal(), link, wire }
    }

    /// Takes a seat that is held.
    pub(crate) async fn take_seat(&self, stage: &Stage, name: &str, presence: bool) -> Arc<Seat> {
        let wish = JoinWish { position: None, history: 0, presence, client_data: "".into(), is_back: false };
        let joined = stage.service.join(&self.who, &self.link, &room(name), wish).await;
        joined.expect("who may join joins").seat
    }

    /// Joins without asking who else is there.
    pub(crate) async fn join(&self, stage: &Stage, name: &str) -> Arc<Seat> {
        let seat = self.take_seat(stage, name, false).await;
        seat.release();
        seat
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, stage: &Stage, seat: &Seat, words: &str) {
        let sent = stage.service.signal_from(&self.who, seat, say(words));
        assert_eq!(sent.expect("it is sent"), None);
    }

    pub(crate) fn leave(&self, stage: &Stage, seat: &Arc<Seat>) {
        stage.service.leave(seat, LeaveReason::Left);
    }

    /// What was written so far, each write once.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut *self.wire.writes.lock())
    }

    /// Does that when the next thing is written to the wire: in the midst of a flush.
    pub(crate) fn at_next_write(&self, then: impl FnOnce() + Send + 'static) {
        *self.wire.then.lock() = Some(Box::new(then));
    }

    /// Waits until the line `last` was written; gives the writes up to now.
    pub(crate) async fn writes_until(&self, last: &str) -> Vec<String> {
        let mut writes = Vec::new();
        let read = async {
            while !writes.iter().any(|write: &String| write.lines().any(|line| line == last)) {
                tokio::time::sleep(Duration::from_millis(1)).await;
                writes.extend(self.writes());
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(read.is_ok(), "{last} did not come; this did: {writes:?}");
        writes
    }

    /// As [`Self::writes_until`], line by line.
    pub(crate) async fn lines_until(&self, last: &str) -> Vec<String> {
        self.writes_until(last).await.concat().lines().map(str::to_owned).collect()
    }
}

/// Writes down what is seen of rooms.
#[derive(Default)]
pub(crate) struct Watcher(Mutex<Vec<(RoomKey, Timestamp, String)>>);

impl Witness for Watcher {
    fn saw(&self, room: &RoomKey, sitting: Sitting, sight: Sight<'_>) {
        let seen = match sight {
            Sight::Began => "began".to_owned(),
            Sight::Came(presence) => format!("+{}", presence.identity.user),
            Sight::Happened { happening, roster } => {
                let there: Vec<_> = roster.iter().map(|presence| presence.identity.user.as_str()).collect();
                let Some(words) = words(&happening) else { return };
                format!("{words} ({})", there.join(" "))
            }
            Sight::Went { presence, reason } => format!("-{} {reason:?}", presence.identity.user),
            Sight::Ended { reason } => format!("ended {reason:?}"),
        };
        self.0.lock().push((room.clone(), sitting.began_at, seen));
    }
}

impl Watcher {
    /// What was seen of a room, and not told yet. Each sitting has one beginning and another one than those before.
    pub(crate) fn seen(&self, name: &str) -> Vec<String> {
        let mut all = self.0.lock();
        let (own, others) =
            std::mem::take(&mut *all).into_iter().partition(|(key, ..)| key.name == room(name));
        *all = others;
        let own: Vec<(RoomKey, Timestamp, String)> = own;
        for pair in own.windows(2) {
            let begins = pair[1].2 == "began";
            assert_eq!(pair[0].1 != pair[1].1, begins, "{pair:?}");
        }
        own.into_iter().map(|(_, _, seen)| seen).collect()
    }
}
