use serde_json::json;

use crate::server::{Server, prints, scratch};
use crate::socket::Socket;

/// A token of the server's project.
pub(crate) fn token(server: &Server, data: &std::path::Path, user: &str) -> String {
    let (key, data) = (server.key().to_string(), data.display().to_string());
    prints(&["token", "mint", "--project", &key, "--user", user, "--ttl", "24h", "--data", &data])
        .trim()
        .to_owned()
}

#[test]
fn two_people_chat_and_history_outlives_a_kill() {
    let (_folder, data) = scratch();
    let server = Server::start(&data);
    let (alice_token, bob_token) = (token(&server, &data, "alice"), token(&server, &data, "bob"));
    let mut alice = Socket::connect(server.address(), &alice_token).expect("alice connects");
    let mut bob = Socket::connect(server.address(), &bob_token).expect("bob connects");
    alice.call("room.join", json!({ "room": "lobby" })).expect("alice joins");
    let joined = bob.call("room.join", json!({ "room": "lobby" })).expect("bob joins");
    let posted =
        alice.call("message.post", json!({ "room": "lobby", "text": "hello" })).expect("it is posted");
    let heard = loop {
        let notice = bob.notice().expect("bob listens");
        if notice["method"] == "message.posted" {
            break notice;
        }
    };
    assert_eq!(heard["params"]["message"]["id"], posted["id"]);
    assert_eq!(heard["params"]["message"]["parts"][0]["text"], "hello");
    server.kill();

    let server = Server::start(&data);
    let mut bob = Socket::connect(server.address(), &bob_token).expect("bob comes back");
    let resumed = bob
        .call("room.join", json!({ "room": "lobby", "position": joined["position"] }))
        .expect("bob joins again");
    assert_eq!(resumed["resume"], "ok");
    assert_eq!(resumed["events"][0]["params"]["message"]["id"], posted["id"]);
}
