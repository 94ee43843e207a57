//! Log lines on their way to standard error. Who logs is never held up and never fails: lines wait for a thread that
//! writes them, and are dropped and counted when a reader stalls, is gone, or the disk is full.
//!
//! ```text
//! who logs ──push──> waiting (bounded) ──swap──> the log thread ──write──> standard error
//! ```

use std::io::{self, Write};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Lines that may wait for a reader that stalls, in bytes. As many again are with the thread.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// A queue of lines. One is enough for a process.
pub(super) struct Lines {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    /// Whole lines, one after the other.
    waiting: Vec<u8>,
    /// How many those are.
    count: u64,
    is_writing: bool,
    dropped: u64,
}

impl Lines {
    pub(super) const fn new() -> Self {
        let queue = Queue { waiting: Vec::new(), count: 0, is_writing: false, dropped: 0 };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// Leaves a line to be written.
    pub(super) fn push(&self, line: &[u8]) {
        let mut queue = self.queue.lock();
        if queue.waiting.len() + line.len() > WAITING_BYTES_MAX {
            queue.dropped += 1;
            return;
        }
        queue.waiting.extend_from_slice(line);
        queue.count += 1;
        self.changed.notify_all();
    }

    /// How many lines were lost.
    pub(super) fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }

    /// Waits until all is written, but no longer than that.
    pub(super) fn flush(&self, wait: Duration) {
        let mut queue = self.queue.lock();
        // What is not written in time is lost with the process.
        let _ = self.changed.wait_while_for(
            &mut queue,
            |queue| queue.is_writing || !queue.waiting.is_empty(),
            wait,
        );
    }

    /// Writes for ever.
    pub(super) fn write_to(&self, mut out: impl Write) -> ! {
        let mut lines = Vec::new();
        let mut queue = self.queue.lock();
        loop {
            queue.is_writing = false;
            self.changed.notify_all();
            self.changed.wait_while(&mut queue, |queue| queue.waiting.is_empty());
            lines.clear();
            std::mem::swap(&mut lines, &mut queue.waiting);
            let count = std::mem::take(&mut queue.count);
            queue.is_writing = true;
            drop(queue);
            let written = out.write_all(&lines);
            queue = self.queue.lock();
            if written.is_err() {
                queue.dropped += count;
            }
        }
    }
}

/// What a line is written into: a line is one call.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A reader that takes what it takes when it wants to.
    struct Reader(SyncSender<Vec<u8>>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(bytes.to_vec());
            sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (&'static Lines, Receiver<Vec<u8>>) {
        let lines: &Lines = Box::leak(Box::new(Lines::new()));
        let (sender, receiver) = sync_channel(0);
        std::thread::spawn(move || lines.write_to(Reader(sender)));
        (lines, receiver)
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up() {
        let (lines, reader) = lines();
        let line = [b'x'; 1024];
        for _ in 0..4096 {
            lines.push(&line);
        }
        let dropped = lines.dropped();
        assert!((2048..=3072).contains(&dropped), "{dropped}");
        lines.flush(Duration::from_millis(10));
        let mut read_bytes = 0;
        while read_bytes < (4096 - usize::try_from(dropped).unwrap()) * line.len() {
            read_bytes += reader.recv_timeout(PATIENCE).unwrap().len();
        }
        lines.flush(PATIENCE);
        assert_eq!(lines.dropped(), dropped);
    }

    #[test]
    fn a_reader_that_is_gone_harms_nobody() {
        let (lines, reader) = lines();
        drop(reader);
        for _ in 0..2 {
            lines.push(b"hello\n");
            lines.flush(PATIENCE);
        }
        assert_eq!(lines.dropped(), 2);
    }
}
