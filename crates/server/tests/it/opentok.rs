//! Applications of Vonage's newer clients: attached by the operator, with a server or without one, or by the configuration.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::server::{Answer, Server, complains, prints, request, scratch};

const STORED: &str = "11111111-2222-4333-8444-555555555555";
const CONFIGURED: &str = "78d335fa-323d-0114-9c3d-d6f0d48968cf";

/// When the tokens of these tests end.
const YEAR_9999: u64 = 253_402_300_000;

#[test]
fn applications_are_attached_offline_and_online_and_by_the_configuration() {
    let (folder, data) = scratch();
    let pair = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key pair");
    let public = file(folder.path(), "public.pem", &pair.public_key_pem());
    let private = file(folder.path(), "private.pem", &pair.serialize_pem());
    let shown = data.display().to_string();
    prints(&["project", "create", "--data", &shown]);
    prints(&["project", "create", "--key", "7", "--data", &shown]);
    let attach = |project: &'static str, file: &str| {
        [
            "project",
            "attach-application",
            project,
            "--application",
            STORED,
            "--public-key-file",
            file,
            "--data",
            &shown,
        ]
        .map(str::to_owned)
    };
    let said = complains(1, &attach("100001", &private).each_ref().map(String::as_str));
    assert!(said.contains("this is a private key"), "{said}");
    let said = complains(1, &attach("100001", "/no/such/file").each_ref().map(String::as_str));
    assert!(said.contains("cannot read --public-key-file /no/such/file"), "{said}");
    prints(&attach("100001", &public).each_ref().map(String::as_str));
    assert_eq!(applications(&shown), json!([STORED]));

    let config = format!(
        "[http]\nbase_path = \"/chat\"\n[[opentok_application]]\nproject = 100001\nid = \"{CONFIGURED}\"\npublic_key_file = {public:?}\n"
    );
    let config = file(folder.path(), "sidetalk.toml", &config);
    let server = Server::start_with(&data, &["--config", &config]);
    let address = server.address().split('/').next().expect("a host and a port").to_owned();
    for (application, path) in [(STORED, "/chat/session/create"), (CONFIGURED, "/chat//session/create")] {
        let answer = create(&address, path, application, &pair);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body[0]["partner_id"], application);
    }
    let said = complains(1, &attach("7", &public).each_ref().map(String::as_str));
    assert!(said.contains("attached to project 100001"), "{said}");
    let detach = ["project", "detach-application", "100001", "--application", STORED, "--data", &shown];
    prints(&detach);
    assert_eq!(create(&address, "/chat/session/create", STORED, &pair).status, 403);
    assert!(complains(1, &detach).contains("has no application"));
    prints(&attach("100001", &public).each_ref().map(String::as_str));
    assert_eq!(create(&address, "/chat/session/create", STORED, &pair).status, 200);
}

fn applications(data: &str) -> Value {
    let shown = prints(&["project", "show", "100001", "--data", data, "--json"]);
    serde_json::from_str::<Value>(&shown).expect("JSON")["applications"].clone()
}

fn create(address: &str, path: &str, application: &str, pair: &KeyPair) -> Answer {
    let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).expect("an RSA key");
    let claims = json!({ "application_id": application, "exp": YEAR_9999 });
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).expect("it is signed");
    let headers = [&*format!("authorization: Bearer {token}"), "accept: application/json"];
    request(address, "POST", path, &headers, "").expect("an answer")
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder is ours");
    path.display().to_string()
}
