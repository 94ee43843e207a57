//! Messages, signals and who they are for.

use std::sync::Arc;

use uuid::Uuid;

use super::{ClientId, ConnectionId, Dialect, GroupName, MessageId, Seq, SignalType, Timestamp, UserId};

/// A durable message, as it is now (edits, pins and reactions applied).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its name for ever.
    pub id: MessageId,
    /// Its place in the room's order: the number of the log entry that posted it.
    pub seq: Seq,
    /// Who sent it, as they were then.
    pub sender: Sender,
    /// Who may see it.
    pub audience: Audience,
    /// The connection among its audience's users that it was addressed to, by a dialect in which each connection is a person
    /// of its own. Its audience may see it all the same: see [`access::is_meant_for`](crate::access::is_meant_for).
    pub addressee: Option<ConnectionId>,
    /// What it says: 1..n parts; empty once deleted.
    pub parts: Vec<Part>,
    /// The users that it mentions.
    pub mentions: Vec<UserId>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The signal type that it was sent under, if it came as a signal.
    pub label: Option<SignalType>,
    /// The sender's own id of this send.
    pub client_id: Option<ClientId>,
    /// When it was committed.
    pub posted_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted; the message is a tombstone from then on.
    pub deleted_at: Option<Timestamp>,
    /// Whether and by whom it is pinned.
    pub pin: Option<Pin>,
    /// The emoji under it, in the order of their first use.
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// Whether its content is gone.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The text parts, joined by line feeds; empty if there are none.
    pub fn text(&self) -> String {
        text_of(&self.parts)
    }
}

/// The text parts of `parts`, joined by line feeds.
pub fn text_of(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(&**text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Who did something, as they were at that time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    /// The user; `None` for the project's own server.
    pub user: Option<UserId>,
    /// The display name.
    pub name: Arc<str>,
    /// The connection that it came by, if it came by one.
    pub connection: Option<ConnectionId>,
    /// The dialect that it came by; `None` for what operators do.
    pub dialect: Option<Dialect>,
}

/// One piece of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Words.
    Text {
        /// The words, UTF-8.
        text: Arc<str>,
        /// How to read them.
        format: TextFormat,
    },
    /// A picture that can be shown in place.
    Image(FileRef),
    /// Any other file.
    File(FileRef),
    /// The host application's own data: a JSON text, checked by the face that took it.
    Custom(Arc<str>),
}

/// How a text is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TextFormat {
    /// As it stands.
    #[default]
    Plain,
    /// The markdown subset: emphasis, code, links, lists, quotes.
    Markdown,
}

/// A stored file that a message shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRef {
    /// The file's id in the file store.
    pub id: Uuid,
    /// The name that its uploader gave it.
    pub name: Arc<str>,
    /// The media type found from its bytes.
    pub media_type: Arc<str>,
    /// Its size.
    pub bytes: u64,
    /// Width and height in pixels, of images.
    pub pixels: Option<(u32, u32)>,
}

/// A pin on a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin {
    /// Who pinned it; `None` for the project's own server.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// One emoji under a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// The emoji, or any short text.
    pub emoji: Arc<str>,
    /// Who chose it, in order.
    pub users: Vec<UserId>,
}

/// Who may see something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Audience {
    /// Everybody in the room.
    Room,
    /// The people in a group.
    Group(GroupName),
    /// These users, sorted and without doubles; the sender is one of them.
    Users(Arc<[UserId]>),
    /// These connections, sorted and without doubles. For signals only.
    Connections(Arc<[ConnectionId]>),
}

impl Audience {
    /// The audience of these users; sorts them and drops doubles.
    pub fn users(users: impl IntoIterator<Item = UserId>) -> Self {
        let mut users: Vec<_> = users.into_iter().collect();
        users.sort_unstable();
        users.dedup();
        Self::Users(users.into())
    }

    /// The audience of these connections; sorts them and drops doubles.
    pub fn connections(connections: impl IntoIterator<Item = ConnectionId>) -> Self {
        let mut connections: Vec<_> = connections.into_iter().collect();
        connections.sort_unstable();
        connections.dedup();
        Self::Connections(connections.into())
    }
}

/// A message that somebody wants to post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The sender's own id of this send; makes a retry harmless.
    pub client_id: Option<ClientId>,
    /// Who shall see it. The sender is added to a set of users.
    pub audience: Audience,
    /// The connection that it is addressed to, if it is for users.
    pub addressee: Option<ConnectionId>,
    /// What it says.
    pub parts: Vec<Part>,
    /// The users that it mentions.
    pub mentions: Vec<UserId>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The signal type that it came under.
    pub label: Option<SignalType>,
}

impl Draft {
    /// A plain text to the room.
    pub fn text(text: &str) -> Self {
        Self {
            client_id: None,
            audience: Audience::Room,
            addressee: None,
            parts: vec![Part::Text { text: text.into(), format: TextFormat::Plain }],
            mentions: Vec::new(),
            reply_to: None,
            label: None,
        }
    }
}

/// An ephemeral typed event: delivered to who is there, never stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// Its type, if it has one.
    pub kind: Option<SignalType>,
    /// What it carries.
    pub data: SignalData,
    /// Who gets it.
    pub to: Audience,
}

impl Signal {
    /// Whether it carries nothing, or nothing but blanks: no message is made of that.
    pub fn is_empty(&self) -> bool {
        match &self.data {
            SignalData::Text(text) => text.trim().is_empty(),
            SignalData::Json(json) => &**json == "null",
        }
    }
}

/// What a signal carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignalData {
    /// A text.
    Text(Arc<str>),
    /// Any other JSON value, as its JSON text.
    Json(Arc<str>),
}
