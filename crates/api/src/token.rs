//! User and server tokens: JSON Web Tokens that any library can mint. Here they are minted, verified and looked into.
//!
//! The way of a token: shape and size -> header (only `alg`, `typ`, `kid` mean something; whatever could point at another
//! key is refused) -> claims -> the keys that its issuer may sign with -> the signature -> times. The algorithm is a
//! property of the key, never of the token: a header that names another one is refused before anything is computed.

mod keys;
mod minting;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use sidetalk_core::model::{
    Actor, ConnectionId, GroupName, Identity, ProjectId, Role, RoomName, Timestamp, UserId,
};
use sidetalk_core::ports::Project;
use thiserror::Error;
use uuid::Uuid;

pub use keys::{BadKey, Issuer, KeySet, Keys, NoKeys, TrustedKey};
pub use minting::{Mint, mint, mint_server};

/// The longest token.
pub const BYTES_MAX: usize = 8 * 1024;
/// How far the clocks of the one who mints and of this server may differ.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// The most rooms that one token names.
pub const ROOMS_MAX: usize = 100;
/// The most groups that one token names.
pub const GROUPS_MAX: usize = 100;
/// The longest display name and the longest address of a picture.
pub const NAME_BYTES_MAX: usize = 255;
/// The longest address of a picture.
pub const AVATAR_BYTES_MAX: usize = 2_048;
/// The longest text about its owner.
pub const DATA_BYTES_MAX: usize = 4 * 1024;
/// The `aud` that means us, where a key has no other.
pub const AUDIENCE: &str = "sidetalk";
/// 9999-12-31: the last year that an RFC 3339 time can say.
const SECONDS_MAX: u64 = 253_402_300_799;

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The tenant.
    pub project: ProjectId,
    /// The user, or the project's own server.
    pub actor: Actor,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The connection that was promised to its owner, if one was.
    pub connection: Option<ConnectionId>,
    /// The name of the dialect whose people its owner is one of, if that is another one than ours: drop-in scripts speak
    /// native.
    pub dialect: Option<Box<str>>,
}

/// Why a token is not accepted. The sentence tells whoever mints tokens what to mend; it never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadToken {
    /// It is not three parts of base64url, or too long.
    #[error("the token is not a JSON Web Token of at most {BYTES_MAX} bytes")]
    Shape,
    /// The header is not usable.
    #[error("the token's header {0}")]
    Header(&'static str),
    /// A claim is missing or not as it must be.
    #[error("the token's claim {claim} {problem}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The claims are not a JSON object of the expected types.
    #[error("the token's claims are not valid: {0}")]
    Claims(String),
    /// Nobody known signs for this issuer with this key and algorithm, or the signature is wrong.
    #[error("the token is not signed by a key of its project")]
    Signature,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It does not hold yet.
    #[error("the token is not valid yet")]
    NotYet,
}

fn claim(claim: &'static str, problem: impl Into<String>) -> BadToken {
    BadToken::Claim { claim, problem: problem.into() }
}

/// What a token says, before anybody has vouched for it. For people who look for a mistake.
#[derive(Clone, Debug, Serialize)]
pub struct Inspected {
    /// The header's algorithm.
    pub algorithm: String,
    /// The name of the key, if it names one.
    pub key: Option<String>,
    /// The claims as they stand.
    pub claims: serde_json::Value,
}

/// Looks into a token without trusting it.
///
/// # Errors
/// [`BadToken`] if it is not a token at all, or its header is refused.
pub fn inspect(token: &str) -> Result<Inspected, BadToken> {
    let parts = Parts::split(token)?;
    let header = parts.header()?;
    let payload = decode(parts.payload)?;
    let claims = serde_json::from_slice(&payload).map_err(|error| BadToken::Claims(error.to_string()))?;
    Ok(Inspected { algorithm: header.alg, key: header.kid, claims })
}

/// The issuer that a token names, before anybody has vouched for it: says which project's secret to fetch.
///
/// # Errors
/// As [`verify`].
pub fn issuer(token: &str) -> Result<String, BadToken> {
    #[derive(Deserialize)]
    struct OnlyIssuer {
        iss: Option<String>,
    }
    let payload = decode(Parts::split(token)?.payload)?;
    let claims: OnlyIssuer =
        serde_json::from_slice(&payload).map_err(|error| BadToken::Claims(error.to_string()))?;
    claims.iss.ok_or_else(|| claim("iss", "is missing"))
}

/// Verifies a token. `project` is the one that its issuer names by key, if there is such a project.
///
/// # Errors
/// [`BadToken`]; nothing in it is believed then.
pub fn verify(
    token: &str,
    project: Option<&Project>,
    keys: &dyn Keys,
    now: Timestamp,
) -> Result<Verified, BadToken> {
    let parts = Parts::split(token)?;
    let header = parts.header()?;
    let payload = decode(parts.payload)?;
    let claims: Claims =
        serde_json::from_slice(&payload).map_err(|error| BadToken::Claims(error.to_string()))?;
    let signer = parts.signer(&header, &claims, project, keys, now)?;
    claims.check_audience(signer.audience.as_deref())?;
    claims.check_times(now)?;
    claims.verified(signer.project)
}

fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(seconds.min(SECONDS_MAX)).unwrap_or(0) * 1_000_000)
}

fn decode(part: &str) -> Result<Vec<u8>, BadToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| BadToken::Shape)
}

/// The three parts of a token.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What is signed: header, dot, payload.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, BadToken> {
        if token.len() > BYTES_MAX {
            return Err(BadToken::Shape);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(BadToken::Shape)?;
        let (header, payload) = signed.split_once('.').ok_or(BadToken::Shape)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(BadToken::Shape);
        }
        Ok(Self { header, payload, signature, signed })
    }

    fn header(&self) -> Result<Header, BadToken> {
        let header: Header =
            serde_json::from_slice(&decode(self.header)?).map_err(|_| BadToken::Header("is not valid"))?;
        header.check()?;
        Ok(header)
    }

    /// The key that has signed this.
    fn signer(
        &self,
        header: &Header,
        claims: &Claims,
        project: Option<&Project>,
        keys: &dyn Keys,
        now: Timestamp,
    ) -> Result<Signer, BadToken> {
        // Checks that the signature is base64 in its one shortest form before any key sees it.
        decode(self.signature)?;
        if header.alg == "HS256" {
            let project = project.filter(|project| project.id.to_string() == claims.iss);
            let project = project.ok_or(BadToken::Signature)?;
            let previous = project.previous_secret.as_ref().filter(|(_, until)| now < *until);
            let mut secrets =
                [Some(&project.secret), previous.map(|(secret, _)| secret)].into_iter().flatten();
            let is_signed = secrets.any(|secret| {
                !secret.is_empty()
                    && self.is_signed_by(&DecodingKey::from_secret(secret.as_bytes()), Algorithm::HS256)
            });
            let signer = Signer { project: project.id, audience: None };
            return if is_signed { Ok(signer) } else { Err(BadToken::Signature) };
        }
        let candidates = keys.candidates(&claims.iss, header.kid.as_deref());
        let key = candidates
            .iter()
            .find(|key| {
                name_of(key.algorithm) == Some(&*header.alg) && self.is_signed_by(&key.key, key.algorithm)
            })
            .ok_or(BadToken::Signature)?;
        Ok(Signer { project: key.project, audience: key.audience.clone() })
    }

    fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm).unwrap_or(false)
    }
}

/// Whose signature it is.
struct Signer {
    project: ProjectId,
    audience: Option<String>,
}

fn name_of(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::RS256 => Some("RS256"),
        Algorithm::ES256 => Some("ES256"),
        Algorithm::EdDSA => Some("EdDSA"),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    cty: Option<String>,
    kid: Option<String>,
    // Whoever lets the token choose its key has no key.
    jku: Option<serde::de::IgnoredAny>,
    jwk: Option<serde::de::IgnoredAny>,
    x5u: Option<serde::de::IgnoredAny>,
    x5c: Option<serde::de::IgnoredAny>,
    crit: Option<serde::de::IgnoredAny>,
    zip: Option<serde::de::IgnoredAny>,
    b64: Option<serde::de::IgnoredAny>,
    enc: Option<serde::de::IgnoredAny>,
}

impl Header {
    fn check(&self) -> Result<(), BadToken> {
        if !["HS256", "RS256", "ES256", "EdDSA"].contains(&&*self.alg) {
            return Err(BadToken::Header("names an algorithm other than HS256, RS256, ES256 and EdDSA"));
        }
        if self.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) || self.cty.is_some() {
            return Err(BadToken::Header("is not of a plain JWT"));
        }
        let key = [&self.jku, &self.jwk, &self.x5u, &self.x5c];
        if key.into_iter().any(Option::is_some) {
            return Err(BadToken::Header("brings or points at a key"));
        }
        if [&self.crit, &self.zip, &self.b64, &self.enc].into_iter().any(Option::is_some) {
            return Err(BadToken::Header("asks for an extension"));
        }
        Ok(())
    }
}

/// The claims that mean something to us. Others are passed over; a claim that is there twice is refused by serde.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    sub: Option<String>,
    scope: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<Seconds>,
    nbf: Option<Seconds>,
    iat: Option<Seconds>,
    name: Option<String>,
    avatar: Option<String>,
    room: Option<OneOrMany>,
    role: Option<String>,
    groups: Option<Vec<String>>,
    guest: Option<bool>,
    data: Option<String>,
    connection: Option<Uuid>,
    dialect: Option<String>,
}

/// A whole number of seconds: a text or a fraction is refused (CVE-2026-25537 is about a text).
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Seconds(u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Claims {
    fn check_audience(&self, needed: Option<&str>) -> Result<(), BadToken> {
        let Some(audiences) = &self.aud else {
            return if needed.is_none() { Ok(()) } else { Err(claim("aud", "is missing")) };
        };
        let needed = needed.unwrap_or(AUDIENCE);
        let is_ours = audiences.as_slice().iter().any(|audience| audience == needed);
        if is_ours { Ok(()) } else { Err(claim("aud", "is for somebody else")) }
    }

    fn check_times(&self, now: Timestamp) -> Result<(), BadToken> {
        let exp = self.exp.ok_or_else(|| claim("exp", "is missing"))?;
        for (name, at) in [("exp", self.exp), ("nbf", self.nbf), ("iat", self.iat)] {
            if at.is_some_and(|at| at.0 > SECONDS_MAX) {
                return Err(claim(name, "is after the year 9999"));
            }
        }
        if now >= seconds(exp.0).plus(LEEWAY) {
            return Err(BadToken::Expired);
        }
        let begins = [self.nbf, self.iat].into_iter().flatten().map(|at| seconds(at.0)).max();
        if begins.is_some_and(|begins| begins > now.plus(LEEWAY)) {
            return Err(BadToken::NotYet);
        }
        Ok(())
    }

    fn verified(self, project: ProjectId) -> Result<Verified, BadToken> {
        let expires_at = seconds(self.exp.ok_or_else(|| claim("exp", "is missing"))?.0);
        let connection = self.connection.map(ConnectionId::from_uuid);
        let dialect = self.dialect.as_deref().map(Into::into);
        let actor = match (self.scope.as_deref(), &self.sub) {
            (Some("server"), None) => Actor::Server,
            (Some("server"), Some(_)) => return Err(claim("sub", "does not go with scope server")),
            (Some(_), _) => return Err(claim("scope", "must be server")),
            (None, None) => return Err(claim("sub", "is missing")),
            (None, Some(_)) => Actor::User(Arc::new(self.identity(expires_at)?)),
        };
        Ok(Verified { project, actor, expires_at, connection, dialect })
    }

    fn identity(self, expires_at: Timestamp) -> Result<Identity, BadToken> {
        let user = UserId::new(self.sub.as_deref().unwrap_or_default())
            .map_err(|problem| claim("sub", problem.to_string()))?;
        let name: Arc<str> = match &self.name {
            Some(name) => {
                display_name(name).ok_or_else(|| claim("name", "is empty, too long or not plain text"))?
            }
            None => user.as_str().into(),
        };
        let avatar = match &self.avatar {
            Some(avatar) if is_https(avatar) => Some(avatar.as_str().into()),
            Some(_) => return Err(claim("avatar", "is not an https: address")),
            None => None,
        };
        let role = match &self.role {
            Some(role) => Role::from_name(role).ok_or_else(|| claim("role", "is not a role"))?,
            None if self.guest == Some(true) => Role::Guest,
            None => Role::Member,
        };
        let groups = self.groups.unwrap_or_default();
        if groups.len() > GROUPS_MAX {
            return Err(claim("groups", format!("has more than {GROUPS_MAX} names")));
        }
        let groups: Result<Vec<_>, _> = groups.iter().map(|group| GroupName::new(group)).collect();
        let rooms = self.room.as_ref().map(OneOrMany::as_slice);
        if rooms.is_some_and(|rooms| rooms.len() > ROOMS_MAX) {
            return Err(claim("room", format!("has more than {ROOMS_MAX} names")));
        }
        let rooms: Option<Result<Vec<_>, _>> =
            rooms.map(|rooms| rooms.iter().map(|room| RoomName::new(room)).collect());
        Ok(Identity {
            user,
            name,
            avatar,
            role,
            groups: groups.map_err(|problem| claim("groups", problem.to_string()))?.into(),
            data: match self.data {
                Some(data) if data.len() > DATA_BYTES_MAX => {
                    return Err(claim("data", format!("is longer than {DATA_BYTES_MAX} bytes")));
                }
                data => data.unwrap_or_default().into(),
            },
            rooms: rooms.transpose().map_err(|problem| claim("room", problem.to_string()))?.map(Into::into),
            issued_at: self.iat.map(|at| seconds(at.0)),
            expires_at: Some(expires_at),
        })
    }
}

/// A display name: not empty, not too long, no control characters.
pub(crate) fn display_name(name: &str) -> Option<Arc<str>> {
    let fits = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    fits.then(|| name.into())
}

/// Whether this can stand in an `img` without harm.
pub(crate) fn is_https(address: &str) -> bool {
    let is_plain = |byte: u8| byte > 0x20 && byte != 0x7f && !b"\"'<>\\^`{|}".contains(&byte);
    address.starts_with("https://")
        && address.len() > "https://".len()
        && address.len() <= AVATAR_BYTES_MAX
        && address.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
