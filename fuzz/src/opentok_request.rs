//! The readers of the OpenTok dialect must understand every text in one way, and survive whatever a signed one says.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sidetalk_opentok::fuzzing::{body, session, token};

/// The bytes are taken for a body of REST, for a session id, for a token, and for what tokens of both forms carry.
///
/// # Panics
///
/// When reading does, when the same text is read in two ways, or when more is let through than fits.
pub fn opentok_request(bytes: &[u8]) {
    assert_eq!(body(bytes), body(bytes), "the same body was read in two ways");
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(session(text), session(text), "the same id was read in two ways");
        assert_eq!(token(text), token(text), "the same token was read in two ways");
    }
    let _ = session(&format!("1_{}", URL_SAFE_NO_PAD.encode(bytes)));
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256"}"#);
    let _ = token(&format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(bytes)));
    let first = [b"partner_id=100001&sig=0:", bytes].concat();
    let _ = token(&format!("T1=={}", STANDARD.encode(first)));
}
