//! Connections that are kept when their socket breaks.

use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Socket;

use crate::app::{App, PROJECT, PROMISED, project};

const QUIET: Duration = Duration::from_millis(100);

/// Says who is there; the whole answer.
async fn connect(app: &App, socket: &mut Socket, user: &str, more: Value) -> Value {
    let mut params = json!({ "token": app.token_of(user) });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    socket
        .call(&json!({ "jsonrpc": "2.0", "id": 1, "method": "connect", "params": params }).to_string())
        .await
}

async fn join(socket: &mut Socket) {
    let joined =
        socket.call(r#"{"jsonrpc":"2.0","id":2,"method":"room.join","params":{"room":"lobby"}}"#).await;
    assert!(joined["result"].is_object(), "{joined}");
}

async fn say(socket: &mut Socket, method: &str, params: Value) {
    let request = json!({ "jsonrpc": "2.0", "id": 3, "method": method, "params": params }).to_string();
    let answer = socket.call(&request).await;
    assert!(answer["result"].is_object(), "{answer}");
}

/// What comes within a while: the notifications' methods and what they say.
async fn heard(socket: &mut Socket) -> Vec<String> {
    let frames = socket.drain(QUIET).await;
    let short = |frame: &String| {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let params = &frame["params"];
        let said = [&params["data"], &params["message"]["parts"][0]["text"], &params["reason"]];
        let said = said.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
        format!("{} {said}", frame["method"].as_str().unwrap_or_default()).trim().to_owned()
    };
    frames.iter().map(short).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_goes_on_over_another_socket() {
    let app = App::new().await;
    let mut bob = app.socket_of("bob").await;
    join(&mut bob).await;
    let mut alice = app.socket().await;
    let first = connect(&app, &mut alice, "alice", json!({ "keep_s": 10 })).await;
    let secret = first["result"]["resume"].as_str().expect("a secret").to_owned();
    assert_eq!(first["result"]["resumed"], Value::Null);
    join(&mut alice).await;
    heard(&mut bob).await;

    let got = heard(&mut alice).await.len();
    // This goes into a socket that nobody reads any more.
    say(&mut bob, "message.post", json!({ "room": "lobby", "text": "zero" })).await;
    drop(alice);
    tokio::time::sleep(QUIET).await;
    say(&mut bob, "signal.send", json!({ "room": "lobby", "type": "t", "data": "one" })).await;
    say(&mut bob, "message.post", json!({ "room": "lobby", "text": "two" })).await;
    say(&mut bob, "signal.send", json!({ "room": "lobby", "type": "t", "data": "three" })).await;

    let mut alice = app.socket().await;
    let again =
        connect(&app, &mut alice, "alice", json!({ "keep_s": 10, "resume": secret, "received": got })).await;
    assert_eq!(again["result"]["resumed"], true);
    assert_eq!(again["result"]["connection"], first["result"]["connection"]);
    assert_eq!(again["result"]["resume"], first["result"]["resume"]);
    assert_eq!(
        heard(&mut alice).await,
        ["message.posted zero", "signal one", "message.posted two", "signal three"]
    );
    say(&mut alice, "signal.send", json!({ "room": "lobby", "type": "t", "data": "here" })).await;
    let told = heard(&mut bob).await;
    assert!(!told.iter().any(|one| one.starts_with("presence")), "{told:?}");
    assert!(told.contains(&"signal here".to_owned()), "{told:?}");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_socket_gives_way_to_the_newer() {
    let app = App::new().await;
    let mut old = app.socket().await;
    let first = connect(&app, &mut old, "alice", json!({ "keep_s": 10 })).await;
    join(&mut old).await;
    let resume = json!({ "resume": first["result"]["resume"], "received": 0 });
    let mut new = app.socket().await;
    assert_eq!(connect(&app, &mut new, "alice", resume.clone()).await["result"]["resumed"], true);
    assert_eq!(old.close().await.0, 1000);
    tokio::time::sleep(QUIET).await;
    say(&mut new, "message.post", json!({ "room": "lobby", "text": "still here" })).await;
    assert_eq!(heard(&mut new).await, ["message.posted still here"]);
    // Nobody else's: not another user's with the secret, not a secret that was never given.
    for (user, resume) in [("bob", resume), ("alice", json!({ "resume": "nothing", "received": 0 }))] {
        let mut other = app.socket().await;
        let answer = connect(&app, &mut other, user, resume).await;
        assert_eq!(answer["result"]["resumed"], Value::Null);
        assert_ne!(answer["result"]["connection"], first["result"]["connection"]);
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_come_back_is_lost() {
    let app = App::new().await;
    let mut bob = app.socket_of("bob").await;
    join(&mut bob).await;
    let mut alice = app.socket().await;
    let first = connect(&app, &mut alice, "alice", json!({ "keep_s": 1 })).await;
    join(&mut alice).await;
    heard(&mut bob).await;
    drop(alice);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(heard(&mut bob).await, Vec::<String>::new());
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(heard(&mut bob).await, ["presence.left lost"]);
    let mut late = app.socket().await;
    let answer =
        connect(&app, &mut late, "alice", json!({ "resume": first["result"]["resume"], "received": 0 }))
            .await;
    assert_eq!(answer["result"]["resumed"], Value::Null);
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_put_out_while_away_hears_of_it_and_who_says_goodbye_is_gone() {
    let app = App::new().await;
    let mut alice = app.socket().await;
    let first = connect(&app, &mut alice, "alice", json!({ "keep_s": 10 })).await;
    join(&mut alice).await;
    drop(alice);
    tokio::time::sleep(QUIET).await;
    app.rest("server", http::Method::POST, "/rooms/lobby/members/alice/ban", "{}").await;
    tokio::time::sleep(QUIET).await;
    let mut alice = app.socket().await;
    let answer =
        connect(&app, &mut alice, "alice", json!({ "resume": first["result"]["resume"], "received": 0 }))
            .await;
    if answer["result"]["resumed"] == true {
        assert!(heard(&mut alice).await.contains(&"room.removed banned".to_owned()));
    }
    let mut bob = app.socket().await;
    let first = connect(&app, &mut bob, "bob", json!({ "keep_s": 10 })).await;
    bob.say_goodbye(1000).await;
    tokio::time::sleep(QUIET).await;
    let mut bob = app.socket().await;
    let answer =
        connect(&app, &mut bob, "bob", json!({ "resume": first["result"]["resume"], "received": 0 })).await;
    assert_eq!(answer["result"]["resumed"], Value::Null);
    app.shut_down().await;
}

/// Whoever failed to go on with a connection once took the end of the token from the socket that was still on it: that one
/// stayed for ever, and heard nothing of a drain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_return_leaves_the_older_socket_its_end() {
    let app = App::new().await;
    let mut old = app.socket().await;
    let first = connect(&app, &mut old, "alice", json!({ "keep_s": 10 })).await;
    let mut new = app.socket().await;
    let never_sent = json!({ "resume": first["result"]["resume"], "received": u64::MAX });
    let answer = connect(&app, &mut new, "alice", never_sent).await;
    assert_eq!(answer["result"]["resumed"], Value::Null);
    drop(new);
    tokio::time::sleep(QUIET).await;
    app.api.announce_drain(Duration::from_secs(1));
    assert_eq!(old.next().await["method"], "server.draining");
    app.clock.advance(Duration::from_secs(3_600 - 60));
    assert_eq!(old.next().await["method"], "token.expiring");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(old.close().await.0, 4501);
    app.shut_down().await;
}

/// Sockets were watched by the id of their connection alone, which two tenants may promise at once: the first to go took
/// the other's end with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_that_promise_the_same_id_do_not_share_an_end() {
    let app = App::new().await;
    let other = project(PROJECT + 1, "another secret of some thirty letters");
    app.service.put_project(other.clone()).await.unwrap();
    let exp = app.service.now().as_millis() / 1_000 + 3_600;
    let mut sockets = Vec::new();
    for project in [&app.project, &other] {
        let claims =
            json!({ "iss": project.id.to_string(), "sub": "lena", "exp": exp, "connection": PROMISED });
        let key = jsonwebtoken::EncodingKey::from_secret(project.secret.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        let mut socket = app.socket().await;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "connect", "params": { "token": token } });
        let answer = socket.call(&request.to_string()).await;
        assert_eq!(answer["result"]["connection"], PROMISED, "{answer}");
        sockets.push(socket);
    }
    let (mut stays, goes) = (sockets.remove(0), sockets.remove(0));
    goes.lose().await;
    tokio::time::sleep(QUIET).await;
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(stays.close().await.0, 4501);
    app.shut_down().await;
}
