//! The table of RELIABILITY row 27: what must never be let in, and what must.

use std::sync::LazyLock;

use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::JwkSet;
use rcgen::KeyPair;
use serde_json::{Value, json};
use sidetalk_core::ports::ProjectSettings;

use super::*;

/// 2026-11-21T09:30:00Z.
const NOW: u64 = 1_795_253_400;
const SECRET: &str = "a secret of thirty-two characters";

/// Key pairs of this run.
struct Pairs {
    rsa: KeyPair,
    ec: KeyPair,
    ed: KeyPair,
}

static PAIRS: LazyLock<Pairs> = LazyLock::new(|| Pairs {
    rsa: KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap(),
    ec: KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
    ed: KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
});

fn now() -> Timestamp {
    seconds(NOW)
}

fn project() -> Project {
    Project {
        id: ProjectId::new(100_001).unwrap(),
        name: "Test".into(),
        secret: SECRET.into(),
        previous_secret: Some(("the secret of last week".into(), now().plus(Duration::from_secs(60)))),
        settings: ProjectSettings::default(),
        created_at: now(),
    }
}

fn keys() -> KeySet {
    let keys = KeySet::default();
    let issuer = |name: &str, audience: Option<&str>| Issuer {
        name: name.to_owned(),
        project: ProjectId::new(100_001).unwrap(),
        audience: audience.map(str::to_owned),
    };
    let plain = issuer("https://id.example.org", None);
    keys.add_pem(&plain, Algorithm::RS256, Some("rsa".to_owned()), PAIRS.rsa.public_key_pem().as_bytes())
        .unwrap();
    keys.add_pem(&plain, Algorithm::ES256, None, PAIRS.ec.public_key_pem().as_bytes()).unwrap();
    keys.add_pem(&plain, Algorithm::EdDSA, Some("ed".to_owned()), PAIRS.ed.public_key_pem().as_bytes())
        .unwrap();
    let strict = issuer("https://strict.example.org", Some("chat"));
    keys.add_pem(&strict, Algorithm::EdDSA, None, PAIRS.ed.public_key_pem().as_bytes()).unwrap();
    keys
}

fn verify_here(token: &str) -> Result<Verified, BadToken> {
    let project = project();
    let named = issuer(token).ok().filter(|issuer| *issuer == project.id.to_string());
    verify(token, named.map(|_| &project), &keys(), now())
}

fn b64(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn good_claims() -> Value {
    json!({ "iss": "100001", "sub": "alice", "exp": NOW + 3_600 })
}

/// The good claims with some replaced (`null` takes one away).
fn claims(changes: &Value) -> String {
    let mut claims = good_claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.to_string()
}

/// A token of texts as they stand, signed with `key`.
fn signed(header: &str, claims: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn with_secret(header: &str, claims: &str, secret: &str) -> String {
    signed(header, claims, Algorithm::HS256, &EncodingKey::from_secret(secret.as_bytes()))
}

fn hs256(claims: &str) -> String {
    with_secret(HS256, claims, SECRET)
}

fn header(extra: &str) -> String {
    format!(r#"{{"alg":"HS256","typ":"JWT",{extra}}}"#)
}

fn rs256(header: &str, claims: &str) -> String {
    let key = EncodingKey::from_rsa_pem(PAIRS.rsa.serialize_pem().as_bytes()).unwrap();
    signed(header, claims, Algorithm::RS256, &key)
}

fn es256(header: &str, claims: &str) -> String {
    signed(
        header,
        claims,
        Algorithm::ES256,
        &EncodingKey::from_ec_pem(PAIRS.ec.serialize_pem().as_bytes()).unwrap(),
    )
}

fn eddsa(header: &str, claims: &str) -> String {
    signed(
        header,
        claims,
        Algorithm::EdDSA,
        &EncodingKey::from_ed_pem(PAIRS.ed.serialize_pem().as_bytes()).unwrap(),
    )
}

fn by_issuer(changes: &Value) -> String {
    let mut changes = changes.clone();
    changes["iss"] = changes.get("iss").cloned().unwrap_or_else(|| "https://id.example.org".into());
    claims(&changes)
}

#[test]
fn what_must_never_be_let_in() {
    let good = hs256(&claims(&json!({})));
    let [head, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let exp = NOW + 3_600;
    let raw_exp = |exp: &str| hs256(&format!(r#"{{"iss":"100001","sub":"alice","exp":{exp}}}"#));
    let alg =
        |alg: &str| with_secret(&format!(r#"{{"alg":{alg},"typ":"JWT"}}"#), &claims(&json!({})), SECRET);
    let unsigned =
        |alg: &str| format!("{}.{}.", b64(&format!(r#"{{"alg":"{alg}"}}"#)), b64(&claims(&json!({}))));
    let mut cases: Vec<(String, String)> = Vec::new();
    let mut case = |name: &str, token: String| cases.push((name.to_owned(), token));

    for spelling in ["none", "None", "NONE", "nOnE", ""] {
        case(&format!("alg {spelling:?}, no signature"), unsigned(spelling));
        case(&format!("alg {spelling:?}, signed"), alg(&format!("{spelling:?}")));
    }
    for other in ["HS384", "HS512", "RS384", "PS256", "ES384", "hs256", "HS256 "] {
        case(&format!("alg {other}"), alg(&format!("{other:?}")));
    }
    case("alg is a number", alg("256"));
    case("alg is missing", with_secret(r#"{"typ":"JWT"}"#, &claims(&json!({})), SECRET));
    case("alg twice", with_secret(r#"{"alg":"HS256","alg":"none"}"#, &claims(&json!({})), SECRET));

    let public = &PAIRS.rsa.public_key_pem();
    case("HS256 with the RSA public key", with_secret(HS256, &by_issuer(&json!({})), public));
    case(
        "HS256 with the RSA public key and its kid",
        with_secret(&header(r#""kid":"rsa""#), &by_issuer(&json!({})), public),
    );
    case(
        "HS256 with the EC public key",
        with_secret(HS256, &by_issuer(&json!({})), &PAIRS.ec.public_key_pem()),
    );
    case(
        "RS256 header, HMAC signature",
        with_secret(r#"{"alg":"RS256","kid":"rsa"}"#, &by_issuer(&json!({})), public),
    );
    case("RS256 key, ES256 header", rs256(r#"{"alg":"ES256"}"#, &by_issuer(&json!({}))));
    case("RS256 for a project's key", rs256(r#"{"alg":"RS256","kid":"rsa"}"#, &claims(&json!({}))));
    case("RS256 without the key's kid", rs256(r#"{"alg":"RS256"}"#, &by_issuer(&json!({}))));
    case("another key's kid", eddsa(r#"{"alg":"EdDSA","kid":"rsa"}"#, &by_issuer(&json!({}))));
    for kid in ["../../dev/null", "/dev/null", "x' OR '1'='1", "http://evil.example/key", ""] {
        case(
            &format!("kid {kid:?}"),
            rs256(&format!(r#"{{"alg":"RS256","kid":{kid:?}}}"#), &by_issuer(&json!({}))),
        );
        case(
            &format!("kid {kid:?}, empty secret"),
            with_secret(&header(&format!(r#""kid":{kid:?}"#)), &claims(&json!({})), ""),
        );
    }
    for extra in [
        r#""jku":"https://evil.example/jwks""#,
        r#""x5u":"https://evil.example/cert""#,
        r#""x5c":["MIIB"]"#,
        r#""jwk":{"kty":"oct","k":"eA"}"#,
        r#""crit":["exp"],"exp":1"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""enc":"A256GCM""#,
        r#""cty":"JWT""#,
    ] {
        case(&format!("header {extra}"), with_secret(&header(extra), &claims(&json!({})), SECRET));
    }
    case("typ JOSE", with_secret(r#"{"alg":"HS256","typ":"JOSE"}"#, &claims(&json!({})), SECRET));
    case("typ number", with_secret(r#"{"alg":"HS256","typ":1}"#, &claims(&json!({})), SECRET));
    case("header is a list", with_secret(r#"["HS256"]"#, &claims(&json!({})), SECRET));
    case("header is no JSON", with_secret("HS256", &claims(&json!({})), SECRET));

    case("another secret", with_secret(HS256, &claims(&json!({})), "a secret of thirty-two characterz"));
    case("an empty secret", with_secret(HS256, &claims(&json!({})), ""));
    case("a shorter secret", with_secret(HS256, &claims(&json!({})), &SECRET[..SECRET.len() - 1]));
    case("another project", hs256(&claims(&json!({ "iss": "100002" }))));
    case("project 0100001", hs256(&claims(&json!({ "iss": "0100001" }))));
    case("project with a space", hs256(&claims(&json!({ "iss": " 100001" }))));
    case("an unknown issuer", hs256(&claims(&json!({ "iss": "https://evil.example" }))));
    case("iss a number", hs256(&claims(&json!({ "iss": 100_001 }))));
    case("iss missing", hs256(&claims(&json!({ "iss": null }))));
    case("iss twice", hs256(&format!(r#"{{"iss":"100002","iss":"100001","sub":"alice","exp":{exp}}}"#)));
    case("aud of somebody else", hs256(&claims(&json!({ "aud": "bank" }))));
    case("aud list of others", hs256(&claims(&json!({ "aud": ["bank", "shop"] }))));
    case("aud a number", hs256(&claims(&json!({ "aud": 1 }))));
    case(
        "aud missing where it is needed",
        eddsa(r#"{"alg":"EdDSA"}"#, &by_issuer(&json!({ "iss": "https://strict.example.org" }))),
    );
    case(
        "aud ours where another is needed",
        eddsa(
            r#"{"alg":"EdDSA"}"#,
            &by_issuer(&json!({ "iss": "https://strict.example.org", "aud": "sidetalk" })),
        ),
    );

    case("expired", hs256(&claims(&json!({ "exp": NOW - 60 }))));
    case("expired long ago", hs256(&claims(&json!({ "exp": 0 }))));
    case("no exp", hs256(&claims(&json!({ "exp": null }))));
    case("exp null", raw_exp("null"));
    case("exp a text", raw_exp(&format!("\"{exp}\"")));
    case("exp a fraction", raw_exp(&format!("{exp}.5")));
    case("exp with exponent", raw_exp("2e9"));
    case("exp negative", raw_exp("-1"));
    case("exp huge", raw_exp("99999999999999999999999"));
    case("exp after the year 9999", raw_exp("253402300800"));
    case("exp largest u64", raw_exp("18446744073709551615"));
    case("exp a list", raw_exp(&format!("[{exp}]")));
    case("exp true", raw_exp("true"));
    case("exp twice", hs256(&format!(r#"{{"iss":"100001","sub":"alice","exp":1,"exp":{exp}}}"#)));
    case("nbf in the future", hs256(&claims(&json!({ "nbf": NOW + 61 }))));
    case("nbf a text", hs256(&claims(&json!({ "nbf": "0" }))));
    case("iat in the future", hs256(&claims(&json!({ "iat": NOW + 61 }))));

    case("no sub", hs256(&claims(&json!({ "sub": null }))));
    case("sub empty", hs256(&claims(&json!({ "sub": "" }))));
    case("sub too long", hs256(&claims(&json!({ "sub": "x".repeat(256) }))));
    case("sub with a control character", hs256(&claims(&json!({ "sub": "a\u{0}b" }))));
    case("sub with a line break", hs256(&claims(&json!({ "sub": "a\nb" }))));
    case("sub a number", hs256(&claims(&json!({ "sub": 7 }))));
    case("sub twice", hs256(&format!(r#"{{"iss":"100001","sub":"bob","sub":"alice","exp":{exp}}}"#)));
    case("sub a lone surrogate", hs256(&format!(r#"{{"iss":"100001","sub":"\ud800","exp":{exp}}}"#)));
    case("scope server with sub", hs256(&claims(&json!({ "scope": "server" }))));
    case("scope other", hs256(&claims(&json!({ "scope": "admin" }))));
    case("scope a list", hs256(&claims(&json!({ "scope": ["server"], "sub": null }))));
    case("unknown role", hs256(&claims(&json!({ "role": "king" }))));
    case("role in capitals", hs256(&claims(&json!({ "role": "OWNER" }))));
    case("role a number", hs256(&claims(&json!({ "role": 4 }))));
    case("groups a text", hs256(&claims(&json!({ "groups": "staff" }))));
    case("groups with a number", hs256(&claims(&json!({ "groups": ["staff", 1] }))));
    case("groups with an empty name", hs256(&claims(&json!({ "groups": [""] }))));
    case("101 groups", hs256(&claims(&json!({ "groups": vec!["g"; 101] }))));
    case("room a number", hs256(&claims(&json!({ "room": 1 }))));
    case("room an object", hs256(&claims(&json!({ "room": { "name": "x" } }))));
    case("room empty", hs256(&claims(&json!({ "room": "" }))));
    case("rooms with a number", hs256(&claims(&json!({ "room": ["a", 1] }))));
    case("101 rooms", hs256(&claims(&json!({ "room": vec!["r"; 101] }))));
    case("name too long", hs256(&claims(&json!({ "name": "x".repeat(256) }))));
    case("name empty", hs256(&claims(&json!({ "name": " " }))));
    case("name with a control character", hs256(&claims(&json!({ "name": "a\u{7}b" }))));
    case("avatar of http", hs256(&claims(&json!({ "avatar": "http://example.org/a.png" }))));
    case("avatar of javascript", hs256(&claims(&json!({ "avatar": "javascript:alert(1)" }))));
    case("avatar with a quote", hs256(&claims(&json!({ "avatar": "https://example.org/\"onload=x" }))));
    case("data too long", hs256(&claims(&json!({ "data": "x".repeat(DATA_BYTES_MAX + 1) }))));
    case("data too long in bytes", hs256(&claims(&json!({ "data": "ä".repeat(DATA_BYTES_MAX / 2) + "x" }))));
    case("data an object", hs256(&claims(&json!({ "data": { "seat": 4 } }))));
    case("data twice", hs256(&format!(r#"{{"iss":"100001","sub":"a","exp":{exp},"data":"a","data":"b"}}"#)));
    case("connection no id", hs256(&claims(&json!({ "connection": "con_1" }))));
    case("connection a number", hs256(&claims(&json!({ "connection": 7 }))));
    case("dialect a number", hs256(&claims(&json!({ "dialect": 7 }))));
    case("guest a text", hs256(&claims(&json!({ "guest": "true" }))));
    case("claims a list", hs256("[]"));
    case("claims no JSON", hs256("hello"));
    case("claims empty", hs256(""));

    case("empty", String::new());
    case("one part", head.to_owned());
    case("two parts", format!("{head}.{body}"));
    case("no signature", format!("{head}.{body}."));
    case("a trailing dot", format!("{good}."));
    case("four parts", format!("{good}.x"));
    case("five parts, as encrypted tokens have", format!("{good}.x.y"));
    case("leading dot", format!(".{good}"));
    case("padded signature", format!("{good}="));
    case("signature cut", good[..good.len() - 1].to_owned());
    case("signature of zeros", format!("{head}.{body}.{}", "A".repeat(43)));
    case("a changed claim", format!("{head}.{}.{signature}", b64(&claims(&json!({ "sub": "olga" })))));
    case("not base64", format!("{head}.{body}.!!!!"));
    case("base64 with plus", format!("{head}.{}+/.{signature}", &body[..body.len() - 2]));
    case("a space in front", format!(" {good}"));
    case("a line break behind", format!("{good}\n"));
    case("a NUL inside", format!("{head}.{body}\0.{signature}"));
    case("too long", hs256(&claims(&json!({ "x": "x".repeat(BYTES_MAX) }))));
    case("the old secret after its end", {
        let late = claims(&json!({ "exp": NOW + 7_200 }));
        with_secret(HS256, &late, "the secret of a month ago")
    });

    assert!(cases.len() >= 60, "{}", cases.len());
    let let_in: Vec<_> =
        cases.iter().filter(|(_, token)| verify_here(token).is_ok()).map(|(name, _)| name).collect();
    assert!(let_in.is_empty(), "let in, of {}: {let_in:#?}", cases.len());
}

#[test]
fn what_must_be_let_in() {
    let user = |token: &str| match verify_here(token).unwrap_or_else(|bad| panic!("{bad}: {token}")).actor {
        Actor::User(identity) => identity,
        Actor::Server => panic!("a server"),
    };
    let alice = user(&hs256(&claims(&json!({}))));
    assert_eq!((alice.user.as_str(), &*alice.name, alice.role), ("alice", "alice", Role::Member));
    assert_eq!((alice.rooms.clone(), alice.expires_at), (None, Some(seconds(NOW + 3_600))));
    let all = user(&hs256(&claims(&json!({
        "name": "Alice", "role": "owner", "groups": ["a", "b"], "room": ["r", "s"], "aud": ["sidetalk"],
        "avatar": "https://example.org/a.png", "nbf": NOW, "iat": NOW, "unknown": [1, 2], "unknown2": null,
    }))));
    assert_eq!(
        (all.role, all.groups.len(), all.rooms.as_ref().map(|rooms| rooms.len())),
        (Role::Owner, 2, Some(2))
    );
    assert_eq!(
        user(&hs256(&claims(&json!({ "room": "r" })))).rooms.as_ref().map(|rooms| rooms.len()),
        Some(1)
    );
    assert_eq!(user(&hs256(&claims(&json!({ "guest": true })))).role, Role::Guest);
    assert_eq!(user(&hs256(&claims(&json!({ "guest": true, "role": "viewer" })))).role, Role::Viewer);
    // Clocks differ.
    user(&hs256(&claims(&json!({ "exp": NOW - 59 }))));
    user(&hs256(&claims(&json!({ "nbf": NOW + 60, "iat": NOW + 60 }))));
    // The secret before the last rotation.
    user(&with_secret(HS256, &claims(&json!({})), "the secret of last week"));
    user(&with_secret(r#"{"alg":"HS256"}"#, &claims(&json!({})), SECRET));
    user(&with_secret(r#"{"alg":"HS256","typ":"jwt","kid":"any"}"#, &claims(&json!({})), SECRET));
    // Configured keys.
    user(&rs256(r#"{"alg":"RS256","kid":"rsa"}"#, &by_issuer(&json!({}))));
    user(&es256(r#"{"alg":"ES256"}"#, &by_issuer(&json!({}))));
    user(&es256(r#"{"alg":"ES256","kid":"whatever"}"#, &by_issuer(&json!({}))));
    user(&eddsa(r#"{"alg":"EdDSA","kid":"ed"}"#, &by_issuer(&json!({ "aud": "sidetalk" }))));
    user(&eddsa(
        r#"{"alg":"EdDSA"}"#,
        &by_issuer(&json!({ "iss": "https://strict.example.org", "aud": "chat" })),
    ));
    let server = verify_here(&hs256(&claims(&json!({ "sub": null, "scope": "server" })))).unwrap();
    assert_eq!(server.actor, Actor::Server);
}

#[test]
fn the_old_secret_ends() {
    let token = with_secret(HS256, &claims(&json!({})), "the secret of last week");
    let later = now().plus(Duration::from_secs(61));
    assert_eq!(verify(&token, Some(&project()), &NoKeys, later), Err(BadToken::Signature));
}

#[test]
fn what_is_minted_is_let_in() {
    let project = project();
    let wish = Mint {
        name: Some("Bob".to_owned()),
        rooms: Some(vec![RoomName::new("r").unwrap()]),
        role: Some(Role::Guest),
        groups: vec![GroupName::new("staff").unwrap()],
        ..Mint::new(UserId::new("bob").unwrap(), Duration::from_secs(60))
    };
    let (token, end) = mint(&project, &wish, now());
    let verified = verify(&token, Some(&project), &NoKeys, now()).unwrap();
    assert_eq!((verified.expires_at, end), (seconds(NOW + 60), seconds(NOW + 60)));
    assert_eq!(inspect(&token).unwrap().claims["sub"], "bob");
    let (token, _) = mint_server(&project, Duration::from_secs(60), now());
    assert_eq!(verify(&token, Some(&project), &NoKeys, now()).unwrap().actor, Actor::Server);
    // No rooms at all opens none, rather than all.
    let (token, _) = mint(&project, &Mint { rooms: Some(Vec::new()), ..wish }, now());
    let Actor::User(nowhere) = verify(&token, Some(&project), &NoKeys, now()).unwrap().actor else {
        panic!()
    };
    assert_eq!(nowhere.rooms.as_deref(), Some([].as_slice()));
}

#[test]
fn a_jwks_document_replaces_the_one_before() {
    let issuer = Issuer { name: "idp".to_owned(), project: ProjectId::new(1).unwrap(), audience: None };
    let document = |kid: &str| -> JwkSet {
        serde_json::from_value(json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
            { "kty": "OKP", "crv": "Ed25519", "kid": "enc", "use": "enc", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
            { "kty": "oct", "kid": "shared", "k": "c2VjcmV0" },
        ] })).unwrap()
    };
    let keys = KeySet::default();
    assert_eq!(keys.set_jwks(&issuer, &document("one")), 1);
    assert_eq!(keys.set_jwks(&issuer, &document("two")), 1);
    assert_eq!(keys.candidates("idp", Some("one")).len(), 0);
    assert_eq!(keys.candidates("idp", Some("two")).len(), 1);
    assert_eq!(keys.candidates("idp", Some("shared")).len() + keys.candidates("idp", Some("enc")).len(), 0);
    assert_eq!(keys.candidates("other", Some("two")).len(), 0);
    assert_eq!(keys.candidates("idp", None).len(), 0);
}

#[test]
fn what_a_token_says_of_its_connection() {
    let read = |changes: &Value| {
        let verified = verify_here(&hs256(&claims(changes))).unwrap();
        let Actor::User(identity) = verified.actor else { panic!("a server") };
        (identity.data.to_string(), verified.connection, verified.dialect)
    };
    assert_eq!(read(&json!({})), (String::new(), None, None));
    let longest = "ä".repeat(DATA_BYTES_MAX / 2);
    let id = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
    let all = json!({ "data": longest, "connection": id.to_string(), "dialect": "left" });
    assert_eq!(read(&all), (longest, Some(ConnectionId::from_uuid(id)), Some("left".into())));
    let none = json!({ "data": "", "connection": null, "dialect": "" });
    assert_eq!(read(&none), (String::new(), None, Some("".into())));
    // A server has neither.
    let server = json!({ "sub": null, "scope": "server", "data": "x", "dialect": "left" });
    let verified = verify_here(&hs256(&claims(&server))).unwrap();
    assert!(matches!(verified.actor, Actor::Server));
    assert_eq!(verified.principal().dialect, Some(crate::DIALECT));
}
