//! Berths over real loopback pairs: what counts is what a client reads.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::socket::SocketSettings;

/// A client's end and the outbox that writes to it at once.
async fn socket() -> (TcpStream, Arc<Outbox>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    server.writable().await.unwrap();
    let (_, writer) = server.into_split();
    (client, Arc::new(Outbox::new(Arc::new(SocketSettings::default()), Some(writer))))
}

fn words(words: &str) -> Bytes {
    Bytes::copy_from_slice(words.as_bytes())
}

fn is_away(berth: &Berth) -> bool {
    matches!(&*berth.state.lock(), State::Away { .. })
}

fn is_over(berth: &Berth) -> bool {
    matches!(&*berth.state.lock(), State::Over)
}

/// Everything that was written to a client.
async fn heard((mut client, outbox): (TcpStream, Arc<Outbox>)) -> String {
    assert_eq!(outbox.queued_bytes(), 0, "loopback takes all that these tests send");
    outbox.shut_down();
    let mut heard = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut heard)).await.unwrap().unwrap();
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn who_comes_back_gets_the_first_frame_what_waited_and_what_comes() {
    let (one, two) = (socket().await, socket().await);
    let berth = Berth::new(Arc::clone(&one.1), 100);
    berth.send(words("a "));
    assert!(!is_away(&berth) && !is_over(&berth));
    assert!(berth.leave(&one.1));
    assert!(is_away(&berth) && !is_over(&berth));
    assert!(!berth.leave(&one.1), "it has left already");
    berth.send(words("b "));
    berth.send(words("c "));
    assert!(berth.board(&two.1, words("first ")).unwrap().is_none());
    assert!(!is_away(&berth));
    berth.send(words("d "));
    assert_eq!(heard(one).await, "a ");
    assert_eq!(heard(two).await, "first b c d ");
}

#[tokio::test]
async fn a_berth_can_begin_empty() {
    let socket = socket().await;
    let berth = Berth::empty(100);
    assert!(is_away(&berth));
    berth.send(words("waits "));
    assert!(berth.board(&socket.1, words("first ")).unwrap().is_none());
    assert_eq!(heard(socket).await, "first waits ");
}

#[tokio::test]
async fn another_socket_replaces_the_one_that_is_there() {
    let (one, two) = (socket().await, socket().await);
    let berth = Berth::new(Arc::clone(&one.1), 100);
    berth.send(words("a "));
    let replaced = berth.board(&two.1, words("first ")).unwrap().unwrap();
    assert!(Arc::ptr_eq(&replaced, &one.1));
    berth.send(words("b "));
    // The end of the old socket is noticed late.
    assert!(!berth.leave(&one.1));
    assert!(!is_away(&berth));
    berth.send(words("c "));
    assert_eq!(heard(one).await, "a ");
    assert_eq!(heard(two).await, "first b c ");
}

#[tokio::test]
async fn who_misses_more_than_the_bound_cannot_come_back() {
    let (one, two, three) = (socket().await, socket().await, socket().await);
    let berth = Berth::new(Arc::clone(&one.1), 10);
    berth.leave(&one.1);
    berth.send(words("12345"));
    berth.send(words("67890"));
    assert!(is_away(&berth), "exactly full is not over");
    assert!(berth.board(&two.1, words("more than the bound, but not held: ")).is_ok());
    berth.send(words(" and a lot that goes straight through"));
    // The next absence has the whole bound again.
    berth.leave(&two.1);
    berth.send(words("1234567890"));
    assert!(is_away(&berth));
    berth.send(words("1"));
    assert!(is_over(&berth) && !is_away(&berth));
    berth.send(words("nobody's"));
    assert_eq!(berth.board(&three.1, words("first")).err(), Some(Over));
    assert!(!berth.leave(&three.1));
    assert!(berth.give_up().is_none());
    let expected = "more than the bound, but not held: 1234567890 and a lot that goes straight through";
    assert_eq!(heard(two).await, expected);
    assert_eq!(heard(three).await, "");
}

#[tokio::test]
async fn a_drain_ends_the_socket_and_keeps_the_berth() {
    let (one, two) = (socket().await, socket().await);
    let berth = Berth::new(Arc::clone(&one.1), 100);
    let drain = Closing::Draining { after: Duration::from_secs(3) };
    berth.close(drain);
    assert!(!one.1.is_open() && !is_over(&berth));
    assert!(berth.leave(&one.1));
    // Somebody away is asked too; there is nobody to tell, and nothing to lose for it.
    berth.send(words("waits "));
    berth.close(drain);
    assert!(is_away(&berth));
    assert!(berth.board(&two.1, words("first ")).unwrap().is_none());
    assert_eq!(heard(two).await, "first waits ");
}

#[tokio::test]
async fn any_other_close_is_the_end() {
    for why in [Closing::TokenExpired, Closing::Bug, Closing::Slow] {
        let (one, two) = (socket().await, socket().await);
        let aboard = Berth::new(Arc::clone(&one.1), 100);
        aboard.close(why);
        assert!(!one.1.is_open() && is_over(&aboard), "{why:?}");
        assert!(!aboard.leave(&one.1));
        assert!(aboard.board(&two.1, words("first")).is_err());
        let away = Berth::empty(100);
        away.send(words("waits"));
        away.close(why);
        assert!(is_over(&away), "{why:?}");
        away.close(Closing::Draining { after: Duration::ZERO });
        assert!(is_over(&away) && away.board(&two.1, words("first")).is_err());
        assert_eq!(heard(two).await, "");
    }
}

#[tokio::test]
async fn whoever_gives_a_berth_up_gets_the_socket_that_is_on_it() {
    let one = socket().await;
    let berth = Berth::new(Arc::clone(&one.1), 100);
    assert!(Arc::ptr_eq(&berth.give_up().unwrap(), &one.1));
    assert!(is_over(&berth) && one.1.is_open());
    assert!(berth.give_up().is_none());
    assert!(Berth::empty(100).give_up().is_none());
}

/// A sender on another thread, while sockets come and go: everything arrives once, in order, each socket's first frame in
/// front.
#[tokio::test]
async fn nothing_is_lost_or_overtaken_while_sockets_change() {
    const FRAMES: u32 = 20_000;
    const SOCKETS: usize = 60;
    let mut sockets = vec![socket().await];
    let berth = Berth::new(Arc::clone(&sockets[0].1), 1 << 20);
    let sender = std::thread::spawn({
        let berth = Arc::clone(&berth);
        move || (0..FRAMES).for_each(|number| berth.send(words(&format!("{number} "))))
    });
    for number in 1..SOCKETS {
        let next = socket().await;
        let last = Arc::clone(&sockets.last().unwrap().1);
        // Every third is replaced without having left.
        if number % 3 != 0 {
            assert!(berth.leave(&last));
            std::thread::yield_now();
        }
        let replaced = berth.board(&next.1, words("first ")).unwrap();
        assert_eq!(replaced.is_some(), number % 3 == 0);
        assert!(!berth.leave(&last));
        sockets.push(next);
    }
    sender.join().unwrap();
    let mut next = 0;
    for (place, socket) in sockets.into_iter().enumerate() {
        let heard = heard(socket).await;
        let mut frames = heard.split_whitespace();
        assert!(place == 0 || frames.next() == Some("first"));
        for frame in frames {
            assert_eq!(frame, next.to_string(), "socket {place}");
            next += 1;
        }
    }
    assert_eq!(next, FRAMES);
}

#[tokio::test]
async fn only_the_newest_absence_can_last() {
    let (client, outbox) = socket().await;
    let berth = Berth::empty(100);
    let grace = Duration::from_millis(1);
    let (older, newest) = (berth.absence(grace), berth.absence(grace));
    assert!(!older.await);
    assert!(newest.await);
    let ended = berth.absence(grace);
    berth.board(&outbox, words("first ")).unwrap();
    assert!(!ended.await, "somebody is there");
    assert_eq!(heard((client, outbox)).await, "first ");
}
