//! What acknowledged messages survive: the process's death at any moment, and a full disk.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chat::token;
use crate::server::{Server, get, until};
use crate::socket::Socket;

const WRITERS: usize = 20;
const ROOMS: usize = 4;

/// Rounds of `kill -9`; more by `SIDETALK_KILL_ROUNDS`.
fn rounds() -> u64 {
    std::env::var("SIDETALK_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

/// What writers and watchers share with the one who kills.
struct Stage {
    /// Where the server is now; empty while it is down.
    address: Mutex<String>,
    /// Writers begin no new message.
    enough: AtomicBool,
    /// Watchers stop at this head of their room.
    heads: Mutex<Option<HashMap<String, u64>>>,
}

impl Stage {
    /// Whether a watcher that saw this has seen the whole room, once it is known how much that is.
    fn has_all(&self, room: &str, seen: &[u64]) -> bool {
        let heads = self.heads.lock().expect("nobody panics with it");
        heads.as_ref().is_some_and(|heads| seen.last().copied().unwrap_or(0) >= heads[room])
    }
}

/// An acknowledged message.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Acked {
    id: String,
    seq: u64,
}

#[test]
fn no_kill_loses_doubles_or_skips_an_acknowledged_message() {
    let (_folder, data) = crate::server::scratch();
    let seed = u64::from(std::process::id());
    let mut dice = seed | 1;
    let mut server = Server::start_with(&data, &["--no-rate-limits"]);
    let stage = Arc::new(Stage {
        address: Mutex::new(server.address().to_owned()),
        enough: AtomicBool::new(false),
        heads: Mutex::new(None),
    });
    let watchers: Vec<_> = (0..ROOMS)
        .map(|number| {
            let (stage, token) = (Arc::clone(&stage), token(&server, &data, &format!("watcher-{number}")));
            let first = come_in(&stage, &token, &room(number), &Value::Null).expect("a watcher comes in");
            std::thread::spawn(move || watch(&room(number), &token, &stage, first))
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (stage, token) = (Arc::clone(&stage), token(&server, &data, &format!("writer-{number}")));
            std::thread::spawn(move || write(number, &token, &stage))
        })
        .collect();
    for round in 0..rounds() {
        std::thread::sleep(Duration::from_millis(30 + roll(&mut dice) % 300));
        stage.address.lock().expect("nobody panics with it").clear();
        server.kill();
        let began = Instant::now();
        server = Server::start_with(&data, &["--no-rate-limits"]);
        println!("seed {seed}, round {round}: back after {} ms", began.elapsed().as_millis());
        *stage.address.lock().expect("nobody panics with it") = server.address().to_owned();
    }
    // Each writer has something acknowledged by the last server too.
    std::thread::sleep(Duration::from_millis(100));
    stage.enough.store(true, Ordering::Release);
    let mut acked = HashMap::new();
    for writer in writers {
        acked.extend(writer.join().expect("a writer ends well"));
    }
    let reader = token(&server, &data, "reader");
    let logs: BTreeMap<String, Vec<Value>> =
        (0..ROOMS).map(|number| (room(number), history(server.address(), &reader, &room(number)))).collect();
    let total = check_logs(&logs, &acked, seed);
    // One more message in each room tells the watchers that it was the last.
    let heads = logs.iter().map(|(room, log)| (room.clone(), log.len() as u64 + 1)).collect();
    *stage.heads.lock().expect("nobody panics with it") = Some(heads);
    for room in logs.keys() {
        let (mut socket, _) = come_in(&stage, &reader, room, &Value::Null).expect("the reader comes in");
        socket.call("message.post", json!({ "room": room, "text": "the end" })).expect("it is posted");
    }
    for (number, watcher) in watchers.into_iter().enumerate() {
        let seen: Vec<u64> = watcher.join().expect("a watcher ends well");
        let expected: Vec<u64> = (1..=logs[&room(number)].len() as u64 + 1).collect();
        assert_eq!(seen, expected, "seed {seed}: what a watcher of {} saw", room(number));
    }
    println!("seed {seed}: {} kills, {} acknowledged, {total} stored", rounds(), acked.len());
}

/// 0 lost, 0 duplicates, 0 gaps. Gives the number of messages.
#[track_caller]
fn check_logs(logs: &BTreeMap<String, Vec<Value>>, acked: &HashMap<String, Acked>, seed: u64) -> usize {
    let mut stored = HashMap::new();
    for (room, log) in logs {
        for (index, message) in log.iter().enumerate() {
            assert_eq!(message["seq"], index as u64 + 1, "seed {seed}: a gap in {room}");
            let text = message["parts"][0]["text"].as_str().expect("every message has a text").to_owned();
            let here = Acked {
                id: message["id"].as_str().expect("ids are text").to_owned(),
                seq: message["seq"].as_u64().expect("seqs are numbers"),
            };
            let before = stored.insert(text.clone(), here);
            assert_eq!(before, None, "seed {seed}: {text} is stored twice");
        }
    }
    for (text, acked) in acked {
        assert_eq!(stored.get(text), Some(acked), "seed {seed}: {text} was acknowledged");
    }
    assert!(!acked.is_empty());
    stored.len()
}

fn room(number: usize) -> String {
    format!("room-{number}")
}

/// Connects to whichever server runs and joins.
fn come_in(stage: &Stage, token: &str, room: &str, position: &Value) -> Option<(Socket, Value)> {
    let address = stage.address.lock().expect("nobody panics with it").clone();
    if address.is_empty() {
        return None;
    }
    let mut socket = Socket::connect(&address, token).ok()?;
    let mut wish = json!({ "room": room, "history": 0, "presence": false });
    if !position.is_null() {
        wish["position"] = position.clone();
    }
    let joined = socket.call("room.join", wish).ok()?;
    Some((socket, joined))
}

/// Posts one message after the other; one that was not acknowledged is sent again under its client id.
fn write(number: usize, token: &str, stage: &Stage) -> HashMap<String, Acked> {
    let room = room(number % ROOMS);
    let mut acked = HashMap::new();
    let mut socket = None;
    let mut count = 0_u64;
    while !stage.enough.load(Ordering::Acquire) {
        let text = format!("writer {number}, message {count}");
        let client_id = format!("{number}-{count}");
        let sent = until("a message is acknowledged", || {
            if socket.is_none() {
                socket = come_in(stage, token, &room, &Value::Null).map(|(socket, _)| socket);
            }
            let wish = json!({ "room": room, "text": text, "client_id": client_id });
            let sent = socket.as_mut()?.call("message.post", wish).ok();
            if sent.is_none() {
                socket = None;
            }
            sent
        });
        if let Some(socket) = &mut socket {
            socket.notices.clear();
        }
        let id = sent["id"].as_str().expect("ids are text").to_owned();
        acked.insert(text, Acked { id, seq: sent["seq"].as_u64().expect("seqs are numbers") });
        count += 1;
    }
    acked
}

/// Listens, coming back with its position after each kill; gives the seqs in the order in which they were seen.
fn watch(room: &str, token: &str, stage: &Stage, first: (Socket, Value)) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut position = first.1["position"].clone();
    let mut next = Some(first);
    let began = Instant::now();
    while !stage.has_all(room, &seen) && began.elapsed() < Duration::from_secs(600) {
        let Some((mut socket, joined)) = next.take().or_else(|| come_in(stage, token, room, &position))
        else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let missed = joined["events"].as_array().cloned().unwrap_or_default();
        assert!(matches!(joined["resume"].as_str(), Some("none" | "ok")), "{joined}");
        socket.notices = missed.into_iter().chain(socket.notices.drain(..)).collect();
        while !stage.has_all(room, &seen) {
            let Ok(notice) = socket.notice() else { break };
            if notice["method"] == "message.posted" {
                seen.push(notice["params"]["seq"].as_u64().expect("seqs are numbers"));
                position = notice["params"]["position"].clone();
            }
        }
    }
    seen
}

/// The whole history, page by page.
fn history(address: &str, token: &str, room: &str) -> Vec<Value> {
    let mut socket = Socket::connect(address, token).expect("the reader connects");
    socket.call("room.join", json!({ "room": room, "history": 0 })).expect("the reader joins");
    let mut messages: Vec<Value> = Vec::new();
    loop {
        let after = messages.last().map_or(json!(0), |last| last["seq"].clone());
        let wish = json!({ "room": room, "after": after, "limit": 300 });
        let page = socket.call("room.history", wish).expect("a page");
        messages.extend(page["messages"].as_array().expect("messages are a list").iter().cloned());
        if page["more_after"] != true {
            return messages;
        }
    }
}

/// Xorshift: enough to spread kills.
fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() {
    let (_folder, data) = crate::server::scratch();
    let server = Server::start_with(&data, &["--no-rate-limits", "--set", "store.size_max=2MiB"]);
    let mut alice =
        Socket::connect(server.address(), &token(&server, &data, "alice")).expect("alice connects");
    for room in ["big", "small"] {
        alice.call("room.join", json!({ "room": room })).expect("alice joins");
    }
    alice.call("message.post", json!({ "room": "small", "text": "before" })).expect("it is posted");
    let text = "x".repeat(12 * 1024);
    let (refused, took) = until("the disk is full", || {
        let began = Instant::now();
        let answer =
            alice.try_call("message.post", json!({ "room": "big", "text": text })).expect("an answer");
        alice.notices.clear();
        answer.get("error").map(|error| (error.clone(), began.elapsed()))
    });
    assert_eq!(refused["data"]["code"], "unavailable", "{refused}");
    assert!(took < Duration::from_secs(1), "the refusal took {took:?}");
    assert!(!refused.to_string().to_lowercase().contains("sql"), "insides are not shown: {refused}");
    let page = alice.call("room.history", json!({ "room": "small" })).expect("reads go on");
    assert_eq!(page["messages"][0]["parts"][0]["text"], "before");
    assert_eq!(get(server.admin_address(), "/livez").status, 200);

    make_room(&server, &data);
    alice
        .call("message.post", json!({ "room": "small", "text": "after" }))
        .expect("it works again, without a restart");
}

fn make_room(server: &Server, data: &Path) {
    let (key, data) = (server.key().to_string(), data.display().to_string());
    crate::server::prints(&["room", "delete", "big", "--yes", "--project", &key, "--data", &data]);
}

/// Sends whose acknowledgement gets lost: every third of them.
const SENDS: u64 = 10_000;

/// Sends on their way at a time.
const WINDOW: u64 = 100;

#[test]
fn a_send_whose_acknowledgement_was_lost_is_stored_once() {
    let (_folder, data) = crate::server::scratch();
    let server = Server::start_with(&data, &["--no-rate-limits"]);
    let mut alice =
        Socket::connect(server.address(), &token(&server, &data, "alice")).expect("alice connects");
    alice.call("room.join", json!({ "room": "lobby", "history": 0 })).expect("alice joins");
    let send = |alice: &mut Socket, number: u64| {
        let wish = json!({ "room": "lobby", "text": number.to_string(), "client_id": number.to_string() });
        alice.ask("message.post", &wish).expect("it is sent")
    };
    let mut first_answers = HashMap::new();
    for start in (0..SENDS).step_by(usize::try_from(WINDOW).expect("a small number")) {
        let asked: Vec<(u64, u64)> =
            (start..start + WINDOW).map(|number| (send(&mut alice, number), number)).collect();
        let answers = answers(&mut alice, asked.len());
        first_answers.extend(asked.into_iter().map(|(id, number)| (number, answers[&id].clone())));
    }
    let lost: Vec<u64> = (0..SENDS).step_by(3).collect();
    for some in lost.chunks(usize::try_from(WINDOW).expect("a small number")) {
        let asked: Vec<(u64, u64)> = some.iter().map(|number| (send(&mut alice, *number), *number)).collect();
        let answers = answers(&mut alice, asked.len());
        for (id, number) in asked {
            let mut first = first_answers[&number].clone();
            first["repeated"] = true.into();
            assert_eq!(answers[&id], first, "the retry of {number} gets the first result");
        }
    }
    let log = history(server.address(), &token(&server, &data, "reader"), "lobby");
    assert_eq!(log.len() as u64, SENDS);
    let wish = json!({ "room": "lobby", "text": "something else", "client_id": "0" });
    assert_eq!(alice.try_call("message.post", wish).expect("an answer")["error"]["data"]["code"], "conflict");
}

/// The results of that many requests, by their ids.
fn answers(socket: &mut Socket, count: usize) -> HashMap<u64, Value> {
    let mut answers = HashMap::new();
    while answers.len() < count {
        let frame = socket.frame().expect("an answer comes");
        if let Some(id) = frame["id"].as_u64() {
            answers.insert(id, frame["result"].clone());
        }
    }
    answers
}
