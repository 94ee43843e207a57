//! The byte stream under hyper, with what hyper does not watch: how long a connection may be silent, dawdle over a
//! header, idle between requests, or refuse to take an answer.
//!
//! ```text
//! Silent ──first byte──> Header ──request complete──> Busy ──answer's body done──> Idle ──first byte──> Header …
//! ```

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

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
            idle: Duration::from_secs(8),
            write: Duration::from_secs(30),
        }
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Silent,
    Header,
    Busy,
    Idle,
}

/// The phase and since when, shared by the byte stream (which sees first bytes) and the service (which sees requests).
#[derive(Debug)]
pub(crate) struct Watch {
    state: Mutex<(Phase, Instant)>,
    /// Since when a write waits, in milliseconds after `start` plus one; 0 if none does.
    blocked: AtomicU64,
    start: Instant,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let start = Instant::now();
        Arc::new(Self { state: Mutex::new((Phase::Silent, start)), blocked: AtomicU64::new(0), start })
    }

    /// The request's headers are complete.
    pub(crate) fn request(&self) {
        *self.state.lock() = (Phase::Busy, Instant::now());
    }

    /// The answer's body was handed to hyper to the end.
    pub(crate) fn answered(&self) {
        *self.state.lock() = (Phase::Idle, Instant::now());
    }

    /// When the connection has to be ended and which deadline that is, as things stand.
    pub(crate) fn deadline(&self, deadlines: &Deadlines) -> Option<(Instant, &'static str)> {
        let (phase, since) = *self.state.lock();
        let phase_end = match phase {
            Phase::Silent => Some((since + deadlines.first_byte, "silent")),
            Phase::Header => Some((since + deadlines.header, "header")),
            Phase::Idle => Some((since + deadlines.idle, "idle")),
            Phase::Busy => None,
        };
        let write_end = self
            .blocked
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .map(|millis| (self.start + Duration::from_millis(millis) + deadlines.write, "write"));
        match (phase_end, write_end) {
            (Some(phase_end), Some(write_end)) => Some(phase_end.min(write_end)),
            (phase_end, write_end) => phase_end.or(write_end),
        }
    }

    fn bytes_came(&self) {
        let mut state = self.state.lock();
        if matches!(state.0, Phase::Silent | Phase::Idle) {
            *state = (Phase::Header, Instant::now());
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
}

impl HttpIo {
    pub(crate) fn new(stream: Stream, watch: Arc<Watch>, pass: Pass) -> Self {
        Self { stream, watch, pass }
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
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
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
