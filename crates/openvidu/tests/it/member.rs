//! Somebody in a session, on a socket, as the vendor's client speaks.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Socket;

/// After what time nothing more is expected.
const QUIET: Duration = Duration::from_millis(60);

pub struct Member {
    pub socket: Socket,
    pub id: String,
    pub rpc: String,
    pub token: String,
    /// The whole result of `joinRoom`.
    pub joined: Value,
    heard: VecDeque<Value>,
    requests: u64,
}

impl Member {
    /// Joins; must succeed.
    pub async fn join(socket: Socket, token: &str, name: &str) -> Self {
        let mut member = Self::stranger(socket, token);
        let answer = member.try_join(name).await;
        assert!(answer["result"].is_object(), "{answer}");
        member
    }

    /// Somebody who has not joined yet.
    pub fn stranger(socket: Socket, token: &str) -> Self {
        let text = String::new;
        let (joined, heard) = (Value::Null, VecDeque::new());
        Self { socket, id: text(), rpc: text(), token: token.to_owned(), joined, heard, requests: 0 }
    }

    /// Joins, if it may.
    pub async fn try_join(&mut self, name: &str) -> Value {
        let params = join_params(&self.token, name);
        let answer = self.call("joinRoom", params).await;
        let result = &answer["result"];
        self.id = result["id"].as_str().unwrap_or_default().to_owned();
        self.rpc = result["sessionId"].as_str().unwrap_or_default().to_owned();
        self.joined = result.clone();
        answer
    }

    /// Sends a request and reads up to its answer; what comes before is kept.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// Sends a request; its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.requests += 1;
        let id = self.requests;
        let frame = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id });
        self.socket.send(&frame.to_string()).await;
        id
    }

    /// Reads up to the answer with that id.
    pub async fn answer(&mut self, id: u64) -> Value {
        loop {
            let frame = self.socket.next().await;
            if frame["id"] == id {
                return frame;
            }
            self.heard.push_back(frame);
        }
    }

    /// Sends a signal; the code of the error, 0 if there is none.
    pub async fn signal(&mut self, kind: &str, data: &str, to: &[&str]) -> i64 {
        let message = json!({ "to": to, "data": data, "type": format!("signal:{kind}") }).to_string();
        let answer = self.call("sendMessage", json!({ "message": message })).await;
        answer["error"]["code"].as_i64().unwrap_or(0)
    }

    /// Comes back on another socket with that secret.
    pub async fn come_back(&mut self, socket: Socket) -> Value {
        self.socket = socket;
        let rpc = self.rpc.clone();
        self.call("connect", json!({ "sessionId": rpc, "reconnect": true })).await
    }

    /// The next notification of that method; others before it are passed over.
    pub async fn hears(&mut self, method: &str) -> Value {
        loop {
            let frame = match self.heard.pop_front() {
                Some(frame) => frame,
                None => self.socket.next().await,
            };
            if frame["method"] == method {
                return frame["params"].clone();
            }
        }
    }

    /// All notifications until nothing comes for a while, as one line each.
    pub async fn heard(&mut self) -> Vec<String> {
        let mut frames: Vec<Value> = self.heard.drain(..).collect();
        while let Some(frame) = self.socket.next_within(QUIET).await {
            frames.push(serde_json::from_str(&frame).unwrap());
        }
        frames.iter().map(line).collect()
    }

    /// The signals among them.
    pub async fn signals(&mut self) -> Vec<String> {
        let heard = self.heard().await;
        heard.into_iter().filter_map(|line| line.strip_prefix("signal ").map(str::to_owned)).collect()
    }
}

pub fn join_params(token: &str, name: &str) -> Value {
    let session = token.split("sessionId=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or("");
    json!({
        "token": token, "session": session, "platform": "Chrome 156.0.0.0 on Linux 64-bit", "sdkVersion": "2.32.2",
        "metadata": json!({ "clientData": name }).to_string(), "secret": "", "recorder": false, "stt": false
    })
}

/// A notification, short enough to compare.
fn line(frame: &Value) -> String {
    let params = &frame["params"];
    let text = |field: &str| params[field].as_str().unwrap_or("-").to_owned();
    match frame["method"].as_str() {
        Some("sendMessage") => {
            format!("signal {} {:.80} from {}", text("type"), text("data"), text("from"))
        }
        Some("participantJoined") => format!("joined {}", text("id")),
        Some("participantLeft") => format!("left {} {}", text("connectionId"), text("reason")),
        Some("participantEvicted") => format!("evicted {} {}", text("connectionId"), text("reason")),
        _ => frame.to_string(),
    }
}
