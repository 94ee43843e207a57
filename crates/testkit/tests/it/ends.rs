//! What is dropped half-way, too much for one answer, deleted under somebody's feet, or erased while others look on.

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::json;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{
    Audience, Draft, Epoch, GroupName, Principal, PrivateChat, Role, RoomKey, RoomKind, RoomName,
    RoomSettings, RoomSpec, UserId,
};
use sidetalk_core::ports::{PageAnchor, PageRequest, RoomStore as _};
use sidetalk_core::service::{JoinWish, Resume};
use sidetalk_testkit::App;

fn lobby() -> RoomName {
    RoomName::new("lobby").expect("a valid name")
}

fn server(app: &App) -> Principal {
    Principal::server(app.project.id, None)
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid id")
}

#[tokio::test]
async fn a_join_that_nobody_waits_for_takes_no_seat() {
    let app = App::start().await;
    app.service.open_room(&server(&app), &lobby(), RoomSpec::default()).await.expect("it is made");
    let bob = app.person("bob");
    // However far it had come: it asks the store for the room, takes its seat, and asks for the messages.
    for round in 0..60 {
        let (who, link) = (bob.link().principal(), Arc::clone(bob.link()));
        let wish =
            JoinWish { position: None, history: 50, presence: true, client_data: "".into(), is_back: false };
        let name = lobby();
        let mut joining = Box::pin(app.service.join(&who, &link, &name, wish));
        for _ in 0..round % 4 {
            if let Poll::Ready(joined) = joining.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                app.service.leave(&joined.expect("bob may join").seat, LeaveReason::Left);
                break;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        drop(joining);
        assert!(app.service.hub().live_rooms().is_empty(), "after {} polls", round % 4);
    }
}

#[tokio::test]
async fn an_answer_is_never_longer_than_a_connection_takes() {
    let app = App::start().await;
    let alice = app.person("alice");
    let joined = alice.join("lobby", None).await.expect("alice joins");
    let long = "\"".repeat(16 * 1024);
    for _ in 0..40 {
        alice.post("lobby", &long).await.expect("it is posted");
    }
    let bob = app.person("bob");
    let newest = bob.join("lobby", None).await.expect("bob joins").history.expect("a page");
    assert!((1..20).contains(&newest.messages.len()), "{}", newest.messages.len());
    assert!(newest.more_before);
    let late = app.person("carol").join("lobby", Some(joined.position)).await.expect("carol joins");
    assert_eq!(late.resume, Resume::TooOld);

    let (mut anchor, mut seen) = (PageAnchor::Newest, 0);
    loop {
        let request = PageRequest { anchor, limit: 300, audience: None, pinned: false };
        let page = app.service.page(&server(&app), &lobby(), request).await.expect("a page");
        seen += page.messages.len();
        anchor = PageAnchor::Before(page.messages[0].seq);
        if !page.more_before {
            break;
        }
    }
    assert_eq!(seen, 40);
}

#[tokio::test]
async fn whoever_sits_in_a_room_that_was_made_anew_is_put_out() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    let joined = alice.join("lobby", None).await.expect("alice joins");
    // As if the word of the deletion had been lost.
    let key = RoomKey { project: app.project.id, name: lobby() };
    assert!(app.sqlite().delete(&key, joined.position.epoch).await.expect("deleted"));
    let opened = app.sqlite().open(&key, &RoomSpec::default(), Epoch(99), app.service.now()).await;
    assert!(opened.expect("made anew").1);
    bob.post("lobby", "is anybody here?").await.expect("it is posted");
    assert_eq!(alice.hears("room.removed").await["params"]["reason"], "room_deleted");
    let again = alice.join("lobby", None).await.expect("alice comes back");
    assert_eq!(again.history.expect("a page").messages.len(), 1);
}

#[tokio::test]
async fn who_gets_an_erased_users_id_is_nobodys_member() {
    let app = App::start().await;
    let members = vec![user("alice"), user("bob")];
    let spec = RoomSpec { kind: RoomKind::Group, members, ..RoomSpec::default() };
    app.service.open_room(&server(&app), &lobby(), spec).await.expect("it is made");
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    alice.join("lobby", None).await.expect("alice joins");
    bob.post("lobby", "hello").await.expect("bob is a member");
    assert_eq!(app.service.erase_user(app.project.id, &user("bob")).await.expect("erased"), 1);
    alice.hears("message.deleted").await;
    // While alice looks on, and with the next write of the room.
    assert!(app.person("bob").join("lobby", None).await.is_err());
    alice.post("lobby", "bye").await.expect("it is posted");
    assert!(app.person("bob").post("lobby", "me again").await.is_err());
    let listed = app.as_user("alice", "GET", "/api/v1/rooms/lobby/members", json!(null)).await;
    assert!(!listed.json().to_string().contains("\"bob\""), "{}", listed.json());
}

#[tokio::test]
async fn a_member_who_is_away_hears_the_groups_that_the_room_gave() {
    let app = App::start().await;
    let members = vec![user("alice"), user("bob"), user("carol")];
    let spec = RoomSpec { kind: RoomKind::Group, members, ..RoomSpec::default() };
    app.service.open_room(&server(&app), &lobby(), spec).await.expect("it is made");
    let (bob, carol) = (app.person("bob"), app.person("carol"));
    let staff = GroupName::new("staff").expect("a valid name");
    let groups = Write::SetGroups { user: user("bob"), groups: vec![staff.clone()] };
    app.service.write(&server(&app), &lobby(), groups).await.expect("the server may");
    for text in ["for staff", "for all"] {
        let mut draft = Draft::text(text);
        if text == "for staff" {
            draft.audience = Audience::Group(staff.clone());
        }
        app.service.write(&server(&app), &lobby(), Write::Post(draft)).await.expect("it is posted");
    }
    let text = |heard: serde_json::Value| heard["params"]["message"]["parts"][0]["text"].clone();
    assert_eq!(text(bob.hears("message.posted").await), "for staff");
    assert_eq!(text(carol.hears("message.posted").await), "for all");
}

#[tokio::test]
async fn a_room_is_made_within_the_bounds_of_its_settings() {
    let app = App::start().await;
    let made = async |settings: RoomSettings| {
        let spec = RoomSpec { settings, ..RoomSpec::default() };
        let made = app.service.open_room(&server(&app), &lobby(), spec).await;
        made.map(drop).expect_err("a refusal").code()
    };
    let settings = RoomSettings::default();
    assert_eq!(
        made(RoomSettings { title: Some("t".repeat(256).into()), ..settings.clone() }).await,
        "too_large"
    );
    for pause in [Duration::ZERO, Duration::from_secs(121)] {
        assert_eq!(made(RoomSettings { slow_mode: Some(pause), ..settings.clone() }).await, "invalid");
    }
    assert_eq!(made(RoomSettings { retention: Some(Duration::ZERO), ..settings }).await, "invalid");
}

#[tokio::test]
async fn a_moderator_by_token_may_be_spoken_to_by_editing() {
    let app = App::start().await;
    let (mia, bob) = (app.person_with("mia", Role::Moderator), app.person("bob"));
    mia.join("lobby", None).await.expect("mia joins");
    let mut draft = Draft::text("hello");
    draft.audience = Audience::users([user("mia")]);
    let posted = bob.write("lobby", Write::Post(draft)).await.expect("it is posted");
    mia.write("lobby", Write::SetPrivateChat(PrivateChat::WithModerators)).await.expect("a moderator may");
    let sidetalk_core::transaction::WriteResult::Appended(entry) = posted.result else {
        panic!("{posted:?}")
    };
    let sidetalk_core::event::Event::MessagePosted(message) = &entry.event else { panic!("{entry:?}") };
    let react = Write::React { message: message.id, emoji: "👍".into() };
    bob.write("lobby", react).await.expect("mia is a moderator");
}
