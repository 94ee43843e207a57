//! The reader of WebSocket frames must answer the same however the network cuts the bytes.

use sidetalk_edge::reader::{FrameLimits, FrameReader, Message, Violation};

/// Small, so that the fuzzer reaches them.
const LIMITS: FrameLimits = FrameLimits { message_bytes_max: 512, fragments_max: 8 };

/// What a connection sees, in order.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Broke(Violation),
}

/// The first byte says how large the pieces are, the rest is what the client sends.
///
/// # Panics
///
/// When reading in pieces differs from reading at once, or a message is larger than the limit.
pub fn frame_reader(bytes: &[u8]) {
    let Some((&piece, stream)) = bytes.split_first() else { return };
    let at_once = read(stream, stream.len().max(1));
    let in_pieces = read(stream, usize::from(piece).max(1));
    assert_eq!(at_once, in_pieces, "pieces of {piece} bytes change what is read");
}

fn read(stream: &[u8], piece_bytes: usize) -> Vec<Seen> {
    let mut reader = FrameReader::new();
    let mut seen = Vec::new();
    let mut waiting = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        waiting.extend_from_slice(piece);
        loop {
            let before = waiting.len();
            match reader.read(&LIMITS, &mut waiting) {
                Err(violation) => {
                    seen.push(Seen::Broke(violation));
                    return seen;
                }
                Ok((used, message)) => {
                    assert!(used <= before, "used {used} of {before} bytes");
                    let is_last = message.is_none();
                    seen.extend(message.as_ref().map(note));
                    waiting.drain(..used);
                    if is_last {
                        break;
                    }
                }
            }
        }
    }
    seen
}

fn note(message: &Message<'_>) -> Seen {
    let within = |bytes: &[u8]| assert!(bytes.len() <= LIMITS.message_bytes_max, "{} bytes", bytes.len());
    match message {
        Message::Text(text) => {
            within(text.as_bytes());
            Seen::Text((*text).to_owned())
        }
        Message::Binary(bytes) => {
            within(bytes);
            Seen::Binary(bytes.to_vec())
        }
        Message::Ping(bytes) => Seen::Ping(bytes.to_vec()),
        Message::Pong(bytes) => Seen::Pong(bytes.to_vec()),
        Message::Close(close) => Seen::Close(close.map(|(code, reason)| (code, reason.to_owned()))),
    }
}
