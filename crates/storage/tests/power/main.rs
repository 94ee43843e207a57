//! What is left after the power went at any moment: everything that was answered, once, without gaps (RELIABILITY row 13).
//!
//! A store is written by several tasks at once while all that SQLite does to its files is overheard ([`tap`]). Then the power is cut at
//! moments drawn by chance: a [`disk`] that has lost any part of what was not synced is opened as a store and read.
//! `SIDETALK_POWER_CUTS` sets how many times (40 by default). A program of its own, because the tap is for the whole process.

#[path = "../../../testkit/tests/it/rng.rs"]
mod rng;

mod disk;
mod tap;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use sidetalk_core::command::Write;
use sidetalk_core::event::Event;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{
    Actor, ClientId, Draft, Epoch, MessageId, Principal, ProjectId, RoomKey, RoomName, RoomSpec, Seq,
    Timestamp, Viewer,
};
use sidetalk_core::ports::{LogStore, RoomStore};
use sidetalk_core::refusal::Failure;
use sidetalk_core::transaction::Submission;
use sidetalk_storage::{Durability, Sqlite, SqliteConfig};
use uuid::Uuid;

use disk::{Act, Disk};
use rng::Rng;
use tap::{Answer, Heard};

const ROOMS: u32 = 3;
const WRITERS: u32 = 6;
/// So many that the write-ahead log is copied and starts again meanwhile.
const MESSAGES_EACH: u32 = 400;
/// Makes a message fill pages of the database.
const TEXT_BYTES: usize = 7_000;

/// The tap is one for the process.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn nothing_answered_is_lost_by_a_power_cut() {
    let cuts = std::env::var("SIDETALK_POWER_CUTS").map_or(40, |text| text.parse().expect("a number"));
    let _turn = TURN.lock();
    let lost = lost_in_cuts(record(Durability::Full), cuts);
    assert!(lost.is_empty(), "lost {lost:?}");
}

#[test]
fn the_model_of_the_disk_loses_what_is_not_synced() {
    let _turn = TURN.lock();
    let lost = lost_in_cuts(record(Durability::Normal), 10);
    assert!(!lost.is_empty(), "commits are not synced there");
}

/// Writes a store and listens.
fn record(durability: Durability) -> Vec<Heard<Answer>> {
    tap::install();
    let folder = tempfile::tempdir().expect("a scratch folder");
    tap::listen();
    let config = SqliteConfig { durability, ..config(folder.path()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = Arc::new(Sqlite::open(config).expect("opens"));
        for room in 0..ROOMS {
            store.open(&key(room), &RoomSpec::default(), Epoch(u64::from(room)), at(1)).await.expect("opens");
        }
        let writers = (0..WRITERS).map(|writer| tokio::spawn(write(store.clone(), writer)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        store.close();
    });
    let heard = tap::heard();
    let log_begins = |one: &&Heard<Answer>| matches!(one, Heard::Act(Act::Write { file, offset: 0, .. }) if file.ends_with("-wal"));
    assert!(heard.iter().filter(log_begins).count() > 1, "the log never started again: write more");
    heard
}

async fn write(store: Arc<Sqlite>, writer: u32) {
    let room = writer % ROOMS;
    for number in 0..MESSAGES_EACH {
        let client_id = format!("{writer}-{number}");
        let draft = Draft {
            client_id: Some(ClientId::new(&client_id).expect("a valid client id")),
            ..Draft::text(&"x".repeat(TEXT_BYTES))
        };
        let submission = Submission {
            principal: server(),
            write: Write::Post(draft),
            now: at(1_000),
            message_id: MessageId::from_uuid(Uuid::from_u64_pair(writer.into(), number.into())),
            live_roles: Vec::new(),
            limits: Arc::new(Limits::default()),
        };
        let written = store.write(&key(room), submission).await.expect("written");
        tap::say((client_id, room, written.position().seq.0));
    }
}

/// Cuts the power at moments drawn by chance, and says what was answered before one and is not there after it.
fn lost_in_cuts(heard: Vec<Heard<Answer>>, cuts: usize) -> Vec<(usize, Answer)> {
    let mut rng = Rng::new(13);
    let mut moments: Vec<usize> = (0..cuts).map(|_| rng.below(heard.len() + 1)).collect();
    moments.sort_unstable();
    let (mut disk, mut answered, mut lost) = (Disk::default(), Vec::new(), Vec::new());
    let mut heard = heard.into_iter().enumerate().peekable();
    for moment in moments {
        while let Some((_, one)) = heard.next_if(|(index, _)| *index < moment) {
            match one {
                Heard::Act(act) => disk.follow(act),
                Heard::Said(answer) => answered.push(answer),
            }
        }
        let folder = tempfile::tempdir().expect("a scratch folder");
        disk.cut(&mut rng, folder.path());
        let stored = stored(folder.path(), moment);
        let is_lost = |(client_id, room, seq): &&Answer| stored.get(client_id) != Some(&(*room, *seq));
        lost.extend(answered.iter().filter(is_lost).map(|answer| (moment, answer.clone())));
    }
    lost
}

/// The messages that a store has, with their places; none twice, and no gap.
fn stored(folder: &Path, moment: usize) -> HashMap<String, (u32, u64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = Sqlite::open(config(folder)).expect("opens after the cut");
        let mut stored = HashMap::new();
        for room in 0..ROOMS {
            let replay = match store.entries(&key(room), &Viewer::Server, Seq::ZERO, usize::MAX).await {
                Ok(replay) => replay,
                Err(Failure::Refused(_)) => continue, // It was not opened yet.
                Err(failure) => panic!("moment {moment}: {failure:?}"),
            };
            assert_eq!(replay.head.0, replay.entries.len() as u64, "moment {moment}: the head is elsewhere");
            for (number, entry) in (1..).zip(&replay.entries) {
                assert_eq!(entry.seq, Seq(number), "moment {moment}: a gap in room {room}");
                let Event::MessagePosted(message) = &entry.event else { panic!("not a post") };
                let client_id = message.client_id.as_ref().expect("a client id").as_str().to_owned();
                assert_eq!(stored.insert(client_id, (room, number)), None, "moment {moment}: stored twice");
            }
        }
        store.close();
        stored
    })
}

fn config(folder: &Path) -> SqliteConfig {
    SqliteConfig { readers: 1, ..SqliteConfig::new(folder.join("sidetalk.db")) }
}

fn server() -> Principal {
    Principal { project: project(), actor: Actor::Server, connection: None, dialect: None }
}

fn project() -> ProjectId {
    ProjectId::new(1).expect("a valid project")
}

fn key(room: u32) -> RoomKey {
    RoomKey { project: project(), name: RoomName::new(&format!("room{room}")).expect("a valid name") }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}
