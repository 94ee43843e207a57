//! All the users at once: their sockets around one epoll, their way into the rooms, and the texts that come to them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::dialect::{Dialect, Member, Step};
use crate::frame;
use crate::histogram::Histogram;
use crate::machine::{now_ns, timespec};
use crate::socket::Socket;

const EVENTS_PER_TURN: usize = 1024;
const BUFFER_BYTES: usize = 1 << 20;
const JOIN_TIMEOUT_NS: u64 = 60_000_000_000;
const TIMER: u64 = u64::MAX;

pub(crate) struct Swarm {
    address: SocketAddr,
    dialect: Dialect,
    epoll: OwnedFd,
    timer: Option<OwnedFd>,
    users: Vec<User>,
    ready: Vec<Event>,
    /// What is read from a socket; shared, because one socket is read at a time.
    buffer: Vec<u8>,
    joined: usize,
    pub joins: Histogram,
    /// Bytes of frames that carried text after the join.
    pub text_bytes: u64,
    /// What went wrong and how often: closed sockets, refusals.
    pub troubles: BTreeMap<String, u64>,
}

struct User {
    /// `None` after a failure.
    socket: Option<Socket>,
    member: Member,
    stage: Stage,
    begun_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Entering,
    Joined,
}

impl Swarm {
    pub(crate) fn new(address: SocketAddr, dialect: Dialect) -> Result<Swarm> {
        Ok(Swarm {
            address,
            dialect,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            timer: None,
            users: Vec::new(),
            ready: Vec::with_capacity(EVENTS_PER_TURN),
            buffer: vec![0; BUFFER_BYTES],
            joined: 0,
            joins: Histogram::new(),
            text_bytes: 0,
            troubles: BTreeMap::new(),
        })
    }

    /// Brings users into their rooms, `under_way` at a time; seconds that it took.
    pub(crate) fn join(&mut self, members: Vec<Member>, under_way: usize) -> Result<f64> {
        let begun_ns = now_ns();
        let wanted = self.joined + members.len();
        let mut members = members.into_iter();
        while self.joined < wanted {
            let free = under_way - (self.users.len() - self.joined);
            for member in members.by_ref().take(free) {
                self.open(member)?;
            }
            for index in self.wait(Duration::from_millis(100))? {
                self.read(index, &mut |_, _| {});
            }
            let trouble = self.troubles.keys().next();
            ensure!(trouble.is_none(), "joining failed: {}", trouble.map_or("", |text| text));
            ensure!(now_ns() - begun_ns < JOIN_TIMEOUT_NS, "{} of {wanted} joined in a minute", self.joined);
        }
        Ok((now_ns() - begun_ns) as f64 / 1e9)
    }

    /// Wakes `wait` at this interval, however small, without the generator burning its core.
    pub(crate) fn tick(&mut self, interval: Duration) -> Result<()> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let interval = timespec(interval);
        timerfd_settime(
            &timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: interval, it_value: interval },
        )?;
        epoll::add(&self.epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
        self.timer = Some(timer);
        Ok(())
    }

    /// The users that have something to read. Sends what waits on the way.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Result<Vec<usize>> {
        self.ready.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.ready),
            Some(&timespec(timeout)),
        ) {
            Err(rustix::io::Errno::INTR) => {}
            result => drop(result.context("epoll")?),
        }
        let mut readable = Vec::with_capacity(self.ready.len());
        for at in 0..self.ready.len() {
            let Event { flags, data } = self.ready[at];
            let index = data.u64() as usize;
            if data.u64() == TIMER {
                // The kernel starts the timer's next round only when the last one was read.
                if let Some(timer) = &self.timer {
                    let _ = rustix::io::read(timer, &mut [0; 8]);
                }
                continue;
            }
            if flags.contains(EventFlags::OUT) {
                self.flush(index);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                readable.push(index);
            }
        }
        Ok(readable)
    }

    /// Reads a socket once; gives every text that comes after the join, with the time of its arrival, to `take`.
    #[inline]
    pub(crate) fn read(&mut self, index: usize, take: &mut impl FnMut(&[u8], u64)) {
        // The buffer is lent, so that what it holds may be answered.
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Err(reason) = self.read_with(index, &mut buffer, take) {
            self.fail(index, reason);
        }
        self.buffer = buffer;
    }

    pub(crate) fn send(&mut self, index: usize, frame: &[u8]) {
        let Some(socket) = &mut self.users[index].socket else { return };
        if let Err(error) = socket.write(self.epoll.as_fd(), frame) {
            self.fail(index, format!("cannot send: {error}"));
        }
    }

    pub(crate) fn text(&mut self, index: usize, text: &str) {
        self.send(index, &frame::client(frame::TEXT, text.as_bytes()));
    }

    pub(crate) fn trouble(&mut self, reason: String) {
        *self.troubles.entry(reason).or_default() += 1;
    }

    fn open(&mut self, member: Member) -> Result<()> {
        let begun_ns = now_ns();
        let stream = TcpStream::connect(self.address).context("cannot connect")?;
        let index = self.users.len();
        let socket = Some(Socket::new(self.epoll.as_fd(), stream, index)?);
        let request = self.dialect.upgrade(&member);
        self.users.push(User { socket, member, stage: Stage::Opening, begun_ns });
        self.send(index, request.as_bytes());
        Ok(())
    }

    fn read_with(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        take: &mut impl FnMut(&[u8], u64),
    ) -> Result<(), String> {
        let user = &mut self.users[index];
        let Some(socket) = &mut user.socket else { return Ok(()) };
        let size = socket.read(buffer).map_err(|error| format!("cannot read: {error}"))?;
        let now_ns = now_ns();
        let mut at = 0;
        if user.stage == Stage::Opening {
            at = self.opened(index, &buffer[..size], now_ns)?;
        }
        while self.users[index].stage != Stage::Opening
            && let Some(frame) = frame::first(&buffer[at..size])
        {
            at += frame.bytes;
            match (frame.opcode, self.users[index].stage) {
                (frame::TEXT, Stage::Joined) => match self.dialect.alive(frame.payload) {
                    Some(answer) => self.text(index, answer),
                    None => {
                        self.text_bytes += frame.bytes as u64;
                        if !self.dialect.is_aside(frame.payload) {
                            take(frame.payload, now_ns);
                        }
                    }
                },
                (frame::TEXT, _) => {
                    let step = self.dialect.next(&self.users[index].member, frame.payload);
                    self.step(index, step, now_ns)?;
                }
                (frame::PING, _) => self.send(index, &frame::client(frame::PONG, frame.payload)),
                (frame::CLOSE, _) => return Err(close_reason(frame.payload)),
                (frame::PONG, _) => {}
                (opcode, _) => return Err(format!("a frame of kind {opcode}")),
            }
        }
        if let Some(socket) = &mut self.users[index].socket {
            socket.keep(&buffer[at..size]);
        }
        Ok(())
    }

    /// The answer to the upgrade; the bytes that it takes, 0 if it is incomplete.
    fn opened(&mut self, index: usize, bytes: &[u8], now_ns: u64) -> Result<usize, String> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(0) };
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("no upgrade: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])));
        }
        self.users[index].stage = Stage::Entering;
        for step in self.dialect.greet(&self.users[index].member) {
            self.step(index, step, now_ns)?;
        }
        Ok(end + 4)
    }

    fn step(&mut self, index: usize, step: Step, now_ns: u64) -> Result<(), String> {
        match step {
            Step::Wait => {}
            Step::Say(text) => self.text(index, &text),
            Step::Joined => {
                let user = &mut self.users[index];
                user.stage = Stage::Joined;
                self.joined += 1;
                self.joins.record(now_ns.saturating_sub(user.begun_ns));
            }
            Step::Refused(reason) => return Err(reason),
        }
        Ok(())
    }

    fn flush(&mut self, index: usize) {
        let Some(socket) = &mut self.users[index].socket else { return };
        if let Err(error) = socket.flush(self.epoll.as_fd()) {
            self.fail(index, format!("cannot send: {error}"));
        }
    }

    fn fail(&mut self, index: usize, reason: String) {
        self.users[index].socket = None;
        self.trouble(reason);
    }
}

/// One request and its answer over a socket of its own, waiting for it. For the few moments outside the measurement.
pub(crate) struct Caller {
    swarm: Swarm,
    next: u64,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr, dialect: Dialect, member: Member) -> Result<Caller> {
        let mut swarm = Swarm::new(address, dialect)?;
        swarm.join(vec![member], 1)?;
        Ok(Caller { swarm, next: 100 })
    }

    /// The text of the answer and the nanoseconds until it came.
    pub(crate) fn call(&mut self, method: &str, params: &str) -> Result<(Vec<u8>, u64)> {
        self.next += 1;
        let id = self.next;
        let begun_ns = now_ns();
        self.swarm
            .text(0, &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#));
        let mut answer = None;
        while answer.is_none() {
            for index in self.swarm.wait(Duration::from_millis(100))? {
                self.swarm.read(index, &mut |text, now_ns| {
                    if crate::dialect::answered(text).is_some_and(|(answered, _)| answered == id) {
                        answer = Some((text.to_vec(), now_ns - begun_ns));
                    }
                });
            }
            if let Some(reason) = self.swarm.troubles.keys().next() {
                bail!("{method}: {reason}");
            }
            ensure!(now_ns() - begun_ns < 10_000_000_000, "{method} was not answered in 10 s");
        }
        let (text, ns) = answer.expect("the loop ended");
        match crate::dialect::refusal(&text) {
            Some(reason) => bail!("{method}: {reason}"),
            None => Ok((text, ns)),
        }
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            format!("closed with {} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
        }
        _ => "closed without a code".to_owned(),
    }
}
