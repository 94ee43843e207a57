//! Sidetalk without a network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use sidetalk_api::token::{Mint, NoKeys};
use sidetalk_api::{ApiLimits, ApiParts, ApiState};
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{ProjectId, Role, UserId};
use sidetalk_core::ports::{Clock as _, Project, ProjectSettings, Store};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::socket::SocketSettings;
use sidetalk_storage::{Durability, Sqlite, SqliteConfig};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::fixed::{CountingEntropy, FixedClock};
use crate::person::Person;

/// The secret of the project of every test.
pub const SECRET: &str = "a secret that everybody may know, for tests";

/// The whole application on the embedded store in a scratch folder.
pub struct App {
    /// Time.
    pub clock: Arc<FixedClock>,
    /// The core.
    pub service: Arc<Service>,
    /// The REST API.
    pub router: Router,
    /// The project that is there from the start.
    pub project: Project,
    entropy: Arc<CountingEntropy>,
    sqlite: Arc<Sqlite>,
    folder: Arc<TempDir>,
}

/// What REST answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; `null` if it is not JSON.
    pub body: Value,
}

impl App {
    /// An application with an empty project, without rate limits.
    pub async fn start() -> Self {
        Self::start_with(Limits::default(), ApiLimits::unlimited()).await
    }

    /// An application with these bounds.
    pub async fn start_with(limits: Limits, api_limits: ApiLimits) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a scratch folder can be made"));
        Self::open(folder, Arc::default(), Arc::default(), limits, api_limits).await
    }

    /// The same application after its process has ended and begun again: what was not in the store is gone.
    #[must_use]
    pub async fn restart(self) -> Self {
        self.service.stop();
        self.sqlite.close();
        let Self { folder, clock, entropy, .. } = self;
        Self::open(folder, clock, entropy, Limits::default(), ApiLimits::unlimited()).await
    }

    async fn open(
        folder: Arc<TempDir>,
        clock: Arc<FixedClock>,
        entropy: Arc<CountingEntropy>,
        limits: Limits,
        api_limits: ApiLimits,
    ) -> Self {
        let sqlite = Arc::new(open_store(folder.path()));
        let service = Service::new(ServiceParts {
            store: Arc::clone(&sqlite) as Arc<dyn Store>,
            fanout: sidetalk_fanout::Local::new(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            limits: Arc::new(limits),
            faces: vec![sidetalk_api::face()],
            witnesses: Vec::new(),
            flushers: 1,
        });
        // They end when the test's runtime ends.
        drop(service.spawn());
        let project = Project {
            id: ProjectId::new(100_001).expect("a valid key"),
            name: "test".into(),
            secret: SECRET.into(),
            previous_secret: None,
            settings: ProjectSettings::default(),
            created_at: clock.now(),
        };
        service.put_project(project.clone()).await.expect("the store takes the project");
        let api = ApiState::new(ApiParts {
            service: service.clone(),
            face: 0,
            socket_settings: SocketSettings::default(),
            liveness: Liveness::new(LivenessSettings::default()),
            keys: Arc::new(NoKeys),
            entropy: entropy.clone(),
            limits: api_limits,
            origins: OriginPolicy::Any,
            ping_interval: Duration::from_secs(25),
            dialects: Vec::new(),
            version: "test",
        });
        let router = sidetalk_api::router(api);
        Self { clock, service, router, project, entropy, sqlite, folder }
    }

    /// Somebody with the role of a member, on a live connection.
    pub fn person(&self, name: &str) -> Person {
        self.person_with(name, Role::Member)
    }

    /// Somebody on a live connection.
    pub fn person_with(&self, name: &str, role: Role) -> Person {
        Person::connect(&self.service, self.project.id, name, role)
    }

    /// A token for that user, good for an hour.
    pub fn token(&self, user: &str) -> String {
        let user = UserId::new(user).expect("tests use valid ids");
        sidetalk_api::token::mint(
            &self.project,
            &Mint::new(user, Duration::from_secs(3_600)),
            self.clock.now(),
        )
        .0
    }

    /// A request of the project's server.
    pub async fn as_server(&self, method: &str, path: &str, body: Value) -> Answer {
        let (token, _) =
            sidetalk_api::token::mint_server(&self.project, Duration::from_secs(3_600), self.clock.now());
        self.request(&token, method, path, body).await
    }

    /// A request of a user.
    pub async fn as_user(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        self.request(&self.token(user), method, path, body).await
    }

    /// A request with that token; a body of `null` is none.
    pub async fn request(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.body(body).expect("tests make valid requests");
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("the body is in memory").to_bytes();
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// The store, for tests that break it.
    pub fn sqlite(&self) -> &Arc<Sqlite> {
        &self.sqlite
    }
}

/// Tests end by themselves, so nothing has to survive the loss of power.
fn open_store(folder: &Path) -> Sqlite {
    let config = SqliteConfig {
        readers: 1,
        durability: Durability::Normal,
        ..SqliteConfig::new(folder.join("test.db"))
    };
    Sqlite::open(config).expect("a store opens in a scratch folder")
}
