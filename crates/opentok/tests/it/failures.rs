//! A store that fails: everything is answered, and done when it is asked for again.

use serde_json::json;
use sidetalk_opentok::OpenTokSettings;
use sidetalk_testkit::Setup;
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::failing::Plan;

use crate::app::{App, KEY, signed};

async fn app(failures: Plan) -> App {
    App::start_as(OpenTokSettings::default(), Setup { failures, ..Setup::default() }).await
}

#[tokio::test]
async fn what_the_store_does_not_do_is_said_and_can_be_asked_for_again() {
    for plan in [Plan::Before, Plan::After] {
        let app = app(plan).await;
        let session = app.session().await;
        let token = json!({ "iss": KEY, "exp": app.now() + 60, "iat": app.now(), "session_id": session });
        let token = signed(&token, SECRET);
        let alice = app.person("alice", &session).await;

        app.kit.store().fail_from(0);
        let answer = app.call("POST", "/session/create", "").await;
        assert_eq!((answer.status, answer.json()["code"].as_i64()), (503, Some(503)), "{}", answer.text);
        let answer = app.exchange(KEY, &session, &token).await;
        assert_eq!((answer.status, answer.json()["code"].as_i64()), (503, Some(1006)), "{}", answer.text);
        let chat = r#"{"type":"chat","data":"x"}"#;
        let answer = app.call("POST", &App::path(&session, "/signal"), chat).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        // What is not stored does not need the store.
        let wave = r#"{"type":"wave","data":"x"}"#;
        let answer = app.call("POST", &App::path(&session, "/signal"), wave).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
        // Whom it cannot ask for, it does not let in.
        let unknown = signed(&json!({ "iss": "8", "exp": app.now() + 60 }), SECRET);
        let headers = [("X-OPENTOK-AUTH", &*unknown), ("accept", "application/json")];
        let answer = app.request("POST", "/session/create", &headers, "").await;
        assert_eq!(answer.status, 503, "{}", answer.text);

        app.kit.store().heal();
        assert_eq!(app.exchange(KEY, &session, &token).await.status, 200);
        assert_eq!(app.call("POST", &App::path(&session, "/signal"), chat).await.status, 204);
        alice.hears("message.posted").await;
    }
}
