//! Sidetalk without a network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::Value;
use sidetalk_api::token::{Mint, NoKeys};
use sidetalk_api::{ApiLimits, ApiParts, ApiState};
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{ProjectId, Role, UserId};
use sidetalk_core::ports::{Clock as _, Face, Project, ProjectSettings, Store, Witness};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::socket::SocketSettings;
use sidetalk_storage::{Durability, Sqlite, SqliteConfig};
use tempfile::TempDir;

use crate::answer::{Answer, PATIENCE, ask};
use crate::failing::{FailingStore, Plan};
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
    /// Chance.
    pub entropy: Arc<CountingEntropy>,
    store: Arc<FailingStore<Sqlite>>,
    folder: Arc<TempDir>,
}

/// What a test may choose about its application.
pub struct Setup {
    /// The bounds.
    pub limits: Limits,
    /// The bounds of the native API.
    pub api_limits: ApiLimits,
    /// The faces of other dialects, from place 1 on.
    pub faces: Vec<Arc<dyn Face>>,
    /// Who watches the lives of rooms.
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// How calls of the store fail, when the test lets them.
    pub failures: Plan,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            api_limits: ApiLimits::unlimited(),
            faces: Vec::new(),
            witnesses: Vec::new(),
            failures: Plan::default(),
        }
    }
}

impl App {
    /// An application with an empty project, without rate limits.
    pub async fn start() -> Self {
        Self::start_with(Limits::default(), ApiLimits::unlimited()).await
    }

    /// An application with these bounds.
    pub async fn start_with(limits: Limits, api_limits: ApiLimits) -> Self {
        Self::start_as(Setup { limits, api_limits, ..Setup::default() }).await
    }

    /// An application that is made so.
    pub async fn start_as(setup: Setup) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a scratch folder can be made"));
        Self::open(folder, Arc::default(), Arc::default(), setup).await
    }

    /// The same application after its process has ended and begun again: what was not in the store is gone.
    #[must_use]
    pub async fn restart(self) -> Self {
        self.restart_as(Setup::default()).await
    }

    /// The same, made otherwise: dialects begin anew with their process.
    #[must_use]
    pub async fn restart_as(self, setup: Setup) -> Self {
        self.service.stop();
        self.sqlite().close();
        let Self { folder, clock, entropy, .. } = self;
        Self::open(folder, clock, entropy, setup).await
    }

    async fn open(
        folder: Arc<TempDir>,
        clock: Arc<FixedClock>,
        entropy: Arc<CountingEntropy>,
        setup: Setup,
    ) -> Self {
        let Setup { limits, api_limits, faces, witnesses, failures } = setup;
        let dialects = faces.iter().map(|face| face.dialect()).collect();
        let store = Arc::new(FailingStore::new(open_store(folder.path()), failures));
        let service = Service::new(ServiceParts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            fanout: sidetalk_fanout::Local::new(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            limits: Arc::new(limits),
            faces: std::iter::once(sidetalk_api::face()).chain(faces).collect(),
            witnesses,
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
            dialects,
            version: "test",
        });
        let router = sidetalk_api::router(api);
        Self { clock, service, router, project, entropy, store, folder }
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
        ask(&self.router, request).await
    }

    /// Waits for something that happens soon.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// The embedded store, for tests that look into it or close it.
    pub fn sqlite(&self) -> &Sqlite {
        self.store.inner()
    }

    /// The store as the application sees it, for tests that let it fail.
    pub fn store(&self) -> &Arc<FailingStore<Sqlite>> {
        &self.store
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
