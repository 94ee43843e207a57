//! The bodies of session monitoring, as a witness of the rooms renders them.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use sidetalk_core::event::{Sight, Sitting};
use sidetalk_core::model::RoomKey;
use sidetalk_core::ports::Witness;
use sidetalk_opentok::{OpenTokSettings, webhook};
use sidetalk_testkit::Setup;
use sidetalk_testkit::fixed::START;

use crate::app::{App, KEY};

#[derive(Default)]
struct Watching(Mutex<Vec<Value>>);

impl Witness for Watching {
    fn saw(&self, room: &RoomKey, sitting: Sitting, sight: Sight<'_>) {
        let told = webhook::render(room.name.as_str(), sitting, START, sight);
        let told = told.map(|told| serde_json::from_str(&told).expect("JSON"));
        self.0.lock().expect("nobody panics").extend(told);
    }
}

#[tokio::test]
async fn a_sitting_is_told_from_its_beginning_to_its_end() {
    let watching = Arc::new(Watching::default());
    let setup = Setup { witnesses: vec![Arc::clone(&watching) as Arc<dyn Witness>], ..Setup::default() };
    let app = App::start_as(OpenTokSettings::default(), setup).await;
    let session = app.session().await;
    let alice = app.person("alice", &session).await;
    let bob = app.person("bob", &session).await;
    assert_eq!(app.call("POST", &App::path(&session, "/signal"), r#"{"data":"x"}"#).await.status, 204);
    let path = App::path(&session, &format!("/connection/{}", bob.connection()));
    assert_eq!(app.call("DELETE", &path, "").await.status, 204);
    bob.hears("room.removed").await;
    let ids = [alice.connection(), bob.connection()].map(|id| id.to_string());
    alice.vanish();
    // A room that is no session of this dialect is not told of.
    app.person("carol", "lobby").await.vanish();

    let told = watching.0.lock().expect("nobody panics");
    let lines: Vec<_> = told
        .iter()
        .map(|told| {
            assert_eq!(
                (&told["sessionId"], &told["projectId"]),
                (&Value::from(&*session), &Value::from(KEY))
            );
            let who = ids.iter().position(|id| told["connection"]["id"] == **id);
            let reason = told["reason"].as_str().unwrap_or("-");
            (told["event"].as_str().expect("an event"), who, reason)
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("sessionCreated", None, "-"),
            ("connectionCreated", Some(0), "-"),
            ("connectionCreated", Some(1), "-"),
            ("connectionDestroyed", Some(1), "forceDisconnected"),
            ("connectionDestroyed", Some(0), "networkDisconnected"),
            ("sessionDestroyed", None, "-"),
        ]
    );
}
