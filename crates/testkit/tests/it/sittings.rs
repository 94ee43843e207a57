//! What a witness sees of a room's life, and how a sitting is ended.

use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{Actor, Draft, Identity, Principal, Role, UserId};
use sidetalk_core::refusal::Failure;

use crate::hall::{Guest, room, say};
use crate::lasting::write_now;
use crate::stage::Stage;

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid id")
}

fn server(somebody: &Guest) -> Principal {
    Principal { actor: Actor::Server, connection: None, dialect: None, ..somebody.who.clone() }
}

#[tokio::test]
async fn a_witness_sees_a_sitting_from_its_beginning_to_its_end() {
    let stage = Stage::new().await;
    let (alice, bob) = (Guest::new(&stage, "alice", Role::Owner), Guest::new(&stage, "bob", Role::Member));
    let first = alice.join(&stage, "r").await;
    let second = bob.join(&stage, "r").await;
    stage.service.write(&alice.who, &room("r"), Write::Post(Draft::text("hello"))).await.expect("posted");
    bob.signal(&stage, &second, "wave");
    alice.leave(&stage, &first);
    stage.service.signal(&server(&bob), &room("r"), say("from the server"), None).await.expect("sent");
    stage.service.disconnect(&bob.link, [second], LeaveReason::Lost);
    // Nobody is there: nothing is seen.
    stage.service.write(&alice.who, &room("r"), Write::Post(Draft::text("unheard"))).await.expect("posted");
    assert_eq!(
        stage.watcher.seen("r"),
        [
            "began",
            "+alice",
            "+bob",
            "e1 hello (alice bob)",
            "s wave (alice bob)",
            "-alice Left",
            "s from the server (bob)",
            "-bob Lost",
            "ended Lost",
        ]
    );
    // The next one is another sitting.
    let again = alice.join(&stage, "r").await;
    alice.leave(&stage, &again);
    alice.leave(&stage, &again);
    assert_eq!(stage.watcher.seen("r"), ["began", "+alice", "-alice Left", "ended Left"]);
}

#[tokio::test]
async fn a_witness_sees_who_is_put_out_and_why() {
    let stage = Stage::new().await;
    let names = ["kim", "ben", "cut", "one", "two"];
    let alice = Guest::new(&stage, "alice", Role::Owner);
    alice.join(&stage, "r").await;
    let mut guests = Vec::new();
    for name in names {
        let guest = Guest::new(&stage, name, Role::Member);
        guest.join(&stage, "r").await;
        guests.push(guest);
    }
    let kick = Write::Kick { user: user("kim") };
    stage.service.write(&alice.who, &room("r"), kick).await.expect("an owner may");
    guests[0].lines_until("removed Kicked").await;
    let ban = Write::Ban { user: user("ben"), duration: None };
    stage.service.write(&alice.who, &room("r"), ban).await.expect("an owner may");
    guests[1].lines_until("removed Banned").await;
    let cut = |id, reason| {
        let (service, who) = (stage.service.clone(), server(&alice));
        async move { service.cut(&who, &room("r"), id, reason).await }
    };
    cut(guests[2].link.id(), LeaveReason::Removed).await.expect("the server may");
    assert_eq!(guests[2].lines_until("removed Removed").await.last().expect("a line"), "removed Removed");
    let gone = cut(guests[2].link.id(), LeaveReason::Removed).await;
    assert_eq!(gone.expect_err("it is gone").code(), "not_found");
    stage.service.end_sitting(&server(&alice), &room("r")).await.expect("the server may");
    let mut seen = stage.watcher.seen("r");
    seen[12..15].sort();
    assert_eq!(seen[..2], ["began", "+alice"]);
    assert_eq!(
        seen[7..11],
        [
            "e1 MemberKicked (alice kim ben cut one two)",
            "-kim Kicked",
            "e2 MemberBanned (alice ben cut one two)",
            "-ben Banned",
        ]
    );
    assert_eq!(seen[11..], ["-cut Removed", "-alice Ended", "-one Ended", "-two Ended", "ended Ended"]);
}

/// Whoever was kicked and was quick to go or to come again had left by himself, and nobody kept him out.
#[tokio::test]
async fn who_was_put_out_went_for_that_reason_however_he_goes() {
    let stage = Stage::new().await;
    let alice = Guest::new(&stage, "alice", Role::Owner);
    alice.join(&stage, "r").await;
    for (name, comes_again) in [("kim", true), ("ben", false)] {
        let guest = Guest::new(&stage, name, Role::Member);
        let seat = guest.join(&stage, "r").await;
        stage.watcher.seen("r");
        write_now(&stage.service, &alice.who, Write::Kick { user: user(name) });
        if comes_again {
            guest.take_seat(&stage, "r", false).await;
        } else {
            guest.leave(&stage, &seat);
        }
        let went = format!("-{name} Kicked");
        assert!(stage.watcher.seen("r").contains(&went), "{went}");
    }
}

#[tokio::test]
async fn a_witness_sees_a_room_die() {
    let stage = Stage::new().await;
    let alice = Guest::new(&stage, "alice", Role::Owner);
    alice.join(&stage, "r").await;
    stage.service.delete_room(&alice.who, &room("r")).await.expect("an owner may");
    assert_eq!(stage.watcher.seen("r"), ["began", "+alice", "-alice RoomDeleted", "ended RoomDeleted"]);
    assert_eq!(alice.lines_until("removed RoomDeleted").await, ["removed RoomDeleted"]);
}

#[tokio::test]
async fn whoever_came_has_gone_before_it_comes_again() {
    let stage = Stage::new().await;
    let (alice, bob) = (Guest::new(&stage, "alice", Role::Member), Guest::new(&stage, "bob", Role::Member));
    let first = alice.join(&stage, "r").await;
    let second = alice.join(&stage, "r").await;
    let others = bob.join(&stage, "r").await;
    let third = alice.join(&stage, "r").await;
    // Seats that were given up by coming again are nobody's.
    alice.leave(&stage, &first);
    alice.leave(&stage, &second);
    bob.leave(&stage, &others);
    alice.leave(&stage, &third);
    assert_eq!(
        stage.watcher.seen("r"),
        [
            "began",
            "+alice",
            "-alice Left",
            "+alice",
            "+bob",
            "-alice Left",
            "+alice",
            "-bob Left",
            "-alice Left",
            "ended Left",
        ]
    );
}

#[tokio::test]
async fn only_the_server_and_owners_end_a_sitting() {
    let stage = Stage::new().await;
    let alice = Guest::new(&stage, "alice", Role::Owner);
    let opened = stage.service.open_room(&alice.who, &room("r"), Default::default()).await.expect("made");
    for (name, role, refused) in [
        ("greta", Role::Guest, Some("role_too_low")),
        ("mona", Role::Member, Some("role_too_low")),
        ("milo", Role::Moderator, Some("role_too_low")),
        ("olga", Role::Owner, None),
    ] {
        let guest = Guest::new(&stage, name, role);
        let seat = guest.join(&stage, "r").await;
        let ended = stage.service.end_sitting(&guest.who, &room("r")).await;
        assert_eq!(ended.as_ref().err().map(Failure::code), refused, "{name}");
        assert_eq!(seat.is_in(), refused.is_some(), "{name}");
    }
    let ban = Write::Ban { user: user("olga"), duration: None };
    stage.service.write(&server(&alice), &room("r"), ban).await.expect("the server may");
    let olga = Guest::new(&stage, "olga", Role::Owner);
    assert_eq!(stage.service.end_sitting(&olga.who, &room("r")).await.expect_err("banned").code(), "banned");
    let nowhere = stage.service.end_sitting(&server(&alice), &room("nowhere")).await;
    assert_eq!(nowhere.expect_err("no such room").code(), "not_found");
    // Nobody is in it: nothing to end, and no failure.
    stage.service.end_sitting(&server(&alice), &room("r")).await.expect("the server may");
    stage.service.end_sitting(&server(&alice), &room("r")).await.expect("once more");
    let room = stage.service.room(&alice.who, &room("r")).await.expect("the room stays");
    assert_eq!(room.epoch, opened.0.epoch);
}

#[tokio::test]
async fn who_has_a_fresh_token_is_what_that_says_to_everybody() {
    let stage = Stage::new().await;
    let mia = Guest::new(&stage, "mia", Role::Moderator);
    mia.join(&stage, "r").await;
    for (before, after, refused) in
        [(Role::Moderator, Role::Member, None), (Role::Member, Role::Owner, Some("role_not_below"))]
    {
        let bob = Guest::new(&stage, "bob", before);
        let seat = bob.join(&stage, "r").await;
        let fresh = Identity { role: after, name: "Bob".into(), ..Identity::clone(&bob.link.identity()) };
        bob.link.refresh(fresh.into());
        assert!(stage.service.rejudge(&seat));
        let mute = Write::Mute { user: user("bob"), duration: None };
        let muted = stage.service.write(&mia.who, &room("r"), mute).await;
        assert_eq!(muted.as_ref().err().map(Failure::code), refused, "from {before:?} to {after:?}");
        let there = stage.service.presences(&mia.who, &room("r")).await.expect("a list");
        let bobs = there.iter().find(|presence| presence.identity.user == user("bob")).expect("there");
        assert_eq!((bobs.role, bobs.identity.role, &*bobs.identity.name), (after, after, "Bob"));
        let cut = stage.service.cut(&mia.who, &room("r"), bob.link.id(), LeaveReason::Removed).await;
        assert_eq!(cut.as_ref().err().map(Failure::code), refused, "from {before:?} to {after:?}");
        bob.leave(&stage, &seat);
    }
}
