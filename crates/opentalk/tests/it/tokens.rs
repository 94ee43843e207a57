//! Tokens of the issuer, and tickets: which ones open a door.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::app::{App, ISSUER, Issuer};

/// Claims that differ in one point; `null` takes the point away.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn part(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_good_token_of_the_issuer_is_taken() {
    let app = App::new().await;
    let good = app.claims("alice", &["/a"]);
    let now = good["iat"].as_i64().unwrap();
    let sign = |claims: &Value| app.issuer.sign(claims);
    let by_other = |algorithm: Algorithm, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), &good, &EncodingKey::from_secret(key)).unwrap()
    };
    let signed = sign(&good);
    let (head, rest) = signed.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let none = part(&json!({ "alg": "none", "typ": "JWT" }));
    let mallory = part(&with(&good, "sub", json!("mallory")));
    let bad = [
        ("nothing", String::new()),
        ("noise", "noise".to_owned()),
        ("alg none", format!("{none}.{body}.")),
        ("alg none with a signature", format!("{none}.{body}.{signature}")),
        ("HS256 with the public key", by_other(Algorithm::HS256, app.issuer.public_pem().as_bytes())),
        ("HS512 with the public key", by_other(Algorithm::HS512, app.issuer.public_pem().as_bytes())),
        ("another key", Issuer::new().sign(&good)),
        ("another body", format!("{head}.{mallory}.{signature}")),
        ("no signature", format!("{head}.{body}.")),
        ("expired", sign(&with(&good, "exp", json!(now - 61)))),
        ("no end", sign(&with(&good, "exp", Value::Null))),
        ("an end that is no number", sign(&with(&good, "exp", json!("tomorrow")))),
        ("not yet", sign(&with(&good, "nbf", json!(now + 120)))),
        ("another issuer", sign(&with(&good, "iss", json!("https://other.example")))),
        ("an issuer that begins so", sign(&with(&good, "iss", json!(format!("{ISSUER}/x"))))),
        ("no issuer", sign(&with(&good, "iss", Value::Null))),
        ("no sub", sign(&with(&good, "sub", Value::Null))),
        ("an empty sub", sign(&with(&good, "sub", json!("")))),
        ("a sub with a line end", sign(&with(&good, "sub", json!("a\nb")))),
        ("a long sub", sign(&with(&good, "sub", json!("x".repeat(4_000))))),
        ("groups that are no list", sign(&with(&good, "x_grp", json!("/a")))),
    ];
    for (what, token) in &bad {
        let asked = app.bearer("GET", "/v1/users/me", token, Value::Null).await;
        assert_eq!(asked.status, 401, "{what}: {asked:?}");
        let challenge = asked.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
        let login = json!({ "id_token": token }).to_string();
        assert_eq!(app.request("POST", "/v1/auth/login", None, &login).await.status, 401, "{what}");
    }
    let me = app.bearer("GET", "/v1/users/me", &signed, Value::Null).await;
    assert_eq!((me.status, me.text_of("display_name")), (200, "alice example".to_owned()));
    for (what, authorization) in [
        ("another scheme", format!("Basic {signed}")),
        ("no scheme", signed.clone()),
        ("an invite that is none", "InviteCode 1".to_owned()),
    ] {
        let asked = app.request("GET", "/v1/users/me", Some(&authorization), "").await;
        assert_eq!(asked.status, 401, "{what}");
    }
    let late = sign(&with(&good, "exp", json!(i64::MAX)));
    assert_eq!(app.bearer("GET", "/v1/users/me", &late, Value::Null).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_socket_and_not_for_long() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    let room = app.room(&alice, json!({})).await;
    let ticket = async || app.start("", &room, Some(&alice), "").await.text_of("ticket");
    let both = async |ticket: &str, protocol: &str| {
        let opened = app.try_socket(&format!("ticket#{ticket}, {protocol}")).await;
        opened.map(|socket| socket.protocol).map_err(|head| head.lines().next().unwrap().to_owned())
    };
    let new = "opentalk-signaling-json-v1.0";
    let used = ticket().await;
    assert_eq!(used.len(), 64);
    assert!(used.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(both(&used, new).await.unwrap(), new);
    assert_eq!(both(&used, new).await.unwrap_err(), "HTTP/1.1 401 Unauthorized");
    assert_eq!(both(&ticket().await, "k3k-signaling-json-v1.0").await.unwrap(), "k3k-signaling-json-v1.0");
    let first = ticket().await;
    let reversed = app.try_socket(&format!("{new}, ticket#{first}")).await.unwrap();
    assert_eq!(reversed.protocol, new);
    for (what, protocols, refusal) in [
        ("nothing", String::new(), "missing_protocol"),
        ("another", "json".to_owned(), "invalid_protocol"),
        ("only a ticket", format!("ticket#{}", ticket().await), "invalid_protocol"),
        ("no ticket", new.to_owned(), "missing_ticket"),
        ("a short one", format!("{new}, ticket#abc"), "invalid_ticket"),
        ("an unknown one", format!("{new}, ticket#{}", "x".repeat(64)), "invalid_ticket"),
    ] {
        let Err(head) = app.try_socket(&protocols).await else { panic!("{what} opens a socket") };
        assert!(head.contains(refusal), "{what}: {head}");
    }
    let old = ticket().await;
    app.kit.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(both(&old, new).await.unwrap_err(), "HTTP/1.1 401 Unauthorized");
}
