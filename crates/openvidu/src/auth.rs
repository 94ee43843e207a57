//! Who calls REST: the application's server, by HTTP Basic with the user `OPENVIDUAPP` and a project's secret.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use sidetalk_core::ports::{Project, ProjectSettings};
use sidetalk_core::refusal::Failure;
use sidetalk_edge::auth::{Credentials, credentials, is_same_secret};

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
    if user == USER
        && !password.is_empty()
        && let Some(project) = by_secret(state, &password).await.map_err(Denied::Failed)?
    {
        return Ok(project);
    }
    let now = tokio::time::Instant::now().into_std();
    if let (Some(failures), Some(address)) = (&state.auth_failures, address)
        && let Err(limited) = failures.check(&address, now)
    {
        return Err(Denied::TooMany { wait_ms: limited.wait_ms });
    }
    Err(Denied::Unauthorized)
}

/// The project with that secret, which is all that a caller says. The one of the last call is tried first.
async fn by_secret(state: &OpenViduState, secret: &str) -> Result<Option<Arc<Project>>, Failure> {
    let last = *state.credentials.lock();
    if let Some(last) = last
        && let Some(project) = state.service.project(last).await?.filter(|project| opens(project, secret))
    {
        return Ok(Some(project));
    }
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
