//! Rooms with members: who is one hears what is said wherever he is, each thing once and in order, and nobody else does.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{Audience, Draft, GroupName, Principal, Role, RoomKind, RoomSpec, UserId};
use sidetalk_core::service::Service;

use crate::hall::{Guest, room};
use crate::stage::Stage;

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid id")
}

fn server(somebody: &Guest) -> Principal {
    Principal::server(somebody.who.project, None)
}

fn post(text: &str) -> Write {
    Write::Post(Draft::text(text))
}

fn kick(name: &str) -> Write {
    Write::Kick { user: user(name) }
}

/// Alice and Bob, who are the members of the room `r`.
async fn pair(stage: &Stage, kind: RoomKind) -> (Guest, Guest) {
    let (alice, bob) = (Guest::new(stage, "alice", Role::Member), Guest::new(stage, "bob", Role::Member));
    let spec = RoomSpec { kind, members: vec![user("alice"), user("bob")], ..RoomSpec::default() };
    stage.service.open_room(&server(&alice), &room("r"), spec).await.expect("it is made");
    (alice, bob)
}

/// Writes without letting anybody else have the thread: what was said waits for its flush, or a flush that calls this waits.
#[expect(clippy::disallowed_methods, reason = "the other tasks of the thread shall stand still")]
pub(crate) fn write_now(service: &Service, who: &Principal, write: Write) {
    let name = room("r");
    let mut writing = pin!(tokio::task::unconstrained(service.write(who, &name, write)));
    loop {
        if let Poll::Ready(written) = writing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            written.expect("it is written");
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What was heard of the log.
fn entries(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).filter(|line| line.starts_with('e')).collect()
}

#[tokio::test]
async fn a_member_who_leaves_hears_what_was_said_before_and_what_is_said_after() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Group).await;
    let seat = bob.join(&stage, "r").await;
    write_now(&stage.service, &alice.who, post("one"));
    bob.leave(&stage, &seat);
    write_now(&stage.service, &alice.who, post("two"));
    assert_eq!(bob.lines_until("e2 two").await, ["e1 one", "e2 two"]);
}

#[tokio::test]
async fn a_member_who_leaves_while_the_room_is_written_hears_everything_in_order() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Group).await;
    // The flush comes to alice first.
    alice.join(&stage, "r").await;
    let seat = bob.join(&stage, "r").await;
    let (service, who) = (stage.service.clone(), server(&alice));
    alice.at_next_write(move || {
        write_now(&service, &who, post("two"));
        service.leave(&seat, LeaveReason::Left);
        write_now(&service, &who, post("three"));
    });
    write_now(&stage.service, &server(&alice), post("one"));
    assert_eq!(bob.lines_until("e3 three").await, ["e1 one", "e2 two", "e3 three"]);
    write_now(&stage.service, &server(&alice), post("four"));
    assert_eq!(bob.lines_until("e4 four").await, ["e4 four"]);
}

#[tokio::test]
async fn the_last_who_leaves_while_the_room_is_written_hears_everything_in_order() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Group).await;
    let seats = [alice.join(&stage, "r").await, bob.join(&stage, "r").await];
    let (service, who) = (stage.service.clone(), server(&alice));
    alice.at_next_write(move || {
        write_now(&service, &who, post("two"));
        seats.iter().for_each(|seat| service.leave(seat, LeaveReason::Left));
        write_now(&service, &who, post("three"));
    });
    write_now(&stage.service, &server(&alice), post("one"));
    for somebody in [&alice, &bob] {
        assert_eq!(somebody.lines_until("e3 three").await, ["e1 one", "e2 two", "e3 three"]);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(stage.service.hub().live_rooms().is_empty());
}

#[tokio::test]
async fn a_member_whose_join_comes_to_nothing_hears_what_was_said_meanwhile() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Group).await;
    let seat = bob.take_seat(&stage, "r", false).await;
    stage.service.write(&alice.who, &room("r"), post("one")).await.expect("posted");
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(stage.service.hold(seat));
    assert_eq!(bob.lines_until("e1 one").await, ["e1 one"]);
}

#[tokio::test]
async fn who_is_kicked_from_a_direct_room_stays_its_member_and_hears_on() {
    for in_the_midst in [false, true] {
        let stage = Stage::new().await;
        let (alice, bob) = pair(&stage, RoomKind::Direct).await;
        let elsewhere = Guest::new(&stage, "bob", Role::Member);
        alice.join(&stage, "r").await;
        bob.join(&stage, "r").await;
        write_now(&stage.service, &server(&alice), post("one"));
        write_now(&stage.service, &server(&alice), kick("bob"));
        write_now(&stage.service, &server(&alice), post("two"));
        let (service, who) = (stage.service.clone(), server(&alice));
        let three = move || write_now(&service, &who, post("three"));
        if in_the_midst {
            alice.at_next_write(three);
        } else {
            three();
        }
        for heard in [bob.lines_until("e4 three").await, elsewhere.lines_until("e4 three").await] {
            assert_eq!(entries(&heard), ["e1 one", "e2 MemberKicked", "e3 two", "e4 three"]);
        }
        stage.service.write(&alice.who, &room("r"), post("four")).await.expect("posted");
        assert_eq!(entries(&bob.lines_until("e5 four").await), ["e5 four"]);
    }
}

#[tokio::test]
async fn who_is_kicked_hears_all_that_was_said_before() {
    let stage = Stage::new().await;
    for round in 0..20 {
        let name = room(&format!("r{round}"));
        let (alice, bob) =
            (Guest::new(&stage, "alice", Role::Member), Guest::new(&stage, "bob", Role::Member));
        let members = vec![user("alice"), user("bob")];
        let spec = RoomSpec { kind: RoomKind::Group, members, ..RoomSpec::default() };
        stage.service.open_room(&server(&alice), &name, spec).await.expect("it is made");
        // At once, so that several of them share a commit.
        let server = server(&alice);
        let write = |write| stage.service.write(&server, &name, write);
        let written = tokio::try_join!(
            write(post("one")),
            write(post("two")),
            write(post("three")),
            write(kick("bob")),
            write(post("four"))
        );
        written.expect("the server may");
        assert_eq!(
            bob.lines_until("e4 MemberKicked").await,
            ["e1 one", "e2 two", "e3 three", "e4 MemberKicked"],
            "each once, and nothing behind the kick"
        );
        assert_eq!(alice.lines_until("e5 four").await.len(), 5);
        stage.service.disconnect(&alice.link, [], LeaveReason::Left);
        stage.service.disconnect(&bob.link, [], LeaveReason::Left);
        assert_eq!(bob.writes(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn who_is_banned_from_a_direct_room_hears_nothing_of_it_until_the_ban_ends() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Direct).await;
    let listed = async || {
        let rooms = stage.service.rooms_of(&bob.who, &user("bob"), None, 100).await.expect("a list");
        rooms.into_iter().map(|room| room.name.to_string()).collect::<Vec<_>>()
    };
    let ban = Write::Ban { user: user("bob"), duration: Some(Duration::from_secs(60)) };
    stage.service.write(&server(&alice), &room("r"), ban).await.expect("the server may");
    assert_eq!(listed().await, Vec::<String>::new());
    let hear = async |text: &str, line: &str| {
        stage.service.write(&alice.who, &room("r"), post(text)).await.expect("posted");
        alice.lines_until(line).await;
        bob.writes().concat()
    };
    assert_eq!(hear("secret", "e2 secret").await, "e1 MemberBanned\n", "the ban itself, once");
    assert_eq!(hear("again", "e3 again").await, "");
    stage.clock.jump(61);
    assert_eq!(hear("hello", "e4 hello").await, "e4 hello\n");
    assert_eq!(listed().await, ["r"]);
}

#[tokio::test]
async fn who_is_given_a_group_hears_it_from_that_place_on() {
    let stage = Stage::new().await;
    let (alice, bob) = pair(&stage, RoomKind::Group).await;
    let elsewhere = Guest::new(&stage, "bob", Role::Member);
    bob.join(&stage, "r").await;
    let staff = GroupName::new("staff").expect("a valid name");
    let for_staff =
        |text: &str| Write::Post(Draft { audience: Audience::Group(staff.clone()), ..Draft::text(text) });
    let groups = |groups| Write::SetGroups { user: user("bob"), groups };
    let writes = [
        for_staff("one"),
        groups(vec![staff.clone()]),
        for_staff("two"),
        groups(Vec::new()),
        for_staff("three"),
        post("four"),
    ];
    for write in writes {
        write_now(&stage.service, &server(&alice), write);
    }
    for bob in [&bob, &elsewhere] {
        assert_eq!(bob.lines_until("e6 four").await, ["e2 GroupsSet", "e3 two", "e4 GroupsSet", "e6 four"]);
    }
}

#[tokio::test]
async fn who_is_only_invited_ends_nobodys_connection() {
    let stage = Stage::new().await;
    let (alice, _bob) = pair(&stage, RoomKind::Group).await;
    alice.join(&stage, "r").await;
    let olga = Guest::new(&stage, "olga", Role::Owner);
    let invite = Write::Invite { user: user("olga") };
    stage.service.write(&server(&alice), &room("r"), invite).await.expect("the server may");
    let cut = stage.service.cut(&olga.who, &room("r"), alice.link.id(), LeaveReason::Removed).await;
    assert_eq!(cut.expect_err("she is not in yet").code(), "not_found");
    let ended = stage.service.end_sitting(&olga.who, &room("r")).await;
    assert_eq!(ended.expect_err("she is not in yet").code(), "not_found");
    stage.service.write(&olga.who, &room("r"), Write::AcceptInvitation).await.expect("she was invited");
    stage
        .service
        .cut(&olga.who, &room("r"), alice.link.id(), LeaveReason::Removed)
        .await
        .expect("an owner may");
}
