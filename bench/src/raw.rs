//! The physical limit: one thread, one epoll, and nothing but the copying of frames to the members of a room.
//!
//! Without `join` each delivery is one `send`. With it, what arrives within one turn of the loop is joined per room and
//! each member gets one write. It has no tokens, no JSON, no timeouts and no pings: what a server does beyond this is
//! what its users get for the difference.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use base64::Engine;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use sha1::{Digest, Sha1};

use crate::frame;
use crate::socket::Socket;

const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;
const EVENTS_PER_TURN: usize = 1024;
const READ_BYTES: usize = 64 * 1024;
/// A member that does not read is cut here.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Serves until `stop` becomes readable or ends.
pub(crate) fn serve(listener: &TcpListener, join: bool, stop: impl AsFd) -> Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    // A file such as /dev/null cannot be watched: then only a signal ends the server.
    let _ = epoll::add(&epoll, stop, EventData::new_u64(STOP), EventFlags::IN);
    let mut server = Server {
        epoll,
        join,
        clients: Vec::new(),
        free: Vec::new(),
        rooms: Vec::new(),
        names: HashMap::new(),
        dirty: Vec::new(),
    };
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        events.clear();
        match epoll::wait(&server.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.context("epoll")?,
        };
        for event in &events {
            match event.data.u64() {
                STOP => return Ok(()),
                LISTENER => server.accept(listener)?,
                client => {
                    let client = client as usize;
                    if { event.flags }.contains(EventFlags::OUT) {
                        server.flush(client);
                    }
                    if { event.flags }.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                        server.read(client, &mut buffer);
                    }
                }
            }
        }
        server.write_joined();
    }
}

struct Server {
    epoll: OwnedFd,
    join: bool,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    rooms: Vec<Room>,
    names: HashMap<String, usize>,
    /// Rooms with frames that wait for the end of this turn.
    dirty: Vec<usize>,
}

struct Client {
    socket: Socket,
    /// `None` until the handshake.
    room: Option<usize>,
}

#[derive(Default)]
struct Room {
    members: Vec<usize>,
    joined: Vec<u8>,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        while let Ok((stream, _)) = listener.accept() {
            let index = self.free.pop().unwrap_or_else(|| {
                self.clients.push(None);
                self.clients.len() - 1
            });
            let socket = Socket::new(self.epoll.as_fd(), stream, index)?;
            self.clients[index] = Some(Client { socket, room: None });
        }
        Ok(())
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        let Some(client) = &mut self.clients[index] else { return };
        let Ok(size) = client.socket.read(buffer) else { return self.remove(index) };
        let mut at = 0;
        if client.room.is_none() {
            match memchr::memmem::find(&buffer[..size], b"\r\n\r\n") {
                Some(end) => at = end + 4,
                None => return self.keep(index, &buffer[..size]),
            }
            if self.enter(index, &buffer[..at]).is_none() {
                return self.remove(index);
            }
        }
        while let Some(frame) = frame::first(&buffer[at..size]) {
            let (header, bytes, opcode, mask) =
                (frame.bytes - frame.payload.len(), frame.bytes, frame.opcode, frame.mask);
            let payload = &mut buffer[at + header..at + bytes];
            if let Some(mask) = mask {
                payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            }
            match opcode {
                frame::TEXT => self.copy(index, payload),
                frame::CLOSE => return self.remove(index),
                _ => {}
            }
            at += bytes;
        }
        self.keep(index, &buffer[at..size]);
    }

    fn keep(&mut self, index: usize, rest: &[u8]) {
        if let Some(client) = &mut self.clients[index] {
            client.socket.keep(rest);
        }
    }

    /// Answers the handshake and makes the client a member of the room that its path names.
    fn enter(&mut self, index: usize, request: &[u8]) -> Option<()> {
        let request = std::str::from_utf8(request).ok()?;
        let path = request.strip_prefix("GET ")?.split(' ').next()?.to_owned();
        let key = request.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
        })?;
        let accept =
            Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
        let accept = base64::engine::general_purpose::STANDARD.encode(accept);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let room = *self.names.entry(path).or_insert(self.rooms.len());
        if room == self.rooms.len() {
            self.rooms.push(Room::default());
        }
        self.rooms[room].members.push(index);
        self.clients[index].as_mut()?.room = Some(room);
        self.write(index, answer.as_bytes());
        Some(())
    }

    fn copy(&mut self, index: usize, payload: &[u8]) {
        let Some(room) = self.clients[index].as_ref().and_then(|client| client.room) else { return };
        if self.join {
            let joined = &mut self.rooms[room].joined;
            if joined.is_empty() {
                self.dirty.push(room);
            }
            frame::put_header(joined, frame::TEXT, payload.len(), None);
            joined.extend_from_slice(payload);
            return;
        }
        let mut bytes = Vec::with_capacity(payload.len() + 10);
        frame::put_header(&mut bytes, frame::TEXT, payload.len(), None);
        bytes.extend_from_slice(payload);
        self.write_room(room, &bytes);
    }

    fn write_joined(&mut self) {
        while let Some(room) = self.dirty.pop() {
            let mut joined = std::mem::take(&mut self.rooms[room].joined);
            self.write_room(room, &joined);
            joined.clear();
            self.rooms[room].joined = joined;
        }
    }

    fn write_room(&mut self, room: usize, bytes: &[u8]) {
        // The list is lent while members are written to, because writing may remove one.
        let members = std::mem::take(&mut self.rooms[room].members);
        for member in &members {
            self.write(*member, bytes);
        }
        self.rooms[room].members = members;
        let clients = &self.clients;
        self.rooms[room].members.retain(|member| clients[*member].is_some());
    }

    fn write(&mut self, index: usize, bytes: &[u8]) {
        let Some(client) = &mut self.clients[index] else { return };
        let written = client.socket.write(self.epoll.as_fd(), bytes);
        if written.is_err() || client.socket.waiting_bytes() > WAITING_BYTES_MAX {
            self.remove(index);
        }
    }

    fn flush(&mut self, index: usize) {
        let Some(client) = &mut self.clients[index] else { return };
        if client.socket.flush(self.epoll.as_fd()).is_err() {
            self.remove(index);
        }
    }

    /// Closing the socket takes it out of the epoll.
    fn remove(&mut self, index: usize) {
        let Some(client) = self.clients[index].take() else { return };
        if let Some(room) = client.room {
            self.rooms[room].members.retain(|member| *member != index);
        }
        self.free.push(index);
    }
}
