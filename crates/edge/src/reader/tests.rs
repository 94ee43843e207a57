//! Frames as bytes, messages as text. The same input is read in one piece, byte by byte and in odd pieces.

use super::*;
use crate::close::Code;

/// A masked client frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0xA2, 0x33, 0x74];
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

fn feed(limits: &FrameLimits, bytes: &[u8], piece_bytes: usize) -> Vec<String> {
    let mut reader = FrameReader::new();
    let mut seen = Vec::new();
    for piece in bytes.chunks(piece_bytes) {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            match reader.read(limits, &mut piece[at..]) {
                Ok((used, None)) => {
                    assert_eq!(at + used, piece.len(), "everything is taken when there is no message");
                    break;
                }
                Ok((used, Some(message))) => {
                    at += used;
                    seen.push(format!("{message:?}"));
                }
                Err(violation) => {
                    seen.push(format!("{} {violation}", violation.close().number));
                    return seen;
                }
            }
        }
    }
    if reader.is_idle() {
        seen.push("idle".to_owned());
    }
    seen
}

#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    for piece_bytes in [usize::MAX, 1, 2, 3, 7, 64] {
        let seen = feed(&FrameLimits::default(), bytes, piece_bytes.min(bytes.len().max(1)));
        assert_eq!(seen, expected, "in pieces of {piece_bytes}");
    }
}

#[test]
fn whole_messages_are_read() {
    check(&frame(0x81, b"hi"), &["Text(\"hi\")", "idle"]);
    check(&frame(0x82, &[0, 255]), &["Binary([0, 255])", "idle"]);
    check(&frame(0x81, b""), &["Text(\"\")", "idle"]);
    check(&frame(0x89, b"p"), &["Ping([112])", "idle"]);
    check(&frame(0x8A, b""), &["Pong([])", "idle"]);
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes =
        [frame(0x01, b"a"), frame(0x89, b"1"), frame(0x00, b"b"), frame(0x89, b""), frame(0x80, b"c")]
            .concat();
    check(&bytes, &["Ping([49])", "Ping([])", "Text(\"abc\")", "idle"]);
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let bytes = [frame(0x01, b"\xce"), frame(0x80, b"\xba"), frame(0x81, b"x")].concat();
    check(&bytes, &["Text(\"κ\")", "Text(\"x\")", "idle"]);
}

#[test]
fn longer_lengths_are_read() {
    for len in [125, 126, 127, 0xFFFF, 0x1_0000] {
        let seen = feed(&FrameLimits::default(), &frame(0x82, &vec![7; len]), 1000);
        assert_eq!(seen.len(), 2, "{len}");
        assert!(seen[0].starts_with("Binary([7, 7"));
    }
}

#[test]
fn broken_frames_are_named() {
    for first in [0xC1, 0xA1, 0x91, 0xF1] {
        check(&frame(first, b""), &["1002 a reserved bit is set"]);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&frame(0x80 | opcode, b""), &["1002 the opcode is reserved"]);
    }
    check(b"\x81\x02hi", &["1002 the frame is not masked"]);
    check(&frame(0x09, b""), &["1002 a control frame is fragmented"]);
    check(&frame(0x89, &[0; 126]), &["1002 a control frame is too long"]);
    check(&frame(0x80, b""), &["1002 a continuation without a message"]);
    check(&[frame(0x01, b"a"), frame(0x81, b"b")].concat(), &["1002 a message inside a message"]);
    check(b"\x81\xfe\x00\x7d\0\0\0\0", &["1002 the length is not in its shortest form"]);
    check(b"\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", &["1002 the length is not in its shortest form"]);
}

#[test]
fn bad_text_fails_before_the_message_ends() {
    check(&frame(0x81, b"\xff"), &["1007 the text is not UTF-8"]);
    check(&frame(0x81, b"\xce"), &["1007 the text is not UTF-8"]);
    // The first fragment is already hopeless, though the message goes on.
    check(&frame(0x01, b"\xed\xa0"), &["1007 the text is not UTF-8"]);
    // So is half a frame.
    let half = &frame(0x81, b"\xf4\x90\x80\x80 and more")[..8];
    check(half, &["1007 the text is not UTF-8"]);
}

#[test]
fn close_frames_are_checked() {
    check(&frame(0x88, b""), &["Close(None)", "idle"]);
    check(&frame(0x88, b"\x03\xe8bye"), &["Close(Some((1000, \"bye\")))", "idle"]);
    check(&frame(0x88, b"\x03"), &["1002 the close number is not valid"]);
    check(&frame(0x88, b"\x03\xe8\xff"), &["1007 the text is not UTF-8"]);
    for number in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        check(&frame(0x88, &number.to_be_bytes()), &["1002 the close number is not valid"]);
    }
    for number in [1000_u16, 1003, 1007, 1011, 1014, 3000, 4000, 4999] {
        assert_eq!(feed(&FrameLimits::default(), &frame(0x88, &number.to_be_bytes()), 64).len(), 2);
    }
}

#[test]
fn claimed_lengths_are_refused_by_the_header_alone() {
    let over = [b"\x82\xff".as_slice(), &(64 * 1024 + 1_u64).to_be_bytes(), b"\0\0\0\0"].concat();
    check(&over, &["1009 the message is too long"]);
    let huge = [b"\x82\xff".as_slice(), &(1_u64 << 63).to_be_bytes(), b"\0\0\0\0"].concat();
    check(&huge, &["1009 the message is too long"]);
    let nearly = [b"\x82\xff".as_slice(), &((1_u64 << 63) - 1).to_be_bytes(), b"\0\0\0\0"].concat();
    check(&nearly, &["1009 the message is too long"]);
    let fragments = [frame(0x02, &[0; 60_000]), frame(0x80, &[0; 5_537])].concat();
    assert_eq!(feed(&FrameLimits::default(), &fragments, 4096), ["1009 the message is too long"]);
}

#[test]
fn endless_fragments_are_bounded() {
    let mut bytes = frame(0x01, b"a");
    for _ in 0..1024 {
        bytes.extend(frame(0x00, b"a"));
    }
    assert_eq!(feed(&FrameLimits::default(), &bytes, 4096), ["1008 the message has too many fragments"]);
    // Empty fragments count like others, and the last allowed one may end the message.
    let mut bytes = frame(0x01, b"");
    for _ in 0..1022 {
        bytes.extend(frame(0x00, b""));
    }
    bytes.extend(frame(0x80, b""));
    assert_eq!(feed(&FrameLimits::default(), &bytes, 4096), ["Text(\"\")", "idle"]);
}

#[test]
fn an_idle_reader_is_one_pointer() {
    assert_eq!(size_of::<FrameReader>(), size_of::<usize>());
}

#[test]
fn every_violation_closes_with_a_code_of_the_list() {
    assert_eq!(Violation::TooManyFragments.close().number, Code::Policy.number());
    assert_eq!(Violation::Interleaved.close().number, Code::Protocol.number());
}

/// A small generator, so that a failing seed fails again.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn the_cut_of_the_reads_changes_nothing() {
    let limits = FrameLimits { message_bytes_max: 300, fragments_max: 4 };
    for seed in 1..3000_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut bytes = Vec::new();
        for _ in 0..6 {
            let first = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x80, 0x89, 0x8A, 0x88, 0xC1, 0x83]
                [(random(&mut state) % if seed % 3 == 0 { 12 } else { 9 }) as usize];
            let len = (random(&mut state) % if seed % 5 == 0 { 400 } else { 40 }) as usize;
            let payload: Vec<u8> = match random(&mut state) % 4 {
                0 => (0..len).map(|_| random(&mut state) as u8).collect(),
                1 => "ä😀".bytes().cycle().take(len / 6 * 6).collect(),
                _ => vec![b'a'; len],
            };
            bytes.extend(frame(first, &payload));
        }
        let whole = feed(&limits, &bytes, bytes.len());
        for piece_bytes in [1, 2, 5, 1 + (random(&mut state) % 50) as usize] {
            assert_eq!(feed(&limits, &bytes, piece_bytes), whole, "seed {seed}, pieces of {piece_bytes}");
        }
    }
}

#[test]
fn noise_never_panics() {
    for seed in 1..3000_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bytes: Vec<u8> = (0..200).map(|_| random(&mut state) as u8).collect();
        feed(&FrameLimits::default(), &bytes, 1 + (random(&mut state) % 50) as usize);
    }
}
