//! Who sees what (RELIABILITY row 29), by this dialect's paths: every actor × every way to look × every audience. A cell is a leak
//! if an actor who is not among the audience gets a trace of a message: its text, its id, or an author of whom nothing else tells.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::model::{
    Actor, Audience, ConnectionId, Draft, GroupName, Identity, MessageId, Principal, Role, RoomName, UserId,
};
use sidetalk_core::transaction::WriteResult;

use crate::app::{App, Room};
use crate::member::Member;

const A: &str = "/t/a";
const B: &str = "/t/b";

/// Who looks, with their groups. `alice` owns the room and moderates; guests have no account.
const ACTORS: [(&str, &[&str]); 6] =
    [("alice", &[A]), ("bob", &[A, B]), ("carl", &[B]), ("dora", &[]), ("gina", &[]), ("gus", &[])];

struct Secret {
    word: String,
    author: String,
    id: MessageId,
    seen_by: Vec<&'static str>,
}

struct World {
    app: App,
    room: Room,
    tokens: BTreeMap<&'static str, String>,
    here: BTreeMap<&'static str, Member>,
    secrets: Vec<Secret>,
}

impl World {
    async fn new(prefix: &str) -> Self {
        let app = App::new().await;
        let mut tokens = BTreeMap::new();
        for (name, groups) in ACTORS.iter().filter(|(name, _)| !name.starts_with('g')) {
            tokens.insert(*name, app.user(name, groups).await);
        }
        let room = app.room(&tokens["alice"], json!({})).await;
        let mut here = BTreeMap::new();
        for (name, _) in ACTORS {
            let token = tokens.get(name).map(String::as_str);
            here.insert(name, app.member_below(prefix, &room, token, name).await);
        }
        Self { app, room, tokens, here, secrets: Vec::new() }
    }

    /// The user behind an actor: a guest is called like the participant.
    fn user(&self, actor: &str) -> UserId {
        UserId::new(if self.tokens.contains_key(actor) { actor } else { &self.here[actor].id }).unwrap()
    }

    fn connection(&self, actor: &str) -> ConnectionId {
        ConnectionId::from_uuid(uuid::Uuid::try_parse(&self.here[actor].id).unwrap())
    }

    /// One message for each audience, by people of other dialects, each of whom says nothing else.
    async fn write_secrets(&mut self) {
        let group = |name: &str| Audience::Group(GroupName::new(name).unwrap());
        let mut audiences = vec![
            ("a".to_owned(), group(A), vec!["alice", "bob"]),
            ("b".to_owned(), group(B), vec!["bob", "carl"]),
            // A name that begins like others.
            ("t".to_owned(), group("/t"), vec![]),
        ];
        for (name, _) in ACTORS {
            audiences.push((format!("to{name}"), Audience::users([self.user(name)]), vec![name]));
        }
        let (bob, gina) = (self.user("bob"), self.user("gina"));
        audiences.push(("totwo".to_owned(), Audience::users([bob, gina]), vec!["bob", "gina"]));
        audiences.push(("tonobody".to_owned(), Audience::users([UserId::new("nobody").unwrap()]), vec![]));
        let mut secrets: Vec<_> = audiences.into_iter().map(|secret| (secret, None)).collect();
        for (name, _) in ACTORS {
            // Addressed to a participant of theirs, and to one who is not of the audience.
            for (word, addressee) in [("at", name), ("astray", if name == "gus" { "dora" } else { "gus" })] {
                let audience = Audience::users([self.user(name)]);
                secrets.push((
                    (format!("{word}{name}"), audience, vec![name]),
                    Some(self.connection(addressee)),
                ));
            }
        }
        for (number, ((word, audience, seen_by), addressee)) in (1_u128..).zip(secrets) {
            let author = format!("mona{word}");
            let draft = Draft { audience, addressee, ..Draft::text(&format!("the word is {word}.")) };
            let id = self.post(&author, number, draft).await;
            self.secrets.push(Secret { word, author, id, seen_by });
        }
    }

    async fn post(&self, author: &str, number: u128, draft: Draft) -> MessageId {
        let identity = Identity {
            user: UserId::new(author).unwrap(),
            name: author.into(),
            avatar: None,
            role: Role::Owner,
            groups: [A, B, "/t"].map(|group| GroupName::new(group).unwrap()).into(),
            data: "".into(),
            rooms: None,
            issued_at: None,
            expires_at: None,
        };
        let who = Principal {
            project: self.app.kit.project.id,
            actor: Actor::User(identity.into()),
            connection: Some(ConnectionId::from_uuid(uuid(number))),
            dialect: None,
        };
        let name = RoomName::new(&self.room.id).unwrap();
        let written = self.app.kit.service.write(&who, &name, Write::Post(draft)).await.unwrap();
        let WriteResult::Appended(entry) = written.result else { panic!("new") };
        let sidetalk_core::event::Event::MessagePosted(message) = &entry.event else { panic!("a post") };
        message.id
    }

    /// Somebody else of that actor's: another tab, or for a guest, who cannot have one, a stranger.
    async fn another(&self, prefix: &str, actor: &str) -> Member {
        let token = self.tokens.get(actor).map(String::as_str);
        self.app.member_below(prefix, &self.room, token, actor).await
    }
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(0xdead_0000 + number)
}

fn sees(secret: &Secret, actor: &str) -> bool {
    secret.seen_by.contains(&actor)
}

/// Traces of a message.
fn traces(text: &str, secret: &Secret) -> bool {
    text.contains(&format!("the word is {}.", secret.word))
        || text.contains(&secret.id.to_string())
        || text.contains(&format!("\"{}\"", secret.author))
}

#[derive(Default)]
struct Matrix {
    cells: usize,
    seen: usize,
    leaks: Vec<String>,
}

impl Matrix {
    fn look(&mut self, path: &str, actor: &str, may: bool, text: &str, secret: &Secret) {
        self.cells += 1;
        match (traces(text, secret), may) {
            (true, true) => self.seen += 1,
            (true, false) => self.leaks.push(format!("{path}: {actor} [{}]: {text:.2000}", secret.word)),
            (false, _) => {}
        }
    }

    fn all(&mut self, path: &str, actor: &str, text: &str, secrets: &[Secret]) {
        for secret in secrets {
            self.look(path, actor, sees(secret, actor), text, secret);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_what_is_not_theirs() {
    let mut matrix = Matrix::default();
    for prefix in ["", "/chunked"] {
        let mut world = World::new(prefix).await;
        for member in world.here.values_mut() {
            member.settled().await;
        }
        world.write_secrets().await;
        let World { here, secrets, .. } = &mut world;
        let ids: Vec<String> = here.values().map(|member| member.id.clone()).collect();
        for (actor, member) in here.iter_mut() {
            member.hears_echo().await;
            let frames = Value::from(member.frames().await).to_string();
            matrix.all("live", actor, &frames, secrets);
        }
        // Everything that can be asked for, also what is another one's.
        let mut targets =
            vec![("global", None), ("group", Some(A.to_owned())), ("group", Some(B.to_owned()))];
        targets.push(("group", Some("/t".to_owned())));
        targets.extend(ids.iter().map(|id| ("private", Some(id.clone()))));
        targets.extend((1..32).map(|number| ("private", Some(uuid(number).to_string()))));
        for (actor, member) in here.iter_mut() {
            for (scope, target) in &targets {
                for command in [
                    json!({ "action": "get_history_chunk", "message_index": 0 }),
                    json!({ "action": "search_history", "term": "the word" }),
                    json!({ "action": "search_history", "term": "the word", "message_index": 0 }),
                ] {
                    let mut command = command;
                    command["scope"] = json!(scope);
                    command["target"] = json!(target);
                    member.say("chat", command).await;
                }
                let mark = json!({ "scope": scope, "target": target, "timestamp": "2030-01-01T00:00:00Z" });
                let mut mark = mark;
                mark["action"] = json!("set_last_seen_timestamp");
                member.say("chat", mark).await;
            }
            member.hears_echo().await;
            let frames = Value::from(member.frames().await).to_string();
            matrix.all("asked", actor, &frames, secrets);
        }
        // Who comes: in another tab, after a break, and after the process has begun anew.
        for (actor, _) in ACTORS {
            let other = world.another(prefix, actor).await;
            // A guest has no other tab: this is somebody new.
            for secret in &world.secrets {
                let may = sees(secret, actor) && !actor.starts_with('g');
                matrix.look("join", actor, may, &other.joined.to_string(), secret);
            }
        }
        for (actor, _) in ACTORS {
            let mut member = world.here.remove(actor).unwrap();
            let heard = Value::from(member.frames().await).to_string();
            matrix.all("others came", actor, &heard, &world.secrets);
        }
        let World { app, room, tokens, secrets, .. } = world;
        let app = app.restart().await;
        for (actor, _) in ACTORS {
            let token = tokens.get(actor).map(String::as_str);
            let back = app.member_below(prefix, &room, token, actor).await;
            for secret in &secrets {
                let may = sees(secret, actor) && !actor.starts_with('g');
                matrix.look("restarted", actor, may, &back.joined.to_string(), secret);
            }
        }
        // HTTP tells nothing of messages.
        for (actor, token) in &tokens {
            for path in ["", "/event", "/tariff", "/invites"] {
                let path = format!("/v1/rooms/{}{path}", room.id);
                let text = app.bearer("GET", &path, token, Value::Null).await.text;
                for secret in &secrets {
                    matrix.look("http", actor, false, &text, secret);
                }
            }
        }
    }
    let Matrix { cells, seen, leaks } = matrix;
    assert!(leaks.is_empty(), "{} leaks in {cells} cells: {leaks:#?}", leaks.len());
    assert!(cells >= 1_000, "{cells}");
    // The looking works: those who may see do.
    assert!(seen >= 60, "{seen} of {cells}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_private_does_not_change_what_others_are_told() {
    let (quiet, mut loud) = (World::new("").await, World::new("").await);
    loud.write_secrets().await;
    for actor in ["dora", "gina", "gus"] {
        let (before, after) = (quiet.another("", actor).await, loud.another("", actor).await);
        let counted = |member: &Member| {
            let chat = &member.joined["chat"];
            let private: Vec<_> = chat["private_history"].as_array().unwrap().clone();
            (
                member.participants().len(),
                chat["room_history"].clone(),
                chat["groups_history"].clone(),
                private.len(),
            )
        };
        let expected = if actor == "dora" { 3 } else { 0 };
        let (mut before, after) = (counted(&before), counted(&after));
        before.0 += expected;
        before.3 += expected;
        assert_eq!(before, after, "{actor}");
    }
}
