use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::chat::token;
use crate::server::{Server, complains, get, prints, request, scratch, until};
use crate::socket::Socket;

#[test]
fn it_says_when_it_is_ready_and_how_it_is() {
    let (_folder, data) = scratch();
    let server = Server::start(&data);
    assert_eq!(server.ready["pid"].as_u64().map(|pid| pid > 1), Some(true));
    assert_eq!(server.secret().len(), 64);
    let admin = server.admin_address();
    for path in ["/livez", "/readyz", "/healthz"] {
        let answer = get(admin, path);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
    }
    assert_eq!(prints(&["healthcheck", "--admin", admin]).trim(), "ready");
    get(server.address(), "/");
    let numbers = get(admin, "/metrics").body;
    for metric in [
        "sidetalk_build_info{version=",
        "sidetalk_ready 1",
        "sidetalk_http_requests_total{method=\"GET\",status=\"2xx\"} 1",
        "sidetalk_storage_errors_total{op=\"write\"} 0",
        "sidetalk_tls_reloads_total{result=\"failed\"} 0",
        "sidetalk_task_failures_total 0",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(numbers.contains(metric), "{metric} is not in\n{numbers}");
    }
    assert_eq!(get(server.address(), "/metrics").status, 404, "numbers are not for the public");
    assert_eq!(get(admin, "/api/v1/project").status, 404, "the API is not for the operator's listener");
}

#[test]
fn it_counts_failed_logins_and_returns() {
    let (_folder, data) = scratch();
    let server = Server::start(&data);
    for credentials in ["Bearer x.y.z", "Basic MTox", "Basic !"] {
        let header = format!("authorization: {credentials}");
        let answer = request(server.address(), "GET", "/api/v1/project", &[&header], "").expect("an answer");
        assert_eq!(answer.status, 401, "{credentials}");
    }
    let mut alice =
        Socket::connect(server.address(), &token(&server, &data, "alice")).expect("alice connects");
    let joined = alice.call("room.join", json!({ "room": "lobby" })).expect("alice joins");
    for text in ["one", "two", "three"] {
        alice.call("message.post", json!({ "room": "lobby", "text": text })).expect("alice posts");
    }
    for position in [joined["position"].as_str().expect("a position"), "0000000000000001-1"] {
        let back = json!({ "room": "lobby", "position": position });
        alice.call("room.join", back).expect("alice comes back");
    }
    let numbers = get(server.admin_address(), "/metrics").body;
    for metric in [
        "sidetalk_auth_failures_total{reason=\"token\"} 1",
        "sidetalk_auth_failures_total{reason=\"secret\"} 1",
        "sidetalk_auth_failures_total{reason=\"credentials\"} 1",
        "sidetalk_resume_total{outcome=\"ok\"} 1",
        "sidetalk_resume_total{outcome=\"epoch_changed\"} 1",
        "sidetalk_resume_replayed_messages_sum 3",
        "sidetalk_resume_replayed_messages_count 1",
    ] {
        assert!(numbers.contains(metric), "{metric} is not in\n{numbers}");
    }
}

#[test]
fn pages_leave_with_safe_headers() {
    let (_folder, data) = scratch();
    let server = Server::start(&data);
    let page = get(server.address(), "/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(page.header("x-request-id").is_some());
    let tag = page.header("etag").expect("a tag");
    let known =
        request(server.address(), "GET", "/", &[&format!("if-none-match: {tag}")], "").expect("an answer");
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    assert_eq!(get(server.address(), "/no/such/page").status, 404);
}

#[test]
fn a_base_path_is_taken_off() {
    let (_folder, data) = scratch();
    let server = Server::start_with(&data, &["--set", "http.base_path=/chat"]);
    let (address, path) = server.address().split_once('/').expect("the URL has the base path");
    assert_eq!(path, "chat");
    assert_eq!(get(address, "/chat/").status, 200);
    let slash = get(address, "/chat?a=b");
    assert_eq!((slash.status, slash.header("location")), (308, Some("/chat/?a=b")));
    let outside = get(address, "/");
    assert_eq!(outside.status, 404);
    assert_eq!(outside.header("x-content-type-options"), Some("nosniff"));
    assert!(outside.header("x-request-id").is_some());
}

/// `http.allowed_origins` held for the native API alone.
#[test]
fn allowed_origins_hold_for_every_dialect() {
    let (_folder, data) = scratch();
    let listed = ["--set", "http.allowed_origins=https://good.example", "--set", "openvidu.enabled=true"];
    let server = Server::start_with(&data, &listed);
    let status = |path: &str, origin: &str| {
        let headers = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
        let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        let answer = request(server.address(), "GET", path, &[&headers[..], &[key, origin]].concat(), "");
        answer.expect("an answer").status
    };
    for path in ["/openvidu?sessionId=x", "/openvidu/api/sessions"] {
        assert_eq!(status(path, "origin: https://evil.example"), 403, "{path}");
    }
    assert_ne!(status("/openvidu/api/sessions", "origin: https://good.example"), 403);
}

#[test]
fn a_project_stays_the_same_across_restarts() {
    let (_folder, data) = scratch();
    let first = Server::start(&data);
    let project = first.ready["project"].clone();
    first.kill();
    let second = Server::start(&data);
    assert_eq!(second.ready["project"], project);
    drop(second);
    let chosen = Server::start_with(&data, &["--project", "42:a-secret-of-my-own"]);
    assert_eq!((chosen.key(), chosen.secret()), (42, "a-secret-of-my-own"));
}

#[test]
fn it_drains_when_asked_to_stop() {
    let (_folder, data) = scratch();
    let mut server = Server::start_with(&data, &["--set", "shutdown.accept_delay=1s"]);
    let began = Instant::now();
    server.signal("TERM");
    let said = until("it is not ready any more", || {
        let answer = request(server.admin_address(), "GET", "/readyz", &[], "").ok()?;
        (answer.status == 503).then_some(answer.body)
    });
    assert_eq!(said, "not ready: draining\n");
    let failed = complains(1, &["healthcheck", "--admin", server.admin_address()]);
    assert!(!failed.is_empty());
    assert_eq!(server.ended(), Some(0), "{}", server.log());
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(!data.join("control.sock").exists());
    let log = server.log();
    assert!(log.contains("draining") && log.contains("stopped"), "{log}");
}

#[test]
fn a_second_signal_ends_it_now() {
    let (_folder, data) = scratch();
    let mut server =
        Server::start_with(&data, &["--set", "shutdown.accept_delay=20s", "--config", "/dev/null"]);
    server.signal("INT");
    until("it drains", || server.log().contains("draining").then_some(()));
    let began = Instant::now();
    server.signal("INT");
    assert_eq!(server.ended(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// What a log reader does to a server: it is gone, or it stalls. Before, the first log line then ended a thread, or the
/// process stood still with it and no signal ended it.
#[test]
fn a_log_that_nobody_takes_holds_nothing_up() {
    for stalls in [false, true] {
        let (_folder, data) = scratch();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut server = Server::start_logging_to(&data, &["--set", "log.level=debug"], writer);
        let _held = stalls.then_some(reader);
        // Enough for the pipe to be full.
        for _ in 0..600 {
            assert_eq!(get(server.address(), "/api/v1/errors").status, 200);
        }
        server.signal("HUP");
        assert_eq!(get(server.admin_address(), "/livez").status, 200);
        server.signal("TERM");
        assert_eq!(server.ended(), Some(0), "stalls: {stalls}");
    }
}

#[test]
fn serve_has_no_demo_and_needs_no_configuration() {
    let (folder, data) = scratch();
    let ready = folder.path().join("serve.json");
    let mut child = crate::server::sidetalk()
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .arg("--data")
        .arg(&data)
        .arg("--ready-file")
        .arg(&ready)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary can be run");
    let ready = until("it is ready", || std::fs::read(&ready).ok());
    let ready: serde_json::Value = serde_json::from_slice(&ready).expect("the ready file is written whole");
    let url = ready["url"].as_str().expect("a URL").trim_start_matches("http://").to_owned();
    let (home, demo) = (get(&url, "/"), request(&url, "POST", "/demo/session", &[], "{}"));
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    assert_eq!(home.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(demo.expect("an answer").status, 404);
    assert_eq!(ready["project"], serde_json::Value::Null);
}

#[test]
fn the_ready_file_is_for_its_owner_and_goes_with_the_server() {
    let (folder, data) = scratch();
    let mut server = Server::start(&data);
    let ready = data.with_extension("ready.json");
    let mode = std::fs::metadata(&ready).expect("it is ready").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the project's secret is in it");
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    assert!(!ready.exists());
    let nowhere = folder.path().join("no/such/folder").display().to_string();
    let said = complains(1, &["serve", "--ready-file", &nowhere, "--data", "/nonexistent"]);
    assert!(said.contains("cannot write the ready file") && !said.contains("serving"), "{said}");
}

#[test]
fn clients_are_told_when_to_come_back() {
    let (_folder, data) = scratch();
    let mut server = Server::start_with(&data, &["--set", "shutdown.return_spread=5s"]);
    let mut sockets: Vec<Socket> = (0..8)
        .map(|number| {
            let token = token(&server, &data, &format!("user-{number}"));
            let mut socket = Socket::connect(server.address(), &token).expect("it connects");
            socket.call("room.join", json!({ "room": "lobby", "presence": false })).expect("it joins");
            socket
        })
        .collect();
    let address = server.address().to_owned();
    server.signal("TERM");
    let mut waits: Vec<u64> = Vec::new();
    for socket in &mut sockets {
        let mut told = false;
        while let Ok(notice) = socket.notice() {
            told |= notice["method"] == "server.draining";
        }
        let (number, reason) = socket.closed.clone().expect("a close frame comes");
        assert_eq!(number, 4002, "{reason}");
        assert!(told, "a notification comes before the close frame");
        waits.push(reason.parse().expect("the reason is milliseconds"));
    }
    waits.sort_unstable();
    assert!(waits[0] < waits[7] && waits[7] <= 5_000, "they come back spread: {waits:?}");
    assert_eq!(server.ended(), Some(0), "{}", server.log());
    assert!(request(&address, "GET", "/", &[], "").is_err(), "nobody listens any more");
}

#[test]
fn what_is_over_its_retention_goes() {
    let (_folder, data) = scratch();
    let server = Server::start_with(&data, &["--set", "store.purge_interval=50ms"]);
    let mut alice =
        Socket::connect(server.address(), &token(&server, &data, "alice")).expect("alice connects");
    alice.call("room.join", json!({ "room": "lobby" })).expect("alice joins");
    alice.call("message.post", json!({ "room": "lobby", "text": "soon forgotten" })).expect("it is posted");
    let bearer = format!("authorization: Bearer {}", server_token(&server, &data));
    let change = request(
        server.address(),
        "PATCH",
        "/api/v1/project",
        &[&bearer],
        r#"{"settings":{"retention_s":1}}"#,
    );
    let change = change.expect("an answer");
    assert_eq!(change.status, 200, "{change:?}");
    until("the message is gone", || {
        let page = alice.call("room.history", json!({ "room": "lobby" })).expect("a page");
        page["messages"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    assert!(
        get(server.admin_address(), "/metrics").body.contains("sidetalk_retention_purged_messages_total 1")
    );
}

fn server_token(server: &Server, data: &std::path::Path) -> String {
    let (key, data) = (server.key().to_string(), data.display().to_string());
    prints(&["token", "mint", "--project", &key, "--server", "--data", &data]).trim().to_owned()
}
