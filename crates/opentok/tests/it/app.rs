//! The test kit's application with this dialect.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};
use sidetalk_core::model::{ConnectionId, ProjectId};
use sidetalk_core::ports::{Clock as _, Project};
use sidetalk_edge::proxy::Client;
use sidetalk_opentok::{
    Application, Clerk, OpenTokParts, OpenTokSettings, OpenTokState, fold_slashes, router,
};
pub use sidetalk_testkit::Answer;
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::{CountingEntropy, Person, Setup, ask};
use uuid::Uuid;

/// The test kit's project.
pub const KEY: &str = "100001";

/// The application that is attached to it.
pub const APPLICATION: &str = "78d335fa-323d-0114-9c3d-d6f0d48968cf";

/// The key pair of the application, and another one; of this run.
pub static PAIRS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key pair")));

pub struct App {
    pub kit: sidetalk_testkit::App,
    router: Router,
    state: OpenTokState,
}

impl App {
    pub async fn start() -> Self {
        Self::start_with(OpenTokSettings { auth_failures_per_address: None, ..OpenTokSettings::default() })
            .await
    }

    pub async fn start_with(settings: OpenTokSettings) -> Self {
        Self::start_as(settings, Setup::default()).await
    }

    pub async fn start_as(settings: OpenTokSettings, setup: Setup) -> Self {
        let (app, clerk) = Self::start_without_clerk(settings, setup).await;
        app.begin(clerk);
        app
    }

    /// The clerk has seen everything, and does nothing yet.
    pub async fn start_without_clerk(mut settings: OpenTokSettings, mut setup: Setup) -> (Self, Clerk) {
        settings.applications.push(application());
        let clerk = Clerk::default();
        setup.witnesses.push(clerk.witness());
        let kit = sidetalk_testkit::App::start_as(setup).await;
        let entropy = Arc::new(CountingEntropy::default());
        let state = OpenTokState::new(OpenTokParts { service: Arc::clone(&kit.service), entropy, settings });
        (Self { kit, router: router(state.clone()), state }, clerk)
    }

    /// Lets the clerk work, until the test's runtime ends.
    pub fn begin(&self, clerk: Clerk) {
        drop(tokio::spawn(clerk.run(self.state.clone())));
    }

    pub fn now(&self) -> i64 {
        self.kit.clock.now().as_millis() / 1_000
    }

    /// What a server sends with each request.
    pub fn auth(&self) -> String {
        signed(&json!({ "iss": KEY, "ist": "project", "iat": self.now(), "exp": self.now() + 300 }), SECRET)
    }

    /// A request with these headers.
    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = fold_slashes(request.body(Body::from(body.to_owned())).expect("a request"));
        request.extensions_mut().insert(Client {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            is_https: false,
            host: None,
        });
        ask(&self.router, request).await
    }

    /// A request of the project's server.
    pub async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("X-OPENTOK-AUTH", &*self.auth()), ("accept", "application/json")];
        self.request(method, path, &headers, body).await
    }

    /// A fresh session of the project.
    pub async fn session(&self) -> String {
        let answer = self.call("POST", "/session/create", "").await;
        answer.json()[0]["session_id"].as_str().expect("a session").to_owned()
    }

    /// Somebody who is in that session.
    pub async fn person(&self, name: &str, session: &str) -> Person {
        let person = self.kit.person(name);
        person.join(session, None).await.expect("it joins");
        person
    }

    /// The address of something in a session.
    pub fn path(session: &str, rest: &str) -> String {
        format!("/v2/project/{KEY}/session/{session}{rest}")
    }

    /// Changes a token.
    pub async fn exchange(&self, key: &str, session: &str, token: &str) -> Answer {
        let body = json!({ "apiKey": key, "sessionId": session, "token": token });
        self.request("POST", "/opentok/exchange", &[], &body.to_string()).await
    }

    /// Another project.
    pub async fn other_project(&self, key: u32, secret: &str) -> Project {
        let project = Project {
            id: ProjectId::new(key).expect("a valid key"),
            name: "other".into(),
            secret: secret.into(),
            ..self.kit.project.clone()
        };
        self.kit.service.put_project(project.clone()).await.expect("the store takes it");
        project
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: u64) {
        self.kit.clock.advance(Duration::from_secs(seconds));
    }
}

/// The application of the configuration.
pub fn application() -> Application {
    Application {
        id: Uuid::try_parse(APPLICATION).expect("a UUID"),
        project: ProjectId::new(100_001).expect("a valid key"),
        public_key: PAIRS[0].public_key_pem().into(),
    }
}

/// A JWT signed with a secret.
pub fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("it is signed")
}

/// A JWT signed by the private key of a pair.
pub fn signed_by(claims: &Value, pair: &KeyPair) -> String {
    let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).expect("an RSA key");
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("it is signed")
}

/// The same token with another header.
pub fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').expect("a token");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims")
}

/// These claims with some replaced; `null` takes one away.
pub fn changed(claims: &Value, changes: Value) -> Value {
    let mut claims = claims.clone();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        let fields = claims.as_object_mut().expect("claims are an object");
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
    claims
}

/// The connection in an answer of the exchange.
pub fn connection(answer: &Answer) -> ConnectionId {
    answer.json()["connection"].as_str().expect("a connection").parse().expect("an id")
}
