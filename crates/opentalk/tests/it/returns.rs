//! People who come back: after a restart of the process, to a room that had emptied, by two sockets at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::member::{Member, texts};

fn names(member: &Member) -> Vec<String> {
    let names = member.participants().iter().map(|one| one["control"]["display_name"].as_str().unwrap());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_and_seen_survives_the_process() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &["/a"]).await, app.user("bob", &["/a"]).await);
    let room = app.room(&alice, json!({ "password": null })).await;
    let mut one = app.member(&room, Some(&alice), "Alice").await;
    let mut other = app.member(&room, Some(&bob), "Bob").await;
    let mut guest = app.member(&room, None, "Gina").await;
    one.post("to all").await;
    one.chat("group", Some("/a"), "to a").await;
    let to = other.id.clone();
    one.chat("private", Some(&to), "to Bob").await;
    one.settled().await;
    let seen = |scope: &str, target: Option<&str>| {
        let at = "2026-11-21T09:30:00.000002Z";
        json!({ "action": "set_last_seen_timestamp", "scope": scope, "target": target, "timestamp": at })
    };
    for (scope, target) in [("global", None), ("group", Some("/a")), ("private", Some(&*one.id))] {
        other.say("chat", seen(scope, target)).await;
    }
    other.settled().await;
    guest.settled().await;
    one.act("chat", "disable_chat").await;
    one.settled().await;
    let tokens = [other.resumption.clone(), guest.resumption.clone()];
    let app = app.restart().await;
    // Tokens to come back live in the process; a user is known by the account, a guest is not known.
    let mut again = app.visitor("", &room, Some(&bob), &tokens[0]).await;
    again.join("Bob").await;
    assert_ne!(again.id, other.id);
    let chat = again.joined["chat"].clone();
    assert_eq!(chat["enabled"], false);
    assert_eq!(texts(&chat["room_history"]), ["to all"]);
    assert_eq!(texts(&chat["groups_history"][0]["history"]), ["to a"]);
    let private = &chat["private_history"][0];
    assert_eq!(texts(&private["history"]), ["to Bob"]);
    assert_eq!(private["history"][0]["target"], again.id.as_str());
    assert_eq!(private["correspondent"], private["history"][0]["source"]);
    // Alice is not here; she is named for those who have heard from her.
    assert_eq!(names(&again), ["Alice"]);
    let correspondent = private["correspondent"].as_str().unwrap();
    assert_eq!(again.participants()[0]["id"], correspondent);
    assert_eq!(chat["last_seen_timestamp_global"], "2026-11-21T09:30:00.000002Z");
    assert_eq!(chat["last_seen_timestamps_group"]["/a"], "2026-11-21T09:30:00.000002Z");
    assert_eq!(chat["last_seen_timestamps_private"][correspondent], "2026-11-21T09:30:00.000002Z");
    let mut stranger = app.visitor("", &room, None, &tokens[1]).await;
    stranger.join("Gina").await;
    assert_ne!(stranger.id, guest.id);
    assert_eq!(stranger.joined["chat"]["private_history"], json!([]));
    // An answer to somebody who has not come back yet waits for them.
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    owner.act("chat", "enable_chat").await;
    again.hears("chat", "chat_enabled").await;
    again.chat("private", Some(correspondent), "and back").await;
    assert_eq!(again.hears("chat", "message_sent").await["target"], correspondent);
    assert_eq!(owner.hears("chat", "message_sent").await["content"], "and back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_forgets_forgets_everything_when_the_last_one_has_left() {
    let app = App::with(|settings| settings.forget_when_empty = true).await;
    let (alice, bob) = (app.user("alice", &["/a"]).await, app.user("bob", &["/a"]).await);
    let room = app.room(&alice, json!({ "waiting_room": true })).await;
    let mut one = app.member(&room, Some(&alice), "Alice").await;
    let mut two = app.member(&room, Some(&alice), "Alice").await;
    one.post("to all").await;
    one.chat("group", Some("/a"), "to a").await;
    let to = two.id.clone();
    one.chat("private", Some(&to), "note").await;
    one.chat("private", Some("00000000-0000-0000-0000-0000deadbeef"), "to nobody").await;
    let seen = json!({ "action": "set_last_seen_timestamp", "scope": "global", "timestamp": "2026-11-21T09:30:00Z" });
    one.say("chat", seen).await;
    one.act("chat", "disable_chat").await;
    one.settled().await;
    two.settled().await;
    // As long as somebody waits the room lives.
    let mut waiting = app.visitor("", &room, Some(&bob), "").await;
    waiting.say("control", json!({ "action": "join", "display_name": "Bob" })).await;
    waiting.hears("moderation", "in_waiting_room").await;
    one.socket.say_goodbye(1000).await;
    two.socket.say_goodbye(1000).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut one = app.member(&room, Some(&alice), "Alice").await;
    assert_eq!(one.room_history(), ["to all"]);
    let history = async |member: &Member| {
        let chat = member.joined["chat"].clone();
        (
            chat["enabled"].clone(),
            member.room_history().len(),
            chat["private_history"].as_array().unwrap().len(),
        )
    };
    assert_eq!(history(&one).await, (json!(false), 1, 2));
    waiting.socket.say_goodbye(1000).await;
    one.hears("moderation", "left_waiting_room").await;
    one.socket.say_goodbye(1000).await;
    one.socket.close().await;
    // Whoever comes next finds nothing, however quickly.
    let member = app.member(&room, Some(&alice), "Alice").await;
    let chat = &member.joined["chat"];
    assert_eq!(history(&member).await, (json!(true), 0, 0));
    assert_eq!(chat["groups_history"][0]["history"], json!([]));
    assert_eq!(chat["last_seen_timestamp_global"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resumption_is_for_one_room_one_user_and_one_time() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let (room, elsewhere) = (app.room(&alice, json!({})).await, app.room(&alice, json!({})).await);
    let mut watcher = app.member(&room, Some(&alice), "Alice").await;
    let mut member = app.member(&room, Some(&bob), "Bob").await;
    let (id, token) = (member.id.clone(), member.resumption.clone());
    let running = app.start("", &room, Some(&bob), &token).await;
    assert_eq!((running.status, running.text_of("code")), (400, "session_running".to_owned()));
    member.socket.say_goodbye(1000).await;
    assert_eq!(watcher.hears("control", "left").await["reason"], "quit");
    // Of another room, another user, or a guest: ignored, and still good for its owner.
    for (room, who) in [(&elsewhere, Some(&bob)), (&room, Some(&alice)), (&room, None)] {
        let mut other = app.visitor("", room, who.map(String::as_str), &token).await;
        other.join("Other").await;
        assert_ne!(other.id, id);
    }
    let first = app.start("", &room, Some(&bob), &token).await;
    let second = app.start("", &room, Some(&bob), &first.text_of("resumption")).await;
    let third = app.start("", &room, Some(&bob), &token).await;
    let mut joined = Vec::new();
    for started in [&first, &second, &third] {
        let mut member = Member::new(app.socket("", &started.text_of("ticket")).await, String::new());
        member.say("control", json!({ "action": "join", "display_name": "Bob" })).await;
        if joined.len() == 1 {
            // The same participant twice: the second one is sent away, and the first one stays.
            assert_eq!(member.socket.close().await.0, 1000);
        } else {
            member.is_in().await;
        }
        joined.push(member);
    }
    assert_eq!(joined[0].id, id);
    assert_ne!(joined[2].id, id);
    joined[0].post("I am here").await;
    assert_eq!(watcher.hears("chat", "message_sent").await["source"], id.as_str());
}

/// What a busy room gathers must not be overtaken: a client that hears of a return before the goodbye takes the person out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_busy_room_goodbyes_returns_and_changes_are_told_in_order() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &["/a"]).await, app.user("bob", &["/a"]).await);
    let room = app.room(&alice, json!({})).await;
    let mut watcher = app.member(&room, Some(&alice), "Alice").await;
    let mut member = app.member(&room, Some(&bob), "Bob").await;
    let id = member.id.clone();
    let mut crowd = Vec::new();
    for number in 0..15 {
        let person = app.kit.person(&format!("nina {number}"));
        person.join(&room.id, None).await.unwrap();
        crowd.push(person);
    }
    let talk = async {
        loop {
            for person in &crowd {
                person.post(&room.id, "and so on").await.unwrap();
            }
        }
    };
    let returns = async {
        for _ in 0..15 {
            member.act("control", "raise_hand").await;
            member.hears("control", "hand_raised").await;
            member.socket.say_goodbye(1000).await;
            member.socket.close().await;
            member = app.visitor("", &room, Some(&bob), &member.resumption).await;
            member.join("Bob").await;
            assert_eq!(member.id, id);
        }
    };
    tokio::select! {
        () = talk => unreachable!("they talk for ever"),
        () = returns => {}
    }
    let mut told = Vec::new();
    while told.iter().filter(|message| *message == "joined").count() < 16 {
        let payload = watcher.next().await["payload"].clone();
        if payload["id"] == id.as_str() {
            told.push(payload["message"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(told, [&["joined"][..], &["update", "left", "joined"].repeat(15)].concat());
}
