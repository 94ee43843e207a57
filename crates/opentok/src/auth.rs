//! Who calls REST: an application's server, by a JWT that the project's secret or an application's key has signed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::Project;
use sidetalk_core::refusal::Failure;
use sidetalk_edge::auth::{Credentials, credentials};

use crate::ids::ProjectName;
use crate::jwt::Jwt;
use crate::signer::signer;
use crate::state::OpenTokState;
use crate::token::seconds;
use crate::wire::{AUTH_HEADER, Claims, PROJECT_LEVEL};

/// How far the clocks of servers may differ from ours.
pub(crate) const SKEW: Duration = Duration::from_secs(10);

/// Who calls.
pub(crate) struct Caller {
    pub(crate) project: Arc<Project>,
    /// The name under which it calls.
    pub(crate) name: ProjectName,
}

/// Why a request is not served.
pub(crate) enum Denied {
    /// The token is missing or not good, and why.
    Forbidden(&'static str),
    /// Too many wrong ones came from there.
    TooMany { wait_ms: u64 },
    /// The store does not answer.
    Failed(Failure),
}

/// Says who calls.
pub(crate) async fn caller(
    state: &OpenTokState,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Caller, Denied> {
    let outcome = match token_in(headers) {
        Some(token) => read(state, &token).await,
        None => Err(Denied::Forbidden("No suitable authentication found")),
    };
    if let Err(Denied::Forbidden(_)) = outcome {
        state.note_failure(address).map_err(|limited| Denied::TooMany { wait_ms: limited.wait_ms })?;
    }
    outcome
}

/// The vendor's own header before the common one.
fn token_in(headers: &HeaderMap) -> Option<String> {
    let mut own = headers.get_all(AUTH_HEADER).iter();
    if let Some(token) = own.next() {
        // With two of them, two readers could choose differently.
        return own.next().map_or_else(|| token.to_str().ok().map(str::to_owned), |_| None);
    }
    match credentials(headers) {
        Ok(Some(Credentials::Bearer(token))) => Some(token),
        _ => None,
    }
}

async fn read(state: &OpenTokState, token: &str) -> Result<Caller, Denied> {
    const INVALID: Denied = Denied::Forbidden("Invalid token");
    let jwt = Jwt::read(token.trim()).ok_or(INVALID)?;
    let claims: Claims = jwt.claims().ok_or(INVALID)?;
    if !is_of_a_server(&claims, &jwt) {
        return Err(Denied::Forbidden("This token is not one of a server"));
    }
    let now = state.service.now();
    let is_expired = !is_current(&claims, now);
    let name = issuer(claims).ok_or(Denied::Forbidden("Issuer not found"))?;
    let signer = signer(state, name).await.map_err(Denied::Failed)?;
    let signer = signer.ok_or(Denied::Forbidden("Issuer not found"))?;
    if !signer.has_signed(&jwt, now) {
        return Err(INVALID);
    }
    if is_expired {
        return Err(Denied::Forbidden("Token has expired"));
    }
    Ok(Caller { project: signer.project, name })
}

/// Tokens of people are signed with the same keys, the vendor's and ours. They do not open REST.
fn is_of_a_server(claims: &Claims, jwt: &Jwt<'_>) -> bool {
    let levels = [&claims.ist, &jwt.header.ist].into_iter().flatten();
    let texts = [&claims.session_id, &claims.role, &claims.scope, &claims.connection_data];
    let others = [&claims.sub, &claims.subject, &claims.room];
    levels.into_iter().all(|level| level == PROJECT_LEVEL)
        && texts.into_iter().all(Option::is_none)
        && others.into_iter().all(Option::is_none)
}

/// It must end; it need not say when it was made.
fn is_current(claims: &Claims, now: Timestamp) -> bool {
    let ends = claims.exp.as_ref().and_then(seconds);
    let begins = claims.nbf.as_ref().map(seconds);
    ends.is_some_and(|ends| now < ends.plus(SKEW))
        && begins.is_none_or(|begins| begins.is_some_and(|begins| begins <= now.plus(SKEW)))
}

/// In whose name it is signed: of an application if it names one, else of the project.
pub(crate) fn issuer(claims: Claims) -> Option<ProjectName> {
    let name = claims.application_id.or_else(|| claims.iss.map(crate::wire::TextOrNumber::into_text))?;
    ProjectName::read(&name)
}
