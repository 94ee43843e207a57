//! A WebSocket client of the native protocol, small enough to be read: text frames over a blocking stream.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use sidetalk_testkit::socket::{Frames, close_of, masked, request};

use crate::server::WAIT;

/// A connection that has logged in.
pub(crate) struct Socket {
    stream: TcpStream,
    frames: Frames,
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
        let notices = VecDeque::new();
        let mut socket = Self { stream, frames: Frames::default(), notices, next_id: 0, closed: None };
        socket.stream.write_all(request("/api/v1/connect", "sidetalk.v1").as_bytes())?;
        let mut answer = Vec::new();
        let end = loop {
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            answer.extend(socket.read()?);
        };
        let head = String::from_utf8_lossy(&answer[..end]);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        socket.frames.push(&answer[end..]);
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

    fn send(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(&masked(0x81, text.as_bytes()))
    }

    /// The next text frame as JSON; an error at the end of the connection.
    pub(crate) fn frame(&mut self) -> Result<Value> {
        loop {
            match self.frames.take() {
                None => {
                    let bytes = self.read()?;
                    self.frames.push(&bytes);
                }
                Some((1, text)) => return Ok(serde_json::from_slice(&text).expect("the server speaks JSON")),
                Some((8, payload)) => {
                    self.closed = Some(close_of(&payload));
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                Some(_) => {}
            }
        }
    }

    fn read(&mut self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; 64 * 1024];
        let length = loop {
            match self.stream.read(&mut bytes) {
                // A read with a timeout is not taken up again by itself after a signal.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        bytes.truncate(length);
        if bytes.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }
}
