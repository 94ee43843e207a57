//! Writing server frames of RFC 6455. Server frames are not masked, so the same bytes serve every recipient: render a
//! message once, share the [`Bytes`].
//!
//! Reading is in [`reader`](crate::reader).

use std::fmt;
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The longest payload of a control frame.
pub(crate) const CONTROL_BYTES_MAX: usize = 125;

/// The longest header of a server frame: two bytes and a 64-bit length.
const HEADER_BYTES_MAX: usize = 10;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation = 0x0,
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The other side wants to close or agrees to it.
    Close = 0x8,
    /// To be answered with a pong of the same payload.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life.
    Pong = 0xA,
}

/// A whole text message as one frame. `text` must be UTF-8.
#[must_use]
pub fn text(text: &[u8]) -> Bytes {
    whole(Opcode::Text, text)
}

/// A whole binary message as one frame.
#[must_use]
pub fn binary(bytes: &[u8]) -> Bytes {
    whole(Opcode::Binary, bytes)
}

/// A ping. The payload is cut at 125 bytes. Without payload nothing is allocated.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    if payload.is_empty() {
        return Bytes::from_static(&[0x89, 0]);
    }
    control(Opcode::Ping, payload)
}

/// A pong. The payload is cut at 125 bytes. Without payload nothing is allocated.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    if payload.is_empty() {
        return Bytes::from_static(&[0x8A, 0]);
    }
    control(Opcode::Pong, payload)
}

/// A close frame. The reason is cut at 123 bytes, on a character's border.
#[must_use]
pub fn close(number: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)];
    let mut frame = FrameBuilder::with_capacity(Opcode::Close, reason.len() + 2);
    frame.payload().put_u16(number);
    frame.payload().put_slice(reason.as_bytes());
    frame.finish()
}

/// A close frame without a number: the answer to one without a number.
#[must_use]
pub fn close_empty() -> Bytes {
    Bytes::from_static(&[0x88, 0])
}

/// Renders a payload straight behind a reserved header, so that nothing is copied when the length is known.
///
/// ```
/// use std::io::Write;
/// let mut frame = sidetalk_edge::frame::FrameBuilder::text();
/// write!(frame, "{{\"n\":{}}}", 1)?;
/// assert_eq!(&frame.finish()[..], b"\x81\x07{\"n\":1}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FrameBuilder {
    opcode: Opcode,
    buf: BytesMut,
}

impl FrameBuilder {
    /// A text frame with room for a usual chat message.
    #[must_use]
    pub fn text() -> Self {
        Self::with_capacity(Opcode::Text, 512 - HEADER_BYTES_MAX)
    }

    /// A binary frame with room for a usual chat message.
    #[must_use]
    pub fn binary() -> Self {
        Self::with_capacity(Opcode::Binary, 512 - HEADER_BYTES_MAX)
    }

    /// A frame whose payload will be about `payload_bytes` long.
    #[must_use]
    pub fn with_capacity(opcode: Opcode, payload_bytes: usize) -> Self {
        let mut buf = BytesMut::with_capacity(HEADER_BYTES_MAX + payload_bytes);
        buf.put_slice(&[0; HEADER_BYTES_MAX]);
        Self { opcode, buf }
    }

    /// Where the payload is appended. Only append: what is in front is the header's place.
    pub fn payload(&mut self) -> &mut BytesMut {
        &mut self.buf
    }

    /// Length of the payload so far.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.buf.len() - HEADER_BYTES_MAX
    }

    /// Puts the shortest header in front and hands out the frame.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        let payload_bytes = self.payload_bytes();
        let (header, header_bytes) = header(self.opcode, payload_bytes);
        let start = HEADER_BYTES_MAX - header_bytes;
        self.buf[start..HEADER_BYTES_MAX].copy_from_slice(&header[..header_bytes]);
        let mut frame = self.buf.freeze();
        frame.advance(start);
        frame
    }
}

impl io::Write for FrameBuilder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buf.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buf.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for FrameBuilder {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.buf.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// How many of our own finished frames there are in `frames`, one after the other.
#[must_use]
pub fn count(frames: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while at < frames.len() {
        at += frame_bytes(&frames[at..]);
        count += 1;
    }
    count
}

/// What is left of our own finished `frames` without the first `count` of them.
#[must_use]
pub fn skip(frames: &Bytes, count: u64) -> Bytes {
    let mut at = 0;
    for _ in 0..count {
        if at >= frames.len() {
            break;
        }
        at += frame_bytes(&frames[at..]);
    }
    frames.slice(at.min(frames.len())..)
}

/// The length of the first of our own frames, which are never masked.
fn frame_bytes(frame: &[u8]) -> usize {
    let number = |from: usize, to: usize| {
        let bytes = frame.get(from..to).unwrap_or_default();
        bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    match frame.get(1) {
        Some(126) => 4 + number(2, 4),
        Some(127) => 10 + number(2, 10),
        Some(length) => 2 + usize::from(*length),
        None => frame.len(),
    }
}

/// Several finished frames as one piece, for a caller that sends the same run of frames to many.
#[must_use]
pub fn join(frames: &[Bytes]) -> Bytes {
    if let [only] = frames {
        return only.clone();
    }
    let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames {
        joined.extend_from_slice(frame);
    }
    joined.freeze()
}

fn whole(opcode: Opcode, payload: &[u8]) -> Bytes {
    let (header, header_bytes) = header(opcode, payload.len());
    let mut frame = BytesMut::with_capacity(header_bytes + payload.len());
    frame.extend_from_slice(&header[..header_bytes]);
    frame.extend_from_slice(payload);
    frame.freeze()
}

fn control(opcode: Opcode, payload: &[u8]) -> Bytes {
    whole(opcode, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// The header of a final, unmasked frame and how many of the bytes count.
fn header(opcode: Opcode, payload_bytes: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let mut header = [0; HEADER_BYTES_MAX];
    header[0] = 0x80 | opcode as u8;
    match payload_bytes {
        0..=125 => {
            header[1] = u8::try_from(payload_bytes).expect("at most 125");
            (header, 2)
        }
        126..=0xFFFF => {
            header[1] = 126;
            header[2..4].copy_from_slice(&u16::try_from(payload_bytes).expect("at most 65535").to_be_bytes());
            (header, 4)
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            (header, 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_shortest_header_stands_in_front() {
        for (payload_bytes, head) in [
            (0, &b"\x81\x00"[..]),
            (125, &b"\x81\x7d"[..]),
            (126, &b"\x81\x7e\x00\x7e"[..]),
            (0xFFFF, &b"\x81\x7e\xff\xff"[..]),
            (0x1_0000, &b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..]),
        ] {
            let payload = vec![b'x'; payload_bytes];
            let mut built = FrameBuilder::text();
            built.write_all(&payload).unwrap();
            let built = built.finish();
            assert_eq!(&built[..head.len()], head);
            assert_eq!(&built[head.len()..], payload);
            assert_eq!(built, text(&payload));
        }
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let frame = close(4000, &"ä".repeat(100));
        assert_eq!(&frame[..4], b"\x88\x7c\x0f\xa0");
        assert_eq!(std::str::from_utf8(&frame[4..]), Ok("ä".repeat(61).as_str()));
    }

    #[test]
    fn control_payloads_are_cut_and_empty_ones_are_static() {
        assert_eq!(ping(&[7; 300]).len(), 127);
        assert_eq!(&ping(b"")[..], b"\x89\x00");
        assert_eq!(&pong(b"a")[..], b"\x8a\x01a");
        assert_eq!(&close_empty()[..], b"\x88\x00");
    }

    #[test]
    fn joining_one_frame_shares_it() {
        let frame = text(b"hello");
        assert_eq!(join(std::slice::from_ref(&frame)).as_ptr(), frame.as_ptr());
        assert_eq!(&join(&[frame.clone(), frame])[..], b"\x81\x05hello\x81\x05hello");
    }
}
