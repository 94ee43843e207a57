//! Credentials to who acts.

use std::net::IpAddr;

use http::HeaderMap;
use sidetalk_core::model::{Actor, Principal, ProjectId};
use sidetalk_edge::auth::{Credentials, credentials, is_same_secret};
use sidetalk_edge::metrics;
use sidetalk_edge::rate;

use crate::errors::Problem;
use crate::state::ApiState;
use crate::token::{self, BadToken, Verified};

impl ApiState {
    /// Verifies a token. A failure counts against the address.
    ///
    /// # Errors
    /// [`Problem::Unauthenticated`], [`Problem::TokenExpired`], a rate limit, or the store's failure.
    pub async fn verify(&self, token: &str, address: Option<IpAddr>) -> Result<Verified, Problem> {
        self.verified(token).await.map_err(|problem| self.count_failure(problem, "token", address))
    }

    async fn verified(&self, token: &str) -> Result<Verified, Problem> {
        let issuer = token::issuer(token)?;
        // Only a project's key in its one form names a project: `0100001` does not.
        let named = issuer.parse::<ProjectId>().ok().filter(|id| id.to_string() == issuer);
        let project = match named {
            Some(id) => self.service.project(id).await?,
            None => None,
        };
        let verified = token::verify(token, project.as_deref(), &*self.keys, self.service.now())?;
        // Also takes the project of a configured key into the service's cache.
        if self.service.project(verified.project).await?.is_none() {
            return Err(BadToken::Signature.into());
        }
        Ok(verified)
    }

    /// Who makes a REST request.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Verified, Problem> {
        let found = credentials(headers).map_err(|bad| Problem::Unauthenticated(bad.to_string().into()));
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Err(Problem::Unauthenticated("credentials are missing".into())),
            Err(problem) => return Err(self.count_failure(problem, "credentials", address)),
        };
        match found {
            Credentials::Bearer(token) => self.verify(&token, address).await,
            Credentials::Basic { user, password } => {
                // Over the limit, not even the right secret is told from the wrong ones.
                address.map_or(Ok(()), |address| self.rates.foresee_auth_failure(address, rate::now()))?;
                let verified = self.by_secret(&user, &password).await;
                verified.map_err(|problem| self.count_failure(problem, "secret", address))
            }
        }
    }

    async fn by_secret(&self, key: &str, secret: &str) -> Result<Verified, Problem> {
        let wrong = || Problem::Unauthenticated("the project's key or secret is wrong".into());
        let id: ProjectId = key.parse().map_err(|_| wrong())?;
        let project = self.service.project(id).await?;
        // Compares something in any case, so that the time does not tell which projects exist.
        let known = project.as_ref().map_or("", |project| &*project.secret);
        if !is_same_secret(secret, known) || known.is_empty() {
            return Err(wrong());
        }
        let expires_at = sidetalk_core::model::Timestamp::from_micros(i64::MAX);
        Ok(Verified { project: id, actor: Actor::Server, expires_at, connection: None, dialect: None })
    }

    fn count_failure(&self, problem: Problem, reason: &'static str, address: Option<IpAddr>) -> Problem {
        let is_failure = matches!(problem, Problem::Unauthenticated(_));
        if is_failure {
            metrics::auth_failed(reason);
        } else if matches!(problem, Problem::TokenExpired) {
            metrics::auth_failed("expired");
        }
        match address.filter(|_| is_failure).map(|address| self.rates.auth_failure(address, rate::now())) {
            Some(Err(limited)) => limited.into(),
            _ => problem,
        }
    }
}

impl Verified {
    /// As somebody who acts without a connection.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            project: self.project,
            actor: self.actor.clone(),
            connection: None,
            dialect: Some(crate::DIALECT),
        }
    }
}
