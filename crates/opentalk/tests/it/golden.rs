//! Golden transcripts. `alice> chat {…}` sends a command on alice's socket, `alice< frame` is what she gets, in this order, and
//! `alice!` closes it. `alice: POST /path body` is a request with her token, `gina:` one with the invite code, `nobody:` one
//! without anything; `alice= 200 body` is the answer. `alice starts`, `alice starts chunked` gets a ticket and opens a socket
//! with it. `+130s` lets time pass. `#` is a remark.
//!
//! `$room` and `$invite` are the last ones that were made, `$alice` is alice's participant, `$resume_alice` her last resumption
//! token. Users: alice with two groups, bob with one of them, carl with none; gina and gustav are guests.
//! `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sidetalk_testkit::golden::{Script, request, split};
use sidetalk_testkit::{Socket, transcripts};

use crate::app::{App, Room};

transcripts! {
    play:
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

async fn play(mut script: Script) {
    let app = App::new().await;
    let (back, dev) = ("/OpenTalk/OU/Backend", "/OpenTalk/Role/Developer");
    let mut tokens = BTreeMap::new();
    for (name, groups) in [("alice", &[back, dev][..]), ("bob", &[back][..]), ("carl", &[][..])] {
        tokens.insert(name, app.user(name, groups).await);
    }
    let mut player = Player { app, tokens, sockets: BTreeMap::new() };
    while let Some(line) = script.next_line() {
        player.play(&line, &mut script).await;
    }
    script.end(&mut player.sockets).await;
}

struct Player {
    app: App,
    tokens: BTreeMap<&'static str, String>,
    sockets: BTreeMap<String, Socket>,
}

impl Player {
    async fn play(&mut self, line: &str, script: &mut Script) {
        if let Some(seconds) = line.strip_prefix('+') {
            let seconds = seconds.trim_end_matches('s').parse().unwrap();
            self.app.kit.clock.advance(Duration::from_secs(seconds));
        } else if let Some((user, how)) = split(line, " starts") {
            self.start(user, how.trim(), script).await;
        } else if let Some((user, command)) = split(line, "> ") {
            let command = script.filled(command);
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
        } else if let Some((user, asked)) = split(line, ": ") {
            self.request(user, &script.filled(asked), script).await;
        } else {
            panic!("what is this? {line}");
        }
        self.collect(script).await;
    }

    async fn start(&mut self, user: &str, how: &str, script: &mut Script) {
        let prefix = if how == "chunked" { "/chunked" } else { "" };
        let room = Room { id: script.filled("$room"), invite: script.filled("$invite") };
        let resumption =
            if how == "again" { script.filled(&format!("$resume_{user}")) } else { String::new() };
        let token = self.tokens.get(user).map(String::as_str);
        let started = self.app.start(prefix, &room, token, &resumption).await;
        script.name(format!("$resume_{user}"), &started.text_of("resumption"));
        let socket = self.app.socket(prefix, &started.text_of("ticket")).await;
        self.sockets.insert(user.to_owned(), socket);
    }

    async fn request(&mut self, user: &str, asked: &str, script: &mut Script) {
        let (method, path, body) = request(asked);
        let authorization = match self.tokens.get(user) {
            Some(token) => Some(format!("Bearer {token}")),
            None if user == "nobody" => None,
            None => Some(format!("InviteCode {}", script.filled("$invite"))),
        };
        let answer = self.app.request(method, path, authorization.as_deref(), body).await;
        let said = answer.json();
        let is_room = path == "/v1/rooms";
        for (field, name) in [
            ("id", is_room.then(|| "$room".to_owned())),
            ("invite_code", Some("$invite".to_owned())),
            ("resumption", Some(format!("$resume_{user}"))),
        ] {
            if let (Some(value), Some(name)) = (said[field].as_str(), name) {
                script.name(name, value);
            }
        }
        let text = if answer.text.is_empty() { String::new() } else { format!(" {}", answer.text) };
        let text = text.replace(self.tokens["alice"].as_str(), "$token");
        script.write(&format!("{user}= {}{text}", answer.status));
    }

    /// Writes what everybody got.
    async fn collect(&mut self, script: &mut Script) {
        for (user, frames) in script.heard(&mut self.sockets).await {
            for frame in frames {
                script.write(&format!("{user}< {frame}"));
                let frame: Value = serde_json::from_str(&frame).unwrap_or_default();
                if frame["payload"]["message"] == "join_success" {
                    script.name(format!("${user}"), frame["payload"]["id"].as_str().unwrap());
                }
            }
        }
    }
}
