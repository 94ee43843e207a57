//! What this dialect keeps beside the logs: rooms with their owner and password, invite codes, users with their groups, and
//! when each has last looked at a conversation.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sidetalk_core::model::{ProjectId, Timestamp};
use sidetalk_core::ports::{Record, Store};
use sidetalk_core::refusal::{Failure, Unavailable};
use uuid::Uuid;

const ROOM: &str = "opentalk.room";
const INVITE: &str = "opentalk.invite";
const USER: &str = "opentalk.user";
const SEEN: &str = "opentalk.seen";

/// How long a participant who cannot be known again is remembered after the last look.
const SEEN_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Room {
    pub(crate) id: Uuid,
    /// The user, by the issuer's name for it.
    pub(crate) created_by: String,
    /// Microseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) password: Option<String>,
    pub(crate) waiting_room: bool,
    pub(crate) e2e_encryption: bool,
}

/// An invite code of a room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Invite {
    pub(crate) code: Uuid,
    pub(crate) room: Uuid,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) active: bool,
    /// Microseconds since 1970.
    pub(crate) expiration: Option<i64>,
}

/// A user as the issuer's tokens have told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) subject: String,
    pub(crate) email: String,
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) display_name: String,
    pub(crate) avatar: String,
    pub(crate) groups: Vec<String>,
}

/// When somebody last looked, in the words in which they said it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) global: Option<String>,
    /// By the other user.
    pub(crate) private: BTreeMap<String, String>,
    pub(crate) groups: BTreeMap<String, String>,
}

/// The records.
pub(crate) struct Book {
    store: Arc<dyn Store>,
    project: ProjectId,
}

impl Book {
    pub(crate) fn new(store: Arc<dyn Store>, project: ProjectId) -> Self {
        Self { store, project }
    }

    pub(crate) async fn room(&self, id: Uuid) -> Result<Option<Room>, Failure> {
        self.get(ROOM, &self.key(id)).await
    }

    pub(crate) async fn put_room(&self, room: &Room) -> Result<(), Failure> {
        self.put(ROOM, self.key(room.id), room, None).await
    }

    pub(crate) async fn remove_room(&self, id: Uuid) -> Result<(), Failure> {
        for invite in self.invites(id).await? {
            self.store.take_record(INVITE, &self.key(invite.code)).await?;
        }
        self.store.remove_records(SEEN, &format!("{}/{id}/", self.project)).await?;
        self.store.take_record(ROOM, &self.key(id)).await?;
        Ok(())
    }

    pub(crate) async fn invite(&self, code: Uuid) -> Result<Option<Invite>, Failure> {
        self.get(INVITE, &self.key(code)).await
    }

    pub(crate) async fn put_invite(&self, invite: &Invite) -> Result<(), Failure> {
        self.put(INVITE, self.key(invite.code), invite, None).await
    }

    /// A room's invites. Rooms have few, and they are asked for rarely: all are looked at.
    pub(crate) async fn invites(&self, room: Uuid) -> Result<Vec<Invite>, Failure> {
        let (mut found, mut after) = (Vec::new(), None::<Arc<str>>);
        loop {
            let page =
                self.store.records(INVITE, &format!("{}/", self.project), after.as_deref(), 1_000).await?;
            let is_last = page.len() < 1_000;
            after = page.last().map(|record| record.key.clone());
            for record in page {
                let invite: Invite = read(&record)?;
                if invite.room == room {
                    found.push(invite);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    pub(crate) async fn user(&self, subject: &str) -> Result<Option<User>, Failure> {
        self.get(USER, &format!("{}/{subject}", self.project)).await
    }

    pub(crate) async fn put_user(&self, user: &User) -> Result<(), Failure> {
        self.put(USER, format!("{}/{}", self.project, user.subject), user, None).await
    }

    /// When `who` (a user, or a guest's participant id) last looked at the conversations of a room.
    pub(crate) async fn seen(&self, room: Uuid, who: &str) -> Result<Seen, Failure> {
        Ok(self.get(SEEN, &self.seen_key(room, who)).await?.unwrap_or_default())
    }

    /// Keeps it; for a guest not for ever.
    pub(crate) async fn put_seen(
        &self,
        room: Uuid,
        who: &str,
        seen: &Seen,
        guest_now: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let until = guest_now.map(|now| now.plus(SEEN_KEPT));
        self.put(SEEN, self.seen_key(room, who), seen, until).await
    }

    /// Forgets what everybody has seen in a room.
    pub(crate) async fn forget_seen(&self, room: Uuid) -> Result<(), Failure> {
        self.store.remove_records(SEEN, &format!("{}/{room}/", self.project)).await?;
        Ok(())
    }

    fn key(&self, id: Uuid) -> String {
        format!("{}/{id}", self.project)
    }

    fn seen_key(&self, room: Uuid, who: &str) -> String {
        format!("{}/{room}/{who}", self.project)
    }

    async fn get<T: DeserializeOwned>(&self, kind: &'static str, key: &str) -> Result<Option<T>, Failure> {
        self.store.record(kind, key).await?.map(|record| read(&record)).transpose()
    }

    async fn put<T: Serialize>(
        &self,
        kind: &'static str,
        key: String,
        value: &T,
        expires_at: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let value = serde_json::to_string(value).expect("records are JSON");
        let record = Record { kind, key: key.into(), project: self.project, value: value.into(), expires_at };
        self.store.put_records(vec![record]).await
    }
}

fn read<T: DeserializeOwned>(record: &Record) -> Result<T, Failure> {
    let unreadable = |error| Failure::from(Unavailable::new("reading a record of this dialect", error));
    serde_json::from_str::<T>(&record.value).map_err(|error: serde_json::Error| unreadable(error))
}
