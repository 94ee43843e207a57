//! Checking UTF-8, whole or as it arrives.

/// Below this the general routine's set-up costs more than it saves.
const SHORT_BYTES: usize = 64;

/// The text, if all of it is UTF-8.
pub(crate) fn whole(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < SHORT_BYTES {
        return std::str::from_utf8(bytes).ok();
    }
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Continues a check at `checked_bytes` and returns how far whole characters reach now. `None` as soon as no further
/// byte could make the text valid. At most three bytes are looked at twice.
pub(crate) fn advance(bytes: &[u8], checked_bytes: usize) -> Option<usize> {
    let fresh = &bytes[checked_bytes..];
    let (valid_bytes, is_incomplete) = if fresh.len() < SHORT_BYTES {
        match std::str::from_utf8(fresh) {
            Ok(_) => return Some(bytes.len()),
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        }
    } else {
        match simdutf8::compat::from_utf8(fresh) {
            Ok(_) => return Some(bytes.len()),
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        }
    };
    is_incomplete.then_some(checked_bytes + valid_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_arrive_in_pieces() {
        let text = "κόσμε 😀".repeat(20);
        let mut checked_bytes = 0;
        for end in 0..=text.len() {
            checked_bytes = advance(&text.as_bytes()[..end], checked_bytes).unwrap();
            assert!(end - checked_bytes < 4);
        }
        assert_eq!(checked_bytes, text.len());
    }

    #[test]
    fn a_hopeless_byte_is_refused_at_once() {
        for bad in [&b"\xc0"[..], b"\xff", b"\xed\xa0", b"\xf4\x90", b"\xf0\x80", b"a\x80", b"\xe2\x28"] {
            assert_eq!(advance(bad, 0), None, "{bad:x?}");
            let mut long = vec![b'x'; 200];
            long.extend_from_slice(bad);
            assert_eq!(advance(&long, 0), None, "long {bad:x?}");
        }
        for short in [&b"\xc2"[..], b"\xed\x9f", b"\xf4\x8f", b"\xf0\x9f\x98"] {
            assert_eq!(advance(short, 0), Some(0));
        }
    }
}
