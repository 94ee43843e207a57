//! The test kit's application with this dialect and an issuer of tokens, behind a listener.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{ProjectId, Timestamp};
use sidetalk_core::ports::Clock;
use sidetalk_edge::listener::{Listener, ListenerConfig, Serving};
use sidetalk_edge::socket::SocketSettings;
use sidetalk_opentalk::{
    IssuerKey, IssuerKeys, OpenTalk, OpenTalkParts, OpenTalkSettings, OpenTalkState, router,
};
pub use sidetalk_testkit::Answer;
use sidetalk_testkit::fixed::START;
use sidetalk_testkit::{FixedClock, Setup, Socket, ask};
use tokio::task::JoinHandle;

use crate::member::Member;

pub const ISSUER: &str = "https://login.example/realms/talk";

/// An issuer with a fresh key of Ed25519.
pub struct Issuer {
    key: rcgen::KeyPair,
}

impl Issuer {
    pub fn new() -> Self {
        Self { key: rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap() }
    }

    pub fn public(&self) -> DecodingKey {
        DecodingKey::from_ed_pem(self.public_pem().as_bytes()).unwrap()
    }

    pub fn public_pem(&self) -> String {
        self.key.public_key_pem()
    }

    pub fn sign(&self, claims: &Value) -> String {
        let key = EncodingKey::from_ed_pem(self.key.serialize_pem().as_bytes()).unwrap();
        let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// What the application trusts.
struct Trusted {
    project: ProjectId,
    key: DecodingKey,
}

impl IssuerKeys for Trusted {
    fn candidates(&self, issuer: &str, _: Option<&str>) -> Vec<IssuerKey> {
        let key = |project| IssuerKey {
            project,
            algorithm: Algorithm::EdDSA,
            key: self.key.clone(),
            audience: None,
        };
        match issuer {
            ISSUER => vec![key(self.project)],
            _ => Vec::new(),
        }
    }
}

/// The kit's clock, which is there only after the dialect.
#[derive(Default)]
struct KitClock(OnceLock<Arc<FixedClock>>);

impl Clock for KitClock {
    fn now(&self) -> Timestamp {
        self.0.get().map_or(START, |clock| clock.now())
    }
}

pub struct App {
    pub kit: sidetalk_testkit::App,
    pub issuer: Issuer,
    pub router: Router,
    pub settings: OpenTalkSettings,
    addr: SocketAddr,
    serving: Serving,
    tasks: Vec<JoinHandle<()>>,
    _state: OpenTalkState,
}

/// A room with a way in for guests.
#[derive(Clone)]
pub struct Room {
    pub id: String,
    pub invite: String,
}

impl App {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut OpenTalkSettings)) -> Self {
        Self::start_with(Limits::default(), change).await
    }

    /// An application whose rooms take no more people.
    pub async fn with_room_for(people: usize) -> Self {
        Self::start_with(Limits { room_connections_max: people, ..Limits::default() }, |_| {}).await
    }

    pub async fn start_with(limits: Limits, change: impl FnOnce(&mut OpenTalkSettings)) -> Self {
        let mut settings = OpenTalkSettings::new(ProjectId::new(100_001).unwrap());
        settings.oidc_name = "Login".to_owned();
        settings.oidc_url = ISSUER.to_owned();
        settings.livekit = Some(("wss://media.example".to_owned(), "none".to_owned()));
        change(&mut settings);
        let clock = Arc::new(KitClock::default());
        let dialect = OpenTalk::new(settings.clone(), clock.clone());
        let kit = sidetalk_testkit::App::start_as(Setup { limits, ..setup(&dialect) }).await;
        clock.0.get_or_init(|| kit.clock.clone());
        Self::open(kit, dialect, settings, Issuer::new()).await
    }

    /// The process ends without a word, and begins again.
    pub async fn restart(self) -> Self {
        let Self { kit, issuer, settings, serving, tasks, .. } = self;
        // First the store, so that nothing of the end is written: a kill leaves no time for it.
        kit.sqlite().close();
        tasks.iter().for_each(JoinHandle::abort);
        serving.shutdown(Duration::ZERO).await;
        let dialect = OpenTalk::new(settings.clone(), kit.clock.clone());
        let kit = kit.restart_as(setup(&dialect)).await;
        Self::open(kit, dialect, settings, issuer).await
    }

    async fn open(
        kit: sidetalk_testkit::App,
        dialect: OpenTalk,
        settings: OpenTalkSettings,
        issuer: Issuer,
    ) -> Self {
        let (state, tasks) = dialect.start(OpenTalkParts {
            service: kit.service.clone(),
            face: 1,
            socket_settings: SocketSettings::default(),
            entropy: kit.entropy.clone(),
            keys: Arc::new(Trusted { project: kit.project.id, key: issuer.public() }),
        });
        let router = kit.router.clone().merge(router(state.clone()));
        let listener = Listener::bind("127.0.0.1:0", ListenerConfig::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = listener.serve(router.clone()).unwrap();
        Self { kit, issuer, router, settings, addr, serving, tasks, _state: state }
    }

    /// Claims of a good token.
    pub fn claims(&self, sub: &str, groups: &[&str]) -> Value {
        let now = self.kit.clock.now().as_millis() / 1_000;
        json!({
            "iss": ISSUER, "sub": sub, "iat": now, "exp": now + 3_600, "name": format!("{sub} example"),
            "email": format!("{sub}@example.org"), "given_name": sub, "family_name": "Example", "x_grp": groups
        })
    }

    /// A token of a user, who has logged in.
    pub async fn user(&self, sub: &str, groups: &[&str]) -> String {
        let token = self.issuer.sign(&self.claims(sub, groups));
        let login = json!({ "id_token": token }).to_string();
        assert_eq!(self.request("POST", "/v1/auth/login", None, &login).await.status, 200);
        token
    }

    pub async fn bearer(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.request(method, path, Some(&format!("Bearer {token}")), &body).await
    }

    pub async fn request(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "talk.example");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        ask(&self.router, request).await
    }

    /// A room of that owner's.
    pub async fn room(&self, owner: &str, wish: Value) -> Room {
        let made = self.bearer("POST", "/v1/rooms", owner, wish).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.text_of("id");
        let invite = self.bearer("POST", &format!("/v1/rooms/{id}/invites"), owner, json!({})).await;
        Room { id, invite: invite.text_of("invite_code") }
    }

    /// What `start` says to a user, or, without a token, to a guest.
    pub async fn start(&self, prefix: &str, room: &Room, token: Option<&str>, resumption: &str) -> Answer {
        let mut body = json!({ "resumption": Some(resumption).filter(|text| !text.is_empty()) });
        if let Some(token) = token {
            return self.bearer("POST", &format!("{prefix}/v1/rooms/{}/start", room.id), token, body).await;
        }
        body["invite_code"] = json!(room.invite);
        let path = format!("{prefix}/v1/rooms/{}/start_invited", room.id);
        self.request("POST", &path, None, &body.to_string()).await
    }

    /// A socket with that ticket.
    pub async fn socket(&self, prefix: &str, ticket: &str) -> Socket {
        let protocols = format!("ticket#{ticket}, opentalk-signaling-json-v1.0");
        Socket::open(self.addr, &format!("{prefix}/signaling"), &protocols).await.unwrap()
    }

    pub async fn try_socket(&self, protocols: &str) -> Result<Socket, String> {
        Socket::open(self.addr, "/signaling", protocols).await
    }

    /// A socket on which nobody has joined yet.
    pub async fn visitor(&self, prefix: &str, room: &Room, token: Option<&str>, resumption: &str) -> Member {
        let started = self.start(prefix, room, token, resumption).await;
        assert_eq!(started.status, 200, "{started:?}");
        let socket = self.socket(prefix, &started.text_of("ticket")).await;
        Member::new(socket, started.text_of("resumption"))
    }

    /// Somebody in the room, in the generation with arrays.
    pub async fn member(&self, room: &Room, token: Option<&str>, name: &str) -> Member {
        self.member_below("", room, token, name).await
    }

    pub async fn member_below(&self, prefix: &str, room: &Room, token: Option<&str>, name: &str) -> Member {
        let mut member = self.visitor(prefix, room, token, "").await;
        member.join(name).await;
        member
    }
}

fn setup(dialect: &OpenTalk) -> Setup {
    Setup { faces: vec![dialect.face()], witnesses: vec![dialect.witness()], ..Setup::default() }
}
