//! A store whose calls can be stopped on their way, so that a race is run in the order that a test wants.

use std::sync::Arc;

use parking_lot::Mutex;
use sidetalk_core::ports::{Around, BoxFuture};
use sidetalk_core::refusal::Failure;
use sidetalk_storage::Sqlite;
use tokio::sync::oneshot;

pub(crate) struct Pausing {
    inner: Arc<Sqlite>,
    pauses: Mutex<Vec<Pause>>,
}

struct Pause {
    op: &'static str,
    is_answered: bool,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// A call that is, or will be, stopped; it goes on when this is dropped.
pub(crate) struct Paused {
    reached: oneshot::Receiver<()>,
    _go_on: oneshot::Sender<()>,
}

impl Pausing {
    pub(crate) fn new(inner: Arc<Sqlite>) -> Arc<Self> {
        Arc::new(Self { inner, pauses: Mutex::default() })
    }

    /// Stops the next call of that method before it does anything.
    pub(crate) fn before(&self, op: &'static str) -> Paused {
        self.pause(op, false)
    }

    /// Stops the next call of that method when it has its answer.
    pub(crate) fn after(&self, op: &'static str) -> Paused {
        self.pause(op, true)
    }

    fn pause(&self, op: &'static str, is_answered: bool) -> Paused {
        let ((reached, is_reached), (going, go_on)) = (oneshot::channel(), oneshot::channel());
        self.pauses.lock().push(Pause { op, is_answered, reached, go_on });
        Paused { reached: is_reached, _go_on: going }
    }

    fn take(&self, op: &'static str) -> Option<Pause> {
        let mut pauses = self.pauses.lock();
        let place = pauses.iter().position(|pause| pause.op == op)?;
        Some(pauses.remove(place))
    }
}

impl Pause {
    async fn stop(self) {
        let _ = self.reached.send(());
        let _ = self.go_on.await;
    }
}

impl Paused {
    /// Waits until the call is stopped.
    pub(crate) async fn reached(&mut self) {
        (&mut self.reached).await.expect("the call is made");
    }
}

impl Around for Pausing {
    type Inner = Sqlite;

    fn inner(&self) -> &Sqlite {
        &self.inner
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        op: &'static str,
        call: BoxFuture<'a, Result<T, Failure>>,
    ) -> BoxFuture<'a, Result<T, Failure>> {
        let Some(pause) = self.take(op) else { return call };
        Box::pin(async move {
            if pause.is_answered {
                let answer = call.await;
                pause.stop().await;
                return answer;
            }
            pause.stop().await;
            call.await
        })
    }
}
