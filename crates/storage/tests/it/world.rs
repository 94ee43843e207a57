//! What the contract is asked in: engines, people, and short texts for what comes back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use sidetalk_core::command::Write;
use sidetalk_core::event::Entry;
use sidetalk_core::limits::Limits;
use sidetalk_core::model::{
    Actor, Audience, ClientId, ConnectionId, Dialect, Draft, Epoch, GroupName, Identity, Message, MessageId,
    Part, Principal, ProjectId, Role, RoomKey, RoomKind, RoomName, RoomSpec, Seq, SignalType, TextFormat,
    Timestamp, UserId, Viewer,
};
use sidetalk_core::ports::{
    CommitSink, Committed, LogStore, Page, PageAnchor, PageRequest, RoomStore, SearchRequest, Store,
};
use sidetalk_core::refusal::Failure;
use sidetalk_core::transaction::{Submission, WriteResult, Written};
use sidetalk_storage::{Sqlite, SqliteConfig};
use uuid::Uuid;

/// A storage engine under test, with a place of its own that outlives the store.
pub(crate) trait Engine: Default + Send + Sync + 'static {
    /// Its store.
    type Store: Store;
    /// Opens the store at this engine's place.
    fn open(&self) -> Self::Store;
    /// Opens a store from a backup.
    fn open_backup(&self, backup: PathBuf) -> Self::Store;
    /// Where a backup can go.
    fn scratch(&self) -> PathBuf;
}

/// The embedded engine, in a folder that goes away with it.
pub(crate) struct Embedded {
    folder: tempfile::TempDir,
}

impl Default for Embedded {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().expect("a scratch folder") }
    }
}

impl Embedded {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("sidetalk.db")
    }
}

impl Engine for Embedded {
    type Store = Sqlite;

    fn open(&self) -> Sqlite {
        Sqlite::open(SqliteConfig::new(self.path())).expect("the store opens")
    }

    fn open_backup(&self, backup: PathBuf) -> Sqlite {
        Sqlite::open(SqliteConfig::new(backup)).expect("the backup opens")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("backup.db")
    }
}

/// An engine, its open store, a clock and a source of ids.
pub(crate) struct World<E: Engine> {
    pub(crate) engine: E,
    store: Option<E::Store>,
    clock: AtomicI64,
    ids: AtomicU64,
}

pub(crate) fn id(name: &str) -> UserId {
    UserId::new(name).expect("a valid user id")
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a valid group")
}

pub(crate) fn key(name: &str) -> RoomKey {
    RoomKey {
        project: ProjectId::new(1).expect("a valid project"),
        name: RoomName::new(name).expect("a valid room name"),
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A user with a role and groups.
pub(crate) fn person(name: &str, role: Role, groups: &[&str]) -> Principal {
    let identity = Identity {
        user: id(name),
        name: format!("{name}'s name").into(),
        avatar: None,
        role,
        groups: groups.iter().map(|name| group(name)).collect(),
        data: "".into(),
        rooms: None,
        issued_at: None,
        expires_at: None,
    };
    Principal {
        project: key("r").project,
        actor: Actor::User(Arc::new(identity)),
        connection: None,
        dialect: None,
    }
}

pub(crate) fn member(name: &str) -> Principal {
    person(name, Role::Member, &[])
}

pub(crate) fn owner(name: &str) -> Principal {
    person(name, Role::Owner, &[])
}

pub(crate) fn server() -> Principal {
    Principal::server(key("r").project, None)
}

/// The same, by that dialect.
pub(crate) fn by(dialect: Dialect, who: Principal) -> Principal {
    Principal { dialect: Some(dialect), ..who }
}

pub(crate) fn eyes(name: &str, groups: &[&str]) -> Viewer {
    person(name, Role::Member, groups).viewer()
}

pub(crate) fn between(names: &[&str]) -> Audience {
    Audience::users(names.iter().map(|name| id(name)))
}

pub(crate) fn to_group(name: &str) -> Audience {
    Audience::Group(group(name))
}

/// A text for an audience.
pub(crate) fn to(audience: Audience, text: &str) -> Write {
    Write::Post(Draft { audience, ..Draft::text(text) })
}

pub(crate) fn say(text: &str) -> Write {
    to(Audience::Room, text)
}

/// A text for users, addressed to one of their connections.
pub(crate) fn say_to(connection: u128, names: &[&str]) -> Write {
    let addressee = Some(ConnectionId::from_uuid(Uuid::from_u128(connection)));
    Write::Post(Draft { addressee, audience: between(names), ..Draft::text("for one") })
}

/// A text that came as a signal of that type.
pub(crate) fn say_as(label: &str, audience: Audience, text: &str) -> Write {
    let label = Some(SignalType::new(label).expect("a valid type"));
    Write::Post(Draft { label, audience, ..Draft::text(text) })
}

/// A text with a client id.
pub(crate) fn say_once(client_id: &str, text: &str) -> Write {
    let client_id = Some(ClientId::new(client_id).expect("a valid client id"));
    Write::Post(Draft { client_id, ..Draft::text(text) })
}

pub(crate) fn text(text: &str) -> Vec<Part> {
    vec![Part::Text { text: text.into(), format: TextFormat::Plain }]
}

pub(crate) fn request(anchor: PageAnchor, limit: usize) -> PageRequest {
    PageRequest { anchor, limit, audience: None, pinned: false }
}

pub(crate) fn search(text: &str) -> SearchRequest {
    SearchRequest { text: text.into(), before: None, limit: 100, audience: None, sender: None }
}

/// `1 hi, 4 (gone)`.
pub(crate) fn shown(messages: &[Message]) -> String {
    let shown = messages.iter().map(|message| {
        let text = if message.is_deleted() { "(gone)".to_owned() } else { message.text() };
        format!("{} {text}", message.seq)
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// As [`shown`], with `…` where there is more.
pub(crate) fn shown_page(page: &Page) -> String {
    let before = if page.more_before { "… " } else { "" };
    let after = if page.more_after { " …" } else { "" };
    format!("{before}{}{after}", shown(&page.messages))
}

impl<E: Engine> World<E> {
    pub(crate) fn new(engine: E) -> Self {
        let store = engine.open();
        Self::of(engine, store)
    }

    pub(crate) fn of(engine: E, store: E::Store) -> Self {
        let store = Some(store);
        Self { engine, store, clock: AtomicI64::new(at(1_000).as_micros()), ids: AtomicU64::new(1) }
    }

    pub(crate) fn store(&self) -> &E::Store {
        self.store.as_ref().expect("the store is open")
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.close();
        self.store = Some(self.engine.open());
    }

    pub(crate) fn close(&mut self) {
        drop(self.store.take());
    }

    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.clock.store(now.as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::Relaxed))
    }

    pub(crate) fn submission(&self, principal: &Principal, write: Write) -> Submission {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        Submission {
            principal: principal.clone(),
            write,
            now: self.now(),
            message_id: MessageId::from_uuid(Uuid::from_u128(number.into())),
            live_roles: Vec::new(),
            limits: Arc::new(Limits::default()),
        }
    }

    pub(crate) async fn open(&self, room: &str) {
        self.open_as(room, RoomSpec::default()).await;
    }

    pub(crate) async fn open_as(&self, room: &str, spec: RoomSpec) {
        let opened = self.store().open(&key(room), &spec, Epoch(7), self.now()).await;
        opened.expect("the room opens");
    }

    /// A room of kind `group` with these members.
    pub(crate) async fn open_group(&self, room: &str, members: &[&str]) {
        let members = members.iter().map(|name| id(name)).collect();
        self.open_as(room, RoomSpec { kind: RoomKind::Group, members, ..RoomSpec::default() }).await;
    }

    pub(crate) async fn try_write(
        &self,
        room: &str,
        who: &Principal,
        write: Write,
    ) -> Result<Written, Failure> {
        self.store().write(&key(room), self.submission(who, write)).await
    }

    /// Writes, and returns the entry that this appended.
    #[track_caller]
    pub(crate) fn write(
        &self,
        room: &str,
        who: &Principal,
        write: Write,
    ) -> impl Future<Output = Arc<Entry>> + Send {
        let written = self.store().write(&key(room), self.submission(who, write));
        let caller = std::panic::Location::caller();
        async move {
            match written.await {
                Ok(Written { result: WriteResult::Appended(entry), .. }) => entry,
                other => panic!("nothing was appended at {caller}: {other:?}"),
            }
        }
    }

    /// Deletes all messages of a user, as the service does before it erases one.
    pub(crate) async fn delete_messages_of(&self, room: &str, user: &str) {
        for message in
            self.store().messages_of(&key(room), &id(user), Seq::ZERO, 10_000).await.expect("a list")
        {
            self.write(room, &server(), Write::Delete { message: message.id }).await;
        }
    }

    /// The code that a write is refused with.
    pub(crate) async fn refused(&self, room: &str, who: &Principal, write: Write) -> &'static str {
        self.try_write(room, who, write).await.expect_err("a refusal").code()
    }

    pub(crate) async fn message_at(&self, room: &str, seq: Seq) -> Option<Message> {
        let around = request(PageAnchor::Around(seq), 1);
        let page = self.store().page(&key(room), &Viewer::Server, &around).await.expect("a page");
        page.messages.into_iter().find(|message| message.seq == seq)
    }

    pub(crate) async fn page(&self, room: &str, viewer: &Viewer, request: &PageRequest) -> Page {
        self.store().page(&key(room), viewer, request).await.expect("a page")
    }

    /// All messages that a viewer sees.
    pub(crate) async fn history(&self, room: &str, viewer: &Viewer) -> String {
        shown(&self.page(room, viewer, &request(PageAnchor::Newest, 1_000)).await.messages)
    }

    pub(crate) async fn entries(&self, room: &str, viewer: &Viewer) -> Vec<Arc<Entry>> {
        let replay = self.store().entries(&key(room), viewer, Seq::ZERO, 10_000).await;
        replay.expect("a replay").entries
    }

    pub(crate) async fn found(&self, room: &str, viewer: &Viewer, text: &str) -> String {
        let page = self.store().search(&key(room), viewer, &search(text)).await;
        shown(&page.expect("a search").messages)
    }

    /// `room 0/3` for each conversation: how far it was seen, and how much is new.
    pub(crate) async fn unread(&self, room: &str, viewer: &Viewer) -> String {
        let unread = self.store().unread(&key(room), viewer, 100).await.expect("counts");
        let mut shown: Vec<_> = unread
            .iter()
            .map(|unread| format!("{} {}/{}", shown_audience(&unread.audience), unread.seen, unread.count))
            .collect();
        shown.sort();
        shown.join(", ")
    }
}

pub(crate) fn shown_audience(audience: &Audience) -> String {
    match audience {
        Audience::Room => "room".to_owned(),
        Audience::Group(group) => format!("#{group}"),
        Audience::Users(users) => users.iter().map(UserId::as_str).collect::<Vec<_>>().join("+"),
        Audience::Connections(_) => "connections".to_owned(),
    }
}

/// Writes down what a store commits.
#[derive(Default)]
pub(crate) struct Witness {
    seen: Mutex<Vec<Committed>>,
}

impl CommitSink for Witness {
    fn committed(&self, committed: Committed) {
        self.seen.lock().push(committed);
    }
}

impl Witness {
    /// What was told of a room, in order.
    pub(crate) fn committed(&self, room: &str) -> Vec<Committed> {
        self.seen.lock().iter().filter(|committed| committed.room == key(room)).cloned().collect()
    }

    /// The entries of a room, in the order in which they were told.
    pub(crate) fn entries(&self, room: &str) -> Vec<Arc<Entry>> {
        self.committed(room).into_iter().flat_map(|committed| committed.entries).collect()
    }

    /// The last members told of a room.
    pub(crate) fn members(&self, room: &str) -> Option<Vec<String>> {
        let seen = self.seen.lock();
        let last = seen.iter().rev().find(|committed| committed.room == key(room))?;
        let mut names: Vec<_> =
            last.members.as_ref()?.iter().map(|member| member.user.as_str().to_owned()).collect();
        names.sort();
        Some(names)
    }
}
