//! What all REST answers have in common, server-sent events, and the demo.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use sidetalk_api::demo::{self, Demo};
use sidetalk_core::refusal::Failure;
use tower::ServiceExt as _;

use crate::app::{App, PROJECT, SECRET, basic};

async fn send(app: &App, request: Request<Body>) -> Response<Body> {
    app.router.clone().oneshot(request).await.unwrap()
}

async fn error_code(response: Response<Body>) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_answer_is_json_with_a_name_and_safe_headers() {
    let app = App::new().await;
    for (method, path, status) in [
        (Method::GET, "/api/v1/errors", 200),
        (Method::GET, "/api/v1/nowhere", 404),
        (Method::GET, "/api/v1/rooms/%FF", 401),
        (Method::DELETE, "/api/v1/errors", 405),
        (Method::GET, "/api/v1/rooms", 401),
        (Method::GET, "/api/v1/connect", 426),
        (Method::POST, "/api/v1/connect", 405),
    ] {
        let request = Request::builder().method(method.clone()).uri(path).header("x-request-id", "mine-1");
        let response = send(&app, request.body(Body::empty()).unwrap()).await;
        let headers = response.headers();
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(headers["content-type"], "application/json", "{method} {path}");
        assert_eq!(headers["x-request-id"], "mine-1");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
    }
    app.shut_down().await;
}

#[tokio::test]
async fn bodies_are_bounded_and_checked() {
    let app = App::new().await;
    let post = |body: String| {
        let request = Request::post("/api/v1/rooms").header("authorization", basic(PROJECT, SECRET));
        send(&app, request.body(Body::from(body)).unwrap())
    };
    for (body, status, code) in [
        ("x".repeat(200 * 1024), 413, "too_large"),
        ("[".repeat(10_000), 400, "malformed_json"),
        ("{\"name\":\"\u{0}\"}".to_owned(), 400, "malformed_json"),
        (r#"{"name":"\ud800"}"#.to_owned(), 400, "malformed_json"),
        ("[]".to_owned(), 422, "invalid"),
        (r#"["unnamed",null,null,null,null]"#.to_owned(), 422, "invalid"),
        (r#"{"name":1}"#.to_owned(), 422, "invalid"),
        (r#"{"name":"x"} {}"#.to_owned(), 400, "malformed_json"),
        (r#"{"kind":"planet"}"#.to_owned(), 422, "invalid"),
        (r#"{"kind":"direct","members":["a"]}"#.to_owned(), 422, "invalid"),
    ] {
        let shown = body.chars().take(40).collect::<String>();
        let response = post(body).await;
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(error_code(response).await, code, "{shown}");
    }
    app.shut_down().await;
}

#[tokio::test]
async fn credentials_that_are_not_good_are_refused_alike() {
    let app = App::new().await;
    for credentials in [
        basic(PROJECT, "wrong"),
        basic(PROJECT, ""),
        basic(PROJECT + 1, SECRET),
        basic(0, SECRET),
        "Basic !!!".to_owned(),
        "Bearer x".to_owned(),
        "Digest x".to_owned(),
        String::new(),
    ] {
        let request = Request::get("/api/v1/project").header("authorization", &credentials);
        let response = send(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{credentials}");
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(error_code(response).await, "unauthenticated");
    }
    app.shut_down().await;
}

#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let app = App::new().await;
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/rooms/lobby/messages")
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "POST");
    let response = send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.org");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    app.shut_down().await;
}

#[tokio::test]
async fn a_retry_with_the_same_key_makes_one_of_it() {
    let app = App::new().await;
    let post = async |path: &str, key: &str, body: &'static str| {
        let request = Request::post(format!("/api/v1{path}"))
            .header("authorization", basic(PROJECT, SECRET))
            .header("idempotency-key", key);
        let response = send(&app, request.body(Body::from(body)).unwrap()).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (first, again) = (post("/rooms", "k1", "{}").await, post("/rooms", "k1", "{}").await);
    assert_eq!((first.0, again.0), (201, 200));
    assert_eq!(first.1, again.1);
    assert_ne!(post("/rooms", "k2", "{}").await.1["room"]["name"], first.1["room"]["name"]);
    let path = format!("/rooms/{}/messages", first.1["room"]["name"].as_str().unwrap());
    let (first, again) =
        (post(&path, "m1", r#"{"text":"hi"}"#).await, post(&path, "m1", r#"{"text":"hi"}"#).await);
    assert_eq!((first.0, again.0, &first.1["id"]), (201, 200, &again.1["id"]));
    assert_eq!(post(&path, "m1", r#"{"text":"ho"}"#).await.0, 409);
    assert_eq!(post(&path, "m2", r#"{"text":"ho","client_id":"other"}"#).await.0, 422);
    app.shut_down().await;
}

/// Whoever repeated a key with another wish got the room of the first one, which has another kind or other people, and 200.
#[tokio::test]
async fn a_name_or_key_that_has_made_another_room_is_a_conflict() {
    let app = App::new().await;
    let make = async |key: &str, body: &'static str| {
        let request = Request::post("/api/v1/rooms")
            .header("authorization", format!("Bearer {}", app.token_of("bob")))
            .header("idempotency-key", key);
        let response = send(&app, request.body(Body::from(body)).unwrap()).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let pair = r#"{"kind":"direct","members":["bob","carol"]}"#;
    assert_eq!(make("k", pair).await.0, 201);
    assert_eq!(make("k", r#"{"kind":"direct","members":["carol","bob"]}"#).await.0, 200);
    for other in
        [r#"{"kind":"direct","members":["bob","dora"]}"#, r#"{"kind":"group","members":["bob","carol"]}"#]
    {
        let (status, refused) = make("k", other).await;
        assert_eq!((status, &refused["error"]["code"]), (409, &Value::from("conflict")), "{other}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("the name belongs to a direct room that is not the wished one"),
            "{message}"
        );
    }
    let named = r#"{"name":"pair","kind":"direct","members":["bob","carol"]}"#;
    assert_eq!(app.rest("bob", Method::POST, "/rooms", named).await.0, 201);
    let group = r#"{"name":"pair","kind":"group","members":["bob"]}"#;
    assert_eq!(app.rest("bob", Method::POST, "/rooms", group).await.0, 409);
    app.shut_down().await;
}

/// Reads server-sent events until `count` have come.
async fn events(response: Response<Body>, count: usize) -> Vec<(String, String, Value)> {
    use http_body_util::BodyExt as _;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("in time");
        text.push_str(std::str::from_utf8(frame.unwrap().unwrap().data_ref().unwrap()).unwrap());
    }
    let event = |block: &str| {
        let field = |name: &str| {
            let lines: Vec<_> = block.lines().filter_map(|line| line.strip_prefix(name)).collect();
            lines.join("\n")
        };
        (field("event: "), field("id: "), serde_json::from_str(&field("data: ")).unwrap())
    };
    text.trim_end().split("\n\n").filter(|block| !block.starts_with(':')).map(event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_follow_the_log_and_resume() {
    let app = App::new().await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    let open = async |who: &str, last: Option<&str>| {
        let credentials = match who {
            "server" => basic(PROJECT, SECRET),
            user => format!("Bearer {}", app.token_of(user)),
        };
        let mut request = Request::get("/api/v1/rooms/lobby/events").header("authorization", credentials);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        send(&app, request.body(Body::empty()).unwrap()).await
    };
    let (server, carol) = (open("server", None).await, open("carol", None).await);
    let post = async |body: &str| app.rest("bob", Method::POST, "/rooms/lobby/messages", body).await;
    post(
        r#"{"parts":[{"type":"custom","data":{"a":
1}}]}"#,
    )
    .await;
    post(r#"{"text":"psst","audience":{"type":"users","users":["alice"]}}"#).await;
    post(r#"{"text":"two"}"#).await;
    let all = events(server, 3).await;
    let texts: Vec<_> =
        all.iter().map(|(_, _, params)| params["message"]["parts"][0]["text"].as_str()).collect();
    assert_eq!(texts, [None, Some("psst"), Some("two")]);
    assert!(all.iter().all(|(event, id, params)| event == "message.posted" && params["position"] == **id));
    let seen = events(carol, 2).await;
    assert_eq!(seen.iter().map(|(_, _, params)| params["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3]);
    let rest = events(open("server", Some(&all[0].1)).await, 2).await;
    assert_eq!(rest[..], all[1..]);
    let gone = open("server", Some("ffffffffffffffff-1")).await;
    assert_eq!(gone.status(), StatusCode::GONE);
    assert_eq!(error_code(gone).await, "epoch_changed");
    assert_eq!(open("hanna", None).await.status(), StatusCode::NOT_FOUND);
    app.shut_down().await;
}

#[tokio::test]
async fn the_demo_gives_a_place() {
    let app = App::new().await;
    let router = demo::router(app.api.clone(), Demo { project: app.project.id });
    let ask = async |body: &'static str| {
        let request =
            Request::post("/demo/session").header("host", "chat.example.org").body(Body::from(body));
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let first = ask(r#"{"room":"quiet-otter-42"}"#).await;
    let role = async |session: &Value| {
        let mut socket = app.socket().await;
        let token = session["token"].as_str().unwrap();
        let connect =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}"#);
        socket.call(&connect).await["result"]["user"]["role"].as_str().unwrap().to_owned()
    };
    assert_eq!(role(&first).await, "moderator");
    assert_eq!(role(&ask(r#"{"room":"quiet-otter-42","name":"Zoë"}"#).await).await, "member");
    assert_eq!(role(&ask(r#"{"room":"quiet-otter-42","as":"moderator"}"#).await).await, "moderator");
    assert!(ask("").await["room"].as_str().unwrap().split('-').count() == 3);
    assert_eq!(ask(r#"{"room":""}"#).await["error"]["code"], "invalid");
    app.shut_down().await;
}

/// A change of the project was read, made and written without a lock: of two at once, the one that was written last took
/// the other back. With `project rotate` as the other, a secret that had leaked was valid again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_of_the_project_at_once_none_is_lost() {
    let app = App::new().await;
    let patch = async |body: &str| {
        let (status, _) = app.rest("server", Method::PATCH, "/project", body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    };
    for turn in 1_u64..=20 {
        let name = format!(r#"{{"name":"name {turn}"}}"#);
        let retention = format!(r#"{{"settings":{{"retention_s":{turn}}}}}"#);
        let rotate = app.service.change_project(app.project.id, |project| {
            project.previous_secret = Some((format!("secret {turn}").into(), app.service.now()));
            Ok::<_, Failure>(())
        });
        let ((), (), rotated) = tokio::join!(patch(&name), patch(&retention), rotate);
        rotated.unwrap();
        let stored = app.service.store().project(app.project.id).await.unwrap().unwrap();
        let known = app.service.project(app.project.id).await.unwrap().unwrap();
        for project in [&stored, &*known] {
            assert_eq!(*project.name, format!("name {turn}"));
            assert_eq!(project.settings.retention, Some(Duration::from_secs(turn)));
            assert_eq!(*project.previous_secret.as_ref().unwrap().0, format!("secret {turn}"));
        }
    }
    app.shut_down().await;
}

/// Whoever asked for a change of the project and did not wait for the answer left the node with the project as it was
/// before, whatever the store said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_project_holds_though_nobody_waits_for_it() {
    let app = App::new().await;
    for turn in 1..=40 {
        let body = format!(r#"{{"name":"name {turn}"}}"#);
        let mut change = Box::pin(app.rest("server", Method::PATCH, "/project", &body));
        for _ in 0..turn % 8 {
            tokio::select! {
                biased;
                _ = &mut change => break,
                () = std::future::ready(()) => {}
            }
        }
        drop(change);
        let agree = async {
            loop {
                let stored = app.service.store().project(app.project.id).await.unwrap().unwrap();
                let known = app.service.project(app.project.id).await.unwrap().unwrap();
                if known.name == stored.name {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), agree).await.expect("store and memory agree in the end");
    }
    app.shut_down().await;
}

/// Followers heard nothing of a drain, so that one back end that followed a room kept the node from stopping for as long as
/// the operator lets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_end_when_the_node_drains() {
    use http_body_util::BodyExt as _;
    let app = App::new().await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    let open = async || {
        let request =
            Request::get("/api/v1/rooms/lobby/events").header("authorization", basic(PROJECT, SECRET));
        send(&app, request.body(Body::empty()).unwrap()).await.into_body()
    };
    let mut follower = open().await;
    app.api.announce_drain(Duration::from_secs(10));
    for body in [&mut follower, &mut open().await] {
        let end = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
        assert!(end.expect("in time").is_none());
    }
    app.shut_down().await;
}

/// A signal of a chat type is stored as a message, but the key of its retry was not looked at: there were two messages.
#[tokio::test]
async fn a_retry_of_a_signal_that_is_chat_stores_one_message() {
    let app = App::new().await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    for credentials in [basic(PROJECT, SECRET), format!("Bearer {}", app.token_of("bob"))] {
        let post = async |key: &str, body: &'static str| {
            let request = Request::post("/api/v1/rooms/lobby/signals")
                .header("authorization", &credentials)
                .header("idempotency-key", key);
            let response = send(&app, request.body(Body::from(body)).unwrap()).await;
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
            (status, serde_json::from_slice::<Value>(&body).unwrap())
        };
        let chat = r#"{"type":"chat","data":"hi"}"#;
        let (first, again) = (post("k1", chat).await, post("k1", chat).await);
        assert_eq!((first.0, again.0), (201, 200), "{again:?}");
        assert_eq!(first.1["message"]["id"], again.1["message"]["id"]);
        assert_eq!(again.1["message"]["repeated"], true);
        assert_eq!(post("k1", r#"{"type":"chat","data":"ho"}"#).await.0, 409);
        assert_eq!(post("k2", chat).await.0, 201);
        // What is not stored is sent again, and what goes to connections is not stored.
        let alone = r#"{"type":"chat","data":"hi","to":{"type":"connections","connections":[]}}"#;
        for passing in [r#"{"type":"wave","data":"hi"}"#, r#"{"type":"chat"}"#, alone] {
            assert_eq!(post("k1", passing).await, (202, serde_json::json!({})), "{passing}");
        }
    }
    let (_, page) = app.rest("server", Method::GET, "/rooms/lobby/messages", "").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 4);
    let message = &page["messages"][3];
    assert_eq!((&message["label"], &message["parts"][0]["text"]), (&"chat".into(), &"hi".into()));
    app.shut_down().await;
}
