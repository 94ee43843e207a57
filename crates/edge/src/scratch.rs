//! The read buffer of a worker thread. A connection needs it only while its task runs, so connections do not have one.

use std::cell::Cell;

/// Bytes read at once.
const SCRATCH_BYTES: usize = 32 * 1024;

/// The worker thread's read buffer, on loan.
pub(crate) struct Scratch {
    pub(crate) bytes: Box<[u8]>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

impl Scratch {
    /// The thread's buffer, or a fresh one if it is on loan already.
    pub(crate) fn take() -> Self {
        let bytes = SCRATCH.take().unwrap_or_else(|| vec![0; SCRATCH_BYTES].into_boxed_slice());
        Self { bytes }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.set(Some(std::mem::take(&mut self.bytes)));
    }
}
