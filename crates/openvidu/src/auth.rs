//! Who calls REST: the application's server, by HTTP Basic with the user `OPENVIDUAPP` and a project's secret.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use sidetalk_core::ports::{Project, ProjectSettings};
use sidetalk_core::refusal::Failure;
use sidetalk_edge::auth::{Credentials, credentials, is_same_secret};
use sidetalk_edge::gate::Household;
use sidetalk_edge::rate::{self, Limited};

use crate::DIALECT;
use crate::state::OpenViduState;

/// The user's name, fixed by the vendor.
const USER: &str = "OPENVIDUAPP";

/// Why a request is not served.
pub(crate) enum Denied {
    /// Missing or wrong credentials.
    Unauthorized,
    /// Too many wrong ones came from there.
    TooMany {
        /// How long to wait.
        wait_ms: u64,
    },
    /// The store does not answer.
    Failed(Failure),
}

/// Whether a project speaks this dialect.
pub(crate) fn speaks(settings: &ProjectSettings) -> bool {
    settings.dialects.is_empty() || settings.dialects.iter().any(|name| name == DIALECT.as_str())
}

/// The project whose server calls.
pub(crate) async fn project_of(
    state: &OpenViduState,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Arc<Project>, Denied> {
    let Ok(Some(Credentials::Basic { user, password })) = credentials(headers) else {
        return Err(Denied::Unauthorized);
    };
    let now = rate::now();
    let failures = state.auth_failures.as_ref().zip(address.map(Household::from));
    if user == USER && !password.is_empty() {
        if let Some(project) = last(state, &password).await.map_err(Denied::Failed)? {
            return Ok(project);
        }
        // Whoever guesses too often is not even compared any more.
        failures.map_or(Ok(()), |(failures, address)| failures.foresee(&address, now)).map_err(too_many)?;
        if let Some(project) = by_secret(state, &password).await.map_err(Denied::Failed)? {
            return Ok(project);
        }
    }
    failures.map_or(Ok(()), |(failures, address)| failures.check(&address, now)).map_err(too_many)?;
    Err(Denied::Unauthorized)
}

fn too_many(limited: Limited) -> Denied {
    Denied::TooMany { wait_ms: limited.wait_ms }
}

/// The project of the last call, if the secret is its own: most servers have one, and need not look for it.
async fn last(state: &OpenViduState, secret: &str) -> Result<Option<Arc<Project>>, Failure> {
    let Some(last) = *state.credentials.lock() else { return Ok(None) };
    Ok(state.service.project(last).await?.filter(|project| opens(project, secret)))
}

/// The project with that secret, which is all that a caller says.
async fn by_secret(state: &OpenViduState, secret: &str) -> Result<Option<Arc<Project>>, Failure> {
    for project in state.service.store().projects().await? {
        // The service's own copy: it is the one that has what was changed last.
        let Some(project) = state.service.project(project.id).await? else { continue };
        if opens(&project, secret) {
            *state.credentials.lock() = Some(project.id);
            return Ok(Some(project));
        }
    }
    Ok(None)
}

fn opens(project: &Project, secret: &str) -> bool {
    speaks(&project.settings) && is_same_secret(secret, &*project.secret)
}
