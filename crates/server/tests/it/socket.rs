//! A WebSocket client of the native protocol, small enough to be read: text frames over a blocking stream.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::server::WAIT;

/// A connection that has logged in.
pub(crate) struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Notifications that came while an answer was awaited.
    pub(crate) notices: VecDeque<Value>,
    next_id: u64,
    /// The number of the close frame, once it came.
    pub(crate) closed: Option<(u16, String)>,
}

impl Socket {
    /// Connects and logs in.
    pub(crate) fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT))?;
        let mut socket =
            Self { stream, buffer: Vec::new(), notices: VecDeque::new(), next_id: 0, closed: None };
        let head = format!(
            "GET /api/v1/connect HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: sidetalk.v1\r\n\r\n"
        );
        socket.stream.write_all(head.as_bytes())?;
        let end = loop {
            if let Some(end) = socket.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            socket.fill()?;
        };
        let answer = String::from_utf8_lossy(&socket.buffer[..end]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        socket.buffer.drain(..end);
        socket.call("connect", json!({ "token": token }))?;
        Ok(socket)
    }

    /// A request and its result. An error that the server answers is a panic: the tests here expect none but by
    /// [`try_call`](Self::try_call).
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let answer = self.try_call(method, params)?;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        Ok(answer["result"].clone())
    }

    /// A request and the whole answer.
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!() in place")]
    pub(crate) fn try_call(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.ask(method, &params)?;
        loop {
            let frame = self.frame()?;
            if frame["id"] == id {
                return Ok(frame);
            }
            self.notices.push_back(frame);
        }
    }

    /// Sends a request without waiting; gives its id.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Result<u64> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string())?;
        Ok(id)
    }

    /// The next notification.
    pub(crate) fn notice(&mut self) -> Result<Value> {
        match self.notices.pop_front() {
            Some(notice) => Ok(notice),
            None => self.frame(),
        }
    }

    /// A masked text frame. The mask is there because the protocol demands it; zeros leave the text readable.
    fn send(&mut self, text: &str) -> Result<()> {
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(length).expect("a short text").to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame)
    }

    /// The next text frame as JSON; an error at the end of the connection.
    pub(crate) fn frame(&mut self) -> Result<Value> {
        loop {
            let (opcode, payload) = self.raw_frame()?;
            match opcode {
                1 => return Ok(serde_json::from_slice(&payload).expect("the server speaks JSON")),
                8 => {
                    let number = payload.get(..2).map_or(1005, |two| u16::from_be_bytes([two[0], two[1]]));
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    self.closed = Some((number, reason));
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                _ => {}
            }
        }
    }

    fn raw_frame(&mut self) -> Result<(u8, Vec<u8>)> {
        self.have(2)?;
        let (start, length) = match self.buffer[1] {
            126 => {
                self.have(4)?;
                (4, usize::from(u16::from_be_bytes([self.buffer[2], self.buffer[3]])))
            }
            127 => {
                self.have(10)?;
                let length: [u8; 8] = self.buffer[2..10].try_into().expect("eight bytes");
                (10, usize::try_from(u64::from_be_bytes(length)).expect("it fits in memory"))
            }
            length => (2, usize::from(length)),
        };
        self.have(start + length)?;
        let opcode = self.buffer[0] & 0x0f;
        let payload = self.buffer[start..start + length].to_vec();
        self.buffer.drain(..start + length);
        Ok((opcode, payload))
    }

    fn have(&mut self, bytes: usize) -> Result<()> {
        while self.buffer.len() < bytes {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            read => {
                self.buffer.extend_from_slice(&bytes[..read]);
                Ok(())
            }
        }
    }
}
