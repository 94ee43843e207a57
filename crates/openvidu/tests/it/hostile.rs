//! What hostile and broken clients try: forged senders, guessed and stolen secrets, foreign tokens, frames that nobody sends.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use sidetalk_core::ports::Project;
use sidetalk_edge::listener::Peer;
use sidetalk_edge::rate::Rule;
use sidetalk_openvidu::OpenViduSettings;
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::ask;

use crate::app::{App, Choice, SERVER, basic};
use crate::member::{Member, join_params};

const OTHER_SECRET: &str = "the secret of another project, for tests";

async fn other_project(app: &App) {
    let project = Project {
        id: sidetalk_core::model::ProjectId::new(100_002).unwrap(),
        secret: OTHER_SECRET.into(),
        ..app.kit.project.clone()
    };
    app.kit.service.put_project(project).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_in_the_name_of_another() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let message =
        json!({ "to": [], "data": "x", "type": "signal:t", "from": bob.id, "connectionId": bob.id });
    let forged =
        json!({ "message": message.to_string(), "from": bob.id, "sender": bob.id, "sessionId": bob.rpc });
    alice.call("sendMessage", forged).await;
    assert_eq!(bob.signals().await, [format!("signal:t x from {}", alice.id)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_has_the_secret_takes_a_place_over() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let mut mallory = Member::stranger(app.socket().await, "");
    for guess in
        [bob.id.clone(), bob.token.clone(), bob.rpc[..25].to_owned(), bob.rpc.to_uppercase(), String::new()]
    {
        let answer = mallory.call("connect", json!({ "sessionId": guess, "reconnect": true })).await;
        assert_eq!(answer["error"]["code"], 40007, "{guess}");
        assert_eq!(answer["error"]["message"], "reconnection error");
    }
    // The real one, while the old socket is still open: it is closed, and its end is nobody's.
    let mut old = std::mem::replace(&mut bob.socket, app.socket().await);
    let answer = bob.call("connect", json!({ "sessionId": bob.rpc, "reconnect": true })).await;
    assert_eq!(answer["result"]["value"], "reconnection successful");
    assert_eq!(old.close().await.0, 1000);
    drop(old);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(alice.signal("t", "to bob", &[&bob.id]).await, 0);
    assert_eq!(bob.signals().await, [format!("signal:t to bob from {}", alice.id)]);
    let heard = alice.heard().await;
    assert_eq!(heard, [format!("joined {}", bob.id)], "nobody noticed");
}

/// A socket that took a second member's place over while it had one kept both, and nobody noticed when the first was lost:
/// a ghost stayed in the session for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_is_one_member() {
    let app = App::new().await;
    app.session("s").await;
    let (alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let answer = bob.call("connect", json!({ "sessionId": alice.rpc, "reconnect": true })).await;
    assert_eq!(answer["error"]["code"], 104);
    let answer = bob.call("connect", json!({ "sessionId": bob.rpc, "reconnect": true })).await;
    assert_eq!(answer["result"]["value"], "reconnection successful", "its own place is its own");
    let (_, token) = app.promise("s", json!({})).await;
    assert_eq!(bob.call("joinRoom", join_params(&token, "again")).await["error"]["code"], 104);
    let mut carol = Member::join(app.socket().await, &token, "carol").await;
    assert_eq!(carol.signal("t", "the token was not used up", &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_good_once_where_they_belong() {
    let app = App::new().await;
    other_project(&app).await;
    app.session("s").await;
    app.session("other").await;
    let (_, token) = app.promise("s", json!({})).await;
    let (_, foreign) = app.promise("other", json!({})).await;
    let secret = |token: &str| token.split("token=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut mallory = Member::stranger(app.socket().await, "");
    for (altered, session) in [
        (format!("wss://chat.example?sessionId=other&token={}", secret(&token)), "other"),
        (format!("wss://chat.example?sessionId=s&token={}", secret(&token)), "other"),
        (format!("wss://chat.example?sessionId=s&token={}", secret(&foreign)), "s"),
        (token.replace("tok_", "tok_a"), "s"),
        (token.replace(&secret(&token), &secret(&token).to_lowercase()), "s"),
        ("wss://chat.example?sessionId=s".to_owned(), "s"),
        ("wss://chat.example?sessionId=s&token=".to_owned(), "s"),
        (String::new(), "s"),
    ] {
        let answer = mallory.call("joinRoom", json!({ "token": altered, "session": session })).await;
        assert_eq!(answer["error"]["code"], 401, "{altered} {session}");
    }
    // None of this has used it up.
    let alice = Member::join(app.socket().await, &token, "alice").await;
    let mut thief = Member::stranger(app.socket().await, &token);
    assert_eq!(thief.try_join("alice").await["error"]["code"], 401, "used");
    drop(alice);
    // Another project sees nothing of it, and may have a session of the same name.
    let other = basic(SERVER, OTHER_SECRET);
    let ask = async |method: &str, path: &str, body: &str| {
        app.request(method, &format!("/openvidu/api{path}"), Some(&other), body).await.status
    };
    assert_eq!(ask("GET", "/sessions/s", "").await, 404);
    assert_eq!(ask("POST", "/signal", r#"{"session":"s"}"#).await, 404);
    assert_eq!(ask("DELETE", "/sessions/s", "").await, 404);
    assert_eq!(ask("POST", "/sessions", r#"{"customSessionId":"s"}"#).await, 200);
    assert_eq!(ask("GET", "/sessions/s/connection", "").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_may_switch_the_dialect_off() {
    let app = App::new().await;
    app.session("s").await;
    let (_, token) = app.promise("s", json!({})).await;
    let mut project = app.kit.project.clone();
    project.settings.dialects = vec!["native".into()];
    app.kit.service.put_project(project.clone()).await.unwrap();
    let mut alice = Member::stranger(app.socket().await, &token);
    assert_eq!(alice.try_join("alice").await["error"]["code"], 401);
    assert_eq!(app.rest("GET", "/sessions", "").await.status, 401);
    let exchange = json!({ "token": token }).to_string();
    assert_eq!(app.request("POST", "/openvidu/exchange", None, &exchange).await.status, 401);
    project.settings.dialects = Vec::new();
    app.kit.service.put_project(project).await.unwrap();
    assert!(alice.try_join("alice").await["result"].is_object(), "the token was not used up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_tabs_with_one_token_one_comes_in() {
    let app = App::new().await;
    app.session("s").await;
    let (_, token) = app.promise("s", json!({})).await;
    let mut tabs = Vec::new();
    for _ in 0..50 {
        tabs.push(Member::stranger(app.socket().await, &token));
    }
    let mut asked = Vec::new();
    for tab in &mut tabs {
        asked.push(tab.ask("joinRoom", join_params(&token, "alice")).await);
    }
    let mut codes = Vec::new();
    for (tab, id) in tabs.iter_mut().zip(asked) {
        codes.push(tab.answer(id).await["error"]["code"].as_i64().unwrap_or(0));
    }
    codes.sort_unstable();
    assert_eq!(codes[0], 0);
    assert!(codes[1..].iter().all(|code| *code == 401), "{codes:?}");
    assert_eq!(app.connections("s").await.len(), 1);
}

/// Every field of every method with every type that it does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_types_are_answered_and_change_nothing() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    let mut stranger = Member::stranger(app.socket().await, "");
    let wrong = || {
        [
            json!(null),
            json!(true),
            json!(7),
            json!(-1.5e300),
            json!([]),
            json!([[]]),
            json!({}),
            json!({ "a": 1 }),
            json!(""),
        ]
    };
    let methods = [
        ("ping", "interval"),
        ("joinRoom", "token"),
        ("joinRoom", "metadata"),
        ("joinRoom", "session"),
        ("joinRoom", "platform"),
        ("joinRoom", "sdkVersion"),
        ("sendMessage", "message"),
        ("forceDisconnect", "connectionId"),
        ("connect", "sessionId"),
    ];
    for (method, field) in methods {
        for value in wrong() {
            for member in [&mut stranger, &mut alice] {
                let mut params = json!({ "token": "tok_Wrong" });
                params[field] = value.clone();
                let answer = member.call(method, params).await;
                let is_pong = answer["result"]["value"] == "pong";
                assert!(is_pong || answer["error"]["code"].is_i64(), "{method} {field} {value}: {answer}");
            }
        }
        // Parameters that are no object.
        for params in wrong() {
            stranger.call(method, params.clone()).await;
            alice.call(method, params).await;
        }
    }
    for field in ["to", "type", "data"] {
        for value in wrong() {
            let message = json!({ field: value }).to_string();
            let answer = alice.call("sendMessage", json!({ "message": message })).await;
            let said = &answer["error"]["code"];
            assert!([json!(null), json!(600), json!(601)].contains(said), "{message}: {answer}");
        }
    }
    bob.heard().await;
    assert_eq!(alice.signal("t", "still here", &[]).await, 0);
    assert_eq!(bob.signals().await, [format!("signal:t still here from {}", alice.id)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_nobody_sends_harm_nobody() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    alice.heard().await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep_data = json!({ "message": format!(r#"{{"data":{}}}"#, &deep[50_000..150_000]) });
    let huge = "9".repeat(100_000);
    for frame in [
        format!(r#"{{"jsonrpc":"2.0","method":"sendMessage","params":{deep},"id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"sendMessage","params":{deep_data},"id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"ping","id":{huge}}}"#),
        r#"{"jsonrpc":"2.0","method":"ping","id":1e999}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"ping","method":"leaveRoom","id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"sendMessage","params":{"message":"{\"to\":[],\"to\":[\"x\"]}"},"id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"pi\u0000ng","id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"\ud800","id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"sendMessage","params":{"message":"{\"data\":\"\\ud800\"}"},"id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"forceDisconnect","params":{"connectionId":"\u0000/../%2e"},"id":1}"#.to_owned(),
        r#"[{"jsonrpc":"2.0","method":"leaveRoom","id":1}]"#.to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        alice.socket.send(&frame).await;
        // As text: not every number that is JSON can be read.
        let answer = alice.socket.next_within(Duration::from_secs(10)).await.unwrap_or_default();
        let is_answer = answer.contains(r#""value":"pong""#) || answer.contains(r#""error":{"code":"#);
        assert!(is_answer, "{frame:.80}: {answer:.200}");
    }
    // NUL, direction marks and halves of nothing are only text.
    bob.heard().await;
    let odd = "a\u{0}b\u{202e}c\u{2028}d\u{fffd}\u{7f}\"\\";
    assert_eq!(alice.signal("chat", odd, &[]).await, 0);
    assert_eq!(bob.signals().await, [format!("signal:chat {odd} from {}", alice.id)]);
    assert_eq!(bob.socket.closed, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_nothing_but_rubbish_is_closed() {
    let app = App::new().await;
    let mut socket = app.socket().await;
    for _ in 0..20 {
        socket.send("rubbish").await;
    }
    assert_eq!(socket.close().await, (1000, "too many frames that are no requests".to_owned()));
}

/// The limit was counted in bytes, so that 20,000 emoji were too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn length_is_counted_in_characters() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    for kind in ["chat", "other"] {
        let emoji = "😀".repeat(20_000);
        assert_eq!(alice.signal(kind, &emoji, &[]).await, 0, "{kind}");
        assert_eq!(bob.hears("sendMessage").await["data"], emoji);
        let most = "\"".repeat(65_536);
        assert_eq!(alice.signal(kind, &most, &[]).await, 0, "{kind}");
        assert_eq!(bob.hears("sendMessage").await["data"], most);
        assert_eq!(alice.signal(kind, &"x".repeat(70_000), &[]).await, 600, "{kind}");
        assert_eq!(alice.signal(kind, &"x".repeat(65_537), &[]).await, 600, "{kind}");
        let rest = json!({ "session": "s", "type": kind, "data": "x".repeat(70_000) }).to_string();
        assert_eq!(app.rest("POST", "/signal", &rest).await.status, 400);
        assert_eq!(alice.signal(kind, "still here", &[]).await, 0);
        assert_eq!(bob.hears("sendMessage").await["data"], "still here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_the_limit_closes_its_socket_only() {
    let app = App::new().await;
    app.session("s").await;
    let (mut alice, mut bob) = (app.member("s", "alice").await, app.member("s", "bob").await);
    bob.socket.send(&"x".repeat(512 * 1024 + 1)).await;
    assert_eq!(bob.socket.close().await.0, 1009);
    assert_eq!(alice.signal("t", "meanwhile", &[]).await, 0);
    // As after every loss it may come back, and has missed nothing.
    let answer = bob.come_back(app.socket().await).await;
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(bob.signals().await, [format!("signal:t meanwhile from {}", alice.id)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_never_join_are_few_per_address() {
    let settings = OpenViduSettings { unjoined_per_address_max: 3, ..Choice::default().settings };
    let app = App::with(Choice { settings, ..Choice::default() }).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let mut strangers = Vec::new();
    for _ in 0..5 {
        let mut stranger = Member::stranger(app.socket().await, "tok_Wrong");
        stranger.call("ping", json!({ "interval": 5000 })).await;
        assert_eq!(stranger.try_join("stranger").await["error"]["code"], 401);
        strangers.push(stranger);
    }
    for oldest in &mut strangers[..2] {
        assert_eq!(oldest.socket.close().await, (1000, "too many sockets that do not join".to_owned()));
    }
    for newer in &mut strangers[2..] {
        assert_eq!(newer.call("ping", json!({})).await["result"]["value"], "pong");
    }
    assert_eq!(alice.signal("t", "inside one is not counted", &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_refused_and_the_socket_goes_on() {
    let rule = Rule::per_second("requests_per_connection", 1, 20);
    let settings = OpenViduSettings { requests_per_connection: Some(rule), ..Choice::default().settings };
    let app = App::with(Choice { settings, ..Choice::default() }).await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(alice.signal("t", "x", &[]).await);
    }
    assert!(codes[..15].iter().all(|code| *code == 0), "{codes:?}");
    assert!(codes.contains(&10), "{codes:?}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(alice.signal("t", "later", &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_wrong_types_are_bad_requests() {
    let app = App::new().await;
    app.session("s").await;
    let fields: [(&str, &str, &[&str]); 4] = [
        (
            "POST",
            "/sessions",
            &[
                "mediaMode",
                "recordingMode",
                "customSessionId",
                "defaultRecordingProperties",
                "mediaNode",
                "forcedVideoCodec",
                "allowTranscoding",
            ],
        ),
        (
            "POST",
            "/sessions/s/connection",
            &["type", "role", "data", "record", "kurentoOptions", "replayHistory"],
        ),
        ("POST", "/tokens", &["session", "role", "data"]),
        ("POST", "/signal", &["session", "to", "type", "data"]),
    ];
    for (method, path, fields) in fields {
        for field in fields {
            let mut refused = 0;
            for value in [json!(7), json!("\u{0}"), json!([7]), json!({ "a": 1 }), json!(true)] {
                let mut body = if path == "/sessions" { json!({}) } else { json!({ "session": "s" }) };
                body[*field] = value;
                let status = app.rest(method, path, &body.to_string()).await.status;
                assert!([200, 400, 404, 406].contains(&status), "{path} {body}: {status}");
                refused += u32::from(status == 400);
            }
            assert!(refused >= 3, "{path} {field}");
        }
        for body in ["7", "null", "\"x\"", "{\"a\":", "\u{0}", &"[".repeat(100_000)] {
            assert_eq!(app.rest(method, path, body).await.status, 400, "{path} {body:.9}");
        }
    }
    let listed: Value = app.rest("GET", "/sessions?pendingConnections=true", "").await.json();
    assert!(listed["numberOfElements"].as_u64().unwrap() < 20, "only what was right was made");
}

/// Every name of a signal's `to` was looked for by itself, and only then they were counted: one frame with a person of another
/// dialect in it 27,000 times held a worker for seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_targets_is_bounded_before_it_is_resolved() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member("s", "alice").await;
    let mut natives = Vec::new();
    for n in 0..300 {
        let native = app.kit.person(&format!("n{n}"));
        native.join("s", None).await.unwrap();
        natives.push(native);
    }
    let connections = app.connections("s").await;
    let names: Vec<&str> = connections.iter().map(|one| one.split(' ').next().unwrap()).collect();
    let native = names.iter().rfind(|name| **name != alice.id).unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(alice.signal("t", "to one", &vec![*native; 27_000]).await, 0);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(alice.signal("t", "to a hundred", &names[..100]).await, 0);
    let nobody: Vec<String> = (0..101).map(|n| format!("con_A{n:09}")).collect();
    for many in [names[..101].to_vec(), nobody.iter().map(String::as_str).collect()] {
        let message = json!({ "to": many, "data": "x", "type": "signal:t" }).to_string();
        let answer = alice.call("sendMessage", json!({ "message": message })).await;
        assert_eq!(answer["error"]["code"], 601, "{answer}");
        assert_eq!(answer["error"]["message"], "to is larger than 100");
    }
    // The application's server may name whom it wants, as often as it wants.
    let all_twice = [&*names, &*names].concat();
    let rest = json!({ "session": "s", "to": all_twice, "data": "x" }).to_string();
    assert_eq!(app.rest("POST", "/signal", &rest).await.status, 200);
}

/// A right secret was still found out by guessing: those who had guessed too often only got another status for wrong ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_too_often_is_not_heard() {
    let rule = Rule::per("auth_failures_per_address", 5, Duration::from_secs(3_600), 5);
    let settings = OpenViduSettings { auth_failures_per_address: Some(rule), ..Choice::default().settings };
    let app = App::with(Choice { settings, ..Choice::default() }).await;
    other_project(&app).await;
    assert_eq!(app.rest("GET", "/sessions", "").await.status, 200);
    let from = |address: &str, secret: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        let peer = Peer { addr: (address, 40_000).into(), is_tls: false };
        let request = http::Request::builder().uri("/openvidu/api/sessions").extension(peer);
        let request = request.header("authorization", basic(SERVER, secret)).body(Body::empty()).unwrap();
        let router = app.router.clone();
        async move { ask(&router, request).await.status }
    };
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(from("192.0.2.1", "wrong").await);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(from("192.0.2.1", OTHER_SECRET).await, 429, "right, but guessed");
    assert_eq!(from("192.0.2.1", SECRET).await, 200, "the one who was known goes on");
    assert_eq!(from("192.0.2.2", OTHER_SECRET).await, 200, "from elsewhere");
    let mut statuses = Vec::new();
    for host in 1..=7 {
        statuses.push(from(&format!("2001:db8:1:2::{host}"), "wrong").await);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "a fresh address is no other guesser");
    assert_eq!(from("2001:db8:1:3::1", "wrong").await, 401, "another network");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_secret_opens_rest() {
    let app = App::new().await;
    for (user, secret) in [
        (SERVER, ""),
        (SERVER, "wrong"),
        ("", SECRET),
        ("OpenViduApp", SECRET),
        ("100001", SECRET),
        (SERVER, &SECRET[1..]),
    ] {
        let answer = app.request("GET", "/openvidu/api/sessions", Some(&basic(user, secret)), "").await;
        assert_eq!((answer.status, &*answer.text), (401, ""), "{user} {secret}");
        assert_eq!(answer.headers["www-authenticate"], "Basic");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
    for header in ["Basic", "Basic !!!", "Bearer x", ""] {
        assert_eq!(
            app.request("GET", "/openvidu/api/config", Some(header), "").await.status,
            401,
            "{header}"
        );
    }
    assert_eq!(app.rest("GET", "/sessions", "").await.status, 200);
}
