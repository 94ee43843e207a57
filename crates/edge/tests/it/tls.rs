//! TLS: the same sockets, a stalled handshake, and a certificate that is replaced.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sidetalk_core::ports::Outlet as _;
use sidetalk_edge::frame;
use sidetalk_edge::listener::{Deadlines, Listener, ListenerConfig};
use sidetalk_edge::tls::TlsFiles;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, PATIENCE, Server, Setup, read_to_end};

/// Writes a fresh certificate; returns it for the client to trust.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        look_every: Duration::from_millis(50),
        ..TlsFiles::new(folder.join("cert.pem"), folder.join("key.pem"))
    }
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(server.tcp().await, trusted).await
}

async fn handshake(
    tcp: TcpStream,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

async fn start(folder: &Path) -> Server {
    Setup { listener: config(folder), ..Setup::default() }.start().await
}

fn config(folder: &Path) -> ListenerConfig {
    let deadlines = Deadlines { first_byte: Duration::from_secs(3), ..Deadlines::default() };
    ListenerConfig { tls: Some(files(folder)), deadlines, ..ListenerConfig::default() }
}

#[tokio::test]
async fn sockets_work_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let server = start(folder.path()).await;
    let mut client = Client::open(connect(&server, &certificate).await.unwrap(), "").await;
    let long = "x".repeat(60_000);
    assert_eq!(client.say(&long).await, format!("text {long}"));
    // From outside the task, which then has to be woken.
    let outbox = server.room.lock().pop().unwrap();
    for number in 0..300 {
        outbox.send(frame::text(format!("{number} {}", "y".repeat(3_000)).as_bytes()));
    }
    for number in 0..300 {
        assert!(client.next().await.starts_with(&format!("text {number} y")));
    }
    assert_eq!(client.say("leave").await, "close 4503 as you wish");
    assert_eq!(client.next().await, "end");
}

#[tokio::test]
async fn a_silent_handshake_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let server = start(folder.path()).await;
    assert_eq!(read_to_end(&mut server.tcp().await).await, "");
}

#[tokio::test]
async fn a_handshake_takes_from_the_time_of_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let server = start(folder.path()).await;
    let begin = Instant::now();
    let tcp = server.tcp().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut tls = handshake(tcp, &certificate).await.unwrap();
    assert_eq!(read_to_end(&mut tls).await, "");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_replaced_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = write_certificate(folder.path());
    let server = start(folder.path()).await;
    let mut client = Client::open(connect(&server, &old).await.unwrap(), "").await;

    let good = std::fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    // A certificate after the first was not looked at: clients then refused the whole chain.
    let broken_chain = format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for broken in ["not a certificate", &broken_chain, &good[..200]] {
        std::fs::write(folder.path().join("cert.pem"), broken).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        connect(&server, &old).await.expect("the old certificate stays");
        let error = Listener::bind("127.0.0.1:0", config(folder.path())).await.err().expect(broken);
        assert!(!error.to_string().contains(", 66, "), "{error}");
    }

    let new = write_certificate(folder.path());
    let is_new = async {
        while connect(&server, &new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_new).await.expect("the new certificate is used");
    connect(&server, &old).await.expect_err("the old one is gone");
    assert_eq!(client.say("connections go on").await, "text connections go on");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let listener = ListenerConfig { tls: Some(files(folder.path())), ..ListenerConfig::default() };
    let error = Listener::bind("127.0.0.1:0", listener).await.err().expect("there are no files").to_string();
    assert!(error.contains("cert.pem"), "{error}");
}
