//! A server to test and a client that says exactly what the test wants, wrong frames included.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use parking_lot::Mutex;
use sidetalk_core::ports::Outlet as _;
use sidetalk_edge::close::{Close, Code};
use sidetalk_edge::frame;
use sidetalk_edge::listener::{Deadlines, Listener, ListenerConfig, Serving};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::socket::{Ended, Session, SocketSettings, Sockets, Step};
use sidetalk_edge::upgrade::Upgrade;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Nothing in these tests takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server with one echo socket at `/ws`, `GET /hello` and `POST /body`.
pub(crate) struct Server {
    pub(crate) serving: Serving,
    pub(crate) liveness: Arc<Liveness>,
    pub(crate) room: Arc<Mutex<Vec<Arc<Outbox>>>>,
    pub(crate) ended: mpsc::Receiver<Ended>,
}

#[derive(Clone)]
struct App {
    sockets: Arc<Sockets>,
    room: Arc<Mutex<Vec<Arc<Outbox>>>>,
    ended: mpsc::Sender<Ended>,
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) listener: ListenerConfig,
    pub(crate) sockets: SocketSettings,
    pub(crate) liveness: LivenessSettings,
}

impl Setup {
    pub(crate) fn deadlines(self, deadlines: Deadlines) -> Self {
        Self { listener: ListenerConfig { deadlines, ..self.listener }, ..self }
    }

    pub(crate) async fn start(self) -> Server {
        let liveness = Liveness::new(self.liveness);
        tokio::spawn(Arc::clone(&liveness).run());
        let room = Arc::default();
        let (ended_sender, ended) = mpsc::channel(1000);
        let sockets = Sockets::new(self.sockets, Arc::clone(&liveness));
        let app = App { sockets, room: Arc::clone(&room), ended: ended_sender };
        let router = Router::new()
            .route("/ws", get(socket))
            .route("/hello", get(async || "hello"))
            .route("/body", post(async |body: Bytes| body.len().to_string()))
            .with_state(app);
        let listener = Listener::bind("127.0.0.1:0", self.listener).await.unwrap();
        Server { serving: listener.serve(router).unwrap(), liveness, room, ended }
    }
}

async fn socket(State(app): State<App>, upgrade: Upgrade) -> Response {
    let sockets = Arc::clone(&app.sockets);
    upgrade.choose(&["chat"]).open(&sockets, move |outbox| {
        app.room.lock().push(Arc::clone(&outbox));
        Echo { outbox, ended: app.ended, slow_answers: 0 }
    })
}

/// Echoes text, and obeys a few words.
struct Echo {
    outbox: Arc<Outbox>,
    ended: mpsc::Sender<Ended>,
    slow_answers: u32,
}

impl Session for Echo {
    type Done = String;

    fn on_text(&mut self, text: &str) -> Step<String> {
        match text {
            "login" => self.outbox.set_authenticated(),
            "panic" => panic!("the test asked for it"),
            "leave" => return Step::Close(Close::new(Code::Kicked, "as you wish")),
            "very slow" => {
                return Step::wait(async {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    "very slow".to_owned()
                });
            }
            "slow" => {
                self.slow_answers += 1;
                let answer = format!("slow {}", self.slow_answers);
                return Step::wait(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    answer
                });
            }
            _ => {}
        }
        self.outbox.send(frame::text(text.as_bytes()));
        Step::Next
    }

    fn on_done(&mut self, answer: String) -> Step<String> {
        self.outbox.send(frame::text(answer.as_bytes()));
        Step::Next
    }

    fn on_close(&mut self, ended: Ended) {
        let _ = self.ended.try_send(ended);
    }
}

impl Server {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.serving.local_addr()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.addr()).await.unwrap()
    }

    pub(crate) async fn socket(&self) -> Client<TcpStream> {
        Client::open(self.tcp().await, "").await
    }

    pub(crate) async fn next_end(&mut self) -> Ended {
        tokio::time::timeout(PATIENCE, self.ended.recv())
            .await
            .expect("the session hears of its end")
            .unwrap()
    }
}

/// A WebSocket client made of bytes.
pub(crate) struct Client<T> {
    stream: T,
    unread: VecDeque<u8>,
    pub(crate) answer: String,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) async fn open(mut stream: T, more_headers: &str) -> Self {
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more_headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Self { stream, unread: VecDeque::new(), answer }
    }

    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.raw(&masked(0x81, text.as_bytes())).await;
    }

    /// The next frame, as text: `text hi`, `close 4000 reason`, `ping` with what it carries, `end`.
    pub(crate) async fn next(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.frame()).await.expect("a frame within the test's patience")
    }

    pub(crate) async fn say(&mut self, text: &str) -> String {
        self.text(text).await;
        self.next().await
    }

    async fn frame(&mut self) -> String {
        let Some(head) = self.take(2).await else { return "end".to_owned() };
        let length_bytes = match head[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let length = self.take(length_bytes).await.expect("a whole header");
        let length = match length_bytes {
            0 => usize::from(head[1]),
            _ => length.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)),
        };
        let payload = self.take(length).await.expect("a whole frame");
        match head[0] {
            0x81 => format!("text {}", String::from_utf8(payload).unwrap()),
            0x82 => format!("binary {}", payload.len()),
            0x88 if payload.is_empty() => "close".to_owned(),
            0x88 => {
                let number = u16::from_be_bytes([payload[0], payload[1]]);
                format!("close {number} {}", std::str::from_utf8(&payload[2..]).unwrap())
                    .trim_end()
                    .to_owned()
            }
            0x89 => format!("ping {}", String::from_utf8(payload).unwrap()).trim_end().to_owned(),
            0x8A => format!("pong {}", String::from_utf8(payload).unwrap()),
            other => panic!("a frame that begins with {other:#x}"),
        }
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut piece = vec![0; 64 * 1024];
        while self.unread.len() < count {
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(read_bytes) => self.unread.extend(&piece[..read_bytes]),
            }
        }
        Some(self.unread.drain(..count).collect())
    }
}

/// A client frame.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            bytes.push(0xFE);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0xFF);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// Everything until the server closes, or an error of the connection.
pub(crate) async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}
