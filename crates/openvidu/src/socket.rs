//! The socket: a stranger pings, joins a session or comes back to one, and sends signals.
//!
//! ```text
//!   Stranger ── joinRoom, token good ──> Inside(stay) ── leaveRoom, eviction ──> Out
//!       └────── connect, secret good ──────^    └── socket lost: the stay waits for another socket
//! ```
//! An answer to something that others see goes out behind it ([`Seat::answer`]): the vendor's clients get their own signal before the
//! result of sending it.
//!
//! [`Seat::answer`]: sidetalk_core::hub::Seat::answer

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{Audience, Principal, Signal};
use sidetalk_core::ports::Outlet as _;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::rate::{self, Cell};
use sidetalk_edge::socket::{Ended, Session, Step};

use crate::error::{
    ALREADY_JOINED, BAD_REQUEST, BAD_SIGNAL, BAD_TARGET, GENERIC, NO_PARTICIPANT, NOT_JOINED, RpcError,
    UNAUTHORIZED,
};
use crate::from_wire::{self, Asked, Call, Join, SignalWish};
use crate::join::{Entered, Newcomer};
use crate::pulse::Pulse;
use crate::state::OpenViduState;
use crate::stay::Stay;
use crate::to_wire;
use crate::wire::{Done, Pong, Reconnected};

/// Frames that were no requests, before the socket is closed.
const MALFORMED_MAX: u8 = 20;
/// The close code of a page that is gone.
const GOING_AWAY: u16 = 1001;

/// The session of one socket.
pub struct OpenViduSession {
    state: OpenViduState,
    outbox: Arc<Outbox>,
    address: Option<IpAddr>,
    pulse: Arc<Pulse>,
    phase: Phase,
    requests: Cell,
    malformed: u8,
}

enum Phase {
    Stranger,
    Inside(Arc<Stay>),
    Out,
}

type RequestId = Option<Box<RawValue>>;

/// What a request that had to wait came to.
pub enum Waited {
    /// Nothing that the session must know.
    Done,
    /// Somebody is in.
    Joined(Box<Entered>),
}

impl OpenViduSession {
    /// A socket of somebody who has yet to say who it is.
    #[must_use]
    pub fn new(state: OpenViduState, outbox: Arc<Outbox>, address: Option<IpAddr>) -> Self {
        let pulse = state.watch.add(&outbox, address);
        let (requests, phase) = (Cell::default(), Phase::Stranger);
        Self { state, outbox, address, pulse, phase, requests, malformed: 0 }
    }

    fn serve(&mut self, id: RequestId, call: Call) -> Step<Waited> {
        match call {
            Call::Ping { interval } => self.ping(id.as_deref(), interval),
            Call::Join(wish) => self.join(id, wish),
            Call::Connect { rpc } => self.come_back(id.as_deref(), &rpc),
            call => match &self.phase {
                Phase::Inside(stay) if stay.seat.is_in() => {
                    let stay = Arc::clone(stay);
                    self.act(id, stay, call)
                }
                _ => self.refuse(id.as_deref(), &not_joined()),
            },
        }
    }

    fn ping(&self, id: Option<&RawValue>, interval: Option<Duration>) -> Step<Waited> {
        self.pulse.beat(interval);
        // A client that pings is somebody, though it may never join: the watch has its own patience and bounds.
        self.outbox.set_authenticated();
        self.answer(id, Pong { value: "pong" });
        Step::Next
    }

    fn join(&mut self, id: RequestId, wish: Join) -> Step<Waited> {
        if !matches!(self.phase, Phase::Stranger) {
            return self.refuse(id.as_deref(), &already_joined());
        }
        let (state, outbox) = (self.state.clone(), Arc::clone(&self.outbox));
        let newcomer = Newcomer { state, outbox, address: self.address, id, wish };
        // A task of its own: once the token is used up the rest must happen, even if the socket is lost.
        let entering = tokio::spawn(newcomer.join());
        Step::wait(async move {
            match entering.await {
                Ok(Some(entered)) => Waited::Joined(Box::new(entered)),
                Ok(None) | Err(_) => Waited::Done,
            }
        })
    }

    fn come_back(&mut self, id: Option<&RawValue>, rpc: &str) -> Step<Waited> {
        let stay = self.state.stays.of_client(rpc).filter(|stay| stay.seat.is_in());
        let Some(stay) = stay else { return self.refuse(id, &RpcError::no_reconnection()) };
        // A socket is one member's: another one's place on it would be noticed as lost by nobody.
        if matches!(&self.phase, Phase::Inside(own) if own.seat.is_in() && !Arc::ptr_eq(own, &stay)) {
            return self.refuse(id, &already_joined());
        }
        let result = Reconnected { value: "reconnection successful", session_id: &stay.rpc };
        let first = id.map_or_else(Bytes::new, |id| to_wire::result(id, result));
        match stay.berth.board(&self.outbox, first) {
            Ok(replaced) => {
                if let Some(replaced) = replaced.filter(|replaced| !Arc::ptr_eq(replaced, &self.outbox)) {
                    replaced.close_with(&Close::new(Code::Normal, "replaced by another socket"));
                }
                self.inside(stay);
                Step::Next
            }
            Err(_) => {
                // More was missed than was kept: who is told to begin anew is gone for the others too.
                self.state.service.leave(&stay.seat, LeaveReason::Lost);
                self.refuse(id, &RpcError::no_reconnection())
            }
        }
    }

    fn inside(&mut self, stay: Arc<Stay>) {
        self.outbox.set_authenticated();
        self.pulse.set_joined();
        self.phase = Phase::Inside(stay);
    }

    /// What only somebody in a session may ask for.
    fn act(&mut self, id: RequestId, stay: Arc<Stay>, call: Call) -> Step<Waited> {
        match call {
            Call::Send(wish) => self.send(id, stay, wish),
            Call::Leave => {
                self.state.service.leave(&stay.seat, LeaveReason::Left);
                self.phase = Phase::Out;
                self.answer(id.as_deref(), Done { session_id: &stay.rpc });
                Step::Next
            }
            Call::ForceDisconnect { connection } => self.put_out(id, stay, &connection),
            Call::Nothing => {
                self.answer(id.as_deref(), Done { session_id: &stay.rpc });
                Step::Next
            }
            Call::Ping { .. } | Call::Join(_) | Call::Connect { .. } => Step::Next,
        }
    }

    /// The hot path: judged and published without waiting, unless it is chat and must be stored.
    fn send(&mut self, id: RequestId, stay: Arc<Stay>, wish: SignalWish) -> Step<Waited> {
        let settings = &self.state.settings;
        if !settings.allows(&wish.data) {
            let message = format!("data is longer than {} characters. Code: 600", settings.signal_chars_max);
            return self.refuse(id.as_deref(), &RpcError::new(BAD_SIGNAL, message));
        }
        let to = match self.audience(&stay, &wish.to) {
            Ok(to) => to,
            Err(error) => return self.refuse(id.as_deref(), &error),
        };
        let signal = Signal { kind: wish.kind, data: wish.data, to };
        // The role may have changed since the last one.
        let who = stay.link.principal();
        match self.state.service.signal_from(&who, &stay.seat, signal) {
            Ok(None) => {
                done_behind(&stay, id.as_deref());
                Step::Next
            }
            Ok(Some(write)) => {
                let state = self.state.clone();
                Step::wait(async move { post(&state, &stay, &who, id, write).await })
            }
            Err(refusal) => self.refuse(id.as_deref(), &RpcError::of_signal(&refusal.into())),
        }
    }

    fn audience(&self, stay: &Stay, to: &[String]) -> Result<Audience, RpcError> {
        if to.is_empty() {
            return Ok(Audience::Room);
        }
        let names: BTreeSet<_> = to.iter().map(String::as_str).collect();
        let max = self.state.service.limits().audience_max;
        // Before anybody is looked for: so many names fit in a frame that it would take seconds.
        if names.len() > max {
            return Err(RpcError::of_signal(&Refusal::TooLarge { field: "to", max }.into()));
        }
        let missing = |name| {
            let message = format!("connection {name:.64} is not in the session. Code: {BAD_TARGET}");
            RpcError::new(BAD_TARGET, message)
        };
        Ok(Audience::connections(self.state.find_all(&stay.key, &names).map_err(missing)?))
    }

    fn put_out(&mut self, id: RequestId, stay: Arc<Stay>, name: &str) -> Step<Waited> {
        if !stay.moderates() {
            let error = RpcError::new(UNAUTHORIZED, "only a MODERATOR may disconnect others. Code: 401");
            return self.refuse(id.as_deref(), &error);
        }
        let Some(connection) = self.state.find(&stay.key, name) else {
            let error = RpcError::new(NO_PARTICIPANT, "no such connection in the session. Code: 102");
            return self.refuse(id.as_deref(), &error);
        };
        let (state, mut id) = (self.state.clone(), id);
        if connection == stay.link.id() {
            // Afterwards nothing reaches it any more.
            self.answer(id.take().as_deref(), Done { session_id: &stay.rpc });
        }
        Step::wait(async move {
            let done = id.as_deref().map(|id| (&stay, to_wire::result(id, Done { session_id: &stay.rpc })));
            let put_out = state.put_out(&stay.key, connection, Some(&stay), done).await;
            if let Err(failure) = put_out {
                refuse_to(&stay, id.as_deref(), &RpcError::of(&failure));
            }
            Waited::Done
        })
    }

    fn answer<T: Serialize>(&self, id: Option<&RawValue>, result: T) {
        if let Some(id) = id {
            self.outbox.send(to_wire::result(id, result));
        }
    }

    fn refuse(&self, id: Option<&RawValue>, error: &RpcError) -> Step<Waited> {
        if let Some(id) = id {
            self.outbox.send(to_wire::refused(id, error));
        }
        Step::Next
    }

    /// Something that is no request.
    fn malformed(&mut self) -> Step<Waited> {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed >= MALFORMED_MAX {
            return Step::Close(Close::new(Code::Normal, "too many frames that are no requests"));
        }
        let nobody = RawValue::from_string("null".to_owned()).expect("null is JSON");
        self.refuse(Some(&nobody), &RpcError::new(BAD_REQUEST, "this is not a JSON-RPC 2.0 request object"))
    }

    /// The socket of somebody inside is gone.
    fn lost(&self, stay: &Arc<Stay>, ended: Ended) {
        let settings = &self.state.settings;
        let grace = match ended {
            Ended::ByPeer { number: Some(GOING_AWAY) } => settings.closed_page_grace,
            _ => settings.grace,
        };
        self.state.lose(stay, &self.outbox, grace);
    }
}

impl Session for OpenViduSession {
    type Done = Waited;

    fn on_text(&mut self, text: &str) -> Step<Waited> {
        let Some(Asked { id, is_for_all, call }) = from_wire::request(text) else { return self.malformed() };
        if let Some(rule) = &self.state.settings.requests_per_connection
            && let Err(limited) = self.requests.check(rule, rate::now())
        {
            return self
                .refuse(id.as_deref(), &RpcError::new(GENERIC, format!("{limited}. Code: {GENERIC}")));
        }
        match call {
            Ok(call) => self.serve(id, call),
            // Before joining, what cannot be read is as far away as what can.
            Err(_) if !is_for_all && !matches!(self.phase, Phase::Inside(_)) => {
                self.refuse(id.as_deref(), &not_joined())
            }
            Err(error) => self.refuse(id.as_deref(), &error),
        }
    }

    fn on_done(&mut self, waited: Waited) -> Step<Waited> {
        if let Waited::Joined(entered) = waited
            && let Some(stay) = entered.take()
        {
            self.inside(stay);
        }
        Step::Next
    }

    fn on_close(&mut self, ended: Ended) {
        if let Phase::Inside(stay) = std::mem::replace(&mut self.phase, Phase::Out)
            && stay.seat.is_in()
        {
            self.lost(&stay, ended);
        }
    }
}

/// Stores a chat signal and answers behind it.
async fn post(
    state: &OpenViduState,
    stay: &Arc<Stay>,
    who: &Principal,
    id: RequestId,
    write: Write,
) -> Waited {
    match state.service.write(who, &stay.key.session, write).await {
        Ok(_) => done_behind(stay, id.as_deref()),
        Err(failure) => {
            if let Failure::Unavailable(unavailable) = &failure {
                tracing::warn!(error = ?unavailable, "a signal could not be stored");
            }
            refuse_to(stay, id.as_deref(), &RpcError::of_signal(&failure));
        }
    }
    Waited::Done
}

fn done_behind(stay: &Arc<Stay>, id: Option<&RawValue>) {
    if let Some(id) = id {
        stay.seat.answer(to_wire::result(id, Done { session_id: &stay.rpc }));
    }
}

fn refuse_to(stay: &Arc<Stay>, id: Option<&RawValue>, error: &RpcError) {
    if let Some(id) = id {
        stay.seat.answer(to_wire::refused(id, error));
    }
}

fn already_joined() -> RpcError {
    RpcError::new(ALREADY_JOINED, "this socket has joined a session already. Code: 104")
}

fn not_joined() -> RpcError {
    RpcError::new(NOT_JOINED, "join a session first. Code: 803")
}
