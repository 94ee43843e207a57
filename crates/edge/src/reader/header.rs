//! The head of a client frame: what is checked before any payload is looked at.

use crate::frame::{CONTROL_BYTES_MAX, Opcode};
use crate::utf8;

use super::{FrameLimits, Message, Violation};

/// The longest header of a client frame: two bytes, a 64-bit length and a mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// How far a message is whose frames are still coming.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) bytes: usize,
    pub(super) fragments: u32,
}

/// The decoded head of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) mask: [u8; 4],
    pub(super) payload_bytes: u64,
    /// Length of the header itself.
    pub(super) bytes: usize,
}

impl Header {
    /// `None` if more bytes are needed. What the first bytes already prove wrong is refused without waiting.
    pub(super) fn parse(input: &[u8]) -> Result<Option<Self>, Violation> {
        let Some(&first) = input.first() else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBit);
        }
        let fin = first & 0x80 != 0;
        let opcode = match first & 0x0F {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            _ => return Err(Violation::ReservedOpcode),
        };
        if is_control(opcode) && !fin {
            return Err(Violation::FragmentedControl);
        }
        let Some(&second) = input.get(1) else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        if is_control(opcode) && usize::from(second & 0x7F) > CONTROL_BYTES_MAX {
            return Err(Violation::LongControl);
        }
        let length_bytes = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(length) = input.get(2..2 + length_bytes) else { return Ok(None) };
        let long = length.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let payload_bytes = match length_bytes {
            0 => u64::from(second & 0x7F),
            2 if long > 125 => long,
            8 if long > 0xFFFF && long >> 63 == 0 => long,
            // 2^63 and more is a limit rather than a form: the client hears that its message is too long.
            8 if long >> 63 != 0 => return Err(Violation::TooBig),
            _ => return Err(Violation::BadLength),
        };
        let Some(mask) = input.get(2 + length_bytes..6 + length_bytes) else { return Ok(None) };
        let mask = [mask[0], mask[1], mask[2], mask[3]];
        Ok(Some(Self { opcode, fin, mask, payload_bytes, bytes: 6 + length_bytes }))
    }

    /// Where the frame ends in an input of `available` bytes, if it is a whole message and there in one piece.
    pub(super) fn whole(&self, available: usize) -> Option<usize> {
        let payload_bytes = usize::try_from(self.payload_bytes).ok()?;
        let end = self.bytes.checked_add(payload_bytes)?;
        (self.fin && self.opcode != Opcode::Continuation && end <= available).then_some(end)
    }

    /// Compares with the limits and with the message in progress, before any payload is looked at.
    pub(super) fn check(&self, limits: &FrameLimits, begun: Option<Progress>) -> Result<(), Violation> {
        if is_control(self.opcode) {
            return Ok(());
        }
        let continues = self.opcode == Opcode::Continuation;
        let (bytes_before, fragments_before) = match begun {
            None if continues => return Err(Violation::StrayContinuation),
            Some(_) if !continues => return Err(Violation::Interleaved),
            None => (0, 0),
            Some(begun) => (begun.bytes as u64, begun.fragments),
        };
        if self.payload_bytes.saturating_add(bytes_before) > limits.message_bytes_max as u64 {
            return Err(Violation::TooBig);
        }
        if fragments_before >= limits.fragments_max {
            return Err(Violation::TooManyFragments);
        }
        Ok(())
    }

    /// Reads a complete, unmasked payload.
    pub(super) fn message<'a>(&self, payload: &'a [u8]) -> Result<Message<'a>, Violation> {
        Ok(match self.opcode {
            Opcode::Text => Message::Text(utf8::whole(payload).ok_or(Violation::BadText)?),
            Opcode::Binary | Opcode::Continuation => Message::Binary(payload),
            Opcode::Ping => Message::Ping(payload),
            Opcode::Pong => Message::Pong(payload),
            Opcode::Close => Message::Close(close_payload(payload)?),
        })
    }
}

/// Close, ping, pong and the reserved ones above.
pub(super) fn is_control(opcode: Opcode) -> bool {
    opcode as u8 & 0x8 != 0
}

fn close_payload(payload: &[u8]) -> Result<Option<(u16, &str)>, Violation> {
    let Some((number, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::BadClose) };
    };
    let number = u16::from_be_bytes(*number);
    // 1004-1006 and 1015 are never on the wire; the rest below 3000 is not assigned.
    if !matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::BadClose);
    }
    let reason = utf8::whole(reason).ok_or(Violation::BadText)?;
    Ok(Some((number, reason)))
}
