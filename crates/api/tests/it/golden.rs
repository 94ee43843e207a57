//! Golden transcripts. A line `alice> frame` is sent on alice's socket, which opens and connects when she first speaks;
//! `alice< frame` is what she gets, answers before notifications. `server: GET /path body` is a REST request, `server= 200
//! body` its answer. `! 5s` lets time pass. `#` is a remark. `$1` is the id of
//! the first message that was posted, `$position` the position of alice's latest answer or notification, `$bob` bob's
//! connection. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sidetalk_testkit::Socket;

use crate::app::App;

/// How long nothing must come before a transcript counts as complete, when it is written anew.
const QUIET: Duration = Duration::from_millis(120);

macro_rules! transcripts {
    ($($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(stringify!($name)).await;
        }
    )*};
}

transcripts! {
    connect
    rooms
    messages
    reactions_and_pins
    signals
    private
    moderation
    membership
    dialects
    resume
    rest_rooms
    rest_messages
    rest_people
    rest_project
}

async fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.txt"));
    let script = std::fs::read_to_string(&path).unwrap();
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let app = App::new().await;
    let mut player =
        Player { app, sockets: BTreeMap::new(), names: BTreeMap::new(), posted: 0, out: String::new() };
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if is_outcome(line) {
            continue;
        }
        let mut expected = BTreeMap::<&str, usize>::new();
        while let Some(outcome) = lines.next_if(|line| is_outcome(line)) {
            if let Some((user, _)) = outcome.split_once("< ") {
                *expected.entry(user).or_default() += 1;
            }
        }
        player.play(line, (!is_update).then_some(&expected)).await;
    }
    for (user, socket) in &mut player.sockets {
        let late = socket.drain(Duration::from_millis(30)).await;
        assert!(late.is_empty(), "{name}: {user} also got {late:#?}");
    }
    player.app.shut_down().await;
    expect_test::expect_file![path].assert_eq(&player.out);
}

/// `alice< …`, `server= …`: what came, not what was done.
fn is_outcome(line: &str) -> bool {
    let end = line.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(line.len());
    end > 0 && line[end..].starts_with(['<', '='])
}

struct Player {
    app: App,
    sockets: BTreeMap<String, Socket>,
    /// What `$…` stands for.
    names: BTreeMap<String, String>,
    posted: usize,
    out: String,
}

impl Player {
    async fn play(&mut self, line: &str, expected: Option<&BTreeMap<&str, usize>>) {
        self.write(line);
        if let Some(time) = line.strip_prefix("! ") {
            self.app.clock.advance(Duration::from_millis(time.trim_end_matches("ms").parse().unwrap()));
        } else if line.starts_with('#') || line.is_empty() {
            return;
        } else if let Some((user, frame)) = split(line, "> ") {
            self.open(user).await;
            let frame = self.filled(frame).replace("$token", &self.app.token_of(user));
            self.sockets.get_mut(user).unwrap().send(&frame).await;
        } else if let Some((user, request)) = split(line, ": ") {
            let request = self.filled(request);
            let mut words = request.splitn(3, ' ');
            let method = words.next().unwrap().parse().unwrap();
            let (path, body) = (words.next().unwrap(), words.next().unwrap_or_default());
            let (status, body) = self.app.rest(user, method, path, body).await;
            self.learn(user, &body);
            let body = if body.is_null() { String::new() } else { format!(" {body}") };
            self.write(&format!("{user}= {}{}", status.as_u16(), without_tokens(&body)));
        } else {
            panic!("what is this? {line}");
        }
        self.collect(expected).await;
    }

    async fn open(&mut self, user: &str) {
        if self.sockets.contains_key(user) {
            return;
        }
        let is_stranger = user.starts_with("stranger");
        let socket = if is_stranger { self.app.socket().await } else { self.app.socket_of(user).await };
        self.sockets.insert(user.to_owned(), socket);
    }

    /// Writes what everybody got.
    async fn collect(&mut self, expected: Option<&BTreeMap<&str, usize>>) {
        let mut lines = String::new();
        let mut seen = Vec::new();
        for (user, socket) in &mut self.sockets {
            let mut frames = Vec::new();
            match expected {
                Some(expected) => {
                    for _ in 0..expected.get(user.as_str()).copied().unwrap_or(0) {
                        frames.extend(socket.next_within(Duration::from_secs(5)).await);
                        if socket.closed.is_some() {
                            break;
                        }
                    }
                }
                None => frames = socket.drain(QUIET).await,
            }
            // The answer and the notification of the same act race; the transcript has the answer first.
            frames.sort_by_key(|frame| serde_json::from_str::<Value>(frame).unwrap().get("method").is_some());
            for frame in frames {
                seen.push((user.clone(), serde_json::from_str::<Value>(&frame).unwrap()));
                lines.push_str(&format!("{user}< {}\n", without_tokens(&frame)));
            }
            if let Some((number, reason)) = socket.closed.take() {
                lines.push_str(&format!("{user}< closed {number} {reason}\n"));
                socket.closed = Some((0, String::new()));
            }
        }
        self.sockets.retain(|_, socket| socket.closed.is_none());
        self.out.push_str(&lines);
        for (user, frame) in seen {
            self.learn(&user, if frame["result"].is_null() { &frame["params"] } else { &frame["result"] });
        }
    }

    fn learn(&mut self, user: &str, said: &Value) {
        if let Some(id) = said["id"].as_str().filter(|_| said["repeated"] == false) {
            self.posted += 1;
            self.names.insert(format!("${}", self.posted), id.to_owned());
        }
        if let Some(connection) = said["me"]["connection"].as_str() {
            self.names.insert(format!("${user}"), connection.to_owned());
        }
        if let Some(position) = said["position"].as_str().filter(|_| user == "alice") {
            self.names.insert("$position".to_owned(), position.to_owned());
        }
    }

    fn filled(&self, text: &str) -> String {
        // The longest names first: `$12` is not `$1`.
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
    user.chars().all(|char| char.is_ascii_alphanumeric()).then_some((user, rest))
}

/// A signed token is too long to read.
fn without_tokens(text: &str) -> String {
    match text.find("\"token\":\"eyJ") {
        Some(at) => {
            let rest = &text[at + 9..];
            let end = rest.find('"').unwrap();
            format!("{}\"token\":\"…{}", &text[..at], &rest[end..])
        }
        None => text.to_owned(),
    }
}
