//! The decoder of the native socket's requests must answer every text with a request or a problem, and soon.

use sidetalk_api::from_wire::decode_request;

/// What is not UTF-8 never comes this far: the frame reader refuses it.
///
/// # Panics
///
/// When decoding does, or decodes the same text in two ways.
pub fn command_decoder(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let once = decode_request(text).map(|request| request.id);
    let twice = decode_request(text).map(|request| request.id);
    assert_eq!(format!("{once:?}"), format!("{twice:?}"), "the same text was read in two ways");
}
