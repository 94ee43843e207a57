//! Who runs, who waits for whom, and how everything stops.
//!
//! ```text
//! SIGTERM ─> not ready ─(accept_delay)─> stop accepting, tell clients when to return ─> connections end
//!            ─> tasks told to stop and awaited ─> store closed ─> exit 0          a second signal: exit 1 at once
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout_at};

/// What tells a task to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Ends when the task shall stop.
    pub async fn asked(&mut self) {
        // If the sender is gone the process is at its end.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Waits that long; `false` if asked to stop meanwhile.
    pub async fn sleep(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.asked()).await.is_err()
    }
}

/// All tasks that do not belong to a connection, each with a name. Whoever holds this waits for them. One that ends by a
/// bug is told of at once: nobody does its work any more.
#[derive(Debug)]
pub struct Tasks {
    stop: watch::Sender<bool>,
    readiness: Readiness,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    task: AbortHandle,
    watcher: JoinHandle<()>,
}

impl Tasks {
    /// None yet. Readiness ends with the first that fails.
    pub fn new(readiness: Readiness) -> Self {
        Self { stop: watch::Sender::new(false), readiness, running: Vec::new() }
    }

    /// Starts a task that ends when it is asked to.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = tokio::spawn(task(Stop(self.stop.subscribe())));
        self.keep(name, task);
    }

    /// Starts a task that knows no end; it is dropped where it waits.
    pub fn spawn_endless(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(name, |mut stop| async move {
            tokio::select! {
                () = stop.asked() => {}
                () = task => {}
            }
        });
    }

    /// Takes over tasks that end when their owner is told by other means.
    pub fn adopt(&mut self, name: &'static str, tasks: impl IntoIterator<Item = JoinHandle<()>>) {
        tasks.into_iter().for_each(|task| self.keep(name, task));
    }

    /// Takes over tasks that know no end.
    pub fn adopt_endless(&mut self, name: &'static str, tasks: impl IntoIterator<Item = JoinHandle<()>>) {
        for task in tasks {
            let abort = task.abort_handle();
            self.keep(name, task);
            self.spawn(name, |mut stop| async move {
                stop.asked().await;
                abort.abort();
            });
        }
    }

    fn keep(&mut self, name: &'static str, task: JoinHandle<()>) {
        let (abort, readiness) = (task.abort_handle(), self.readiness.clone());
        let watcher = tokio::spawn(async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                metrics::counter!("sidetalk_task_failures_total").increment(1);
                tracing::error!(
                    task = name,
                    "a task ended by a bug; the node is not ready until it is restarted"
                );
                readiness.turn(Phase::Failed);
            }
        });
        self.running.push(Running { name, task: abort, watcher });
    }

    /// Asks all to stop and waits for them. Those that are not done by `deadline` are aborted; `false` if there were any.
    pub async fn finish(mut self, deadline: Instant) -> bool {
        self.stop.send_replace(true);
        let mut all_done = true;
        for Running { name, task, watcher } in self.running.drain(..) {
            if timeout_at(deadline, watcher).await.is_err() {
                tracing::warn!(task = name, "a task did not stop in time");
                task.abort();
                all_done = false;
            }
        }
        all_done
    }
}

/// Whether the node takes traffic. Shared by the lifecycle, which turns it, and the admin listener, which shows it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Phase>>);

/// What [`Readiness`] says. It only goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Not yet.
    Starting,
    /// Yes.
    Serving,
    /// No more: a task has ended by a bug.
    Failed,
    /// No more: it stops.
    Draining,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Starting)))
    }
}

impl Readiness {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Turns to a later phase.
    pub fn turn(&self, phase: Phase) {
        self.0.send_modify(|now| {
            *now = phase.max(*now);
            metrics::gauge!("sidetalk_ready").set(if *now == Phase::Serving { 1.0 } else { 0.0 });
        });
    }
}

/// What the operator's signals ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Stop.
    Stop,
    /// Read certificates and keys again.
    Reload,
}

/// The signals of the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Ask {
        tokio::select! {
            _ = self.terminate.recv() => Ask::Stop,
            _ = self.interrupt.recv() => Ask::Stop,
            _ = self.hangup.recv() => Ask::Reload,
        }
    }

    /// The next one that asks to stop.
    pub async fn stop(&mut self) {
        while self.next().await != Ask::Stop {}
    }
}

/// Lets the process open as many files as the system allows it: each connection is one. Gives the limit.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_err() {
        return limit.current.unwrap_or(u64::MAX);
    }
    limit.maximum.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_are_asked_and_awaited() {
        let mut tasks = Tasks::new(Readiness::default());
        let (done, mut is_done) = watch::channel(false);
        tasks.spawn("polite", |mut stop| async move {
            while stop.sleep(Duration::from_secs(60)).await {}
            done.send_replace(true);
        });
        assert!(tasks.finish(Instant::now() + Duration::from_secs(60)).await);
        assert!(*is_done.borrow_and_update());
    }

    #[tokio::test]
    async fn a_task_that_does_not_stop_is_left_behind() {
        let mut tasks = Tasks::new(Readiness::default());
        tasks.spawn("stuck", |_| std::future::pending());
        assert!(!tasks.finish(Instant::now() + Duration::from_millis(20)).await);
    }

    /// A sweeper had died at the start, and nobody was told before the stop.
    #[tokio::test]
    async fn a_task_that_ends_by_a_bug_is_told_of_at_once() {
        let readiness = Readiness::default();
        let mut tasks = Tasks::new(readiness.clone());
        tasks.spawn_endless("sweeper", async { panic!("period must be non-zero") });
        readiness.0.subscribe().wait_for(|phase| *phase == Phase::Failed).await.expect("we hold it");
        readiness.turn(Phase::Serving);
        assert_eq!(readiness.phase(), Phase::Failed, "it may fail before the node is ready");
        assert!(tasks.finish(Instant::now() + Duration::from_secs(60)).await);
    }

    #[test]
    fn the_file_limit_is_raised_to_what_is_allowed() {
        let limit = raise_file_limit();
        assert!(limit >= 1024);
        assert_eq!(raise_file_limit(), limit);
    }
}
