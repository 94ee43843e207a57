//! The test kit's application behind a listener: a clock that stands still until told, chance that is a count, and
//! clients for both ways in.

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
pub use sidetalk_testkit::fixed::START;
use sidetalk_testkit::{FixedClock, Socket};
use tower::ServiceExt as _;

pub const SECRET: &str = "a secret of thirty-two characters";
pub const PROJECT: u32 = 100_001;
/// The connection that lena's token promises.
pub const PROMISED: &str = "11111111-2222-4333-8444-555555555555";

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
        self.socket_at("/api/v1/connect", "sidetalk.v1").await.expect("the socket opens")
    }

    /// A socket with that query and those sub-protocols; the status, if it does not open.
    pub async fn socket_at(&self, path: &str, protocols: &str) -> Result<Socket, StatusCode> {
        let socket = Socket::open(self.addr, path, protocols)
            .await
            .map_err(|answer| answer.split(' ').nth(1).unwrap().parse::<StatusCode>().unwrap())?;
        assert_eq!(socket.protocol, "sidetalk.v1");
        Ok(socket)
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
