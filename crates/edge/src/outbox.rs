//! What waits to be written to one connection, shared by all who publish to it and by the connection's own task.
//!
//! ```text
//! publisher ── send ──> queue empty and plain TCP? ── yes ──> written at once, in the publisher's own time
//!                                │ no
//!                                v
//!                        queue (bounded in bytes) ── wake ──> the connection's task writes all of it, vectored
//! ```
//!
//! While the task handles a batch of inbound frames the outbox is *corked*: answers collect in the queue and leave in
//! one write when the batch is done. Some wait even longer, for what is sure to follow ([`Outbox::send_along`]). There is one
//! lock per connection, it is never held across an await, and no other lock is taken under it, so publishers cannot
//! deadlock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::ports::{Closing, Outlet};
use tokio::net::tcp::OwnedWriteHalf;

use crate::close::{Close, Code, Reason};
use crate::frame;
use crate::socket::SocketSettings;
use crate::stream::Tls;

use self::queue::{State, Writer};

mod queue;

/// The bounded queue of one connection. Holds no heap while it is empty.
#[derive(Debug)]
pub struct Outbox {
    settings: Arc<SocketSettings>,
    state: Mutex<State>,
    /// The lowest bit is set by any inbound byte; each ping moves all to the left. So a bit says whether anything came
    /// between two pings.
    heard: AtomicU8,
    /// The session is at work, and nothing is read meanwhile.
    busy: AtomicBool,
    authenticated: AtomicBool,
}

impl Outlet for Outbox {
    fn send(&self, frames: Bytes) {
        self.state.lock().offer(frames, &self.settings);
    }

    fn close(&self, why: Closing) {
        if why == Closing::Slow {
            return self.overrun();
        }
        self.close_for(Reason::Core(why));
    }
}

impl Outbox {
    /// Queues several finished frames; they leave in as few writes as possible.
    pub fn send_all(&self, frames: &[Bytes]) {
        let mut state = self.state.lock();
        if state.writes_at_once() {
            state.corked = true;
            for frame in frames {
                state.offer(frame.clone(), &self.settings);
            }
            state.corked = false;
            state.write_plain();
            state.wake_if_waiting();
        } else {
            for frame in frames {
                state.offer(frame.clone(), &self.settings);
            }
        }
    }

    /// Queues finished frames that go with the next ones, in the same write. For an answer behind which something is sure to
    /// come soon: two writes cost twice as much as one.
    pub fn send_along(&self, frames: Bytes) {
        self.state.lock().offer_to_ride(frames, &self.settings);
    }

    /// Ends the connection with this close frame after what is queued. Only the first close counts.
    pub fn close_with(&self, close: &Close) {
        let mut state = self.state.lock();
        if state.is_open() {
            state.end(close.number, close.frame());
            state.wake();
        }
    }

    /// Ends the connection with the face's own number for `reason`.
    pub fn close_for(&self, reason: Reason) {
        self.close_with(&(self.settings.close_of)(reason));
    }

    /// Says that the user is known, so that the sweeper does not close the connection for want of a login.
    pub fn set_authenticated(&self) {
        self.authenticated.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::set_authenticated`] was called.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Whether frames are still taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.lock().is_open()
    }

    /// Bytes that wait, exact.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.state.lock().queued_bytes
    }

    /// Whether the client has not taken what was written, so that some of it is lost if the connection ends now.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let slow = (self.settings.close_of)(Reason::Core(Closing::Slow)).number;
        let state = self.state.lock();
        state.blocked || state.closing == Some(slow)
    }

    /// An outbox that writes through `writer`, or, without one, leaves all writing to the connection's task.
    pub(crate) fn new(settings: Arc<SocketSettings>, writer: Option<OwnedWriteHalf>) -> Self {
        let writer = writer.map_or(Writer::Task, Writer::Plain);
        Self {
            settings,
            state: Mutex::new(State::new(writer)),
            heard: AtomicU8::new(1),
            busy: AtomicBool::new(false),
            authenticated: AtomicBool::new(false),
        }
    }

    /// Closes as too slow: what waits is dropped, except a frame of which the client has already seen a part.
    pub(crate) fn overrun(&self) {
        let mut state = self.state.lock();
        if state.is_open() {
            state.overrun(&self.settings);
            state.wake();
        }
    }

    /// Answers the peer's close frame, after what is queued: a client may send, say goodbye and still want the answer.
    pub(crate) fn answer_close(&self, number: Option<u16>) {
        let mut state = self.state.lock();
        if state.is_open() {
            let answer = number.map_or_else(frame::close_empty, |number| frame::close(number, ""));
            state.end(number.unwrap_or(Code::Normal.number()), answer);
        }
    }

    /// The task starts a round: remember whom to wake, and collect until [`Self::poll_flush`].
    pub(crate) fn begin(&self, waker: &Waker) {
        let mut state = self.state.lock();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        state.corked = true;
        state.woken = false;
    }

    /// The task ends its round: write what the socket takes, and from now on let publishers write.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>, tls: Option<&mut Tls>) -> Flushed {
        let mut state = self.state.lock();
        let waiting_before = state.queued_bytes;
        // What waits for something to go with waits on, unless the socket is waited for anyway.
        if !state.rides || state.blocked {
            state.blocked = match tls {
                Some(tls) => state.write_tls(cx, tls),
                None => state.poll_write_plain(cx),
            };
        }
        state.corked = false;
        Flushed {
            is_blocked: state.blocked,
            is_broken: matches!(state.writer, Writer::Gone),
            has_progress: state.queued_bytes < waiting_before,
            closing: state.closing,
        }
    }

    /// Ends the writing side, which the peer sees as the end of the stream.
    pub(crate) fn shut_down(&self) {
        let writer = std::mem::replace(&mut self.state.lock().writer, Writer::Gone);
        drop(writer);
    }

    /// The task is gone: nothing is kept for it.
    pub(crate) fn detach(&self) {
        let mut state = self.state.lock();
        state.break_off();
        let waker = state.waker.take();
        drop(state);
        drop(waker);
    }

    pub(crate) fn set_heard(&self) {
        self.heard.fetch_or(1, Ordering::Relaxed);
    }

    /// Of how many pings it is known whether anything came since.
    pub(crate) const PINGS_REMEMBERED: u64 = 7;

    /// Sends a ping.
    pub(crate) fn ping(&self, ping: Bytes) {
        self.heard.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |heard| Some(heard << 1)).ok();
        self.send(ping);
    }

    /// Says whether the client has to wait for us: what it says meanwhile is not read, so nobody can call it silent.
    pub(crate) fn set_busy(&self, busy: bool) {
        if self.busy.load(Ordering::Relaxed) == busy {
            return;
        }
        self.busy.store(busy, Ordering::Relaxed);
        // What it has said is read next.
        self.set_heard();
    }

    /// Whether anything came in since the ping behind which so many others were sent, or could not have been read.
    pub(crate) fn was_heard_since(&self, others: u64) -> bool {
        let since = others.min(Self::PINGS_REMEMBERED);
        if self.busy.load(Ordering::Relaxed) {
            return true;
        }
        self.heard.load(Ordering::Relaxed) & (u8::MAX >> (7 - since)) != 0
    }
}

/// What [`Outbox::poll_flush`] found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flushed {
    /// Something waits for the socket; the task will be woken when it may write again.
    pub(crate) is_blocked: bool,
    /// Writing failed.
    pub(crate) is_broken: bool,
    /// The socket took something.
    pub(crate) has_progress: bool,
    /// The number of the close frame, when one is queued or written.
    pub(crate) closing: Option<u16>,
}

#[cfg(test)]
mod tests;
