//! How far a moderator's power goes: as far as the vendor's among people of this dialect, and on others as far as theirs.

use serde_json::json;
use sidetalk_core::command::Write;
use sidetalk_core::model::{Role, UserId};
use sidetalk_testkit::Person;

use crate::app::{App, Room};
use crate::member::Member;

fn id_of(person: &Person) -> String {
    person.connection().as_uuid().to_string()
}

/// Does something to a participant, and gives the error that is answered.
async fn refused(member: &mut Member, namespace: &str, action: &str, target: &str) -> String {
    member.target(namespace, action, target).await;
    member.hears(namespace, "error").await["error"].as_str().unwrap().to_owned()
}

const DENIED: &str = "insufficient_permissions";

/// Everything that a moderator may do to one participant.
const ACTIONS: [(&str, &str); 3] =
    [("moderation", "kick"), ("moderation", "ban"), ("control", "revoke_moderator_role")];

async fn native(app: &App, room: &Room, name: &str, role: Role) -> Person {
    let person = app.kit.person_with(name, role);
    person.join(&room.id, None).await.unwrap();
    person
}

/// Moderators acted as the server: one who was made such a minute ago banned the owner of a native room for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_other_dialects_are_protected_by_their_roles() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut granted = app.member(&room, Some(&bob), "Bob").await;
    owner.target("control", "grant_moderator_role", &granted.id).await;
    granted.hears("control", "role_updated").await;
    let nova = native(&app, &room, "nova", Role::Owner).await;
    let mona = native(&app, &room, "mona", Role::Moderator).await;
    for above in [&nova, &mona] {
        for (namespace, action) in ACTIONS {
            for moderator in [&mut owner, &mut granted] {
                let error = refused(moderator, namespace, action, &id_of(above)).await;
                assert_eq!(error, DENIED, "{action}");
            }
        }
        above.post(&room.id, "still here").await.unwrap();
        assert_eq!(above.count("room.removed"), 0);
    }
    // Those below are another matter, but that a moderator makes moderators is the way of this dialect only.
    let (nina, theo) =
        (native(&app, &room, "nina", Role::Member).await, native(&app, &room, "theo", Role::Member).await);
    assert_eq!(refused(&mut owner, "control", "grant_moderator_role", &id_of(&nina)).await, DENIED);
    owner.target("moderation", "kick", &id_of(&nina)).await;
    assert_eq!(nina.hears("room.removed").await["params"]["reason"], "kicked");
    granted.target("moderation", "ban", &id_of(&theo)).await;
    assert_eq!(theo.hears("room.removed").await["params"]["reason"], "banned");
    // Among themselves they act on each other as they always did.
    granted.target("moderation", "kick", &owner.id).await;
    owner.hears("moderation", "kicked").await;
}

/// A ban is of a user, whatever connection it was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_here_by_another_dialect_too_is_protected_by_the_role_there() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut here = app.member(&room, Some(&bob), "Bob").await;
    for role in [Role::Owner, Role::Moderator] {
        let there = native(&app, &room, "bob", role).await;
        assert_eq!(refused(&mut owner, "moderation", "ban", &here.id).await, DENIED);
        assert_eq!(refused(&mut owner, "control", "grant_moderator_role", &here.id).await, DENIED);
        there.post(&room.id, "still here").await.unwrap();
        there.vanish();
    }
    here.post("here too").await;
    let there = native(&app, &room, "bob", Role::Moderator).await;
    // What is done to a connection is judged by its own role.
    owner.target("moderation", "send_to_waiting_room", &here.id).await;
    here.hears("moderation", "sent_to_waiting_room").await;
    there.post(&room.id, "still here").await.unwrap();
    there.vanish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stands_above_in_the_room_is_acted_on_by_none_of_this_dialect() {
    let app = App::new().await;
    let (alice, carol) = (app.user("alice", &[]).await, app.user("carol", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut above = app.member(&room, Some(&carol), "Carol").await;
    let nova = native(&app, &room, "nova", Role::Owner).await;
    let write = Write::SetRole { user: UserId::new("carol").unwrap(), role: Some(Role::Owner) };
    nova.write(&room.id, write).await.unwrap();
    above.hears("control", "role_updated").await;
    for (namespace, action) in ACTIONS.into_iter().chain([("moderation", "send_to_waiting_room")]) {
        assert_eq!(refused(&mut owner, namespace, action, &above.id).await, DENIED, "{action}");
    }
    above.post("still here").await;
    // And she acts on all.
    above.target("moderation", "ban", &owner.id).await;
    owner.hears("moderation", "kicked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debriefing_leaves_those_who_are_above() {
    let app = App::new().await;
    let (alice, bob) = (app.user("alice", &[]).await, app.user("bob", &[]).await);
    let room = app.room(&alice, json!({})).await;
    let mut owner = app.member(&room, Some(&alice), "Alice").await;
    let mut other = app.member(&room, Some(&bob), "Bob").await;
    let mona = native(&app, &room, "mona", Role::Moderator).await;
    let nina = native(&app, &room, "nina", Role::Member).await;
    owner.say("moderation", json!({ "action": "debrief", "kick_scope": "all" })).await;
    for member in [&mut owner, &mut other] {
        member.hears("moderation", "session_ended").await;
        assert_eq!(member.socket.close().await.0, 1000);
    }
    nina.hears("room.removed").await;
    mona.post(&room.id, "still here").await.unwrap();
    assert_eq!(mona.count("room.removed"), 0);
}

/// Who was let in from the waiting room a while ago need not wait again, but somebody who was put out must.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_put_out_waits_at_the_door_again() {
    let app = App::new().await;
    let alice = app.user("alice", &[]).await;
    for way in ["kick", "debrief"] {
        let room = app.room(&alice, json!({ "waiting_room": true })).await;
        let mut owner = app.member(&room, Some(&alice), "Alice").await;
        let mut guest = app.visitor("", &room, None, "").await;
        guest.say("control", json!({ "action": "join", "display_name": "Gina" })).await;
        guest.hears("moderation", "in_waiting_room").await;
        let waiting = owner.hears("moderation", "joined_waiting_room").await;
        owner.target("moderation", "accept", waiting["id"].as_str().unwrap()).await;
        guest.hears("moderation", "accepted").await;
        guest.act("control", "enter_room").await;
        guest.is_in().await;
        match way {
            "kick" => owner.target("moderation", "kick", &guest.id).await,
            _ => owner.say("moderation", json!({ "action": "debrief", "kick_scope": "guests" })).await,
        }
        assert_eq!(guest.socket.close().await.0, 1000);
        let mut again = app.visitor("", &room, None, &guest.resumption).await;
        again.say("control", json!({ "action": "join", "display_name": "Gina" })).await;
        let first = again.next().await;
        assert_eq!(first["payload"]["message"], "in_waiting_room", "{way}");
    }
}
