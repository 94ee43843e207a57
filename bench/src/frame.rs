//! The bytes on the wire: WebSocket frames, and the mark in every message by which a delivery is recognised.

use memchr::memmem;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// One complete frame at the start of a buffer.
pub(crate) struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
    /// The key if the frame is masked: the payload is as it came.
    pub mask: Option<[u8; 4]>,
    /// Bytes that the frame takes in the buffer.
    pub bytes: usize,
}

/// The first frame of a buffer, or `None` if more must be read.
#[inline]
pub(crate) fn first(buffer: &[u8]) -> Option<Frame<'_>> {
    let [head, size, ..] = *buffer else { return None };
    let (length, mut at) = match size & 0x7f {
        126 => (u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?) as usize, 4),
        127 => (u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?) as usize, 10),
        length => (length as usize, 2),
    };
    let mut mask = None;
    if size & 0x80 != 0 {
        mask = Some(buffer.get(at..at + 4)?.try_into().ok()?);
        at += 4;
    }
    let bytes = at.checked_add(length)?;
    Some(Frame { opcode: head & 0x0f, payload: buffer.get(at..bytes)?, mask, bytes })
}

/// Appends the header of a frame; `mask` for those that a client sends.
pub(crate) fn put_header(out: &mut Vec<u8>, opcode: u8, length: usize, mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match length {
        0..126 => out.push(masked | length as u8),
        126..65_536 => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(mask.as_ref().map_or(&[], |key| &key[..]));
}

/// A client's frame. Its key is zero: legal, and the generator saves the work; the server cannot.
pub(crate) fn client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    put_header(&mut frame, opcode, payload.len(), Some([0; 4]));
    frame.extend_from_slice(payload);
    frame
}

/// The bytes of one message as its publisher wrote it, the same for every server.
pub(crate) const PAYLOAD_BYTES: usize = 128;
const SIGN: &[u8; 6] = b"BENCH:";
const MARK_BYTES: usize = SIGN.len() + 28;

/// What every message says about itself, in hexadecimal digits of fixed width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub publisher: u16,
    /// Counts the messages of this publisher from 0.
    pub n: u32,
    /// When it should have been sent; later sending counts as delay.
    pub planned_ns: u64,
}

impl Mark {
    /// The whole payload: the mark, filled up to the size of a short chat line.
    pub(crate) fn payload(self) -> [u8; PAYLOAD_BYTES] {
        let mut payload = [b'x'; PAYLOAD_BYTES];
        self.write(&mut payload);
        payload
    }

    /// Overwrites the mark at the start of a payload.
    pub(crate) fn write(self, payload: &mut [u8]) {
        payload[..6].copy_from_slice(SIGN);
        put_hex(&mut payload[6..10], u64::from(self.publisher));
        put_hex(&mut payload[10..18], u64::from(self.n));
        put_hex(&mut payload[18..34], self.planned_ns);
    }

    /// Finds the mark in a frame. It stands at the same place in most frames of a connection: `hint` remembers it.
    #[inline]
    pub(crate) fn find(text: &[u8], hint: &mut usize) -> Option<Mark> {
        if !text.get(*hint..).is_some_and(|rest| rest.starts_with(SIGN)) {
            *hint = memmem::find(text, SIGN)?;
        }
        let digits = text.get(*hint + SIGN.len()..*hint + MARK_BYTES)?;
        Some(Mark {
            publisher: hex(&digits[..4]) as u16,
            n: hex(&digits[4..12]) as u32,
            planned_ns: hex(&digits[12..]),
        })
    }
}

/// How many messages a text holds (the history in the answer to a join).
pub(crate) fn marks(text: &[u8]) -> usize {
    memmem::find_iter(text, SIGN).count()
}

fn put_hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

/// Lower-case digits only, which is what `put_hex` writes.
#[inline]
fn hex(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value << 4 | u64::from((digit & 15) + 9 * (digit >> 6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        let mark = Mark { publisher: 0xfa09, n: 4_000_000_123, planned_ns: u64::MAX - 17 };
        let payload = mark.payload();
        let mut hint = 0;
        for prefix in ["", "42[\"m\",\"", "{\"data\":\"", "{\"data\":\""] {
            let text = [prefix.as_bytes(), &payload, b"\"}"].concat();
            assert_eq!(Mark::find(&text, &mut hint), Some(mark));
            assert_eq!(hint, prefix.len());
        }
        assert_eq!(Mark::find(&payload[..30], &mut 0), None);
        assert_eq!(Mark::find(b"pong", &mut hint), None);
    }

    #[test]
    fn a_frame_is_read_only_when_it_is_complete() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'a'; length];
            let frame = client(TEXT, &payload);
            let read = first(&frame).expect("complete");
            assert_eq!((read.opcode, read.payload, read.bytes), (TEXT, &payload[..], frame.len()));
            assert!(first(&frame[..frame.len() - 1]).is_none());
        }
    }
}
