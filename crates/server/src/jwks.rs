//! The public keys that the configuration trusts: read from files, or fetched from the configured address and from no
//! other. What a token says about keys is never followed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;
use sidetalk_api::token::{Issuer, KeySet};
use sidetalk_core::model::ProjectId;
use tokio::sync::watch;

use crate::config::sections::ProjectKeyEntry;
use crate::config::setting::KeyAlgorithm;
use crate::lifecycle::Stop;

/// The largest key set.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// How long fetching may take.
const FETCH_WAIT: Duration = Duration::from_secs(10);

/// How soon a failed reading is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(15);

/// A key set that is read again and again.
#[derive(Clone, Debug)]
pub struct Watched {
    issuer: Issuer,
    source: Source,
    refresh: Duration,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Url(String),
}

/// Reads the PEM files; gives the key sets that are to be watched.
///
/// # Errors
/// If a PEM file cannot be read or is not a key of its algorithm.
pub fn load(entries: &[ProjectKeyEntry], keys: &KeySet) -> Result<Vec<Watched>> {
    let mut watched = Vec::new();
    for entry in entries {
        let issuer = Issuer {
            name: entry.issuer.clone(),
            project: ProjectId::new(entry.project).context("the configuration was checked")?,
            audience: entry.audience.clone(),
        };
        if let Some(file) = &entry.public_key_file {
            let what = || format!("public_key_file {} of issuer {}", file.display(), entry.issuer);
            let pem = std::fs::read(file).with_context(what)?;
            keys.add_pem(&issuer, algorithm(entry.algorithm), None, &pem).with_context(what)?;
            continue;
        }
        let file = entry.jwks_file.clone().map(Source::File);
        let source = file.or_else(|| entry.jwks_url.clone().map(Source::Url));
        let source = source.context("the configuration was checked")?;
        watched.push(Watched { issuer, source, refresh: entry.refresh });
    }
    Ok(watched)
}

const fn algorithm(algorithm: KeyAlgorithm) -> Algorithm {
    match algorithm {
        KeyAlgorithm::Rs256 => Algorithm::RS256,
        KeyAlgorithm::Es256 => Algorithm::ES256,
        KeyAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

impl Watched {
    /// Reads the key set now and then, and when asked to, until asked to stop. A reading that fails leaves the keys as they were.
    pub async fn keep(self, keys: Arc<KeySet>, mut reload: watch::Receiver<()>, mut stop: Stop) {
        loop {
            let read = tokio::select! {
                () = stop.asked() => return,
                read = self.read() => read,
            };
            let wait = match read {
                Ok(document) => {
                    let used = keys.set_jwks(&self.issuer, &document);
                    metrics::counter!("sidetalk_jwks_reads_total", "result" => "ok").increment(1);
                    tracing::debug!(issuer = self.issuer.name, keys = used, "a key set was read");
                    self.refresh
                }
                Err(error) => {
                    metrics::counter!("sidetalk_jwks_reads_total", "result" => "failed").increment(1);
                    let (issuer, error) = (&self.issuer.name, format!("{error:#}"));
                    tracing::warn!(issuer, error, "a key set cannot be read; its last keys stay");
                    self.refresh.min(RETRY_AFTER)
                }
            };
            tokio::select! {
                goes_on = stop.sleep(wait) => if !goes_on { return },
                // If nobody can ask any more, the process is at its end.
                Ok(()) = reload.changed() => {}
            }
        }
    }

    async fn read(&self) -> Result<JwkSet> {
        match &self.source {
            Source::File(path) => read_file(path),
            Source::Url(url) => parse(&fetch(url).await.with_context(|| format!("cannot fetch {url}"))?),
        }
    }
}

/// Reads a key set from a file.
///
/// # Errors
/// If it cannot be read or is none.
pub fn read_file(path: &Path) -> Result<JwkSet> {
    let document = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&document).with_context(|| path.display().to_string())
}

fn parse(document: &[u8]) -> Result<JwkSet> {
    if document.len() > DOCUMENT_BYTES_MAX {
        bail!("the key set is larger than {DOCUMENT_BYTES_MAX} bytes");
    }
    serde_json::from_slice(document).context("not a JSON Web Key Set")
}

/// Follows no redirect: another address is not the configured one.
async fn fetch(url: &str) -> Result<Vec<u8>> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(FETCH_WAIT)
        .user_agent(concat!("sidetalk/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let mut response = client.get(url).send().await?;
    if response.status() != reqwest::StatusCode::OK {
        bail!("the answer is {}", response.status());
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        document.extend_from_slice(&chunk);
        if document.len() > DOCUMENT_BYTES_MAX {
            bail!("the key set is larger than {DOCUMENT_BYTES_MAX} bytes");
        }
    }
    Ok(document)
}
