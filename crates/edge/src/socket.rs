//! The life of one WebSocket: one small task that reads frames for a [`Session`] and drains its [`Outbox`].
//!
//! ```text
//!   open ──(peer's close frame: answered)──────────┐
//!     ├────(our close frame: after the queue)──────┤
//!     ├────(protocol violation, bug: close frame)──┼─> closing: flush, end our side, wait for the peer's end
//!     └────(lost)──────────────> gone <────────────┘   (at most `linger`)
//! ```
//!
//! An idle connection costs the task, the outbox and tokio's registration. Bytes are read into a buffer of the worker
//! thread; only what a session postponed is copied into the connection's own memory.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sidetalk_core::ports::Outlet as _;
use tokio::io::AsyncWrite as _;
use tokio::time::{Instant, Sleep, sleep};

use crate::close::{self, Close, Code, Reason};
use crate::frame;
use crate::liveness::Liveness;
use crate::metrics;
use crate::outbox::Outbox;
use crate::reader::{FrameLimits, FrameReader, Message};
use crate::scratch::Scratch;
pub use crate::session::{Ended, Session, Step};
use crate::stream::{Inbound, Stream};

/// Frames handled before other tasks get their turn.
const FRAMES_PER_TURN: u32 = 128;

/// Reads before other tasks get their turn.
const READS_PER_TURN: u32 = 4;

/// Input that is thrown away while waiting for a peer to notice our close frame.
const DISCARD_BYTES_MAX: usize = 1024 * 1024;

/// Limits and manners of a face's sockets.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// What a client may send.
    pub frames: FrameLimits,
    /// Bytes that may wait in one outbox before the client counts as slow. Default 1 MiB.
    pub outbox_bytes_max: usize,
    /// How long a full socket may take nothing at all before the client counts as slow. Default 8 s.
    pub stall: Duration,
    /// How long a closing connection may take to write its rest and to hear the peer's end. Default 5 s.
    pub linger: Duration,
    /// Translates reasons into close frames. Default [`close::close_of`].
    pub close_of: fn(Reason) -> Close,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            frames: FrameLimits::default(),
            outbox_bytes_max: 1024 * 1024,
            stall: Duration::from_secs(8),
            linger: Duration::from_secs(5),
            close_of: close::close_of,
        }
    }
}

/// What all sockets of one face share.
#[derive(Debug)]
pub struct Sockets {
    settings: Arc<SocketSettings>,
    liveness: Arc<Liveness>,
}

impl Sockets {
    /// Sockets with these manners, watched by `liveness`.
    #[must_use]
    pub fn new(settings: SocketSettings, liveness: Arc<Liveness>) -> Arc<Self> {
        Arc::new(Self { settings: Arc::new(settings), liveness })
    }

    /// Starts the task of a connection that has finished its upgrade. `read_ahead` is what arrived behind the request;
    /// `guard` is dropped when the connection is gone.
    pub fn open<S: Session>(
        &self,
        stream: Stream,
        read_ahead: &Bytes,
        guard: Option<Box<dyn Any + Send>>,
        make_session: impl FnOnce(Arc<Outbox>) -> S,
    ) {
        let (inbound, writer) = match stream {
            Stream::Plain(tcp) => {
                let (read_half, write_half) = tcp.into_split();
                (Inbound::Plain(read_half), Some(write_half))
            }
            Stream::Tls(tls) => (Inbound::Tls(tls), None),
        };
        let outbox = Arc::new(Outbox::new(Arc::clone(&self.settings), writer));
        let session = make_session(Arc::clone(&outbox));
        self.liveness.watch(&outbox);
        metrics::socket_opened();
        tokio::spawn(Pump {
            session,
            outbox,
            settings: Arc::clone(&self.settings),
            inbound,
            reader: FrameReader::new(),
            // Copied, for an empty slice would keep hyper's whole buffer alive.
            postponed: BytesMut::from(&read_ahead[..]),
            waiting: None,
            timer: None,
            ended: None,
            half_closed: false,
            discarded_bytes: 0,
            guard,
        });
    }
}

/// The task.
struct Pump<S: Session> {
    session: S,
    outbox: Arc<Outbox>,
    settings: Arc<SocketSettings>,
    inbound: Inbound,
    reader: FrameReader,
    /// Bytes that came behind a frame which the session is still busy with.
    postponed: BytesMut,
    waiting: Option<Pin<Box<dyn Future<Output = S::Done> + Send>>>,
    /// Only while something is stuck: the stall of an open connection, the linger of a closing one.
    timer: Option<Pin<Box<Sleep>>>,
    ended: Option<Ended>,
    half_closed: bool,
    discarded_bytes: usize,
    guard: Option<Box<dyn Any + Send>>,
}

/// Why [`Pump::receive`] stopped.
enum Received {
    /// Nothing more to read for now; the task will be woken.
    All,
    /// The turn is over though there may be more.
    TurnOver,
    /// The peer's close frame.
    CloseFrame(Option<u16>),
    /// We end the connection.
    Close(Close),
    /// End of stream without a close frame, or an error.
    Lost,
}

impl<S: Session> Future for Pump<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.outbox.begin(cx.waker());
        if this.ended.is_none() {
            match this.receive(cx) {
                Received::All => {}
                Received::TurnOver => cx.waker().wake_by_ref(),
                Received::CloseFrame(number) => {
                    this.outbox.answer_close(number);
                    this.end(Ended::ByPeer { number });
                }
                Received::Close(close) => this.outbox.close_with(&close),
                Received::Lost => {
                    this.end(Ended::Lost);
                    return Poll::Ready(());
                }
            }
        }
        this.outbox.set_busy(this.waiting.is_some());
        let flushed = this.outbox.poll_flush(cx, this.inbound.tls());
        if this.ended.is_none()
            && let Some(number) = flushed.closing
        {
            this.end(Ended::ByUs { number });
        }
        if flushed.is_broken && !this.half_closed {
            this.end(Ended::Lost);
            return Poll::Ready(());
        }
        if this.ended.is_some() {
            if !flushed.is_blocked {
                ready!(this.poll_half_close(cx));
            }
            return this.poll_linger(cx);
        }
        this.poll_stall(cx, flushed.is_blocked, flushed.has_progress)
    }
}

impl<S: Session> Pump<S> {
    /// Handles what has come, up to a turn's worth.
    fn receive(&mut self, cx: &mut Context<'_>) -> Received {
        let mut frames_left = FRAMES_PER_TURN;
        if let Some(stop) = self.poll_waiting(cx) {
            return stop;
        }
        if !self.postponed.is_empty() {
            let mut postponed = std::mem::take(&mut self.postponed);
            if let Some(stop) = self.handle(cx, &mut postponed, &mut frames_left) {
                return stop;
            }
        }
        let mut scratch = Scratch::take();
        for _ in 0..READS_PER_TURN {
            match self.inbound.poll_read(cx, &mut scratch.bytes) {
                Poll::Pending => return Received::All,
                Poll::Ready(Ok(0) | Err(_)) => return Received::Lost,
                Poll::Ready(Ok(read_bytes)) => {
                    self.outbox.set_heard();
                    if let Some(stop) = self.handle(cx, &mut scratch.bytes[..read_bytes], &mut frames_left) {
                        return stop;
                    }
                }
            }
        }
        Received::TurnOver
    }

    /// Hands the frames in `input` to the session. `Some` means that reading stops here for now; the rest is kept.
    fn handle(&mut self, cx: &mut Context<'_>, input: &mut [u8], frames_left: &mut u32) -> Option<Received> {
        let mut at = 0;
        loop {
            let (used, message) = match self.reader.read(&self.settings.frames, &mut input[at..]) {
                Ok(read) => read,
                Err(violation) => {
                    let close = violation.close();
                    metrics::violation(close.number);
                    return Some(Received::Close(close));
                }
            };
            at += used;
            let message = message?;
            let step = match message {
                Message::Text(text) => run(&mut self.session, |session| session.on_text(text)),
                Message::Binary(bytes) => run(&mut self.session, |session| session.on_binary(bytes)),
                Message::Ping(payload) => {
                    self.outbox.send(frame::pong(payload));
                    Step::Next
                }
                Message::Pong(_) => Step::Next,
                Message::Close(said) => return Some(Received::CloseFrame(said.map(|(number, _)| number))),
            };
            let stop = match step {
                Step::Next => None,
                Step::Close(close) => Some(Received::Close(close)),
                Step::Wait(future) => {
                    self.waiting = Some(future);
                    self.poll_waiting(cx)
                }
            };
            *frames_left = frames_left.saturating_sub(1);
            let stop = stop.or_else(|| (*frames_left == 0).then_some(Received::TurnOver));
            if stop.is_some() {
                self.postponed.extend_from_slice(&input[at..]);
                return stop;
            }
        }
    }

    /// Lets the session's own work go on. `None` when it is done and the next frame may come.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Option<Received> {
        while let Some(future) = &mut self.waiting {
            let Ok(polled) = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) else {
                self.waiting = None;
                return Some(Received::Close(bug()));
            };
            let Poll::Ready(done) = polled else { return Some(Received::All) };
            self.waiting = None;
            match run(&mut self.session, |session| session.on_done(done)) {
                Step::Next => {}
                Step::Wait(future) => self.waiting = Some(future),
                Step::Close(close) => return Some(Received::Close(close)),
            }
        }
        None
    }

    /// Tells the session, once, and starts the clock of the rest.
    fn end(&mut self, ended: Ended) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(ended);
        self.waiting = None;
        self.postponed = BytesMut::new();
        self.reader = FrameReader::new();
        metrics::socket_closed(match ended {
            Ended::ByPeer { number } => number.unwrap_or(Code::Normal.number()),
            Ended::ByUs { number } => number,
            Ended::Lost => 0,
        });
        self.timer = None;
        if catch_unwind(AssertUnwindSafe(|| self.session.on_close(ended))).is_err() {
            tracing::error!("a session failed while it was closed");
        }
    }

    fn poll_half_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.half_closed {
            return Poll::Ready(());
        }
        if let Some(tls) = self.inbound.tls() {
            // An error here means that the peer is gone already, which the next read will tell.
            if Pin::new(tls).poll_shutdown(cx).is_pending() {
                return self.poll_linger_timer(cx);
            }
        }
        self.half_closed = true;
        self.outbox.shut_down();
        Poll::Ready(())
    }

    /// Waits for the peer's end, so that unread input does not make the kernel discard our close frame.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = Scratch::take();
        for _ in 0..READS_PER_TURN {
            match self.inbound.poll_read(cx, &mut scratch.bytes) {
                Poll::Pending => return self.poll_linger_timer(cx),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(read_bytes)) => self.discarded_bytes += read_bytes,
            }
        }
        if self.discarded_bytes > DISCARD_BYTES_MAX {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        self.poll_linger_timer(cx)
    }

    fn poll_linger_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.settings.linger;
        self.timer.get_or_insert_with(|| Box::pin(sleep(linger))).as_mut().poll(cx)
    }

    /// Counts the time in which a full socket takes nothing.
    fn poll_stall(&mut self, cx: &mut Context<'_>, is_blocked: bool, has_progress: bool) -> Poll<()> {
        if !is_blocked {
            self.timer = None;
            return Poll::Pending;
        }
        let stall = self.settings.stall;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(stall)));
        if has_progress {
            timer.as_mut().reset(Instant::now() + stall);
        }
        if timer.as_mut().poll(cx).is_ready() {
            // The next round finds the close frame in the outbox.
            self.outbox.overrun();
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<S: Session> Drop for Pump<S> {
    fn drop(&mut self) {
        self.end(Ended::Lost);
        self.outbox.detach();
        self.guard.take();
    }
}

/// Runs the session's code; its panic is this connection's end only.
fn run<S: Session>(session: &mut S, call: impl FnOnce(&mut S) -> Step<S::Done>) -> Step<S::Done> {
    catch_unwind(AssertUnwindSafe(|| call(session))).unwrap_or_else(|_| Step::Close(bug()))
}

fn bug() -> Close {
    tracing::error!("a session failed; its connection ends");
    Close::new(Code::Internal, "internal error")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Session for Nothing {
        type Done = ();

        fn on_text(&mut self, _text: &str) -> Step<()> {
            Step::Next
        }

        fn on_close(&mut self, _ended: Ended) {}
    }

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Pump<Nothing>>() <= 192, "{}", size_of::<Pump<Nothing>>());
        assert!(size_of::<Outbox>() <= 160, "{}", size_of::<Outbox>());
    }
}
