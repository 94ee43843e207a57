//! Whose signature holds for a project: its secret, or the key of one of its applications.

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use sha1::{Digest as _, Sha1};
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::{Project, ProjectSettings};
use sidetalk_core::refusal::Failure;
use sidetalk_edge::auth::is_same_secret;

use crate::DIALECT;
use crate::application;
use crate::ids::ProjectName;
use crate::jwt::Jwt;
use crate::state::OpenTokState;

/// A project with the key that speaks for it under one of its names.
pub(crate) struct Signer {
    pub(crate) project: Arc<Project>,
    key: Key,
}

enum Key {
    /// The project's secret, and the one before for as long as it holds.
    Secret,
    Application(Box<DecodingKey>),
}

/// Whoever signs in that name; `None` if there is no such project, or it does not speak this dialect.
pub(crate) async fn signer(state: &OpenTokState, name: ProjectName) -> Result<Option<Signer>, Failure> {
    let (id, key) = match name {
        ProjectName::Key(id) => (id, Key::Secret),
        ProjectName::Application(id) => {
            let Some(application) = application::find(state, id).await? else { return Ok(None) };
            let Ok(key) = application.key() else {
                tracing::warn!(application.id = %id, "the stored public key of an application cannot be read");
                return Ok(None);
            };
            (application.project, Key::Application(Box::new(key)))
        }
    };
    let project = state.service.project(id).await?.filter(|project| speaks(&project.settings));
    Ok(project.map(|project| Signer { project, key }))
}

fn speaks(settings: &ProjectSettings) -> bool {
    settings.dialects.is_empty() || settings.dialects.iter().any(|name| name == DIALECT.as_str())
}

impl Signer {
    /// Whether the token is signed by it.
    pub(crate) fn has_signed(&self, jwt: &Jwt<'_>, now: Timestamp) -> bool {
        match &self.key {
            Key::Secret => self.secrets(now).any(|secret| jwt.is_signed_with(secret)),
            Key::Application(key) => jwt.is_signed_by_rsa(key),
        }
    }

    /// Whether this is the lower-case hexadecimal HMAC-SHA1 of the text under its secret, as in tokens of the first form.
    /// An application has no secret.
    pub(crate) fn has_authenticated(&self, text: &[u8], mac: &str, now: Timestamp) -> bool {
        let is_mac = |secret: &str| is_same_secret(mac, hex(&hmac_sha1(secret.as_bytes(), text)));
        match &self.key {
            Key::Secret => self.secrets(now).any(is_mac),
            Key::Application(_) => false,
        }
    }

    fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let previous = self.project.previous_secret.as_ref().filter(|(_, until)| now < *until);
        let secrets = [Some(&self.project.secret), previous.map(|(secret, _)| secret)];
        secrets.into_iter().flatten().map(|secret| &**secret).filter(|secret| !secret.is_empty())
    }
}

/// RFC 2104.
fn hmac_sha1(key: &[u8], text: &[u8]) -> [u8; 20] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha1::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202, 3.
    #[test]
    fn the_hmac_is_that_of_the_standard() {
        let mac = |key: &[u8], text: &[u8]| hex(&hmac_sha1(key, text));
        assert_eq!(mac(&[0x0b; 20], b"Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00");
        assert_eq!(mac(b"Jefe", b"what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            mac(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        );
    }
}
