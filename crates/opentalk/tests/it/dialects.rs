//! One room for people of several dialects: one order, nothing twice, and the same switches for all.

use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, PrivateChat, Role, UserId};

use crate::app::App;
use crate::member::Member;

fn texts(frames: &[Value]) -> Vec<String> {
    let text = |frame: &Value| frame["payload"]["content"].as_str().map(str::to_owned);
    frames.iter().filter(|frame| frame["payload"]["message"] == "message_sent").filter_map(text).collect()
}

/// What a native person heard, as the same words.
fn native(frames: &[Value]) -> Vec<String> {
    let line = |frame: &Value| {
        let params = &frame["params"];
        Some(match frame["method"].as_str()? {
            "message.posted" => find(params, "text")?.as_str()?.to_owned(),
            _ => return None,
        })
    };
    frames.iter().filter_map(line).collect()
}

/// The first value of that name, however deep.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().find_map(|field| find(field, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_everything_in_one_order_and_once() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut chunked = app.member_below("/chunked", &room, None, "Gina").await;
    owner.hears("control", "joined").await;
    let natives = [app.kit.person("nina"), app.kit.person("oskar")];
    for person in &natives {
        person.join(&room.id, None).await.unwrap();
    }
    // People of other dialects are participants, with an id that stays.
    for person in &natives {
        assert_eq!(owner.hears("control", "joined").await["id"], person.connection().as_uuid().to_string());
    }
    chunked.settled().await;
    let writers = async {
        for number in 0..30 {
            owner.chat("global", None, &format!("owner {number}")).await;
            chunked.chat("global", None, &format!("guest {number}")).await;
        }
    };
    let others = async {
        for number in 0..30 {
            for (person, name) in natives.iter().zip(["nina", "oskar"]) {
                person.post(&room.id, &format!("{name} {number}")).await.unwrap();
            }
        }
    };
    tokio::join!(writers, others);
    owner.hears_echo().await;
    chunked.hears_echo().await;
    let heard = texts(&owner.frames().await);
    assert_eq!(heard.len(), 120);
    assert_eq!(texts(&chunked.frames().await), heard);
    for person in &natives {
        assert_eq!(native(&person.heard()), heard);
    }
    let late = app.member(&room, None, "Late").await;
    assert_eq!(late.room_history(), heard);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_and_clearing_act_on_all_dialects_both_ways() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut guest = app.member(&room, None, "Gina").await;
    let moderator = app.kit.person_with("mia", Role::Moderator);
    moderator.join(&room.id, None).await.unwrap();
    let mia = moderator.connection().as_uuid().to_string();
    owner.post("one").await;
    owner.act("chat", "disable_chat").await;
    owner.hears("chat", "chat_disabled").await;
    let person = app.kit.person("nina");
    person.join(&room.id, None).await.unwrap();
    assert!(person.post(&room.id, "off").await.is_err());
    moderator.write(&room.id, Write::SetChatEnabled(true)).await.unwrap();
    assert_eq!(owner.hears("chat", "chat_enabled").await["issued_by"], mia.as_str());
    person.post(&room.id, "two").await.unwrap();
    moderator.write(&room.id, Write::ClearHistory(Audience::Room)).await.unwrap();
    moderator.write(&room.id, Write::SetChatEnabled(false)).await.unwrap();
    assert_eq!(owner.hears("chat", "history_cleared").await["issued_by"], mia.as_str());
    owner.hears("chat", "chat_disabled").await;
    owner.chat("global", None, "off").await;
    assert_eq!(owner.hears("chat", "error").await["error"], "chat_disabled");
    owner.act("chat", "enable_chat").await;
    owner.act("chat", "clear_history").await;
    owner.hears("chat", "history_cleared").await;
    // In the same order for the other one.
    let said = guest.settled().await;
    let said: Vec<&str> =
        said.iter().map(String::as_str).filter(|line| !line.starts_with("joined")).collect();
    let expected =
        ["global one", "chat_disabled", "chat_enabled", "global two", "history_cleared", "chat_disabled"];
    assert_eq!(said[..6], expected);
    assert_eq!(said[6..], ["chat_enabled", "history_cleared"]);
    let late = app.member(&room, None, "Late").await;
    assert_eq!(late.room_history(), Vec::<String>::new());
    // What only other dialects know is told in the vendor's words.
    moderator.write(&room.id, Write::SetPrivateChat(PrivateChat::Off)).await.unwrap();
    guest.chat("private", Some(&mia), "x").await;
    assert_eq!(guest.hears("chat", "error").await["error"], "insufficient_permissions");
    let user = UserId::new(&guest.id).unwrap();
    moderator.write(&room.id, Write::Mute { user, duration: None }).await.unwrap();
    guest.chat("global", None, "x").await;
    assert_eq!(guest.hears("chat", "error").await["error"], "insufficient_permissions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_messages_cross_dialects_and_reach_no_third() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut one = app.member(&room, Some(&alice), "Alice").await;
    let mut tab = app.member(&room, Some(&alice), "Alice in another tab").await;
    let mut third = app.member(&room, Some(&bob), "Bob").await;
    let native = app.kit.person("nina");
    native.join(&room.id, None).await.unwrap();
    let stranger = app.kit.person("theo");
    stranger.join(&room.id, None).await.unwrap();
    let nina = native.connection().as_uuid().to_string();
    for member in [&mut one, &mut tab, &mut third] {
        member.settled().await;
    }
    one.chat("private", Some(&nina), "secret one").await;
    let sent = one.hears("chat", "message_sent").await;
    assert_eq!((&sent["target"], &sent["source"]), (&json!(nina), &json!(one.id)));
    assert!(native.hears("message.posted").await.to_string().contains("secret one"));
    let to_alice = Audience::users([UserId::new("alice").unwrap()]);
    native
        .write(&room.id, Write::Post(Draft { audience: to_alice, ..Draft::text("secret two") }))
        .await
        .unwrap();
    let answer = one.hears("chat", "message_sent").await;
    assert_eq!(answer["source"], nina.as_str());
    // To that one of two tabs that was named, and both may read it.
    let (first, second) = (one.id.clone(), tab.id.clone());
    third.chat("private", Some(&first), "to the first").await;
    third.chat("private", Some(&second), "to the second").await;
    for member in [&mut one, &mut third] {
        assert_eq!(member.hears("chat", "message_sent").await["target"], first.as_str());
        assert_eq!(member.hears("chat", "message_sent").await["target"], second.as_str());
    }
    let heard = tab.settled().await;
    assert_eq!(
        heard,
        ["private secret one", "private secret two", "private to the first", "private to the second"]
    );
    assert!(third.settled().await.is_empty());
    assert!(!format!("{:?}", stranger.heard()).contains("secret"));
    let path = format!("/api/v1/rooms/{}/messages?limit=100", room.id);
    let page = app.kit.as_user("theo", "GET", &path, Value::Null).await;
    assert_eq!((page.status, page.body.to_string().contains("secret")), (200, false));
    let late: Member = app.member(&room, Some(&bob), "Bob").await;
    assert!(!late.joined.to_string().contains("secret"));
}
