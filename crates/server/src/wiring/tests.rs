use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sidetalk_testkit::Socket as Client;

use super::*;
use crate::config::sections::ProjectKeyEntry;

#[test]
fn the_defaults_of_the_configuration_are_those_of_the_code() {
    let config = Config::default();
    assert_eq!(format!("{:?}", api_limits(&config)), format!("{:?}", ApiLimits::default()));
    assert_eq!(Limits::from(&config.limits), Limits::default());
    let socket = socket_settings(&config.socket);
    assert_eq!(format!("{socket:?}"), format!("{:?}", SocketSettings::default()));
    let liveness = liveness_settings(&config.socket);
    assert_eq!(format!("{liveness:?}"), format!("{:?}", LivenessSettings::default()));
    let listener = listener_config(&config.http).expect("good settings");
    assert_eq!(format!("{:?}", listener.deadlines), format!("{:?}", Deadlines::default()));
    assert_eq!(format!("{:?}", listener.caps), format!("{:?}", Caps::default()));
}

const ISSUER: &str = "https://login.example/realms/talk";
const PROJECT: u32 = 100_001;

/// A server that speaks all dialects, and a token of OpenTalk's issuer.
async fn talking(data: &std::path::Path) -> (Server, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let file = data.join("issuer.pem");
    std::fs::write(&file, key.public_key_pem()).expect("the folder is ours");
    let mut config = Config::default();
    (config.http.listen, config.admin.listen) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
    config.store.path = data.to_owned();
    config.shutdown.accept_delay = Duration::ZERO;
    (config.opentalk.enabled, config.opentalk.project) = (true, PROJECT);
    ISSUER.clone_into(&mut config.opentalk.oidc_url);
    config.project_keys.push(ProjectKeyEntry {
        project: PROJECT,
        issuer: ISSUER.to_owned(),
        public_key_file: Some(file),
        ..ProjectKeyEntry::default()
    });
    assert_eq!(config.problems(), []);
    let project = ProjectId::new(PROJECT).expect("a valid key");
    let dev = Dev { project: Some((project, "a secret that is long enough for a test".to_owned())) };
    let server = Server::start(config, Some(dev)).await.expect("the server starts");
    let now = SystemClock.now().as_millis() / 1_000;
    let claims = json!({ "iss": ISSUER, "sub": "alice", "iat": now, "exp": now + 3_600, "name": "Alice" });
    let signing = EncodingKey::from_ed_pem(key.serialize_pem().as_bytes()).expect("a key");
    let token =
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &signing).expect("claims are JSON");
    (server, token)
}

async fn call(server: &Server, path: &str, token: Option<&str>, body: &Value) -> Value {
    let mut request = reqwest::Client::new().post(format!("{}/v1{path}", server.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.expect("the server answers");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    serde_json::from_str(&answer.text().await.expect("the body arrives")).expect("it is JSON")
}

/// Before, a drain waited to its end for sockets at the doors of OpenTalk's rooms: they are in no room, and in a register of
/// pings of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_tells_those_who_stand_at_the_door() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (server, token) = talking(folder.path()).await;
    let room = call(&server, "/rooms", Some(&token), &json!({ "waiting_room": true })).await;
    let room = room["id"].as_str().expect("a room has an id");
    let invite = call(&server, &format!("/rooms/{room}/invites"), Some(&token), &json!({})).await;
    let mut clients = Vec::new();
    for joins in [false, true] {
        let body = json!({ "invite_code": invite["invite_code"] });
        let ticket = call(&server, &format!("/rooms/{room}/start_invited"), None, &body).await;
        let ticket = ticket["ticket"].as_str().expect("a ticket");
        let protocols = format!("ticket#{ticket}, opentalk-signaling-json-v1.0");
        let mut client = Client::open(server.public.local_addr(), "/signaling", &protocols)
            .await
            .expect("the ticket is good");
        if joins {
            let join = json!({ "action": "join", "display_name": "Gina" });
            client.send(&json!({ "namespace": "control", "payload": join }).to_string()).await;
            assert_eq!(client.next().await["payload"]["message"], "in_waiting_room");
        }
        clients.push(client);
    }
    let began = Instant::now();
    let draining = tokio::spawn(server.drain());
    for client in &mut clients {
        assert_eq!(client.close().await.0, 1001);
    }
    drop(clients);
    draining.await.expect("no bug").expect("it stops in time");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}
