//! The keys that may sign tokens, beside the projects' secrets.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use sidetalk_core::model::ProjectId;
use thiserror::Error;

/// A key that may sign tokens of one project.
#[derive(Clone)]
pub struct TrustedKey {
    /// The tenant that its tokens belong to.
    pub project: ProjectId,
    /// The only algorithm that it is used with.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
    /// Its name, if tokens name it.
    pub kid: Option<String>,
    /// The `aud` that its tokens must carry; `None`: an `aud` is not needed, and if there is one it must be [`AUDIENCE`](super::AUDIENCE).
    pub audience: Option<String>,
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedKey")
            .field("project", &self.project)
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Knows the keys that a configuration trusts, beside the projects' secrets.
pub trait Keys: Send + Sync + 'static {
    /// The keys that may have signed a token of `issuer` that names `kid`.
    fn candidates(&self, issuer: &str, kid: Option<&str>) -> Vec<Arc<TrustedKey>>;
}

/// No keys but the projects' secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl Keys for NoKeys {
    fn candidates(&self, _issuer: &str, _kid: Option<&str>) -> Vec<Arc<TrustedKey>> {
        Vec::new()
    }
}

/// Keys by issuer: from PEM files, and from JWKS documents that somebody else fetches.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: ArcSwap<Vec<IssuerKey>>,
}

#[derive(Clone, Debug)]
struct IssuerKey {
    issuer: String,
    from_jwks: bool,
    key: Arc<TrustedKey>,
}

/// Why a key cannot be trusted.
#[derive(Debug, Error)]
pub enum BadKey {
    /// Only RS256, ES256 and EdDSA are taken: a shared secret is a project's.
    #[error("the algorithm must be RS256, ES256 or EdDSA")]
    Algorithm,
    /// The key cannot be read.
    #[error("the key cannot be read: {0}")]
    Unreadable(#[from] jsonwebtoken::errors::Error),
}

/// Whose key it is.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The `iss` of its tokens.
    pub name: String,
    /// The tenant that its tokens belong to.
    pub project: ProjectId,
    /// The `aud` that its tokens must carry.
    pub audience: Option<String>,
}

impl KeySet {
    /// Trusts a public key in PEM form, for tokens of `issuer` that name `kid` (or any, without one).
    ///
    /// # Errors
    /// [`BadKey`] if it is not a key of that algorithm.
    pub fn add_pem(
        &self,
        issuer: &Issuer,
        algorithm: Algorithm,
        kid: Option<String>,
        pem: &[u8],
    ) -> Result<(), BadKey> {
        let key = match algorithm {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem)?,
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem)?,
            Algorithm::EdDSA => DecodingKey::from_ed_pem(pem)?,
            _ => return Err(BadKey::Algorithm),
        };
        let key = trusted(issuer, algorithm, kid, key);
        self.keys.rcu(|keys| {
            let new = IssuerKey { issuer: issuer.name.clone(), from_jwks: false, key: key.clone() };
            keys.iter().cloned().chain([new]).collect::<Vec<_>>()
        });
        Ok(())
    }

    /// Trusts the signing keys of a JWKS document, instead of those that an earlier document of this issuer brought.
    /// Keys that we have no use for are passed over; says how many are used.
    pub fn set_jwks(&self, issuer: &Issuer, document: &JwkSet) -> usize {
        let fresh: Vec<_> = document.keys.iter().filter_map(|jwk| jwk_key(issuer, jwk)).collect();
        self.keys.rcu(|keys| {
            let others = keys.iter().filter(|key| !(key.from_jwks && key.issuer == issuer.name)).cloned();
            let new = fresh.iter().map(|key| IssuerKey {
                issuer: issuer.name.clone(),
                from_jwks: true,
                key: key.clone(),
            });
            others.chain(new).collect::<Vec<_>>()
        });
        fresh.len()
    }
}

impl Keys for KeySet {
    fn candidates(&self, issuer: &str, kid: Option<&str>) -> Vec<Arc<TrustedKey>> {
        let keys = self.keys.load();
        let named = keys.iter().filter(|known| known.issuer == issuer).map(|known| &known.key);
        named.filter(|key| key.kid.is_none() || key.kid.as_deref() == kid).cloned().collect()
    }
}

fn trusted(issuer: &Issuer, algorithm: Algorithm, kid: Option<String>, key: DecodingKey) -> Arc<TrustedKey> {
    Arc::new(TrustedKey { project: issuer.project, algorithm, key, kid, audience: issuer.audience.clone() })
}

fn jwk_key(issuer: &Issuer, jwk: &jsonwebtoken::jwk::Jwk) -> Option<Arc<TrustedKey>> {
    use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, PublicKeyUse};
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    // The type of the key fixes the algorithm; a document that names another one does not change that.
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(trusted(issuer, algorithm, jwk.common.key_id.clone(), key))
}
