//! Abuse: frames over the limits, broken text, endless fragments, readers that do not read.

use std::time::Duration;

use sidetalk_core::ports::Outlet as _;
use sidetalk_edge::frame;
use sidetalk_edge::socket::{Ended, SocketSettings};

use crate::client::{Setup, masked};

#[tokio::test]
async fn frames_over_the_limit_end_with_1009() {
    let server = Setup::default().start().await;
    let mut client = server.socket().await;
    let largest = "x".repeat(64 * 1024);
    assert_eq!(client.say(&largest).await, format!("text {largest}"));
    client.text(&"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(client.next().await, "close 1009 message too long");

    for claimed in [1_u64 << 63, u64::MAX, (1 << 63) - 1, 64 * 1024 + 1] {
        let mut client = server.socket().await;
        client.raw(&[b"\x82\xff".as_slice(), &claimed.to_be_bytes(), b"\0\0\0\0"].concat()).await;
        assert_eq!(client.next().await, "close 1009 message too long");
        assert_eq!(client.next().await, "end");
    }
}

#[tokio::test]
async fn endless_tiny_fragments_end_with_1008() {
    let server = Setup::default().start().await;
    let mut client = server.socket().await;
    client.raw(&masked(0x01, b"a")).await;
    let fragments: Vec<u8> = (0..20_000).flat_map(|_| masked(0x00, b"a")).collect();
    client.raw(&fragments).await;
    assert_eq!(client.next().await, "close 1008 too many fragments");
}

#[tokio::test]
async fn broken_frames_end_with_their_numbers() {
    let mut server = Setup::default().start().await;
    for (bytes, expected) in [
        (masked(0x81, b"\xff"), "close 1007 text is not UTF-8"),
        (masked(0x01, b"\xed\xa0\x80"), "close 1007 text is not UTF-8"),
        (b"\x81\x02hi".to_vec(), "close 1002 frame not masked"),
        (masked(0xC1, b"hi"), "close 1002 reserved bit set"),
        (masked(0x83, b"hi"), "close 1002 reserved opcode"),
        (masked(0x80, b"hi"), "close 1002 continuation without a message"),
        (masked(0x88, b"\x03\xec"), "close 1002 close number not valid"),
        (masked(0x89, &[0; 126]), "close 1002 control frame too long"),
    ] {
        let mut client = server.socket().await;
        client.raw(&bytes).await;
        assert_eq!(client.next().await, expected);
        assert_eq!(client.next().await, "end");
        assert!(matches!(server.next_end().await, Ended::ByUs { .. }));
    }
    let mut client = server.socket().await;
    assert_eq!(client.say("NUL \0 is text").await, "text NUL \0 is text");
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_get_everything() {
    let mut server = Setup::default().start().await;
    let mut slow = server.socket().await;
    assert_eq!(slow.say("login").await, "text login");
    let mut good = server.socket().await;
    assert_eq!(good.say("login").await, "text login");
    let room = std::mem::take(&mut *server.room.lock());

    let message = frame::text("m".repeat(10_000).as_bytes());
    let mut sent = 0;
    while room[0].is_open() {
        for outbox in &room {
            outbox.send(message.clone());
            assert!(outbox.queued_bytes() <= 1024 * 1024 + message.len());
        }
        assert_eq!(good.next().await.len(), 10_005);
        sent += 1;
        assert!(sent < 100_000, "the slow one's outbox runs over");
    }
    assert_eq!(server.next_end().await, Ended::ByUs { number: 4000 });
    assert!(room[1].is_open());
    assert_eq!(good.say("fine").await, "text fine");

    let mut whole = 0;
    let last = loop {
        let frame = slow.next().await;
        if !frame.starts_with("text mmm") {
            break frame;
        }
        assert_eq!(frame.len(), 10_005);
        whole += 1;
    };
    assert_eq!(last, "close 4000 too slow: come back with your position");
    assert!(whole < sent);
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_though_the_queue_has_room() {
    let sockets = SocketSettings {
        outbox_bytes_max: usize::MAX,
        stall: Duration::from_millis(300),
        linger: Duration::from_millis(300),
        ..SocketSettings::default()
    };
    let mut server = Setup { sockets, ..Setup::default() }.start().await;
    let mut slow = server.socket().await;
    assert_eq!(slow.say("login").await, "text login");
    let outbox = server.room.lock().pop().unwrap();
    while outbox.queued_bytes() < 1024 * 1024 {
        outbox.send(frame::text("m".repeat(10_000).as_bytes()));
    }
    assert_eq!(server.next_end().await, Ended::ByUs { number: 4000 });
    // It still does not read: the connection goes all the same.
    tokio::time::timeout(crate::client::PATIENCE, server.serving.gate().empty())
        .await
        .expect("the place is free");
    assert_eq!(outbox.queued_bytes(), 0);
}
