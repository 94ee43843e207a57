//! The queue of an outbox and how it is written. All methods run under the outbox's lock.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes};
use rustix::io::Errno;
use rustix::net::SendFlags;
use sidetalk_core::ports::Closing;
use tokio::io::AsyncWrite as _;
use tokio::net::tcp::OwnedWriteHalf;

use crate::close::Reason;
use crate::metrics;
use crate::socket::SocketSettings;
use crate::stream::Tls;

/// How many pieces go into one vectored write.
const SLICES_MAX: usize = 64;

/// Who writes.
#[derive(Debug)]
pub(super) enum Writer {
    /// Anyone who holds the lock may write.
    Plain(OwnedWriteHalf),
    /// TLS has state for both directions and belongs to the task.
    Task,
    /// Broken or shut down.
    Gone,
}

/// The queue and everything else under the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) writer: Writer,
    pub(super) queue: VecDeque<Bytes>,
    pub(super) queued_bytes: usize,
    /// All that is queued waits for something to go with.
    pub(super) rides: bool,
    /// The client has seen the beginning of the first piece.
    pub(super) front_begun: bool,
    /// The task is in a round and will flush at its end.
    pub(super) corked: bool,
    /// The task waits for the socket and needs no other wake-up.
    pub(super) blocked: bool,
    /// The task was woken and has not come yet.
    pub(super) woken: bool,
    pub(super) closing: Option<u16>,
    pub(super) waker: Option<Waker>,
}

/// Writes what the socket takes at once, past what the runtime and the C library keep in mind about each write: a twentieth of
/// a delivery. The runtime need only know of a socket that is full.
fn write_now(half: &OwnedWriteHalf, frames: &[u8]) -> io::Result<usize> {
    match rustix::net::send(half.as_ref(), frames, SendFlags::empty()) {
        Err(Errno::AGAIN) => half.try_write(frames),
        result => Ok(result?),
    }
}

impl State {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            writer,
            queue: VecDeque::new(),
            queued_bytes: 0,
            rides: false,
            front_begun: false,
            corked: false,
            blocked: false,
            woken: false,
            closing: None,
            waker: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.closing.is_none() && !matches!(self.writer, Writer::Gone)
    }

    pub(super) fn writes_at_once(&self) -> bool {
        self.queue.is_empty() && !self.corked && matches!(self.writer, Writer::Plain(_))
    }

    /// Queues frames that go with the next ones. Behind what goes by itself they do, too.
    pub(super) fn offer_to_ride(&mut self, frames: Bytes, settings: &SocketSettings) {
        let rides = self.rides || self.queue.is_empty();
        if frames.is_empty() || !self.is_open() {
            return;
        }
        self.enqueue(frames, settings);
        self.rides = rides && self.is_open();
        if !self.rides {
            self.wake_if_waiting();
        }
    }

    pub(super) fn offer(&mut self, mut frames: Bytes, settings: &SocketSettings) {
        if frames.is_empty() || !self.is_open() {
            return;
        }
        if self.rides && !self.corked {
            frames = self.with_riders(&frames);
        }
        if self.writes_at_once()
            && let Writer::Plain(half) = &self.writer
        {
            match write_now(half, &frames) {
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
        self.enqueue(frames, settings);
        self.wake_if_waiting();
    }

    /// Queues frames, or gives the client up as slow. What waits *before* them tells how slow it is: a long answer alone does not.
    fn enqueue(&mut self, frames: Bytes, settings: &SocketSettings) {
        if self.queued_bytes > settings.outbox_bytes_max && !self.blocked {
            // In a round nothing has been tried yet: who takes it at once is not slow.
            self.write_plain();
        }
        if !self.is_open() {
            return;
        }
        let is_slow = self.queued_bytes > settings.outbox_bytes_max;
        self.push(frames);
        if is_slow {
            self.overrun(settings);
        }
    }

    /// All that rides, with the frames behind it. They are few and small: copying them is cheaper than writing from many places.
    fn with_riders(&mut self, frames: &Bytes) -> Bytes {
        let mut joined = Vec::with_capacity(self.queued_bytes + frames.len());
        self.queue.iter().chain([frames]).for_each(|piece| joined.extend_from_slice(piece));
        self.clear();
        joined.into()
    }

    fn push(&mut self, frames: Bytes) {
        self.rides = false;
        self.queued_bytes += frames.len();
        metrics::queued(frames.len());
        self.queue.push_back(frames);
    }

    pub(super) fn overrun(&mut self, settings: &SocketSettings) {
        let close = (settings.close_of)(Reason::Core(Closing::Slow));
        metrics::slow_consumer();
        self.drop_waiting();
        self.end(close.number, close.frame());
    }

    pub(super) fn end(&mut self, number: u16, close_frame: Bytes) {
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
        self.rides = false;
        self.front_begun = false;
    }

    pub(super) fn break_off(&mut self) {
        self.clear();
        self.writer = Writer::Gone;
    }

    pub(super) fn wake_if_waiting(&mut self) {
        if !self.queue.is_empty() && !self.corked && (!self.blocked || self.closing.is_some()) {
            self.wake();
        }
    }

    pub(super) fn wake(&mut self) {
        if !self.woken
            && let Some(waker) = &self.waker
        {
            self.woken = true;
            waker.wake_by_ref();
        }
    }

    /// Writes until the queue is empty or the socket is full. Says whether something is left.
    pub(super) fn write_plain(&mut self) -> bool {
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
    pub(super) fn poll_write_plain(&mut self, cx: &mut Context<'_>) -> bool {
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

    pub(super) fn write_tls(&mut self, cx: &mut Context<'_>, tls: &mut Tls) -> bool {
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
