//! Deadlines, caps and the end of plain HTTP connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{StatusCode, Uri};
use hyper::body::Frame;
use sidetalk_edge::base_path::{BasePath, WithClient};
use sidetalk_edge::listener::{Caps, Deadlines, Listener, ListenerConfig, Serving, Takeover};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::proxy::{Client, ForwardedHeader, TrustedProxies};
use sidetalk_edge::socket::{Ended, Session, SocketSettings, Sockets, Step};
use sidetalk_edge::upgrade::{Upgrade, UpgradeRefusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::{PATIENCE, Setup, read_to_end};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(600);

fn long() -> Deadlines {
    Deadlines { first_byte: LONG, header: LONG, body: LONG, stop: LONG, idle: LONG, write: LONG }
}

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nhost: test\r\n\r\n";

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = Setup::default().deadlines(Deadlines { first_byte: SHORT, ..long() }).start().await;
    let begin = Instant::now();
    let mut tcp = server.tcp().await;
    assert_eq!(read_to_end(&mut tcp).await, "");
    assert!(begin.elapsed() >= SHORT);
}

#[tokio::test]
async fn half_a_header_is_closed_even_if_it_drips() {
    let server = Setup::default().deadlines(Deadlines { header: SHORT, ..long() }).start().await;
    let (mut read, mut write) = server.tcp().await.into_split();
    let drip = tokio::spawn(async move {
        for byte in b"GET /hello HTTP/1.1\r\nhost: test\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(read_to_end(&mut read).await, "");
    drip.await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let idle = Duration::from_secs(1);
    let server = Setup::default().deadlines(Deadlines { idle, ..long() }).start().await;
    let mut tcp = server.tcp().await;
    for _ in 0..3 {
        tcp.write_all(HELLO).await.unwrap();
        let mut answer = vec![0; 1024];
        let read_bytes = tcp.read(&mut answer).await.unwrap();
        assert!(answer[..read_bytes].starts_with(b"HTTP/1.1 200 OK"));
    }
    assert_eq!(read_to_end(&mut tcp).await, "");
}

#[tokio::test]
async fn the_second_header_has_its_own_deadline() {
    let server = Setup::default().deadlines(Deadlines { header: SHORT, ..long() }).start().await;
    let mut tcp = server.tcp().await;
    tcp.write_all(HELLO).await.unwrap();
    assert!(tcp.read(&mut [0; 1024]).await.unwrap() > 0);
    tokio::time::sleep(SHORT * 2).await;
    tcp.write_all(b"GET /he").await.unwrap();
    assert_eq!(read_to_end(&mut tcp).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = Setup::default().deadlines(Deadlines { body: SHORT, ..long() }).start().await;
    let mut tcp = server.tcp().await;
    tcp.write_all(b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    let answer = read_to_end(&mut tcp).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let mut tcp = server.tcp().await;
    tcp.write_all(b"POST /body HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc")
        .await
        .unwrap();
    assert!(read_to_end(&mut tcp).await.ends_with("\r\n\r\n3"));
}

/// Serves routes of a test's own.
async fn serve(router: Router, deadlines: Deadlines) -> Serving {
    let config = ListenerConfig { deadlines, ..ListenerConfig::default() };
    Listener::bind("127.0.0.1:0", config).await.unwrap().serve(router).unwrap()
}

/// Whoever fetched a long history over a slow line lost it in the middle: the idle clock ran from the moment at which the
/// answer was in our memory.
#[tokio::test]
async fn a_long_answer_is_not_cut_while_it_is_read() {
    const LENGTH: usize = 16 << 20;
    let router = Router::new().route("/long", get(async || vec![b'x'; LENGTH]));
    let serving = serve(router, Deadlines { idle: SHORT, ..long() }).await;
    let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
    tcp.write_all(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut read_bytes = 0;
    let mut part = vec![0; 1 << 20];
    let begin = Instant::now();
    loop {
        match tcp.read(&mut part).await.unwrap() {
            0 => break,
            more => read_bytes += more,
        }
        if begin.elapsed() < SHORT * 4 {
            tokio::time::sleep(SHORT / 4).await;
        }
    }
    assert!(read_bytes > LENGTH, "{read_bytes}");
}

/// Clients that close their half after the request got no answer, although what they asked for was done.
#[tokio::test]
async fn a_request_with_its_end_gets_its_answer() {
    let router = Router::new().route(
        "/body",
        post(async |body: Bytes| {
            tokio::time::sleep(SHORT).await;
            vec![b'x'; body.len() << 20]
        }),
    );
    let serving = serve(router, long()).await;
    for body in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let request = format!("POST /body HTTP/1.1\r\nhost: test\r\n{body}");
        tcp.write_all(request.as_bytes()).await.unwrap();
        tcp.shutdown().await.unwrap();
        let answer = read_to_end(&mut tcp).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.len() > 3 << 20, "{}", answer.len());
    }
}

#[tokio::test]
async fn who_leaves_an_endless_answer_or_half_a_request_is_noticed() {
    let router = Router::new()
        .route("/endless", get(async || Body::new(Endless)))
        .route("/body", post(async |_: Bytes| ""));
    let serving = serve(router, long()).await;
    for request in [
        "GET /endless HTTP/1.1\r\nhost: test\r\n\r\n",
        "POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nabc",
        "POST /body HTTP/1.1\r\nhost: te",
    ] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        tcp.shutdown().await.unwrap();
        tokio::time::timeout(PATIENCE, serving.gate().empty()).await.expect(request);
    }
}

struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// Who sends a long body before reading anything lost the answer that said why it was refused.
#[tokio::test]
async fn an_answer_before_the_body_reaches_who_writes_first() {
    let router = Router::new().route("/no", post(async || StatusCode::UNAUTHORIZED));
    let serving = serve(router, long()).await;
    for length in [300_000, 5_000_000] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let head = format!("POST /no HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
        tcp.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..length / 10_000 {
            tcp.write_all(&[b'x'; 10_000]).await.unwrap();
        }
        let answer = read_to_end(&mut tcp).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    // What is short is read, so that the connection can go on.
    let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
    for _ in 0..2 {
        tcp.write_all(b"POST /no HTTP/1.1\r\nhost: test\r\ncontent-length: 10000\r\n\r\n").await.unwrap();
        tcp.write_all(&[b'x'; 10_000]).await.unwrap();
        let mut answer = vec![0; 1024];
        let read_bytes = tcp.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read_bytes]);
        assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("connection: close"), "{answer}");
    }
    // Unless its sender has asked first.
    tcp.write_all(b"POST /no HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .await
        .unwrap();
    let answer = read_to_end(&mut tcp).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_slow_body_does_not_hold_up_a_stop() {
    let server = Setup::default().deadlines(Deadlines { stop: SHORT, ..long() }).start().await;
    let mut tcp = server.tcp().await;
    tcp.write_all(b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.serving.shutdown(PATIENCE).await);
    assert!(read_to_end(&mut tcp).await.starts_with("HTTP/1.1 4"));
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_does_not_hold_up_a_stop() {
    let router = Router::new().route("/long", get(async || vec![b'x'; 64 << 20]));
    let serving = serve(router, Deadlines { stop: SHORT, ..long() }).await;
    let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
    tcp.write_all(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    assert!(tcp.read(&mut [0; 1024]).await.unwrap() > 0);
    assert!(serving.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let server = Setup::default().start().await;
    let mut tcp = server.tcp().await;
    let request = [b"GET /hello HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 40 * 1024]].concat();
    tcp.write_all(&request).await.unwrap();
    let answer = read_to_end(&mut tcp).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn caps_answer_and_the_loop_lives() {
    let caps = Caps { node: 3, address: 2 };
    let server = Setup { listener: ListenerConfig { caps, ..ListenerConfig::default() }, ..Setup::default() }
        .start()
        .await;
    let first = server.socket().await;
    let _second = server.socket().await;
    for _ in 0..20 {
        let mut refused = server.tcp().await;
        // The request may already meet a closed connection.
        let _ = refused.write_all(HELLO).await;
        let answer = read_to_end(&mut refused).await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert!(answer.contains("retry-after: "));
    }
    drop(first);
    let mut answer = String::new();
    let begin = Instant::now();
    while !answer.starts_with("HTTP/1.1 200 ") {
        assert!(begin.elapsed() < PATIENCE, "a place is given back when a socket is gone");
        let mut tcp = server.tcp().await;
        let _ = tcp.write_all(b"GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        answer = read_to_end(&mut tcp).await;
    }
}

#[tokio::test]
async fn a_full_node_says_503_and_a_proxy_does_not_count_as_one_address() {
    let config = ListenerConfig {
        caps: Caps { node: 2, address: 1 },
        trusted_proxies: Arc::new(TrustedProxies::parse(["127.0.0.1"], ForwardedHeader::default()).unwrap()),
        ..ListenerConfig::default()
    };
    let server = Setup { listener: config, ..Setup::default() }.start().await;
    let _sockets = (server.socket().await, server.socket().await);
    let mut refused = server.tcp().await;
    let answer = read_to_end(&mut refused).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn shutdown_lets_connections_finish() {
    let server = Setup::default().start().await;
    let addr = server.addr();
    let mut idle = server.tcp().await;
    idle.write_all(HELLO).await.unwrap();
    assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
    let mut client = server.socket().await;
    assert_eq!(client.say("hi").await, "text hi");
    server.serving.stop_accepting();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert_eq!(client.say("still here").await, "text still here");
    server.liveness.drain(|number| Duration::from_millis(100 + number as u64));
    assert_eq!(client.next().await, "close 4002 100");
    drop(client);
    assert!(server.serving.shutdown(PATIENCE).await);
    assert!(TcpStream::connect(addr).await.is_err());
}

struct Other;

impl Takeover for Other {
    fn wants(&self, first_byte: u8) -> bool {
        first_byte == 0
    }

    fn take(&self, mut tcp: TcpStream, _peer: std::net::SocketAddr, pass: sidetalk_edge::gate::Pass) {
        tokio::spawn(async move {
            let mut bytes = [0; 3];
            tcp.read_exact(&mut bytes).await.unwrap();
            tcp.write_all(&bytes).await.unwrap();
            drop(pass);
        });
    }
}

#[tokio::test]
async fn another_protocol_may_share_the_port() {
    let config = ListenerConfig { takeover: Some(Arc::new(Other)), ..ListenerConfig::default() };
    let server = Setup { listener: config, ..Setup::default() }.start().await;
    let mut tcp = server.tcp().await;
    tcp.write_all(b"\0ab").await.unwrap();
    assert_eq!(read_to_end(&mut tcp).await, "\0ab");
    assert_eq!(server.socket().await.say("hi").await, "text hi");
}

#[tokio::test]
async fn the_client_is_known_below_a_base_path() {
    let proxies = Arc::new(TrustedProxies::parse(["127.0.0.0/8"], ForwardedHeader::default()).unwrap());
    let router = Router::new().route(
        "/who",
        get(async |Extension(client): Extension<Client>, uri: Uri| {
            format!("{} https:{} {:?} {uri}", client.address, client.is_https, client.host)
        }),
    );
    let app = WithClient::new(router, proxies, BasePath::new("/chat"));
    let serving = Listener::bind("127.0.0.1:0", ListenerConfig::default()).await.unwrap().serve(app).unwrap();
    for (path, expected) in [
        ("/chat/who?x=1", "\r\n\r\n192.0.2.7 https:true Some(\"chat.example.org\") /who?x=1"),
        ("/who", "HTTP/1.1 404 Not Found"),
        ("/chat?x=1", "HTTP/1.1 308 Permanent Redirect\r\nlocation: /chat/?x=1"),
        ("/chat/", "HTTP/1.1 404 Not Found"),
        ("/chatter/who", "HTTP/1.1 404 Not Found"),
    ] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: inner\r\nconnection: close\r\nx-forwarded-for: 6.6.6.6, 192.0.2.7\r\n\
             x-forwarded-proto: https\r\nx-forwarded-host: chat.example.org\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut tcp).await;
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let liveness = Liveness::new(LivenessSettings::default());
    let sockets = Sockets::new(SocketSettings::default(), liveness);
    let policy = Arc::new(OriginPolicy::listed(["https://chat.example.org"], false).unwrap());
    let router = Router::new().route(
        "/ws",
        get(async move |upgrade: Upgrade| -> Result<Response, UpgradeRefusal> {
            Ok(upgrade.check_origin(&policy)?.open(&sockets, |_| Silent))
        }),
    );
    let serving =
        Listener::bind("127.0.0.1:0", ListenerConfig::default()).await.unwrap().serve(router).unwrap();
    for (origin, status) in [
        ("origin: https://chat.example.org\r\n", 101),
        ("origin: https://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        ("", 403),
        ("origin: https://chat.example.org\r\norigin: https://evil.example\r\n", 403),
    ] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n{origin}\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{origin:?}");
    }
}

/// A list of origins held for the native API alone: pages of any origin reached vendors' dialects.
#[tokio::test]
async fn a_page_of_another_origin_reaches_nothing_behind_the_layer() {
    let policy = Arc::new(OriginPolicy::listed(["https://chat.example.org"], true).unwrap());
    let router = Router::new()
        .route("/hello", get(async || "hello"))
        .layer(from_fn_with_state(policy, sidetalk_edge::origin::only_pages_of));
    let serving = serve(router, long()).await;
    for (origin, status) in [
        ("origin: https://chat.example.org\r\n", 200),
        ("origin: https://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        ("", 200),
    ] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let request = format!("GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{origin}\r\n");
        tcp.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut tcp).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origin:?}: {answer}");
    }
}

/// Who announced a body that was too long was told to go on, or nothing at all until its end.
#[tokio::test]
async fn a_body_that_is_announced_too_long_is_refused_at_once() {
    let router = Router::new()
        .route("/body", post(async |body: Bytes| body.len().to_string()))
        .layer(from_fn_with_state(1000, sidetalk_edge::head::refuse_long_bodies));
    let serving = serve(router, long()).await;
    for expect in ["expect: 100-continue\r\n", ""] {
        let mut tcp = TcpStream::connect(serving.local_addr()).await.unwrap();
        let head = format!("POST /body HTTP/1.1\r\nhost: test\r\n{expect}content-length: 1001\r\n\r\n");
        tcp.write_all(head.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut tcp).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

struct Silent;

impl Session for Silent {
    type Done = ();

    fn on_text(&mut self, _text: &str) -> Step<()> {
        Step::Next
    }

    fn on_close(&mut self, _ended: Ended) {}
}
