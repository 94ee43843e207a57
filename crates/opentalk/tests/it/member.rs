//! Somebody on a socket, as the vendor's client speaks.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Socket;

/// After what time nothing more is expected.
const QUIET: Duration = Duration::from_millis(60);

pub struct Member {
    pub socket: Socket,
    pub id: String,
    pub resumption: String,
    /// The whole payload of `join_success`.
    pub joined: Value,
    heard: VecDeque<Value>,
}

impl Member {
    pub fn new(socket: Socket, resumption: String) -> Self {
        Self { socket, id: String::new(), resumption, joined: Value::Null, heard: VecDeque::new() }
    }

    /// Joins; must succeed.
    pub async fn join(&mut self, name: &str) {
        self.say("control", json!({ "action": "join", "display_name": name })).await;
        self.is_in().await;
    }

    /// Waits for `join_success`.
    pub async fn is_in(&mut self) {
        let joined = self.hears("control", "join_success").await;
        self.id = joined["id"].as_str().unwrap().to_owned();
        self.joined = joined;
    }

    /// Sends a command.
    pub async fn say(&mut self, namespace: &str, payload: Value) {
        let frame = json!({ "namespace": namespace, "payload": payload });
        self.socket.send(&frame.to_string()).await;
    }

    /// Sends a command that has an action only.
    pub async fn act(&mut self, namespace: &str, action: &str) {
        self.say(namespace, json!({ "action": action })).await;
    }

    pub async fn target(&mut self, namespace: &str, action: &str, target: &str) {
        self.say(namespace, json!({ "action": action, "target": target })).await;
    }

    /// Sends a chat message; without a target to all.
    pub async fn chat(&mut self, scope: &str, target: Option<&str>, content: &str) {
        let payload =
            json!({ "action": "send_message", "scope": scope, "target": target, "content": content });
        self.say("chat", payload).await;
    }

    /// Sends a message to all, and waits for it.
    pub async fn post(&mut self, content: &str) -> Value {
        self.chat("global", None, content).await;
        self.hears("chat", "message_sent").await
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        match self.heard.pop_front() {
            Some(frame) => frame,
            None => self.socket.next().await,
        }
    }

    /// The payload of the next event of that name; others before it are passed over.
    pub async fn hears(&mut self, namespace: &str, message: &str) -> Value {
        self.hears_at(namespace, message).await.1
    }

    /// The same, with the time of the envelope.
    pub async fn hears_at(&mut self, namespace: &str, message: &str) -> (String, Value) {
        loop {
            let frame = self.next().await;
            if frame["namespace"] == namespace && frame["payload"]["message"] == message {
                return (frame["timestamp"].as_str().unwrap().to_owned(), frame["payload"].clone());
            }
        }
    }

    /// All frames until nothing comes for a while.
    pub async fn frames(&mut self) -> Vec<Value> {
        let mut frames: Vec<Value> = self.heard.drain(..).collect();
        while let Some(frame) = self.socket.next_within(QUIET).await {
            frames.push(serde_json::from_str(&frame).unwrap());
        }
        frames
    }

    /// All events until nothing comes for a while, as one line each.
    pub async fn heard(&mut self) -> Vec<String> {
        self.frames().await.iter().map(line).collect()
    }

    /// Waits until what was asked before has been answered: the echo is the mark. What came is kept.
    pub async fn hears_echo(&mut self) {
        self.say("echo", json!({ "action": "ping" })).await;
        let mut kept = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["namespace"] == "echo" {
                return self.heard.extend(kept);
            }
            kept.push(frame);
        }
    }

    /// Waits until all that was caused before has arrived: the echo is the mark.
    pub async fn settled(&mut self) -> Vec<String> {
        self.hears_echo().await;
        self.heard().await
    }

    pub fn participants(&self) -> &[Value] {
        self.joined["participants"].as_array().unwrap()
    }

    /// The texts of a history.
    pub fn room_history(&self) -> Vec<String> {
        texts(&self.joined["chat"]["room_history"])
    }
}

/// The texts of a history of either generation.
pub fn texts(history: &Value) -> Vec<String> {
    let messages = history.as_array().or_else(|| history["messages"].as_array()).unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// An event, short enough to compare.
fn line(frame: &Value) -> String {
    let payload = &frame["payload"];
    let text = |field: &str| payload[field].as_str().unwrap_or("-").to_owned();
    match payload["message"].as_str() {
        Some("message_sent") => format!("{} {:.60}", text("scope"), text("content")),
        Some("error") => format!("error {}", text("error")),
        Some("left") => format!("left {} {}", text("id"), text("reason")),
        Some(message @ ("joined" | "update")) => format!("{message} {}", text("id")),
        Some(message) => message.to_owned(),
        None => frame.to_string(),
    }
}
