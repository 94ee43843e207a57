//! A connection's way out that outlives its socket: while nobody is on it, what is sent waits.
//!
//! ```text
//!   aboard ──leave──> away (frames wait, up to a bound) ──board──> aboard again, with what waited
//!      └───────close────────┴────────close, or the bound───────> over
//! ```
//! A drain closes the socket, but not the berth.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::ports::{Closing, Outlet};

use crate::outbox::Outbox;

/// The place of a connection that may lose its socket and come back on another one.
pub struct Berth {
    state: Mutex<State>,
    held_bytes_max: usize,
}

enum State {
    Aboard(Arc<Outbox>),
    Away { held: Vec<Bytes>, held_bytes: usize },
    Over,
}

/// There is no place to come back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Over;

impl Berth {
    /// A berth with a socket on it. While it is empty, at most `held_bytes_max` wait; who misses more cannot come back.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>, held_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Aboard(outbox)), held_bytes_max })
    }

    /// A berth whose socket was lost before this process began.
    #[must_use]
    pub fn empty(held_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Away { held: Vec::new(), held_bytes: 0 }), held_bytes_max })
    }

    /// The socket is gone. Says whether the berth is empty now: not if another socket has come, or it is over.
    pub fn leave(&self, outbox: &Arc<Outbox>) -> bool {
        let mut state = self.state.lock();
        let is_own = matches!(&*state, State::Aboard(current) if Arc::ptr_eq(current, outbox));
        if is_own {
            *state = State::Away { held: Vec::new(), held_bytes: 0 };
        }
        is_own
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
                    State::Over => unreachable!("handled above"),
                }
            }
        }
    }

    /// Whether nobody is on it, though somebody may still come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !matches!(&*self.state.lock(), State::Aboard(_))
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
            State::Away { .. } | State::Over => None,
        }
    }
}

impl Outlet for Berth {
    fn send(&self, frames: Bytes) {
        let mut state = self.state.lock();
        match &mut *state {
            State::Aboard(outbox) => outbox.send(frames),
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
            State::Aboard(outbox) if is_drain => outbox.close(why),
            State::Away { .. } if is_drain => {}
            State::Aboard(outbox) => {
                outbox.close(why);
                *state = State::Over;
            }
            State::Away { .. } => *state = State::Over,
            State::Over => {}
        }
    }
}

#[cfg(test)]
mod tests;
