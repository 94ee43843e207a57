//! A store that fails: everything is answered, nothing hangs, and what was promised holds afterwards.

use serde_json::json;
use sidetalk_testkit::failing::Plan;

use crate::app::{App, Choice};
use crate::drop_in::{come, exchange};
use crate::member::Member;

async fn app(failures: Plan) -> App {
    let app = App::with(Choice { failures, ..Choice::default() }).await;
    app.session("s").await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_outlives_a_failure_at_any_step() {
    let app = app(Plan::Before).await;
    let _anchor = app.member("s", "anchor").await;
    let mut refused = 0;
    for calls in 0..12 {
        let (_, token) = app.promise("s", json!({})).await;
        let mut alice = Member::stranger(app.socket().await, &token);
        app.kit.store().fail_once(calls);
        let answer = alice.try_join("alice").await;
        app.kit.store().heal();
        if answer["error"].is_object() {
            assert_eq!(answer["error"]["code"], 999, "{calls}: {answer}");
            refused += 1;
            let again = alice.try_join("alice").await;
            assert!(again["result"].is_object(), "after a failure of call {calls}: {again}");
        }
        assert_eq!(alice.signal("chat", "hello", &[]).await, 0);
        alice.call("leaveRoom", json!({})).await;
    }
    assert!(refused >= 4, "{refused}");
    app.kit.until("everybody else is gone", async || app.connections("s").await.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_a_page_outlives_a_failure_at_any_step() {
    let app = app(Plan::Before).await;
    let _anchor = app.member("s", "anchor").await;
    let chosen = json!({ "data": r#"{"openviduCustomConnectionId":"dora"}"# });
    let mut refused = 0;
    for calls in 0..16 {
        let (name, token) = app.promise("s", chosen.clone()).await;
        assert_eq!(name, "con_dora");
        app.kit.store().fail_once(calls);
        let mut exchanged = exchange(&app, &token).await;
        app.kit.store().heal();
        if exchanged["code"].is_number() {
            assert_eq!(exchanged["code"], 999, "{calls}: {exchanged}");
            refused += 1;
            exchanged = exchange(&app, &token).await;
        }
        let mut page = come(&app, &exchanged).await;
        page.call("room.leave", json!({ "room": "s" })).await;
        drop(page);
        app.kit.until("it is gone", async || app.connections("s").await.len() == 1).await;
    }
    assert!(refused >= 4, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_are_answered_and_leave_no_ghosts() {
    let app = app(Plan::After).await;
    let mut anchor = app.member("s", "anchor").await;
    for calls in 0..12 {
        let (_, token) = app.promise("s", json!({})).await;
        let mut alice = Member::stranger(app.socket().await, &token);
        app.kit.store().fail_once(calls);
        let answer = alice.try_join("alice").await;
        app.kit.store().heal();
        if answer["result"].is_object() {
            alice.call("leaveRoom", json!({})).await;
        } else {
            assert_eq!(answer["error"]["code"], 999, "{calls}: {answer}");
        }
    }
    assert_eq!(anchor.signal("t", "alone", &[]).await, 0);
    app.kit
        .until("nobody else is there", async || {
            let connections = app.connections("s").await;
            connections.iter().filter(|one| one.ends_with("active")).count() == 1
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store_chat_is_refused_and_the_rest_goes_on() {
    let app = app(Plan::Before).await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    app.kit.store().fail_from(0);
    assert_eq!(alice.signal("chat", "lost", &[]).await, 999);
    assert_eq!(alice.signal("other", "not stored anyway", &[]).await, 0);
    // A lost socket needs no store to come back.
    let answer = bob.come_back(app.socket().await).await;
    assert!(answer["result"].is_object(), "{answer}");
    for (method, path, body) in [
        ("POST", "/sessions", "{}"),
        ("GET", "/sessions", ""),
        ("GET", "/sessions/s", ""),
        ("POST", "/sessions/s/connection", "{}"),
        ("GET", "/sessions/s/connection", ""),
        ("POST", "/tokens", r#"{"session":"s"}"#),
        ("POST", "/signal", r#"{"session":"s","type":"chat","data":"x"}"#),
        ("DELETE", "/sessions/s", ""),
    ] {
        let answer = app.rest(method, path, body).await;
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
        assert_eq!(answer.json()["message"], "the server cannot do this now; try again");
    }
    assert_eq!(bob.call("leaveRoom", json!({})).await["error"], json!(null));
    app.kit.store().heal();
    assert_eq!(alice.signal("chat", "stored", &[]).await, 0);
    let heard = alice.signals().await;
    assert_eq!(heard.len(), 2, "what was refused was not shown: {heard:?}");
}
