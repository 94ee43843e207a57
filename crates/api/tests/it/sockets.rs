//! The life of a socket: the three ways in, the token's end, a deletion of the room, draining, order.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sidetalk_api::token::{Mint, mint_server};
use sidetalk_testkit::Socket;

use crate::app::{App, PROMISED};

const QUIET: Duration = Duration::from_millis(100);

async fn notification(socket: &mut Socket, method: &str) -> Value {
    loop {
        let frame = socket.next().await;
        if frame["method"] == method {
            return frame;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_may_come_as_a_sub_protocol() {
    let app = App::new().await;
    let token = app.token_of("alice");
    let mut socket = app.socket_at("/api/v1/connect", &format!("sidetalk.v1, token.{token}")).await.unwrap();
    let connected = notification(&mut socket, "connected").await;
    assert_eq!(connected["params"]["user"]["id"], "alice");
    let pong = socket.call(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert!(pong["result"]["server_time"].is_string());
    let refused = app.socket_at("/api/v1/connect", "sidetalk.v1, token.x.y.z").await;
    assert_eq!(refused.err(), Some(StatusCode::UNAUTHORIZED));
    // A token in the address ends up in logs: it is not even looked at.
    let refused = app.socket_at(&format!("/api/v1/connect?token={token}"), "sidetalk.v1").await;
    assert_eq!(refused.err(), Some(StatusCode::UNPROCESSABLE_ENTITY));
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_works_once_and_not_for_long() {
    let app = App::new().await;
    let ticket = async || {
        let (status, body) = app.rest("alice", Method::POST, "/tickets", "").await;
        assert_eq!(status, StatusCode::CREATED);
        format!("/api/v1/connect?ticket={}", body["ticket"].as_str().unwrap())
    };
    let first = ticket().await;
    let mut socket = app.socket_at(&first, "sidetalk.v1").await.unwrap();
    assert_eq!(notification(&mut socket, "connected").await["params"]["user"]["id"], "alice");
    assert_eq!(app.socket_at(&first, "sidetalk.v1").await.err(), Some(StatusCode::UNAUTHORIZED));
    let late = ticket().await;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.socket_at(&late, "sidetalk.v1").await.err(), Some(StatusCode::UNAUTHORIZED));
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_with_its_token_unless_it_is_refreshed() {
    let app = App::new().await;
    let (mut ends, mut stays) = (app.socket_of("bob").await, app.socket_of("carol").await);
    for socket in [&mut ends, &mut stays] {
        socket.call(r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}}"#).await;
    }
    app.clock.advance(Duration::from_secs(3_600 - 60));
    let warned = notification(&mut ends, "token.expiring").await;
    assert_eq!(warned["params"]["expires_at"], "2026-11-21T10:30:00.000000Z");
    notification(&mut stays, "token.expiring").await;
    let token = app.token_of("carol");
    let refresh =
        format!(r#"{{"jsonrpc":"2.0","id":2,"method":"token.refresh","params":{{"token":"{token}"}}}}"#);
    let refreshed = stays.call(&refresh).await;
    assert_eq!(refreshed["result"]["token_expires_at"], "2026-11-21T11:29:00.000000Z");
    let other = app.token_of("dora");
    let refresh =
        format!(r#"{{"jsonrpc":"2.0","id":3,"method":"token.refresh","params":{{"token":"{other}"}}}}"#);
    assert_eq!(stays.call(&refresh).await["error"]["data"]["code"], "invalid");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(ends.close().await.0, 4501);
    let left = notification(&mut stays, "presence.left").await;
    assert_eq!((&left["params"]["user"], &left["params"]["reason"]), (&"bob".into(), &"expired".into()));
    stays.call(r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#).await;
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_and_a_server_token_do_not_connect() {
    let app = App::new().await;
    let expired = app.token(&Mint { ttl: Duration::from_secs(1), ..app.mint("bob") });
    app.clock.advance(Duration::from_secs(61));
    let server = mint_server(&app.project, Duration::from_secs(60), app.service.now()).0;
    for (token, code, close) in [(expired, "token_expired", 4501), (server, "invalid", 4500)] {
        let mut socket = app.socket().await;
        let connect =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}"#);
        assert_eq!(socket.call(&connect).await["error"]["data"]["code"], code);
        assert_eq!(socket.close().await.0, close);
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_connect_in_time_is_closed() {
    let app = App::new().await;
    let mut socket = app.socket().await;
    assert_eq!(socket.close().await.0, 4004);
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_says_when_to_come_back() {
    let app = App::new().await;
    let mut socket = app.socket_of("bob").await;
    app.api.announce_drain(Duration::from_secs(10));
    app.service.drain(Duration::from_secs(10));
    assert_eq!(notification(&mut socket, "server.draining").await["params"]["retry_after_ms"], 10_000);
    let (number, reason) = socket.close().await;
    assert_eq!(number, 4002);
    assert!(reason.parse::<u64>().unwrap() <= 10_000, "{reason}");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_room_puts_everybody_out_and_leaves_the_socket_open() {
    let app = App::new().await;
    let mut socket = app.socket_of("bob").await;
    socket.call(r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}}"#).await;
    let (status, _) = app.rest("server", Method::DELETE, "/rooms/lobby", "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(notification(&mut socket, "room.removed").await["params"]["reason"], "room_deleted");
    let signal = r#"{"jsonrpc":"2.0","id":2,"method":"signal.send","params":{"room":"lobby","type":"x"}}"#;
    assert_eq!(socket.call(signal).await["error"]["data"]["code"], "not_joined");
    let joined =
        socket.call(r#"{"jsonrpc":"2.0","id":3,"method":"room.join","params":{"room":"lobby"}}"#).await;
    assert_eq!(joined["result"]["resume"], "none");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let app = App::new().await;
    let mut socket = app.socket_of("alice").await;
    socket.call(r#"{"jsonrpc":"2.0","id":0,"method":"room.join","params":{"room":"lobby"}}"#).await;
    // Some wait for the store, some do not.
    for id in 1..=60 {
        let request = match id % 3 {
            0 => format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"message.post","params":{{"room":"lobby","text":"{id}"}}}}"#
            ),
            1 => format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"signal.send","params":{{"room":"lobby","type":"x","data":{id}}}}}"#
            ),
            _ => format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"room.leave","params":{{"room":"nowhere"}}}}"#
            ),
        };
        socket.send(&request).await;
    }
    let mut ids = Vec::new();
    let mut seqs = Vec::new();
    while ids.len() < 60 || seqs.len() < 20 {
        let frame = socket.next().await;
        ids.extend(frame["id"].as_u64());
        if frame["method"] == "message.posted" {
            seqs.push(frame["params"]["seq"].as_u64().unwrap());
        }
    }
    assert!(ids.is_sorted() && seqs.is_sorted(), "{ids:?} {seqs:?}");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_answer_comes_before_what_follows_it() {
    let app = App::new().await;
    let mut writer = app.socket_of("alice").await;
    writer
        .call(r#"{"jsonrpc":"2.0","id":0,"method":"room.join","params":{"room":"lobby","presence":false}}"#)
        .await;
    for id in 1..=200 {
        writer
            .send(&format!(
                r#"{{"jsonrpc":"2.0","method":"message.post","params":{{"room":"lobby","text":"{id}"}}}}"#
            ))
            .await;
    }
    for _ in 0..10 {
        let mut reader = app.socket_of("bob").await;
        reader.send(r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby","presence":false,"history":300}}"#).await;
        let first = reader.next().await;
        let history = first["result"]["history"]["messages"].as_array().unwrap_or_else(|| panic!("{first}"));
        let mut seqs: Vec<u64> = history.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
        let position = first["result"]["position"].as_str().unwrap();
        assert!(
            position.ends_with(&format!("-{}", seqs.last().copied().unwrap_or(0))),
            "{position} {seqs:?}"
        );
        for frame in reader.drain(QUIET).await {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            seqs.extend(frame["params"]["seq"].as_u64());
        }
        let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
        assert_eq!(seqs, expected, "without gap or double");
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promised_connection_is_the_first_ones_who_comes() {
    let app = App::new().await;
    let connect = async |user: &str, promised: &str| {
        let token = app.token_with(user, json!({ "connection": promised }));
        let mut socket = app.socket().await;
        let request =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}"#);
        let id = socket.call(&request).await["result"]["connection"].as_str().unwrap().to_owned();
        (socket, id)
    };
    let (mut first, id) = connect("bob", PROMISED).await;
    assert_eq!(id, PROMISED);
    // The same token again, and a token that promises it to somebody else.
    let (mut second, beside) = connect("bob", PROMISED).await;
    let (_third, other) = connect("carol", PROMISED).await;
    assert!(beside != PROMISED && other != PROMISED && beside != other);
    for socket in [&mut first, &mut second] {
        let joined =
            socket.call(r#"{"jsonrpc":"2.0","id":2,"method":"room.join","params":{"room":"lobby"}}"#).await;
        assert!(joined["result"].is_object(), "{joined}");
    }
    assert_eq!(notification(&mut first, "presence.joined").await["params"]["presence"]["connection"], beside);
    // Once it is gone it can be had again.
    drop(first);
    let left = notification(&mut second, "presence.left").await;
    assert_eq!(left["params"]["connection"], PROMISED);
    let again = async {
        loop {
            let (_socket, id) = connect("bob", PROMISED).await;
            if id == PROMISED {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("the id is free again");
    app.shut_down().await;
}

/// Many sockets with one promise at the same time: one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_is_kept_once_however_close_the_race() {
    let app = App::new().await;
    let token = app.token_with("bob", json!({ "connection": PROMISED }));
    for _ in 0..20 {
        let mut sockets = Vec::new();
        for _ in 0..6 {
            sockets.push(app.socket().await);
        }
        let request =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}"#);
        for socket in &mut sockets {
            socket.send(&request).await;
        }
        let mut ids = Vec::new();
        for socket in &mut sockets {
            let answer = socket.next().await;
            ids.push(answer["result"]["connection"].as_str().unwrap().to_owned());
        }
        assert!(ids.iter().filter(|id| **id == PROMISED).count() <= 1, "{ids:?}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), sockets.len(), "each its own");
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_there_is_told_what_an_erased_user_takes_along() {
    let app = App::new().await;
    let (mut bob, mut carol) = (app.socket_of("bob").await, app.socket_of("carol").await);
    for socket in [&mut bob, &mut carol] {
        socket.call(r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}}"#).await;
    }
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let post = json!({ "jsonrpc": "2.0", "id": 2, "method": "message.post",
            "params": { "room": "lobby", "text": text } });
        ids.push(bob.call(&post.to_string()).await["result"]["id"].clone());
    }
    let (status, body) = app.rest("server", Method::DELETE, "/users/bob", "").await;
    assert_eq!((status, &body["messages"]), (StatusCode::OK, &json!(3)));
    for id in ids {
        assert_eq!(notification(&mut carol, "message.deleted").await["params"]["message"], id);
    }
    bob.close().await;
    let (_, page) = app.rest("carol", Method::GET, "/rooms/lobby/messages", "").await;
    assert!(!page.to_string().contains("bob"), "{page}");
    app.shut_down().await;
}

/// Whoever was let in just after the node had begun to drain heard nothing of it, and was cut off with the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_while_the_node_drains_is_sent_away_at_once() {
    let app = App::new().await;
    let mut stranger = app.socket().await;
    let mut kept = app.socket_of("carol").await;
    let token = app.token_of("bob");
    let connect = |more: Value| {
        let mut params = json!({ "token": token });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "jsonrpc": "2.0", "id": 1, "method": "connect", "params": params }).to_string()
    };
    let mut away = app.socket().await;
    let resume = away.call(&connect(json!({ "keep_s": 10 }))).await["result"]["resume"].clone();
    let mut back = app.socket().await;
    app.api.announce_drain(Duration::from_secs(10));
    // Those that are there are asked to go by the service, each at a time of its own.
    assert_eq!(notification(&mut kept, "server.draining").await["params"]["retry_after_ms"], 10_000);
    assert_eq!(kept.next_within(QUIET).await, None);
    assert_eq!(kept.closed, None);
    stranger.send(&connect(json!({}))).await;
    back.send(&connect(json!({ "resume": resume, "received": 0 }))).await;
    let late = app.socket().await;
    let known = app.socket_at("/api/v1/connect", &format!("sidetalk.v1, token.{token}")).await.unwrap();
    for mut socket in [stranger, back, late, known] {
        assert_eq!(socket.close().await, (4002, "10000".to_owned()));
    }
    app.shut_down().await;
}

/// What a client said of itself was counted as it came in, but a control character goes out as six bytes, to everybody who
/// is there: 4 KiB were 24.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_says_of_itself_goes_out_no_longer_than_it_may() {
    let app = App::new().await;
    let mut socket = app.socket_of("bob").await;
    for (data, refused) in [
        ("\u{1}".to_owned(), Some("invalid")),
        ("\u{1}".repeat(4_096), Some("invalid")),
        ("x".repeat(4_097), Some("too_large")),
        ("x".repeat(4_096), None),
        ("{\"seat\":\t4}\r\n".to_owned(), None),
    ] {
        let join = json!({ "jsonrpc": "2.0", "id": 1, "method": "room.join",
            "params": { "room": "lobby", "data": data } });
        let answer = socket.call(&join.to_string()).await;
        assert_eq!(answer["error"]["data"]["code"].as_str(), refused, "{data:.20}");
        if refused.is_none() {
            assert_eq!(answer["result"]["presence"][0]["data"], data);
        }
    }
    app.shut_down().await;
}

/// Whoever is kept from speaking came in again and again, each time with something to say as what the client says of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_speak_says_nothing_of_itself() {
    let app = App::new().await;
    let mut alice = app.socket_of("alice").await;
    let call = async |socket: &mut Socket, method: &str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        socket.call(&request).await["result"].take()
    };
    // A viewer makes the room, or finds it.
    let (mut vera, mut bob) = (app.socket_of("vera").await, app.socket_of("bob").await);
    let join = json!({ "room": "lobby", "data": "buy my stuff" });
    let told = async |socket: &mut Socket| {
        let joined = call(socket, "room.join", join.clone()).await;
        let own = joined["me"]["connection"].clone();
        let listed = joined["presence"].as_array().unwrap();
        listed.iter().find(|other| other["connection"] == own).unwrap()["data"].clone()
    };
    assert_eq!(told(&mut vera).await, "");
    assert_eq!(told(&mut alice).await, "buy my stuff");
    assert_eq!(told(&mut vera).await, "");
    assert_eq!(told(&mut bob).await, "buy my stuff");
    call(&mut alice, "member.mute", json!({ "room": "lobby", "user": "bob" })).await;
    assert_eq!(told(&mut bob).await, "");
    call(&mut alice, "member.unmute", json!({ "room": "lobby", "user": "bob" })).await;
    assert_eq!(told(&mut bob).await, "buy my stuff");
    // Pages of other dialects know people by it.
    let mut lena = app.socket_of("lena").await;
    call(&mut alice, "member.mute", json!({ "room": "lobby", "user": "lena" })).await;
    assert_eq!(told(&mut lena).await, "buy my stuff");
    app.shut_down().await;
}
