//! What is said to some reaches nobody else, by whatever way one looks.

use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, UserId};

use crate::app::App;
use crate::member::Member;

const SECRETS: [&str; 5] =
    ["secret chat", "secret signal", "secret of the server", "secret native", "secret note"];

fn traces(text: &str) -> bool {
    text.contains("secret")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_one_reaches_no_third() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let mut bob = app.member("s", "bob").await;
    let mut carol = app.member_with("s", "carol", json!({ "role": "MODERATOR" })).await;
    let mut away = app.member("s", "away").await;
    let native = app.kit.person("nina");
    native.join("s", None).await.unwrap();
    let third = app.kit.person("theo");
    third.join("s", None).await.unwrap();
    // One is there, one is away for a while.
    let old = std::mem::replace(&mut away.socket, app.socket().await);
    drop(old);
    assert_eq!(alice.signal("chat", SECRETS[0], &[&bob.id]).await, 0);
    assert_eq!(alice.signal("other", SECRETS[1], &[&bob.id]).await, 0);
    let rest = json!({ "session": "s", "to": [bob.id], "type": "chat", "data": SECRETS[2] }).to_string();
    assert_eq!(app.rest("POST", "/signal", &rest).await.status, 200);
    let to_bob = Audience::users([UserId::new("nina").unwrap(), UserId::new(&bob.id).unwrap()]);
    let draft = Draft { audience: to_bob, ..Draft::text(SECRETS[3]) };
    native.write("s", Write::Post(draft)).await.unwrap();
    let own = alice.id.clone();
    assert_eq!(alice.signal("chat", SECRETS[4], &[&own]).await, 0);
    // Who it is for.
    let to_bob: Vec<_> = bob.signals().await;
    assert_eq!(to_bob.len(), 4, "{to_bob:?}");
    assert!(to_bob.iter().zip(SECRETS).all(|(heard, secret)| heard.contains(secret)), "{to_bob:?}");
    assert_eq!(alice.signals().await, [format!("signal:chat {} from {}", SECRETS[4], alice.id)]);
    assert!(native.hears("message.posted").await.to_string().contains(SECRETS[3]));
    // A third: live, after a short drop, by history, over REST, as a native person.
    assert!(!traces(&carol.heard().await.join("\n")));
    let answer = away.call("connect", json!({ "sessionId": away.rpc, "reconnect": true })).await;
    assert!(answer["result"].is_object());
    assert!(!traces(&away.heard().await.join("\n")));
    let mut late = app.member_with("s", "late", json!({ "replayHistory": 300 })).await;
    assert!(!traces(&late.heard().await.join("\n")));
    for path in [
        "/sessions",
        "/sessions?pendingConnections=true",
        "/sessions/s",
        "/sessions/s/connection",
        &format!("/sessions/s/connection/{}", bob.id),
    ] {
        let text = app.rest("GET", path, "").await.text;
        assert!(text.contains(&bob.id) && !traces(&text), "{path}: {text}");
    }
    assert!(!traces(&format!("{:?}", third.heard())));
    let page = app.kit.as_user("theo", "GET", "/api/v1/rooms/s/messages?limit=300", Value::Null).await;
    assert_eq!((page.status, traces(&page.text)), (200, false));
    // Nor do the secrets of clients go to anybody else.
    let everything = format!("{:?}{:?}", carol.joined, late.joined);
    for member in [&alice, &bob, &away] {
        assert!(everything.contains(&member.id) && !everything.contains(&member.rpc));
        assert!(!everything.contains(&member.token));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_unknown_target_and_nobody_hears_it() {
    let app = App::new().await;
    app.session("s").await;
    app.session("elsewhere").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let other = app.member("elsewhere", "other").await;
    let mut gone = app.member("s", "gone").await;
    gone.call("leaveRoom", json!({})).await;
    let (promised, _) = app.promise("s", json!({})).await;
    bob.heard().await;
    for nobody in ["con_Nobody0000", "", "*", &other.id, &gone.id, &promised, "bob"] {
        for kind in ["chat", "other"] {
            assert_eq!(alice.signal(kind, "x", &[&bob.id, nobody]).await, 601, "{nobody}");
        }
        let rest = json!({ "session": "s", "to": [bob.id, nobody], "data": "x" }).to_string();
        assert_eq!(app.rest("POST", "/signal", &rest).await.status, 406, "{nobody}");
    }
    let many: Vec<String> = (0..2_000).map(|n| format!("con_A{n:09}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(alice.signal("x", "x", &many).await, 601);
    let same = vec![&*bob.id; 2_000];
    assert_eq!(alice.signal("x", "once", &same).await, 0);
    assert_eq!(bob.signals().await, [format!("signal:x once from {}", alice.id)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_out_hears_nothing_more() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member_with("s", "alice", json!({ "role": "MODERATOR" })).await;
    let mut bob = app.member("s", "bob").await;
    alice.call("forceDisconnect", json!({ "connectionId": bob.id })).await;
    assert_eq!(bob.hears("participantEvicted").await["connectionId"], bob.id.as_str());
    assert_eq!(alice.signal("chat", "without bob", &[]).await, 0);
    assert!(bob.heard().await.is_empty());
    assert_eq!(bob.signal("chat", "but I", &[]).await, 803);
    let mut again = Member::stranger(app.socket().await, &bob.token);
    assert_eq!(again.try_join("bob").await["error"]["code"], 401, "a used token does not bring back");
}
