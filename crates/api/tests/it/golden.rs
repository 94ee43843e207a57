//! Golden transcripts. A line `alice> frame` is sent on alice's socket, which opens and connects when she first speaks;
//! `alice< frame` is what she gets, answers before notifications. `server: GET /path body` is a REST request, `server= 200
//! body` its answer. `! 5s` lets time pass. `#` is a remark. `$1` is the id of
//! the first message that was posted, `$position` the position of alice's latest answer or notification, `$bob` bob's
//! connection. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sidetalk_testkit::golden::{Script, request, split, without_token};
use sidetalk_testkit::{Socket, transcripts};

use crate::app::App;

transcripts! {
    play:
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

async fn play(mut script: Script) {
    let mut player = Player { app: App::new().await, sockets: BTreeMap::new(), posted: 0 };
    while let Some(line) = script.next_line() {
        player.play(&line, &mut script).await;
    }
    script.end(&mut player.sockets).await;
    player.app.shut_down().await;
}

struct Player {
    app: App,
    sockets: BTreeMap<String, Socket>,
    posted: usize,
}

impl Player {
    async fn play(&mut self, line: &str, script: &mut Script) {
        if let Some(time) = line.strip_prefix("! ") {
            self.app.clock.advance(Duration::from_millis(time.trim_end_matches("ms").parse().unwrap()));
        } else if let Some((user, frame)) = split(line, "> ") {
            self.open(user).await;
            let frame = script.filled(frame).replace("$token", &self.app.token_of(user));
            self.sockets.get_mut(user).unwrap().send(&frame).await;
        } else if let Some((user, asked)) = split(line, ": ") {
            let asked = script.filled(asked);
            let (method, path, body) = request(&asked);
            let (status, body) = self.app.rest(user, method.parse().unwrap(), path, body).await;
            self.learn(user, &body, script);
            let body = if body.is_null() { String::new() } else { format!(" {body}") };
            script.write(&format!("{user}= {}{}", status.as_u16(), without_token(&body)));
        } else {
            panic!("what is this? {line}");
        }
        self.collect(script).await;
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
    async fn collect(&mut self, script: &mut Script) {
        for (user, frames) in script.heard(&mut self.sockets).await {
            let said = |frame: &String| serde_json::from_str::<Value>(frame).unwrap_or_default();
            let (mut answers, others): (Vec<_>, Vec<_>) =
                frames.into_iter().partition(|frame| said(frame).get("id").is_some());
            // The answer and the notification of the same act race; the transcript has the answer first.
            answers.extend(others);
            for frame in answers {
                script.write(&format!("{user}< {}", without_token(&frame)));
                let frame = said(&frame);
                let told = if frame["result"].is_null() { &frame["params"] } else { &frame["result"] };
                self.learn(&user, told, script);
            }
        }
    }

    fn learn(&mut self, user: &str, said: &Value, script: &mut Script) {
        if let Some(id) = said["id"].as_str().filter(|_| said["repeated"] == false) {
            self.posted += 1;
            script.name(format!("${}", self.posted), id);
        }
        if let Some(connection) = said["me"]["connection"].as_str() {
            script.name(format!("${user}"), connection);
        }
        if let Some(position) = said["position"].as_str().filter(|_| user == "alice") {
            script.name("$position", position);
        }
    }
}
