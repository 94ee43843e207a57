//! Who sees what (RELIABILITY row 29), generated: every actor × every way to look or touch × every audience. A cell is a
//! leak if an actor who is not among the audience gets a trace of the message: its text, its id, its author, a count, or an
//! answer that differs from the one for a message that does not exist.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use sidetalk_core::command::Write;
use sidetalk_core::model::{
    Actor, Audience, Draft, GroupName, MessageId, Part, Principal, RoomName, TextFormat, UserId,
};
use sidetalk_testkit::Socket;

use crate::app::App;

const ROOM: &str = "lobby";
/// No message has this id.
const NOWHERE: &str = "01a1fd70-ffff-7000-8000-0000000fffff";
/// The author of all the messages; never the one who looks.
const AUTHOR: &str = "mona";

/// Who looks. `dora` is in the group `staff` by her token, `greg` by the room; `hanna`'s token does not open the room;
/// `otto` is banned; `mute` is muted; `alice` moderates, `olga` owns: neither sees what is private between others.
const ACTORS: [&str; 14] = [
    "alice", "olga", "bob", "carol", "carla", "dora", "greg", "gus", "vera", "hanna", "otto", "mute",
    "server", "nobody",
];

/// For whom a message is.
fn audiences() -> Vec<(&'static str, Audience, Vec<&'static str>)> {
    let users = |names: &[&str]| Audience::users(names.iter().map(|name| UserId::new(name).unwrap()));
    let group = |name: &str| Audience::Group(GroupName::new(name).unwrap());
    vec![
        ("toalice", users(&[AUTHOR, "alice"]), vec!["alice"]),
        ("tobob", users(&[AUTHOR, "bob"]), vec!["bob"]),
        ("tobobandcarol", users(&[AUTHOR, "bob", "carol"]), vec!["bob", "carol"]),
        // A name that begins like another.
        ("tocarol", users(&[AUTHOR, "carol"]), vec!["carol"]),
        ("togus", users(&[AUTHOR, "gus"]), vec!["gus"]),
        ("toself", users(&[AUTHOR]), vec![]),
        ("tobanned", users(&[AUTHOR, "otto"]), vec![]),
        ("tooutsider", users(&[AUTHOR, "hanna"]), vec![]),
        ("tostaff", group("staff"), vec!["dora", "greg"]),
        ("tostaf", group("staf"), vec![]),
        ("tonobody", group("nobody"), vec![]),
    ]
}

struct Secret {
    word: &'static str,
    id: MessageId,
    seq: u64,
    seen_by: Vec<&'static str>,
}

struct World {
    app: App,
    room: RoomName,
    secrets: Vec<Secret>,
}

impl World {
    async fn new() -> Self {
        let app = App::new().await;
        let room = RoomName::new(ROOM).unwrap();
        let (status, _) =
            app.rest("server", Method::POST, "/rooms", &format!(r#"{{"name":"{ROOM}"}}"#)).await;
        assert_eq!(status, StatusCode::CREATED);
        for (path, method, body) in [
            ("/rooms/lobby/members/greg", Method::PUT, r#"{"groups":["staff"]}"#),
            ("/rooms/lobby/members/otto/ban", Method::POST, "{}"),
            ("/rooms/lobby/members/mute/mute", Method::POST, "{}"),
        ] {
            assert_eq!(app.rest("server", method, path, body).await.0, StatusCode::OK, "{path}");
        }
        Self { app, room, secrets: Vec::new() }
    }

    /// Writes one message per audience.
    async fn write_secrets(&mut self) {
        for (word, audience, seen_by) in audiences() {
            let written = self.post(word, audience).await;
            let sidetalk_core::transaction::WriteResult::Appended(entry) = written.result else {
                panic!("new")
            };
            let sidetalk_core::event::Event::MessagePosted(message) = &entry.event else { panic!("a post") };
            self.secrets.push(Secret { word, id: message.id, seq: message.seq.0, seen_by });
        }
    }

    async fn post(&self, word: &str, audience: Audience) -> sidetalk_core::transaction::Written {
        let text = Part::Text { text: format!("the word is {word}").into(), format: TextFormat::Plain };
        let draft = Draft { audience, parts: vec![text], ..Draft::text("") };
        self.app.service.write(&self.mona(), &self.room, Write::Post(draft)).await.unwrap()
    }

    fn mona(&self) -> Principal {
        let identity = sidetalk_core::model::Identity {
            user: UserId::new(AUTHOR).unwrap(),
            name: "Mona".into(),
            avatar: None,
            role: sidetalk_core::model::Role::Owner,
            groups: [GroupName::new("staff").unwrap()].into(),
            data: "".into(),
            rooms: None,
            issued_at: None,
            expires_at: None,
        };
        Principal {
            project: self.app.project.id,
            actor: Actor::User(identity.into()),
            connection: None,
            dialect: None,
        }
    }

    async fn ask(&self, who: &str, probe: &Probe, target: &str, secret: &Secret) -> (u16, String) {
        let fill = |text: &str| {
            text.replace("$id", target).replace("$word", secret.word).replace("$seq", &secret.seq.to_string())
        };
        let (status, body) =
            self.app.rest(who, probe.method.clone(), &fill(probe.path), &fill(probe.body)).await;
        (status.as_u16(), body.to_string())
    }
}

/// A REST request that looks or touches.
struct Probe {
    method: Method,
    path: &'static str,
    body: &'static str,
    /// Whether it names the message; then the answer must be the one for a message that does not exist.
    is_pointed: bool,
}

fn probes() -> Vec<Probe> {
    let look = |path| Probe { method: Method::GET, path, body: "", is_pointed: false };
    let touch = |method: Method, path, body| Probe { method, path, body, is_pointed: true };
    vec![
        look("/rooms/lobby/messages?limit=300"),
        look("/rooms/lobby/messages?around=$seq&limit=3"),
        look("/rooms/lobby/messages?before=$seq&limit=1"),
        look("/rooms/lobby/messages?after=0&limit=300"),
        look("/rooms/lobby/messages?pinned=true"),
        look("/rooms/lobby/messages?audience=users:mona,bob&limit=300"),
        look("/rooms/lobby/messages?audience=users:mona,bob,carol&limit=300"),
        look("/rooms/lobby/messages?audience=group:staff&limit=300"),
        look("/rooms/lobby/messages?audience=group:nobody&limit=300"),
        look("/rooms/lobby/search?text=$word"),
        look("/rooms/lobby/search?text=word&limit=300"),
        look("/rooms/lobby/search?text=$word&sender=mona"),
        look("/rooms/lobby/search?text=word&audience=group:staff"),
        look("/rooms/lobby/unread"),
        look("/rooms/lobby"),
        look("/rooms/lobby/members"),
        look("/rooms/lobby/connections"),
        look("/users/mona/rooms"),
        touch(Method::GET, "/rooms/lobby/messages/$id", ""),
        touch(Method::PATCH, "/rooms/lobby/messages/$id", r#"{"text":"mine"}"#),
        touch(Method::DELETE, "/rooms/lobby/messages/$id", ""),
        touch(Method::PUT, "/rooms/lobby/messages/$id/pin", ""),
        touch(Method::DELETE, "/rooms/lobby/messages/$id/pin", ""),
        touch(Method::PUT, "/rooms/lobby/messages/$id/reactions/x", ""),
        touch(Method::DELETE, "/rooms/lobby/messages/$id/reactions/x", ""),
        touch(Method::POST, "/rooms/lobby/messages", r#"{"text":"re","reply_to":"$id"}"#),
    ]
}

fn sees(secret: &Secret, actor: &str) -> bool {
    actor == "server" || secret.seen_by.contains(&actor)
}

/// Traces of a message in an answer: its words or its id.
fn traces(answer: &str, secret: &Secret) -> bool {
    // Words are whole: `tobob` is not in `tobobandcarol`.
    answer.contains(&format!("the word is {}\"", secret.word)) || answer.contains(&secret.id.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_shows_nobody_what_is_not_theirs() {
    let mut world = World::new().await;
    world.write_secrets().await;
    let (mut cells, mut seen, mut leaks) = (0, 0, Vec::new());
    for actor in ACTORS {
        for probe in probes() {
            for secret in &world.secrets {
                if probe.is_pointed && sees(secret, actor) {
                    // Touching it would change the world for the cells to come; that those who see it may is in transcripts.
                    continue;
                }
                cells += 1;
                let (status, answer) = world.ask(actor, &probe, &secret.id.to_string(), secret).await;
                let cell = format!("{actor} {} {} [{}]", probe.method, probe.path, secret.word);
                if sees(secret, actor) {
                    seen += usize::from(traces(&answer, secret));
                } else if traces(&answer, secret) {
                    leaks.push(format!("{cell}: {status} {answer}"));
                }
                if probe.is_pointed {
                    let missing = world.ask(actor, &probe, NOWHERE, secret).await;
                    if missing != (status, answer.clone()) {
                        leaks.push(format!(
                            "{cell}: differs from a message that is not there: {missing:?} {status} {answer}"
                        ));
                    }
                }
                let errors = [200, 201, 401, 403, 404, 422];
                assert!(errors.contains(&status), "{cell}: {status} {answer}");
            }
        }
    }
    assert!(leaks.is_empty(), "{} leaks in {cells} cells: {leaks:#?}", leaks.len());
    assert!(cells >= 2_000, "{cells}");
    // The looking works: those who may see do.
    assert!(seen >= 100, "{seen}");
    world.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_tell_nothing_of_what_is_not_theirs() {
    let before = World::new().await;
    let mut after = World::new().await;
    after.write_secrets().await;
    let mut cells = 0;
    for actor in ACTORS.into_iter().filter(|actor| !["server", "nobody"].contains(actor)) {
        for path in [
            "/rooms/lobby/unread",
            "/rooms/lobby/messages",
            "/rooms/lobby/messages?limit=1",
            "/rooms/lobby/search?text=word",
            "/rooms/lobby/messages?before=5",
            "/rooms/lobby/messages?after=2",
            "/rooms/lobby/messages?around=5&limit=2",
        ] {
            let theirs = after.secrets.iter().any(|secret| sees(secret, actor));
            if theirs {
                continue;
            }
            cells += 1;
            let (empty, full) = (
                before.app.rest(actor, Method::GET, path, "").await,
                after.app.rest(actor, Method::GET, path, "").await,
            );
            assert_eq!(empty, full, "{actor} {path}");
        }
    }
    assert!(cells >= 30, "{cells}");
    before.app.shut_down().await;
    after.app.shut_down().await;
}

/// What each socket of each person has seen.
struct Listeners(BTreeMap<String, Socket>);

impl Listeners {
    /// Two tabs of everybody who may join.
    async fn new(app: &App) -> Self {
        let mut sockets = BTreeMap::new();
        for actor in ACTORS.into_iter().filter(|actor| !["hanna", "otto", "server", "nobody"].contains(actor))
        {
            for tab in 1..=2 {
                let mut socket = app.socket_of(actor).await;
                let join = r#"{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby","presence":false}}"#;
                let joined = socket.call(join).await;
                assert!(joined["result"].is_object(), "{joined}");
                sockets.insert(format!("{actor} {tab}"), socket);
            }
        }
        for actor in ["hanna", "otto"] {
            sockets.insert(format!("{actor} 1"), app.socket_of(actor).await);
        }
        Self(sockets)
    }

    async fn heard(&mut self) -> BTreeMap<String, String> {
        let mut heard = BTreeMap::new();
        for (name, socket) in &mut self.0 {
            heard.insert(name.clone(), socket.drain(Duration::from_millis(120)).await.join("\n"));
        }
        heard
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_hear_only_what_is_theirs_in_every_tab() {
    let mut world = World::new().await;
    let mut listeners = Listeners::new(&world.app).await;
    world.write_secrets().await;
    let heard = listeners.heard().await;
    let mut cells = 0;
    for (name, frames) in &heard {
        let actor = name.split(' ').next().unwrap();
        for secret in &world.secrets {
            cells += 1;
            assert_eq!(traces(frames, secret), sees(secret, actor), "posted: {name} [{}]", secret.word);
        }
    }
    // What happens to a message is as private as the message.
    for secret in &world.secrets {
        let message = secret.id;
        let text = |text: &str| vec![Part::Text { text: text.into(), format: TextFormat::Plain }];
        for (act, write) in [
            ("edit", Write::Edit { message, parts: text("edited"), mentions: Vec::new() }),
            ("react", Write::React { message, emoji: "x".into() }),
            ("unreact", Write::Unreact { message, emoji: "x".into() }),
            ("pin", Write::Pin { message }),
            ("unpin", Write::Unpin { message }),
            ("delete", Write::Delete { message }),
        ] {
            // Whoever is in no group of that name cannot touch it either; that is no matter of listeners.
            let _ = world.app.service.write(&world.mona(), &world.room, write).await;
            let _ = act;
        }
    }
    let heard = listeners.heard().await;
    for (name, frames) in &heard {
        let actor = name.split(' ').next().unwrap();
        for secret in &world.secrets {
            cells += 6;
            if !sees(secret, actor) {
                assert!(
                    !frames.contains(&secret.id.to_string()),
                    "touched: {name} [{}]: {frames}",
                    secret.word
                );
            }
        }
    }
    // Nothing of the kind for whom none of it is, not even an empty frame.
    for name in ["vera 1", "vera 2", "hanna 1", "otto 1", "olga 1", "carla 2", "mute 1"] {
        assert_eq!(heard[name], "", "{name}");
    }
    // One tab that resumes gets what is its user's and no more (bigbluebutton#9704).
    for (name, socket) in &mut listeners.0 {
        let actor = name.split(' ').next().unwrap();
        let position =
            format!("{:016x}-0", world.app.service.room(&world.mona(), &world.room).await.unwrap().epoch.0);
        for join in [format!(r#""position":"{position}""#), r#""unread":true,"pinned":true"#.to_owned()] {
            let request = format!(
                r#"{{"jsonrpc":"2.0","id":2,"method":"room.join","params":{{"room":"lobby","presence":false,{join}}}}}"#
            );
            let joined = socket.call(&request).await.to_string();
            for secret in &world.secrets {
                cells += 1;
                let shows = joined.contains(&secret.id.to_string());
                assert!(!shows || sees(secret, actor), "resumed: {name} [{}]: {joined}", secret.word);
                assert!(
                    shows || !sees(secret, actor) || join.contains("pinned"),
                    "missing: {name} [{}]",
                    secret.word
                );
            }
        }
    }
    assert!(cells >= 2_000, "{cells}");
    world.app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_and_typing_reach_only_whom_they_are_for() {
    let world = World::new().await;
    let mut listeners = Listeners::new(&world.app).await;
    let mut connections = BTreeMap::new();
    let (_, there) = world.app.rest("server", Method::GET, "/rooms/lobby/connections", "").await;
    for presence in there["connections"].as_array().unwrap() {
        let user = presence["user"].as_str().unwrap().to_owned();
        connections.entry(user).or_insert_with(|| presence["connection"].as_str().unwrap().to_owned());
    }
    let bobs = &connections["bob"];
    let audiences = [
        (r#"{"type":"users","users":["bob"]}"#.to_owned(), vec!["bob 1", "bob 2"]),
        (r#"{"type":"group","group":"staff"}"#.to_owned(), vec!["dora 1", "dora 2", "greg 1", "greg 2"]),
        // One tab is not the other.
        (format!(r#"{{"type":"connections","connections":["{bobs}"]}}"#), vec!["bob 1"]),
    ];
    for (number, (audience, hearers)) in audiences.iter().enumerate() {
        let signal = format!(r#"{{"type":"nudge","data":"secret {number}","to":{audience}}}"#);
        let (status, answer) = world.app.rest("server", Method::POST, "/rooms/lobby/signals", &signal).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        for (name, frames) in listeners.heard().await {
            let hears = frames.contains(&format!("secret {number}"));
            assert_eq!(hears, hearers.contains(&&*name), "signal {number}: {name} {frames}");
        }
    }
    let typing = r#"{"active":true,"audience":{"type":"users","users":["bob"]}}"#;
    assert_eq!(world.app.rest("alice", Method::POST, "/rooms/lobby/typing", typing).await.0, StatusCode::OK);
    let receipt = r#"{"seq":0,"audience":{"type":"users","users":["bob"]}}"#;
    let (status, answer) = world.app.rest("carol", Method::PUT, "/rooms/lobby/receipt", receipt).await;
    assert_eq!((status, &answer["seq"]), (StatusCode::OK, &Value::from(0)));
    for (name, frames) in listeners.heard().await {
        let actor = name.split(' ').next().unwrap();
        assert_eq!(
            frames.contains("\"typing\""),
            ["alice", "bob"].contains(&actor),
            "typing: {name} {frames}"
        );
        assert_eq!(frames.contains("\"receipt.set\""), actor == "carol", "receipt: {name} {frames}");
    }
    world.app.shut_down().await;
}
