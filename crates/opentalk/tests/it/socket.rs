//! A WebSocket client that is just enough: text frames, masked, never fragmented.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Socket {
    tcp: TcpStream,
    input: Vec<u8>,
    waiting: VecDeque<String>,
    pub closed: Option<(u16, String)>,
    /// The sub-protocol that the server has chosen.
    pub chosen: String,
}

impl Socket {
    /// Opens a socket; else what was answered.
    pub async fn open(addr: SocketAddr, path: &str, protocols: &str) -> Result<Self, String> {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {protocols}\r\n\r\n"
        );
        let request = request.replace("sec-websocket-protocol: \r\n", "");
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).await.unwrap();
            head.push(byte[0]);
        }
        let mut head = String::from_utf8(head).unwrap();
        if !head.starts_with("HTTP/1.1 101 ") {
            let mut body = vec![0; 1024];
            let read = tokio::time::timeout(PATIENCE, tcp.read(&mut body)).await.unwrap().unwrap();
            head.push_str(&String::from_utf8_lossy(&body[..read]));
            return Err(head);
        }
        let chosen = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        let chosen = chosen.unwrap_or_default().to_owned();
        Ok(Self { tcp, input: Vec::new(), waiting: VecDeque::new(), closed: None, chosen })
    }

    pub async fn send(&mut self, text: &str) {
        self.write(0x81, text.as_bytes()).await;
    }

    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.write(0x82, bytes).await;
    }

    /// Says goodbye with that number, as a browser does.
    pub async fn say_goodbye(&mut self, number: u16) {
        self.write(0x88, &number.to_be_bytes()).await;
    }

    async fn write(&mut self, first: u8, payload: &[u8]) {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        // A socket that was closed by the server may refuse this; the close is what tests look at.
        let _ = self.tcp.write_all(&frame).await;
    }

    /// The next text frame; `None` at the end or after `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<String> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Some(text);
            }
            if self.closed.is_some() {
                return None;
            }
            let mut bytes = vec![0; 16 * 1024];
            match tokio::time::timeout_at(deadline, self.tcp.read(&mut bytes)).await {
                Err(_) => return None,
                Ok(Ok(0) | Err(_)) => self.closed = Some((1006, String::new())),
                Ok(Ok(read)) => {
                    self.input.extend_from_slice(&bytes[..read]);
                    self.take_frames();
                }
            }
        }
    }

    pub async fn next(&mut self) -> Value {
        let text = self.next_within(PATIENCE).await;
        let text = text.unwrap_or_else(|| panic!("no frame came; closed: {:?}", self.closed));
        serde_json::from_str(&text).unwrap()
    }

    /// The close frame; what comes before it is passed over.
    pub async fn close(&mut self) -> (u16, String) {
        while self.closed.is_none() {
            let next = self.next_within(PATIENCE).await;
            assert!(next.is_some() || self.closed.is_some(), "the socket stays open");
        }
        self.closed.clone().unwrap()
    }

    fn take_frames(&mut self) {
        while let Some((first, header, length)) = self.head() {
            if self.input.len() < header + length {
                return;
            }
            let payload: Vec<u8> = self.input.drain(..header + length).skip(header).collect();
            match first & 0xf {
                1 => self.waiting.push_back(String::from_utf8(payload).unwrap()),
                8 => {
                    let number = payload.first_chunk::<2>().map_or(1005, |pair| u16::from_be_bytes(*pair));
                    let reason = String::from_utf8(payload.get(2..).unwrap_or_default().to_vec()).unwrap();
                    self.closed = Some((number, reason));
                }
                _ => {}
            }
        }
    }

    /// The first byte of the next frame, the bytes of its head and of its payload.
    fn head(&self) -> Option<(u8, usize, usize)> {
        let &[first, second] = self.input.first_chunk::<2>()?;
        Some(match second {
            126 => {
                let &[_, _, a, b] = self.input.first_chunk::<4>()?;
                (first, 4, usize::from(u16::from_be_bytes([a, b])))
            }
            127 => {
                let chunk = self.input.first_chunk::<10>()?;
                (first, 10, usize::try_from(u64::from_be_bytes(chunk[2..].try_into().unwrap())).unwrap())
            }
            length => (first, 2, usize::from(length)),
        })
    }
}
