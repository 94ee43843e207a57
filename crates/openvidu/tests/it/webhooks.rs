//! The bodies of webhooks, as the vendor's have been since its version 2.17.

use expect_test::{Expect, expect};
use serde_json::json;
use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, UserId};

use crate::app::App;

/// The bodies that were rendered, one per line.
#[track_caller]
fn check(app: &App, expected: &Expect) {
    expected.assert_eq(&app.hooks.take().join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_participants() {
    let app = App::new().await;
    app.session("s").await;
    let chosen = json!({ "data": "{\"openviduCustomConnectionId\":\"alice\"}", "role": "MODERATOR" });
    let mut alice = app.member_with("s", "Alice", chosen).await;
    let bob = app.member("s", "Bob").await;
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"event":"sessionCreated"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_alice","connectionId":"con_alice","location":"unknown","platform":"openvidu","clientData":"{\"clientData\":\"Alice\"}","serverData":"{\"openviduCustomConnectionId\":\"alice\"}","event":"participantJoined"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_AtFoJI9kVl","connectionId":"con_AtFoJI9kVl","location":"unknown","platform":"openvidu","clientData":"{\"clientData\":\"Bob\"}","serverData":"","event":"participantJoined"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_F8vJMjAGbx","connectionId":"con_F8vJMjAGbx","location":"unknown","platform":"native","clientData":"","serverData":"","event":"participantJoined"}"#]],
    );
    nina.vanish();
    alice.call("forceDisconnect", json!({ "connectionId": bob.id })).await;
    alice.call("leaveRoom", json!({})).await;
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_F8vJMjAGbx","connectionId":"con_F8vJMjAGbx","location":"unknown","platform":"native","clientData":"","serverData":"","startTime":1795253400000,"duration":5,"reason":"networkDisconnect","event":"participantLeft"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_AtFoJI9kVl","connectionId":"con_AtFoJI9kVl","location":"unknown","platform":"openvidu","clientData":"{\"clientData\":\"Bob\"}","serverData":"","startTime":1795253400000,"duration":5,"reason":"forceDisconnectByUser","event":"participantLeft"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_alice","connectionId":"con_alice","location":"unknown","platform":"openvidu","clientData":"{\"clientData\":\"Alice\"}","serverData":"{\"openviduCustomConnectionId\":\"alice\"}","startTime":1795253400000,"duration":5,"reason":"disconnect","event":"participantLeft"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"startTime":1795253400000,"duration":5,"reason":"lastParticipantLeft","event":"sessionDestroyed"}"#]],
    );
    app.kit
        .until("the session is over", async || app.rest("GET", "/sessions/s", "").await.status == 404)
        .await;
    app.session("s").await;
    let _carol = app.member("s", "Carol").await;
    app.hooks.take();
    app.rest("DELETE", "/sessions/s", "").await;
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"participantId":"con_REUVHJmIrF","connectionId":"con_REUVHJmIrF","location":"unknown","platform":"openvidu","clientData":"{\"clientData\":\"Carol\"}","serverData":"","startTime":1795253400000,"duration":5,"reason":"sessionClosedByServer","event":"participantLeft"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"startTime":1795253400000,"duration":5,"reason":"sessionClosedByServer","event":"sessionDestroyed"}"#]],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_and_their_receivers() {
    let app = App::new().await;
    app.session("s").await;
    let chosen = json!({ "data": "{\"openviduCustomConnectionId\":\"alice\"}" });
    let mut alice = app.member_with("s", "Alice", chosen).await;
    let bob = app.member("s", "Bob").await;
    let nina = app.kit.person("nina");
    nina.join("s", None).await.unwrap();
    app.hooks.take();
    // Chat and other, to all, to one, without anything.
    alice.signal("my-chat", "hello", &[]).await;
    alice.signal("hand", "up", &[&bob.id]).await;
    alice.call("sendMessage", json!({ "message": "{}" })).await;
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":"con_alice","to":["con_alice","con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":"my-chat","data":"hello","event":"signalSent"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":"con_alice","to":["con_AtFoJI9kVl"],"type":"hand","data":"up","event":"signalSent"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":"con_alice","to":["con_alice","con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":null,"data":null,"event":"signalSent"}"#]],
    );
    // The server's keep their prefix, as in the original.
    for body in [
        json!({ "session": "s", "type": "my-chat", "data": "news" }),
        json!({ "session": "s", "type": "signal:x", "to": ["con_alice"] }),
        json!({ "session": "s" }),
    ] {
        assert_eq!(app.rest("POST", "/signal", &body.to_string()).await.status, 200);
    }
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":null,"to":["con_alice","con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":"signal:my-chat","data":"news","event":"signalSent"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":null,"to":["con_alice"],"type":"signal:x","data":null,"event":"signalSent"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":null,"to":["con_alice","con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":null,"data":null,"event":"signalSent"}"#]],
    );
    // Of other dialects: what is seen here as a signal is told as one.
    nina.post("s", "from elsewhere").await.unwrap();
    let to_bob = Audience::users([UserId::new("nina").unwrap(), UserId::new(&bob.id).unwrap()]);
    nina.write("s", Write::Post(Draft { audience: to_bob, ..Draft::text("private") })).await.unwrap();
    check(
        &app,
        &expect![[r#"
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":"con_F8vJMjAGbx","to":["con_alice","con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":null,"data":"from elsewhere","event":"signalSent"}
        {"sessionId":"s","uniqueSessionId":"s_1795253400000","timestamp":1795253405000,"from":"con_F8vJMjAGbx","to":["con_AtFoJI9kVl","con_F8vJMjAGbx"],"type":null,"data":"private","event":"signalSent"}"#]],
    );
    assert!(!app.hooks.has("signalSent"));
}
