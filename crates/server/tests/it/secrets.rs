//! What must not be seen, and whom the server believes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::chat::token;
use crate::server::{Answer, Server, request, scratch, until};
use crate::socket::Socket;

#[test]
fn nothing_private_is_logged_even_when_everything_is() {
    let (_folder, data) = scratch();
    let secret = "planted-secret-of-the-project-0123456789";
    let server =
        Server::start_with(&data, &["--set", "log.level=trace", "--project", &format!("7:{secret}")]);
    let token = token(&server, &data, "planted-user");
    let mut socket = Socket::connect(server.address(), &token).expect("it connects");
    socket.call("room.join", json!({ "room": "planted-room", "data": "planted-data" })).expect("it joins");
    socket
        .call("message.post", json!({ "room": "planted-room", "text": "planted-text" }))
        .expect("it is posted");
    let signal = json!({ "room": "planted-room", "type": "wave", "data": "planted-signal" });
    socket.call("signal.send", signal).expect("it is sent");
    socket.try_call("message.post", json!({ "room": 5, "text": "planted-mistake" })).expect("an answer");
    let bearer = format!("authorization: Bearer {token}");
    let search = "/api/v1/rooms/planted-room/search?text=planted-query";
    assert_eq!(request(server.address(), "GET", search, &[&bearer], "").expect("an answer").status, 200);
    request(
        server.address(),
        "GET",
        "/api/v1/project?planted-query",
        &["authorization: Basic cGxhbnRlZDpwdw=="],
        "",
    )
    .expect("an answer");
    drop(socket);
    server.signal("TERM");
    let log = until("the log is whole", || Some(server.log()).filter(|log| log.contains("stopped")));
    for planted in ["planted", secret, &token, "cGxhbnRlZDpwdw"] {
        assert!(!log.contains(planted), "{planted} is in the log:\n{log}");
    }
}

#[test]
fn tls_is_spoken_with_a_self_made_certificate() {
    let (_folder, data) = scratch();
    let server = Server::start_with(&data, &["--tls"]);
    let url = server.ready["url"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with("https://"), "{url}");
    let pem = std::fs::read(data.join("dev-certificate.pem")).expect("the certificate is there");
    let status =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(
            async {
                let root = reqwest::Certificate::from_pem(&pem).expect("a certificate");
                let client = reqwest::Client::builder().tls_certs_only([root]).build().expect("a client");
                client.get(format!("{url}/")).send().await.expect("an answer").status()
            },
        );
    assert_eq!(status, 200);
}

/// A key of an identity provider.
struct ProviderKey {
    id: &'static str,
    pair: rcgen::KeyPair,
}

impl ProviderKey {
    fn new(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key can be made");
        Self { id, pair }
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.id, "x": base64url(self.pair.public_key_raw()) })
    }

    fn token(&self) -> String {
        let claims =
            json!({ "iss": "https://id.test", "aud": "chat", "sub": "alice", "exp": 4_000_000_000_u64 });
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_pem(self.pair.serialize_pem().as_bytes()).expect("a private key");
        jsonwebtoken::encode(&header, &claims, &key).expect("it can be signed")
    }
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digit = |six: &[u8]| {
        let six = format!("{:0<6}", String::from_utf8_lossy(six));
        char::from(DIGITS[usize::from_str_radix(&six, 2).expect("ones and zeros")])
    };
    bits.as_bytes().chunks(6).map(digit).collect()
}

/// Serves a key set that the test can change. Ends with the process.
fn provider(keys: &Arc<Mutex<Value>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let keys = Arc::clone(keys);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).expect("a request");
            assert!(head[..read].starts_with(b"GET /keys HTTP/1.1"));
            let body = keys.lock().expect("nobody panics with it").to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).expect("it is taken");
        }
    });
    format!("http://{address}/keys")
}

#[test]
fn keys_of_a_provider_are_fetched_and_changed_on_sighup() {
    let (folder, data) = scratch();
    let (first, second) = (ProviderKey::new("first"), ProviderKey::new("second"));
    let keys = Arc::new(Mutex::new(json!({ "keys": [first.jwk()] })));
    let url = provider(&keys);
    let config = folder.path().join("sidetalk.toml");
    let text = format!(
        "[[project_key]]\nproject = 100001\nissuer = \"https://id.test\"\naudience = \"chat\"\njwks_url = \"{url}\"\nrefresh = \"1h\"\n"
    );
    std::fs::write(&config, text).expect("the folder is ours");
    let server = Server::start_with(&data, &["--no-rate-limits", "--config", &config.display().to_string()]);
    let is_let_in = |key: &ProviderKey| -> Answer {
        let bearer = format!("authorization: Bearer {}", key.token());
        request(server.address(), "GET", "/api/v1/users/alice/rooms", &[&bearer], "").expect("an answer")
    };
    until("the first key is known", || (is_let_in(&first).status == 200).then_some(()));
    assert_eq!(is_let_in(&second).status, 401);
    *keys.lock().expect("nobody panics with it") = json!({ "keys": [second.jwk()] });
    server.signal("HUP");
    until("the second key is known", || (is_let_in(&second).status == 200).then_some(()));
    assert_eq!(is_let_in(&first).status, 401, "a key that was withdrawn is not believed");
}
