//! Whoever asks too fast is served later, and whole: the vendor's types know no error that would say so.

use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_core::limits::Limits;
use sidetalk_edge::rate::Rule;
use tokio::time::Instant;

use crate::app::App;

/// How long a turn takes in these tests.
const TURN: Duration = Duration::from_millis(50);

fn slowly(name: &'static str, burst: u32) -> Option<Rule> {
    Some(Rule::per(name, 1, TURN, burst))
}

/// So slow that nothing comes back while a test runs.
fn at_once(name: &'static str, burst: u32) -> Option<Rule> {
    Some(Rule::per(name, 1, Duration::from_secs(3_600), burst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_rate_wait_and_none_is_lost() {
    let app =
        App::with(|settings| settings.requests_per_connection = slowly("requests_per_connection", 5)).await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    let began = Instant::now();
    for number in 0..30 {
        let frame = json!({ "namespace": "echo", "payload": { "action": "ping", "number": number } });
        match number % 2 {
            0 => member.socket.send(&frame.to_string()).await,
            _ => member.socket.send_binary(frame.to_string().as_bytes()).await,
        }
    }
    for number in 0..30 {
        assert_eq!(member.next().await["payload"]["number"], number);
    }
    assert!(began.elapsed() >= TURN * 25, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_holds_up_nobody_else() {
    let app =
        App::with(|settings| settings.requests_per_connection = at_once("requests_per_connection", 3)).await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut fast = app.member(&room, Some(&alice), "Fast").await;
    for _ in 0..3 {
        fast.act("echo", "ping").await;
    }
    fast.next().await;
    fast.next().await;
    app.member(&room, Some(&alice), "Calm").await.post("hello").await;
    let mut heard = Vec::new();
    while !heard.iter().any(|frame: &Value| frame["payload"]["message"] == "message_sent") {
        heard.push(fast.next().await);
    }
    heard.extend(fast.frames().await);
    assert!(!heard.iter().any(|frame| frame["namespace"] == "echo"), "the third one waits: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_and_what_comes_before_the_join_counts_as_well() {
    let app =
        App::with(|settings| settings.requests_per_connection = slowly("requests_per_connection", 2)).await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut visitor = app.visitor("", &room, None, "").await;
    let began = Instant::now();
    for _ in 0..5 {
        visitor.socket.send("{").await;
        visitor.socket.send_binary(b"\xff").await;
    }
    visitor.join("Gina").await;
    assert!(began.elapsed() >= TURN * 9, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_of_a_user_beyond_the_rate_wait_whatever_the_number_of_tabs() {
    let app = App::with(|settings| settings.sends_per_user = slowly("sends_per_user", 5)).await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut one = app.member(&room, Some(&bob), "Bob").await;
    let mut two = app.member(&room, Some(&bob), "Bob's telephone").await;
    let began = Instant::now();
    for number in 0..10 {
        one.chat("global", None, &format!("one {number}")).await;
        two.chat("global", None, &format!("two {number}")).await;
    }
    one.hears_echo().await;
    two.hears_echo().await;
    assert!(began.elapsed() >= TURN * 15, "{:?}", began.elapsed());
    let said = owner.settled().await;
    for who in ["one", "two"] {
        let own: Vec<_> = said.iter().filter(|line| line.contains(who)).cloned().collect();
        let all: Vec<_> = (0..10).map(|number| format!("global {who} {number}")).collect();
        assert_eq!(own, all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderators_post_as_they_like_and_what_is_not_sent_is_not_counted() {
    let app = App::with(|settings| settings.sends_per_user = at_once("sends_per_user", 2)).await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut guest = app.member(&room, None, "Gina").await;
    for _ in 0..10 {
        owner.post("of the owner").await;
        guest.chat("global", None, " ").await;
    }
    guest.post("one").await;
    guest.post("two").await;
    guest.chat("global", None, "three").await;
    guest.chat("global", None, "four").await;
    assert!(!owner.settled().await.iter().any(|line| line == "global three"));
    // Whoever waits is put out all the same.
    owner.target("moderation", "kick", &guest.id).await;
    guest.hears("moderation", "kicked").await;
    assert_eq!(guest.socket.close().await.0, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_to_the_waiting_room_while_a_message_waits_says_it_no_more() {
    let every = Duration::from_secs(2);
    let app =
        App::with(|settings| settings.sends_per_user = Some(Rule::per("sends_per_user", 1, every, 1))).await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({ "waiting_room": true })).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut guest = app.visitor("", &room, None, "").await;
    guest.say("control", json!({ "action": "join", "display_name": "Gina" })).await;
    let waiting = owner.hears("moderation", "joined_waiting_room").await;
    owner.target("moderation", "accept", waiting["id"].as_str().unwrap()).await;
    guest.hears("moderation", "accepted").await;
    guest.act("control", "enter_room").await;
    guest.is_in().await;
    let began = Instant::now();
    guest.chat("global", None, "one").await;
    guest.chat("global", None, "two").await;
    guest.act("control", "raise_hand").await;
    owner.hears("chat", "message_sent").await;
    // The second one may not have begun to wait yet.
    tokio::time::sleep(every / 10).await;
    owner.target("moderation", "send_to_waiting_room", &guest.id).await;
    guest.hears("moderation", "sent_to_waiting_room").await;
    guest.hears("control", "error").await;
    assert!(began.elapsed() >= every, "the hand waited behind the message");
    assert!(!owner.settled().await.iter().any(|line| line == "global two"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_conversation_is_read_page_by_page_at_the_rate_of_requests() {
    let limits = Limits { page_max: 50, ..Limits::default() };
    let app = App::start_with(limits, |settings| {
        settings.requests_per_connection = slowly("requests_per_connection", 20);
    })
    .await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let native = app.kit.person("nora");
    native.join(&room.id, None).await.unwrap();
    for number in 0..201 {
        native.post(&room.id, &format!("message {number}")).await.unwrap();
    }
    // Coming in is counted as one request: tickets are counted instead.
    let mut reader = app.member_below("/chunked", &room, Some(&alice), "Alice").await;
    let began = Instant::now();
    for _ in 0..4 {
        reader.say("chat", json!({ "action": "search_history", "scope": "global", "term": "message" })).await;
        let chunk = json!({ "action": "get_history_chunk", "scope": "global", "message_index": 150 });
        reader.say("chat", chunk).await;
    }
    for _ in 0..4 {
        let found = reader.hears("chat", "search_results").await;
        assert_eq!(found["matches"]["messages"].as_array().unwrap().len(), 100);
        let chunk = reader.hears("chat", "room_chat_history_chunk").await;
        assert_eq!(chunk["history"]["messages"].as_array().unwrap().len(), 100);
    }
    // Five pages each.
    assert!(began.elapsed() >= TURN * 20, "{:?}", began.elapsed());
}
