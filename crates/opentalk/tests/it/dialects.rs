//! One room for people of several dialects: one order, nothing twice, and the same switches for all.

use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, PrivateChat, Role, UserId};

use crate::app::App;
use crate::member::{Member, texts as texts_of};

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
    // A native person writes to the user: each tab takes it as its own.
    assert_eq!(answer["target"], one.id.as_str());
    let heard = tab.hears("chat", "message_sent").await;
    assert_eq!((&heard["content"], &heard["target"]), (&json!("secret two"), &json!(tab.id)));
    assert!(third.settled().await.is_empty());
    assert!(!format!("{:?}", stranger.heard()).contains("secret"));
    let path = format!("/api/v1/rooms/{}/messages?limit=100", room.id);
    let page = app.kit.as_user("theo", "GET", &path, Value::Null).await;
    assert_eq!((page.status, page.text.contains("secret")), (200, false));
    let late: Member = app.member(&room, Some(&bob), "Bob").await;
    assert!(!late.joined.to_string().contains("secret"));
}

/// What two participants of one user heard, and what each is told of that conversation when it asks.
async fn heard_and_asked(member: &mut Member, other: &str) -> (Vec<String>, Vec<String>) {
    let heard = member.settled().await;
    let mut ask = json!({ "action": "search_history", "scope": "private", "target": other });
    ask["term"] = json!("secret");
    member.say("chat", ask).await;
    let found = member.hears("chat", "search_results").await;
    (heard, texts_of(&found["matches"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_message_is_for_the_participant_who_was_named_and_for_no_other_tab() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut one = app.member_below("/chunked", &room, Some(&alice), "Alice").await;
    let mut two = app.member_below("/chunked", &room, Some(&alice), "Alice").await;
    let mut bobs = app.member_below("/chunked", &room, Some(&bob), "Bob").await;
    let (first, second, third) = (one.id.clone(), two.id.clone(), bobs.id.clone());
    for member in [&mut one, &mut two, &mut bobs] {
        member.settled().await;
    }
    for (target, content) in [(&first, "secret one"), (&second, "secret two")] {
        bobs.chat("private", Some(target), content).await;
        assert_eq!(bobs.hears("chat", "message_sent").await["target"], target.as_str());
    }
    two.chat("private", Some(&third), "secret three").await;
    assert_eq!(bobs.hears("chat", "message_sent").await["source"], second.as_str());
    // Between two tabs of one user, too.
    one.chat("private", Some(&second), "note").await;
    let (heard, asked) = heard_and_asked(&mut one, &third).await;
    assert_eq!(
        (heard, asked),
        (vec!["private secret one".into(), "private note".into()], vec!["secret one".into()])
    );
    let (heard, asked) = heard_and_asked(&mut two, &third).await;
    assert_eq!(heard, ["private secret two", "private secret three", "private note"]);
    assert_eq!(asked, ["secret two", "secret three"]);
    assert!(bobs.settled().await.is_empty());
    // Who was named is gone: whoever is still here as that user takes it, and the user finds all of it at the next visit.
    one.socket.say_goodbye(1000).await;
    bobs.hears("control", "left").await;
    bobs.chat("private", Some(&first), "secret four").await;
    assert_eq!(bobs.hears("chat", "message_sent").await["target"], first.as_str());
    assert_eq!(two.hears("chat", "message_sent").await["target"], second.as_str());
    let late = app.member_below("/chunked", &room, Some(&alice), "Alice").await;
    let history = &late.joined["chat"]["private_history"];
    let with_bob = history.as_array().unwrap().iter().find(|with| with["correspondent"] == third.as_str());
    let all = ["secret one", "secret two", "secret three", "secret four"];
    assert_eq!(texts_of(&with_bob.unwrap()["history"]), all);
}
