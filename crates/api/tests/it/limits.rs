//! Rate limits name their rule and the time to wait, and hold only for whom they are made (RELIABILITY row 38).

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use sidetalk_api::{ApiLimits, DialectLimits};
use sidetalk_core::model::Dialect;
use sidetalk_edge::proxy::Client;
use sidetalk_edge::rate::Rule;
use tower::ServiceExt as _;

use crate::app::App;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_count_per_user_and_moderators_are_exempt() {
    let app = App::with_limits(ApiLimits {
        sends_per_user: Some(Rule::per("sends_per_user", 1, Duration::from_secs(3_600), 3)),
        ..ApiLimits::unlimited()
    })
    .await;
    let (status, _) = app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    assert_eq!(status, StatusCode::CREATED);
    let post = async |who: &'static str| {
        app.rest(who, Method::POST, "/rooms/lobby/messages", r#"{"text":"hi"}"#).await
    };
    // Two tabs and REST are one user.
    let (mut first, mut second) = (app.socket_of("bob").await, app.socket_of("bob").await);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"message.post","params":{"room":"lobby","text":"hi"}}"#;
    assert!(first.call(request).await["result"].is_object());
    assert!(second.call(request).await["result"].is_object());
    assert_eq!(post("bob").await.0, StatusCode::CREATED);
    let refused = first.call(request).await;
    assert_eq!(refused["error"]["data"]["code"], "rate_limited");
    assert!(
        refused["error"]["message"].as_str().unwrap().starts_with("rate limit sends_per_user: wait "),
        "{refused}"
    );
    assert!(refused["error"]["data"]["retry_after_ms"].as_u64().unwrap() > 3_500_000);
    assert_eq!(post("bob").await.0, StatusCode::TOO_MANY_REQUESTS);
    // Others go on.
    assert_eq!(post("carol").await.0, StatusCode::CREATED);
    for _ in 0..10 {
        assert_eq!(post("alice").await.0, StatusCode::CREATED);
        assert_eq!(post("server").await.0, StatusCode::CREATED);
    }
    // What the room makes a moderator is one.
    let (status, _) =
        app.rest("server", Method::PUT, "/rooms/lobby/members/bob", r#"{"role":"moderator"}"#).await;
    assert_eq!(status, StatusCode::OK);
    first.call(r#"{"jsonrpc":"2.0","id":2,"method":"room.join","params":{"room":"lobby"}}"#).await;
    assert!(
        first
            .call(r#"{"jsonrpc":"2.0","id":3,"method":"message.post","params":{"room":"lobby","text":"hi"}}"#)
            .await["result"]
            .is_object()
    );
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_a_dialect_may_have_limits_of_their_own() {
    let rule = |name, burst| Some(Rule::per(name, 1, Duration::from_secs(3_600), burst));
    let app = App::with_limits(ApiLimits {
        sends_per_user: rule("sends_per_user", 1),
        signals_per_user: rule("signals_per_user", 1),
        dialects: vec![DialectLimits {
            dialect: Dialect::new("left"),
            sends_per_user: rule("sends_per_user", 3),
            signals_per_user: None,
        }],
        ..ApiLimits::unlimited()
    })
    .await;
    app.rest("server", Method::POST, "/rooms", r#"{"name":"lobby"}"#).await;
    let (mut lena, mut bob) = (app.socket_of("lena").await, app.socket_of("bob").await);
    let post = r#"{"jsonrpc":"2.0","id":1,"method":"message.post","params":{"room":"lobby","text":"hi"}}"#;
    let signal = r#"{"jsonrpc":"2.0","id":1,"method":"signal.send","params":{"room":"lobby","type":"x"}}"#;
    let join = r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby","presence":false}}"#;
    for (who, posts, signals) in [(&mut lena, 3, 5), (&mut bob, 1, 1)] {
        assert!(who.call(join).await["result"].is_object());
        for (request, passing) in [(post, posts), (signal, signals)] {
            let mut passed = 0;
            while passed < 5 && who.call(request).await["result"].is_object() {
                passed += 1;
            }
            assert_eq!(passed, passing, "{request}");
        }
    }
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_has_a_limit_of_its_own() {
    let app = App::with_limits(ApiLimits {
        sends_per_room: Some(Rule::per("sends_per_room", 1, Duration::from_secs(3_600), 5)),
        ..ApiLimits::unlimited()
    })
    .await;
    for room in ["lobby", "hall"] {
        app.rest("server", Method::POST, "/rooms", &format!(r#"{{"name":"{room}"}}"#)).await;
    }
    let mut passed = 0;
    for user in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let (status, _) = app.rest(user, Method::POST, "/rooms/lobby/messages", r#"{"text":"hi"}"#).await;
        passed += usize::from(status == StatusCode::CREATED);
    }
    assert_eq!(passed, 5);
    let (status, _) = app.rest("a", Method::POST, "/rooms/hall/messages", r#"{"text":"hi"}"#).await;
    assert_eq!(status, StatusCode::CREATED);
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_is_refused_then_closed() {
    let app = App::with_limits(ApiLimits {
        requests_per_connection: Some(Rule::per("requests_per_connection", 1, Duration::from_secs(3_600), 5)),
        limited_max: 3,
        ..ApiLimits::unlimited()
    })
    .await;
    let mut socket = app.socket_of("bob").await;
    for id in 1..=5 {
        let pong = socket.call(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)).await;
        assert!(pong["result"].is_object());
    }
    for id in 6..=7 {
        let refused = socket.call(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)).await;
        assert_eq!(refused["error"]["data"]["code"], "rate_limited");
    }
    socket.send(r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#).await;
    let (number, reason) = socket.close().await;
    assert_eq!(number, 4003);
    assert!(reason.parse::<u64>().unwrap() > 3_500_000);
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_joins_and_failed_logins_have_theirs() {
    let long = |name| Some(Rule::per(name, 1, Duration::from_secs(3_600), 2));
    let app = App::with_limits(ApiLimits {
        signals_per_user: long("signals_per_user"),
        joins_per_user: long("joins_per_user"),
        auth_failures_per_address: long("auth_failures_per_address"),
        ..ApiLimits::unlimited()
    })
    .await;
    let mut socket = app.socket_of("bob").await;
    let codes = async |socket: &mut sidetalk_testkit::Socket, request: &str| {
        let mut codes = Vec::new();
        for _ in 0..3 {
            let answer = socket.call(request).await;
            codes.push(answer["error"]["data"]["code"].as_str().unwrap_or("ok").to_owned());
        }
        codes
    };
    let join = r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}}"#;
    assert_eq!(codes(&mut socket, join).await, ["ok", "ok", "rate_limited"]);
    let signal = r#"{"jsonrpc":"2.0","id":2,"method":"signal.send","params":{"room":"lobby","type":"x"}}"#;
    assert_eq!(codes(&mut socket, signal).await, ["ok", "ok", "rate_limited"]);
    let mut closes = Vec::new();
    for _ in 0..3 {
        let mut socket = app.socket().await;
        socket.send(r#"{"jsonrpc":"2.0","id":1,"method":"connect","params":{"token":"a.b.c"}}"#).await;
        closes.push(socket.close().await.0);
    }
    assert_eq!(closes, [4500, 4500, 4003]);
    // Who has a good token comes in from that address all the same.
    app.socket_of("carol").await;
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_limit_the_right_secret_looks_like_a_wrong_one() {
    let app = App::with_limits(ApiLimits::default()).await;
    let ask = async |secret: &str| {
        let authorization = crate::app::basic(crate::app::PROJECT, secret);
        let request = Request::builder().uri("/api/v1/project").header("authorization", authorization);
        let client = Client { address: [192, 0, 2, 1].into(), is_https: false, host: None };
        let request = request.extension(client).body(Body::empty()).unwrap();
        app.router.clone().oneshot(request).await.unwrap().status()
    };
    let mut wrong = 0;
    while ask("wrong").await == StatusCode::UNAUTHORIZED {
        wrong += 1;
        assert!(wrong < 100);
    }
    assert_eq!(ask(crate::app::SECRET).await, StatusCode::TOO_MANY_REQUESTS);
    app.shut_down().await;
}

/// A muted member pinned and unpinned 758 times in four seconds, and invited 499 users whose ids were what he had to say: only
/// posts, edits and reactions were counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_user_writes_into_a_log_counts_as_a_send() {
    let app = App::with_limits(ApiLimits {
        sends_per_user: Some(Rule::per("sends_per_user", 1, Duration::from_secs(3_600), 6)),
        ..ApiLimits::unlimited()
    })
    .await;
    let group = r#"{"name":"team","kind":"group","members":["alice","bob","olga"]}"#;
    assert_eq!(app.rest("server", Method::POST, "/rooms", group).await.0, StatusCode::CREATED);
    let mut bob = app.socket_of("bob").await;
    let call = async |socket: &mut sidetalk_testkit::Socket, method: &str, params: &str| {
        let request =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"room":"team"{params}}}}}"#);
        let answer = socket.call(&request).await;
        let code = answer["error"]["data"]["code"].as_str().unwrap_or("ok").to_owned();
        (code, answer["result"]["id"].as_str().unwrap_or_default().to_owned())
    };
    let private = r#","text":"hi","audience":{"type":"users","users":["alice"]}"#;
    let (_, id) = call(&mut bob, "message.post", private).await;
    let message = format!(r#","message":"{id}""#);
    assert_eq!(call(&mut bob, "message.pin", &message).await.0, "ok");
    assert_eq!(call(&mut bob, "message.unpin", &message).await.0, "ok");
    assert_eq!(call(&mut bob, "member.invite", r#","user":"carol""#).await.0, "ok");
    assert_eq!(call(&mut bob, "message.delete", &message).await.0, "ok");
    assert_eq!(call(&mut bob, "room.update", r#","title":"x""#).await.0, "role_too_low");
    for (method, params) in [
        ("message.post", r#","text":"hi""#),
        ("message.pin", &*message),
        ("message.unpin", &message),
        ("message.delete", &message),
        ("member.invite", r#","user":"dora""#),
        ("member.set_role", r#","user":"alice","role":null"#),
        ("room.update", r#","title":"x""#),
        ("membership.leave", ""),
    ] {
        assert_eq!(call(&mut bob, method, params).await.0, "rate_limited", "{method}");
    }
    let (status, _) = app.rest("bob", Method::PUT, "/rooms/team/members/alice", r#"{"role":null}"#).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    // Who moderates goes on.
    let mut olga = app.socket_of("olga").await;
    for number in 0..10 {
        let (code, _) = call(&mut olga, "member.invite", &format!(r#","user":"guest{number}""#)).await;
        assert_eq!(code, "ok");
    }
    app.shut_down().await;
}

/// One user made 2,000 direct rooms with a victim in 3.4 seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_a_room_counts_as_a_send_and_finding_one_does_not() {
    let app = App::with_limits(ApiLimits {
        sends_per_user: Some(Rule::per("sends_per_user", 1, Duration::from_secs(3_600), 3)),
        ..ApiLimits::unlimited()
    })
    .await;
    let make = async |who: &str, name: String| {
        let pair = format!(r#"{{"name":"{name}","kind":"direct","members":["{who}","victim"]}}"#);
        app.rest(who, Method::POST, "/rooms", &pair).await
    };
    for number in 0..3 {
        assert_eq!(make("bob", format!("pair-{number}")).await.0, StatusCode::CREATED);
    }
    for _ in 0..5 {
        assert_eq!(make("bob", "pair-0".to_owned()).await.0, StatusCode::OK);
    }
    let (status, answer) = make("bob", "pair-3".to_owned()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer["error"]["message"].as_str().unwrap().contains("sends_per_user"), "{answer}");
    let (status, _) = app.rest("bob", Method::POST, "/rooms", r#"{"kind":"group","members":["bob"]}"#).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    for number in 0..5 {
        assert_eq!(make("alice", format!("moderated-{number}")).await.0, StatusCode::CREATED);
        let body = format!(r#"{{"name":"room-{number}"}}"#);
        assert_eq!(app.rest("server", Method::POST, "/rooms", &body).await.0, StatusCode::CREATED);
    }
    app.shut_down().await;
}
