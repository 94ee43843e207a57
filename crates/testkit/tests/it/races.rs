//! Nothing is committed after the mute, ban or switch-off that forbids it, however close the race. RELIABILITY row 39.
//! What is done at the same time leaves the live room as the store has it.

use std::sync::Arc;

use sidetalk_core::command::Write;
use sidetalk_core::event::Event;
use sidetalk_core::model::{Draft, Principal, Role, RoomKind, RoomName, RoomSpec, Seq, UserId, Viewer};
use sidetalk_core::ports::LogStore;
use sidetalk_core::service::Service;

use crate::hall::{Guest, room};
use crate::stage::{Stage, person};

const ROUNDS: usize = 500;
const POSTS_PER_ROUND: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_post_slips_in_behind_the_moderation_that_forbids_it() {
    let stage = Stage::new().await;
    let room = RoomName::new("races").expect("a valid name");
    let (mia, bob) = (person("mia", Role::Moderator, &[]), person("bob", Role::Member, &[]));
    let opened = stage.service.open_room(&mia, &room, Default::default()).await.expect("the room is made");
    for round in 0..ROUNDS {
        let posts = tokio::spawn(post_many(stage.service.clone(), room.clone(), bob.clone()));
        let (forbid, allow) = moderation(round);
        stage.service.write(&mia, &room, forbid).await.expect("a moderator may");
        posts.await.expect("no post panics");
        stage.service.write(&mia, &room, allow).await.expect("a moderator may");
    }
    let (posts, refused_spans) = audit(&**stage.store(), &opened.0.key).await;
    assert_eq!(refused_spans, ROUNDS);
    assert!(posts > 0, "some posts must have won their race");
}

async fn post_many(service: Arc<Service>, room: RoomName, who: Principal) {
    for _ in 0..POSTS_PER_ROUND {
        // Refused or stored: the log tells.
        let _ = service.write(&who, &room, Write::Post(Draft::text("hi"))).await;
    }
}

fn moderation(round: usize) -> (Write, Write) {
    let user = UserId::new("bob").expect("a valid id");
    match round % 3 {
        0 => (Write::SetChatEnabled(false), Write::SetChatEnabled(true)),
        1 => (Write::Mute { user: user.clone(), duration: None }, Write::Unmute { user }),
        _ => (Write::Ban { user: user.clone(), duration: None }, Write::Unban { user }),
    }
}

/// Walks the log: counts the posts and the spans in which none was allowed.
async fn audit(store: &dyn LogStore, room: &sidetalk_core::model::RoomKey) -> (usize, usize) {
    let (mut after, mut forbidden, mut posts, mut spans) = (Seq::ZERO, false, 0, 0);
    loop {
        let replay = store.entries(room, &Viewer::Server, after, 1_000).await.expect("the log is read");
        for entry in &replay.entries {
            assert_eq!(entry.seq, after.next(), "no gap");
            after = entry.seq;
            match &entry.event {
                Event::MessagePosted(_) => {
                    assert!(!forbidden, "entry {} was posted behind its prohibition", entry.seq);
                    posts += 1;
                }
                Event::ChatEnabledSet(enabled) => forbidden = !enabled,
                Event::MemberMuted { .. } | Event::MemberBanned { .. } => forbidden = true,
                Event::MemberUnmuted { .. } | Event::MemberUnbanned { .. } => forbidden = false,
                event => panic!("unexpected {event:?}"),
            }
            spans += usize::from(forbidden);
        }
        if !replay.more {
            return (posts, spans);
        }
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid id")
}

/// An erasure takes over the members as it has read them; whoever was banned meanwhile came back in while others looked on.
#[tokio::test]
async fn a_ban_outlives_an_erasure_beside_it() {
    let stage = Stage::new().await;
    let (mia, bob) = (Guest::new(&stage, "mia", Role::Moderator), Guest::new(&stage, "bob", Role::Member));
    mia.join(&stage, "r").await;
    let mut reading = stage.pausing.after("room");
    let (service, project) = (stage.service.clone(), mia.who.project);
    let erasing = tokio::spawn(async move { service.erase_user(project, &user("nobody")).await });
    reading.reached().await;
    let ban = Write::Ban { user: user("bob"), duration: None };
    stage.service.write(&mia.who, &room("r"), ban).await.expect("a moderator may");
    drop(reading);
    erasing.await.expect("no panic").expect("erased");
    assert_eq!(stage.service.room(&bob.who, &room("r")).await.expect_err("banned").code(), "banned");
}

#[tokio::test]
async fn who_is_erased_while_a_room_is_read_is_none_of_its_members() {
    let stage = Stage::new().await;
    let (alice, bob) = (Guest::new(&stage, "alice", Role::Member), Guest::new(&stage, "bob", Role::Member));
    let server = Principal::server(alice.who.project, None);
    let members = vec![user("alice"), user("bob")];
    let spec = RoomSpec { kind: RoomKind::Group, members, ..RoomSpec::default() };
    stage.service.open_room(&server, &room("r"), spec).await.expect("it is made");
    let mut reading = stage.pausing.after("room");
    let (service, project) = (stage.service.clone(), alice.who.project);
    let joining = async { alice.join(&stage, "r").await };
    let erasing = async {
        reading.reached().await;
        let erasing = tokio::spawn(async move { service.erase_user(project, &user("bob")).await });
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        drop(reading);
        erasing.await.expect("no panic").expect("erased");
    };
    let (_seat, ()) = tokio::join!(joining, erasing);
    assert_eq!(stage.service.room(&bob.who, &room("r")).await.expect_err("erased").code(), "not_found");
}
