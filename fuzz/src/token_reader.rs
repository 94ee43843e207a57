//! The reader of user tokens must refuse what the project has not signed, and survive whatever a signed one claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use sidetalk_api::token::{NoKeys, inspect, issuer, verify};
use sidetalk_core::model::{ProjectId, Timestamp};
use sidetalk_core::ports::{Project, ProjectSettings};

const SECRET: &str = "a secret of thirty-two characters";
const NOW: Timestamp = Timestamp::from_micros(1_795_253_400_000_000);

/// The bytes are a whole token first, then the claims of a token that is signed well.
///
/// # Panics
///
/// When reading does, or when a token that nobody signed is believed.
pub fn token_reader(bytes: &[u8]) {
    let project = project();
    if let Ok(token) = std::str::from_utf8(bytes) {
        let _ = (inspect(token), issuer(token));
        assert!(
            verify(token, Some(&project), &NoKeys, NOW).is_err(),
            "a token that nobody signed was believed"
        );
    }
    let _ = verify(&signed(bytes), Some(&project), &NoKeys, NOW);
}

fn signed(claims: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HMAC takes any key");
    format!("{message}.{signature}")
}

fn project() -> Project {
    Project {
        id: ProjectId::new(100_001).expect("a valid key"),
        name: "fuzz".into(),
        secret: SECRET.into(),
        previous_secret: None,
        settings: ProjectSettings::default(),
        created_at: NOW,
    }
}
