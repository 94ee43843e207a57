//! The byte stream under hyper, with what hyper does not watch: how long a connection may be silent, dawdle over a
//! header, idle between requests, or refuse to take an answer.
//!
//! ```text
//! Silent ──first byte──> Header ──headers complete──> Body ──request complete──> Busy ──answer's body done──> Flushing
//!                          ^                                                      └─endless answer─> Streaming ─┘  │
//!                          └───────────────────────first byte── Idle <──all of it is written───────────────────────┘
//! ```

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::gate::Pass;
use crate::stream::Stream;

/// How long a connection may stay in each phase.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the connection to its first byte, the TLS handshake included. Default 5 s.
    pub first_byte: Duration,
    /// From a request's first byte to the end of its headers. Default 5 s.
    pub header: Duration,
    /// From the end of a request's headers to the end of its body. Default 30 s.
    pub body: Duration,
    /// How long a client may keep a listener that stops: with the rest of a body, or by taking nothing of an answer.
    /// Default 5 s.
    pub stop: Duration,
    /// From an answer to the next request. Default 8 s: an idle connection is cheap to open again and dear to keep for
    /// whoever holds a thousand of them.
    pub idle: Duration,
    /// How long the client may take nothing of an answer. Default 30 s.
    pub write: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            header: Duration::from_secs(5),
            body: Duration::from_secs(30),
            stop: Duration::from_secs(5),
            idle: Duration::from_secs(8),
            write: Duration::from_secs(30),
        }
    }
}

/// How long a client may go on sending what nobody reads, after it got its answer. Closing at once would take the answer
/// from it.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    Header,
    /// The request's body is not there yet, or nobody reads it.
    Body,
    Busy,
    /// The answer goes on until the client leaves.
    Streaming,
    /// hyper has all of the answer, but perhaps not the client's machine.
    Flushing,
    Idle,
}

/// The phase and since when, shared by the byte stream (which sees first bytes) and the service (which sees requests).
#[derive(Debug)]
pub(crate) struct Watch {
    state: Mutex<State>,
    /// Since when a write waits, in milliseconds after `start` plus one; 0 if none does.
    blocked: AtomicU64,
    start: Instant,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Who is told when hyper may know that the client has ended its side.
    reader: Option<Waker>,
    /// What the service left of the request's body.
    left: Option<Incoming>,
    /// Whether nobody will read it.
    is_left_unread: bool,
    /// When the bodies have to be there because the listener stops.
    bodies_end: Option<Instant>,
}

impl State {
    fn turn(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
        if !self.keeps_end()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    /// Whether hyper must not know that the client has ended its side: it would drop the request, which is complete, with
    /// its answer. Who leaves an endless answer has left.
    fn keeps_end(&self) -> bool {
        matches!(self.phase, Phase::Busy | Phase::Flushing)
    }
}

impl Watch {
    /// `start` is when the connection came.
    pub(crate) fn new(start: Instant) -> Arc<Self> {
        let state = State {
            phase: Phase::Silent,
            since: start,
            reader: None,
            left: None,
            is_left_unread: false,
            bodies_end: None,
        };
        Arc::new(Self { state: Mutex::new(state), blocked: AtomicU64::new(0), start })
    }

    /// The request's headers are complete; its body may come.
    pub(crate) fn request(&self, has_body: bool) {
        self.state.lock().turn(if has_body { Phase::Body } else { Phase::Busy });
    }

    /// The request's body is complete.
    pub(crate) fn request_complete(&self) {
        self.state.lock().turn(Phase::Busy);
    }

    /// The service has left this of the request's body.
    pub(crate) fn leave(&self, body: Incoming) {
        self.state.lock().left = Some(body);
    }

    /// What the service has left of the request's body.
    pub(crate) fn take_left(&self) -> Option<Incoming> {
        self.state.lock().left.take()
    }

    /// Nobody will read the rest of the request's body, so this is the connection's last answer.
    pub(crate) fn leave_unread(&self) {
        self.state.lock().is_left_unread = true;
    }

    /// Whether nobody will.
    pub(crate) fn is_left_unread(&self) -> bool {
        self.state.lock().is_left_unread
    }

    /// The answer begins, and has no end that is known.
    pub(crate) fn stream(&self) {
        self.state.lock().turn(Phase::Streaming);
    }

    /// The answer's body was handed to hyper to the end.
    pub(crate) fn answered(&self) {
        self.state.lock().turn(Phase::Flushing);
    }

    /// The listener stops.
    pub(crate) fn stop(&self, deadlines: &Deadlines) {
        self.state.lock().bodies_end = Some(Instant::now() + deadlines.stop);
    }

    /// When a request's body has to be there because the listener stops.
    pub(crate) fn bodies_end(&self) -> Option<Instant> {
        self.state.lock().bodies_end
    }

    /// When the connection has to be ended and which deadline that is, as things stand.
    pub(crate) fn deadline(&self, deadlines: &Deadlines) -> Option<(Instant, &'static str)> {
        let (phase, since, is_stopping) = {
            let state = self.state.lock();
            (state.phase, state.since, state.bodies_end.is_some())
        };
        let phase_end = match phase {
            Phase::Silent => Some((since + deadlines.first_byte, "silent")),
            Phase::Header => Some((since + deadlines.header, "header")),
            Phase::Idle => Some((since + deadlines.idle, "idle")),
            Phase::Body | Phase::Busy | Phase::Streaming | Phase::Flushing => None,
        };
        let write = if is_stopping { deadlines.write.min(deadlines.stop) } else { deadlines.write };
        let write_end = self
            .blocked
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .map(|millis| (self.start + Duration::from_millis(millis) + write, "write"));
        match (phase_end, write_end) {
            (Some(phase_end), Some(write_end)) => Some(phase_end.min(write_end)),
            (phase_end, write_end) => phase_end.or(write_end),
        }
    }

    fn bytes_came(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Silent | Phase::Flushing | Phase::Idle) {
            state.turn(Phase::Header);
        }
    }

    /// The client has ended its side. Whether hyper may not know it yet.
    fn keeps_end(&self, reader: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.keeps_end() {
            state.reader = Some(reader.clone());
        }
        state.keeps_end()
    }

    fn flushed(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Flushing {
            state.turn(Phase::Idle);
        }
    }

    fn write_ended(&self, is_pending: bool) {
        if !is_pending {
            self.blocked.store(0, Ordering::Relaxed);
        } else if self.blocked.load(Ordering::Relaxed) == 0 {
            let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
            self.blocked.store(millis + 1, Ordering::Relaxed);
        }
    }
}

/// The stream that hyper gets.
#[derive(Debug)]
pub(crate) struct HttpIo {
    stream: Stream,
    watch: Arc<Watch>,
    pass: Pass,
    /// Runs while what nobody reads is discarded.
    linger: Option<Pin<Box<Sleep>>>,
}

impl HttpIo {
    pub(crate) fn new(stream: Stream, watch: Arc<Watch>, pass: Pass) -> Self {
        Self { stream, watch, pass, linger: None }
    }

    /// The raw stream, after an upgrade, and the place it takes at the gate.
    pub(crate) fn into_parts(self) -> (Stream, Pass) {
        (self.stream, self.pass)
    }
}

impl AsyncRead for HttpIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.watch.bytes_came();
        } else if matches!(polled, Poll::Ready(Ok(())))
            && buf.remaining() > 0
            && this.watch.keeps_end(cx.waker())
        {
            return Poll::Pending;
        }
        polled
    }
}

impl AsyncWrite for HttpIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.watch.write_ended(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.watch.write_ended(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        this.watch.write_ended(polled.is_pending());
        if polled.is_ready() {
            this.watch.flushed();
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.watch.is_left_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut discarded = [0; 4096];
        while linger.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut discarded);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Who is at the other end of the TCP connection, as a request extension. Behind a proxy that is the proxy; see
/// [`proxy`](crate::proxy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address and port.
    pub addr: SocketAddr,
    /// Whether the connection to us is encrypted.
    pub is_tls: bool,
}
