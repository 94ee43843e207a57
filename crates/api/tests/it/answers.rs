//! No list is longer than an answer may be: it is cut, says that there is more, and goes on from where it was cut. One user
//! could make another's lists of rooms, members and unread messages some megabytes long, more than a connection takes.

use http::Method;
use serde_json::{Value, json};
use sidetalk_core::limits::Limits;
use sidetalk_testkit::Socket;

use crate::app::App;

/// What the frame around a list takes.
const FRAME: usize = 2_000;

fn length(answer: &Value) -> usize {
    answer.to_string().len()
}

fn long(name: &str, number: usize) -> String {
    format!("{name}-{number:04}-{}", "x".repeat(200))
}

async fn call(socket: &mut Socket, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    socket.call(&request.to_string()).await["result"].take()
}

/// All of a list, part by part, by the socket and by REST; says in how many parts it came.
async fn parts(
    app: &App,
    who: &str,
    method: &str,
    params: Value,
    path: &str,
    key: &str,
) -> (usize, Vec<Value>) {
    let max = Limits::default().answer_bytes_max + FRAME;
    let names = |part: &Value| -> Vec<Value> {
        let named = |one: &Value| one.get("user").or(one.get("name")).unwrap().clone();
        part.as_array().unwrap().iter().map(named).collect()
    };
    let mut socket = app.socket_of(who).await;
    let (mut all, mut count, mut asked) = (Vec::new(), 0, params);
    loop {
        let answer = call(&mut socket, method, asked.clone()).await;
        assert!(length(&answer) < max, "{method}: {}", length(&answer));
        let after =
            all.last().map_or(String::new(), |last: &Value| format!("?after={}", last.as_str().unwrap()));
        let (_, mut same) = app.rest(who, Method::GET, &format!("{path}{after}"), "").await;
        assert_eq!(same.take(), answer);
        all.extend(names(&answer[key]));
        count += 1;
        if answer["more"] == false {
            return (count, all);
        }
        asked["after"] = all.last().unwrap().clone();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_in_parts() {
    let app = App::new().await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    let groups: Vec<String> = (0..100).map(|number| long("group", number)).collect();
    let groups = json!({ "groups": groups }).to_string();
    for number in 0..60 {
        app.rest("server", Method::PUT, &format!("/rooms/lobby/members/user-{number:02}"), &groups).await;
    }
    let asked = json!({ "room": "lobby" });
    let (count, all) = parts(&app, "vera", "member.list", asked, "/rooms/lobby/members", "members").await;
    assert_eq!(count, 3);
    let users: Vec<Value> = (0..60).map(|number| json!(format!("user-{number:02}"))).collect();
    assert_eq!(all, users);
    let mut vera = app.socket_of("vera").await;
    let two = call(&mut vera, "member.list", json!({ "room": "lobby", "limit": 2, "after": "user-3" })).await;
    assert_eq!((&two["members"][0]["user"], &two["more"]), (&json!("user-30"), &json!(true)));
    assert_eq!(two["members"].as_array().unwrap().len(), 2);
    for limit in [0, 1_001] {
        let refused = call(&mut vera, "member.list", json!({ "room": "lobby", "limit": limit })).await;
        assert!(refused.is_null());
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_come_in_parts() {
    let app = App::new().await;
    for number in 0..1_050 {
        let title = "\"".repeat(200);
        let room =
            json!({ "name": long("room", number), "kind": "group", "title": title, "members": ["bob"] });
        app.rest("server", Method::POST, "/rooms", &room.to_string()).await;
    }
    let (count, all) = parts(&app, "bob", "room.list", json!({}), "/rooms", "rooms").await;
    assert_eq!((count, all.len()), (2, 1_050));
    assert!(all.is_sorted_by_key(|name| name.as_str().unwrap().to_owned()));
    let (_, some) = app.rest("server", Method::GET, "/users/bob/rooms?limit=3", "").await;
    assert_eq!((some["rooms"].as_array().unwrap().len(), &some["more"]), (3, &json!(true)));
    let (_, some) = app.rest("server", Method::GET, "/rooms?limit=300", "").await;
    assert_eq!((some["rooms"].as_array().unwrap().len(), &some["more"]), (300, &json!(true)));
    let last = format!("/rooms?after={}", long("room", 1_048));
    let (_, some) = app.rest("server", Method::GET, &last, "").await;
    assert_eq!((some["rooms"].as_array().unwrap().len(), &some["more"]), (1, &json!(false)));
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_conversations_the_newest_are_told() {
    let app = App::new().await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    let post = async |users: Vec<String>| {
        let audience = json!({ "type": "users", "users": users });
        let post = json!({ "text": "hi", "audience": audience }).to_string();
        app.rest("server", Method::POST, "/rooms/lobby/messages", &post).await;
    };
    for number in 0..40 {
        let invented = (0..99).map(|other| long("nobody", number * 100 + other));
        post(invented.chain(["bob".to_owned()]).collect()).await;
    }
    post(vec!["bob".to_owned(), "carol".to_owned()]).await;
    app.rest("server", Method::POST, "/rooms/lobby/messages", r#"{"text":"to all"}"#).await;
    let max = Limits::default().answer_bytes_max + FRAME;
    let mut bob = app.socket_of("bob").await;
    let unread = call(&mut bob, "room.unread", json!({ "room": "lobby" })).await;
    assert!(length(&unread) < max, "{}", length(&unread));
    assert_eq!(unread["more"], true);
    assert_eq!(unread["unread"][0]["audience"]["type"], "room");
    assert_eq!(unread["unread"][1]["audience"]["users"], json!(["bob", "carol"]));
    assert_eq!(app.rest("bob", Method::GET, "/rooms/lobby/unread", "").await.1, unread);
    let joined = call(&mut bob, "room.join", json!({ "room": "lobby", "unread": true, "history": 0 })).await;
    assert!(length(&joined) < max, "{}", length(&joined));
    assert_eq!((&joined["unread"], &joined["unread_more"]), (&unread["unread"], &json!(true)));
    let mut carol = app.socket_of("carol").await;
    let joined = call(&mut carol, "room.join", json!({ "room": "lobby", "unread": true })).await;
    assert_eq!((joined["unread"].as_array().unwrap().len(), &joined["unread_more"]), (2, &json!(false)));
    app.shut_down().await;
}
