//! Fills a store and measures it: `cargo run --release -p sidetalk-storage --example million -- [folder] [messages] [ids]`.
//!
//! `ids` says what the client ids are: `rising` with time (as UUIDs of version 7 are; the default), `random` or `none`.
//! Prints one line per figure of `README.md`. A run with few messages (`-- /tmp/x 2000`) is a quick test that it works.

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sidetalk_core::command::Write;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{
    Actor, ClientId, Draft, Epoch, Identity, MessageId, Principal, ProjectId, Role, RoomKey, RoomName,
    RoomSpec, Seq, Timestamp, UserId, Viewer,
};
use sidetalk_core::ports::{LogStore, PageAnchor, PageRequest, RoomStore, SearchRequest};
use sidetalk_core::transaction::Submission;
use sidetalk_storage::{Sqlite, SqliteConfig};
use uuid::Uuid;

const ROOMS: u64 = 200;

/// Ids and times for submissions.
struct Source {
    next: AtomicU64,
    limits: Arc<Limits>,
    ids: Ids,
}

#[derive(Clone, Copy)]
enum Ids {
    Rising,
    Random,
    None,
}

impl Source {
    fn client_id(&self, number: u64) -> Option<ClientId> {
        let id = match self.ids {
            Ids::Rising => format!("{number:016x}{number:016x}"),
            Ids::Random => {
                let mixed = number
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .rotate_left(29)
                    .wrapping_mul(0xBF58_476D_1CE4_E5B9);
                format!("{mixed:016x}{number:016x}")
            }
            Ids::None => return None,
        };
        Some(ClientId::new(&id).expect("valid"))
    }

    fn submission(&self, user: u64) -> Submission {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let identity = Identity {
            user: UserId::new(&format!("user-{user}")).expect("valid"),
            name: format!("User Number {user}").into(),
            avatar: None,
            role: Role::Member,
            groups: Arc::default(),
            data: "".into(),
            rooms: None,
            issued_at: None,
            expires_at: None,
        };
        let words =
            ["lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed", "tempor"];
        let text: Vec<_> = (0..18).map(|at| words[((number * 7 + at * at) % 10) as usize]).collect();
        let mut draft = Draft::text(&format!("{} {number}", text.join(" ")));
        draft.client_id = self.client_id(number);
        Submission {
            principal: Principal {
                project: ProjectId::new(1).expect("valid"),
                actor: Actor::User(Arc::new(identity)),
                connection: None,
                dialect: None,
            },
            write: Write::Post(draft),
            now: Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(number).expect("few")),
            message_id: MessageId::from_uuid(Uuid::from_u128(u128::from(number) << 64 | 7 << 60)),
            live_roles: Vec::new(),
            limits: self.limits.clone(),
        }
    }
}

fn room(number: u64) -> RoomKey {
    RoomKey {
        project: ProjectId::new(1).expect("valid"),
        name: RoomName::new(&format!("room-{number}")).expect("valid"),
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder: PathBuf = args.next().unwrap_or_else(|| "/tmp/sidetalk-million".to_owned()).into();
    let total: u64 = args.next().map_or(1_000_000, |text| text.parse().expect("a number of messages"));
    let ids = match args.next().as_deref() {
        None | Some("rising") => Ids::Rising,
        Some("random") => Ids::Random,
        Some("none") => Ids::None,
        Some(other) => panic!("{other}: client ids are rising, random or none"),
    };
    std::fs::create_dir_all(&folder).expect("a folder");
    sync_latency(&folder);
    let path = folder.join("sidetalk.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let source = Arc::new(Source { next: AtomicU64::new(1), limits: Arc::new(Limits::default()), ids });
    let store = Arc::new(Sqlite::open(SqliteConfig::new(&path)).expect("opens"));
    runtime.block_on(async {
        for number in 0..ROOMS {
            store
                .open(&room(number), &RoomSpec::default(), Epoch(number), Timestamp::from_micros(1))
                .await
                .expect("opens");
        }
        for writers in [1, 2, 10, 100, 512] {
            let share = (total / 50).clamp(100, 4_000 * u64::from(writers == 1) + 20_000);
            write(&store, &source, writers, share, &format!("{writers:>4} writers")).await;
        }
        let left = total.saturating_sub(source.next.load(Ordering::Relaxed));
        write(&store, &source, 512, left, "fill").await;
    });
    println!("write-ahead log: {} MiB", size(&folder.join("sidetalk.db-wal")) >> 20);
    let searched = Instant::now();
    runtime.block_on(search(&store));
    println!("first search, index brought up to date: {:?}", searched.elapsed());
    let searched = Instant::now();
    runtime.block_on(search(&store));
    println!("next search: {:?}", searched.elapsed());
    let closing = Instant::now();
    store.close();
    println!("close: {:?}; file {} MiB", closing.elapsed(), size(&path) >> 20);
    drop(store);
    let starting = Instant::now();
    let store = Arc::new(Sqlite::open(SqliteConfig::new(&path)).expect("opens"));
    runtime.block_on(async { store.room(&room(0)).await.expect("reads") });
    println!("start until the first answer: {:?}", starting.elapsed());
    runtime.block_on(newest(&store, "newest 50, quiet"));
    runtime.block_on(async {
        let noise = tokio::spawn({
            let (store, source) = (store.clone(), source.clone());
            async move { write(&store, &source, 10, (total / 20).max(100), "  10 writers beside reads").await }
        });
        newest(&store, "newest 50, beside 10 writers").await;
        noise.await.expect("no panic");
    });
}

/// What the disk can do at best: append 4 KiB, sync.
fn sync_latency(folder: &Path) {
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(&vec![0; 4 << 20]).expect("written");
    file.sync_all().expect("synced");
    let mut times = Vec::new();
    for number in 0..500 {
        let began = Instant::now();
        file.write_all_at(&[1; 4096], number * 4096).expect("written");
        file.sync_data().expect("synced");
        times.push(began.elapsed());
    }
    report("4 KiB + fdatasync", &mut times, None);
    std::fs::remove_file(path).expect("removed");
}

async fn write(store: &Arc<Sqlite>, source: &Arc<Source>, writers: u64, total: u64, name: &str) {
    let began = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let (store, source) = (store.clone(), source.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            for number in 0..total / writers {
                let submission = source.submission(writer);
                let began = Instant::now();
                let room = room((writer + number) % ROOMS);
                store.write(&room, submission).await.expect("written");
                times.push(began.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.extend(task.await.expect("no panic"));
    }
    report(name, &mut times, Some(began.elapsed()));
}

async fn newest(store: &Sqlite, name: &str) {
    let request = PageRequest { anchor: PageAnchor::Newest, limit: 50, audience: None, pinned: false };
    let viewer = Viewer::User { user: UserId::new("user-1").expect("valid"), groups: Arc::default() };
    let mut times = Vec::new();
    for number in 0..2_000 {
        let began = Instant::now();
        store.page(&room(number * 7 % ROOMS), &viewer, &request).await.expect("a page");
        times.push(began.elapsed());
    }
    report(name, &mut times, None);
}

async fn search(store: &Sqlite) {
    let request = SearchRequest {
        text: "dolor consec".to_owned(),
        before: None,
        limit: 50,
        audience: None,
        sender: None,
    };
    let page = store.search(&room(3), &Viewer::Server, &request).await.expect("a search");
    assert!(page.messages.iter().all(|message| message.seq > Seq::ZERO));
}

fn report(name: &str, times: &mut [Duration], wall: Option<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    let rate =
        wall.map_or(String::new(), |wall| format!(", {:.0}/s", times.len() as f64 / wall.as_secs_f64()));
    let last = times.last().copied().unwrap_or_default();
    println!("{name}: p50 {:?}, p99 {:?}, p99.9 {:?}, max {last:?}{rate}", at(0.5), at(0.99), at(0.999));
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
