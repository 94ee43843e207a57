//! JSON Web Tokens as far as this dialect has them: signed with a project's secret (HS256) or by an application's key
//! (RS256). Which of the two is a property of the key, never of the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// The longest token that is looked at.
pub(crate) const BYTES_MAX: usize = 8 * 1024;

/// A token that nobody has vouched for yet.
pub(crate) struct Jwt<'a> {
    pub(crate) header: Header,
    payload: Vec<u8>,
    /// Header, dot, payload.
    signed: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    /// Some of the vendor's server clients put this claim here.
    pub(crate) ist: Option<String>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart. `None`: it is not one.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        if token.len() > BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let is_plain = header.crit.is_none() && header.b64.is_none();
        // The signature must be base64 in its one shortest form.
        URL_SAFE_NO_PAD.decode(signature).ok().filter(|signature| is_plain && !signature.is_empty())?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        Some(Self { header, payload, signed, signature })
    }

    /// What it says, believed or not. Claims of another type than they must have make it unreadable.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// Whether this secret has signed it.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        !secret.is_empty()
            && self.header.alg == "HS256"
            && self.is_signed_by(&DecodingKey::from_secret(secret.as_bytes()), Algorithm::HS256)
    }

    /// Whether the private key of this public one has signed it.
    pub(crate) fn is_signed_by_rsa(&self, key: &DecodingKey) -> bool {
        self.header.alg == "RS256" && self.is_signed_by(key, Algorithm::RS256)
    }

    fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm).unwrap_or(false)
    }
}
