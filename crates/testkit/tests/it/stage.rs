//! The service on a store in a scratch folder, which can be torn down and brought up again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sidetalk_core::limits::Limits;
use sidetalk_core::model::{Actor, GroupName, Identity, Principal, ProjectId, Role, Timestamp, UserId};
use sidetalk_core::ports::{Clock, Entropy, Project, ProjectSettings, ProjectStore};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_fanout::Local;
use sidetalk_storage::{Durability, Sqlite, SqliteConfig};

use crate::client::Recorder;
use crate::hall::{Watcher, Words};
use crate::pausing::Pausing;

pub(crate) struct Stage {
    pub(crate) service: Arc<Service>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) clock: Arc<StageClock>,
    /// Stops calls of the service to its store.
    pub(crate) pausing: Arc<Pausing>,
    store: Arc<Sqlite>,
    entropy: Arc<Counter>,
    folder: tempfile::TempDir,
}

pub(crate) const PROJECT: u32 = 100_001;

impl Stage {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (clock, entropy, recorder) =
            (Arc::new(StageClock::default()), Arc::new(Counter::default()), Arc::new(Recorder::default()));
        let store = open(&folder.path().join("sidetalk.db"));
        let project = Project {
            id: ProjectId::new(PROJECT).expect("a valid key"),
            name: "test".into(),
            secret: "a secret of at least thirty-two bytes".into(),
            previous_secret: None,
            settings: ProjectSettings::default(),
            created_at: clock.now(),
        };
        store.put_project(&project).await.expect("the store works");
        let watcher = Arc::default();
        let pausing = Pausing::new(store.clone());
        let service = serve(&pausing, &clock, &entropy, &recorder, &watcher);
        Self { service, recorder, watcher, clock, pausing, store, entropy, folder }
    }

    pub(crate) fn store(&self) -> &Arc<Sqlite> {
        &self.store
    }

    /// Everything in memory is lost; the store is opened again.
    pub(crate) async fn restart(&mut self) {
        self.service.stop();
        self.store.close();
        self.store = open(&self.folder.path().join("sidetalk.db"));
        self.pausing = Pausing::new(self.store.clone());
        self.service = serve(&self.pausing, &self.clock, &self.entropy, &self.recorder, &self.watcher);
    }
}

fn open(path: &std::path::Path) -> Arc<Sqlite> {
    let config = SqliteConfig { durability: Durability::Normal, ..SqliteConfig::new(path) };
    Arc::new(Sqlite::open(config).expect("the store opens"))
}

fn serve(
    store: &Arc<Pausing>,
    clock: &Arc<StageClock>,
    entropy: &Arc<Counter>,
    recorder: &Arc<Recorder>,
    watcher: &Arc<Watcher>,
) -> Arc<Service> {
    let service = Service::new(ServiceParts {
        store: store.clone(),
        fanout: Local::new(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        limits: Arc::new(Limits { replay_max: 6, ..Limits::default() }),
        faces: vec![recorder.clone(), Arc::new(Words)],
        witnesses: vec![watcher.clone()],
        flushers: 2,
    });
    service.spawn();
    service
}

pub(crate) fn person(name: &str, role: Role, groups: &[&str]) -> Principal {
    let groups: Vec<_> = groups.iter().map(|name| GroupName::new(name).expect("a valid name")).collect();
    let identity = Identity {
        user: UserId::new(name).expect("a valid id"),
        name: name.into(),
        avatar: None,
        role,
        groups: groups.into(),
        data: "".into(),
        rooms: None,
        issued_at: None,
        expires_at: None,
    };
    Principal {
        project: ProjectId::new(PROJECT).expect("a valid key"),
        actor: Actor::User(Arc::new(identity)),
        connection: None,
        dialect: None,
    }
}

/// A clock that moves a millisecond at each look, and jumps when told.
#[derive(Default)]
pub(crate) struct StageClock(AtomicI64);

impl StageClock {
    pub(crate) fn jump(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for StageClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> u128 {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        u128::from(count.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64
            | u128::from(count.wrapping_mul(0xD134_2543_DE82_EF95))
    }
}
