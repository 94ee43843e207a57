//! Applications: other names of a project, each a UUID with a public key, as the vendor's newer clients have them. Some are
//! in the configuration, the others are attached by the operator and kept in the store.

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use sidetalk_core::model::ProjectId;
use sidetalk_core::ports::{Record, Store};
use sidetalk_core::refusal::Failure;
use thiserror::Error;
use uuid::Uuid;

use crate::state::OpenTokState;

/// `opentok.application   id   the public key in PEM`
const APPLICATION: &str = "opentok.application";

/// The most applications read at once.
const PAGE: usize = 1_000;

/// The longest key in PEM.
const PEM_BYTES_MAX: usize = 16 * 1024;

/// An application of a project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    /// Its id.
    pub id: Uuid,
    /// The project that it is another name of.
    pub project: ProjectId,
    /// Its public key in PEM.
    pub public_key: Arc<str>,
}

/// Why a text cannot be an application's key.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BadKey {
    /// It is the half that must stay with the application.
    #[error("this is a private key, which stays with your application: give the public one")]
    Private,
    /// It is something else.
    #[error("this is not an RSA public key in PEM, such as `openssl rsa -pubout` writes: {0}")]
    Unreadable(String),
}

/// Why an application cannot be attached.
#[derive(Debug, Error)]
pub enum CannotAttach {
    /// The key is none.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The id is taken.
    #[error("the application is attached to project {0}; detach it there first")]
    Taken(ProjectId),
    /// The store's failure.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Application {
    /// Checks that the key is one.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn check(&self) -> Result<(), BadKey> {
        self.key().map(|_| ())
    }

    pub(crate) fn key(&self) -> Result<DecodingKey, BadKey> {
        if self.public_key.contains("PRIVATE KEY") {
            return Err(BadKey::Private);
        }
        if self.public_key.len() > PEM_BYTES_MAX {
            return Err(BadKey::Unreadable(format!("it is longer than {PEM_BYTES_MAX} bytes")));
        }
        DecodingKey::from_rsa_pem(self.public_key.as_bytes())
            .map_err(|error| BadKey::Unreadable(error.to_string()))
    }

    fn of(record: &Record) -> Option<Self> {
        let id = Uuid::try_parse(&record.key).ok()?;
        Some(Self { id, project: record.project, public_key: record.value.clone() })
    }
}

/// Attaches an application to its project; one that is there already gets the new key.
///
/// # Errors
/// [`CannotAttach`].
pub async fn attach(store: &dyn Store, application: &Application) -> Result<(), CannotAttach> {
    application.check()?;
    let record = Record {
        kind: APPLICATION,
        key: application.id.to_string().into(),
        project: application.project,
        value: application.public_key.clone(),
        expires_at: None,
    };
    if store.add_record(record.clone()).await? {
        return Ok(());
    }
    match stored(store, application.id).await? {
        Some(other) if other.project != application.project => Err(CannotAttach::Taken(other.project)),
        _ => Ok(store.put_records(vec![record]).await?),
    }
}

/// Takes an application from its project. Says whether it was there.
///
/// # Errors
/// The store's failure.
pub async fn detach(store: &dyn Store, project: ProjectId, id: Uuid) -> Result<bool, Failure> {
    if stored(store, id).await?.is_none_or(|application| application.project != project) {
        return Ok(false);
    }
    Ok(store.take_record(APPLICATION, &id.to_string()).await?.is_some())
}

/// The applications that are attached to a project, by id.
///
/// # Errors
/// The store's failure.
pub async fn attached(store: &dyn Store, project: ProjectId) -> Result<Vec<Application>, Failure> {
    let (mut all, mut after) = (Vec::new(), None::<Arc<str>>);
    loop {
        let page = store.records(APPLICATION, "", after.as_deref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|record| record.key.clone());
        all.extend(page.iter().filter(|record| record.project == project).filter_map(Application::of));
        if is_last {
            return Ok(all);
        }
    }
}

/// The application of that id, of the configuration or of the store.
pub(crate) async fn find(state: &OpenTokState, id: Uuid) -> Result<Option<Application>, Failure> {
    match state.settings.applications.iter().find(|application| application.id == id) {
        Some(configured) => Ok(Some(configured.clone())),
        None => stored(&**state.service.store(), id).await,
    }
}

async fn stored(store: &dyn Store, id: Uuid) -> Result<Option<Application>, Failure> {
    let record = store.record(APPLICATION, &id.to_string()).await?;
    Ok(record.and_then(|record| Application::of(&record)))
}
