//! A bounded queue from tasks to threads. Senders wait without holding a thread; a receiver takes all that waits at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The queue.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    places: Arc<Semaphore>,
}

struct Inner<T> {
    waiting: VecDeque<(T, OwnedSemaphorePermit)>,
    closed: bool,
}

/// What a receiver got.
pub(super) enum Taken<T> {
    /// These jobs, in order.
    Jobs(Vec<T>),
    /// Nothing came in time.
    Idle,
    /// Nothing will come any more.
    Closed,
}

impl<T> Queue<T> {
    pub(super) fn new(len_max: usize) -> Self {
        Self {
            inner: Mutex::new(Inner { waiting: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
            places: Arc::new(Semaphore::new(len_max)),
        }
    }

    /// Appends a job, waiting for a place. Gives the job back if the queue is closed.
    pub(super) async fn push(&self, job: T) -> Result<(), T> {
        let Ok(place) = self.places.clone().acquire_owned().await else { return Err(job) };
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(job);
        }
        inner.waiting.push_back((job, place));
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes up to `max` jobs; waits for the first one, at most `patience` if that is given.
    pub(super) fn take(&self, max: usize, patience: Option<Duration>) -> Taken<T> {
        let mut inner = self.inner.lock();
        while inner.waiting.is_empty() {
            if inner.closed {
                return Taken::Closed;
            }
            let timed_out = match patience {
                Some(patience) => self.filled.wait_for(&mut inner, patience).timed_out(),
                None => {
                    self.filled.wait(&mut inner);
                    false
                }
            };
            if timed_out && inner.waiting.is_empty() {
                return if inner.closed { Taken::Closed } else { Taken::Idle };
            }
        }
        let count = max.min(inner.waiting.len());
        Taken::Jobs(inner.waiting.drain(..count).map(|(job, _)| job).collect())
    }

    /// Refuses further jobs; those that wait are still given out.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.places.close();
        self.filled.notify_all();
    }

    /// Refuses further jobs and drops those that wait: nobody will take them.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.inner.lock().waiting);
        drop(left);
    }
}
