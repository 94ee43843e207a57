//! A WebSocket client that is just enough: masked frames, never fragmented.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::PATIENCE;

/// A socket that is open, or was.
pub struct Socket {
    tcp: TcpStream,
    frames: Frames,
    waiting: VecDeque<String>,
    /// The sub-protocol that the server has chosen.
    pub protocol: String,
    /// Number and reason of the close frame; 1006, if the connection ended without one.
    pub closed: Option<(u16, String)>,
}

impl Socket {
    /// A socket at that path, with these sub-protocols, if any; else what was answered, head and body.
    pub async fn open(addr: SocketAddr, path: &str, protocols: &str) -> Result<Self, String> {
        let mut tcp = TcpStream::connect(addr).await.expect("the server listens");
        tcp.write_all(request(path, protocols).as_bytes()).await.expect("the server reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.expect("the server answers"));
        }
        let mut head = String::from_utf8(head).expect("a head is text");
        if !head.starts_with("HTTP/1.1 101 ") {
            let mut body = [0; 1024];
            let read = timeout(PATIENCE, tcp.read(&mut body)).await.expect("a refusal says why");
            head.push_str(&String::from_utf8_lossy(&body[..read.expect("the connection holds")]));
            return Err(head);
        }
        let protocol = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        let protocol = protocol.unwrap_or_default().to_owned();
        Ok(Self { tcp, frames: Frames::default(), waiting: VecDeque::new(), protocol, closed: None })
    }

    /// Sends a text frame.
    pub async fn send(&mut self, text: &str) {
        self.write(0x81, text.as_bytes()).await;
    }

    /// Sends a binary frame.
    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.write(0x82, bytes).await;
    }

    /// Says goodbye with that number, as a browser does.
    pub async fn say_goodbye(&mut self, number: u16) {
        self.write(0x88, &number.to_be_bytes()).await;
    }

    /// Ends without a word, and waits until the server knows.
    pub async fn lose(mut self) {
        self.tcp.shutdown().await.expect("the connection holds");
        while self.closed.is_none() {
            self.next_within(PATIENCE).await;
        }
    }

    async fn write(&mut self, first: u8, payload: &[u8]) {
        // A socket that was closed by the server may refuse this; the close is what tests look at.
        let _ = self.tcp.write_all(&masked(first, payload)).await;
    }

    /// The next text frame; `None` at the end or after `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Some(text);
            }
            if self.closed.is_some() {
                return None;
            }
            let mut bytes = vec![0; 16 * 1024];
            match timeout_at(deadline, self.tcp.read(&mut bytes)).await {
                Err(_) => return None,
                Ok(Ok(0) | Err(_)) => self.closed = Some((1006, String::new())),
                Ok(Ok(read)) => {
                    self.frames.push(&bytes[..read]);
                    self.take_frames();
                }
            }
        }
    }

    /// The next text frame, which must come.
    pub async fn next(&mut self) -> Value {
        let text = self.next_within(PATIENCE).await;
        let text = text.unwrap_or_else(|| panic!("no frame came; closed: {:?}", self.closed));
        serde_json::from_str(&text).expect("the server speaks JSON")
    }

    /// Sends a JSON-RPC request and reads up to its answer; what comes before is kept for later.
    pub async fn call(&mut self, request: &str) -> Value {
        let request_id = id_of(request);
        self.send(request).await;
        let mut before = Vec::new();
        let answer = loop {
            let frame = self.next_within(PATIENCE).await;
            let frame = frame.unwrap_or_else(|| panic!("no answer came; closed: {:?}", self.closed));
            if id_of(&frame) == request_id {
                break serde_json::from_str(&frame).expect("the server speaks JSON");
            }
            before.push(frame);
        };
        for frame in before.into_iter().rev() {
            self.waiting.push_front(frame);
        }
        answer
    }

    /// Everything that has come until nothing comes for that long.
    pub async fn drain(&mut self, quiet: Duration) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next_within(quiet).await {
            frames.push(frame);
        }
        frames
    }

    /// The close frame; what comes before it is passed over.
    pub async fn close(&mut self) -> (u16, String) {
        while self.closed.is_none() {
            let next = self.next_within(PATIENCE).await;
            assert!(next.is_some() || self.closed.is_some(), "the socket stays open");
        }
        self.closed.clone().expect("it was waited for")
    }

    fn take_frames(&mut self) {
        while let Some((opcode, payload)) = self.frames.take() {
            match opcode {
                1 => self.waiting.push_back(String::from_utf8(payload).expect("text is UTF-8")),
                8 => self.closed = Some(close_of(&payload)),
                _ => {}
            }
        }
    }
}

fn id_of(frame: &str) -> Option<Value> {
    serde_json::from_str::<Value>(frame).expect("both sides speak JSON").get("id").cloned()
}

/// The head that asks for a socket.
pub fn request(path: &str, protocols: &str) -> String {
    let protocols = match protocols {
        "" => String::new(),
        protocols => format!("sec-websocket-protocol: {protocols}\r\n"),
    };
    format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocols}\r\n"
    )
}

/// A client's frame that begins with that byte.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Number and reason of a close frame.
pub fn close_of(payload: &[u8]) -> (u16, String) {
    let number = payload.first_chunk::<2>().map_or(1005, |pair| u16::from_be_bytes(*pair));
    let reason = payload.get(2..).unwrap_or_default().to_vec();
    (number, String::from_utf8(reason).expect("a reason is UTF-8"))
}

/// What came from a server and was not looked at yet.
#[derive(Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// More came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The opcode and the payload of the next frame, if all of it is here.
    pub fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, length) = self.lengths()?;
        let frame = self.0.get(..head + length)?;
        let (opcode, payload) = (frame[0] & 0xf, frame[head..].to_vec());
        self.0.drain(..head + length);
        Some((opcode, payload))
    }

    /// The bytes of the next frame's head and of its payload.
    fn lengths(&self) -> Option<(usize, usize)> {
        let &[_, second] = self.0.first_chunk()?;
        Some(match second {
            126 => {
                let &[_, _, a, b] = self.0.first_chunk()?;
                (4, usize::from(u16::from_be_bytes([a, b])))
            }
            127 => {
                let &[_, _, ref length @ ..] = self.0.first_chunk::<10>()?;
                (10, usize::try_from(u64::from_be_bytes(*length)).expect("it fits in memory"))
            }
            length => (2, usize::from(length)),
        })
    }
}
