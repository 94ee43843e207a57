//! An answer stands where it was given: behind what its connection had published, before what came later.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::Seat;
use sidetalk_core::model::{Actor, Draft, Principal, Role, UserId};

use crate::hall::{Guest, room};
use crate::stage::Stage;

const CROWD: usize = 200;
const BURST: usize = 60;
/// More time than a busy room waits.
const SLOTS: Duration = Duration::from_millis(100);

fn answer(words: &str) -> Bytes {
    Bytes::from(format!("{words}\n"))
}

async fn pair(stage: &Stage) -> ((Guest, Arc<Seat>), (Guest, Arc<Seat>)) {
    let (alice, bob) = (Guest::new(stage, "alice", Role::Owner), Guest::new(stage, "bob", Role::Member));
    let seats = (alice.join(stage, "r").await, bob.join(stage, "r").await);
    ((alice, seats.0), (bob, seats.1))
}

/// Fills the room and makes it busy, so that what comes next waits for its slot.
async fn make_busy(stage: &Stage, bob: &Guest, seat: &Arc<Seat>) -> Vec<(Guest, Arc<Seat>)> {
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let guest = Guest::new(stage, &format!("guest {number}"), Role::Member);
        let seat = guest.join(stage, "r").await;
        crowd.push((guest, seat));
    }
    for number in 0..BURST {
        bob.signal(stage, seat, &format!("burst {number}"));
    }
    bob.lines_until(&format!("s burst {}", BURST - 1)).await;
    crowd
}

/// Lets the flushers run as far as they can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn in_a_quiet_room_an_answer_stands_behind_its_signal_in_the_same_write() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    alice.signal(&stage, &seat, "one");
    seat.answer(answer("answered"));
    bob.signal(&stage, &bobs, "two");
    settle().await;
    assert_eq!(alice.writes(), ["s one\nanswered\ns two\n"]);
    assert_eq!(bob.writes(), ["s one\ns two\n"]);
    // One that is given late still comes before what happens later.
    alice.signal(&stage, &seat, "three");
    settle().await;
    seat.answer(answer("answered again"));
    settle().await;
    bob.signal(&stage, &bobs, "four");
    settle().await;
    assert_eq!(alice.writes(), ["s three\n", "answered again\n", "s four\n"]);
    assert_eq!(bob.writes(), ["s three\n", "s four\n"]);
}

#[tokio::test]
async fn in_a_busy_room_an_answer_stands_behind_its_signal_in_the_same_write() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    let crowd = make_busy(&stage, &bob, &bobs).await;
    alice.writes();
    for number in 0..3 {
        alice.signal(&stage, &seat, &format!("one {number}"));
        seat.answer(answer(&format!("answered {number}")));
        bob.signal(&stage, &bobs, &format!("two {number}"));
        bobs.answer(answer(&format!("bob's {number}")));
    }
    let expected =
        "s one 0\nanswered 0\ns two 0\ns one 1\nanswered 1\ns two 1\ns one 2\nanswered 2\ns two 2\n";
    assert_eq!(alice.writes_until("s two 2").await, [expected]);
    let heard = bob.writes_until("bob's 2").await.concat();
    assert!(heard.ends_with("s one 2\ns two 2\nbob's 2\n"), "{heard}");
    let heard = crowd[0].0.writes_until("s two 2").await.concat();
    assert!(heard.ends_with("s one 0\ns two 0\ns one 1\ns two 1\ns one 2\ns two 2\n"), "{heard}");
}

#[tokio::test]
async fn in_a_busy_room_the_whole_slot_is_one_write_in_order() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    let _crowd = make_busy(&stage, &bob, &bobs).await;
    alice.writes();
    seat.answer(answer("to something earlier"));
    bob.signal(&stage, &bobs, "two");
    alice.signal(&stage, &seat, "one");
    seat.answer(answer("answered"));
    seat.answer(answer("and again"));
    let expected = "to something earlier\ns two\ns one\nanswered\nand again\n";
    assert_eq!(alice.writes_until("and again").await, [expected]);
}

#[tokio::test]
async fn what_differs_by_listener_keeps_its_place() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    let carol = Guest::new(&stage, "carol", Role::Member);
    let _carols = carol.join(&stage, "r").await;
    for busy in [false, true] {
        let crowd = if busy { make_busy(&stage, &bob, &bobs).await } else { Vec::new() };
        for guest in [&alice, &bob, &carol] {
            guest.writes();
        }
        bob.signal(&stage, &bobs, "one");
        bob.signal(&stage, &bobs, "each");
        seat.answer(answer("answered"));
        bob.signal(&stage, &bobs, "each again");
        bob.signal(&stage, &bobs, "end");
        let heard = alice.writes_until("s end").await;
        assert_eq!(
            heard,
            ["s one\ns each for alice\nanswered\ns each again for alice\ns end\n"],
            "busy: {busy}"
        );
        assert_eq!(bob.writes_until("s end").await, ["s one\ns each for bob\ns each again for bob\ns end\n"]);
        assert_eq!(carol.writes_until("s end").await, ["s one\ns end\n"]);
        drop(crowd);
    }
    // Who is out, or comes behind it, gets nothing of it.
    bob.signal(&stage, &bobs, "each");
    alice.leave(&stage, &seat);
    let dave = Guest::new(&stage, "dave", Role::Member);
    let _daves = dave.join(&stage, "r").await;
    bob.signal(&stage, &bobs, "each at last");
    assert_eq!(dave.lines_until("s each at last for dave").await, ["s each at last for dave"]);
    assert!(!alice.writes().concat().contains("at last"));
}

#[tokio::test]
async fn who_leaves_before_the_flush_still_gets_the_answer() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    for busy in [false, true] {
        let crowd = if busy { make_busy(&stage, &bob, &bobs).await } else { Vec::new() };
        alice.writes();
        let seat = if busy { alice.join(&stage, "r").await } else { seat.clone() };
        alice.signal(&stage, &seat, "one");
        seat.answer(answer("answered"));
        alice.leave(&stage, &seat);
        bob.signal(&stage, &bobs, "two");
        seat.answer(answer("after leaving"));
        let lines = alice.lines_until("after leaving").await;
        assert_eq!(lines, ["s one", "answered", "after leaving"], "busy: {busy}");
        drop(crowd);
    }
}

#[tokio::test]
async fn an_answer_waits_behind_the_answer_to_the_join() {
    let stage = Stage::new().await;
    let alice = Guest::new(&stage, "alice", Role::Member);
    let seat = alice.take_seat(&stage, "r", false).await;
    alice.signal(&stage, &seat, "one");
    seat.answer(answer("answered"));
    settle().await;
    assert!(alice.writes().is_empty());
    seat.release();
    assert_eq!(alice.writes().concat(), "s one\nanswered\n");
}

#[tokio::test]
async fn who_comes_again_on_the_same_connection_gets_the_answers_to_both_seats() {
    let stage = Stage::new().await;
    let alice = Guest::new(&stage, "alice", Role::Member);
    let first = alice.join(&stage, "r").await;
    settle().await;
    first.answer(answer("first"));
    let second = alice.join(&stage, "r").await;
    alice.signal(&stage, &second, "one");
    second.answer(answer("second"));
    // What is late about the first seat does not touch the second.
    alice.leave(&stage, &first);
    settle().await;
    let lines = alice.writes().concat();
    assert!(lines.contains("first\n") && lines.ends_with("s one\nsecond\n"), "{lines}");
    assert!(second.is_in() && !first.is_in());
    alice.signal(&stage, &second, "two");
    settle().await;
    assert_eq!(alice.writes().concat(), "s two\n");
}

/// Many senders, each with an answer behind every signal, on more than one thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_keep_their_place_whoever_else_talks() {
    const SENDERS: usize = 8;
    const EACH: usize = 300;
    let stage = Arc::new(Stage::new().await);
    let keeper = Guest::new(&stage, "keeper", Role::Member);
    keeper.join(&stage, "r").await;
    let mut tasks = Vec::new();
    for sender in 0..SENDERS {
        let stage = stage.clone();
        tasks.push(tokio::spawn(async move {
            let me = Guest::new(&stage, &format!("sender {sender}"), Role::Member);
            let mut seat = me.join(&stage, "r").await;
            for number in 0..EACH {
                me.signal(&stage, &seat, &format!("{sender}/{number}"));
                seat.answer(answer(&format!("answer {number}")));
                if number % 50 == 49 {
                    me.leave(&stage, &seat);
                    seat = me.join(&stage, "r").await;
                }
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let lines = me.lines_until(&format!("answer {}", EACH - 1)).await;
            let answers: Vec<_> = lines.iter().filter(|line| line.starts_with("answer")).collect();
            assert_eq!(answers.len(), EACH, "each once");
            // While it stays, its own signal, the answer, and then its next one.
            let own =
                |line: &&String| line.starts_with("answer") || line.starts_with(&format!("s {sender}/"));
            let own: Vec<_> = lines.iter().filter(own).map(String::as_str).collect();
            let mut next = 0;
            for line in own {
                let number: usize =
                    line.rsplit([' ', '/']).next().and_then(|n| n.parse().ok()).expect("a number");
                assert_eq!(number, next, "{line}");
                next += usize::from(line.starts_with("answer"));
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
}

#[tokio::test]
async fn who_is_put_out_first_gets_what_waits() {
    let stage = Stage::new().await;
    let ((alice, seat), (bob, bobs)) = pair(&stage).await;
    let server = Principal { actor: Actor::Server, ..alice.who.clone() };
    let crowd = make_busy(&stage, &bob, &bobs).await;
    alice.writes();
    bob.writes();
    bob.signal(&stage, &bobs, "before the cut");
    seat.answer(answer("answered"));
    stage
        .service
        .cut(&server, &room("r"), alice.link.id(), LeaveReason::Removed)
        .await
        .expect("the server may");
    assert_eq!(alice.writes(), ["s before the cut\nanswered\n", "removed Removed\n"]);
    bob.signal(&stage, &bobs, "goodbye");
    stage.service.end_sitting(&server, &room("r")).await.expect("the server may");
    let lines = bob.writes().concat();
    assert_eq!(lines, "s before the cut\ns goodbye\nremoved Ended\n");
    assert_eq!(crowd[0].0.writes().concat().lines().last(), Some("removed Ended"));
    tokio::time::sleep(SLOTS).await;
    assert!(alice.writes().is_empty() && bob.writes().is_empty(), "and nothing afterwards");
}

/// A busy room writes the ban and what is said behind it in one go; the banned one must get only the first.
#[tokio::test]
async fn who_is_banned_gets_nothing_that_was_said_behind_the_ban() {
    let stage = Stage::new().await;
    let ((alice, _seat), (bob, bobs)) = pair(&stage).await;
    let crowd = make_busy(&stage, &bob, &bobs).await;
    bob.writes();
    let ban = Write::Ban { user: UserId::new("bob").expect("a valid id"), duration: None };
    let writes = [Write::Post(Draft::text("before")), ban, Write::Post(Draft::text("behind his back"))];
    // On another thread, while this one does not flush.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            for write in writes {
                runtime.block_on(stage.service.write(&alice.who, &room("r"), write)).expect("an owner may");
            }
        });
    });
    assert!(!bobs.is_in());
    assert_eq!(bob.lines_until("removed Banned").await, ["e1 before", "e2 MemberBanned", "removed Banned"]);
    let heard = crowd[0].0.lines_until("e3 behind his back").await;
    assert_eq!(heard[heard.len() - 3..], ["e1 before", "e2 MemberBanned", "e3 behind his back"]);
    tokio::time::sleep(SLOTS).await;
    assert!(bob.writes().is_empty());
}
