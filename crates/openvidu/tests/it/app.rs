//! The test kit's application with this dialect, behind a listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sidetalk_core::event::{Sight, Sitting};
use sidetalk_core::model::RoomKey;
use sidetalk_core::ports::Witness;
use sidetalk_edge::listener::{Listener, ListenerConfig, Serving};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::socket::SocketSettings;
use sidetalk_openvidu::{OpenVidu, OpenViduParts, OpenViduSettings, OpenViduState, router, webhook};
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::failing::Plan;
use sidetalk_testkit::fixed::START;
use sidetalk_testkit::{Answer, Setup, Socket, ask};
use tokio::task::JoinHandle;

use crate::member::Member;

/// What the application's server says of itself.
pub const SERVER: &str = "OPENVIDUAPP";

/// What a test may choose.
pub struct Choice {
    pub settings: OpenViduSettings,
    pub sockets: SocketSettings,
    pub failures: Plan,
}

impl Default for Choice {
    fn default() -> Self {
        let settings = OpenViduSettings {
            public_url: Some("https://chat.example".to_owned()),
            requests_per_connection: None,
            auth_failures_per_address: None,
            ..OpenViduSettings::default()
        };
        Self { settings, sockets: SocketSettings::default(), failures: Plan::Before }
    }
}

pub struct App {
    pub kit: sidetalk_testkit::App,
    pub hooks: Arc<Hooks>,
    pub router: Router,
    choice: Choice,
    addr: SocketAddr,
    serving: Serving,
    tasks: Vec<JoinHandle<()>>,
    _state: OpenViduState,
}

impl App {
    pub async fn new() -> Self {
        Self::with(Choice::default()).await
    }

    pub async fn with(choice: Choice) -> Self {
        let (dialect, hooks) = (OpenVidu::new(choice.settings.clone()), Arc::default());
        let kit = sidetalk_testkit::App::start_as(setup(&dialect, &hooks, choice.failures)).await;
        Self::open(kit, dialect, hooks, choice).await
    }

    /// The process ends without a word, and begins again.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn restart_with(self, change: impl FnOnce(&mut OpenViduSettings)) -> Self {
        let Self { kit, hooks, mut choice, serving, tasks, .. } = self;
        // First the store, so that nothing of the end is written: a kill leaves no time for it.
        kit.sqlite().close();
        tasks.iter().for_each(JoinHandle::abort);
        serving.shutdown(Duration::ZERO).await;
        change(&mut choice.settings);
        let dialect = OpenVidu::new(choice.settings.clone());
        let kit = kit.restart_as(setup(&dialect, &hooks, choice.failures)).await;
        Self::open(kit, dialect, hooks, choice).await
    }

    async fn open(kit: sidetalk_testkit::App, dialect: OpenVidu, hooks: Arc<Hooks>, choice: Choice) -> Self {
        let liveness = Liveness::new(LivenessSettings::default());
        tokio::spawn(liveness.clone().run());
        let parts = OpenViduParts {
            service: kit.service.clone(),
            face: 1,
            socket_settings: choice.sockets.clone(),
            liveness,
            entropy: kit.entropy.clone(),
        };
        let (state, tasks) = dialect.start(parts).await.unwrap();
        let router = kit.router.clone().merge(router(state.clone()));
        let listener = Listener::bind("127.0.0.1:0", ListenerConfig::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = listener.serve(router.clone()).unwrap();
        Self { kit, hooks, router, choice, addr, serving, tasks, _state: state }
    }

    /// A socket of somebody who has said nothing yet.
    pub async fn socket(&self) -> Socket {
        Socket::open(self.addr, "/openvidu?sessionId=any", "").await.unwrap()
    }

    /// A socket of the native dialect, which the drop-in script speaks.
    pub async fn native_socket(&self) -> Socket {
        Socket::open(self.addr, "/api/v1/connect", "sidetalk.v1").await.unwrap()
    }

    /// A request as the application's server; an empty body is none.
    pub async fn rest(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/openvidu/api{path}");
        self.request(method, &path, Some(&basic(SERVER, SECRET)), body).await
    }

    /// A request as anybody.
    pub async fn request(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "chat.example");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        ask(&self.router, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// A session of that name.
    pub async fn session(&self, name: &str) {
        let made = self.rest("POST", "/sessions", &json!({ "customSessionId": name }).to_string()).await;
        assert_eq!(made.status, 200, "{made:?}");
    }

    /// A connection that is promised by a token: its name, and the token.
    pub async fn promise(&self, session: &str, wish: Value) -> (String, String) {
        let path = format!("/sessions/{session}/connection");
        let promised = self.rest("POST", &path, &wish.to_string()).await;
        assert_eq!(promised.status, 200, "{promised:?}");
        let promised = promised.json();
        let text = |field: &str| promised[field].as_str().unwrap().to_owned();
        (text("connectionId"), text("token"))
    }

    /// Somebody who has joined a session.
    pub async fn member(&self, session: &str, name: &str) -> Member {
        self.member_with(session, name, json!({})).await
    }

    /// Somebody who has joined a session with what a token of that wish allows.
    pub async fn member_with(&self, session: &str, name: &str, wish: Value) -> Member {
        let (_, token) = self.promise(session, wish).await;
        Member::join(self.socket().await, &token, name).await
    }

    /// What REST says of the connections of a session, by their names.
    pub async fn connections(&self, session: &str) -> Vec<String> {
        let list = self.rest("GET", &format!("/sessions/{session}/connection"), "").await;
        let list = list.json();
        let content = list["content"].as_array().cloned().unwrap_or_default();
        content.iter().map(|one| format!("{} {}", one["id"], one["status"]).replace('"', "")).collect()
    }
}

fn setup(dialect: &OpenVidu, hooks: &Arc<Hooks>, failures: Plan) -> Setup {
    let witnesses = vec![dialect.witness(), Arc::clone(hooks) as Arc<dyn Witness>];
    Setup { faces: vec![dialect.face()], witnesses, failures, ..Setup::default() }
}

pub fn basic(user: &str, secret: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}")))
}

/// The bodies of webhooks, as they are rendered when things happen.
#[derive(Default)]
pub struct Hooks(Mutex<Vec<String>>);

impl Hooks {
    /// Those that have been rendered, each once.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }

    /// Whether something of that event has been rendered.
    pub fn has(&self, event: &str) -> bool {
        self.0.lock().iter().any(|hook| hook.contains(&format!("\"event\":\"{event}\"")))
    }
}

impl Witness for Hooks {
    fn saw(&self, room: &RoomKey, sitting: Sitting, sight: Sight<'_>) {
        // Five seconds after the beginning of every test, so that a duration is one.
        let at = START.plus(Duration::from_secs(5));
        if let Some(body) = webhook::render(room.name.as_str(), sitting, at, sight) {
            self.0.lock().push(body);
        }
    }
}
