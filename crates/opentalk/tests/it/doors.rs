//! How often the door of a room may be tried, by whom.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use sidetalk_edge::proxy::Client;
use sidetalk_edge::rate::Rule;

use crate::app::{Answer, App, Room};

/// So slow that nothing comes back while a test runs.
fn at_once(name: &'static str, burst: u32) -> Option<Rule> {
    Some(Rule::per(name, 1, Duration::from_secs(3_600), burst))
}

/// A request from an address.
async fn from(app: &App, last: u8, path: &str, token: Option<&str>, body: Value) -> Answer {
    let address = IpAddr::from([192, 0, 2, last]);
    let mut request = Request::builder().method("POST").uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let client = Client { address, is_https: true, host: None };
    app.send(request.extension(client).body(Body::from(body.to_string())).unwrap()).await
}

async fn guess(app: &App, last: u8, room: &Room, password: Option<&str>) -> Answer {
    let body = json!({ "invite_code": room.invite, "password": password });
    from(app, last, &format!("/v1/rooms/{}/start_invited", room.id), None, body).await
}

fn is_too_many(answer: &Answer) {
    let body = json!({ "code": "too_many_requests", "message": "too many attempts; try again later" });
    assert_eq!((answer.status, answer.json()), (429, body));
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_school_comes_in_with_the_right_password_and_a_guesser_does_not() {
    let app = App::with(|settings| {
        settings.wrong_passwords_per_address = at_once("wrong_passwords_per_address", 60);
    })
    .await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({ "password": "sesame" })).await;
    for _ in 0..600 {
        assert_eq!(guess(&app, 1, &room, Some("sesame")).await.status, 200);
    }
    // To ask whether there is a password is no guess.
    for _ in 0..100 {
        assert_eq!(guess(&app, 1, &room, None).await.status, 401);
    }
    for number in 0..60 {
        let answer = guess(&app, 1, &room, Some(&format!("sesame {number}"))).await;
        assert_eq!((answer.status, answer.text_of("code").as_str()), (401, "wrong_room_password"));
    }
    is_too_many(&guess(&app, 1, &room, Some("again")).await);
    // Else the answer would tell the right one from the wrong ones.
    is_too_many(&guess(&app, 1, &room, Some("sesame")).await);
    assert_eq!(guess(&app, 2, &room, Some("sesame")).await.status, 200);
    let start = format!("/v1/rooms/{}/start", room.id);
    assert_eq!(from(&app, 1, &start, Some(&alice), json!({})).await.status, 200);
}

#[tokio::test]
async fn guesses_from_many_addresses_are_counted_by_room() {
    let app = App::with(|settings| {
        settings.wrong_passwords_per_room = at_once("wrong_passwords_per_room", 5);
    })
    .await;
    let alice = app.user("alice", &[]).await;
    let [room, other] = [
        app.room(&alice, json!({ "password": "sesame" })).await,
        app.room(&alice, json!({ "password": "x" })).await,
    ];
    for last in 0..5 {
        assert_eq!(guess(&app, last, &room, Some("wrong")).await.status, 401);
    }
    is_too_many(&guess(&app, 9, &room, Some("wrong")).await);
    assert_eq!(guess(&app, 9, &other, Some("x")).await.status, 200);
}

#[tokio::test]
async fn tickets_are_counted_by_address() {
    let app = App::with(|settings| {
        settings.tickets_per_address = at_once("tickets_per_address", 2);
    })
    .await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let start = format!("/v1/rooms/{}/start", room.id);
    assert_eq!(from(&app, 1, &start, Some(&alice), json!({})).await.status, 200);
    assert_eq!(guess(&app, 1, &room, None).await.status, 200);
    is_too_many(&from(&app, 1, &start, Some(&alice), json!({})).await);
    is_too_many(&guess(&app, 1, &room, None).await);
    assert_eq!(guess(&app, 2, &room, None).await.status, 200);
}
