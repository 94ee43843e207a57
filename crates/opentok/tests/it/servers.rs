//! Who may call REST: every form that the vendor's server clients send, and what must not be let in.

use serde_json::{Value, json};
use sidetalk_testkit::app::SECRET;

use crate::app::{APPLICATION, Answer, App, KEY, PAIRS, changed, signed, signed_by, with_header};

/// Asks for a session with that token in that header.
async fn create(app: &App, header: &str, token: &str) -> Answer {
    let value = if header == "authorization" { format!("Bearer {token}") } else { token.to_owned() };
    app.request("POST", "/session/create", &[(header, &value), ("accept", "application/json")], "").await
}

#[track_caller]
fn assert_refused(answer: &Answer, message: &str, what: &str) {
    let said = answer.json()["message"].as_str().map(str::to_owned);
    assert_eq!((answer.status, said.as_deref()), (403, Some(message)), "{what}");
}

#[tokio::test]
async fn every_server_client_is_let_in() {
    let app = App::start().await;
    let now = app.now();
    let node = json!({ "iss": KEY, "ist": "project", "iat": now, "exp": now + 300 });
    let python = json!({ "ist": "project", "iat": now, "exp": now + 180, "iss": KEY, "jti": "0.7254" });
    let ruby = json!({ "iss": KEY, "iat": now, "exp": now + 300 });
    let number = json!({ "iss": 100_001, "exp": now + 300 });
    let skewed = json!({ "iss": KEY, "iat": now + 30, "exp": now - 5 });
    let fraction = json!({ "iss": KEY, "exp": now as f64 + 300.5 });
    for claims in [&node, &python, &ruby, &number, &skewed, &fraction] {
        let answer = create(&app, "X-OPENTOK-AUTH", &signed(claims, SECRET)).await;
        assert_eq!(answer.status, 200, "{claims}: {}", answer.text);
        assert_eq!(answer.json()[0]["partner_id"], KEY);
    }
    let ruby = with_header(&signed(&ruby, SECRET), r#"{"ist":"project","alg":"HS256"}"#);
    // The signature covers the header, so it is made anew.
    let ruby = resigned(&ruby);
    assert_eq!(create(&app, "X-OPENTOK-AUTH", &ruby).await.status, 200);

    let vonage = json!({ "application_id": APPLICATION, "iat": now, "jti": "4fcd", "exp": now + 900 });
    let node_as_vonage = changed(&vonage, json!({ "iss": APPLICATION, "ist": "project", "exp": now + 300 }));
    let upper_case = changed(&vonage, json!({ "application_id": APPLICATION.to_uppercase() }));
    for claims in [&vonage, &node_as_vonage, &upper_case] {
        let answer = create(&app, "authorization", &signed_by(claims, &PAIRS[0])).await;
        assert_eq!(answer.status, 200, "{claims}: {}", answer.text);
        assert_eq!(answer.json()[0]["partner_id"], APPLICATION);
    }
}

/// The token's header and payload with a signature that fits them.
fn resigned(token: &str) -> String {
    let (signed, _) = token.rsplit_once('.').expect("a token");
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    format!("{signed}.{}", signature.expect("it is signed"))
}

#[tokio::test]
async fn wrong_tokens_of_servers_are_refused() {
    let app = App::start().await;
    app.other_project(7, "the secret of another project, which is long").await;
    let now = app.now();
    let good = json!({ "iss": KEY, "ist": "project", "iat": now, "exp": now + 300 });
    let refused = |changes: Value| signed(&changed(&good, changes), SECRET);
    let token = signed(&good, SECRET);
    let invalid = "Invalid token";
    let person = "This token is not one of a server";
    let table = [
        (signed(&good, "wrong"), invalid, "another secret"),
        (signed(&good, ""), invalid, "no secret"),
        (refused(json!({ "iss": "7" })), invalid, "the name of another project"),
        (refused(json!({ "iss": "8" })), "Issuer not found", "an unknown project"),
        (refused(json!({ "iss": "0100001" })), "Issuer not found", "a key in another form"),
        (refused(json!({ "iss": null })), "Issuer not found", "nobody"),
        (refused(json!({ "iss": "../1" })), "Issuer not found", "a path"),
        (refused(json!({ "exp": now - 11 })), "Token has expired", "an old one"),
        (refused(json!({ "exp": null })), "Token has expired", "one without an end"),
        (refused(json!({ "exp": (now + 300).to_string() })), invalid, "an end in text"),
        (refused(json!({ "exp": -1 })), "Token has expired", "an end before all time"),
        (refused(json!({ "exp": 1e300 })), "Token has expired", "an end after all time"),
        (refused(json!({ "nbf": now + 60 })), "Token has expired", "one for later"),
        (refused(json!({ "ist": "account" })), person, "the level of accounts"),
        (refused(json!({ "session_id": "1_MX4" })), person, "a token for pages"),
        (refused(json!({ "scope": "session.connect" })), person, "the scope of pages"),
        (refused(json!({ "role": "moderator" })), person, "a role"),
        (refused(json!({ "sub": "alice" })), person, "a native token of a user"),
        (refused(json!({ "room": "lobby" })), person, "a native token with a room"),
        (with_header(&token, r#"{"alg":"none"}"#), invalid, "no algorithm"),
        (format!("{}.", token.rsplit_once('.').unwrap().0), invalid, "no signature"),
        (resigned(&with_header(&token, r#"{"alg":"HS512"}"#)), invalid, "another algorithm"),
        (resigned(&with_header(&token, r#"{"alg":"HS256","crit":["x"]}"#)), invalid, "an extension"),
        (
            resigned(&with_header(&token, r#"{"alg":"HS256","ist":"account"}"#)),
            person,
            "the level in the header",
        ),
        (
            signed(&json!({ "application_id": APPLICATION, "exp": now + 300 }), SECRET),
            invalid,
            "a secret for a key",
        ),
        (
            signed(&json!({ "application_id": APPLICATION, "exp": now + 300 }), &PAIRS[0].public_key_pem()),
            invalid,
            "the public key as a secret",
        ),
        (
            signed_by(&json!({ "application_id": APPLICATION, "exp": now + 300 }), &PAIRS[1]),
            invalid,
            "another key",
        ),
        (signed_by(&good, &PAIRS[0]), invalid, "a key for a secret"),
        (
            signed_by(
                &json!({ "application_id": "00000000-0000-4000-8000-000000000000", "exp": now + 300 }),
                &PAIRS[0],
            ),
            "Issuer not found",
            "an unknown application",
        ),
        (format!("{token}x"), invalid, "an altered signature"),
        ("x".repeat(9_000), invalid, "a long text"),
        (String::new(), invalid, "nothing"),
        ("a.b.c".to_owned(), invalid, "three letters"),
        (format!("Bearer {token}"), invalid, "a scheme too many"),
    ];
    for (token, message, what) in table {
        assert_refused(&create(&app, "X-OPENTOK-AUTH", &token).await, message, what);
    }
    let none = "No suitable authentication found";
    let json = ("accept", "application/json");
    assert_refused(&app.request("POST", "/session/create", &[json], "").await, none, "no header");
    let twice = [("X-OPENTOK-AUTH", &*token), ("X-OPENTOK-AUTH", &*token), json];
    assert_refused(&app.request("POST", "/session/create", &twice, "").await, none, "two headers");
    let basic = [("authorization", "Basic MTAwMDAxOng="), json];
    assert_refused(&app.request("POST", "/session/create", &basic, "").await, none, "another scheme");
}

#[tokio::test]
async fn the_project_of_the_address_is_that_of_the_token() {
    let app = App::start().await;
    app.other_project(7, "the secret of another project, which is long").await;
    let session = app.session().await;
    let body = r#"{"data":"x"}"#;
    for project in ["7", APPLICATION, "0100001", "x", "%00"] {
        let path = format!("/v2/project/{project}/session/{session}/signal");
        let answer = app.call("POST", &path, body).await;
        assert_refused(&answer, "Id in the token does not match the one in the url", project);
    }
    let other = signed(
        &json!({ "iss": "7", "exp": app.now() + 300 }),
        "the secret of another project, which is long",
    );
    let path = format!("/v2/project/7/session/{session}/signal");
    let answer = app.request("POST", &path, &[("X-OPENTOK-AUTH", &other)], body).await;
    assert_refused(&answer, "The session is one of another project", "a session of others");
}

#[tokio::test]
async fn the_secret_before_the_last_is_good_for_a_while() {
    let app = App::start().await;
    let mut project = app.kit.project.clone();
    let until = sidetalk_core::ports::Clock::now(&*app.kit.clock).plus(std::time::Duration::from_secs(60));
    project.previous_secret = Some((project.secret, until));
    project.secret = "a new secret of the project, long enough".into();
    app.kit.service.put_project(project).await.expect("the store takes it");
    let token = signed(&json!({ "iss": KEY, "exp": app.now() + 3_600 }), SECRET);
    assert_eq!(create(&app, "X-OPENTOK-AUTH", &token).await.status, 200);
    app.wait(61);
    assert_refused(&create(&app, "X-OPENTOK-AUTH", &token).await, "Invalid token", "the old secret");
}

#[tokio::test]
async fn a_project_that_does_not_speak_this_dialect_is_unknown() {
    let app = App::start().await;
    let mut project = app.kit.project.clone();
    project.settings.dialects = vec!["native".to_owned()];
    app.kit.service.put_project(project).await.expect("the store takes it");
    assert_refused(&create(&app, "X-OPENTOK-AUTH", &app.auth()).await, "Issuer not found", "switched off");
}

/// People of dialects whose rooms have names of another form could not meet those of this one.
#[tokio::test]
async fn a_session_may_lie_over_a_room_of_another_name() {
    const ROOM: &str = "8e1f7555-983a-492f-89e4-46e9b4106fd4";
    let app = App::start().await;
    let alice = app.person("alice", ROOM).await;
    let create = async |body: &str| app.call("POST", "/session/create", body).await;
    let session = async || {
        let answer = create(&format!("p2p.preference=enabled&room={ROOM}")).await;
        answer.json()[0]["session_id"].as_str().map(str::to_owned).expect("a session")
    };
    let id = session().await;
    assert_eq!(session().await, id, "one room has one such session");

    let data = r#"{"type":"x","data":"hi"}"#;
    assert_eq!(app.call("POST", &App::path(&id, "/signal"), data).await.status, 204);
    assert_eq!(alice.hears("signal").await["params"]["data"], "hi");
    let claims = json!({ "iss": KEY, "exp": app.now() + 60, "session_id": id });
    let answer = app.exchange(KEY, &id, &signed(&claims, SECRET)).await;
    assert_eq!((answer.status, &answer.json()["room"]), (200, &json!(ROOM)));
    // A token for the session is none for the room's name, which is no session.
    let answer = app.exchange(KEY, ROOM, &signed(&claims, SECRET)).await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (404, Some(1005)));

    for wrong in ["room=".to_owned(), format!("room={}", "n".repeat(190))] {
        assert_eq!(create(&wrong).await.status, 400, "{wrong}");
    }
}
