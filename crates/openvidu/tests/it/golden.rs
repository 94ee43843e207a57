//! Golden transcripts. `alice> frame` is sent on alice's socket, which opens when she first speaks; `alice< frame` is what she
//! gets, in this order. `alice joins $token1` is a `joinRoom` as in `join.txt`. `server: POST /path body` is a REST request with
//! the project's secret, `nobody:` one without, `wrong:` one with another secret; `server= 200 body` is the answer. `alice! 1001`
//! closes alice's socket with that number. `#` is a remark.
//!
//! `$token1`, `$secret1` and `$con1` belong to the first connection that was promised, `$alice` is alice's connection and
//! `$rpc_alice` her client's secret. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Socket;
use sidetalk_testkit::app::SECRET;

use crate::app::{App, SERVER, basic};
use crate::member::join_params;

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
    ping
    join
    send_message
    leave_room
    force_disconnect
    connect
    other_methods
    roles
    rest_sessions
    rest_connections
    rest_tokens
    rest_signal
    rest_config
    exchange
}

async fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.txt"));
    let script = std::fs::read_to_string(&path).unwrap();
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut player = Player {
        app: App::new().await,
        sockets: BTreeMap::new(),
        names: BTreeMap::new(),
        promised: 0,
        out: String::new(),
    };
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
        let late = socket.next_within(Duration::from_millis(30)).await;
        assert!(late.is_none(), "{name}: {user} also got {late:?}");
    }
    expect_test::expect_file![path].assert_eq(&player.out);
}

fn is_outcome(line: &str) -> bool {
    ["< ", "= "].iter().any(|sign| split(line, sign).is_some())
}

struct Player {
    app: App,
    sockets: BTreeMap<String, Socket>,
    names: BTreeMap<String, String>,
    promised: usize,
    out: String,
}

impl Player {
    async fn play(&mut self, line: &str, expected: Option<&BTreeMap<&str, usize>>) {
        self.write(line);
        if line.starts_with('#') || line.is_empty() {
            return;
        } else if let Some((user, token)) = split(line, " joins ") {
            let params = join_params(&self.filled(token), user);
            let frame = json!({ "jsonrpc": "2.0", "method": "joinRoom", "id": 1, "params": params });
            self.socket(user).await.send(&frame.to_string()).await;
        } else if let Some((user, frame)) = split(line, "> ") {
            let frame = self.filled(frame);
            self.socket(user).await.send(&frame).await;
        } else if let Some((user, number)) = split(line, "! ") {
            let mut socket = self.sockets.remove(user).unwrap();
            socket.say_goodbye(number.parse().unwrap()).await;
            socket.close().await;
        } else if let Some((user, request)) = split(line, ": ") {
            self.request(user, request).await;
        } else {
            panic!("what is this? {line}");
        }
        self.collect(expected).await;
    }

    async fn request(&mut self, user: &str, request: &str) {
        let request = self.filled(request);
        let mut words = request.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let authorization = match user {
            "nobody" => None,
            "wrong" => Some(basic(SERVER, "wrong")),
            _ => Some(basic(SERVER, SECRET)),
        };
        let body = words.next().unwrap_or_default();
        let answer = self.app.request(method, path, authorization.as_deref(), body).await;
        let said = answer.json();
        if let (Some(id), Some(token)) = (said["connectionId"].as_str(), said["token"].as_str())
            && method == "POST"
            && token.contains("token=")
        {
            self.promised += 1;
            let secret = token.split("token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
            self.names.insert(format!("$secret{}", self.promised), secret.to_owned());
            self.names.insert(format!("$token{}", self.promised), token.to_owned());
            self.names.insert(format!("$con{}", self.promised), id.to_owned());
        }
        let text = if answer.text.is_empty() { String::new() } else { format!(" {}", answer.text) };
        self.write(&format!("{user}= {}{}", answer.status, without_signed_tokens(&text)));
    }

    async fn socket(&mut self, user: &str) -> &mut Socket {
        if !self.sockets.contains_key(user) {
            let socket = self.app.socket().await;
            self.sockets.insert(user.to_owned(), socket);
        }
        self.sockets.get_mut(user).unwrap()
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
                let said = &frame["result"];
                if let (Some(id), Some(rpc)) = (said["id"].as_str(), said["sessionId"].as_str()) {
                    self.names.insert(format!("${user}"), id.to_owned());
                    self.names.insert(format!("$rpc_{user}"), rpc.to_owned());
                }
            }
            if let Some((number, reason)) = &socket.closed {
                lines.push_str(&format!("{user}< closed {number} {reason}\n"));
            }
        }
        self.sockets.retain(|_, socket| socket.closed.is_none());
        self.out.push_str(&lines);
    }

    fn filled(&self, text: &str) -> String {
        // The longest names first: `$con12` is not `$con1`.
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

/// A signed token is too long to read.
fn without_signed_tokens(text: &str) -> String {
    match text.find("\"token\":\"eyJ") {
        Some(at) => {
            let rest = &text[at + 9..];
            let end = rest.find('"').unwrap();
            format!("{}\"token\":\"…{}", &text[..at], &rest[end..])
        }
        None => text.to_owned(),
    }
}
