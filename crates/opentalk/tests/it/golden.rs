//! Golden transcripts. `alice> chat {…}` sends a command on alice's socket, `alice< frame` is what she gets, in this order, and
//! `alice!` closes it. `alice: POST /path body` is a request with her token, `gina:` one with the invite code, `nobody:` one
//! without anything; `alice= 200 body` is the answer. `alice starts`, `alice starts chunked` gets a ticket and opens a socket
//! with it. `+130s` lets time pass. `#` is a remark.
//!
//! `$room` and `$invite` are the last ones that were made, `$alice` is alice's participant, `$resume_alice` her last resumption
//! token. Users: alice with two groups, bob with one of them, carl with none; gina and gustav are guests.
//! `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sidetalk_testkit::Socket;

use crate::app::{App, Room};

/// How long nothing must come before a transcript counts as complete, when it is written anew.
const QUIET: Duration = Duration::from_millis(150);

macro_rules! transcripts {
    ($($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(stringify!($name)).await;
        }
    )*};
}

transcripts! {
    control
    chat
    chat_private
    chunks
    moderation
    waiting_room
    hands_and_roles
    echo
    resume
    rest_people
    rest_rooms
    rest_start
}

async fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.txt"));
    let script = std::fs::read_to_string(&path).unwrap();
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let app = App::new().await;
    let (back, dev) = ("/OpenTalk/OU/Backend", "/OpenTalk/Role/Developer");
    let mut tokens = BTreeMap::new();
    for (name, groups) in [("alice", &[back, dev][..]), ("bob", &[back][..]), ("carl", &[][..])] {
        tokens.insert(name, app.user(name, groups).await);
    }
    let mut player =
        Player { app, tokens, sockets: BTreeMap::new(), names: BTreeMap::new(), out: String::new() };
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if is_outcome(line) {
            continue;
        }
        let mut expected = BTreeMap::<&str, usize>::new();
        while let Some(outcome) = lines.next_if(|line| is_outcome(line)) {
            if let Some((user, frame)) = outcome.split_once("< ")
                && !frame.starts_with("closed ")
            {
                *expected.entry(user).or_default() += 1;
            }
        }
        player.play(line, (!is_update).then_some(&expected)).await;
    }
    expect_test::expect_file![&path].assert_eq(&player.out);
    for (user, socket) in &mut player.sockets {
        let late = socket.next_within(Duration::from_millis(30)).await;
        assert!(late.is_none(), "{name}: {user} also got {late:?}");
    }
}

fn is_outcome(line: &str) -> bool {
    ["< ", "= "].iter().any(|sign| split(line, sign).is_some())
}

struct Player {
    app: App,
    tokens: BTreeMap<&'static str, String>,
    sockets: BTreeMap<String, Socket>,
    names: BTreeMap<String, String>,
    out: String,
}

impl Player {
    async fn play(&mut self, line: &str, expected: Option<&BTreeMap<&str, usize>>) {
        self.write(line);
        if line.starts_with('#') || line.is_empty() {
            return;
        } else if let Some(seconds) = line.strip_prefix('+') {
            let seconds = seconds.trim_end_matches('s').parse().unwrap();
            self.app.kit.clock.advance(Duration::from_secs(seconds));
        } else if let Some((user, how)) = split(line, " starts") {
            self.start(user, how.trim()).await;
        } else if let Some((user, command)) = split(line, "> ") {
            let command = self.filled(command);
            let frame = match command.split_once(" {") {
                Some((namespace, payload)) if !namespace.contains(['{', '"']) => {
                    format!(r#"{{"namespace":"{namespace}","payload":{{{payload}}}"#)
                }
                _ => command,
            };
            self.sockets.get_mut(user).unwrap().send(&frame).await;
        } else if let Some(user) = line.strip_suffix('!') {
            let mut socket = self.sockets.remove(user).unwrap();
            socket.say_goodbye(1000).await;
            // The server has taken note when it answers.
            socket.close().await;
        } else if let Some((user, request)) = split(line, ": ") {
            self.request(user, request).await;
        } else {
            panic!("what is this? {line}");
        }
        self.collect(expected).await;
    }

    async fn start(&mut self, user: &str, how: &str) {
        let prefix = if how == "chunked" { "/chunked" } else { "" };
        let room = Room { id: self.filled("$room"), invite: self.filled("$invite") };
        let resumption = if how == "again" { self.filled(&format!("$resume_{user}")) } else { String::new() };
        let token = self.tokens.get(user).map(String::as_str);
        let started = self.app.start(prefix, &room, token, &resumption).await;
        self.names.insert(format!("$resume_{user}"), started.text_of("resumption"));
        let socket = self.app.socket(prefix, &started.text_of("ticket")).await;
        self.sockets.insert(user.to_owned(), socket);
    }

    async fn request(&mut self, user: &str, request: &str) {
        let request = self.filled(request);
        let mut words = request.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let authorization = match self.tokens.get(user) {
            Some(token) => Some(format!("Bearer {token}")),
            None if user == "nobody" => None,
            None => Some(format!("InviteCode {}", self.filled("$invite"))),
        };
        let body = words.next().unwrap_or_default();
        let answer = self.app.request(method, path, authorization.as_deref(), body).await;
        let said = answer.json();
        let is_room = path == "/v1/rooms";
        for (field, name) in [
            ("id", is_room.then(|| "$room".to_owned())),
            ("invite_code", Some("$invite".to_owned())),
            ("resumption", Some(format!("$resume_{user}"))),
        ] {
            if let (Some(value), Some(name)) = (said[field].as_str(), name) {
                self.names.insert(name, value.to_owned());
            }
        }
        let text = if answer.text.is_empty() { String::new() } else { format!(" {}", answer.text) };
        let text = text.replace(self.tokens["alice"].as_str(), "$token");
        self.write(&format!("{user}= {}{text}", answer.status));
    }

    /// Writes what everybody got.
    async fn collect(&mut self, expected: Option<&BTreeMap<&str, usize>>) {
        let mut lines = String::new();
        for (user, socket) in &mut self.sockets {
            let mut left = expected.map(|expected| expected.get(user.as_str()).copied().unwrap_or(0));
            let patience = if expected.is_some() { Duration::from_secs(5) } else { QUIET };
            while left != Some(0)
                && let Some(frame) = socket.next_within(patience).await
            {
                left = left.map(|left| left - 1);
                lines.push_str(&format!("{user}< {frame}\n"));
                let frame: Value = serde_json::from_str(&frame).unwrap();
                if frame["payload"]["message"] == "join_success" {
                    let id = frame["payload"]["id"].as_str().unwrap();
                    self.names.insert(format!("${user}"), id.to_owned());
                }
                // A close comes right behind the last word.
                let message = frame["payload"]["message"].as_str();
                if let Some("kicked" | "banned" | "session_ended" | "room_deleted") = message {
                    socket.next_within(Duration::from_secs(5)).await;
                }
            }
            if let Some((number, reason)) = &socket.closed {
                lines.push_str(&format!("{user}< closed {number}{reason}\n"));
            }
        }
        self.sockets.retain(|_, socket| socket.closed.is_none());
        self.out.push_str(&lines);
    }

    fn filled(&self, text: &str) -> String {
        // The longest names first: `$resume_alice` is not `$resume`.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(*name, value))
    }

    fn write(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

fn split<'a>(line: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    let (user, rest) = line.split_once(sign)?;
    (!user.is_empty() && user.chars().all(|char| char.is_ascii_alphanumeric())).then_some((user, rest))
}
