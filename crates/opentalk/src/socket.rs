//! The socket: a visitor with a ticket joins, perhaps waits at the door, and is inside.
//!
//! ```text
//!   Visitor ── join ──> Inside ──────────── socket ends ──> Over
//!       └─ join, waiting room ─> AtTheDoor ── accepted, enter_room ──> Inside
//!                                    ^── sent to the waiting room ──┘
//! ```

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::Role as CoreRole;
use sidetalk_core::ports::Outlet as _;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::rate;
use sidetalk_edge::socket::{Ended, Session, Step};

use crate::book::Room;
use crate::chat;
use crate::enter::{Inside, enter, identity};
use crate::from_wire::{Asked, asked, display_name};
use crate::hall::{Person, Waiter};
use crate::moderation::{self, control_error, leave_waiting, tell_waiting};
use crate::rates::Pace;
use crate::state::OpenTalkState;
use crate::tickets::Visitor;
use crate::to_wire::{CONTROL, MODERATION, event};
use crate::wire::{ControlCommand, ControlEvent, Kind, ModerationEvent};

const ECHO: &str = "echo";

/// The session of one socket.
pub struct OpenTalkSession {
    state: OpenTalkState,
    outbox: Arc<Outbox>,
    visitor: Arc<Visitor>,
    phase: Phase,
    place: Place,
    pace: Arc<Pace>,
}

/// What must be given back when the socket ends, even if that is while its visitor is coming in.
type Place = Arc<Mutex<Held>>;

enum Held {
    Nothing,
    Seat(Arc<Inside>),
    /// The socket has ended: nothing may be taken any more.
    Gone,
}

enum Phase {
    Visitor,
    AtTheDoor,
    Inside(Arc<Inside>),
    Over,
}

/// What a command that had to wait came to.
pub enum Waited {
    /// Nothing that the session must know.
    Done,
    /// A frame came too fast; now it may be tried again.
    Turn(String),
    /// Somebody is in.
    Entered(Arc<Inside>),
    /// Somebody waits.
    Waits,
    /// Something behind the server failed: come back.
    Failed,
    /// This visitor may not come in.
    Closed,
}

impl OpenTalkSession {
    /// A socket that was opened with a ticket.
    #[must_use]
    pub(crate) fn new(state: OpenTalkState, outbox: Arc<Outbox>, visitor: Visitor) -> Self {
        outbox.set_authenticated();
        Self {
            pace: Arc::new(Pace::new(state.settings.requests_per_connection)),
            state,
            outbox,
            visitor: Arc::new(visitor),
            phase: Phase::Visitor,
            place: Arc::new(Mutex::new(Held::Nothing)),
        }
    }

    /// Serves a frame at the pace of this socket.
    fn serve_in_turn(&mut self, text: &str) -> Step<Waited> {
        let Err(wait) = self.pace.step(rate::now()) else { return self.serve(text) };
        let text = text.to_owned();
        Step::wait(async move {
            tokio::time::sleep(wait).await;
            Waited::Turn(text)
        })
    }

    fn serve(&mut self, text: &str) -> Step<Waited> {
        match asked(text, self.visitor.generation) {
            Asked::Broken => self.control_error("invalid_json"),
            Asked::Control(command) => self.control(command),
            asked => self.module(asked),
        }
    }

    fn control(&mut self, command: ControlCommand) -> Step<Waited> {
        match (&self.phase, command) {
            (Phase::Visitor, ControlCommand::Join { display_name }) => self.join(display_name.as_deref()),
            (Phase::Visitor, _) => self.control_error("not_yet_joined"),
            (Phase::AtTheDoor, ControlCommand::EnterRoom) => self.enter_room(),
            (Phase::Inside(inside), ControlCommand::EnterRoom) if !inside.seat.is_in() => {
                // Sent to the waiting room: the place of before is no more.
                self.state.service.disconnect(&inside.link, None, LeaveReason::Left);
                self.enter_room()
            }
            (Phase::AtTheDoor, ControlCommand::Join { .. }) => self.control_error("already_joined"),
            (Phase::AtTheDoor, _) => self.control_error("not_yet_joined"),
            (Phase::Inside(inside), command)
                if !inside.seat.is_in() && !matches!(command, ControlCommand::Join { .. }) =>
            {
                self.control_error("not_yet_joined")
            }
            (Phase::Inside(inside), command) => {
                let (state, inside, outbox) =
                    (self.state.clone(), Arc::clone(inside), Arc::clone(&self.outbox));
                Step::wait(async move {
                    let served = moderation::control(&state, &inside, command).await;
                    answer(&outbox, served)
                })
            }
            (Phase::Over, _) => Step::Next,
        }
    }

    /// Every module but `control` works only inside; before, it is silent.
    fn module(&self, asked: Asked<'_>) -> Step<Waited> {
        let Phase::Inside(inside) = &self.phase else { return Step::Next };
        if !inside.seat.is_in() {
            return Step::Next;
        }
        let (state, inside, outbox) = (self.state.clone(), Arc::clone(inside), Arc::clone(&self.outbox));
        match asked {
            Asked::Echo(payload) => {
                self.outbox.send(event(ECHO, self.state.service.now(), &payload));
                Step::Next
            }
            Asked::Chat(command) => {
                Step::wait(async move { answer(&outbox, chat::serve(&state, &inside, command).await) })
            }
            Asked::Moderation(command) => {
                Step::wait(async move { answer(&outbox, moderation::serve(&state, &inside, command).await) })
            }
            Asked::Unknown => self.control_error("invalid_namespace"),
            // What cannot be read is said in the log only, as in the original.
            Asked::Unreadable | Asked::Broken | Asked::Control(_) => Step::Next,
        }
    }

    fn join(&mut self, given: Option<&str>) -> Step<Waited> {
        let account = self.visitor.user.as_ref().map(|known| known.name.clone());
        let name = match (given, account) {
            (Some(given), _) => display_name(given),
            (None, account) => account,
        };
        let Some(name) = name else { return self.control_error("invalid_username") };
        self.come_in(name, false)
    }

    /// Lets somebody in from the waiting room, by the name that a moderator may have changed.
    fn enter_room(&mut self) -> Step<Waited> {
        let id = self.visitor.participant;
        let name = self.state.halls.with(&self.visitor.room, |hall| {
            let waiter = hall.waiting.get(&id).filter(|waiter| waiter.is_accepted);
            waiter.map(|waiter| waiter.person.name.to_string())
        });
        match name {
            Some(name) => self.come_in(name, true),
            None => self.control_error("not_accepted_or_not_in_waiting_room"),
        }
    }

    fn come_in(&mut self, name: String, is_accepted: bool) -> Step<Waited> {
        let coming = Coming {
            state: self.state.clone(),
            visitor: Arc::clone(&self.visitor),
            outbox: Arc::clone(&self.outbox),
            place: Arc::clone(&self.place),
            pace: Arc::clone(&self.pace),
        };
        // A task of its own: a place that was taken must be given back even if the socket is lost meanwhile.
        let coming = tokio::spawn(async move { come_in(&coming, name, is_accepted).await });
        Step::wait(async move { coming.await.unwrap_or(Waited::Failed) })
    }

    fn control_error(&self, error: &'static str) -> Step<Waited> {
        self.outbox.send(control_error(&self.state, error));
        Step::Next
    }
}

/// Somebody who is coming in.
struct Coming {
    state: OpenTalkState,
    visitor: Arc<Visitor>,
    outbox: Arc<Outbox>,
    place: Place,
    pace: Arc<Pace>,
}

async fn come_in(coming: &Coming, name: String, is_accepted: bool) -> Waited {
    let Coming { state, visitor, outbox, place, pace } = coming;
    let failed = |failure: Failure| match failure {
        Failure::Refused(Refusal::RoomFull { .. }) => {
            let blocked = ControlEvent::JoinBlocked { reason: "participant_limit_reached" };
            outbox.send(event(CONTROL, state.service.now(), &blocked));
            Waited::Done
        }
        Failure::Refused(Refusal::Banned { .. }) => {
            outbox.send(event(MODERATION, state.service.now(), &ModerationEvent::Banned));
            Waited::Closed
        }
        Failure::Refused(refusal) => {
            tracing::debug!(reason = %refusal, "somebody may not come in");
            Waited::Closed
        }
        Failure::Unavailable(unavailable) => {
            tracing::error!(error = ?unavailable, "somebody could not come in");
            Waited::Failed
        }
    };
    let Ok(id) = uuid::Uuid::try_parse(visitor.room.name.as_str()) else { return Waited::Closed };
    if let Err(failure) = state.forget_if_emptied(&visitor.room).await {
        return failed(failure);
    }
    let room = match state.book.room(id).await {
        Ok(Some(room)) => room,
        Ok(None) => return Waited::Closed,
        Err(failure) => return failed(failure),
    };
    if !is_accepted && room.waiting_room && must_wait(state, visitor, &room).await {
        return wait_at_the_door(coming, name);
    }
    let waiter = is_accepted
        .then(|| state.halls.with(&visitor.room, |hall| leave_waiting(hall, visitor.participant, state)))
        .flatten();
    match enter(state, visitor, &name, &room, outbox, pace).await {
        Ok(inside) => {
            let inside = Arc::new(inside);
            let mut place = place.lock();
            if matches!(*place, Held::Gone) {
                drop(place);
                give_back(state, &inside, LeaveReason::Lost);
                state.leave_hall(&visitor.room);
                return Waited::Closed;
            }
            *place = Held::Seat(Arc::clone(&inside));
            Waited::Entered(inside)
        }
        Err(failure) => {
            if let Some(waiter) = waiter {
                wait_again(coming, waiter);
            }
            failed(failure)
        }
    }
}

fn give_back(state: &OpenTalkState, inside: &Inside, reason: LeaveReason) {
    let seat = inside.seat.is_in().then(|| Arc::clone(&inside.seat));
    state.service.disconnect(&inside.link, seat, reason);
}

/// Moderators need not wait, nor those who were let in a while ago.
async fn must_wait(state: &OpenTalkState, visitor: &Visitor, room: &Room) -> bool {
    let known = visitor.user.as_ref();
    if known.is_some_and(|known| known.is_owner || known.user.as_str() == room.created_by) {
        return false;
    }
    let user = identity(visitor, "", &visitor.room).user;
    let core = state.service.room(&state.server(), &visitor.room.name).await;
    let role = core.ok().and_then(|core| core.members.get(&user).and_then(|member| member.role));
    if role.is_some_and(|role| role >= CoreRole::Moderator) {
        return false;
    }
    let now = state.service.now();
    !state.halls.with(&visitor.room, |hall| hall.is_accepted(visitor.participant, now))
}

fn wait_at_the_door(coming: &Coming, name: String) -> Waited {
    let Coming { state, visitor, outbox, .. } = coming;
    let now = state.service.now();
    let identity = identity(visitor, &name, &visitor.room);
    let person = Person {
        id: visitor.participant,
        user: identity.user,
        name,
        avatar: identity.avatar.as_deref().map(str::to_owned),
        kind: if visitor.user.is_some() { Kind::User } else { Kind::Guest },
        is_moderator: false,
        moderates_by_token: false,
        is_owner: false,
        groups: identity.groups,
        joined_at: now,
        left_at: None,
        hand_is_up: false,
        hand_at: now,
    };
    if !wait_again(coming, Waiter { person, outbox: Arc::clone(outbox), is_accepted: false }) {
        return Waited::Closed;
    }
    Waited::Waits
}

/// Takes a place at the door. Says whether there was one: a participant waits once, and not after the socket's end.
fn wait_again(coming: &Coming, waiter: Waiter) -> bool {
    let Coming { state, visitor, place, .. } = coming;
    let (id, now) = (visitor.participant, state.service.now());
    let place = place.lock();
    if matches!(*place, Held::Gone) {
        return false;
    }
    state.halls.with(&visitor.room, |hall| {
        if hall.waiting.contains_key(&id) || hall.attendees.contains_key(&id) {
            return false;
        }
        if !waiter.is_accepted {
            waiter.outbox.send(event(MODERATION, now, &ModerationEvent::InWaitingRoom));
        }
        tell_waiting(hall, &waiter.person, now);
        hall.waiting.insert(id, waiter);
        true
    })
}

impl Session for OpenTalkSession {
    type Done = Waited;

    fn on_text(&mut self, text: &str) -> Step<Waited> {
        self.serve_in_turn(text)
    }

    fn on_binary(&mut self, bytes: &[u8]) -> Step<Waited> {
        // What is no text is no JSON, and no text at all is none either.
        self.serve_in_turn(std::str::from_utf8(bytes).unwrap_or_default())
    }

    fn on_done(&mut self, waited: Waited) -> Step<Waited> {
        match waited {
            Waited::Done => {}
            Waited::Turn(text) => return self.serve_in_turn(&text),
            Waited::Entered(inside) => self.phase = Phase::Inside(inside),
            Waited::Waits => self.phase = Phase::AtTheDoor,
            Waited::Failed => return Step::Close(Close::raw(1011, "something behind the server failed")),
            Waited::Closed => return Step::Close(Close::new(Code::Normal, "")),
        }
        Step::Next
    }

    fn on_close(&mut self, ended: Ended) {
        let (state, id) = (&self.state, self.visitor.participant);
        state.tickets.left(id, state.service.now());
        self.phase = Phase::Over;
        let held = std::mem::replace(&mut *self.place.lock(), Held::Gone);
        state.halls.look(&self.visitor.room, |hall| {
            if hall.waiting.get(&id).is_some_and(|waiter| Arc::ptr_eq(&waiter.outbox, &self.outbox)) {
                leave_waiting(hall, id, state);
            }
        });
        if let Held::Seat(inside) = held {
            let reason = match ended {
                Ended::ByPeer { .. } => LeaveReason::Left,
                Ended::ByUs { .. } | Ended::Lost => LeaveReason::Lost,
            };
            give_back(state, &inside, reason);
        }
        state.leave_hall(&self.visitor.room);
    }
}

fn answer(outbox: &Outbox, served: Result<Option<Bytes>, Failure>) -> Waited {
    match served {
        Ok(frame) => {
            if let Some(frame) = frame {
                outbox.send(frame);
            }
            Waited::Done
        }
        Err(Failure::Refused(refusal)) => {
            tracing::debug!(reason = %refusal, "a command was refused");
            Waited::Done
        }
        Err(Failure::Unavailable(unavailable)) => {
            tracing::error!(error = ?unavailable, "a command could not be served");
            Waited::Failed
        }
    }
}
