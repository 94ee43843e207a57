//! The readers of the OpenVidu dialect must understand every text in one way, and sign data without breaking it.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sidetalk_openvidu::fuzzing::{signed, understood};

/// The text is taken for a frame, for the signal in one, for a token and for a body of REST.
///
/// # Panics
///
/// When reading does, when the same text is read in two ways, or when a JSON object is none any more once it says who wrote it.
pub fn openvidu_request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert_eq!(understood(text), understood(text), "the same text was read in two ways");
    if serde_json::from_str::<Map<String, Value>>(text).is_ok() {
        let signed = signed(Cow::Borrowed(text), "\"A\" \\ {");
        let fields = serde_json::from_str::<Map<String, Value>>(&signed);
        assert!(fields.is_ok_and(|fields| fields.contains_key("author")), "an object was broken: {signed}");
    }
}
