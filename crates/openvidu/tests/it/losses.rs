//! Lost sockets, grace, comebacks, and the end of the process.

use std::time::Duration;

use serde_json::json;
use sidetalk_core::model::UserId;
use sidetalk_edge::socket::SocketSettings;
use sidetalk_openvidu::OpenViduSettings;

use crate::app::{App, Choice};
use crate::member::Member;

fn graces(grace_ms: u64, closed_page_ms: u64) -> Choice {
    let settings = OpenViduSettings {
        grace: Duration::from_millis(grace_ms),
        closed_page_grace: Duration::from_millis(closed_page_ms),
        ..Choice::default().settings
    };
    Choice { settings, ..Choice::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_in_an_absence_comes_once_and_in_order() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    for round in 0..5 {
        // Chat goes through the log, the rest does not: they must not overtake each other in any of the ways.
        let first = bob.ask("sendMessage", json!({ "message": "{\"data\":\"mine\"}" })).await;
        bob.answer(first).await;
        let mut old = std::mem::replace(&mut bob.socket, app.socket().await);
        if round % 2 == 0 {
            old.say_goodbye(4104).await;
            // What was on its way before the server knew is lost.
            old.close().await;
        } else {
            old.lose().await;
        }
        for n in 0..40 {
            let kind = if n % 3 == 0 { "other" } else { "chat" };
            assert_eq!(alice.signal(kind, &format!("{round}-{n}"), &[]).await, 0);
        }
        let answer = bob.call("connect", json!({ "sessionId": bob.rpc, "reconnect": true })).await;
        assert!(answer["result"].is_object(), "{answer}");
        assert_eq!(alice.signal("chat", &format!("{round}-40"), &[]).await, 0);
        let heard = bob.signals().await;
        let data: Vec<_> = heard.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        let expected: Vec<_> =
            std::iter::once("mine".to_owned()).chain((0..=40).map(|n| format!("{round}-{n}"))).collect();
        assert_eq!(data, expected);
    }
    let others: Vec<_> = alice.heard().await.into_iter().filter(|line| !line.starts_with("signal")).collect();
    assert_eq!(others, [format!("joined {}", bob.id)], "nobody noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace_ends() {
    let app = App::with(graces(1_000, 50)).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let mut bob = app.member("s", "bob").await;
    let (kept, mut gone) = (app.member("s", "kept").await, app.member("s", "gone").await);
    // Back in time, gone for longer, and a page that was closed.
    gone.socket.say_goodbye(1001).await;
    let closed = tokio::time::Instant::now();
    assert_eq!(alice.hears("participantLeft").await["connectionId"], gone.id.as_str());
    assert!(closed.elapsed() < Duration::from_millis(900), "a closed page is gone sooner");
    let old = std::mem::replace(&mut bob.socket, app.socket().await);
    drop(old);
    drop(kept.socket);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = bob.call("connect", json!({ "sessionId": bob.rpc, "reconnect": true })).await;
    assert!(answer["result"].is_object(), "{answer}");
    let left = alice.hears("participantLeft").await;
    assert_eq!((&left["connectionId"], &left["reason"]), (&json!(kept.id), &json!("networkDisconnect")));
    let mut late = Member::stranger(app.socket().await, "");
    for rpc in [&kept.rpc, &gone.rpc] {
        let answer = late.call("connect", json!({ "sessionId": rpc, "reconnect": true })).await;
        assert_eq!(answer["error"]["code"], 40007);
    }
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(alice.heard().await.is_empty(), "bob's first absence has no end any more");
    assert_eq!(app.connections("s").await.len(), 2);
}

/// Whoever missed more than is kept stayed in the session for ever: its place was over, so its absence had no end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_misses_too_much_is_gone_rather_than_back_with_a_gap() {
    let mut choice = graces(400, 400);
    choice.settings.held_bytes_max = 10_000;
    let app = App::with(choice).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let (mut bob, carol) = (app.member("s", "bob").await, app.member("s", "carol").await);
    drop(carol.socket);
    let old = std::mem::replace(&mut bob.socket, app.socket().await);
    drop(old);
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..20 {
        assert_eq!(alice.signal("chat", &"x".repeat(1_000), &[]).await, 0);
    }
    let answer = bob.call("connect", json!({ "sessionId": bob.rpc, "reconnect": true })).await;
    assert_eq!(answer["error"]["code"], 40007);
    let mut left = [alice.hears("participantLeft").await, alice.hears("participantLeft").await];
    left.sort_by_key(|left| left["connectionId"] != bob.id.as_str());
    assert_eq!(left[0], json!({ "connectionId": bob.id, "reason": "networkDisconnect" }));
    assert_eq!(left[1], json!({ "connectionId": carol.id, "reason": "networkDisconnect" }));
    app.kit.until("they are off the books", async || app.connections("s").await.len() == 1).await;
}

/// Whoever was erased lost the socket, but kept a seat in the session until the server was started anew: the others saw a ghost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_erased_is_gone_for_the_others_too() {
    let app = App::with(graces(300, 300)).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let (mut bob, away) = (app.member("s", "bob").await, app.member("s", "away").await);
    let erase = async |name: &str| {
        let user = UserId::new(name).unwrap();
        app.kit.service.erase_user(app.kit.project.id, &user).await.unwrap();
    };
    erase(&bob.id).await;
    let left = alice.hears("participantLeft").await;
    assert_eq!(left, json!({ "connectionId": bob.id, "reason": "forceDisconnectByServer" }));
    drop(away.socket);
    erase(&away.id).await;
    assert_eq!(alice.hears("participantLeft").await["connectionId"], away.id.as_str());
    app.kit.until("they are off the books", async || app.connections("s").await.len() == 1).await;
    assert_eq!(bob.come_back(app.socket().await).await["error"]["code"], 40007);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_out_and_does_not_come_back_with_a_gap() {
    let sockets = SocketSettings { outbox_bytes_max: 256 * 1024, ..SocketSettings::default() };
    let app = App::with(Choice { sockets, ..Choice::default() }).await;
    app.session("s").await;
    let (mut alice, mut slow) = (app.member("s", "alice").await, app.member("s", "slow").await);
    let big = "x".repeat(60_000);
    let mut sent = 0;
    // Others are not kept waiting; when it is out, there is nobody of that name.
    while alice.signal("t", &big, &[&slow.id]).await == 0 {
        sent += 1;
        assert!(sent < 2_000, "it is never noticed");
    }
    let left = alice.heard().await.pop().unwrap();
    assert_eq!(left, format!("left {} networkDisconnect", slow.id));
    let answer = slow.come_back(app.socket().await).await;
    assert_eq!(answer["error"]["code"], 40007);
}

/// While a socket takes nothing, what waits for it is lost with it: whoever came back on another one did so with a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_takes_nothing_is_not_replaced() {
    let sockets = SocketSettings { outbox_bytes_max: 64 * 1024 * 1024, ..SocketSettings::default() };
    let app = App::with(Choice { sockets, ..Choice::default() }).await;
    app.session("s").await;
    let (mut alice, mut slow) = (app.member("s", "alice").await, app.member("s", "slow").await);
    let big = "x".repeat(60_000);
    for _ in 0..200 {
        assert_eq!(alice.signal("t", &big, &[&slow.id]).await, 0);
    }
    // The old socket is not read, nor closed.
    let _old = std::mem::replace(&mut slow.socket, app.socket().await);
    let answer = slow.call("connect", json!({ "sessionId": slow.rpc, "reconnect": true })).await;
    assert_eq!(answer["error"]["code"], 40007);
    assert_eq!(alice.hears("participantLeft").await["connectionId"], slow.id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_back_to_another_process_and_nobody_is_told() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let chosen = json!({ "data": "{\"openviduCustomConnectionId\":\"carol\"}", "role": "MODERATOR" });
    let mut carol = app.member_with("s", "carol", chosen).await;
    let (_, unused) = app.promise("s", json!({})).await;
    assert_eq!(alice.signal("chat", "before", &[]).await, 0);
    for member in [&mut alice, &mut bob, &mut carol] {
        member.heard().await;
    }
    let app = app.restart().await;
    let mut ids = app.connections("s").await;
    assert_eq!(ids.len(), 4, "three are there, one is promised: {ids:?}");
    for member in [&mut bob, &mut carol, &mut alice] {
        let answer = member.come_back(app.socket().await).await;
        assert_eq!(answer["result"]["value"], "reconnection successful");
        assert!(member.heard().await.is_empty(), "nobody is told");
    }
    // They are who they were, to each other and by name.
    assert_eq!(carol.id, "con_carol");
    assert_eq!(alice.signal("chat", "after", &[&bob.id, "con_carol"]).await, 0);
    let expected = [format!("signal:chat after from {}", alice.id)];
    assert_eq!((bob.signals().await, carol.signals().await), (expected.to_vec(), expected.to_vec()));
    // A token that was not used is still good; the role holds.
    let dave = Member::join(app.socket().await, &unused, "dave").await;
    assert_eq!(dave.joined["value"].as_array().unwrap().len(), 3);
    let done = carol.call("forceDisconnect", json!({ "connectionId": dave.id })).await;
    assert!(done["result"].is_object(), "{done}");
    ids = app.connections("s").await;
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_come_back_to_another_process_leaves() {
    let app = App::with(graces(2_500, 2_500)).await;
    app.session("s").await;
    let (mut alice, bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let app = app.restart().await;
    assert!(alice.come_back(app.socket().await).await["result"].is_object());
    let left = alice.hears("participantLeft").await;
    assert_eq!((&left["connectionId"], &left["reason"]), (&json!(bob.id), &json!("networkDisconnect")));
    alice.call("leaveRoom", json!({})).await;
    app.kit
        .until("the session is over", async || app.rest("GET", "/sessions/s", "").await.status == 404)
        .await;
    // Nor is anything left of it after another end.
    let app = app.restart().await;
    app.kit.until("it is still over", async || app.rest("GET", "/sessions/s", "").await.status == 404).await;
    app.session("s").await;
}

/// Names that applications have chosen were forgotten before the others heard that their owners were gone, under names that
/// nobody knew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_name_is_said_to_the_end() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    for round in 0..20 {
        let name = format!("{{\"openviduCustomConnectionId\":\"bob{round}\"}}");
        let mut bob = app.member_with("s", "bob", json!({ "data": name })).await;
        assert_eq!(bob.id, format!("con_bob{round}"));
        bob.call("leaveRoom", json!({})).await;
        assert_eq!(alice.hears("participantLeft").await["connectionId"], bob.id.as_str());
        let name = format!("{{\"openviduCustomConnectionId\":\"eve{round}\"}}");
        let mut eve = app.member_with("s", "eve", json!({ "data": name })).await;
        let path = format!("/sessions/s/connection/{}", eve.id);
        assert_eq!(app.rest("DELETE", &path, "").await.status, 204);
        assert_eq!(eve.hears("participantEvicted").await["connectionId"], eve.id.as_str());
        assert_eq!(alice.hears("participantLeft").await["connectionId"], eve.id.as_str());
        assert_eq!(alice.hears("participantEvicted").await["connectionId"], eve.id.as_str());
    }
}

/// Places were kept by the connection's id alone, which two sessions may choose alike: whoever chose it last stood in for the
/// other, of whatever session or tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_in_another_session_is_somebody_else() {
    let app = App::new().await;
    // A name of the form of minted ones is the same number in every session.
    let chosen = json!({ "data": "{\"openviduCustomConnectionId\":\"User000001\"}" });
    let mut people = Vec::new();
    for session in ["one", "two"] {
        app.session(session).await;
        let witness = app.member(session, "witness").await;
        people.push((witness, app.member_with(session, "chosen", chosen.clone()).await));
    }
    let [(mut first, mut alice), (mut second, mut eve)]: [_; 2] =
        people.try_into().ok().expect("two sessions");
    assert_eq!((alice.id.as_str(), eve.id.as_str()), ("con_User000001", "con_User000001"));
    let changed =
        app.rest("PATCH", "/sessions/two/connection/con_User000001", r#"{"role":"MODERATOR"}"#).await;
    assert_eq!(changed.status, 200);
    let put_out = alice.call("forceDisconnect", json!({ "connectionId": first.id })).await;
    assert!(put_out["error"].is_object(), "a moderator there is none here: {put_out}");
    for (person, text) in [(&mut alice, "from one"), (&mut eve, "from two")] {
        let answer = person.come_back(app.socket().await).await;
        assert_eq!(answer["result"]["sessionId"], person.rpc.as_str(), "{answer}");
        assert_eq!(person.signal("chat", text, &[]).await, 0);
    }
    assert_eq!(first.signals().await, ["signal:chat from one from con_User000001"]);
    assert_eq!(second.signals().await, ["signal:chat from two from con_User000001"]);
}
