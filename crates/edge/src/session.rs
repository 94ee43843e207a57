//! What a face writes to speak over a WebSocket.

use std::fmt;
use std::pin::Pin;

use crate::close::{Close, Code};

/// What a face does with the frames of one connection. Methods are called in order and never at the same time.
///
/// A method that panics ends this connection with 1011 and no other.
pub trait Session: Send + Unpin + 'static {
    /// What the future of [`Step::Wait`] brings; `()` for sessions that never wait.
    type Done: Send + 'static;

    /// A text message has come.
    fn on_text(&mut self, text: &str) -> Step<Self::Done>;

    /// A binary message has come. Refused with 1003 unless the face says otherwise.
    fn on_binary(&mut self, bytes: &[u8]) -> Step<Self::Done> {
        let _ = bytes;
        Step::Close(Close::new(Code::Unsupported, "text messages only"))
    }

    /// What the session waited for is there.
    fn on_done(&mut self, done: Self::Done) -> Step<Self::Done> {
        drop(done);
        Step::Next
    }

    /// The connection ends. Called exactly once, when the end begins rather than when the last byte is out.
    fn on_close(&mut self, ended: Ended);
}

/// What happens after a frame.
pub enum Step<D> {
    /// The next frame.
    Next,
    /// Nothing more of this connection is read before the future is done; [`Session::on_done`] gets its result. If the
    /// connection ends meanwhile, the future is dropped: work that must be finished belongs into a task of its own, for
    /// whose handle the future waits.
    Wait(Pin<Box<dyn Future<Output = D> + Send>>),
    /// The connection ends after what is queued.
    Close(Close),
}

impl<D> Step<D> {
    /// [`Step::Wait`] for any future.
    pub fn wait(future: impl Future<Output = D> + Send + 'static) -> Self {
        Self::Wait(Box::pin(future))
    }
}

impl<D> fmt::Debug for Step<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next => f.write_str("Next"),
            Self::Wait(_) => f.write_str("Wait"),
            Self::Close(close) => f.debug_tuple("Close").field(close).finish(),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client said goodbye.
    ByPeer {
        /// The number in its close frame, if it gave one.
        number: Option<u16>,
    },
    /// We closed it.
    ByUs {
        /// The number in our close frame.
        number: u16,
    },
    /// The connection broke or the process stops.
    Lost,
}
