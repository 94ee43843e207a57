//! Histories of both generations at their edges, and what becomes of long messages.

use proptest::prelude::*;
use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Draft, Principal, RoomName, Seq};
use sidetalk_core::ports::{PageAnchor, PageRequest};

use crate::app::{App, Room};
use crate::member::{Member, texts};

/// Messages of the server's, with their numbers.
async fn fill(app: &App, room: &Room, from: usize, to: usize) {
    let server = Principal::server(app.kit.project.id, None);
    let name = RoomName::new(&room.id).unwrap();
    for number in from..to {
        let draft = Draft::text(&format!("number {number:03}"));
        app.kit.service.write(&server, &name, Write::Post(draft)).await.unwrap();
    }
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("number {number:03}")).collect()
}

async fn asked(member: &mut Member, payload: Value, answer: &str) -> Value {
    member.say("chat", payload).await;
    member.hears("chat", answer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_generations_are_exact_at_every_edge() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut before = 0;
    for count in [0, 1, 100, 101, 250] {
        fill(&app, &room, before, count).await;
        before = count;
        let arrays = app.member(&room, None, "Gina").await;
        assert_eq!(arrays.room_history(), numbers(0, count));
        let mut chunked = app.member_below("/chunked", &room, None, "Gustav").await;
        let told = chunked.joined["chat"]["room_history"].clone();
        assert_eq!(texts(&told), numbers(count.saturating_sub(100), count));
        assert_eq!(told["next_index"].as_u64(), count.checked_sub(101).map(|index| index as u64), "{count}");
        // All pages, from the newest to the oldest.
        let (mut all, mut next) = (Vec::new(), count.checked_sub(1).map(|last| last as u64));
        while let Some(index) = next {
            let ask = json!({ "action": "get_history_chunk", "scope": "global", "message_index": index });
            let history = asked(&mut chunked, ask, "room_chat_history_chunk").await["history"].clone();
            all.splice(0..0, texts(&history));
            next = history["next_index"].as_u64();
        }
        assert_eq!(all, numbers(0, count));
        let beyond = json!({ "action": "get_history_chunk", "scope": "global", "message_index": count });
        let beyond = asked(&mut chunked, beyond, "room_chat_history_chunk").await;
        assert_eq!(beyond["history"], json!({ "messages": [], "next_index": null }));
        let search = json!({ "action": "search_history", "scope": "global", "term": "number" });
        let found = asked(&mut chunked, search, "search_results").await;
        assert_eq!(found["matches"], told);
        let search =
            json!({ "action": "search_history", "scope": "global", "term": "0", "message_index": 3 });
        assert_eq!(asked(&mut chunked, search, "error").await["error"], "invalid_search_term_length");
        let search = json!({ "action": "search_history", "scope": "global", "term": "r 1" });
        let found = asked(&mut chunked, search, "search_results").await;
        assert_eq!(texts(&found["matches"]), numbers(100.min(count), 200.min(count)));
    }
}

async fn chunk_at(member: &mut Member, index: u64) -> (Vec<String>, Option<u64>) {
    let ask = json!({ "action": "get_history_chunk", "scope": "global", "message_index": index });
    let history = asked(member, ask, "room_chat_history_chunk").await["history"].clone();
    (texts(&history), history["next_index"].as_u64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_on_is_exact_while_others_write_delete_and_clear() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    fill(&app, &room, 0, 350).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut reader = app.member_below("/chunked", &room, None, "Gustav").await;
    assert_eq!(reader.joined["chat"]["room_history"]["next_index"], 249);
    fill(&app, &room, 350, 360).await;
    assert_eq!(chunk_at(&mut reader, 249).await, (numbers(150, 250), Some(149)));
    // Another place, and back to where it was.
    assert_eq!(chunk_at(&mut reader, 30).await, (numbers(0, 31), None));
    assert_eq!(chunk_at(&mut reader, 359).await, (numbers(260, 360), Some(259)));
    assert_eq!(chunk_at(&mut reader, 259).await, (numbers(160, 260), Some(159)));
    // What was deleted meanwhile is not missed: 10 of the 160 that are left.
    let server = Principal::server(app.kit.project.id, None);
    let name = RoomName::new(&room.id).unwrap();
    let anchor = PageAnchor::Before(Seq(161));
    let oldest = PageRequest { anchor, limit: 10, audience: None, pinned: false };
    let page = app.kit.service.page(&server, &name, oldest).await.unwrap();
    for message in &page.messages {
        app.kit.service.write(&server, &name, Write::Delete { message: message.id }).await.unwrap();
    }
    assert_eq!(chunk_at(&mut reader, 159).await, (numbers(50, 150), Some(59)));
    assert_eq!(chunk_at(&mut reader, 59).await, (numbers(0, 50), None));
    assert_eq!(chunk_at(&mut reader, 349).await, (numbers(260, 360), Some(249)));
    owner.act("chat", "clear_history").await;
    reader.hears("chat", "history_cleared").await;
    assert_eq!(chunk_at(&mut reader, 249).await, (vec![], None));
}

/// However long each conversation is, what one gets on coming in is bounded; the rest is there to be read on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_messages_in_many_conversations_come_in_chunk_by_chunk() {
    let app = App::with(|settings| settings.message_bytes_max = 8_000).await;
    let alice = app.user("alice", &["/a", "/b"]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    for (scope, target) in [("global", None), ("group", Some("/a")), ("group", Some("/b"))] {
        for number in 0..100 {
            member.chat(scope, target, &format!("{number:03} {}", "\u{1}".repeat(7_900))).await;
            member.hears("chat", "message_sent").await;
        }
    }
    let late = app.member_below("/chunked", &room, Some(&alice), "Alice").await;
    let chat = &late.joined["chat"];
    let [room, a, b] =
        [&chat["room_history"], &chat["groups_history"][0]["history"], &chat["groups_history"][1]["history"]];
    assert!(late.joined.to_string().len() < 13 * 1024 * 1024);
    assert_eq!((texts(room).len(), &room["next_index"]), (100, &Value::Null));
    let told = texts(a).len() + texts(b).len();
    assert!((100..200).contains(&told), "{told}");
    let (some, rest) = (texts(b).len(), b["next_index"].as_u64().unwrap());
    assert_eq!(some as u64 + rest, 99);
    let mut late = late;
    let ask =
        json!({ "action": "get_history_chunk", "scope": "group", "target": "/b", "message_index": rest });
    let more = asked(&mut late, ask, "group_chat_history_chunk").await["history"].clone();
    assert_eq!((texts(&more).len() as u64, &more["next_index"]), (rest + 1, &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_the_same_live_and_stored_and_times_rise() {
    let app = App::new().await;
    let alice = app.user("alice", &["/a"]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    let mut live = Vec::new();
    for number in 0..20 {
        let scope = if number % 3 == 0 { ("group", Some("/a")) } else { ("global", None) };
        member.chat(scope.0, scope.1, &format!("text {number}")).await;
        let (at, mut sent) = member.hears_at("chat", "message_sent").await;
        sent.as_object_mut().unwrap().remove("message");
        sent["timestamp"] = json!(at);
        live.push(sent);
    }
    assert!(live.is_sorted_by(|one, next| one["timestamp"].as_str() < next["timestamp"].as_str()));
    let mut late = app.member(&room, Some(&alice), "Alice").await;
    let chat = &late.joined["chat"];
    let mut stored = chat["room_history"].as_array().unwrap().clone();
    stored.extend(chat["groups_history"][0]["history"].as_array().unwrap().clone());
    stored.sort_by_key(|message| message["timestamp"].to_string());
    assert_eq!(stored, live);
    assert!(late.frames().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missing_or_twice_for_one_who_comes_in_the_middle() {
    let app = App::new().await;
    let alice = app.user("alice", &["/a"]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    let posts = async {
        for number in 0..60 {
            member.chat("global", None, &format!("number {number:03}")).await;
        }
    };
    let comers = async {
        let mut comers = Vec::new();
        for number in 0..6 {
            comers.push(app.member(&room, Some(&alice), &format!("comer {number}")).await);
        }
        comers
    };
    let ((), mut comers) = tokio::join!(posts, comers);
    member.settled().await;
    let ids: Vec<String> = comers.iter().map(|comer| comer.id.clone()).collect();
    for (place, comer) in comers.iter_mut().enumerate() {
        let frames = comer.frames().await;
        let mut all = comer.room_history();
        let sent = frames.iter().filter(|frame| frame["payload"]["message"] == "message_sent");
        all.extend(sent.map(|frame| frame["payload"]["content"].as_str().unwrap().to_owned()));
        assert_eq!(all, numbers(0, 60), "comer {place}");
        let mut people: Vec<&str> =
            comer.participants().iter().map(|one| one["id"].as_str().unwrap()).collect();
        let joined = frames.iter().filter(|frame| frame["payload"]["message"] == "joined");
        people.extend(joined.map(|frame| frame["payload"]["id"].as_str().unwrap()));
        people.sort_unstable();
        let mut expected: Vec<&str> = ids.iter().map(String::as_str).filter(|id| *id != comer.id).collect();
        expected.push(&member.id);
        expected.sort_unstable();
        assert_eq!(people, expected, "comer {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_many_long_messages_still_comes_in() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let mut member = app.member(&room, Some(&alice), "Alice").await;
    // More than any other dialect's socket may have waiting.
    let text = "ä\"".repeat(1_300);
    for _ in 0..400 {
        member.post(&text).await;
    }
    assert_eq!(app.member(&room, None, "Gina").await.room_history().len(), 400);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// What is too long is cut at a character, never refused.
    #[test]
    fn long_messages_are_cut_at_a_character(unit in "[a-zäß€🙂]{1,3}", length in 4_080_usize..4_120) {
        let mut text = unit.repeat(length / unit.len());
        text.push_str(&"x".repeat(length - text.len()));
        text.push('🙂');
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let heard = runtime.block_on(async {
            let app = App::new().await;
            let alice = app.user("alice", &[]).await;
            let room = app.room(&alice, json!({})).await;
            let mut member = app.member(&room, Some(&alice), "Alice").await;
            member.post(&text).await["content"].as_str().unwrap().to_owned()
        });
        prop_assert!(text.starts_with(&heard) && heard.len() <= 4_096);
        let next = text[heard.len()..].chars().next().map_or(0, char::len_utf8);
        prop_assert!(heard == text || heard.len() + next > 4_096);
    }
}
