//! A connection's way out that outlives its socket: while nobody is on it, what is sent waits.
//!
//! ```text
//!   aboard ──leave──> away (frames wait, up to a bound) ──board──> aboard again, with what waited
//!      └───────close────────┴────────close, or the bound───────> over
//! ```
//! A drain closes the socket, but not the berth.
//!
//! What was written to a socket that has died may never have arrived. A client that counts what it has got can say so when
//! it comes back: a berth made by [`Berth::recalling`] remembers what it sent last, and sends again what is missing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::ports::{Closing, Outlet};

use crate::frame;
use crate::outbox::Outbox;

/// How many pieces of what was sent last are remembered.
const RECENT_MAX: usize = 512;

/// The place of a connection that may lose its socket and come back on another one.
pub struct Berth {
    state: Mutex<State>,
    held_bytes_max: usize,
    /// Counts absences, so that the end of an old one is not taken for the end of a new one.
    absences: AtomicU64,
}

enum State {
    Aboard(Arc<Outbox>),
    Away {
        held: Vec<Bytes>,
        held_bytes: usize,
    },
    /// A client that counts, and whether it is here.
    Recalling {
        outbox: Option<Arc<Outbox>>,
        recent: Recent,
    },
    Over,
}

/// What was sent last.
#[derive(Default)]
struct Recent {
    /// Each with how many frames went before it.
    sent: VecDeque<(u64, Bytes)>,
    sent_bytes: usize,
    /// All frames ever sent.
    frames: u64,
}

impl Recent {
    fn note(&mut self, frames: &Bytes, bytes_max: usize) {
        self.sent.push_back((self.frames, frames.clone()));
        self.sent_bytes += frames.len();
        self.frames += frame::count(frames);
        while self.sent_bytes > bytes_max || self.sent.len() > RECENT_MAX {
            let Some((_, oldest)) = self.sent.pop_front() else { return };
            self.sent_bytes -= oldest.len();
        }
    }

    /// What follows the first `received` frames; `None`: it is not remembered, or was never sent.
    fn after(&self, received: u64) -> Option<Vec<Bytes>> {
        let oldest = self.sent.front().map_or(self.frames, |(before, _)| *before);
        if received > self.frames || received < oldest {
            return None;
        }
        let missing = |(before, frames): &(u64, Bytes)| {
            let rest = frame::skip(frames, received.saturating_sub(*before));
            (!rest.is_empty()).then_some(rest)
        };
        Some(self.sent.iter().filter_map(missing).collect())
    }
}

/// There is no place to come back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Over;

impl Berth {
    /// A berth with a socket on it. While it is empty, at most `held_bytes_max` wait; who misses more cannot come back.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>, held_bytes_max: usize) -> Arc<Self> {
        Self::made(State::Aboard(outbox), held_bytes_max)
    }

    /// A berth with a socket on it, for a client that counts the frames it gets. Up to `recent_bytes_max` of what was sent
    /// last is remembered; who misses more cannot come back.
    #[must_use]
    pub fn recalling(outbox: Arc<Outbox>, recent_bytes_max: usize) -> Arc<Self> {
        let state = State::Recalling { outbox: Some(outbox), recent: Recent::default() };
        Self::made(state, recent_bytes_max)
    }

    /// A berth whose socket was lost before this process began.
    #[must_use]
    pub fn empty(held_bytes_max: usize) -> Arc<Self> {
        Self::made(State::Away { held: Vec::new(), held_bytes: 0 }, held_bytes_max)
    }

    fn made(state: State, held_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), held_bytes_max, absences: AtomicU64::new(0) })
    }

    /// The socket is gone. Says whether the berth is empty now: not if another socket has come, or it is over.
    pub fn leave(&self, outbox: &Arc<Outbox>) -> bool {
        let mut state = self.state.lock();
        match &mut *state {
            State::Aboard(current) if Arc::ptr_eq(current, outbox) => {
                *state = State::Away { held: Vec::new(), held_bytes: 0 };
                true
            }
            State::Recalling { outbox: current, .. }
                if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, outbox)) =>
            {
                *current = None;
                true
            }
            _ => false,
        }
    }

    /// Another socket comes to a berth that [recalls](Self::recalling): it gets `first`, then what follows the `received`
    /// frames that the client has, then what comes. A socket that is still there is given back.
    ///
    /// # Errors
    /// [`Over`] if there is no place any more, or what is missing is not remembered.
    pub fn board_after(
        &self,
        outbox: &Arc<Outbox>,
        first: Bytes,
        received: u64,
    ) -> Result<Option<Arc<Outbox>>, Over> {
        let mut state = self.state.lock();
        let State::Recalling { outbox: current, recent } = &mut *state else { return Err(Over) };
        let missing = recent.after(received).ok_or(Over)?;
        outbox.send(first);
        missing.into_iter().for_each(|frames| outbox.send(frames));
        let replaced = current.replace(Arc::clone(outbox));
        Ok(replaced.filter(|replaced| !Arc::ptr_eq(replaced, outbox)))
    }

    /// Another socket comes: it gets `first`, then what waited, then what comes. A socket that is still there is given back.
    ///
    /// # Errors
    /// [`Over`] if there is no place any more, or the socket that is still there has not taken what was sent: whoever came
    /// back now would not know what is missing.
    pub fn board(&self, outbox: &Arc<Outbox>, first: Bytes) -> Result<Option<Arc<Outbox>>, Over> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Over => Err(Over),
            recalling @ State::Recalling { .. } => {
                // Its client must say what it has.
                *state = recalling;
                Err(Over)
            }
            State::Aboard(replaced) if replaced.is_behind() && !Arc::ptr_eq(&replaced, outbox) => {
                replaced.overrun();
                Err(Over)
            }
            before => {
                outbox.send(first);
                *state = State::Aboard(Arc::clone(outbox));
                match before {
                    State::Away { held, .. } => {
                        held.into_iter().for_each(|frames| outbox.send(frames));
                        Ok(None)
                    }
                    State::Aboard(replaced) => Ok(Some(replaced)),
                    State::Recalling { .. } | State::Over => unreachable!("handled above"),
                }
            }
        }
    }

    /// Whether nobody is on it, though somebody may still come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !matches!(&*self.state.lock(), State::Aboard(_) | State::Recalling { outbox: Some(_), .. })
    }

    /// An absence begins with this call. When the time of grace is over: whether it goes on. If another one has begun
    /// meanwhile, it does not.
    pub fn absence(self: &Arc<Self>, grace: Duration) -> impl Future<Output = bool> + Send + use<> {
        let berth = Arc::clone(self);
        let number = berth.absences.fetch_add(1, Ordering::AcqRel) + 1;
        async move {
            tokio::time::sleep(grace).await;
            berth.absences.load(Ordering::Acquire) == number && berth.is_empty()
        }
    }

    /// Whether nobody can come back any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(&*self.state.lock(), State::Over)
    }

    /// Nobody comes back any more. Gives the socket that is on it.
    pub fn give_up(&self) -> Option<Arc<Outbox>> {
        match std::mem::replace(&mut *self.state.lock(), State::Over) {
            State::Aboard(outbox) => Some(outbox),
            State::Recalling { outbox, .. } => outbox,
            State::Away { .. } | State::Over => None,
        }
    }
}

impl Outlet for Berth {
    fn send(&self, frames: Bytes) {
        let mut state = self.state.lock();
        match &mut *state {
            State::Aboard(outbox) => outbox.send(frames),
            State::Recalling { outbox, recent } => {
                recent.note(&frames, self.held_bytes_max);
                if let Some(outbox) = outbox {
                    outbox.send(frames);
                }
            }
            State::Away { held, held_bytes } => {
                *held_bytes += frames.len();
                if *held_bytes > self.held_bytes_max {
                    *state = State::Over;
                } else {
                    held.push(frames);
                }
            }
            State::Over => {}
        }
    }

    fn close(&self, why: Closing) {
        let mut state = self.state.lock();
        let is_drain = matches!(why, Closing::Draining { .. });
        match &*state {
            // The client comes back to another process, or to this one when it has started again.
            State::Aboard(outbox) | State::Recalling { outbox: Some(outbox), .. } if is_drain => {
                outbox.close(why);
            }
            State::Away { .. } | State::Recalling { outbox: None, .. } if is_drain => {}
            State::Aboard(outbox) | State::Recalling { outbox: Some(outbox), .. } => {
                outbox.close(why);
                *state = State::Over;
            }
            State::Away { .. } | State::Recalling { outbox: None, .. } => *state = State::Over,
            State::Over => {}
        }
    }
}

#[cfg(test)]
mod tests;
