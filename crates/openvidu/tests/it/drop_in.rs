//! People on the drop-in script: they speak the native dialect and are people of this one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::member::Member;

/// What the drop-in script gets for a token.
pub async fn exchange(app: &App, token: &str) -> Value {
    let body = json!({ "token": token, "clientData": "{\"clientData\":\"Dora\"}" }).to_string();
    app.request("POST", "/openvidu/exchange", None, &body).await.json()
}

/// Somebody on the drop-in script: the socket behind it, the native token and what it was given for.
pub async fn come(app: &App, exchanged: &Value) -> Member {
    try_come(app, exchanged).await.unwrap()
}

/// The same, or the code of the refusal.
pub async fn try_come(app: &App, exchanged: &Value) -> Result<Member, String> {
    let mut page = Member::stranger(app.native_socket().await, "");
    let connected = page.call("connect", json!({ "token": exchanged["token"] })).await;
    assert!(connected["result"].is_object(), "{connected}");
    let joined = page.call("room.join", json!({ "room": "s", "data": "{\"clientData\":\"Dora\"}" })).await;
    if joined["result"].is_object() { Ok(page) } else { Err(joined["error"]["data"]["code"].to_string()) }
}

/// A session older than an hour was taken for one that nobody had used, before those who were in it had come back to the new
/// process: they talked on in a session that was not there any more, and tokens that were promised in it were gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_session_waits_for_its_pages() {
    let app = App::new().await;
    for session in ["s", "unused"] {
        app.session(session).await;
    }
    let (dora, token) = app.promise("s", json!({})).await;
    let (_, unused) = app.promise("s", json!({})).await;
    let exchanged = exchange(&app, &token).await;
    let _cut_off = come(&app, &exchanged).await;
    app.kit
        .until("it is in use", async || app.connections("s").await.contains(&format!("{dora} active")))
        .await;
    app.kit.clock.advance(Duration::from_secs(2 * 60 * 60));
    let app = app.restart().await;
    app.kit
        .until("the other is forgotten", async || app.rest("GET", "/sessions/unused", "").await.status == 404)
        .await;
    let _page = come(&app, &exchanged).await;
    assert_eq!(app.rest("GET", "/sessions/s", "").await.status, 200);
    let bob = Member::join(app.socket().await, &unused, "bob").await;
    assert_eq!(bob.joined["value"][0]["id"], dora.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_the_drop_in_script_is_a_member_like_others() {
    let app = App::new().await;
    app.session("s").await;
    let mut alice = app.member_with("s", "alice", json!({ "role": "MODERATOR" })).await;
    let (dora, token) = app.promise("s", json!({ "data": "srv" })).await;
    let exchanged = exchange(&app, &token).await;
    let mut page = come(&app, &exchanged).await;
    // The connection that was promised, under the name that REST knows.
    let joined = alice.hears("participantJoined").await;
    assert_eq!(
        (&joined["id"], &joined["metadata"]),
        (&json!(dora), &json!("{\"clientData\":\"Dora\"}%/%srv"))
    );
    assert!(app.connections("s").await.contains(&format!("{dora} active")));
    let signal = json!({ "room": "s", "type": "my-chat", "data": "from the page" });
    assert!(page.call("signal.send", signal).await["result"].is_object());
    assert_eq!(alice.signals().await, [format!("signal:my-chat from the page from {dora}")]);
    assert_eq!(alice.signal("hand", "up", &[&dora]).await, 0);
    assert_eq!(page.hears("signal").await["data"], "up");
    // It comes back to another process by itself; with it the session is there again, though nobody else is.
    let app = app.restart_with(|settings| settings.grace = Duration::from_millis(300)).await;
    let _page = come(&app, &exchanged).await;
    assert_eq!(app.rest("GET", "/sessions/s", "").await.status, 200);
    let alone = [format!("{dora} active")];
    app.kit.until("alice does not come back", async || app.connections("s").await == alone).await;
    let mut bob = app.member("s", "bob").await;
    assert_eq!(bob.joined["value"][0]["id"], dora.as_str());
    assert_eq!(bob.signal("hand", "up", &[&dora]).await, 0);
}

/// The native token opens the room for a day. Whoever was put out of a session and had a page that does not obey joined again by
/// it, where the vendor's own token would have been used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_put_out_needs_another_token() {
    for way in ["forceDisconnect", "of the vendor", "of ours", "the whole session"] {
        let app = App::new().await;
        app.session("s").await;
        let mut alice = app.member_with("s", "alice", json!({ "role": "MODERATOR" })).await;
        // A name that the application chose may be given again: its owner is the same user then.
        let chosen = json!({ "data": r#"{"openviduCustomConnectionId":"dora"}"# });
        let (dora, token) = app.promise("s", chosen.clone()).await;
        let exchanged = exchange(&app, &token).await;
        let mut page = come(&app, &exchanged).await;
        match way {
            "forceDisconnect" => {
                let done = alice.call("forceDisconnect", json!({ "connectionId": dora })).await;
                assert!(done["result"].is_object(), "{done}");
            }
            "of the vendor" => {
                let path = format!("/sessions/s/connection/{dora}");
                assert_eq!(app.rest("DELETE", &path, "").await.status, 204);
            }
            "of ours" => {
                let id = exchanged["connection"].as_str().unwrap();
                let path = format!("/api/v1/rooms/s/connections/{id}");
                let removed = app.kit.as_server("DELETE", &path, Value::Null).await;
                assert_eq!(removed.status, 204, "{removed:?}");
            }
            _ => assert_eq!(app.rest("DELETE", "/sessions/s", "").await.status, 204),
        }
        page.hears("room.removed").await;
        let banned = async || try_come(&app, &exchanged).await.is_err_and(|code| code == "\"banned\"");
        app.kit.until(way, banned).await;
        if way == "the whole session" {
            app.session("s").await;
        }
        assert!(banned().await, "{way}");
        // Another token of the same session, and another one for the same name.
        let mut back = Vec::new();
        for wish in [json!({}), chosen] {
            let (name, token) = app.promise("s", wish).await;
            let mut again = come(&app, &exchange(&app, &token).await).await;
            let signal = json!({ "room": "s", "type": "t", "data": name });
            assert!(again.call("signal.send", signal).await["result"].is_object(), "{way} {name}");
            // The session ends with the last one who leaves.
            back.push(again);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_or_is_lost_comes_back_by_the_same_token() {
    let app = App::new().await;
    app.session("s").await;
    let _alice = app.member("s", "alice").await;
    let (_, token) = app.promise("s", json!({})).await;
    let exchanged = exchange(&app, &token).await;
    let mut page = come(&app, &exchanged).await;
    page.call("room.leave", json!({ "room": "s" })).await;
    drop(page);
    let lost = come(&app, &exchanged).await;
    drop(lost);
    app.kit.until("it is gone", async || app.connections("s").await.len() == 1).await;
    come(&app, &exchanged).await;
}

/// What a role was changed to by REST was written down, and the page went on as it had been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_holds_by_whichever_way_it_was_given() {
    let app = App::new().await;
    app.session("s").await;
    let (dora, token) = app.promise("s", json!({ "role": "MODERATOR" })).await;
    let mut page = come(&app, &exchange(&app, &token).await).await;
    let mut alice = app.member("s", "alice").await;
    let (mut bob, carol) = (app.member("s", "bob").await, app.member("s", "carol").await);
    let slow = |seconds: u64| json!({ "room": "s", "slow_mode_s": seconds });
    assert!(page.call("room.update", slow(1)).await["result"].is_object());
    let path = format!("/sessions/s/connection/{dora}");
    assert_eq!(app.rest("PATCH", &path, r#"{"role":"PUBLISHER"}"#).await.status, 200);
    assert_eq!(page.call("room.update", slow(2)).await["error"]["data"]["code"], "role_too_low");
    assert_eq!(app.rest("PATCH", &path, r#"{"role":"MODERATOR"}"#).await.status, 200);
    assert!(page.call("room.update", slow(2)).await["result"].is_object());
    // The other way round: what other dialects' moderators and servers give and take holds here.
    let role = async |name: &str, role: &str| {
        let path = format!("/api/v1/rooms/s/members/{name}");
        let given = app.kit.as_server("PUT", &path, json!({ "role": role })).await;
        assert_eq!(given.status, 200);
    };
    let alices = alice.id.clone();
    let code = async |alice: &mut Member, whom: &str| {
        let answer = alice.call("forceDisconnect", json!({ "connectionId": whom })).await;
        answer["error"]["code"].as_i64().unwrap_or(0)
    };
    assert_eq!(code(&mut alice, &bob.id).await, 401);
    role(&alices, "moderator").await;
    assert_eq!(code(&mut alice, &bob.id).await, 0);
    bob.hears("participantEvicted").await;
    role(&alices, "member").await;
    assert_eq!(code(&mut alice, &carol.id).await, 401);
}
