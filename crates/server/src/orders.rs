//! What an operator can order: the same deeds whether a server runs (then [`control`](crate::control) brings them to it)
//! or not (then the command opens the store itself).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidetalk_core::model::{
    Principal, ProjectId, RoomKey, RoomKind, RoomName, SignalType, Timestamp, UserId,
};
use sidetalk_core::ports::{Project, ProjectSettings, RoomSummary};
use sidetalk_core::service::Service;
use sidetalk_opentok::{Application, application};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::clock::OsEntropy;
use crate::config::sections::ProjectEntry;
use crate::projects;

/// Rooms in one answer.
const ROOMS_MAX: usize = 1_000;

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Make a project.
    ProjectCreate {
        /// Its name.
        name: String,
        /// Its key; the next free one if not given.
        key: Option<u32>,
    },
    /// List the projects.
    ProjectList,
    /// Show a project.
    ProjectShow {
        /// Its key.
        key: u32,
        /// Whether its secret is wanted.
        secret: bool,
    },
    /// Give a project a new secret.
    ProjectRotate {
        /// Its key.
        key: u32,
        /// For how many milliseconds the old secret is still good for tokens.
        keep_ms: u64,
        /// Whether the tokens of the secret before may end with it.
        drop_previous: bool,
    },
    /// Attach an application to a project.
    ApplicationAttach {
        /// The project's key.
        key: u32,
        /// The application's id.
        application: Uuid,
        /// Its public key in PEM.
        public_key: String,
    },
    /// Take an application from a project.
    ApplicationDetach {
        /// The project's key.
        key: u32,
        /// The application's id.
        application: Uuid,
    },
    /// List rooms.
    RoomList {
        /// The project.
        project: u32,
        /// Only rooms after this name.
        after: Option<String>,
        /// How many at most.
        limit: usize,
    },
    /// Show a room.
    RoomShow {
        /// The project.
        project: u32,
        /// Its name.
        room: String,
    },
    /// Delete a room with all that is in it.
    RoomDelete {
        /// The project.
        project: u32,
        /// Its name.
        room: String,
    },
    /// Erase a user.
    UserErase {
        /// The project.
        project: u32,
        /// The user's id.
        user: String,
    },
    /// Copy the store.
    Backup {
        /// Where to; absolute.
        target: PathBuf,
    },
}

/// Does what is ordered; gives what there is to show. `configured` are the projects of the configuration, whose secrets
/// are its own.
///
/// # Errors
/// What stands in the way, for the operator.
pub async fn carry_out(service: &Arc<Service>, configured: &[ProjectEntry], order: Order) -> Result<Value> {
    match order {
        Order::ProjectCreate { name, key } => {
            let key = key.map(project_id).transpose()?;
            let project = projects::create(service, key, &name, None).await?;
            Ok(with_secret(&project))
        }
        Order::ProjectList => {
            let projects = service.store().projects().await?;
            Ok(projects.iter().map(summary).collect())
        }
        Order::ProjectShow { key, secret } => {
            let project = project(service, key).await?;
            let mut shown = if secret { with_secret(&project) } else { details(&project) };
            let attached = application::attached(&**service.store(), project.id).await?;
            shown["applications"] = attached.iter().map(|application| application.id.to_string()).collect();
            Ok(shown)
        }
        Order::ProjectRotate { key, .. } if configured.iter().any(|entry| entry.key == key) => {
            // At the next start it would be as it was.
            bail!("project {key}'s secret comes from the configuration: change it there")
        }
        Order::ProjectRotate { key, keep_ms, drop_previous } => {
            rotate(service, key, Duration::from_millis(keep_ms), drop_previous).await
        }
        Order::ApplicationAttach { key, application: id, public_key } => {
            let project = project(service, key).await?.id;
            let application = Application { id, project, public_key: public_key.into() };
            application::attach(&**service.store(), &application).await?;
            Ok(json!({ "attached": id, "project": project.get() }))
        }
        Order::ApplicationDetach { key, application: id } => {
            let project = project(service, key).await?.id;
            if !application::detach(&**service.store(), project, id).await? {
                bail!("project {project} has no application {id} that was attached by this command");
            }
            Ok(json!({ "detached": id, "project": project.get() }))
        }
        Order::RoomList { project: key, after, limit } => {
            let project = project(service, key).await?;
            let after = after.as_deref().map(room_name).transpose()?;
            let limit = limit.clamp(1, ROOMS_MAX);
            let rooms = service.store().rooms(project.id, after.as_ref(), limit).await?;
            Ok(rooms.iter().map(room_summary).collect())
        }
        Order::RoomShow { project, room } => show_room(service, project, &room).await,
        Order::RoomDelete { project: key, room } => {
            let who = server(&project(service, key).await?);
            service.delete_room(&who, &room_name(&room)?).await.with_context(|| format!("room {room}"))?;
            Ok(json!({ "deleted": room }))
        }
        Order::UserErase { project: key, user } => {
            let project = project(service, key).await?;
            let id = UserId::new(&user).map_err(|why| anyhow::anyhow!("the user id {why}"))?;
            let has_profile = service.store().user(project.id, &id).await?.is_some();
            let messages = service.erase_user(project.id, &id).await?;
            if messages == 0 && !has_profile {
                let note = format!("no profile and no message of user {user} was found");
                return Ok(json!({ "erased": null, "messages_wiped": 0, "note": note }));
            }
            Ok(json!({ "erased": user, "messages_wiped": messages }))
        }
        Order::Backup { target } => {
            require_free(&target)?;
            service.store().backup(&target).await?;
            Ok(backed_up(&target))
        }
    }
}

/// Whether a backup can be written there.
///
/// # Errors
/// If something is there.
pub fn require_free(target: &Path) -> Result<()> {
    if target.exists() {
        bail!("{} exists already; choose a new name", target.display());
    }
    Ok(())
}

/// What is said of a backup.
pub fn backed_up(target: &Path) -> Value {
    let bytes = std::fs::metadata(target).map(|meta| meta.len()).unwrap_or_default();
    json!({ "backup": target, "bytes": bytes })
}

async fn rotate(service: &Service, key: u32, keep: Duration, drop_previous: bool) -> Result<Value> {
    let now = service.now();
    let change = |project: &mut Project| {
        if let Some((_, until)) = project.previous_secret
            && until > now
            && !drop_previous
        {
            bail!(
                "tokens of the secret before are promised to be good until {}: wait for that, or end them now with \
                 --drop-previous",
                rfc3339(until)
            );
        }
        let old = std::mem::replace(&mut project.secret, OsEntropy.secret().into());
        project.previous_secret = (!keep.is_zero()).then(|| (old, now.plus(keep)));
        Ok(())
    };
    let rotated = service.change_project(project_id(key)?, change).await?;
    Ok(with_secret(&*rotated.with_context(|| no_project(key))?))
}

async fn show_room(service: &Service, key: u32, room: &str) -> Result<Value> {
    let project = project(service, key).await?;
    let name = room_name(room)?;
    let key = RoomKey { project: project.id, name };
    let stored = service.store().room(&key).await?;
    let Some(stored) = stored else { bail!("project {} has no room {room}", project.id) };
    let here = service.presences(&server(&project), &key.name).await?;
    Ok(json!({
        "name": room,
        "kind": kind(stored.kind),
        "title": stored.settings.title.as_deref(),
        "created_at": rfc3339(stored.created_at),
        "head": stored.head.0,
        "recorded_members": stored.members.len(),
        "connections": here.len(),
    }))
}

async fn project(service: &Service, key: u32) -> Result<Project> {
    let found = service.store().project(project_id(key)?).await?;
    found.with_context(|| no_project(key))
}

fn no_project(key: u32) -> String {
    format!("there is no project {key}; `sidetalk project list` lists them")
}

fn project_id(key: u32) -> Result<ProjectId> {
    ProjectId::new(key)
        .map_err(|_| anyhow::anyhow!("{key} is not a project's key: a number from 1 to 2147483647"))
}

fn room_name(name: &str) -> Result<RoomName> {
    RoomName::new(name).map_err(|why| anyhow::anyhow!("the room's name {why}"))
}

fn server(project: &Project) -> Principal {
    Principal::server(project.id, None)
}

fn summary(project: &Project) -> Value {
    json!({ "key": project.id.get(), "name": *project.name, "created_at": rfc3339(project.created_at) })
}

fn details(project: &Project) -> Value {
    let settings = &project.settings;
    let mut shown = summary(project);
    shown["chat_signal_types"] = settings.chat_signal_types.iter().map(SignalType::as_str).collect();
    shown["retention_s"] = settings.retention.map(|kept| kept.as_secs()).into();
    shown["create_rooms_on_join"] = settings.create_rooms_on_join.into();
    shown
}

fn with_secret(project: &Project) -> Value {
    let mut shown = details(project);
    shown["secret"] = (*project.secret).into();
    shown
}

fn room_summary(room: &RoomSummary) -> Value {
    json!({
        "name": room.name.as_str(),
        "kind": kind(room.kind),
        "title": room.title.as_deref(),
        "head": room.head.0,
        "last_at": rfc3339(room.last_at),
    })
}

const fn kind(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Session => "session",
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
    }
}

/// The project that an answer with a secret shows, as far as minting a token needs it.
pub fn project_of(shown: &Value) -> Option<Project> {
    let key = shown["key"].as_u64().and_then(|key| u32::try_from(key).ok())?;
    Some(Project {
        id: ProjectId::new(key).ok()?,
        name: shown["name"].as_str()?.into(),
        secret: shown["secret"].as_str()?.into(),
        previous_secret: None,
        settings: ProjectSettings::default(),
        created_at: Timestamp::default(),
    })
}

/// A time as people and machines read it.
pub fn rfc3339(moment: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.as_micros()) * 1_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{} microseconds since 1970", moment.as_micros()))
}
