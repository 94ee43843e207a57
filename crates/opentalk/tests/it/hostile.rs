//! What careless and hostile clients do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::member::Member;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_closes_nothing() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    for text in [
        "",
        " ",
        "{",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{}",
        "{\"namespace\":7,\"payload\":{}}",
        "{\"namespace\":\"chat\"}",
        "{\"namespace\":\"control\",\"payload\":null}",
        "{\"namespace\":\"control\",\"payload\":{\"action\":\"grant_moderator_role\",\"target\":\"x\"}}",
    ] {
        member.socket.send(text).await;
        assert_eq!(member.hears("control", "error").await["error"], "invalid_json", "{text}");
    }
    let deep =
        format!("{{\"namespace\":\"control\",\"payload\":{}{}}}", "[".repeat(9_000), "]".repeat(9_000));
    member.socket.send(&deep).await;
    assert_eq!(member.hears("control", "error").await["error"], "invalid_json");
    member.socket.send_binary(b"\xff\xfe").await;
    assert_eq!(member.hears("control", "error").await["error"], "invalid_json");
    member.socket.send_binary(br#"{"namespace":"echo","payload":{"action":"ping"}}"#).await;
    member.next().await;
    for payload in [
        json!({ "action": "send_message" }),
        json!({ "action": "send_message", "scope": "everyone", "content": "x" }),
        json!({ "action": "send_message", "scope": "global", "content": 7 }),
        json!({ "action": "send_message", "scope": "global", "content": " \n\t" }),
        json!({ "action": "send_message", "scope": "group", "target": "", "content": "x" }),
        json!({ "action": "send_message", "scope": "private", "target": "alice", "content": "x" }),
        json!({ "action": "set_last_seen_timestamp", "scope": "global", "timestamp": "2022-02-31T00:00:00Z" }),
        json!({ "action": "get_history_chunk", "scope": "global", "message_index": -1 }),
        json!({ "action": ["send_message"] }),
        json!([]),
    ] {
        member.say("chat", payload).await;
    }
    for payload in [
        json!({ "action": "kick" }),
        json!({ "action": "kick", "target": "x" }),
        json!({ "action": "debrief", "kick_scope": "nobody" }),
        json!({ "action": "accept", "target": member.id }),
    ] {
        member.say("moderation", payload).await;
    }
    assert!(member.settled().await.is_empty());
    // Up to the limit, and not beyond it.
    let fits = json!({ "action": "ping", "text": "x".repeat(1_000_000) });
    member.say("echo", fits).await;
    assert_eq!(member.next().await["payload"]["action"], "ping");
    member.say("echo", json!({ "text": "x".repeat(1_100_000) })).await;
    assert_eq!(member.socket.close().await.0, 1009);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_cannot_be_read_are_named() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let bearer = format!("Bearer {alice}");
    let send = async |kind: &str, body: String| {
        let request = http::Request::post("/v1/rooms").header("authorization", &bearer);
        let request = request.header("content-type", kind).body(body.into()).unwrap();
        let answer = app.send(request).await;
        (answer.status, answer.text_of("code"))
    };
    let bad = |code: &str| (400, code.to_owned());
    assert_eq!(send("application/json", "{".to_owned()).await, bad("invalid_json"));
    assert_eq!(send("application/json", "[]".to_owned()).await, bad("invalid_json"));
    assert_eq!(send("text/plain", "{}".to_owned()).await, bad("invalid_content_type"));
    let long = json!({ "password": "x".repeat(70_000) }).to_string();
    assert_eq!(send("application/json", long).await, bad("payload_overflow"));
}

/// Somebody who says goodbye, or is lost, right behind the join: nobody must stay behind as a ghost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_stays_behind_who_goes_while_coming_in() {
    let app = App::new().await;
    let alice = app.user("alice", &["/a"]).await;
    for waiting_room in [false, true] {
        let room = app.room(&alice, json!({ "waiting_room": waiting_room })).await;
        let mut owner = app.member(&room, Some(&alice), "Alice").await;
        for number in 0..20 {
            let mut comer = app.visitor("", &room, None, "").await;
            comer.say("control", json!({ "action": "join", "display_name": "Gina" })).await;
            if number % 3 > 0 {
                tokio::time::sleep(Duration::from_micros(number * 200)).await;
            }
            match number % 2 {
                0 => comer.socket.say_goodbye(1000).await,
                _ => drop(comer),
            }
        }
        let mut look = app.member(&room, Some(&alice), "Alice again").await;
        app.kit
            .until("all are gone", async || {
                let look = app.member(&room, Some(&alice), "Look").await;
                let guests = look.participants().iter().filter(|one| one["control"]["role"] == "guest");
                let waiting = look.joined["moderation"]["waiting_room_participants"].as_array().unwrap();
                waiting.is_empty() && guests.into_iter().all(|one| one["control"]["left_at"].is_string())
            })
            .await;
        owner.settled().await;
        look.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_at_the_door_are_told_that_the_room_is_gone_or_they_are_banned() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({ "waiting_room": true })).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let waits = async |token: Option<&str>| {
        let mut comer: Member = app.visitor("", &room, token, "").await;
        comer.say("control", json!({ "action": "join", "display_name": "Waiting" })).await;
        comer.hears("moderation", "in_waiting_room").await;
        comer
    };
    let mut user = waits(Some(&bob)).await;
    let id = owner.hears("moderation", "joined_waiting_room").await["id"].as_str().unwrap().to_owned();
    owner.target("moderation", "ban", &id).await;
    user.hears("moderation", "banned").await;
    assert_eq!(user.socket.close().await.0, 1000);
    let refused = app.start("", &room, Some(&bob), "").await;
    assert_eq!((refused.status, refused.text_of("code")), (403, "banned_from_room".to_owned()));
    let mut guest = waits(None).await;
    let deleted = app.bearer("DELETE", &format!("/v1/rooms/{}", room.id), &alice, Value::Null).await;
    assert_eq!(deleted.status, 204);
    for member in [&mut guest, &mut owner] {
        member.hears("control", "room_deleted").await;
        assert_eq!(member.socket.close().await.0, 1000);
    }
}

/// There is no way to lift a ban in this dialect's words: the room was lost to its owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_locks_the_owner_out() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut other = app.member(&room, Some(&bob), "Bob").await;
    owner.target("control", "grant_moderator_role", &other.id).await;
    other.hears("control", "role_updated").await;
    other.target("moderation", "ban", &owner.id).await;
    owner.hears("moderation", "kicked").await;
    assert_eq!(app.start("", &room, Some(&alice), "").await.status, 200);
    app.member(&room, Some(&alice), "Alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_a_moderator_has_given_is_seen_by_all_and_stays_behind_the_door() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut gina = app.member(&room, None, "Gina").await;
    let rename = json!({ "action": "change_display_name", "target": gina.id, "new_name": "Georgina" });
    owner.say("moderation", rename).await;
    gina.hears("moderation", "display_name_changed").await;
    // Other dialects see it too.
    let path = format!("/api/v1/rooms/{}/connections", room.id);
    let list = app.kit.as_server("GET", &path, Value::Null).await.json();
    let all = list["connections"].as_array().unwrap();
    let hers = all.iter().find(|one| one["connection"] == gina.id.as_str()).unwrap();
    assert_eq!(hers["name"], "Georgina");
    owner.target("moderation", "send_to_waiting_room", &gina.id).await;
    gina.hears("moderation", "sent_to_waiting_room").await;
    owner.hears("moderation", "joined_waiting_room").await;
    owner.target("moderation", "accept", &gina.id).await;
    gina.hears("moderation", "accepted").await;
    gina.act("control", "enter_room").await;
    assert_eq!(gina.hears("control", "join_success").await["display_name"], "Georgina");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_is_unmade_elsewhere_moderates_no_more() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let native = app.kit.person_with("olga", sidetalk_core::model::Role::Owner);
    native.join(&room.id, None).await.unwrap();
    let set = |role| sidetalk_core::command::Write::SetRole {
        user: sidetalk_core::model::UserId::new("alice").unwrap(),
        role,
    };
    native.write(&room.id, set(Some(sidetalk_core::model::Role::Member))).await.unwrap();
    assert_eq!(owner.hears("control", "role_updated").await["new_role"], "user");
    owner.act("chat", "disable_chat").await;
    assert_eq!(owner.hears("chat", "error").await["error"], "insufficient_permissions");
    native.write(&room.id, set(None)).await.unwrap();
    assert_eq!(owner.hears("control", "role_updated").await["new_role"], "moderator");
    owner.act("chat", "disable_chat").await;
    owner.hears("chat", "chat_disabled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_room_lets_in_who_asks_again_later() {
    let app = App::with_room_for(2).await;
    let alice = app.user("alice", &[]).await;
    for waiting_room in [false, true] {
        let room = app.room(&alice, json!({ "waiting_room": waiting_room })).await;
        let mut owner = app.member(&room, Some(&alice), "Alice").await;
        let mut other = app.member(&room, Some(&alice), "Alice").await;
        let mut guest = app.visitor("", &room, None, "").await;
        let join = json!({ "action": "join", "display_name": "Gina" });
        guest.say("control", join.clone()).await;
        let again = if waiting_room {
            guest.hears("moderation", "in_waiting_room").await;
            let waiting = owner.hears("moderation", "joined_waiting_room").await;
            owner.target("moderation", "accept", waiting["id"].as_str().unwrap()).await;
            guest.hears("moderation", "accepted").await;
            guest.act("control", "enter_room").await;
            json!({ "action": "enter_room" })
        } else {
            join
        };
        let blocked = guest.hears("control", "join_blocked").await;
        assert_eq!(blocked["reason"], "participant_limit_reached");
        other.socket.say_goodbye(1000).await;
        owner.hears("control", "left").await;
        guest.say("control", again).await;
        guest.is_in().await;
        assert_eq!(owner.hears("control", "joined").await["id"], guest.id.as_str());
    }
}
