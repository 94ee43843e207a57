//! Sizes and rates.

use std::time::Duration;

use serde_json::json;
use sidetalk_edge::rate::Rule;
use sidetalk_opentok::OpenTokSettings;
use sidetalk_testkit::app::SECRET;

use crate::app::{App, KEY, signed};

#[tokio::test]
async fn a_signal_is_as_large_as_the_limits_say_and_no_larger() {
    let app = App::start().await;
    let session = app.session().await;
    let alice = app.person("alice", &session).await;
    let to_one = App::path(&session, &format!("/connection/{}/signal", alice.connection()));
    let send = async |kind: &str, data: &str, path: &str| {
        app.call("POST", path, &json!({ "type": kind, "data": data }).to_string()).await
    };
    for path in [&App::path(&session, "/signal"), &to_one] {
        for (kind, data, status) in [
            ("t".repeat(128), "d".repeat(8_192), 204),
            ("t".repeat(129), "d".to_owned(), 413),
            ("é".repeat(64), "d".to_owned(), 204),
            ("é".repeat(65), "d".to_owned(), 413),
            ("t".to_owned(), "d".repeat(8_193), 413),
            ("chat".to_owned(), "d".repeat(8_192), 204),
            ("chat".to_owned(), "d".repeat(8_193), 413),
            ("t".to_owned(), "😀".repeat(2_048), 204),
            ("t".to_owned(), format!("{}!", "😀".repeat(2_048)), 413),
        ] {
            let answer = send(&kind, &data, path).await;
            assert_eq!(answer.status, status, "{} and {} bytes: {}", kind.len(), data.len(), answer.text);
            assert_eq!(answer.text.is_empty(), status == 204);
        }
        // As some clients write it, six bytes for two of the data.
        let escaped = format!(r#"{{"data":"{}"}}"#, "\\u00e9".repeat(4_096));
        assert_eq!(app.call("POST", path, &escaped).await.status, 204);
    }
}

#[tokio::test]
async fn the_limits_of_a_signal_are_settings() {
    let settings =
        OpenTokSettings { data_bytes_max: 60_000, type_bytes_max: 4, ..OpenTokSettings::default() };
    let app = App::start_with(settings).await;
    let session = app.session().await;
    let _alice = app.person("alice", &session).await;
    for (kind, bytes, status) in
        [("abcd", 60_000, 204), ("abcde", 1, 413), ("chat", 60_000, 204), ("a", 60_001, 413)]
    {
        let body = json!({ "type": kind, "data": "d".repeat(bytes) }).to_string();
        let answer = app.call("POST", &App::path(&session, "/signal"), &body).await;
        assert_eq!(answer.status, status, "{kind} {bytes}: {}", answer.text);
    }
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down_and_others_are_not() {
    let rule = Rule::per("auth_failures_per_address", 2, Duration::from_secs(3_600), 2);
    let settings = OpenTokSettings { auth_failures_per_address: Some(rule), ..OpenTokSettings::default() };
    let app = App::start_with(settings).await;
    let session = app.session().await;
    let guess = [("X-OPENTOK-AUTH", "a.b.c"), ("accept", "application/json")];
    for _ in 0..2 {
        assert_eq!(app.request("POST", "/session/create", &guess, "").await.status, 403);
    }
    let answer = app.request("POST", "/session/create", &guess, "").await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (429, Some(429)));
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    let answer = app.exchange(KEY, &session, "T1==").await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (429, Some(1006)));
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    // The right token is let in all the same.
    assert_eq!(app.call("POST", "/session/create", "").await.status, 200);
}

/// The native dialect counts; the page is told, so that it need not find out.
#[tokio::test]
async fn a_page_is_told_how_quickly_it_may_send_and_what_is_stored() {
    let settings = OpenTokSettings {
        sends_per_user: Some(Rule::per("sends_per_user", 90, Duration::from_secs(60), 7)),
        signals_per_user: None,
        requests_per_connection: Some(Rule::per_second("requests_per_connection", 10, 60)),
        ..OpenTokSettings::default()
    };
    let app = App::start_with(settings).await;
    let session = app.session().await;
    let rates = async |role: &str| {
        let claims = json!({ "iss": KEY, "exp": app.now() + 60, "session_id": session, "role": role });
        app.exchange(KEY, &session, &signed(&claims, SECRET)).await.json()
    };
    let told = rates("publisher").await;
    assert_eq!(told["chatTypes"], json!(["chat", "msg", "text-chat", "my-chat"]));
    assert_eq!(
        told["rates"],
        json!({ "chat": [7, 1.5], "signals": [1_000, 1_000.0], "requests": [50, 9.0] })
    );
    // Who moderates is not counted.
    let requests = json!([50, 9.0]);
    assert_eq!(
        rates("moderator").await["rates"],
        json!({ "chat": requests, "signals": requests, "requests": requests })
    );
}
