//! Names that the application chose: who comes by one is nobody else, and what was said or done to somebody else stays his.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, Mute, Role, UserId};
use sidetalk_testkit::Person;

use crate::app::App;
use crate::drop_in::{come, exchange, try_come};
use crate::member::Member;

/// What asks for a token of that name.
fn named(name: &str) -> Value {
    json!({ "data": json!({ "openviduCustomConnectionId": name }).to_string(), "replayHistory": 50 })
}

fn named_as(name: &str, role: &str) -> Value {
    let mut wish = named(name);
    wish["role"] = role.into();
    wish
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

/// Who a page is in the room, by its native token.
fn user_of(exchanged: &Value) -> UserId {
    let token = exchanged["token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    user(serde_json::from_slice::<Value>(&claims).unwrap()["sub"].as_str().unwrap())
}

/// A page of that name, its native token and who it is.
async fn page(app: &App, wish: Value) -> (Member, Value, UserId) {
    let (_, token) = app.promise("s", wish).await;
    let exchanged = exchange(app, &token).await;
    let user = user_of(&exchanged);
    (come(app, &exchanged).await, exchanged, user)
}

/// The page leaves, and its name is free.
async fn leave(app: &App, mut page: Member, name: &str) {
    page.call("room.leave", json!({ "room": "s" })).await;
    drop(page);
    let is_here = async || app.connections("s").await.iter().any(|one| one.starts_with(name));
    app.kit.until("it is gone", async || !is_here().await).await;
}

/// Whether somebody may put out somebody else.
async fn moderates(app: &App, member: &mut Member) -> bool {
    let other = app.member("s", "other").await;
    let answer = member.call("forceDisconnect", json!({ "connectionId": other.id })).await;
    answer["result"].is_object()
}

async fn is_refused(app: &App, exchanged: &Value) -> bool {
    try_come(app, exchanged).await.is_err_and(|code| code == "\"banned\"")
}

async fn ban_of(app: &App, user: &UserId) -> Option<Mute> {
    let server = sidetalk_core::model::Principal::server(app.kit.person("any").link().project(), None);
    let room =
        app.kit.service.room(&server, &sidetalk_core::model::RoomName::new("s").unwrap()).await.unwrap();
    room.members.get(user).and_then(|member| member.ban)
}

async fn owner(app: &App) -> Person {
    let nina = app.kit.person_with("nina", Role::Owner);
    nina.join("s", None).await.unwrap();
    nina
}

/// `Žana` and `a-n-a` became the same user as `ana`, because the vendor's names have plain letters only. Each of them was sent what
/// had been said to another one in private.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_look_alike_are_different_people() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    let nina = owner(&app).await;
    let everybody = ["Žana", "ana", "a-n-a", "Ёana", "an a"];
    for name in everybody {
        let mut member = app.member_with("s", name, named(name)).await;
        assert_eq!(member.id, "con_ana");
        assert!(!member.heard().await.join(" ").contains("secret"), "{name}");
        let connections = app.kit.as_server("GET", "/api/v1/rooms/s/connections", Value::Null).await.json();
        let all = connections["connections"].as_array().unwrap().clone();
        let own = all.iter().find_map(|one| one["user"].as_str().filter(|user| user.starts_with("con_ana")));
        let audience = Audience::users([user(own.unwrap())]);
        nina.write("s", Write::Post(Draft { audience, ..Draft::text(&format!("a secret of {name}")) }))
            .await
            .unwrap();
        assert!(member.signals().await[0].contains(name));
        member.call("leaveRoom", json!({})).await;
        let left = async || !app.connections("s").await.contains(&"con_ana active".to_owned());
        app.kit.until("it has left", left).await;
    }
    // The same name is the same person as before.
    let mut zana = app.member_with("s", "Žana", named("Žana")).await;
    assert!(zana.signals().await.iter().any(|line| line.contains("a secret of Žana")));
}

/// The native token of a page opened the room for a day, as the user of its name. Who had been put out came back when the name was
/// given to somebody else, and read what that one was told in private.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_given_again_leaves_nothing_to_the_page_that_had_it() {
    for is_put_out in [true, false] {
        let app = App::new().await;
        app.session("s").await;
        let mut alice = app.member_with("s", "alice", json!({ "role": "MODERATOR" })).await;
        let (mut mallory, native, _) = page(&app, named("seat")).await;
        if is_put_out {
            alice.call("forceDisconnect", json!({ "connectionId": "con_seat" })).await;
            mallory.hears("room.removed").await;
            app.kit.until("it is kept out", async || is_refused(&app, &native).await).await;
        } else {
            leave(&app, mallory, "con_seat").await;
        }
        let mut yvonne = app.member_with("s", "yvonne", named("seat")).await;
        assert_eq!(yvonne.id, "con_seat");
        let came = try_come(&app, &native).await;
        assert!(!is_put_out || came.is_err());
        let audience = Audience::users([user("con_seat")]);
        let draft = Draft { audience, ..Draft::text("secret for yvonne") };
        owner(&app).await.write("s", Write::Post(draft)).await.unwrap();
        assert!(yvonne.signals().await[0].contains("secret for yvonne"));
        if let Ok(mut page) = came {
            while let Some(frame) = page.socket.next_within(Duration::from_millis(60)).await {
                assert!(!frame.contains("secret"), "{frame}");
            }
        }
        app.kit.until("the first one is kept out", async || is_refused(&app, &native).await).await;
        assert_eq!(yvonne.signal("chat", "I stay", &[]).await, 0);
        let (third, ..) = page(&app, named("seat")).await;
        drop(third);
    }
}

/// A page that had left the room and kept its socket took the place of the one who had got its name since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_waits_outside_takes_nobodys_place() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    let (mut mallory, native, _) = page(&app, named("seat")).await;
    mallory.call("room.leave", json!({ "room": "s" })).await;
    app.kit.until("it is gone", async || app.connections("s").await.len() == 1).await;
    let mut yvonne = app.member_with("s", "yvonne", named("seat")).await;
    let back = mallory.call("room.join", json!({ "room": "s" })).await;
    assert_eq!(back["error"]["data"]["code"], "banned", "{back}");
    assert!(is_refused(&app, &native).await);
    assert_eq!(yvonne.signal("chat", "I stay", &[]).await, 0);
}

/// A page that had come back by itself, and still has the name when somebody else comes by it, goes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_back_makes_room_for_the_next() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    let (first, native, _) = page(&app, named("seat")).await;
    leave(&app, first, "con_seat").await;
    let mut back = come(&app, &native).await;
    let (_, token) = app.promise("s", named("seat")).await;
    let exchanged = exchange(&app, &token).await;
    assert_eq!(exchanged["connectionId"], "con_seat");
    back.hears("room.removed").await;
    let pending = ["con_seat pending".to_owned()];
    app.kit.until("only the next is known", async || app.connections("s").await[1..] == pending).await;
    drop(back);
    app.kit.until("the first one is kept out", async || is_refused(&app, &native).await).await;
    let _second = come(&app, &exchanged).await;
    assert_eq!(app.rest("PATCH", "/sessions/s/connection/con_seat", r#"{"record":false}"#).await.status, 200);
}

/// A role that REST gave to a page stayed with its name, and went before the role of each later token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_a_new_token_holds() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    for (given, patched) in [("SUBSCRIBER", "MODERATOR"), ("MODERATOR", "SUBSCRIBER")] {
        let name = format!("p{given}");
        let (page, ..) = page(&app, named_as(&name, given)).await;
        let path = format!("/sessions/s/connection/con_{name}");
        let patch = app.rest("PATCH", &path, &json!({ "role": patched }).to_string()).await;
        assert_eq!(patch.status, 200);
        leave(&app, page, &format!("con_{name}")).await;
        let mut member = app.member_with("s", "new", named_as(&name, given)).await;
        assert_eq!(member.joined["role"], given);
        assert_eq!(moderates(&app, &mut member).await, given == "MODERATOR", "{given}");
        member.call("leaveRoom", json!({})).await;
    }
}

/// What people of the room have given to one who came by a name goes along to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_gave_to_a_name_goes_along_with_it() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    let nina = owner(&app).await;
    let (first, _, who) = page(&app, named("ana")).await;
    nina.write("s", Write::Mute { user: who.clone(), duration: None }).await.unwrap();
    nina.write("s", Write::SetRole { user: who, role: Some(Role::Moderator) }).await.unwrap();
    leave(&app, first, "con_ana").await;
    let (second, _, who) = page(&app, named("ana")).await;
    leave(&app, second, "con_ana").await;
    let mut third = app.member_with("s", "ana", named("ana")).await;
    assert!(moderates(&app, &mut third).await);
    let unmute = Write::Unmute { user: user("con_ana") };
    assert_eq!(third.signal("chat", "muted", &[]).await, 10);
    nina.write("s", unmute).await.unwrap();
    assert_eq!(third.signal("chat", "free", &[]).await, 0);
    third.call("leaveRoom", json!({})).await;
    app.kit
        .until("it has left", async || !app.connections("s").await.contains(&"con_ana active".into()))
        .await;
    // Who was muted on an earlier page is free here.
    let (mut fourth, _, again) = page(&app, named("ana")).await;
    assert_ne!(who, again);
    let signal = json!({ "room": "s", "type": "t", "data": "free" });
    assert!(fourth.call("signal.send", signal).await["result"].is_object());
}

/// Who was put out was banned for a day, also when a moderator had just banned him for good; and the next token of that name lifted
/// the moderator's ban.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderators_ban_outlasts_kicks_and_tokens() {
    let app = App::new().await;
    app.session("s").await;
    let _anchor = app.member("s", "anchor").await;
    let nina = owner(&app).await;
    for round in 0..20 {
        let name = format!("bad{round}");
        let (mut page, native, who) = page(&app, named(&name)).await;
        nina.write("s", Write::Kick { user: who.clone() }).await.unwrap();
        if round % 2 == 0 {
            page.hears("room.removed").await;
            app.kit.until("it is kept out", async || is_refused(&app, &native).await).await;
        }
        nina.write("s", Write::Ban { user: who.clone(), duration: None }).await.unwrap();
        let (_, token) = loop {
            let (id, token) = app.promise("s", named(&name)).await;
            if id == format!("con_{name}") {
                break (id, token);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let mut again = Member::stranger(app.socket().await, &token);
        let answer = again.try_join("again").await;
        assert_eq!(answer["error"]["code"], 10, "{round}: {answer}");
        let refused = exchange(&app, &token).await;
        assert_eq!(refused["code"], 10, "{refused}");
        assert_eq!(ban_of(&app, &who).await, Some(Mute { until: None }), "{round}");
        // Once it is lifted, the same token is good.
        nina.write("s", Write::Unban { user: who }).await.unwrap();
        let answer = again.try_join("again").await;
        assert!(answer["result"].is_object(), "{answer}");
    }
    // A short ban holds for its time under the name, though its page is kept out for longer.
    let (_page, native, who) = page(&app, named("short")).await;
    let short = Duration::from_secs(600);
    nina.write("s", Write::Ban { user: who.clone(), duration: Some(short) }).await.unwrap();
    app.kit
        .until("it is gone", async || !app.connections("s").await.contains(&"con_short active".into()))
        .await;
    assert_eq!(app.rest("DELETE", "/sessions/s", "").await.status, 204);
    app.kit.until("it is over", async || app.rest("GET", "/sessions/s", "").await.status == 404).await;
    app.session("s").await;
    let (_, token) = app.promise("s", named("short")).await;
    assert_eq!(Member::stranger(app.socket().await, &token).try_join("short").await["error"]["code"], 10);
    app.kit.clock.advance(short);
    assert!(is_refused(&app, &native).await);
    Member::join(app.socket().await, &token, "short").await;
}

/// Whoever had changed a token for a native one and had not joined yet could not be stopped any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_exchanged_can_be_taken_back() {
    for wish in [json!({ "role": "MODERATOR" }), named_as("ana", "MODERATOR")] {
        let app = App::new().await;
        app.session("s").await;
        let _anchor = app.member("s", "anchor").await;
        let exchanged = async || {
            let (name, token) = app.promise("s", wish.clone()).await;
            (format!("/sessions/s/connection/{name}"), exchange(&app, &token).await)
        };
        let (path, native) = exchanged().await;
        assert_eq!(app.rest("DELETE", &path, "").await.status, 204);
        assert!(is_refused(&app, &native).await);
        assert_eq!(app.rest("GET", &path, "").await.status, 404);
        // Its role can be changed, too.
        let (path, native) = exchanged().await;
        assert_eq!(app.rest("PATCH", &path, r#"{"role":"SUBSCRIBER"}"#).await.status, 200);
        let mut page = come(&app, &native).await;
        let answer = page.call("room.update", json!({ "room": "s", "slow_mode_s": 1 })).await;
        assert_eq!(answer["error"]["data"]["code"], "role_too_low");
        page.call("room.leave", json!({ "room": "s" })).await;
        app.kit.until("it has left", async || app.rest("GET", &path, "").await.status == 404).await;
        // With the session goes who is on the way and who has left.
        let (_, other) = exchanged().await;
        assert_eq!(app.rest("DELETE", "/sessions/s", "").await.status, 204);
        assert!(is_refused(&app, &other).await);
        assert!(is_refused(&app, &native).await);
    }
}
