//! What the core needs from the outside: clock, chance, store, fan-out, and the way to a connection.
//!
//! Each port says what it promises; the contract suites test the promises on every engine.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::event::{Entry, Happening, LeaveReason, MessageRef, Moment, Sight, Sitting};
use crate::model::{
    Audience, ClientId, Dialect, Epoch, GroupName, Message, MessageId, Mute, Presence, ProjectId, RoomKey,
    RoomKind, RoomName, RoomSpec, Seq, SignalType, Timestamp, UserId, Viewer,
};
use crate::refusal::{Failure, Unavailable};
use crate::room::Room;
use crate::transaction::{Fingerprint, Sent, Submission, Written};

mod around;

pub use around::Around;

/// A future that a port's method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells server time.
pub trait Clock: Send + Sync + 'static {
    /// The moment. May stand still or jump; rooms keep their own times rising.
    fn now(&self) -> Timestamp;
}

/// Gives chance.
pub trait Entropy: Send + Sync + 'static {
    /// 128 unpredictable bits.
    fn bits(&self) -> u128;
}

/// What an engine offers to [`transaction::execute`](crate::transaction::execute) while it holds one room's right to
/// write. Reads see the appends made before them in the same transaction.
pub trait RoomTx: Send {
    /// The message of that id in this room, tombstones included.
    fn message(&mut self, id: MessageId)
    -> impl Future<Output = Result<Option<Message>, Unavailable>> + Send;
    /// What that user (`None`: the server) posted under that client id in this room, at least within the dedup window.
    fn sent(
        &mut self,
        user: Option<&UserId>,
        client_id: &ClientId,
    ) -> impl Future<Output = Result<Option<Sent>, Unavailable>> + Send;
    /// When that user last posted in this room, if that was at or after `not_before`.
    fn last_post_at(
        &mut self,
        user: &UserId,
        not_before: Timestamp,
    ) -> impl Future<Output = Result<Option<Timestamp>, Unavailable>> + Send;
    /// Appends the entry and takes it into the stored messages, members and settings. `fingerprint` belongs to posts
    /// with a client id.
    fn append(
        &mut self,
        entry: &Entry,
        fingerprint: Option<Fingerprint>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The durable truth: all ports of a storage engine together.
pub trait Store: LogStore + RoomStore + ProjectStore + RecordStore + Upkeep {}
impl<T: LogStore + RoomStore + ProjectStore + RecordStore + Upkeep> Store for T {}

/// Rooms' logs.
///
/// Promises: a write that was answered is on the disk (full sync); entries of a room are numbered 1, 2, 3…; what a failed
/// write did is undone; the committed entries of a room reach the [`CommitSink`] in order, each once, after the commit and
/// before the answer; every read applies the audience rule of [`access`](crate::access) inside the engine.
pub trait LogStore: Send + Sync + 'static {
    /// Runs the submission as the next write of the room. The room must exist ([`RoomStore::open`]); one that does not is
    /// refused as gone.
    fn write(&self, room: &RoomKey, submission: Submission) -> BoxFuture<'_, Result<Written, Failure>>;
    /// A page of messages, ascending by seq; tombstones are in it, cleared messages are not.
    fn page(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &PageRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>>;
    /// The entries after `after` that the viewer may see, ascending, at most `limit`; and whether more follow.
    fn entries(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Replay, Failure>>;
    /// One message, if the viewer may see it.
    fn message(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<Message>, Failure>>;
    /// Messages whose text matches, newest first.
    fn search(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &SearchRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>>;
    /// The messages of a user after `after` that are not deleted, ascending, at most `limit`, for whomever they are.
    fn messages_of(
        &self,
        room: &RoomKey,
        user: &UserId,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<MessageRef>, Failure>>;
    /// Moves a user's read marker of an audience forward; never back. Returns where it stands.
    fn mark_read(
        &self,
        room: &RoomKey,
        user: &UserId,
        audience: &Audience,
        seq: Seq,
    ) -> BoxFuture<'_, Result<Seq, Failure>>;
    /// For each conversation that the viewer sees messages of: the read marker and how many messages of others follow it.
    /// The whole room first, then those with the newest messages; at most `limit`.
    fn unread(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Unread>, Failure>>;
}

/// Rooms as things that are made, found and deleted.
pub trait RoomStore: Send + Sync + 'static {
    /// The room, made by `spec` if there is none; says whether it was made. `epoch` is the new log's incarnation.
    fn open(
        &self,
        room: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(Arc<Room>, bool), Failure>>;
    /// The room as its log has made it.
    fn room(&self, room: &RoomKey) -> BoxFuture<'_, Result<Option<Arc<Room>>, Failure>>;
    /// A project's rooms by name, after `after`, at most `limit`.
    fn rooms(
        &self,
        project: ProjectId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>>;
    /// The `direct` and `group` rooms in which the user is invited or joined and no ban holds at `now`, by name, after `after`, at
    /// most `limit`.
    fn rooms_of(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>>;
    /// Deletes that incarnation of a room with all that is in it. Says whether it was there. A later room of that name has a new
    /// epoch.
    fn delete(&self, room: &RoomKey, epoch: Epoch) -> BoxFuture<'_, Result<bool, Failure>>;
}

/// Projects and their users.
pub trait ProjectStore: Send + Sync + 'static {
    /// Stores a project, new or changed.
    fn put_project(&self, project: &Project) -> BoxFuture<'_, Result<(), Failure>>;
    /// The project of that key.
    fn project(&self, id: ProjectId) -> BoxFuture<'_, Result<Option<Project>, Failure>>;
    /// All projects, by key.
    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, Failure>>;
    /// Stores a user's profile, new or changed.
    fn put_user(&self, project: ProjectId, user: &UserProfile) -> BoxFuture<'_, Result<(), Failure>>;
    /// The profile of that user.
    fn user(&self, project: ProjectId, user: &UserId) -> BoxFuture<'_, Result<Option<UserProfile>, Failure>>;
    /// A project's users by id, after `after`, at most `limit`.
    fn users(
        &self,
        project: ProjectId,
        after: Option<&UserId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UserProfile>, Failure>>;
    /// Removes a user's profile and markers, and what is left of the messages of theirs that are deleted (tombstones stay, so
    /// that no seq is missing); audiences, mentions, reactions, members and moderation name a pseudonym from then on. A ban
    /// keeps the id. Says how many messages were wiped. Nobody is told: for that there is
    /// [`Service::erase_user`](crate::service::Service::erase_user).
    fn erase_user(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, Failure>>;
}

/// Small things that a dialect keeps beside the logs, such as a token that nobody has used yet.
///
/// Promises: as [`LogStore`] about durability; what one call does happens whole or not at all, and calls on one record
/// happen one after the other on whichever node, so that of two that take a record only one gets it.
pub trait RecordStore: Send + Sync + 'static {
    /// Stores records, each new or in place of the one with its kind and key.
    fn put_records(&self, records: Vec<Record>) -> BoxFuture<'_, Result<(), Failure>>;
    /// Stores a record unless there is one with its kind and key. Says whether it was stored.
    fn add_record(&self, record: Record) -> BoxFuture<'_, Result<bool, Failure>>;
    /// The record with that kind and key.
    fn record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>>;
    /// The records of a kind whose keys begin with `prefix`, by key, after the key `after`, at most `limit`.
    fn records(
        &self,
        kind: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, Failure>>;
    /// Removes a record and gives it to the caller, who alone gets it.
    fn take_record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>>;
    /// Removes the records of a kind whose keys begin with `prefix`. Says how many.
    fn remove_records(&self, kind: &'static str, prefix: &str) -> BoxFuture<'_, Result<u64, Failure>>;
}

/// What an operator does to a store.
pub trait Upkeep: Send + Sync + 'static {
    /// Sends the committed entries of every room to `sink` from now on; called once, before the first write.
    fn attach(&self, sink: Arc<dyn CommitSink>);
    /// Removes messages that are older than their room's, else their project's retention, and records that have ended.
    /// Says how many messages.
    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, Failure>>;
    /// Writes a consistent copy to `target` while the store is in use.
    fn backup(&self, target: &Path) -> BoxFuture<'_, Result<(), Failure>>;
    /// Whether the store answers and writes.
    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>>;
}

/// Takes what a store has committed.
pub trait CommitSink: Send + Sync + 'static {
    /// The next entries of a room, in order. Must be quick and must not call back into the store.
    fn committed(&self, committed: Committed);
}

/// Entries of one room that were just committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The room.
    pub room: RoomKey,
    /// Its log's incarnation.
    pub epoch: Epoch,
    /// The entries, ascending, without gaps.
    pub entries: Vec<Arc<Entry>>,
    /// The joined members of a `direct` or `group` room after each of the entries: they are told wherever they are.
    pub members: Option<Arc<[Recipient]>>,
}

/// A member who is told of what happens in a room without being there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// The member.
    pub user: UserId,
    /// The groups that the room gave the member, beside the token's.
    pub groups: Arc<[GroupName]>,
    /// The ban, if there is one: while it holds, the member is told nothing.
    pub ban: Option<Mute>,
}

/// Where a page of messages lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageAnchor {
    /// The newest messages.
    Newest,
    /// The messages just before that seq, without it.
    Before(Seq),
    /// The messages just after that seq, without it.
    After(Seq),
    /// The messages around that seq: half before, it, half after.
    Around(Seq),
}

/// Which messages to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Where.
    pub anchor: PageAnchor,
    /// How many at most; the caller has checked it against the limits.
    pub limit: usize,
    /// Only this conversation.
    pub audience: Option<Audience>,
    /// Only pinned messages.
    pub pinned: bool,
}

/// A page of messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether older ones exist.
    pub more_before: bool,
    /// Whether newer ones exist.
    pub more_after: bool,
}

/// Entries to replay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// The log's incarnation.
    pub epoch: Epoch,
    /// The entries, ascending.
    pub entries: Vec<Arc<Entry>>,
    /// Whether more follow after the last one.
    pub more: bool,
    /// The last entry of the log when it was read.
    pub head: Seq,
    /// The oldest position that can be resumed from: entries up to it may be gone by retention.
    pub floor: Seq,
}

/// What to search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchRequest {
    /// Words; all must occur; the last one may be the beginning of a word.
    pub text: String,
    /// Only messages before that seq.
    pub before: Option<Seq>,
    /// How many at most.
    pub limit: usize,
    /// Only this conversation.
    pub audience: Option<Audience>,
    /// Only this sender.
    pub sender: Option<UserId>,
}

/// A conversation's read marker and what follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// The conversation.
    pub audience: Audience,
    /// The last message seen.
    pub seen: Seq,
    /// How many messages of others follow; counting stops at [`Unread::COUNT_MAX`].
    pub count: u32,
}

impl Unread {
    /// Counting stops here.
    pub const COUNT_MAX: u32 = 1_000;
    /// Nobody is told of more conversations: anybody can begin one with anybody.
    pub const LIST_MAX: usize = 1_000;
}

/// A room in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomSummary {
    /// Its name.
    pub name: RoomName,
    /// Its kind.
    pub kind: RoomKind,
    /// Its title.
    pub title: Option<Arc<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its log was last written.
    pub last_at: Timestamp,
    /// The last entry of its log.
    pub head: Seq,
    /// In [`RoomStore::rooms_of`]: whether the user is only invited.
    pub invited: bool,
}

/// A tenant.
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    /// Its key.
    pub id: ProjectId,
    /// Its name, for people.
    pub name: Arc<str>,
    /// The secret that signs tokens and opens the server API.
    pub secret: Arc<str>,
    /// The secret before the last rotation, still good for tokens until that time.
    pub previous_secret: Option<(Arc<str>, Timestamp)>,
    /// What is set about it.
    pub settings: ProjectSettings,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What is set about a project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectSettings {
    /// The signal types that are chat: stored as messages.
    pub chat_signal_types: Vec<SignalType>,
    /// How long messages are kept; `None`: for ever.
    pub retention: Option<Duration>,
    /// Whether a user who joins a `session` room that does not exist makes it.
    pub create_rooms_on_join: bool,
    /// The dialects switched on, by name; empty: all.
    pub dialects: Vec<String>,
}

impl Default for ProjectSettings {
    fn default() -> Self {
        let chat = ["chat", "msg", "text-chat", "my-chat"];
        Self {
            chat_signal_types: chat.iter().map(|name| SignalType::new(name).expect("a valid type")).collect(),
            retention: None,
            create_rooms_on_join: true,
            dialects: Vec::new(),
        }
    }
}

/// A small thing that a dialect keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it is: the dialect's name, a dot, a word. Keys are unique within a kind.
    pub kind: &'static str,
    /// What names it.
    pub key: Arc<str>,
    /// The tenant.
    pub project: ProjectId,
    /// What it says, in a text form of the dialect's own.
    pub value: Arc<str>,
    /// When it may be removed; `None`: never by itself.
    pub expires_at: Option<Timestamp>,
}

/// What a project says of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserProfile {
    /// The external id.
    pub id: UserId,
    /// The display name.
    pub name: Arc<str>,
    /// The address of a picture.
    pub avatar: Option<Arc<str>>,
    /// When the profile was made.
    pub created_at: Timestamp,
}

/// Spreads what happened over the nodes. At most once, in order per room and sender: a hint, never the truth.
pub trait Fanout: Send + Sync + 'static {
    /// Gives the hint to the sinks of all nodes, this one's included.
    fn publish(&self, hint: Hint);
    /// Gives all hints to `sink` from now on; called once.
    fn attach(&self, sink: Arc<dyn HintSink>);
}

/// What nodes tell each other.
#[derive(Clone, Debug)]
pub enum Hint {
    /// Entries were committed.
    Committed(Committed),
    /// Something ephemeral happened.
    Moment {
        /// The room.
        room: RoomKey,
        /// What.
        moment: Arc<Moment>,
    },
    /// A room was deleted.
    Deleted {
        /// The room.
        room: RoomKey,
        /// Its log's incarnation.
        epoch: Epoch,
    },
}

/// Takes hints.
pub trait HintSink: Send + Sync + 'static {
    /// Something happened somewhere.
    fn hint(&self, hint: Hint);
}

/// Watches the lives of rooms on this node.
pub trait Witness: Send + Sync + 'static {
    /// Something was seen in a room whose sitting is `sitting`. Called in order, under the room's lock: must be quick and
    /// must not call back into the room.
    fn saw(&self, room: &RoomKey, sitting: Sitting, sight: Sight<'_>);
}

/// A dialect's renderer: turns what happened into finished frames of its wire, once for all who get it where it can.
pub trait Face: Send + Sync + 'static {
    /// The dialect.
    fn dialect(&self) -> Dialect;
    /// One or more finished frames, or nothing if the dialect does not show this.
    fn render(&self, happening: Happening<'_>) -> Option<Bytes>;
    /// Whether listeners who get this may not get the same of it. It is then rendered [for each](Self::render_for) instead.
    fn differs(&self, happening: Happening<'_>) -> bool {
        let _ = happening;
        false
    }
    /// What one of those who get it gets of something that [`differs`](Self::differs).
    fn render_for(&self, happening: Happening<'_>, listener: &Presence) -> Option<Bytes> {
        let _ = (happening, listener);
        None
    }
}

/// The way to one connection. Never blocks and never fails: whoever is too slow is closed.
pub trait Outlet: Send + Sync + 'static {
    /// Appends finished frames to what goes out.
    fn send(&self, frames: Bytes);
    /// Ends the connection, after what was sent before.
    fn close(&self, why: Closing);
}

/// Why the server ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// Its outbox ran over: come back with your position.
    Slow,
    /// The node is stopping: come back after this long.
    Draining {
        /// How long to wait.
        after: Duration,
    },
    /// It left a one-room dialect's room, or was put out of it.
    Left(LeaveReason),
    /// Its token ended.
    TokenExpired,
    /// The server made a mistake: come back.
    Bug,
}
