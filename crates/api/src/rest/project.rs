//! `/project`: what is set about the caller's project.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sidetalk_core::model::SignalType;
use sidetalk_core::ports;

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{bounded, named};
use crate::state::ApiState;
use crate::wire::answer::{Project, ProjectSettings};
use crate::wire::request::{PatchProject, PatchSettings};

use super::extract::{Body, Caller, Json};

/// The most signal types that are chat, and the most dialects.
const NAMES_MAX: usize = 100;

/// Reads the project.
#[utoipa::path(get, path = "/api/v1/project", tag = "project",
    responses((status = 200, body = Project), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_project(State(api): State<ApiState>, caller: Caller) -> Result<Response, Problem> {
    caller.require_server()?;
    Ok(Json.made(&project(&*load(&api, &caller).await?)))
}

/// Changes the project; what is absent stays.
#[utoipa::path(patch, path = "/api/v1/project", tag = "project", request_body = PatchProject,
    responses((status = 200, body = Project), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn patch_project(
    State(api): State<ApiState>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let patch: PatchProject<'_> = body.read()?;
    let change = |project: &mut ports::Project| {
        if let Some(name) = &patch.name {
            project.name = crate::token::display_name(name)
                .ok_or_else(|| Problem::invalid("name", "must be 1 to 255 bytes of plain text"))?;
        }
        patch.settings.as_ref().map_or(Ok(()), |settings| apply(&mut project.settings, settings))
    };
    let changed = api.service.change_project(caller.principal.project, change).await?.ok_or_else(gone)?;
    Ok(Json.made(&project(&changed)))
}

async fn load(api: &ApiState, caller: &Caller) -> Result<Arc<ports::Project>, Problem> {
    let project = api.service.project(caller.principal.project).await?;
    project.ok_or_else(gone)
}

fn gone() -> Problem {
    Problem::Unauthenticated("there is no such project any more".into())
}

fn apply(settings: &mut ports::ProjectSettings, patch: &PatchSettings<'_>) -> Result<(), Problem> {
    if let Some(types) = &patch.chat_signal_types {
        check_count("chat_signal_types", types.len())?;
        let types: Result<Vec<SignalType>, _> =
            types.iter().map(|name| named("chat_signal_types", name)).collect();
        settings.chat_signal_types = types?;
    }
    if let Some(retention) = patch.retention_s {
        if retention == Some(0) {
            return Err(Problem::invalid("retention_s", "must be at least one second"));
        }
        settings.retention = bounded("retention_s", retention)?;
    }
    if let Some(create) = patch.create_rooms_on_join {
        settings.create_rooms_on_join = create;
    }
    if let Some(dialects) = &patch.dialects {
        check_count("dialects", dialects.len())?;
        settings.dialects = dialects.iter().map(|name| name.to_string()).collect();
    }
    Ok(())
}

fn check_count(field: &'static str, count: usize) -> Result<(), Problem> {
    if count <= NAMES_MAX {
        return Ok(());
    }
    Err(sidetalk_core::refusal::Refusal::TooLarge { field, max: NAMES_MAX }.into())
}

fn project(project: &ports::Project) -> Project<'_> {
    let settings = &project.settings;
    Project {
        key: project.id.get(),
        name: &project.name,
        settings: ProjectSettings {
            chat_signal_types: settings.chat_signal_types.iter().map(SignalType::as_str).collect(),
            retention_s: settings.retention.map(|retention| retention.as_secs()),
            create_rooms_on_join: settings.create_rooms_on_join,
            dialects: settings.dialects.iter().map(String::as_str).collect(),
        },
    }
}
