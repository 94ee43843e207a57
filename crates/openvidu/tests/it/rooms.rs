//! One room, several dialects: a conversation that everybody reads alike, under types that each one's page listens to.

use std::collections::HashSet;

use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Draft, MessageId, Part, Role, TextFormat};
use sidetalk_core::transaction::{WriteResult, Written};
use sidetalk_openvidu::OpenViduSettings;
use sidetalk_testkit::Person;

use crate::app::{App, Choice};
use crate::member::Member;

/// The texts that a native person has seen posted.
fn texts(person: &Person) -> Vec<String> {
    let posted = person.heard().into_iter().filter(|frame| frame["method"] == "message.posted");
    posted.map(|frame| frame["params"]["message"]["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

/// The types and texts of what a member hears.
async fn said(member: &mut Member) -> Vec<String> {
    let signals = member.signals().await;
    signals.into_iter().map(|line| line.rsplit_once(" from ").unwrap().0.replace("signal:", "")).collect()
}

fn id(written: &Written) -> MessageId {
    match &written.result {
        WriteResult::Appended(entry) => match &entry.event {
            sidetalk_core::event::Event::MessagePosted(message) => message.id,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_the_same_in_the_same_order() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let (nina, noah) = (app.kit.person("nina"), app.kit.person("noah"));
    nina.join("s", None).await.unwrap();
    noah.join("s", None).await.unwrap();
    let (alice_done, bob_done, nina_done, noah_done) = tokio::join!(
        async {
            for n in 0..30 {
                assert_eq!(alice.signal("chat", &format!("alice{n}"), &[]).await, 0);
            }
            alice.signals().await
        },
        async {
            for n in 0..30 {
                assert_eq!(bob.signal("chat", &format!("bob{n}"), &[]).await, 0);
            }
            bob.signals().await
        },
        async {
            for n in 0..30 {
                nina.post("s", &format!("nina{n}")).await.unwrap();
            }
        },
        async {
            for n in 0..30 {
                noah.post("s", &format!("noah{n}")).await.unwrap();
            }
        },
    );
    let ((), ()) = (nina_done, noah_done);
    let words = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    let mut heard = [words(alice_done), words(bob_done)];
    for (heard, member) in heard.iter_mut().zip([&mut alice, &mut bob]) {
        while heard.len() < 120 {
            heard.push(member.hears("sendMessage").await["data"].as_str().unwrap().to_owned());
        }
    }
    let [alice_heard, bob_heard] = heard;
    assert_eq!(alice_heard.iter().collect::<HashSet<_>>().len(), 120, "each once");
    assert_eq!(alice_heard, bob_heard);
    let mut native = Vec::new();
    app.kit.until("nina has heard all", async || texts_so_far(&nina, 120)).await;
    native.extend(texts(&nina));
    assert_eq!(native, alice_heard);
    assert_eq!(texts(&noah), native);
}

/// Whether that many messages have come, without taking them.
fn texts_so_far(person: &Person, count: usize) -> bool {
    person.count("message.posted") >= count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_under_the_type_that_pages_listen_to() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    // Nobody of this dialect has said anything yet.
    nina.post("s", "first").await.unwrap();
    assert_eq!(said(&mut alice).await, ["chat first"]);
    // Their own come exactly as sent, those of others under the type that was used last.
    assert_eq!(alice.signal("my-chat", "mine", &[]).await, 0);
    nina.post("s", "second").await.unwrap();
    assert_eq!(bob.signal("msg", "another type", &[]).await, 0);
    nina.post("s", "third").await.unwrap();
    // What is no chat, or goes to some only, leaves no trace.
    assert_eq!(alice.signal("hand", "up", &[]).await, 0);
    let own = alice.id.clone();
    assert_eq!(alice.signal("text-chat", "psst", &[&own]).await, 0);
    nina.post("s", "fourth").await.unwrap();
    let heard = said(&mut bob).await;
    let expected = [
        "chat first",
        "my-chat mine",
        "my-chat second",
        "msg another type",
        "msg third",
        "hand up",
        "msg fourth",
    ];
    assert_eq!(heard, expected);
    assert_eq!(texts(&nina), ["first", "mine", "second", "another type", "third", "fourth"]);
    // It holds in another process.
    drop(nina);
    let app = app.restart().await;
    let answer = bob.come_back(app.socket().await).await;
    assert!(answer["result"].is_object(), "{answer}");
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    nina.post("s", "fifth").await.unwrap();
    assert_eq!(said(&mut bob).await, ["msg fifth"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_signals_cannot_say_is_left_out() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let nina = app.kit.person_with("nina", Role::Owner);
    nina.join("s", None).await.unwrap();
    let message = id(&nina.post("s", "typo").await.unwrap());
    let parts = vec![Part::Text { text: "corrected".into(), format: TextFormat::Plain }];
    for write in [
        Write::Edit { message, parts, mentions: Vec::new() },
        Write::Pin { message },
        Write::React { message, emoji: "👍".into() },
        Write::Unpin { message },
        Write::SetTitle(Some("a title".into())),
        Write::Delete { message },
    ] {
        nina.write("s", write).await.unwrap();
    }
    nina.post("s", "end").await.unwrap();
    assert_eq!(said(&mut alice).await, ["chat typo", "chat end"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderation_of_other_dialects_holds() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let mut carol = app.member("s", "carol").await;
    let nina = app.kit.person_with("nina", Role::Owner);
    nina.join("s", None).await.unwrap();
    let user = |id: &str| sidetalk_core::model::UserId::new(id).unwrap();
    nina.write("s", Write::Mute { user: user(&bob.id), duration: None }).await.unwrap();
    assert_eq!(bob.signal("chat", "muted", &[]).await, 10);
    assert_eq!(bob.signal("other", "muted", &[]).await, 10);
    nina.write("s", Write::SetChatEnabled(false)).await.unwrap();
    assert_eq!(alice.signal("chat", "chat is off", &[]).await, 10);
    assert_eq!(alice.signal("chat", "to one neither", &[&carol.id]).await, 10);
    assert_eq!(alice.signal("hand", "up", &[]).await, 0);
    // A moderator may, and whoever is made one in this dialect may at once.
    let path = format!("/sessions/s/connection/{}", alice.id);
    assert_eq!(app.rest("PATCH", &path, r#"{"role":"MODERATOR"}"#).await.status, 200);
    let may = nina.write("s", Write::Post(Draft::text("an owner's"))).await.is_ok();
    assert_eq!(alice.signal("chat", "a moderator's", &[]).await == 0, may);
    nina.write("s", Write::SetChatEnabled(true)).await.unwrap();
    nina.write("s", Write::Ban { user: user(&carol.id), duration: None }).await.unwrap();
    let evicted = carol.hears("participantEvicted").await;
    assert_eq!(evicted, json!({ "connectionId": carol.id, "reason": "forceDisconnectByUser" }));
    assert_eq!(alice.hears("participantLeft").await["connectionId"], carol.id.as_str());
    let answer = carol.come_back(app.socket().await).await;
    assert_eq!(answer["error"]["code"], 40007);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_other_dialects_are_participants() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member_with("s", "alice", json!({ "role": "MODERATOR" })).await;
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    let joined = alice.hears("participantJoined").await;
    assert_eq!(joined["metadata"], r#"{"clientData":"nina"}"#);
    let name = joined["id"].as_str().unwrap().to_owned();
    assert!(app.connections("s").await.contains(&format!("{name} active")));
    // One talks to her as to anybody, and puts her out as anybody.
    nina.heard();
    assert_eq!(alice.signal("hand", "wave", &[&name]).await, 0);
    assert_eq!(nina.hears("signal").await["params"]["data"], "wave");
    let done = alice.call("forceDisconnect", json!({ "connectionId": name })).await;
    assert!(done["result"].is_object(), "{done}");
    assert_eq!(nina.hears("room.removed").await["params"]["reason"], "kicked");
    assert_eq!(alice.hears("participantEvicted").await["connectionId"], name);
}

/// A moderator of this dialect put out the room's owner, because the application's server did it for him. Among themselves
/// moderators of this dialect may; whoever of another dialect is not below him stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderator_puts_out_no_owner_of_another_dialect() {
    let app = App::new().await;
    app.session("s").await;
    let moderator = json!({ "role": "MODERATOR" });
    let mut alice = app.member_with("s", "alice", moderator.clone()).await;
    let mut force = async |name: &str| {
        let answer = alice.call("forceDisconnect", json!({ "connectionId": name })).await;
        answer["error"]["code"].as_i64().unwrap_or(0)
    };
    let native = async || {
        let list = app.rest("GET", "/sessions/s/connection", "").await.json();
        let all = list["content"].as_array().unwrap().clone();
        let native = all.iter().find(|one| one["platform"] == "native").unwrap();
        native["id"].as_str().unwrap().to_owned()
    };
    for (role, code) in [(Role::Owner, 401), (Role::Moderator, 401), (Role::Member, 0)] {
        let nina = app.kit.person_with("nina", role);
        nina.join("s", None).await.unwrap();
        assert_eq!(force(&native().await).await, code, "{role:?}");
        nina.vanish();
    }
    let (bob, carol) = (app.member_with("s", "bob", moderator.clone()).await, app.member("s", "carol").await);
    let path = format!("/api/v1/rooms/s/members/{}", carol.id);
    assert_eq!(app.kit.as_server("PUT", &path, json!({ "role": "owner" })).await.status, 200);
    app.kit.until("carol is the owner", async || roles(&app).await.contains(&"owner".to_owned())).await;
    assert_eq!(force(&carol.id).await, 401);
    assert_eq!(force(&bob.id).await, 0);
}

/// The roles of those who are there, as native people see them.
async fn roles(app: &App) -> Vec<String> {
    let list = app.kit.as_server("GET", "/api/v1/rooms/s/connections", Value::Null).await.json();
    let all = list["connections"].as_array().unwrap().clone();
    all.iter().map(|one| one["role"].as_str().unwrap().to_owned()).collect()
}

/// Who was made a moderator by REST was still shown as a member to everybody else, and muted as one; and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_role_is_seen_by_all_dialects() {
    let app = App::new().await;
    app.session("s").await;
    let alice = app.member("s", "alice").await;
    let nina = app.kit.person_with("nina", Role::Moderator);
    nina.join("s", None).await.unwrap();
    let user = sidetalk_core::model::UserId::new(&alice.id).unwrap();
    let mute = || nina.write("s", Write::Mute { user: user.clone(), duration: None });
    let path = format!("/sessions/s/connection/{}", alice.id);
    for (role, shown, may) in [("MODERATOR", "moderator", false), ("SUBSCRIBER", "member", true)] {
        assert_eq!(app.rest("PATCH", &path, &json!({ "role": role }).to_string()).await.status, 200);
        assert_eq!(roles(&app).await, [shown, "moderator"]);
        assert_eq!(mute().await.is_ok(), may, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_joiners_get_the_history_that_they_want() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    assert_eq!(alice.signal("my-chat", "one", &[]).await, 0);
    assert_eq!(bob.signal("my-chat", "two", &[]).await, 0);
    assert_eq!(bob.signal("my-chat", r#"{"message":"three"}"#, &[]).await, 0);
    assert_eq!(alice.signal("hand", "not kept", &[]).await, 0);
    let deleted = id(&nina.post("s", "regretted").await.unwrap());
    nina.write("s", Write::Delete { message: deleted }).await.unwrap();
    let edited = id(&nina.post("s", "tpyo").await.unwrap());
    let parts = vec![Part::Text { text: "typo".into(), format: TextFormat::Plain }];
    nina.write("s", Write::Edit { message: edited, parts, mentions: Vec::new() }).await.unwrap();
    let rest = json!({ "session": "s", "type": "my-chat", "data": "from the server" }).to_string();
    assert_eq!(app.rest("POST", "/signal", &rest).await.status, 200);
    bob.call("leaveRoom", json!({})).await;
    let nina_is = participant(&app, "nina").await;
    let by = |member: &Member| member.id.clone();
    let all = [
        format!("signal:my-chat one from {}", by(&alice)),
        "signal:my-chat bob: two from -".to_owned(),
        r#"signal:my-chat {"message":"three","author":"bob"} from -"#.to_owned(),
        format!("signal:my-chat typo from {nina_is}"),
        "signal:my-chat from the server from -".to_owned(),
    ];
    let mut late = app.member_with("s", "late", json!({ "replayHistory": 300 })).await;
    assert_eq!(late.signals().await, all);
    let mut some = app.member_with("s", "some", json!({ "replayHistory": 2 })).await;
    assert_eq!(some.signals().await, all[3..]);
    let mut none = app.member("s", "none").await;
    assert!(none.signals().await.is_empty(), "as in the original, unless it is wanted");
    // What happens from now on follows it.
    assert_eq!(alice.signal("my-chat", "after", &[]).await, 0);
    assert_eq!(none.signals().await, [format!("signal:my-chat after from {}", by(&alice))]);
}

async fn participant(app: &App, name: &str) -> String {
    let list = app.rest("GET", "/sessions/s/connection", "").await.json();
    let all = list["content"].as_array().unwrap().clone();
    let native = |one: &&Value| one["platform"] == "native";
    assert!(name == "nina" && all.iter().filter(native).count() == 1);
    all.iter().find(native).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_gives_history_to_all_and_a_token_overrules_it() {
    let settings = OpenViduSettings { replay_history: 2, ..Choice::default().settings };
    let app = App::with(Choice { settings, ..Choice::default() }).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    for text in ["one", "two", "three"] {
        assert_eq!(alice.signal("chat", text, &[]).await, 0);
    }
    let mut late = app.member("s", "late").await;
    assert_eq!(said(&mut late).await, ["chat two", "chat three"]);
    let mut more = app.member_with("s", "more", json!({ "replayHistory": 1_000_000 })).await;
    assert_eq!(said(&mut more).await.len(), 3);
    let mut none = app.member_with("s", "none", json!({ "replayHistory": 0 })).await;
    assert!(said(&mut none).await.is_empty());
    // The history of a name outlives its sessions.
    assert_eq!(app.rest("DELETE", "/sessions/s", "").await.status, 204);
    app.kit.until("it is over", async || app.rest("GET", "/sessions/s", "").await.status == 404).await;
    app.session("s").await;
    let mut again = app.member("s", "again").await;
    assert_eq!(again.signals().await, ["signal:chat alice: two from -", "signal:chat alice: three from -"]);
}
