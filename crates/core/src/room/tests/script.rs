//! Plays a script against the rules through [`execute`], on a log in memory.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use expect_test::Expect;
use uuid::Uuid;

use crate::command::Write;
use crate::event::{Entry, Event};
use crate::limits::Limits;
use crate::model::{
    Actor, Audience, ClientId, ConnectionId, Dialect, Draft, Epoch, GroupName, Identity, Labels, Member,
    Membership, Message, MessageId, Part, Pin, Principal, PrivateChat, ProjectId, Reaction, Role, RoomKey,
    RoomKind, RoomName, RoomSettings, Seq, Signal, SignalData, TextFormat, Timestamp, UserId,
};
use crate::ports::RoomTx;
use crate::refusal::{Failure, Refusal, Unavailable};
use crate::room::Room;
use crate::roster::{Arrival, Roster, Utterance};
use crate::transaction::{Fingerprint, Sent, Submission, WriteResult, execute};

#[track_caller]
pub(crate) fn check(script: &str, transcript: &Expect) {
    transcript.assert_eq(&play(RoomKind::Session, "", script));
}

/// A direct room of alice and bob.
#[track_caller]
pub(crate) fn check_direct(script: &str, transcript: &Expect) {
    transcript.assert_eq(&play(RoomKind::Direct, "alice bob", script));
}

#[track_caller]
pub(crate) fn check_group(members: &str, script: &str, transcript: &Expect) {
    transcript.assert_eq(&play(RoomKind::Group, members, script));
}

fn play(kind: RoomKind, members: &str, script: &str) -> String {
    let mut stage = Stage::new(kind, members);
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |mut transcript, line| {
        if let Some(seconds) = line.strip_prefix('+') {
            let seconds = seconds.trim_end_matches('s').parse().expect("seconds");
            stage.now = stage.now.plus(Duration::from_secs(seconds));
        } else {
            writeln!(transcript, "{}", stage.line(line)).expect("strings take everything");
        }
        transcript
    })
}

struct Stage {
    room: Room,
    log: Log,
    now: Timestamp,
    live_roles: Vec<(UserId, Role)>,
    roster: Roster,
}

impl Stage {
    fn new(kind: RoomKind, members: &str) -> Self {
        let joined = Member { membership: Some(Membership::Joined), ..Member::default() };
        let room = Room {
            key: RoomKey {
                project: ProjectId::new(1).expect("a valid key"),
                name: RoomName::new("room").expect("a valid name"),
            },
            kind,
            epoch: Epoch(1),
            head: Seq::ZERO,
            last_at: Timestamp::default(),
            created_at: Timestamp::default(),
            settings: RoomSettings::default(),
            labels: Labels::default(),
            members: members.split_whitespace().map(|name| (user(name), joined.clone())).collect(),
        };
        let now = Timestamp::from_micros(1_000_000_000);
        Self { room, log: Log::default(), now, live_roles: Vec::new(), roster: Roster::default() }
    }

    fn line(&mut self, line: &str) -> String {
        let (who, wish) = line.split_once(": ").unwrap_or_else(|| panic!("no actor in {line:?}"));
        let principal = self.principal(who);
        match wish.split_once(' ').unwrap_or((wish, "")) {
            ("come", number) => return self.come(&principal, connection(number)),
            ("signal", to) => return self.signal(&principal, to, false),
            ("chat", to) => return self.signal(&principal, to, true),
            _ => {}
        }
        let write = self.write(wish);
        let submission = Submission {
            principal,
            write,
            now: self.now,
            message_id: MessageId::from_uuid(Uuid::from_u128(u128::from(self.room.head.next().0))),
            live_roles: self.live_roles.clone(),
            limits: Arc::new(small_limits()),
        };
        let before = self.room.clone();
        let result = now(execute(&mut self.log, &mut self.room, &submission));
        match result {
            Ok(written) => match written.result {
                WriteResult::Appended(entry) => show(&entry),
                WriteResult::Repeated(sent) => format!("= {} again", sent.seq),
                WriteResult::Unchanged { .. } => "= unchanged".to_owned(),
            },
            Err(failure) => {
                assert_eq!(before, self.room, "a refusal must change nothing");
                let Failure::Refused(refusal) = failure else { panic!("{failure:?}") };
                refused(&refusal)
            }
        }
    }

    fn come(&mut self, who: &Principal, connection: ConnectionId) -> String {
        let Actor::User(identity) = &who.actor else { panic!("the server is nowhere") };
        let (identity, role) = (identity.clone(), identity.role);
        let arrival =
            Arrival { connection, identity, role, dialect: Dialect::new("native"), client_data: "".into() };
        format!("~ here as {}", self.roster.arrive(self.now, arrival).role.name())
    }

    fn signal(&mut self, who: &Principal, to: &str, is_chat: bool) -> String {
        let signal = Signal { kind: None, data: SignalData::Text("hi".into()), to: self.audience(to) };
        let outcome = self.room.admit(self.now, who).and_then(|standing| {
            let limits = small_limits();
            let (room, roster, now) = (&self.room, &self.roster, self.now);
            let utterance = Utterance { room, roster, now, who, standing: &standing, limits: &limits };
            utterance.check_signal(&signal, is_chat)
        });
        outcome.map_or_else(|refusal| refused(&refusal), |()| "~ goes out".to_owned())
    }

    fn principal(&mut self, who: &str) -> Principal {
        let project = self.room.key.project;
        if who == "server" {
            return Principal::server(project, None);
        }
        let (name, role) = self.person(who);
        let identity = Identity {
            user: name.clone(),
            name: name.as_str().into(),
            avatar: None,
            role,
            groups: Arc::default(),
            data: "".into(),
            rooms: None,
            issued_at: None,
            expires_at: None,
        };
        Principal { project, actor: Actor::User(Arc::new(identity)), connection: None, dialect: None }
    }

    /// Reads a name with its role's mark, and remembers the role as that of a token of somebody present.
    fn person(&mut self, marked: &str) -> (UserId, Role) {
        let role = match marked.chars().last() {
            Some('!') => Role::Owner,
            Some('*') => Role::Moderator,
            Some('~') => Role::Guest,
            Some('?') => Role::Viewer,
            _ => Role::Member,
        };
        let name = user(marked.trim_end_matches(['!', '*', '~', '?']));
        if role != Role::Member {
            self.live_roles.retain(|(known, _)| *known != name);
            self.live_roles.push((name.clone(), role));
        }
        (name, role)
    }

    fn write(&mut self, wish: &str) -> Write {
        let (verb, rest) = wish.split_once(' ').unwrap_or((wish, ""));
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let message = || MessageId::from_uuid(Uuid::from_u128(first.parse().expect("a seq")));
        let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
        match verb {
            "post" => Write::Post(self.draft(rest, None)),
            "reply" => Write::Post(self.draft(after, Some(message()))),
            "edit" => Write::Edit { message: message(), parts: text(after), mentions: Vec::new() },
            "delete" => Write::Delete { message: message() },
            "pin" => Write::Pin { message: message() },
            "unpin" => Write::Unpin { message: message() },
            "react" => Write::React { message: message(), emoji: after.into() },
            "unreact" => Write::Unreact { message: message(), emoji: after.into() },
            "enable" => Write::SetChatEnabled(true),
            "disable" => Write::SetChatEnabled(false),
            "clear" => Write::ClearHistory(self.audience(rest)),
            "slow" => Write::SetSlowMode(seconds(first)),
            "private" => Write::SetPrivateChat(match first {
                "off" => PrivateChat::Off,
                "with_moderators" => PrivateChat::WithModerators,
                _ => PrivateChat::Everyone,
            }),
            "mute" => Write::Mute { user: self.person(first).0, duration: seconds(after) },
            "unmute" => Write::Unmute { user: user(first) },
            "kick" => Write::Kick { user: self.person(first).0 },
            "ban" => Write::Ban { user: self.person(first).0, duration: seconds(after) },
            "unban" => Write::Unban { user: user(first) },
            "role" => Write::SetRole { user: user(first), role: Role::from_name(after) },
            "groups" => Write::SetGroups { user: user(first), groups: after.split(' ').map(group).collect() },
            "invite" => Write::Invite { user: user(first) },
            "add" => Write::AddMember { user: user(first) },
            "accept" => Write::AcceptInvitation,
            "leave" => Write::LeaveRoom,
            verb => panic!("unknown verb {verb:?}"),
        }
    }

    fn draft(&mut self, rest: &str, reply_to: Option<MessageId>) -> Draft {
        let mut draft = Draft { reply_to, ..Draft::text("") };
        let mut rest = rest;
        while let Some((mark, after)) =
            rest.split_once(' ').filter(|(word, _)| word.starts_with(['@', '#', '/', '>']))
        {
            match mark.split_at(1) {
                ("/", id) => draft.client_id = Some(ClientId::new(id).expect("a valid id")),
                (">", number) => draft.addressee = Some(connection(number)),
                _ => draft.audience = self.audience(mark),
            }
            rest = after;
        }
        draft.parts = text(rest);
        draft
    }

    fn audience(&mut self, mark: &str) -> Audience {
        match mark.split_at_checked(1) {
            Some(("@", names)) => {
                let names: Vec<_> = names.split(',').filter(|name| !name.is_empty()).collect();
                Audience::users(names.into_iter().map(|name| self.person(name).0))
            }
            Some(("#", name)) => Audience::Group(group(name)),
            Some((">", numbers)) => Audience::connections(numbers.split(',').map(connection)),
            _ => Audience::Room,
        }
    }
}

/// Bounds that a script can reach.
fn small_limits() -> Limits {
    Limits { audience_max: 3, room_members_max: 6, ..Limits::default() }
}

fn refused(refusal: &Refusal) -> String {
    format!("x {}: {refusal}", refusal.code())
}

fn user(name: &str) -> UserId {
    UserId::new(name.trim_end_matches(['!', '*', '~', '?'])).expect("a valid id")
}

fn connection(number: &str) -> ConnectionId {
    ConnectionId::from_uuid(Uuid::from_u128(number.parse().expect("a number")))
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a valid name")
}

fn text(text: &str) -> Vec<Part> {
    vec![Part::Text { text: text.into(), format: TextFormat::Plain }]
}

fn show(entry: &Entry) -> String {
    let by = entry.by.user.as_ref().map_or("server", |user| user.as_str());
    let audience = match &entry.audience {
        Audience::Room => String::new(),
        Audience::Group(group) => format!(" to #{group}"),
        Audience::Users(users) => {
            format!(" to @{}", users.iter().map(UserId::as_str).collect::<Vec<_>>().join(","))
        }
        Audience::Connections(_) => panic!("an entry is never for connections"),
    };
    let what = match &entry.event {
        Event::MessagePosted(message) => format!("posted {:?}", message.text()),
        Event::MessageEdited { target, parts, .. } => {
            format!("edited {} {:?}", target.seq, crate::model::text_of(parts))
        }
        Event::MessageDeleted(target) => format!("deleted {}", target.seq),
        Event::MessagePinned(target) => format!("pinned {}", target.seq),
        Event::MessageUnpinned(target) => format!("unpinned {}", target.seq),
        Event::ReactionAdded { target, emoji } => format!("reacted {emoji} to {}", target.seq),
        Event::ReactionRemoved { target, emoji } => format!("took {emoji} from {}", target.seq),
        event => format!("{event:?}"),
    };
    format!("{} {by}{audience}: {what}", entry.seq)
}

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a log in memory never waits"),
    }
}

#[derive(Default)]
struct Log {
    messages: HashMap<MessageId, Message>,
    sent: HashMap<(Option<UserId>, ClientId), Sent>,
}

impl RoomTx for Log {
    async fn message(&mut self, id: MessageId) -> Result<Option<Message>, Unavailable> {
        Ok(self.messages.get(&id).cloned())
    }

    async fn sent(
        &mut self,
        user: Option<&UserId>,
        client_id: &ClientId,
    ) -> Result<Option<Sent>, Unavailable> {
        Ok(self.sent.get(&(user.cloned(), client_id.clone())).cloned())
    }

    async fn last_post_at(
        &mut self,
        user: &UserId,
        not_before: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let own = self.messages.values().filter(|message| message.sender.user.as_ref() == Some(user));
        Ok(own.map(|message| message.posted_at).max().filter(|at| *at >= not_before))
    }

    async fn append(&mut self, entry: &Entry, fingerprint: Option<Fingerprint>) -> Result<(), Unavailable> {
        if let Event::MessagePosted(message) = &entry.event {
            if let (Some(client_id), Some(fingerprint)) = (&message.client_id, fingerprint) {
                let sent = Sent { id: message.id, seq: entry.seq, at: entry.at, fingerprint };
                self.sent.insert((entry.by.user.clone(), client_id.clone()), sent);
            }
            self.messages.insert(message.id, (**message).clone());
        }
        let target = match &entry.event {
            Event::MessageEdited { target, .. }
            | Event::ReactionAdded { target, .. }
            | Event::ReactionRemoved { target, .. } => target,
            Event::MessageDeleted(target) | Event::MessagePinned(target) | Event::MessageUnpinned(target) => {
                target
            }
            _ => return Ok(()),
        };
        let message = self.messages.get_mut(&target.id).expect("the rules have seen it");
        match &entry.event {
            Event::MessageEdited { parts, .. } => message.parts.clone_from(parts),
            Event::MessageDeleted(_) => message.deleted_at = Some(entry.at),
            Event::MessagePinned(_) => message.pin = Some(Pin { by: entry.by.user.clone(), at: entry.at }),
            Event::MessageUnpinned(_) => message.pin = None,
            Event::ReactionAdded { emoji, .. } => {
                let user = entry.by.user.clone().expect("a user reacts");
                match message.reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) {
                    Some(reaction) => reaction.users.push(user),
                    None => message.reactions.push(Reaction { emoji: emoji.clone(), users: vec![user] }),
                }
            }
            Event::ReactionRemoved { emoji, .. } => {
                for reaction in message.reactions.iter_mut().filter(|reaction| reaction.emoji == *emoji) {
                    reaction.users.retain(|user| Some(user) != entry.by.user.as_ref());
                }
                message.reactions.retain(|reaction| !reaction.users.is_empty());
            }
            _ => {}
        }
        Ok(())
    }
}
