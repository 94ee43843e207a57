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
//! one write when the batch is done. There is one lock per connection, it is never held across an await, and no other
//! lock is taken under it, so publishers cannot deadlock.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use sidetalk_core::ports::{Closing, Outlet};
use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

use crate::close::{Close, Code, Reason};
use crate::frame;
use crate::metrics;
use crate::socket::SocketSettings;
use crate::stream::Tls;

/// How many pieces go into one vectored write.
const SLICES_MAX: usize = 64;

/// The bounded queue of one connection. Holds no heap while it is empty.
#[derive(Debug)]
pub struct Outbox {
    settings: Arc<SocketSettings>,
    state: Mutex<State>,
    /// Set by any inbound byte, cleared by the sweeper when it pings.
    heard: AtomicBool,
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

    /// An outbox that writes through `writer`, or, without one, leaves all writing to the connection's task.
    pub(crate) fn new(settings: Arc<SocketSettings>, writer: Option<OwnedWriteHalf>) -> Self {
        let writer = writer.map_or(Writer::Task, Writer::Plain);
        let state = State {
            writer,
            queue: VecDeque::new(),
            queued_bytes: 0,
            front_begun: false,
            corked: false,
            blocked: false,
            woken: false,
            closing: None,
            waker: None,
        };
        Self {
            settings,
            state: Mutex::new(state),
            heard: AtomicBool::new(true),
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
        state.blocked = match tls {
            Some(tls) => state.write_tls(cx, tls),
            None => state.poll_write_plain(cx),
        };
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
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether anything came in since the last call.
    pub(crate) fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
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

#[derive(Debug)]
enum Writer {
    /// Anyone who holds the lock may write.
    Plain(OwnedWriteHalf),
    /// TLS has state for both directions and belongs to the task.
    Task,
    /// Broken or shut down.
    Gone,
}

#[derive(Debug)]
struct State {
    writer: Writer,
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    /// The client has seen the beginning of the first piece.
    front_begun: bool,
    /// The task is in a round and will flush at its end.
    corked: bool,
    /// The task waits for the socket and needs no other wake-up.
    blocked: bool,
    /// The task was woken and has not come yet.
    woken: bool,
    closing: Option<u16>,
    waker: Option<Waker>,
}

impl State {
    fn is_open(&self) -> bool {
        self.closing.is_none() && !matches!(self.writer, Writer::Gone)
    }

    fn writes_at_once(&self) -> bool {
        self.queue.is_empty() && !self.corked && matches!(self.writer, Writer::Plain(_))
    }

    fn offer(&mut self, mut frames: Bytes, settings: &SocketSettings) {
        if frames.is_empty() || !self.is_open() {
            return;
        }
        if self.writes_at_once()
            && let Writer::Plain(half) = &self.writer
        {
            match half.try_write(&frames) {
                Ok(written) if written == frames.len() => return,
                Ok(written) => {
                    frames.advance(written);
                    self.front_begun = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    self.break_off();
                    self.wake();
                    return;
                }
            }
        }
        self.push(frames);
        if self.queued_bytes > settings.outbox_bytes_max {
            self.overrun(settings);
        }
        self.wake_if_waiting();
    }

    fn push(&mut self, frames: Bytes) {
        self.queued_bytes += frames.len();
        metrics::queued(frames.len());
        self.queue.push_back(frames);
    }

    fn overrun(&mut self, settings: &SocketSettings) {
        let close = (settings.close_of)(Reason::Core(Closing::Slow));
        metrics::slow_consumer();
        self.drop_waiting();
        self.end(close.number, close.frame());
    }

    fn end(&mut self, number: u16, close_frame: Bytes) {
        self.closing = Some(number);
        self.push(close_frame);
    }

    /// Drops what no byte of has been sent.
    fn drop_waiting(&mut self) {
        let begun = if self.front_begun { self.queue.pop_front() } else { None };
        self.clear();
        if let Some(begun) = begun {
            self.front_begun = true;
            self.push(begun);
        }
    }

    fn clear(&mut self) {
        metrics::unqueued(self.queued_bytes);
        self.queue = VecDeque::new();
        self.queued_bytes = 0;
        self.front_begun = false;
    }

    fn break_off(&mut self) {
        self.clear();
        self.writer = Writer::Gone;
    }

    fn wake_if_waiting(&mut self) {
        if !self.queue.is_empty() && !self.corked && (!self.blocked || self.closing.is_some()) {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if !self.woken
            && let Some(waker) = &self.waker
        {
            self.woken = true;
            waker.wake_by_ref();
        }
    }

    /// Writes until the queue is empty or the socket is full. Says whether something is left.
    fn write_plain(&mut self) -> bool {
        while !self.queue.is_empty() {
            let Writer::Plain(half) = &self.writer else { return false };
            let result = if let [only] = self.queue.as_slices().0
                && self.queue.len() == 1
            {
                half.try_write(only)
            } else {
                half.try_write_vectored(slices(&self.queue, &mut [IoSlice::new(&[]); SLICES_MAX]))
            };
            match result {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => self.break_off(),
            }
        }
        false
    }

    /// As [`Self::write_plain`], and has the task woken when the socket takes more.
    fn poll_write_plain(&mut self, cx: &mut Context<'_>) -> bool {
        while self.write_plain() {
            let Writer::Plain(half) = &self.writer else { return false };
            match half.as_ref().poll_write_ready(cx) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => self.break_off(),
            }
        }
        false
    }

    fn write_tls(&mut self, cx: &mut Context<'_>, tls: &mut Tls) -> bool {
        if matches!(self.writer, Writer::Gone) {
            return false;
        }
        let mut tls = Pin::new(tls);
        while !self.queue.is_empty() {
            let mut buffer = [IoSlice::new(&[]); SLICES_MAX];
            match tls.as_mut().poll_write_vectored(cx, slices(&self.queue, &mut buffer)) {
                Poll::Ready(Ok(written)) => self.advance(written),
                Poll::Ready(Err(_)) => self.break_off(),
                Poll::Pending => return true,
            }
        }
        match tls.poll_flush(cx) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(_)) => {
                self.break_off();
                false
            }
            Poll::Pending => true,
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.queued_bytes -= written;
        metrics::unqueued(written);
        while written > 0 {
            let front = self.queue.front_mut().expect("no more is written than was queued");
            if written < front.len() {
                front.advance(written);
                self.front_begun = true;
                return;
            }
            written -= front.len();
            self.queue.pop_front();
            self.front_begun = false;
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

fn slices<'a, 'b>(
    queue: &'a VecDeque<Bytes>,
    buffer: &'b mut [IoSlice<'a>; SLICES_MAX],
) -> &'b [IoSlice<'a>] {
    let mut count = 0;
    for (slice, frames) in buffer.iter_mut().zip(queue) {
        *slice = IoSlice::new(frames);
        count += 1;
    }
    &buffer[..count]
}
#[cfg(test)]
mod tests;
