//! What is left after `kill -9` at any moment: everything that was answered, once, without gaps.
//!
//! The test starts its own program again as a child (see [`child`]), which writes as fast as it can and prints what was
//! answered. `SIDETALK_KILL_ROUNDS` sets how many times it is killed (20 by default).

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::event::Event;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{Epoch, MessageId, RoomSpec, Seq, Viewer};
use sidetalk_core::ports::{LogStore, RoomStore};
use sidetalk_core::transaction::Submission;
use sidetalk_storage::{Sqlite, SqliteConfig};
use uuid::Uuid;

use crate::world::{at, key, member, say_once};

const ROOMS: u32 = 4;
const WRITERS: u32 = 20;
const FOLDER: &str = "SIDETALK_KILLED_FOLDER";
const ROUND: &str = "SIDETALK_KILLED_ROUND";

#[tokio::test]
async fn nothing_answered_is_lost_by_kill_9() {
    let rounds = std::env::var("SIDETALK_KILL_ROUNDS").map_or(20, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut answered: HashMap<String, (String, u64)> = HashMap::new();
    for round in 0..rounds {
        let more = run_and_kill(folder.path(), round);
        assert!(!more.is_empty(), "round {round} wrote nothing");
        answered.extend(more);
        check(folder.path(), &answered, round).await;
    }
}

/// Starts the child and kills it some answers and a little later; returns what it printed.
fn run_and_kill(folder: &Path, round: u32) -> Vec<(String, (String, u64))> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "killed::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // Different in each round, the same in each run.
    let answers_first = round.wrapping_mul(2_654_435_761) % 400;
    let mut answered = Vec::new();
    while answered.len() <= answers_first as usize {
        let line = lines.next().expect("the child writes until it is killed").expect("a line");
        answered.extend(parse(&line));
    }
    #[expect(clippy::disallowed_methods, reason = "the moment of the kill is meant to be any")]
    std::thread::sleep(Duration::from_micros(u64::from(round.wrapping_mul(40_503) % 7_000)));
    child.kill().expect("killed");
    child.wait().expect("ended");
    answered.extend(lines.map_while(Result::ok).filter_map(|line| parse(&line)));
    answered
}

/// `answered <client id> <room> <seq>`; a line that the kill has cut is none.
fn parse(line: &str) -> Option<(String, (String, u64))> {
    let rest = line.strip_prefix("answered ")?.strip_suffix('.')?;
    let mut words = rest.split(' ');
    let (client_id, room, seq) = (words.next()?, words.next()?, words.next()?);
    Some((client_id.to_owned(), (room.to_owned(), seq.parse().ok()?)))
}

async fn check(folder: &Path, answered: &HashMap<String, (String, u64)>, round: u32) {
    let store = Sqlite::open(SqliteConfig::new(folder.join("sidetalk.db"))).expect("opens after the kill");
    let mut stored = HashMap::new();
    for room in 0..ROOMS {
        let name = format!("room{room}");
        let replay =
            store.entries(&key(&name), &Viewer::Server, Seq::ZERO, 1_000_000).await.expect("a replay");
        for (number, entry) in (1..).zip(&replay.entries) {
            assert_eq!(entry.seq, Seq(number), "round {round}: a gap in {name}");
            let Event::MessagePosted(message) = &entry.event else { panic!("not a post") };
            let client_id = message.client_id.as_ref().expect("a client id").as_str().to_owned();
            let twice = stored.insert(client_id, (name.clone(), number));
            assert_eq!(twice, None, "round {round}: stored twice");
        }
        assert_eq!(replay.head.0, replay.entries.len() as u64);
    }
    let lost: HashSet<_> = answered.iter().filter(|(id, place)| stored.get(*id) != Some(place)).collect();
    assert!(lost.is_empty(), "round {round}: lost {lost:?}");
}

/// Not a test by itself: the program that [`nothing_answered_is_lost_by_kill_9`] kills.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let round = std::env::var(ROUND).expect("a round");
    let store = Sqlite::open(SqliteConfig::new(Path::new(&folder).join("sidetalk.db"))).expect("opens");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = Arc::new(store);
        for room in 0..ROOMS {
            let opened =
                store.open(&key(&format!("room{room}")), &RoomSpec::default(), Epoch(u64::from(room)), at(1));
            opened.await.expect("opens");
        }
        let writers =
            (0..WRITERS).map(|writer| tokio::spawn(write_for_ever(store.clone(), round.clone(), writer)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
    });
}

async fn write_for_ever(store: Arc<Sqlite>, round: String, writer: u32) {
    let room = format!("room{}", writer % ROOMS);
    let me = member(&format!("user{writer}"));
    for number in 0_u32.. {
        let client_id = format!("{round}-{writer}-{number}");
        let submission = Submission {
            principal: me.clone(),
            write: say_once(&client_id, "words"),
            now: at(1_000),
            message_id: MessageId::from_uuid(Uuid::from_u128(
                u128::from(round.parse::<u32>().expect("a number")) << 64
                    | u128::from(writer) << 32
                    | u128::from(number),
            )),
            live_roles: Vec::new(),
            limits: Arc::new(Limits::default()),
        };
        let written = store.write(&key(&room), submission).await.expect("written");
        let line = format!("answered {client_id} {room} {}.\n", written.position().seq);
        // The pipe is closed when the test that reads it has failed.
        if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}
