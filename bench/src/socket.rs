//! A socket in an epoll: what came of a frame that is not complete, and what the other side has not taken yet.
//! Both the generator and the raw server are made of these.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::epoll::{self, EventData, EventFlags};

pub(crate) struct Socket {
    stream: TcpStream,
    /// Its name in the epoll.
    index: usize,
    partial: Vec<u8>,
    waiting: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(epoll: BorrowedFd<'_>, stream: TcpStream, index: usize) -> Result<Socket> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        Ok(Socket { stream, index, partial: Vec::new(), waiting: Vec::new() })
    }

    /// Reads once, behind what was kept; the bytes that are in the buffer then, 0 if nothing new came.
    #[inline]
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let kept = self.partial.len();
        if kept == buffer.len() {
            return Err(Error::other("a frame larger than the buffer"));
        }
        buffer[..kept].copy_from_slice(&self.partial);
        let size = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "closed without a close frame")),
            Ok(size) => size,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        self.partial.clear();
        Ok(kept + size)
    }

    /// Keeps the start of what is still to come.
    pub(crate) fn keep(&mut self, rest: &[u8]) {
        self.partial.extend_from_slice(rest);
    }

    /// Sends now what the other side takes, and the rest when it is ready again.
    #[inline]
    pub(crate) fn write(&mut self, epoll: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
        if !self.waiting.is_empty() {
            self.waiting.extend_from_slice(bytes);
            return Ok(());
        }
        let written = match self.stream.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written < bytes.len() {
            self.waiting.extend_from_slice(&bytes[written..]);
            self.watch(epoll, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    /// Sends what waits.
    pub(crate) fn flush(&mut self, epoll: BorrowedFd<'_>) -> Result<()> {
        match self.stream.write(&self.waiting) {
            Ok(written) => drop(self.waiting.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
            self.watch(epoll, EventFlags::IN)?;
        }
        Ok(())
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.len()
    }

    fn watch(&self, epoll: BorrowedFd<'_>, flags: EventFlags) -> Result<()> {
        Ok(epoll::modify(epoll, self.stream.as_fd(), EventData::new_u64(self.index as u64), flags)?)
    }
}
