//! Outboxes over a real loopback pair, without the connection's task: what it would do is called by hand.

use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The client's end and an outbox that writes to it.
async fn pair(outbox_bytes_max: usize) -> (TcpStream, Outbox) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    server.writable().await.unwrap();
    let settings = Arc::new(SocketSettings { outbox_bytes_max, ..SocketSettings::default() });
    let (_, writer) = server.into_split();
    (client, Outbox::new(settings, Some(writer)))
}

/// Sends until the socket is full and something waits.
fn fill(outbox: &Outbox, piece: &Bytes) {
    while outbox.queued_bytes() == 0 {
        outbox.send(piece.clone());
        assert!(outbox.is_open());
    }
}

fn flush(outbox: &Outbox) -> Flushed {
    outbox.poll_flush(&mut Context::from_waker(Waker::noop()), None)
}

async fn read_all(mut client: TcpStream, outbox: &Outbox) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        if !flush(outbox).is_blocked {
            outbox.shut_down();
        }
        let Ok(read) = tokio::time::timeout(Duration::from_millis(20), client.read(&mut piece)).await else {
            continue;
        };
        match read.unwrap() {
            0 => return seen,
            read_bytes => seen.extend_from_slice(&piece[..read_bytes]),
        }
    }
}

#[tokio::test]
async fn an_empty_outbox_writes_at_once_and_holds_nothing() {
    let (mut client, outbox) = pair(1024).await;
    outbox.send(frame::text(b"hello"));
    assert_eq!(outbox.queued_bytes(), 0);
    assert_eq!(outbox.state.lock().queue.capacity(), 0);
    let mut seen = [0; 7];
    client.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"\x81\x05hello");
}

#[tokio::test]
async fn what_is_sent_along_goes_with_the_next_in_one_write() {
    let (mut client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    outbox.send_along(frame::text(b"a"));
    outbox.send_along(frame::text(b"b"));
    assert!(!flush(&outbox).is_blocked);
    let mut seen = [0; 64];
    assert!(client.try_read(&mut seen).is_err(), "nothing has left");
    outbox.send(frame::text(b"c"));
    assert_eq!(outbox.queued_bytes(), 0);
    client.read_exact(&mut seen[..9]).await.unwrap();
    assert_eq!(&seen[..9], b"\x81\x01a\x81\x01b\x81\x01c");

    // Behind what goes by itself it goes at the end of the round, and in front of a goodbye.
    outbox.begin(Waker::noop());
    outbox.send(frame::text(b"d"));
    outbox.send_along(frame::text(b"e"));
    flush(&outbox);
    client.read_exact(&mut seen[..6]).await.unwrap();
    assert_eq!(&seen[..6], b"\x81\x01d\x81\x01e");
    outbox.begin(Waker::noop());
    outbox.send_along(frame::text(b"f"));
    flush(&outbox);
    outbox.close(Closing::Slow);
    outbox.send_along(frame::text(b"g"));
    let rest = read_all(client, &outbox).await;
    assert_eq!(
        rest.iter().filter(|byte| b"fg".contains(byte)).count(),
        0,
        "a slow one is dropped what waits"
    );
}

#[tokio::test]
async fn what_is_sent_along_goes_before_a_goodbye() {
    let (client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    outbox.send_along(frame::text(b"f"));
    flush(&outbox);
    outbox.close_with(&Close::new(Code::Normal, ""));
    let rest = read_all(client, &outbox).await;
    assert_eq!(rest[..3], *b"\x81\x01f");
    assert_eq!(rest[3], 0x88, "then the goodbye");
}

#[tokio::test]
async fn a_round_collects_and_a_flush_writes() {
    let (mut client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    outbox.send(frame::text(b"a"));
    outbox.send_all(&[frame::text(b"b"), frame::text(b"c")]);
    assert_eq!(outbox.queued_bytes(), 9);
    let flushed = flush(&outbox);
    assert!(!flushed.is_blocked && flushed.has_progress && flushed.closing.is_none());
    assert_eq!(outbox.state.lock().queue.capacity(), 0);
    let mut seen = [0; 9];
    client.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"\x81\x01a\x81\x01b\x81\x01c");
}

#[tokio::test]
async fn long_answers_in_one_round_go_to_who_reads() {
    let (client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    for _ in 0..5 {
        outbox.send(frame::binary(&[7; 20_000]));
    }
    assert!(outbox.is_open(), "the socket takes them all");
    assert_eq!(read_all(client, &outbox).await.len(), 5 * 20_004);
}

#[tokio::test]
async fn the_limit_is_exact_and_keeps_a_begun_frame_whole() {
    let piece = frame::binary(&[7; 10_000]);
    let (client, outbox) = pair(100_000).await;
    fill(&outbox, &piece);
    let room = 100_000 - outbox.queued_bytes();
    outbox.send(Bytes::from(vec![0; room]));
    assert!(outbox.is_open(), "exactly full is not over");
    outbox.send(Bytes::from_static(b"x"));
    assert!(outbox.is_open(), "what waits before it counts");
    outbox.send(Bytes::from_static(b"y"));
    assert!(!outbox.is_open());
    outbox.send(Bytes::from_static(b"after the end"));
    assert!(outbox.queued_bytes() < piece.len() + 64);

    let seen = read_all(client, &outbox).await;
    let close = (close_of_slow()).frame();
    let whole = seen.len() - close.len();
    assert_eq!(&seen[whole..], &close[..]);
    assert_eq!(whole % piece.len(), 0, "only whole frames in front of the close frame");
    assert!(seen[..whole].chunks(piece.len()).all(|frame| frame == piece));
}

fn close_of_slow() -> Close {
    crate::close::close_of(Reason::Core(Closing::Slow))
}

#[tokio::test]
async fn a_close_follows_what_was_sent_and_nothing_follows_a_close() {
    let (client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    outbox.send(frame::text(b"last"));
    outbox.close(Closing::TokenExpired);
    outbox.close(Closing::Bug);
    outbox.send(frame::text(b"too late"));
    assert_eq!(flush(&outbox).closing, Some(Code::TokenExpired.number()));
    let seen = read_all(client, &outbox).await;
    let close = Close::new(Code::TokenExpired, "the token has expired").frame();
    assert_eq!(seen, [frame::text(b"last"), close].concat());
}

#[tokio::test]
async fn many_publishers_keep_frames_whole_and_in_their_own_order() {
    let (client, outbox) = pair(64 << 20).await;
    let outbox = Arc::new(outbox);
    let publishers = 4_u8;
    let frames = 2_000_u16;
    let threads: Vec<_> = (0..publishers)
        .map(|publisher| {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || {
                for number in 0..frames {
                    let mut payload = vec![publisher; 300];
                    payload[..2].copy_from_slice(&number.to_be_bytes());
                    outbox.send(frame::binary(&payload));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let seen = read_all(client, &outbox).await;
    let mut next = [0; 4];
    for frame in seen.chunks(304) {
        assert_eq!(&frame[..4], b"\x82\x7e\x01\x2c");
        let publisher = usize::from(frame[303]);
        assert_eq!(u16::from_be_bytes([frame[4], frame[5]]), next[publisher]);
        next[publisher] += 1;
    }
    assert_eq!(next, [frames; 4]);
}

#[tokio::test]
async fn a_detached_outbox_swallows() {
    let (_client, outbox) = pair(1024).await;
    outbox.begin(Waker::noop());
    outbox.send(frame::text(b"waiting"));
    outbox.detach();
    outbox.send(frame::text(b"late"));
    outbox.close(Closing::Bug);
    assert_eq!(outbox.queued_bytes(), 0);
    assert!(!outbox.is_open());
    assert!(flush(&outbox).is_broken);
}
