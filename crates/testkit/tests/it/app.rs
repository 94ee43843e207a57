//! The test kit itself, and rules that need the whole application but no network.

use std::time::Duration;

use serde_json::json;
use sidetalk_core::ports::Clock as _;
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
    assert_eq!((page.status, &page.body["messages"][0]["parts"][0]["text"]), (200, &json!("hello")));
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
    let texts: Vec<_> = page.body["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["parts"][0]["text"].clone())
        .collect();
    assert_eq!(texts, ["now", "later", "earlier", "still", "after the restart"]);
}
