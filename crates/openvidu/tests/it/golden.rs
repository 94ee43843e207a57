//! Golden transcripts. `alice> frame` is sent on alice's socket, which opens when she first speaks; `alice< frame` is what she
//! gets, in this order. `alice joins $token1` is a `joinRoom` as in `join.txt`. `server: POST /path body` is a REST request with
//! the project's secret, `nobody:` one without, `wrong:` one with another secret; `server= 200 body` is the answer. `alice! 1001`
//! closes alice's socket with that number. `#` is a remark.
//!
//! `$token1`, `$secret1` and `$con1` belong to the first connection that was promised, `$alice` is alice's connection and
//! `$rpc_alice` her client's secret. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::golden::{Script, request, split, without_token};
use sidetalk_testkit::{Socket, transcripts};

use crate::app::{App, SERVER, basic};
use crate::member::join_params;

transcripts! {
    play:
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

async fn play(mut script: Script) {
    let mut player = Player { app: App::new().await, sockets: BTreeMap::new(), promised: 0 };
    while let Some(line) = script.next_line() {
        player.play(&line, &mut script).await;
    }
    script.end(&mut player.sockets).await;
}

struct Player {
    app: App,
    sockets: BTreeMap<String, Socket>,
    promised: usize,
}

impl Player {
    async fn play(&mut self, line: &str, script: &mut Script) {
        if let Some((user, token)) = split(line, " joins ") {
            let params = join_params(&script.filled(token), user);
            let frame = json!({ "jsonrpc": "2.0", "method": "joinRoom", "id": 1, "params": params });
            self.socket(user).await.send(&frame.to_string()).await;
        } else if let Some((user, frame)) = split(line, "> ") {
            self.socket(user).await.send(&script.filled(frame)).await;
        } else if let Some((user, number)) = split(line, "! ") {
            let mut socket = self.sockets.remove(user).unwrap();
            socket.say_goodbye(number.parse().unwrap()).await;
            socket.close().await;
        } else if let Some((user, asked)) = split(line, ": ") {
            self.request(user, &script.filled(asked), script).await;
        } else {
            panic!("what is this? {line}");
        }
        self.collect(script).await;
    }

    async fn request(&mut self, user: &str, asked: &str, script: &mut Script) {
        let (method, path, body) = request(asked);
        let authorization = match user {
            "nobody" => None,
            "wrong" => Some(basic(SERVER, "wrong")),
            _ => Some(basic(SERVER, SECRET)),
        };
        let answer = self.app.request(method, path, authorization.as_deref(), body).await;
        let said = answer.json();
        if let (Some(id), Some(token)) = (said["connectionId"].as_str(), said["token"].as_str())
            && method == "POST"
            && token.contains("token=")
        {
            self.promised += 1;
            let secret = token.split("token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
            script.name(format!("$secret{}", self.promised), secret);
            script.name(format!("$token{}", self.promised), token);
            script.name(format!("$con{}", self.promised), id);
        }
        let text = if answer.text.is_empty() { String::new() } else { format!(" {}", answer.text) };
        script.write(&format!("{user}= {}{}", answer.status, without_token(&text)));
    }

    async fn socket(&mut self, user: &str) -> &mut Socket {
        if !self.sockets.contains_key(user) {
            let socket = self.app.socket().await;
            self.sockets.insert(user.to_owned(), socket);
        }
        self.sockets.get_mut(user).unwrap()
    }

    /// Writes what everybody got.
    async fn collect(&mut self, script: &mut Script) {
        for (user, frames) in script.heard(&mut self.sockets).await {
            for frame in frames {
                script.write(&format!("{user}< {frame}"));
                let frame: Value = serde_json::from_str(&frame).unwrap_or_default();
                let said = &frame["result"];
                if let (Some(id), Some(rpc)) = (said["id"].as_str(), said["sessionId"].as_str()) {
                    script.name(format!("${user}"), id);
                    script.name(format!("$rpc_{user}"), rpc);
                }
            }
        }
    }
}
