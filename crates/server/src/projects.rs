//! Making projects: by the operator, by the configuration, and the one of `sidetalk dev`.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use sidetalk_core::model::ProjectId;
use sidetalk_core::ports::{Project, ProjectSettings};
use sidetalk_core::service::Service;

use crate::clock::OsEntropy;
use crate::config::sections::ProjectEntry;

/// The key of the first project, if nobody chooses one.
const FIRST_KEY: u32 = 100_001;

/// Makes a project with the next free key, or with `key`.
///
/// # Errors
/// If the key is taken or the store fails.
pub async fn create(
    service: &Service,
    key: Option<ProjectId>,
    name: &str,
    secret: Option<&str>,
) -> Result<Project> {
    let secret = secret.map_or_else(|| OsEntropy.secret().into(), Arc::from);
    let created_at = service.now();
    let project = service.create_project(|existing| {
        let id = free_key(existing, key)?;
        let settings = ProjectSettings::default();
        anyhow::Ok(Project { id, name: name.into(), secret, previous_secret: None, settings, created_at })
    });
    Ok(Project::clone(&*project.await?))
}

fn free_key(existing: &[Project], wanted: Option<ProjectId>) -> Result<ProjectId> {
    if let Some(taken) = existing.iter().find(|project| Some(project.id) == wanted) {
        bail!("project {} exists already; `sidetalk project show {}` shows it", taken.id, taken.id);
    }
    let taken: HashSet<u32> = existing.iter().map(|project| project.id.get()).collect();
    // There are fewer projects than keys.
    let free = (FIRST_KEY..).find(|key| !taken.contains(key)).context("no key is left")?;
    wanted.map_or_else(|| ProjectId::new(free), Ok).context("no key is left; choose one with --key")
}

/// Brings the projects of the configuration to the state that it says.
///
/// # Errors
/// If the store fails.
pub async fn bring_about(service: &Service, entries: &[ProjectEntry]) -> Result<()> {
    for entry in entries {
        let key = ProjectId::new(entry.key).context("the configuration was checked")?;
        let secret = entry.secret.as_ref().context("the configuration was checked")?.reveal();
        set(service, key, Some(&entry.name), secret).await?;
    }
    Ok(())
}

/// Whether there is such a project.
///
/// # Errors
/// If the store fails.
pub async fn is_there(service: &Service, key: u32) -> Result<bool> {
    let Ok(key) = ProjectId::new(key) else { return Ok(false) };
    Ok(service.store().project(key).await?.is_some())
}

/// The project of `sidetalk dev`: the chosen one, else the one of the last time, else a fresh one.
///
/// # Errors
/// If the store fails.
pub async fn for_dev(service: &Service, chosen: Option<&(ProjectId, String)>) -> Result<Project> {
    if let Some((key, secret)) = chosen {
        return set(service, *key, None, secret).await;
    }
    match service.store().projects().await?.into_iter().next() {
        Some(project) => Ok(project),
        None => create(service, None, "demo", None).await,
    }
}

/// Gives a project this secret (and name), and makes it if there is none. Settings stay.
async fn set(service: &Service, key: ProjectId, name: Option<&str>, secret: &str) -> Result<Project> {
    let Some(mut project) = service.store().project(key).await? else {
        return create(service, Some(key), name.unwrap_or("demo"), Some(secret)).await;
    };
    let name = name.filter(|name| !name.is_empty()).unwrap_or(&project.name);
    if *project.secret == *secret && *project.name == *name {
        return Ok(project);
    }
    project.name = name.into();
    project.secret = secret.into();
    service.put_project(project.clone()).await?;
    Ok(project)
}
