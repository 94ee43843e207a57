//! What is not meant well: bodies, types and addresses of all sorts. Every refusal is JSON with a message.

use serde_json::json;

use crate::app::{Answer, App, KEY};

#[track_caller]
fn assert_said(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    let body = answer.json();
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
    assert!(body["code"].is_i64() && body["description"].is_string(), "{what}");
    let said = answer.text.to_lowercase();
    assert!(!said.contains("serde") && !said.contains(" at line ") && !said.contains("axum"), "{said}");
}

#[tokio::test]
async fn bodies_that_are_no_signal_are_refused() {
    let app = App::start().await;
    let session = app.session().await;
    let _alice = app.person("alice", &session).await;
    let path = App::path(&session, "/signal");
    for body in
        ["", "null", "[]", "5", "{", "\0", "type=chat&data=x", r#"{"data":5}"#, r#"{"type":{},"data":"x"}"#]
    {
        let answer = app.call("POST", &path, body).await;
        assert_said(&answer, 400, body);
        assert_eq!(answer.json()["code"], 15_202, "{body}");
    }
    let answer = app.call("POST", &path, r#"{"type":"chat"}"#).await;
    assert_eq!(answer.json()["message"], "Signal payload 'data' must be set");
    let deep = "[".repeat(50_000);
    assert_said(&app.call("POST", &path, &format!(r#"{{"data":"x","more":{deep}"#)).await, 400, "depth");
    let huge = app.call("POST", &path, &format!(r#"{{"data":"{}"}}"#, "x".repeat(1 << 20))).await;
    assert_said(&huge, 413, "a megabyte");
    let huge = app.call("POST", "/session/create", &"a=b&".repeat(1 << 18)).await;
    assert_said(&huge, 413, "a megabyte of fields");
    let huge = app.request("POST", "/opentok/exchange", &[], &"x".repeat(1 << 20)).await;
    assert_eq!((huge.status, huge.json()["code"].as_i64()), (413, Some(1011)));
}

#[tokio::test]
async fn types_of_content_and_odd_headers_do_not_matter() {
    let app = App::start().await;
    let session = app.session().await;
    let _alice = app.person("alice", &session).await;
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=x"]
    {
        let headers = [
            ("X-OPENTOK-AUTH", &*app.auth()),
            ("content-type", content_type),
            ("headers", "[object Object]"),
            ("accept-encoding", "br, nothing"),
        ];
        let answer = app.request("POST", &App::path(&session, "/signal"), &headers, r#"{"data":"x"}"#).await;
        assert_eq!(answer.status, 204, "{content_type}: {}", answer.text);
    }
}

#[tokio::test]
async fn addresses_that_lead_nowhere_say_so() {
    let app = App::start().await;
    let session = app.session().await;
    let alice = app.person("alice", &session).await.connection();
    let elsewhere = app.session().await;
    let bob = app.person("bob", &elsewhere).await;
    let long = "x".repeat(300);
    let body = r#"{"data":"x"}"#;
    for (method, rest, status) in [
        ("POST", "/session/lobby/signal".to_owned(), 400),
        ("POST", "/session/1_MX4/signal".to_owned(), 400),
        ("POST", format!("/session/1_{long}/signal"), 400),
        ("POST", "/session/%00/signal".to_owned(), 400),
        ("POST", "/session/%ff%fe/signal".to_owned(), 400),
        ("POST", format!("/session/{session}/connection/{long}/signal"), 400),
        ("DELETE", format!("/session/{session}/connection/a%00b"), 400),
        ("DELETE", format!("/session/{session}/connection/nobody"), 404),
        ("DELETE", format!("/session/{elsewhere}/connection/{alice}"), 404),
        ("POST", format!("/session/{session}/connection/{}/signal", bob.connection()), 404),
        ("POST", format!("/session/{session}/connection//signal"), 405),
        ("POST", "/session//signal".to_owned(), 404),
        ("POST", format!("/session/{session}/nothing"), 404),
        ("POST", format!("/session/{session}/signal/"), 404),
        ("GET", "/archive".to_owned(), 404),
        ("GET", String::new(), 404),
        ("GET", "/".to_owned(), 404),
        ("GET", format!("/session/{session}/signal"), 405),
        ("PUT", format!("/session/{session}/connection"), 405),
    ] {
        let answer = app.call(method, &format!("/v2/project/{KEY}{rest}"), body).await;
        assert_said(&answer, status, &format!("{method} {rest}"));
    }
    for path in ["/v2", "/v2/", "/v2/project", "/v2/project/", "/v2/nothing"] {
        assert_said(&app.call("GET", path, "").await, 404, path);
    }
    assert_said(&app.call("GET", "/session/create", "").await, 405, "GET");
    assert_eq!(app.request("GET", "/opentok/exchange", &[], "").await.status, 405);
}

#[tokio::test]
async fn the_secret_is_never_told() {
    let app = App::start().await;
    let session = app.session().await;
    let answer =
        app.call("POST", &App::path(&session, "/mute"), r#"{"active":true,"excludedStreamIds":[]}"#).await;
    assert_eq!((answer.status, &answer.json()["secret"]), (200, &json!(null)));
}
