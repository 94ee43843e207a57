//! What this dialect keeps beside the logs: sessions that were made by REST, connections and their tokens. All of it lies in
//! the store, so that a session, an unused token and a client that is away survive a restart.
//!
//! ```text
//!   openvidu.session      project/session             made by REST; gone when the last one leaves
//!   openvidu.connection   project/session/connection  pending until its token is used, active until it leaves
//!   openvidu.token        secret                      the key of its connection; whoever takes it comes in
//!   openvidu.page         project/session/user        has a native token; gone when no such token can be good any more
//!   openvidu.bearer       project/session/user        who came last by a name that the application chose
//! ```

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetalk_core::model::{ProjectId, RoomName, Timestamp, UserId};
use sidetalk_core::ports::{Record, Store};
use sidetalk_core::refusal::{Failure, Unavailable};
use tokio::sync::{Mutex, MutexGuard};

use crate::wire::{Role, SessionProperties};

const SESSION: &str = "openvidu.session";
const CONNECTION: &str = "openvidu.connection";
const TOKEN: &str = "openvidu.token";
const PAGE: &str = "openvidu.page";
const BEARER: &str = "openvidu.bearer";

/// The most records read at once.
const AT_ONCE: usize = 1_000;

/// How many sessions may change at the same time.
const LOCKS: usize = 64;

/// What names a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SessionKey {
    pub(crate) project: ProjectId,
    /// Also the room's name.
    pub(crate) session: RoomName,
}

impl SessionKey {
    fn text(&self) -> String {
        format!("{}/{}", self.project, self.session)
    }

    fn connections(&self) -> String {
        format!("{}/{}/", self.project, self.session)
    }

    /// Also of a user in the session.
    fn connection(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.project, self.session)
    }
}

/// A session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
    /// Whether somebody has ever been in it.
    pub(crate) used: bool,
    pub(crate) properties: SessionProperties,
}

/// A connection, pending or active.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// `con_…`
    pub(crate) name: String,
    /// Its user, if the application has chosen the name; else that is called as it is.
    #[serde(default)]
    pub(crate) chosen: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) role: Role,
    pub(crate) record: bool,
    /// What the application says of it.
    pub(crate) data: String,
    pub(crate) options: Option<Value>,
    pub(crate) replay_history: Option<usize>,
    /// The secret of its token, used or not.
    pub(crate) secret: String,
    /// The token as it was given out.
    pub(crate) token: String,
    /// Since it has been used.
    pub(crate) active: Option<Active>,
}

impl Connection {
    pub(crate) fn user(&self) -> UserId {
        let user = self.chosen.as_deref().unwrap_or(&self.name);
        UserId::new(user).expect("names of connections are short and plain")
    }
}

/// A page of the drop-in script that has a native token.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    /// Since it was put out.
    pub(crate) kept_out: Option<KeptOut>,
}

/// A ban that is this dialect's, not people's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct KeptOut {
    /// Microseconds since 1970, as exact as bans are.
    pub(crate) until: i64,
    /// The end of the ban of people's that it took the place of.
    pub(crate) others_until: Option<i64>,
}

/// Who came last by a name that the application chose.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Bearer {
    pub(crate) user: String,
    /// The role that REST has given it in the room.
    pub(crate) role: Option<Role>,
}

/// What is known of a connection whose token was used.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Active {
    pub(crate) since: i64,
    /// The client's secret for coming back; none for one that came by the drop-in script.
    pub(crate) rpc: Option<String>,
    /// What the client says of itself.
    pub(crate) client_data: String,
    pub(crate) platform: String,
    pub(crate) ip: Option<String>,
}

/// The records, and one lock per session so that its life is a line of steps.
pub(crate) struct Book {
    store: Arc<dyn Store>,
    locks: Box<[Mutex<()>]>,
}

impl Book {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, locks: (0..LOCKS).map(|_| Mutex::default()).collect() }
    }

    /// The right to begin, use or end a session.
    pub(crate) async fn lock(&self, key: &SessionKey) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let place = hasher.finish() % self.locks.len() as u64;
        self.locks[usize::try_from(place).unwrap_or(0)].lock().await
    }

    /// Keeps a new session; says whether there was none of that name.
    pub(crate) async fn add_session(&self, key: &SessionKey, session: &Session) -> Result<bool, Failure> {
        self.store.add_record(session_record(key, session)).await
    }

    pub(crate) async fn session(&self, key: &SessionKey) -> Result<Option<Session>, Failure> {
        self.store.record(SESSION, &key.text()).await?.map(|record| read(&record)).transpose()
    }

    /// A project's sessions by name.
    pub(crate) async fn sessions(&self, project: ProjectId) -> Result<Vec<(SessionKey, Session)>, Failure> {
        let all = self.all::<Session>(SESSION, &format!("{project}/")).await?;
        Ok(all.into_iter().filter_map(|(record, session)| Some((session_key(&record)?, session))).collect())
    }

    /// All sessions of all projects.
    pub(crate) async fn all_sessions(&self) -> Result<Vec<(SessionKey, Session)>, Failure> {
        let all = self.all::<Session>(SESSION, "").await?;
        Ok(all.into_iter().filter_map(|(record, session)| Some((session_key(&record)?, session))).collect())
    }

    /// Keeps a connection that is promised, with its token.
    pub(crate) async fn put_promise(&self, key: &SessionKey, connection: &Connection) -> Result<(), Failure> {
        let own = key.connection(&connection.name);
        let token = Record {
            kind: TOKEN,
            key: connection.secret.as_str().into(),
            project: key.project,
            value: own.into(),
            expires_at: None,
        };
        self.store.put_records(vec![connection_record(key, connection), token]).await
    }

    /// Keeps what has changed about a connection.
    pub(crate) async fn put_connection(
        &self,
        key: &SessionKey,
        connection: &Connection,
    ) -> Result<(), Failure> {
        self.store.put_records(vec![connection_record(key, connection)]).await
    }

    /// Keeps that a connection is active, and its session in use.
    pub(crate) async fn put_active(
        &self,
        key: &SessionKey,
        session: &Session,
        connection: &Connection,
    ) -> Result<(), Failure> {
        let mut records = vec![connection_record(key, connection)];
        if !session.used {
            records.push(session_record(key, &Session { used: true, ..session.clone() }));
        }
        self.store.put_records(records).await
    }

    /// Keeps that a session is in use.
    pub(crate) async fn put_used(&self, key: &SessionKey, session: &Session) -> Result<(), Failure> {
        self.store.put_records(vec![session_record(key, &Session { used: true, ..session.clone() })]).await
    }

    pub(crate) async fn connection(
        &self,
        key: &SessionKey,
        name: &str,
    ) -> Result<Option<Connection>, Failure> {
        self.store.record(CONNECTION, &key.connection(name)).await?.map(|record| read(&record)).transpose()
    }

    /// A session's connections by name.
    pub(crate) async fn connections(&self, key: &SessionKey) -> Result<Vec<Connection>, Failure> {
        let all = self.all::<Connection>(CONNECTION, &key.connections()).await?;
        Ok(all.into_iter().map(|(_, connection)| connection).collect())
    }

    /// A project's connections by session and name.
    pub(crate) async fn all_connections(
        &self,
        project: ProjectId,
    ) -> Result<HashMap<RoomName, Vec<Connection>>, Failure> {
        let mut by_session: HashMap<_, Vec<_>> = HashMap::new();
        for (record, connection) in self.all::<Connection>(CONNECTION, &format!("{project}/")).await? {
            if let Some(key) = session_key(&record) {
                by_session.entry(key.session).or_default().push(connection);
            }
        }
        Ok(by_session)
    }

    /// All active connections of all projects, in the order in which they came.
    pub(crate) async fn active(&self) -> Result<Vec<(SessionKey, Connection, Active)>, Failure> {
        let all = self.all::<Connection>(CONNECTION, "").await?;
        let mut active: Vec<_> = all
            .into_iter()
            .filter_map(|(record, connection)| {
                let active = connection.active.clone()?;
                Some((session_key(&record)?, connection, active))
            })
            .collect();
        active.sort_by_key(|(_, _, active)| active.since);
        Ok(active)
    }

    /// Where the connection of a token is, without using the token.
    pub(crate) async fn token(&self, secret: &str) -> Result<Option<(SessionKey, String)>, Failure> {
        let record = self.store.record(TOKEN, secret).await?;
        Ok(record.and_then(|record| connection_key(record.project, &record.value)))
    }

    /// Uses a token; says whether it was still there.
    pub(crate) async fn take_token(&self, secret: &str) -> Result<bool, Failure> {
        Ok(self.store.take_record(TOKEN, secret).await?.is_some())
    }

    /// Forgets a connection and its token. Says whether there was one.
    pub(crate) async fn remove_connection(&self, key: &SessionKey, name: &str) -> Result<bool, Failure> {
        let Some(record) = self.store.take_record(CONNECTION, &key.connection(name)).await? else {
            return Ok(false);
        };
        let connection: Connection = read(&record)?;
        if connection.active.is_none() {
            self.take_token(&connection.secret).await?;
        }
        Ok(true)
    }

    /// Forgets a connection whose token was used. One that did not come in after all keeps its promise, and so does another
    /// user who got the name since.
    pub(crate) async fn remove_used_connection(
        &self,
        key: &SessionKey,
        name: &str,
        user: &UserId,
    ) -> Result<(), Failure> {
        let Some(connection) = self.connection(key, name).await? else { return Ok(()) };
        if connection.user() == *user && self.token(&connection.secret).await?.is_none() {
            self.remove_connection(key, name).await?;
        }
        Ok(())
    }

    /// Keeps that a connection has a page, whose native token is good until then at most.
    pub(crate) async fn put_on_page(
        &self,
        key: &SessionKey,
        connection: &Connection,
        until: Timestamp,
    ) -> Result<(), Failure> {
        let page = page_record(key, &connection.user(), &Page::default(), until);
        self.store.put_records(vec![connection_record(key, connection), page]).await
    }

    /// Keeps what has changed about a page.
    pub(crate) async fn put_page(
        &self,
        key: &SessionKey,
        user: &UserId,
        page: &Page,
        until: Timestamp,
    ) -> Result<(), Failure> {
        self.store.put_records(vec![page_record(key, user, page, until)]).await
    }

    pub(crate) async fn page(&self, key: &SessionKey, user: &str) -> Result<Option<Page>, Failure> {
        self.store.record(PAGE, &key.connection(user)).await?.map(|record| read(&record)).transpose()
    }

    /// The users on a session's pages.
    pub(crate) async fn pages(&self, key: &SessionKey) -> Result<Vec<(UserId, Page)>, Failure> {
        let all = self.all::<Page>(PAGE, &key.connections()).await?;
        let user = |record: &Record| UserId::new(&connection_key(record.project, &record.key)?.1).ok();
        Ok(all.into_iter().filter_map(|(record, page)| Some((user(&record)?, page))).collect())
    }

    /// Keeps who has come by the name of `chosen`.
    pub(crate) async fn put_bearer(
        &self,
        key: &SessionKey,
        chosen: &str,
        bearer: &Bearer,
    ) -> Result<(), Failure> {
        self.store.put_records(vec![record(BEARER, key, key.connection(chosen), bearer)]).await
    }

    pub(crate) async fn bearer(&self, key: &SessionKey, chosen: &str) -> Result<Option<Bearer>, Failure> {
        self.store.record(BEARER, &key.connection(chosen)).await?.map(|record| read(&record)).transpose()
    }

    /// Forgets a session, its connections and their tokens.
    pub(crate) async fn remove_session(&self, key: &SessionKey) -> Result<(), Failure> {
        for connection in self.connections(key).await? {
            self.remove_connection(key, &connection.name).await?;
        }
        self.store.take_record(SESSION, &key.text()).await?;
        Ok(())
    }

    async fn all<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        prefix: &str,
    ) -> Result<Vec<(Record, T)>, Failure> {
        let (mut all, mut after) = (Vec::new(), None::<Arc<str>>);
        loop {
            let page = self.store.records(kind, prefix, after.as_deref(), AT_ONCE).await?;
            let is_last = page.len() < AT_ONCE;
            after = page.last().map(|record| record.key.clone());
            for record in page {
                let value = read(&record)?;
                all.push((record, value));
            }
            if is_last {
                return Ok(all);
            }
        }
    }
}

fn session_record(key: &SessionKey, session: &Session) -> Record {
    record(SESSION, key, key.text(), session)
}

fn connection_record(key: &SessionKey, connection: &Connection) -> Record {
    record(CONNECTION, key, key.connection(&connection.name), connection)
}

fn page_record(key: &SessionKey, user: &UserId, page: &Page, until: Timestamp) -> Record {
    Record { expires_at: Some(until), ..record(PAGE, key, key.connection(user.as_str()), page) }
}

fn record<T: Serialize>(kind: &'static str, of: &SessionKey, key: String, value: &T) -> Record {
    let value = serde_json::to_string(value).expect("records are JSON");
    Record { kind, key: key.into(), project: of.project, value: value.into(), expires_at: None }
}

fn read<T: DeserializeOwned>(record: &Record) -> Result<T, Failure> {
    let unreadable = |error| Failure::from(Unavailable::new("reading a record of this dialect", error));
    serde_json::from_str::<T>(&record.value).map_err(|error: serde_json::Error| unreadable(error))
}

/// The session of a record's key `project/session` or `project/session/connection`.
fn session_key(record: &Record) -> Option<SessionKey> {
    let session = record.key.split('/').nth(1)?;
    Some(SessionKey { project: record.project, session: RoomName::new(session).ok()? })
}

fn connection_key(project: ProjectId, key: &str) -> Option<(SessionKey, String)> {
    let mut parts = key.splitn(3, '/').skip(1);
    let (session, name) = (parts.next()?, parts.next()?);
    Some((SessionKey { project, session: RoomName::new(session).ok()? }, name.to_owned()))
}
