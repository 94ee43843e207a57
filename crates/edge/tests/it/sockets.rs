//! The life of a WebSocket as a client sees it.

use std::time::Duration;

use sidetalk_core::ports::{Closing, Outlet as _};
use sidetalk_edge::liveness::LivenessSettings;
use sidetalk_edge::socket::Ended;

use crate::client::{Client, Setup, masked, read_to_end};

#[tokio::test]
async fn messages_go_and_come_in_order() {
    let mut server = Setup::default().start().await;
    let mut client = Client::open(server.tcp().await, "sec-websocket-protocol: other, chat\r\n").await;
    assert!(client.answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(client.answer.contains("sec-websocket-protocol: chat"));
    let many: Vec<u8> = (0..1000).flat_map(|number| masked(0x81, format!("{number}").as_bytes())).collect();
    client.raw(&many).await;
    for number in 0..1000 {
        assert_eq!(client.next().await, format!("text {number}"));
    }
    client.raw(&masked(0x89, b"you there?")).await;
    assert_eq!(client.next().await, "pong you there?");
    client.raw(&masked(0x88, b"\x03\xe8bye")).await;
    assert_eq!(client.next().await, "close 1000");
    assert_eq!(client.next().await, "end");
    assert_eq!(server.next_end().await, Ended::ByPeer { number: Some(1000) });
}

#[tokio::test]
async fn a_frame_that_came_with_the_request_is_not_lost() {
    let server = Setup::default().start().await;
    let mut tcp = server.tcp().await;
    let request = b"GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let bytes = [request.as_slice(), &masked(0x81, b"early"), &masked(0x88, b"")].concat();
    tokio::io::AsyncWriteExt::write_all(&mut tcp, &bytes).await.unwrap();
    let answer = read_to_end(&mut tcp).await;
    assert!(answer.contains("\r\n\r\n\u{fffd}\u{5}early"), "{answer:?}");
}

#[tokio::test]
async fn the_next_frame_waits_for_slow_work() {
    let server = Setup::default().start().await;
    let mut client = server.socket().await;
    let frames = ["slow", "a", "slow", "slow", "b"].map(|text| masked(0x81, text.as_bytes())).concat();
    client.raw(&frames).await;
    for expected in ["slow 1", "a", "slow 2", "slow 3", "b"] {
        assert_eq!(client.next().await, format!("text {expected}"));
    }
}

#[tokio::test]
async fn a_session_that_fails_ends_alone() {
    let mut server = Setup::default().start().await;
    let mut other = server.socket().await;
    let mut client = server.socket().await;
    assert_eq!(client.say("panic").await, "close 1011 internal error");
    assert_eq!(server.next_end().await, Ended::ByUs { number: 1011 });
    assert_eq!(other.say("fine").await, "text fine");
}

#[tokio::test]
async fn each_reason_has_its_number() {
    let mut server = Setup::default().start().await;
    for (why, expected) in [
        (Closing::Draining { after: Duration::from_millis(250) }, "close 4002 250"),
        (Closing::TokenExpired, "close 4501 the token has expired"),
        (Closing::Bug, "close 1011 internal error"),
        (Closing::Slow, "close 4000 too slow: come back with your position"),
    ] {
        let mut client = server.socket().await;
        assert_eq!(client.say("hi").await, "text hi");
        let outbox = server.room.lock().pop().unwrap();
        outbox.close(why);
        assert_eq!(client.next().await, expected);
        assert_eq!(client.next().await, "end");
        drop(client);
        assert!(matches!(server.next_end().await, Ended::ByUs { .. }));
    }
    let mut client = server.socket().await;
    assert_eq!(client.say("leave").await, "close 4503 as you wish");
    client.raw(&masked(0x82, b"late")).await;
    assert_eq!(client.next().await, "end");
    let mut client = server.socket().await;
    client.raw(&masked(0x82, b"bytes")).await;
    assert_eq!(client.next().await, "close 1003 text messages only");
}

#[tokio::test]
async fn a_lost_connection_is_told_to_the_session() {
    let mut server = Setup::default().start().await;
    drop(server.socket().await);
    assert_eq!(server.next_end().await, Ended::Lost);
}

#[tokio::test]
async fn who_does_not_log_in_is_closed() {
    let liveness = LivenessSettings { login_wait: Duration::from_secs(1), ..LivenessSettings::default() };
    let mut server = Setup { liveness, ..Setup::default() }.start().await;
    let mut good = server.socket().await;
    assert_eq!(good.say("login").await, "text login");
    let mut client = server.socket().await;
    assert_eq!(client.next().await, "close 4004 not authenticated in time");
    assert_eq!(server.next_end().await, Ended::ByUs { number: 4004 });
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(good.say("still here").await, "text still here");
}

#[tokio::test]
async fn who_does_not_answer_pings_is_closed_and_any_frame_is_an_answer() {
    let liveness = LivenessSettings {
        ping_every: Duration::from_millis(1500),
        pong_wait: Duration::from_millis(1000),
        ..LivenessSettings::default()
    };
    let server = Setup { liveness, ..Setup::default() }.start().await;
    let mut deaf = server.socket().await;
    let mut good = server.socket().await;
    assert_eq!(good.say("login").await, "text login");
    assert_eq!(deaf.say("login").await, "text login");
    let talk = tokio::spawn(async move {
        for _ in 0..3 {
            assert_eq!(good.next().await, "ping");
            good.text("alive").await;
            assert_eq!(good.next().await, "text alive");
        }
    });
    assert_eq!(deaf.next().await, "ping");
    assert_eq!(deaf.next().await, "close 4001 no answer to a ping");
    talk.await.unwrap();
}

#[tokio::test]
async fn who_waits_for_us_is_not_silent() {
    let liveness = LivenessSettings {
        ping_every: Duration::from_millis(500),
        pong_wait: Duration::from_millis(800),
        ..LivenessSettings::default()
    };
    let server = Setup { liveness, ..Setup::default() }.start().await;
    let mut client = server.socket().await;
    assert_eq!(client.say("login").await, "text login");
    client.text("very slow").await;
    // What it says meanwhile lies unread until we are done.
    loop {
        match client.next().await.as_str() {
            "ping" => {}
            answer => break assert_eq!(answer, "text very slow"),
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_ping_may_take_longer_than_the_next_ping() {
    let liveness = LivenessSettings {
        ping_every: Duration::from_millis(500),
        pong_wait: Duration::from_millis(1200),
        ping_payload: b"are you there",
        ..LivenessSettings::default()
    };
    let server = Setup { liveness, ..Setup::default() }.start().await;
    let mut deaf = server.socket().await;
    let mut slow = server.socket().await;
    assert_eq!(slow.say("login").await, "text login");
    assert_eq!(deaf.say("login").await, "text login");
    let talk = tokio::spawn(async move {
        for _ in 0..3 {
            assert_eq!(slow.next().await, "ping are you there");
            assert_eq!(slow.next().await, "ping are you there");
            slow.text("alive").await;
            assert_eq!(slow.next().await, "text alive");
        }
    });
    for _ in 0..3 {
        assert_eq!(deaf.next().await, "ping are you there");
    }
    assert_eq!(deaf.next().await, "close 4001 no answer to a ping");
    talk.await.unwrap();
}
