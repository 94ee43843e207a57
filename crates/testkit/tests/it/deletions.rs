//! Rooms that are deleted while others delete, read or enter them: nobody stays in a room that is not there.

use sidetalk_core::command::Write;
use sidetalk_core::model::{Draft, Principal, Role, RoomSpec};
use sidetalk_core::ports::RoomStore as _;

use crate::hall::{Guest, room};
use crate::stage::Stage;

/// Of two who delete a room, the slower one deleted the room that was made anew, and told of the other: people sat on in a room
/// that was not there any more.
#[tokio::test]
async fn nobody_stays_in_a_room_that_two_delete() {
    let stage = Stage::new().await;
    let (alice, bob) = (Guest::new(&stage, "alice", Role::Owner), Guest::new(&stage, "bob", Role::Member));
    bob.join(&stage, "r").await;
    let mut slow = stage.pausing.before("delete");
    let (service, who) = (stage.service.clone(), alice.who.clone());
    let deleting = tokio::spawn(async move { service.delete_room(&who, &room("r")).await });
    slow.reached().await;
    stage.service.delete_room(&alice.who, &room("r")).await.expect("an owner may");
    bob.lines_until("removed RoomDeleted").await;
    bob.join(&stage, "r").await;
    drop(slow);
    deleting.await.expect("no panic").expect("an owner may");
    audit_deleted(&stage, &bob).await;
}

/// The word of a deletion came while the room was being read: it was forgotten, and the room went on without a log.
#[tokio::test]
async fn a_room_that_is_deleted_while_it_is_read_is_not_entered() {
    let stage = Stage::new().await;
    let (alice, bob) = (Guest::new(&stage, "alice", Role::Owner), Guest::new(&stage, "bob", Role::Member));
    stage.service.open_room(&alice.who, &room("r"), RoomSpec::default()).await.expect("it is made");
    let mut reading = stage.pausing.after("room");
    let joining = bob.join(&stage, "r");
    let deleting = async {
        reading.reached().await;
        stage.service.delete_room(&alice.who, &room("r")).await.expect("an owner may");
        drop(reading);
    };
    let (seat, ()) = tokio::join!(joining, deleting);
    let stored = stage.store().room(seat.room()).await.expect("an answer").expect("made anew by the join");
    assert_eq!(seat.live().room().expect("loaded").epoch, stored.epoch);
}

/// Either the room is gone and bob with it, or it is there and bob hears what is said.
async fn audit_deleted(stage: &Stage, bob: &Guest) {
    let server = Principal::server(bob.who.project, None);
    match stage.service.write(&server, &room("r"), Write::Post(Draft::text("hello"))).await {
        Ok(_) => drop(bob.lines_until("e1 hello").await),
        Err(_) => {
            bob.lines_until("removed RoomDeleted").await;
            assert!(stage.service.hub().live_rooms().is_empty());
        }
    }
}
