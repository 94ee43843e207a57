//! Bodies that the listener wraps: a request's has a deadline, an answer's tells when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep, timeout};

use crate::connection::Watch;

/// The request's body did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body did not arrive in time")]
pub(crate) struct BodyTooSlow;

/// A request body that fails when it is not complete in time, and tells the watch when it is.
pub(crate) struct Deadlined {
    /// `None` when it is complete, or will never be.
    body: Option<Incoming>,
    timer: Pin<Box<Sleep>>,
    watch: Arc<Watch>,
}

impl Deadlined {
    pub(crate) fn wrap(body: Incoming, deadline: Duration, watch: &Arc<Watch>) -> Body {
        watch.request(!body.is_end_stream());
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self { body: Some(body), timer: Box::pin(sleep(deadline)), watch: Arc::clone(watch) })
    }

    fn complete(&mut self) {
        self.body = None;
        self.watch.request_complete();
    }

    fn give_up(&mut self) {
        self.body = None;
        self.watch.leave_unread();
    }
}

impl HttpBody for Deadlined {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            match &frame {
                Some(Err(_)) => this.give_up(),
                None => this.complete(),
                Some(Ok(_)) if body.is_end_stream() => this.complete(),
                Some(Ok(_)) => {}
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if let Some(end) = this.watch.bodies_end()
            && end < this.timer.deadline()
        {
            this.timer.as_mut().reset(end);
        }
        ready!(this.timer.as_mut().poll(cx));
        this.give_up();
        Poll::Ready(Some(Err(BodyTooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Deadlined {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.watch.leave(body);
        }
    }
}

/// The longest rest of a request's body that is read so that the connection can go on.
const REST_BYTES_MAX: u64 = 64 * 1024;

/// How long the answer waits for that rest.
const REST_WAIT: Duration = Duration::from_secs(1);

/// Reads what the service has left of the request's body; `false` if that is too much or does not come, and the
/// connection can only end.
pub(crate) async fn read_rest(watch: &Watch, is_asked_for: bool) -> bool {
    let Some(body) = watch.take_left() else { return !watch.is_left_unread() };
    let is_short = body.size_hint().upper().is_some_and(|most| most <= REST_BYTES_MAX);
    // Who asked whether to send the body (`expect: 100-continue`) is not told to.
    let is_read =
        is_short && !is_asked_for && matches!(timeout(REST_WAIT, BodyExt::collect(body)).await, Ok(Ok(_)));
    if is_read {
        watch.request_complete();
    } else {
        watch.leave_unread();
    }
    is_read
}

/// An answer's body that tells the watch when hyper is done with it.
pub(crate) struct Answer {
    body: Body,
    watch: Arc<Watch>,
}

impl Answer {
    pub(crate) fn new(body: Body, watch: Arc<Watch>) -> Self {
        if body.size_hint().exact().is_none() {
            watch.stream();
        }
        Self { body, watch }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.watch.answered();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
