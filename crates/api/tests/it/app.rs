//! The test kit's application behind a listener: a clock that stands still until told, chance that is a count, and
//! clients for both ways in.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sidetalk_api::token::{Mint, NoKeys, mint};
use sidetalk_api::{ApiLimits, ApiParts, ApiState};
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{Dialect, GroupName, ProjectId, Role, RoomName, UserId};
use sidetalk_core::ports::{Clock as _, Entropy, Project, ProjectSettings};
use sidetalk_core::service::Service;
use sidetalk_edge::listener::{Listener, ListenerConfig, Serving};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::socket::SocketSettings;
use sidetalk_testkit::FixedClock;
pub use sidetalk_testkit::fixed::START;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

pub const SECRET: &str = "a secret of thirty-two characters";
pub const PROJECT: u32 = 100_001;
/// The connection that lena's token promises.
pub const PROMISED: &str = "11111111-2222-4333-8444-555555555555";

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// 1, 2, 3… spread over the bits, so that ids are short to read and never the same.
#[derive(Default)]
pub struct Counted(AtomicU64);

impl Entropy for Counted {
    fn bits(&self) -> u128 {
        let count = u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1);
        count << 64 | count
    }
}

pub struct App {
    pub api: ApiState,
    pub service: Arc<Service>,
    pub clock: Arc<FixedClock>,
    pub project: Project,
    pub router: Router,
    serving: Option<Serving>,
    addr: SocketAddr,
    kit: sidetalk_testkit::App,
}

impl App {
    pub async fn new() -> Self {
        Self::with_limits(ApiLimits::unlimited()).await
    }

    pub async fn with_limits(limits: ApiLimits) -> Self {
        let kit = sidetalk_testkit::App::start_with(Limits::default(), ApiLimits::unlimited()).await;
        let (service, clock) = (kit.service.clone(), kit.clock.clone());
        let project = project(PROJECT, SECRET);
        service.put_project(project.clone()).await.unwrap();
        let liveness = Liveness::new(LivenessSettings::default());
        tokio::spawn(liveness.clone().run());
        let api = ApiState::new(ApiParts {
            service: service.clone(),
            face: 0,
            socket_settings: SocketSettings::default(),
            liveness,
            keys: Arc::new(NoKeys),
            entropy: Arc::new(Counted::default()),
            limits,
            origins: OriginPolicy::Any,
            ping_interval: Duration::from_secs(25),
            dialects: vec![Dialect::new("other"), Dialect::new("left")],
            version: "0.0.0",
        });
        drop(api.spawn());
        let router = sidetalk_api::router(api.clone());
        let listener = Listener::bind("127.0.0.1:0", ListenerConfig::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = Some(listener.serve(router.clone()).unwrap());
        Self { api, service, clock, project, router, serving, addr, kit }
    }

    pub fn mint(&self, user: &str) -> Mint {
        Mint::new(UserId::new(user).unwrap(), Duration::from_secs(3_600))
    }

    pub fn token(&self, mint_wish: &Mint) -> String {
        mint(&self.project, mint_wish, self.service.now()).0
    }

    /// The token of the people in transcripts: `alice` moderates, `bob` and `carol` are members, `gus` is a guest, `vera`
    /// views, `olga` owns; `dora` is in the group `staff`. The token of `lena` says all about her connection, that of `lars`
    /// has a dialect that nobody knows.
    pub fn token_of(&self, user: &str) -> String {
        match user {
            "lena" => {
                let all = json!({ "connection": PROMISED, "dialect": "left", "data": "{\"seat\":4}" });
                return self.token_with("lena", all);
            }
            "lars" => return self.token_with("lars", json!({ "dialect": "right" })),
            _ => {}
        }
        let role = match user {
            "alice" => Some(Role::Moderator),
            "olga" => Some(Role::Owner),
            "gus" => Some(Role::Guest),
            "vera" => Some(Role::Viewer),
            _ => None,
        };
        let groups = if user == "dora" { vec![GroupName::new("staff").unwrap()] } else { Vec::new() };
        // `hanna` may not open the lobby.
        let rooms = (user == "hanna").then(|| vec![RoomName::new("elsewhere").unwrap()]);
        let mut name = user.to_owned();
        name[..1].make_ascii_uppercase();
        self.token(&Mint { role, groups, rooms, name: Some(name), ..self.mint(user) })
    }

    /// A token of a member with more claims.
    pub fn token_with(&self, user: &str, mut claims: Value) -> String {
        let exp = self.clock.now().as_millis() / 1_000 + 3_600;
        let own = json!({ "iss": PROJECT.to_string(), "sub": user, "exp": exp });
        claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    }

    /// A socket of somebody who has said nothing yet.
    pub async fn socket(&self) -> Socket {
        Socket::open(self.addr, "/api/v1/connect", "sidetalk.v1").await.expect("the socket opens")
    }

    /// A socket with that query and those sub-protocols; the status, if it does not open.
    pub async fn socket_at(&self, path: &str, protocols: &str) -> Result<Socket, StatusCode> {
        Socket::open(self.addr, path, protocols).await
    }

    /// A socket of one of [`token_of`](Self::token_of).
    pub async fn socket_of(&self, user: &str) -> Socket {
        let mut socket = self.socket().await;
        let token = self.token_of(user);
        let answer = socket
            .call(&format!(r#"{{"jsonrpc":"2.0","id":0,"method":"connect","params":{{"token":"{token}"}}}}"#))
            .await;
        assert!(answer["result"].is_object(), "{answer}");
        socket
    }

    /// A REST request as `who` (`server`, `nobody`, or one of [`token_of`](Self::token_of)).
    pub async fn rest(&self, who: &str, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = match who {
            "nobody" => request,
            "server" => request.header("authorization", basic(PROJECT, SECRET)),
            user => request.header("authorization", format!("Bearer {}", self.token_of(user))),
        };
        let response =
            self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        (status, value)
    }

    pub async fn shut_down(mut self) {
        if let Some(serving) = self.serving.take() {
            serving.shutdown(Duration::ZERO).await;
        }
        self.service.stop();
        self.kit.sqlite().close();
    }
}

pub fn project(key: u32, secret: &str) -> Project {
    Project {
        id: ProjectId::new(key).unwrap(),
        name: "Test".into(),
        secret: secret.into(),
        previous_secret: None,
        settings: ProjectSettings::default(),
        created_at: START,
    }
}

pub fn basic(key: u32, secret: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:{secret}")))
}

/// A WebSocket client that is just enough: text frames, masked, never fragmented.
pub struct Socket {
    tcp: TcpStream,
    input: Vec<u8>,
    waiting: VecDeque<String>,
    pub closed: Option<(u16, String)>,
}

impl Socket {
    async fn open(addr: SocketAddr, path: &str, protocols: &str) -> Result<Self, StatusCode> {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {protocols}\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).await.unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 101 {
            return Err(StatusCode::from_u16(status).unwrap());
        }
        assert!(head.to_lowercase().contains("sec-websocket-protocol: sidetalk.v1\r\n"), "{head}");
        Ok(Self { tcp, input: Vec::new(), waiting: VecDeque::new(), closed: None })
    }

    pub async fn send(&mut self, text: &str) {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x81];
        match text.len() {
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
        frame.extend(text.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        // A socket that was closed by the server may refuse this; the close is what tests look at.
        let _ = self.tcp.write_all(&frame).await;
    }

    /// Says goodbye with that number.
    pub async fn send_close(&mut self, number: u16) {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x88, 0x80 | 2];
        frame.extend(mask);
        frame.extend(number.to_be_bytes().iter().zip(mask).map(|(byte, mask)| byte ^ mask));
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
            let mut bytes = [0; 16 * 1024];
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

    pub async fn next(&mut self) -> String {
        self.next_within(PATIENCE).await.unwrap_or_else(|| panic!("no frame came; closed: {:?}", self.closed))
    }

    /// Sends a request and reads up to its answer; what comes before is kept for later.
    pub async fn call(&mut self, request: &str) -> Value {
        let id = serde_json::from_str::<Value>(request).unwrap()["id"].clone();
        self.send(request).await;
        let mut before = Vec::new();
        let answer = loop {
            let frame = self.next().await;
            let value: Value = serde_json::from_str(&frame).unwrap();
            if value.get("id") == Some(&id) {
                break value;
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

    /// The close frame.
    pub async fn close(&mut self) -> (u16, String) {
        while self.closed.is_none() {
            assert!(
                self.next_within(PATIENCE).await.is_some() || self.closed.is_some(),
                "the socket stays open"
            );
        }
        self.closed.clone().unwrap()
    }

    fn take_frames(&mut self) {
        loop {
            let Some(&[first, second]) = self.input.first_chunk::<2>() else { return };
            let (header, length) = match second {
                126 => {
                    let Some(&[_, _, a, b]) = self.input.first_chunk::<4>() else { return };
                    (4, usize::from(u16::from_be_bytes([a, b])))
                }
                127 => {
                    let Some(chunk) = self.input.first_chunk::<10>() else { return };
                    (10, usize::try_from(u64::from_be_bytes(chunk[2..].try_into().unwrap())).unwrap())
                }
                length => (2, usize::from(length)),
            };
            if self.input.len() < header + length {
                return;
            }
            let payload: Vec<u8> = self.input.drain(..header + length).skip(header).collect();
            match first & 0xf {
                1 => self.waiting.push_back(String::from_utf8(payload).unwrap()),
                8 => {
                    let number =
                        payload.first_chunk::<2>().map_or(1005, |number| u16::from_be_bytes(*number));
                    let reason = String::from_utf8(payload.get(2..).unwrap_or_default().to_vec()).unwrap();
                    self.closed = Some((number, reason));
                }
                _ => {}
            }
        }
    }
}
