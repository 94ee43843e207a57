//! A token that says less than the one before, or more: places in rooms follow it at once, refreshed or brought by a return.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sidetalk_testkit::Socket;

use crate::app::App;

const QUIET: Duration = Duration::from_millis(100);

/// How a connection gets another token.
#[derive(Clone, Copy, Debug)]
enum Way {
    Refresh,
    Resume,
}

/// Bob in the lobby, with a token of those claims.
struct Bob {
    app: App,
    socket: Socket,
    secret: Value,
    /// How many notifications have come.
    received: usize,
}

impl Bob {
    async fn with(claims: Value) -> Self {
        let app = App::new().await;
        let mut socket = app.socket().await;
        let answer =
            call(&mut socket, "connect", json!({ "token": app.token_with("bob", claims), "keep_s": 10 }))
                .await;
        let secret = answer["result"]["resume"].clone();
        let joined = call(&mut socket, "room.join", json!({ "room": "lobby" })).await;
        assert!(joined["result"].is_object(), "{joined}");
        Self { app, socket, secret, received: 0 }
    }

    /// He gets a token of those claims.
    async fn gets(&mut self, way: Way, claims: Value) {
        let token = self.app.token_with("bob", claims);
        match way {
            Way::Refresh => {
                let answer = call(&mut self.socket, "token.refresh", json!({ "token": token })).await;
                assert!(answer["result"].is_object(), "{answer}");
            }
            Way::Resume => {
                self.drain().await;
                let mut socket = self.app.socket().await;
                let params = json!({ "token": token, "resume": self.secret, "received": self.received });
                let answer = call(&mut socket, "connect", params).await;
                assert_eq!(answer["result"]["resumed"], true, "{answer}");
                self.socket = socket;
            }
        }
    }

    async fn drain(&mut self) -> Vec<String> {
        let frames = self.socket.drain(QUIET).await;
        self.received += frames.len();
        frames
    }

    /// What he hears when the server speaks to `staff` and then to all.
    async fn hears(&mut self) -> Vec<String> {
        for audience in [json!({ "type": "group", "group": "staff" }), json!({ "type": "room" })] {
            let text = &audience["type"];
            let body = json!({ "text": text, "audience": audience }).to_string();
            let (status, _) = self.app.rest("server", Method::POST, "/rooms/lobby/messages", &body).await;
            assert_eq!(status, StatusCode::CREATED);
        }
        let frames = self.drain().await;
        let short = |frame: &String| {
            let frame: Value = serde_json::from_str(frame).unwrap();
            let (method, params) = (frame["method"].as_str().unwrap(), &frame["params"]);
            let said = params["message"]["parts"][0]["text"].as_str().or(params["reason"].as_str());
            format!("{method} {}", said.unwrap_or_default())
        };
        frames.iter().map(short).collect()
    }
}

async fn call(socket: &mut Socket, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    socket.call(&request.to_string()).await
}

/// The application took somebody out of a group, and what was for the group alone still came, for as long as the place
/// in the room was kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_the_new_token_does_not_name_is_lost_at_once() {
    for way in [Way::Refresh, Way::Resume] {
        let mut bob = Bob::with(json!({ "groups": ["staff"] })).await;
        assert_eq!(bob.hears().await, ["message.posted group", "message.posted room"]);
        bob.gets(way, json!({})).await;
        assert_eq!(bob.hears().await, ["message.posted room"], "{way:?}");
        bob.app.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_the_new_token_names_is_gained_at_once() {
    for way in [Way::Refresh, Way::Resume] {
        let mut bob = Bob::with(json!({})).await;
        assert_eq!(bob.hears().await, ["message.posted room"]);
        bob.gets(way, json!({ "groups": ["staff"] })).await;
        assert_eq!(bob.hears().await, ["message.posted group", "message.posted room"], "{way:?}");
        bob.app.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_the_new_token_does_not_open_is_left_at_once() {
    for way in [Way::Refresh, Way::Resume] {
        let mut bob = Bob::with(json!({})).await;
        let mut carol = bob.app.socket_of("carol").await;
        call(&mut carol, "room.join", json!({ "room": "lobby" })).await;
        bob.drain().await;
        bob.gets(way, json!({ "room": "elsewhere" })).await;
        assert_eq!(bob.hears().await, ["room.removed removed"], "{way:?}");
        let left: Value = carol.next().await;
        assert_eq!((&left["method"], &left["params"]["user"]), (&json!("presence.left"), &json!("bob")));
        let typed = call(&mut bob.socket, "signal.send", json!({ "room": "lobby" })).await;
        assert_eq!(typed["error"]["data"]["code"], "not_joined");
        let there = call(&mut bob.socket, "room.join", json!({ "room": "elsewhere" })).await;
        assert!(there["result"].is_object(), "{there}");
        bob.app.shut_down().await;
    }
}
