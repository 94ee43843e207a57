//! The socket: a stranger becomes somebody by `connect` (or came as somebody, by sub-protocol or ticket), joins rooms, asks.
//!
//! ```text
//!   Stranger ── connect, token good ──> Known { seats… } ── close ──> Over
//!       └────── token bad: 4500 / 4501
//! ```
//! Requests are answered one after the other: what waits for the store is [`Step::Wait`], and edge reads no further frame of
//! this socket meanwhile. A signal from a seat never waits.

mod kept;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::{Link, Seat};
use sidetalk_core::model::{Actor, Audience, ConnectionId, Identity, Principal, ProjectId, RoomName, Signal};
use sidetalk_core::ports::Outlet;
use sidetalk_core::refusal::Refusal;
use sidetalk_core::service::{Held, JoinWish};
use sidetalk_edge::berth::Berth;
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::rate;
use sidetalk_edge::rate::Cell;
use sidetalk_edge::socket::{Ended, Session, Step};

use crate::acts::Out;
use crate::errors::{Problem, RpcError};
use crate::expiry::{Watch, end_of};
use crate::from_wire::{Call, JoinExtras, Keeping, Request, decode_request};
use crate::keep::{Kept, Seats};
use crate::limits::check;
use crate::state::ApiState;
use crate::to_wire;
use crate::token::Verified;
use crate::wire::answer::{Connected, Done, Pong, Refreshed, Signalled};
use crate::wire::json::{Raw, Time};
use crate::wire::notice::Frame;

/// How much of what was sent last is remembered for a connection that may lose its socket.
const RECENT_BYTES_MAX: usize = 256 * 1024;

/// The session of one socket.
pub struct NativeSession {
    api: ApiState,
    outbox: Arc<Outbox>,
    phase: Phase,
    /// Frames that were no requests.
    malformed: u8,
    /// Refusals by the connection's rate limit, in a row.
    limited: u8,
}

enum Phase {
    Stranger { address: Option<IpAddr> },
    Known(Box<Known>),
    Over,
}

/// Somebody.
struct Known {
    link: Arc<Link>,
    principal: Principal,
    /// Ends this socket with its token.
    watch: Watch,
    seats: Seats,
    requests: Cell,
    /// If it outlives this socket.
    kept: Option<Arc<Kept>>,
}

/// The connection that somebody has got.
struct Arrival {
    connection: ConnectionId,
    /// What another socket goes on with it by.
    secret: Option<String>,
    /// Whether this socket went on with it.
    resumed: bool,
}

impl Arrival {
    fn of(link: &Link, kept: Option<&Kept>, resumed: bool) -> Self {
        Self { connection: link.id(), secret: kept.map(|kept| kept.secret.clone()), resumed }
    }
}

/// A request's id as JSON; `None`: no answer is wanted.
type RequestId = Option<Box<str>>;

/// What a request that had to wait came to.
pub enum Waited {
    /// An answer, if one is wanted.
    Answer(Option<Bytes>),
    /// The token of `connect` was looked at.
    Verified(RequestId, Keeping, Result<Verified, Problem>),
    /// The token of `token.refresh` was looked at.
    Refreshed(RequestId, Result<Verified, Problem>),
    /// A place in a room was taken.
    Joined(Held, Option<Bytes>),
}

impl NativeSession {
    /// A socket of somebody who has yet to say who it is.
    #[must_use]
    pub fn stranger(api: ApiState, outbox: Arc<Outbox>, address: Option<IpAddr>) -> Self {
        api.send_away(&outbox);
        Self { api, outbox, phase: Phase::Stranger { address }, malformed: 0, limited: 0 }
    }

    /// A socket whose request brought a good token or ticket: the result of `connect` goes out as `connected`.
    #[must_use]
    pub fn known(api: ApiState, outbox: Arc<Outbox>, verified: &Verified) -> Self {
        let mut session = Self::stranger(api, outbox, None);
        match session.become_known(verified, None) {
            Ok(arrival) => {
                let frame = session.connected_frame(None, verified, &arrival);
                session.outbox.send(frame);
            }
            Err(problem) => session.outbox.close_with(&refused(&problem)),
        }
        session
    }

    fn become_known(&mut self, verified: &Verified, keep: Option<Duration>) -> Result<Arrival, Problem> {
        let Actor::User(identity) = &verified.actor else { return Err(Problem::UserOnly) };
        let berth = keep.map(|_| Berth::recalling(Arc::clone(&self.outbox), RECENT_BYTES_MAX));
        let outlet = match &berth {
            Some(berth) => Arc::clone(berth) as Arc<dyn Outlet>,
            None => Arc::clone(&self.outbox) as Arc<dyn Outlet>,
        };
        let fresh = connection_id(self.api.entropy.bits());
        let dialect = self.api.dialect_of(verified);
        let link = Link::new(fresh, self.api.face, dialect, verified.project, identity.clone(), outlet);
        // A promised connection is the first one's who comes; whoever comes beside it gets another.
        let link = match verified.connection {
            Some(promised) => self.api.service.connect_promised(link, promised),
            None => self.api.service.connect(link),
        };
        let seats = Seats::default();
        let kept = keep.zip(berth).map(|(keep, berth)| {
            let secret = uuid::Builder::from_random_bytes(self.api.entropy.bits().to_be_bytes()).into_uuid();
            let (link, seats) = (Arc::clone(&link), Arc::clone(&seats));
            Kept::new(secret.simple().to_string(), link, berth, seats, keep)
        });
        if let Some(kept) = &kept {
            self.api.kept.add(kept);
        }
        let arrival = Arrival::of(&link, kept.as_deref(), false);
        self.settle(verified, link, seats, kept);
        Ok(arrival)
    }

    /// Somebody is here, for as long as the token says.
    fn settle(&mut self, verified: &Verified, link: Arc<Link>, seats: Seats, kept: Option<Arc<Kept>>) {
        let end = end_of(verified.expires_at, self.api.service.now());
        let watch = self.api.expiries.watch(end, &self.outbox);
        self.outbox.set_authenticated();
        self.api.send_away(&self.outbox);
        let principal = link.principal();
        let known = Known { link, principal, watch, seats, requests: Cell::default(), kept };
        self.phase = Phase::Known(Box::new(known));
    }

    /// What says that somebody is known now: the answer, or without an `id` the notification that says the same.
    fn connected_frame(&self, id: Option<&str>, verified: &Verified, arrival: &Arrival) -> Bytes {
        let identity: Option<&Identity> = match &verified.actor {
            Actor::User(identity) => Some(identity),
            Actor::Server => None,
        };
        let connected = Connected {
            connection: arrival.connection.as_uuid(),
            project: ProjectId::get(verified.project),
            user: to_wire::user(identity.expect("only users become known")),
            server_time: Time(self.api.service.now()),
            token_expires_at: Some(Time(verified.expires_at)),
            ping_interval_ms: u64::try_from(self.api.ping_interval.as_millis()).unwrap_or(u64::MAX),
            limits: self.api.bounds,
            resume: arrival.secret.as_deref(),
            resumed: arrival.resumed,
        };
        match id {
            Some(id) => result_frame(id, &connected),
            None => to_wire::frame(&Frame::new("connected", &connected)),
        }
    }

    /// The stranger's request: only `connect` gets anywhere.
    fn greet(&mut self, request: Request, address: Option<IpAddr>) -> Step<Waited> {
        let (token, keeping) = match request.call {
            Ok(Call::Connect { token, client, keeping }) => {
                tracing::debug!(client.name = client.as_deref(), "a socket wants to connect");
                (token, keeping)
            }
            Ok(_) => {
                let problem = Problem::Unauthenticated("the first request must be connect".into());
                self.answer(request.id.as_deref(), Err(&problem));
                return Step::Close(refused(&problem));
            }
            Err(problem) => {
                self.answer(request.id.as_deref(), Err(&problem));
                return self.strike();
            }
        };
        let api = self.api.clone();
        Step::wait(async move { Waited::Verified(request.id, keeping, api.verify(&token, address).await) })
    }

    fn verified(
        &mut self,
        id: Option<&str>,
        keeping: &Keeping,
        verified: Result<Verified, Problem>,
    ) -> Step<Waited> {
        let became = verified.and_then(|verified| {
            if let Some((secret, received)) = &keeping.resume
                && self.go_on(id, &verified, secret, *received)
            {
                return Ok(None);
            }
            let arrival = self.become_known(&verified, keeping.keep)?;
            Ok(Some(self.connected_frame(id, &verified, &arrival)))
        });
        match became {
            Ok(frame) => {
                if let Some(frame) = frame {
                    self.outbox.send(frame);
                }
                Step::Next
            }
            Err(problem) => {
                self.answer(id, Err(&problem));
                Step::Close(refused(&problem))
            }
        }
    }

    /// The request of somebody known.
    fn serve(&mut self, request: Request) -> Step<Waited> {
        let Phase::Known(known) = &mut self.phase else { return Step::Next };
        let Request { id, call } = request;
        if let Err(limited) =
            check(&mut known.requests, self.api.limits.requests_per_connection.as_ref(), rate::now())
        {
            self.limited = self.limited.saturating_add(1);
            if self.limited >= self.api.limits.limited_max {
                return Step::Close(Close::new(Code::RateLimited, limited.wait_ms.to_string()));
            }
            self.answer(id.as_deref(), Err(&limited.into()));
            return Step::Next;
        }
        self.limited = 0;
        match call {
            Ok(Call::Signal { room, signal }) => self.signal(id, &room, signal),
            Ok(Call::Join { room, wish, extras }) => self.join(id, room, wish, extras),
            Ok(Call::Leave { room }) => self.leave(id.as_deref(), &room),
            Ok(Call::Connect { .. }) => {
                let problem = Problem::InvalidRequest("this socket is connected already".into());
                self.answer(id.as_deref(), Err(&problem));
                Step::Next
            }
            Ok(Call::Refresh { token }) => {
                let api = self.api.clone();
                Step::wait(async move { Waited::Refreshed(id, api.verify(&token, None).await) })
            }
            Ok(call) => {
                let (api, who) = (self.api.clone(), known.principal.clone());
                Step::wait(async move { Waited::Answer(answer(&api, &who, id, call).await) })
            }
            Err(problem) => {
                self.answer(id.as_deref(), Err(&problem));
                match problem {
                    Problem::InvalidRequest(_) => self.strike(),
                    _ => Step::Next,
                }
            }
        }
    }

    /// The hot path: decoded, counted, judged, published, without waiting.
    fn signal(&mut self, id: RequestId, room: &RoomName, signal: Signal) -> Step<Waited> {
        let Phase::Known(known) = &self.phase else { return Step::Next };
        let Some(seat) = known.seat(room) else {
            self.answer(id.as_deref(), Err(&Problem::NotJoined));
            return Step::Next;
        };
        // What is stored counts as a message, and not as a signal too.
        if !self.api.service.stores(&known.principal, &signal)
            && let Err(problem) = self.api.count_signal(&known.principal, room)
        {
            self.answer(id.as_deref(), Err(&problem));
            return Step::Next;
        }
        // What goes to everybody comes back to the sender: the answer goes with it.
        let comes_back = signal.to == Audience::Room;
        match self.api.service.signal_from(&known.principal, &seat, signal) {
            Ok(None) => {
                if let Some(id) = &id {
                    let answer = result_frame(id, &Signalled { message: None });
                    if comes_back { self.outbox.send_along(answer) } else { self.outbox.send(answer) }
                }
                Step::Next
            }
            Ok(Some(write)) => {
                let (api, who, room) = (self.api.clone(), known.principal.clone(), room.clone());
                Step::wait(async move { Waited::Answer(chat_signal(&api, &who, id, &room, write).await) })
            }
            Err(refusal) => {
                self.answer(id.as_deref(), Err(&refusal.into()));
                Step::Next
            }
        }
    }

    fn join(&mut self, id: RequestId, room: RoomName, wish: JoinWish, extras: JoinExtras) -> Step<Waited> {
        let Phase::Known(known) = &mut self.phase else { return Step::Next };
        let count = {
            let mut seats = known.seats.lock();
            seats.retain(|seat| seat.is_in());
            seats.len()
        };
        let max = self.api.limits.rooms_per_connection_max;
        if count >= max && known.seat(&room).is_none() {
            let problem = Refusal::TooLarge { field: "rooms", max }.into();
            self.answer(id.as_deref(), Err(&problem));
            return Step::Next;
        }
        let (api, who, link) = (self.api.clone(), known.principal.clone(), known.link.clone());
        Step::wait(async move {
            let joined = match api.join(&who, &link, &room, wish).await {
                Ok(joined) => joined,
                Err(problem) => return Waited::Answer(Reply(id).error(&problem)),
            };
            let seat = api.service.hold(joined.seat.clone());
            let reply = Reply(id.clone());
            match api.joined(&who, &joined, extras, reply).await {
                Ok(frame) => Waited::Joined(seat, frame),
                Err(problem) => Waited::Answer(Reply(id).error(&problem)),
            }
        })
    }

    fn leave(&mut self, id: Option<&str>, room: &RoomName) -> Step<Waited> {
        let Phase::Known(known) = &mut self.phase else { return Step::Next };
        match known.take_seat(room) {
            Some(seat) => {
                self.api.service.leave(&seat, LeaveReason::Left);
                if let Some(id) = id {
                    self.outbox.send(result_frame(id, &Done {}));
                }
            }
            None => self.answer(id, Err(&Problem::NotJoined)),
        }
        Step::Next
    }

    fn refreshed(&mut self, id: RequestId, verified: Result<Verified, Problem>) -> Step<Waited> {
        let Phase::Known(known) = &mut self.phase else { return Step::Next };
        let result = verified.and_then(|verified| {
            let Actor::User(identity) = &verified.actor else { return Err(Problem::UserOnly) };
            let is_same =
                verified.project == known.principal.project && Some(&identity.user) == known.principal.user();
            if !is_same {
                return Err(Problem::invalid("token", "is another user's: open another socket"));
            }
            known.link.refresh(identity.clone());
            known.principal = known.link.principal();
            self.api.judge_anew(&known.seats);
            let end = end_of(verified.expires_at, self.api.service.now());
            let watch = self.api.expiries.watch(end, &self.outbox);
            self.api.expiries.forget(&std::mem::replace(&mut known.watch, watch));
            Ok(Refreshed { token_expires_at: Some(Time(verified.expires_at)) })
        });
        match (result, id) {
            (Ok(refreshed), Some(id)) => self.outbox.send(result_frame(&id, &refreshed)),
            (Ok(_), None) => {}
            (Err(problem), id) => self.answer(id.as_deref(), Err(&problem)),
        }
        Step::Next
    }

    /// Sends an error, if an answer is wanted. (Results are sent where they are made.)
    fn answer(&self, id: Option<&str>, result: Result<(), &Problem>) {
        if let (Some(id), Err(problem)) = (id, result) {
            self.outbox.send(error_frame(id, problem));
        }
    }

    /// Counts a frame that was no request.
    fn strike(&mut self) -> Step<Waited> {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed >= self.api.limits.malformed_max {
            return Step::Close(Close::new(Code::Malformed, "too many malformed frames"));
        }
        Step::Next
    }
}

impl Known {
    fn seat(&self, room: &RoomName) -> Option<Arc<Seat>> {
        self.seats.lock().iter().find(|seat| seat.room().name == *room && seat.is_in()).cloned()
    }

    fn take_seat(&self, room: &RoomName) -> Option<Arc<Seat>> {
        let mut seats = self.seats.lock();
        let place = seats.iter().position(|seat| seat.is_in() && seat.room().name == *room)?;
        Some(seats.swap_remove(place))
    }
}

impl Session for NativeSession {
    type Done = Waited;

    fn on_text(&mut self, text: &str) -> Step<Waited> {
        let request = match decode_request(text) {
            Ok(request) => request,
            Err(problem) => {
                self.outbox.send(error_frame("null", &problem));
                return self.strike();
            }
        };
        match &self.phase {
            Phase::Stranger { address } => {
                let address = *address;
                self.greet(request, address)
            }
            Phase::Known(_) => self.serve(request),
            Phase::Over => Step::Next,
        }
    }

    fn on_done(&mut self, waited: Waited) -> Step<Waited> {
        match waited {
            Waited::Answer(frame) => {
                if let Some(frame) = frame {
                    self.outbox.send(frame);
                }
                Step::Next
            }
            Waited::Verified(id, keeping, verified) => self.verified(id.as_deref(), &keeping, verified),
            Waited::Refreshed(id, verified) => self.refreshed(id, verified),
            Waited::Joined(seat, frame) => {
                let seat = seat.keep();
                if let Some(frame) = frame {
                    self.outbox.send(frame);
                }
                // Behind the answer: what happened meanwhile.
                seat.release();
                if let Phase::Known(known) = &mut self.phase {
                    let mut seats = known.seats.lock();
                    seats.retain(|other| other.is_in() && other.room() != seat.room());
                    seats.push(seat);
                }
                Step::Next
            }
        }
    }

    fn on_close(&mut self, ended: Ended) {
        if let Phase::Known(known) = std::mem::replace(&mut self.phase, Phase::Over) {
            let reason = match ended {
                Ended::ByPeer { .. } => LeaveReason::Left,
                Ended::ByUs { number } if number == Code::TokenExpired.number() => LeaveReason::Expired,
                Ended::ByUs { number } if number == Code::Draining.number() => LeaveReason::Draining,
                Ended::ByUs { number } if number == Code::Banned.number() => LeaveReason::Banned,
                Ended::ByUs { number } if number == Code::Kicked.number() => LeaveReason::Kicked,
                Ended::ByUs { .. } | Ended::Lost => LeaveReason::Lost,
            };
            self.depart(*known, ended, reason);
        }
    }
}

/// A UUID of version 4 from random bits.
fn connection_id(bits: u128) -> ConnectionId {
    ConnectionId::from_uuid(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
}

/// How a socket ends that could not become somebody's.
fn refused(problem: &Problem) -> Close {
    match problem {
        Problem::TokenExpired => Close::new(Code::TokenExpired, "the token has expired"),
        Problem::Refused(Refusal::RateLimited { wait_ms, .. }) => {
            Close::new(Code::RateLimited, wait_ms.to_string())
        }
        Problem::Unavailable(_) => Close::raw(1011, "something behind the server failed"),
        problem => Close::new(Code::Unauthenticated, problem.message().into_owned()),
    }
}

/// An answer as JSON-RPC has it.
#[derive(Serialize)]
struct Answer<'a, R> {
    jsonrpc: &'static str,
    id: Raw<'a>,
    result: R,
}

#[derive(Serialize)]
struct ErrorAnswer<'a> {
    jsonrpc: &'static str,
    id: Raw<'a>,
    error: RpcError<'a>,
}

fn result_frame(id: &str, result: &impl Serialize) -> Bytes {
    to_wire::frame(&Answer { jsonrpc: "2.0", id: Raw(id), result })
}

fn error_frame(id: &str, problem: &Problem) -> Bytes {
    problem.log();
    to_wire::frame(&ErrorAnswer { jsonrpc: "2.0", id: Raw(id), error: problem.rpc() })
}

/// Makes the frame of an answer, if one is wanted.
struct Reply(RequestId);

impl Reply {
    fn error(self, problem: &Problem) -> Option<Bytes> {
        problem.log();
        self.0.map(|id| error_frame(&id, problem))
    }
}

impl Out for Reply {
    type Made = Option<Bytes>;

    fn made(self, value: &impl Serialize) -> Option<Bytes> {
        self.0.map(|id| result_frame(&id, value))
    }

    fn created(self, value: &impl Serialize) -> Option<Bytes> {
        self.made(value)
    }
}

async fn chat_signal(
    api: &ApiState,
    who: &Principal,
    id: RequestId,
    room: &RoomName,
    write: Write,
) -> Option<Bytes> {
    match api.count_and_write(who, room, write).await {
        Ok(written) => Reply(id).made(&Signalled { message: Some(to_wire::posted(&written)) }),
        Err(problem) => Reply(id).error(&problem),
    }
}

/// Everything that needs nothing of the session but who asks.
async fn answer(api: &ApiState, who: &Principal, id: RequestId, call: Call) -> Option<Bytes> {
    let reply = Reply(id.clone());
    let answered = match call {
        Call::Ping => Ok(reply.made(&Pong { server_time: Time(api.service.now()) })),
        Call::Get { room } => api.get_room(who, &room, reply).await,
        Call::List { part } => match who.user() {
            Some(user) => api.list_rooms(who, user, &part, reply).await,
            None => Err(Problem::UserOnly),
        },
        Call::Update { room, writes } => api.update_room(who, &room, writes, reply).await,
        Call::History { room, request } => api.history(who, &room, request, reply).await,
        Call::Search { room, request } => api.search(who, &room, request, reply).await,
        Call::Unread { room } => api.unread(who, &room, reply).await,
        Call::Post { room, draft } => api.post(who, &room, draft, reply).await,
        Call::Message { room, message } => api.message(who, &room, message, reply).await,
        Call::Write { room, write } => api.write(who, &room, write, reply).await,
        Call::Typing { room, audience, active } => api.typing(who, &room, audience, active, reply).await,
        Call::Receipt { room, audience, seq } => api.receipt(who, &room, audience, seq, reply).await,
        Call::Members { room, part } => api.members(who, &room, &part, reply).await,
        Call::Connect { .. }
        | Call::Refresh { .. }
        | Call::Join { .. }
        | Call::Leave { .. }
        | Call::Signal { .. } => unreachable!("these need the session and are served by it"),
    };
    answered.unwrap_or_else(|problem| Reply(id).error(&problem))
}
