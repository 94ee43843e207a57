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
use tokio::task::JoinHandle;
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

/// All tasks that do not belong to a connection, each with a name. Whoever holds this waits for them.
#[derive(Debug)]
pub struct Tasks {
    stop: watch::Sender<bool>,
    running: Vec<(&'static str, JoinHandle<()>)>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false), running: Vec::new() }
    }
}

impl Tasks {
    /// Starts a task that ends when it is asked to.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = tokio::spawn(task(Stop(self.stop.subscribe())));
        self.running.push((name, task));
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
        self.running.extend(tasks.into_iter().map(|task| (name, task)));
    }

    /// Takes over tasks that know no end.
    pub fn adopt_endless(&mut self, name: &'static str, tasks: impl IntoIterator<Item = JoinHandle<()>>) {
        for task in tasks {
            let abort = task.abort_handle();
            self.running.push((name, task));
            self.spawn(name, |mut stop| async move {
                stop.asked().await;
                abort.abort();
            });
        }
    }

    /// Asks all to stop and waits for them. Those that are not done by `deadline` are aborted; `false` if there were any.
    pub async fn finish(mut self, deadline: Instant) -> bool {
        self.stop.send_replace(true);
        let mut all_done = true;
        for (name, mut task) in self.running.drain(..) {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.is_cancelled() => {}
                Ok(Err(error)) => tracing::error!(task = name, error = %error, "a task ended by a bug"),
                Err(_) => {
                    tracing::warn!(task = name, "a task did not stop in time");
                    task.abort();
                    all_done = false;
                }
            }
        }
        all_done
    }
}

/// Whether the node takes traffic. Shared by the lifecycle, which turns it, and the admin listener, which shows it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<std::sync::atomic::AtomicU8>);

/// What [`Readiness`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not yet.
    Starting,
    /// Yes.
    Serving,
    /// No more.
    Draining,
}

impl Readiness {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        match self.0.load(std::sync::atomic::Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    /// Turns to another phase.
    pub fn turn(&self, phase: Phase) {
        self.0.store(phase as u8, std::sync::atomic::Ordering::Release);
        metrics::gauge!("sidetalk_ready").set(if phase == Phase::Serving { 1.0 } else { 0.0 });
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
        let mut tasks = Tasks::default();
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
        let mut tasks = Tasks::default();
        tasks.spawn("stuck", |_| std::future::pending());
        assert!(!tasks.finish(Instant::now() + Duration::from_millis(20)).await);
    }

    #[test]
    fn the_file_limit_is_raised_to_what_is_allowed() {
        let limit = raise_file_limit();
        assert!(limit >= 1024);
        assert_eq!(raise_file_limit(), limit);
    }
}
