//! The test kit itself, and rules that need the whole application but no network.

use std::time::Duration;

use serde_json::json;
use sidetalk_core::model::{Principal, Role, RoomName};
use sidetalk_core::ports::Clock as _;
use sidetalk_core::service::Resume;
use sidetalk_testkit::App;

#[tokio::test]
async fn people_hear_each_other_and_rest_reads_what_they_said() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    alice.join("lobby", None).await.expect("alice joins");
    bob.join("lobby", None).await.expect("bob joins");
    alice.post("lobby", "hello").await.expect("it is posted");
    let heard = bob.hears("message.posted").await;
    assert_eq!(heard["params"]["message"]["parts"][0]["text"], "hello");
    let page = app.as_server("GET", "/api/v1/rooms/lobby/messages", json!(null)).await;
    assert_eq!((page.status, &page.json()["messages"][0]["parts"][0]["text"]), (200, &json!("hello")));
}

#[tokio::test]
async fn a_clock_that_jumps_reorders_nothing() {
    let app = App::start().await;
    let hour = Duration::from_secs(3_600);
    let alice = app.person("alice");
    let joined = alice.join("lobby", None).await.expect("alice joins");
    let start = app.clock.now();
    for (text, now) in [
        ("now", start),
        ("later", start.plus(hour)),
        ("earlier", start.minus(hour)),
        ("still", start.minus(hour)),
    ] {
        app.clock.set(now);
        alice.post("lobby", text).await.expect("it is posted");
    }
    let app = app.restart().await;
    app.clock.set(start.minus(hour * 24));
    let bob = app.person("bob");
    let resumed = bob.join("lobby", Some(joined.position)).await.expect("bob resumes");
    let times: Vec<_> = resumed.entries.iter().map(|entry| entry.at).collect();
    assert_eq!(times.len(), 4);
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    bob.post("lobby", "after the restart").await.expect("it is posted");
    let page = app.as_server("GET", "/api/v1/rooms/lobby/messages", json!(null)).await;
    let texts: Vec<_> = page.json()["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["parts"][0]["text"].clone())
        .collect();
    assert_eq!(texts, ["now", "later", "earlier", "still", "after the restart"]);
}

#[tokio::test]
async fn who_is_put_out_at_the_end_of_a_sitting_can_come_back_to_the_same_log() {
    let app = App::start().await;
    let (alice, bob) = (app.person_with("alice", Role::Owner), app.person("bob"));
    let joined = alice.join("lobby", None).await.expect("alice joins");
    bob.join("lobby", None).await.expect("bob joins");
    bob.post("lobby", "hello").await.expect("it is posted");
    alice.hears("message.posted").await;
    bob.hears("message.posted").await;
    let server = Principal::server(app.project.id, None);
    let lobby = RoomName::new("lobby").expect("a valid name");
    app.service.end_sitting(&server, &lobby).await.expect("the server may");
    for person in [&alice, &bob] {
        let removed = person.hears("room.removed").await;
        assert_eq!(removed["params"], json!({ "room": "lobby", "reason": "ended" }));
        assert_eq!(person.closed(), None, "the connection stays");
    }
    assert!(app.service.hub().live_rooms().is_empty());
    assert_eq!(app.service.presences(&server, &lobby).await.expect("the room stays").len(), 0);
    let again = alice.join("lobby", Some(joined.position)).await.expect("alice comes back");
    assert_eq!((again.resume, again.entries.len(), again.presence_total), (Resume::Ok, 1, 1));
    bob.join("lobby", None).await.expect("bob comes back");
    let connection = bob.connection().as_uuid();
    let path = format!("/api/v1/rooms/lobby/connections/{connection}");
    assert_eq!(app.as_server("DELETE", &path, json!(null)).await.status, 204);
    let removed = bob.hears("room.removed").await;
    assert_eq!(removed["params"]["reason"], "removed");
    let left = alice.hears("presence.left").await;
    assert_eq!((&left["params"]["user"], &left["params"]["reason"]), (&json!("bob"), &json!("removed")));
}
