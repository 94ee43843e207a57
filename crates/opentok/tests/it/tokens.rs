//! The exchange of tokens: all forms that the vendor's server clients make, and what must not be let in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use sidetalk_opentok::OpenTokSettings;
use sidetalk_testkit::app::SECRET;

use crate::app::{
    APPLICATION, Answer, App, KEY, PAIRS, changed, claims, connection, signed, signed_by, with_header,
};

/// RFC 2104, for secrets of at most a block.
fn hmac_sha1(secret: &str, text: &str) -> String {
    let mut block = [0; 64];
    block[..secret.len()].copy_from_slice(secret.as_bytes());
    let inner = Sha1::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    let outer = Sha1::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token of the first form.
fn t1(key: &str, payload: &str, secret: &str) -> String {
    let head = format!("partner_id={key}&sig={}", hmac_sha1(secret, payload));
    format!("T1=={}", STANDARD.encode(format!("{head}:{payload}")))
}

/// What the Node client says.
fn node(app: &App, session: &str) -> Value {
    json!({
        "iss": KEY, "ist": "project", "iat": app.now(), "exp": app.now() + 86_400, "session_id": session,
        "create_time": app.now(), "nonce": 0.123, "role": "publisher", "expire_time": app.now() + 86_400,
        "connection_data": "{\"name\":\"Alice\"}", "initial_layout_class_list": "", "scope": "session.connect"
    })
}

fn vonage(app: &App, session: &str) -> Value {
    json!({
        "application_id": APPLICATION, "scope": "session.connect", "session_id": session, "role": "publisher",
        "initial_layout_class_list": "", "exp": app.now() + 900, "sub": "video", "acl": {"paths": {"/session/**": {}}},
        "connection_data": "", "jti": "4fcd", "iat": app.now()
    })
}

async fn vonage_session(app: &App) -> String {
    let auth = json!({ "application_id": APPLICATION, "exp": app.now() + 900 });
    let auth = format!("Bearer {}", signed_by(&auth, &PAIRS[0]));
    let headers = [("authorization", &*auth), ("accept", "application/json")];
    let answer = app.request("POST", "/session/create", &headers, "").await;
    answer.json()[0]["session_id"].as_str().expect("a session").to_owned()
}

#[track_caller]
fn assert_let_in(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: u16, name: &str, what: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"], &body["name"]), (status, &json!(code), &json!(name)), "{what}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
}

#[tokio::test]
async fn every_form_is_let_in() {
    let app = App::start().await;
    let session = app.session().await;
    let (now, good) = (app.now(), node(&app, &session));
    let python = json!({
        "session_id": session, "role": "moderator", "iat": now, "exp": now + 3_600, "scope": "session.connect", "iss": KEY,
        "ist": "project", "nonce": 123_456
    });
    let ruby = json!({
        "iss": KEY, "ist": "project", "iat": now, "nonce": 1, "role": "publisher", "scope": "session.connect",
        "session_id": session
    });
    let php = changed(&ruby, json!({ "initial_layout_class_list": ["a", "b"] }));
    for claims in [&good, &python, &ruby, &php] {
        assert_let_in(&app.exchange(KEY, &session, &signed(claims, SECRET)).await, &claims.to_string());
    }
    // With a null, which `changed` cannot say.
    let with_null = signed(&ruby, SECRET);
    let with_null = claims(&with_null).to_string().replacen('{', "{\"expireTime\":null,\"exp\":null,", 1);
    let with_null: Value = serde_json::from_str(&with_null).expect("JSON");
    assert_let_in(&app.exchange(KEY, &session, &signed(&with_null, SECRET)).await, "a null");

    let t1_fields = format!(
        "session_id={session}&create_time={now}&nonce=0.5&role=publisher&expire_time={}&connection_data=\
         %7B%22name%22%3A%22Bob%22%7D&initial_layout_class_list=focus+full&scope=session.connect",
        now + 100
    );
    let answer = app.exchange(KEY, &session, &t1(KEY, &t1_fields, SECRET)).await;
    assert_let_in(&answer, "T1");
    assert_eq!(answer.json()["data"], r#"{"name":"Bob"}"#);
    assert_eq!(claims(answer.json()["token"].as_str().unwrap())["name"], "Bob");
    let with_colons = format!("role=subscriber&connection_data=a:b:c&session_id={session}&create_time={now}");
    let answer = app.exchange(KEY, &session, &t1(KEY, &with_colons, SECRET)).await;
    assert_eq!((answer.status, &answer.json()["data"]), (200, &json!("a:b:c")));
    let unpadded = t1(KEY, &t1_fields, SECRET).trim_end_matches('=').to_owned();
    assert_let_in(&app.exchange(KEY, &session, &unpadded).await, "T1 without padding");

    let session = vonage_session(&app).await;
    let good = vonage(&app, &session);
    let php = changed(&good, json!({ "sub": null, "subject": "video", "initial_layout_class_list": ["a"] }));
    for claims in [&good, &php] {
        let token = signed_by(claims, &PAIRS[0]);
        assert_let_in(&app.exchange(APPLICATION, &session, &token).await, &claims.to_string());
    }
    let answer = app.exchange(&APPLICATION.to_uppercase(), &session, &signed_by(&good, &PAIRS[0])).await;
    assert_let_in(&answer, "the id in capitals");
}

#[tokio::test]
async fn wrong_tokens_are_refused() {
    let app = App::start().await;
    app.other_project(7, "the secret of another project, which is long").await;
    let (session, other) = (app.session().await, app.session().await);
    let of_the_application = vonage_session(&app).await;
    let (now, good) = (app.now(), node(&app, &session));
    let token = signed(&good, SECRET);
    let with = |changes: Value| signed(&changed(&good, changes), SECRET);
    let fields = format!("session_id={session}&create_time={now}&role=publisher&expire_time={}", now + 100);
    let first = t1(KEY, &fields, SECRET);
    let altered = {
        let plain = String::from_utf8(STANDARD.decode(&first[4..]).unwrap()).unwrap();
        format!("T1=={}", STANDARD.encode(plain.replace("role=publisher", "role=moderator")))
    };
    let t1_with = |payload: String| t1(KEY, &payload, SECRET);
    let table = [
        (with_header(&token, r#"{"alg":"none"}"#), "no algorithm"),
        (format!("{}.", token.rsplit_once('.').unwrap().0), "no signature"),
        (with_header(&token, r#"{"alg":"HS256","typ":"JWT","x":1}"#), "another header"),
        (signed(&good, "wrong"), "another secret"),
        (signed(&good, "the secret of another project, which is long"), "another project's secret"),
        (
            signed(&changed(&good, json!({"iss": "7"})), "the secret of another project, which is long"),
            "another project",
        ),
        (signed_by(&good, &PAIRS[0]), "the application's key for the project"),
        (signed_by(&vonage(&app, &session), &PAIRS[0]), "the application instead of the key"),
        (with(json!({ "session_id": other })), "another session"),
        (with(json!({ "session_id": null })), "no session"),
        (with(json!({ "session_id": of_the_application })), "a session of the application"),
        (with(json!({ "exp": now - 61 })), "expired"),
        (with(json!({ "exp": null, "expire_time": now - 61 })), "expired by the other claim"),
        (
            with(json!({ "exp": null, "expire_time": null, "iat": now - 86_461, "create_time": null })),
            "a day old",
        ),
        (
            with(json!({ "exp": null, "expire_time": null, "iat": null, "create_time": null })),
            "without any time",
        ),
        (with(json!({ "exp": now + 1_000_000_000, "iat": now - 31 * 86_400 })), "older than a token may get"),
        (with(json!({ "exp": "soon" })), "an end in text"),
        (with(json!({ "iat": now + 3_600 })), "made in the future"),
        (with(json!({ "nbf": now + 3_600 })), "for later"),
        (with(json!({ "role": "admin" })), "an unknown role"),
        (with(json!({ "role": "" })), "an empty role"),
        (with(json!({ "role": "Moderator" })), "a role in capitals"),
        (with(json!({ "scope": "session.manage" })), "another scope"),
        (with(json!({ "connection_data": "x".repeat(4_097) })), "too much data"),
        (with(json!({ "connection_data": {"a": 1} })), "data that is no text"),
        (signed(&json!({ "iss": KEY, "sub": "alice", "exp": now + 60 }), SECRET), "a native token"),
        (app.auth(), "a server's token"),
        (altered, "T1 altered"),
        (t1(KEY, &fields, "wrong"), "T1 with another secret"),
        (t1("7", &fields, SECRET), "T1 in another name"),
        (t1("8", &fields, SECRET), "T1 of nobody"),
        (t1(APPLICATION, &fields, ""), "T1 of an application"),
        (first.replacen("T1==", "T1==!", 1), "T1 that is no base64"),
        (format!("T1=={}", STANDARD.encode("partner_id=100001&sig=0")), "T1 without a payload"),
        (t1_with(format!("session_id={session}&create_time={now}&role=king")), "T1 with an unknown role"),
        (t1_with(format!("session_id={session}&role=publisher")), "T1 without times"),
        (t1_with(format!("session_id={session}&create_time={now}&expire_time={}", now - 61)), "T1 expired"),
        (t1_with(format!("session_id={session}&create_time=soon")), "T1 with a time in words"),
        (t1_with(format!("session_id={session}&create_time=NaN")), "T1 with a time that is none"),
        (
            t1_with(format!("session_id={other}&create_time={now}&session_id={session}")),
            "T1 with two sessions",
        ),
        (t1_with(format!("session_id={other}&create_time={now}")), "T1 for another session"),
        ("T1==".to_owned(), "T1 and nothing"),
        ("x".repeat(9_000), "a long text"),
        (String::new(), "nothing"),
    ];
    for (token, what) in table {
        let answer = app.exchange(KEY, &session, &token).await;
        assert_refused(&answer, 403, 1004, "OT_AUTHENTICATION_ERROR", what);
    }
    for key in ["7", "8", APPLICATION, "", "0100001"] {
        let answer = app.exchange(key, &session, &token).await;
        assert_refused(&answer, 403, 1004, "OT_AUTHENTICATION_ERROR", key);
    }
    let forged = signed_by(&vonage(&app, &of_the_application), &PAIRS[1]);
    let answer = app.exchange(APPLICATION, &of_the_application, &forged).await;
    assert_refused(&answer, 403, 1004, "OT_AUTHENTICATION_ERROR", "another key");
    for session in ["", "lobby", "1_MX4", "3_MX4xMDAwMDF-fjF-eH4", "1_\u{0}"] {
        assert_refused(
            &app.exchange(KEY, session, &token).await,
            404,
            1005,
            "OT_INVALID_SESSION_ID",
            session,
        );
    }
    for body in
        ["", "{}", "[]", "5", "{\"apiKey\":\"1\"}", "{\"apiKey\":null,\"sessionId\":\"x\",\"token\":\"x\"}"]
    {
        let answer = app.request("POST", "/opentok/exchange", &[], body).await;
        assert_refused(&answer, 400, 1011, "OT_INVALID_PARAMETER", body);
    }
}

#[tokio::test]
async fn times_hold_to_their_ends() {
    let app = App::start().await;
    let session = app.session().await;
    let good = node(&app, &session);
    let endless = json!({ "exp": null, "expire_time": null });
    let (of_a_day, of_years) = (
        signed(&changed(&good, endless), SECRET),
        signed(&changed(&good, json!({ "exp": app.now() + 1_000_000_000 })), SECRET),
    );
    app.wait(86_400 - 1);
    assert_let_in(&app.exchange(KEY, &session, &of_a_day).await, "a day without an end");
    app.wait(62);
    let answer = app.exchange(KEY, &session, &of_a_day).await;
    assert_refused(&answer, 403, 1004, "OT_AUTHENTICATION_ERROR", "a day is over");
    app.wait(29 * 86_400 - 62);
    assert_let_in(&app.exchange(KEY, &session, &of_years).await, "nearly thirty days");
    app.wait(62);
    let answer = app.exchange(KEY, &session, &of_years).await;
    assert_refused(&answer, 403, 1004, "OT_AUTHENTICATION_ERROR", "thirty days are over");
}

#[tokio::test]
async fn roles_become_ours() {
    for (subscribers_may_signal, of_subscribers) in [(true, "member"), (false, "viewer")] {
        let settings = OpenTokSettings { subscribers_may_signal, ..OpenTokSettings::default() };
        let app = App::start_with(settings).await;
        let session = app.session().await;
        for (role, native, capabilities) in [
            (json!("subscriber"), of_subscribers, [0, 0, 1]),
            (json!("publisher"), "member", [0, 1, 1]),
            (json!("publisheronly"), "viewer", [0, 1, 0]),
            (json!("moderator"), "moderator", [1, 1, 1]),
            (Value::Null, "member", [0, 1, 1]),
        ] {
            let token = signed(&changed(&node(&app, &session), json!({ "role": role })), SECRET);
            let answer = app.exchange(KEY, &session, &token).await.json();
            assert_eq!(claims(answer["token"].as_str().unwrap())["role"], native, "{role}");
            let can = &answer["capabilities"];
            assert_eq!(
                [&can["forceDisconnect"], &can["publish"], &can["subscribe"]]
                    .map(|can| can.as_u64().unwrap()),
                capabilities
            );
            assert_eq!(
                (&can["forceMute"], &can["forceUnpublish"]),
                (&can["forceDisconnect"], &can["forceDisconnect"])
            );
        }
    }
}

#[tokio::test]
async fn a_token_is_good_again_and_again_and_each_use_is_somebody_new() {
    let app = App::start().await;
    let session = app.session().await;
    let token = signed(&node(&app, &session), SECRET);
    let (one, other) = (app.exchange(KEY, &session, &token).await, app.exchange(KEY, &session, &token).await);
    assert_ne!(connection(&one), connection(&other));
    assert_eq!(connection(&one).as_uuid().get_version_num(), 4);
    let said = claims(one.json()["token"].as_str().unwrap());
    let id = connection(&one).to_string();
    assert_eq!(
        (
            &said["iss"],
            &said["sub"],
            &said["name"],
            &said["room"],
            &said["data"],
            &said["connection"],
            &said["dialect"]
        ),
        (
            &json!(KEY),
            &json!(format!("ot-{id}")),
            &json!("Alice"),
            &json!(session),
            &json!("{\"name\":\"Alice\"}"),
            &json!(id),
            &json!("opentok")
        )
    );
    assert_eq!(said["exp"], app.now() + 30 * 86_400);
}

#[tokio::test]
async fn a_session_of_the_vendors_own_server_is_opened_by_its_first_use() {
    let app = App::start().await;
    let session = format!(
        "2_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("1~100001~~1479513036000~abc~")
    );
    let token = signed(&node(&app, &session), SECRET);
    assert_let_in(&app.exchange(KEY, &session, &token).await, "an old session");
    let name = sidetalk_core::model::RoomName::new(&session).unwrap();
    let key = sidetalk_core::model::RoomKey { project: app.kit.project.id, name };
    assert!(app.kit.service.store().room(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn pages_of_every_origin_may_exchange() {
    let app = App::start().await;
    let asked = [("origin", "https://a.example"), ("access-control-request-headers", "content-type, x-y")];
    let answer = app.request("OPTIONS", "/opentok/exchange", &asked, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(answer.header("access-control-allow-headers"), "content-type, x-y");
    let answer = app.request("POST", "/opentok/exchange", &asked, "{").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, "*"));
    assert_eq!(answer.header("cache-control"), "no-store");
}
