//! Reading client frames of RFC 6455: bytes in, messages out, no I/O.
//!
//! ```text
//! bytes of one read ──> complete frame in one piece? ── yes ──> unmasked in place, handed out as a slice
//!                                │ no
//!                                v
//!                        Partial (one box, freed when its message is out)
//! ```
//!
//! An idle reader is one pointer. A header's claimed length is compared with the limit and never allocated: buffers grow
//! by what has really arrived. Every check happens as early as the bytes allow it (RFC 6455 calls that failing fast).

use crate::close::{Close, Code};
use crate::frame::{CONTROL_BYTES_MAX, Opcode};
use crate::utf8;

/// The longest header of a client frame: two bytes, a 64-bit length and a mask.
const HEADER_BYTES_MAX: usize = 14;

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// The longest message, all fragments together. Default 64 KiB.
    pub message_bytes_max: usize,
    /// How many frames may make up one message. Default 1,024: with one byte each a megabyte of headers is not free.
    pub fragments_max: u32,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { message_bytes_max: 64 * 1024, fragments_max: 1024 }
    }
}

/// One message or control frame from the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message, checked.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping; the caller answers with a pong of this payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The client closes, perhaps with a number and a reason.
    Close(Option<(u16, &'a str)>),
}

/// What the client did wrong. The connection ends with the number of [`Violation::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// RSV1-3 are set though no extension was agreed.
    #[error("a reserved bit is set")]
    ReservedBit,
    /// Opcodes 3-7 and 11-15.
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// Clients must mask.
    #[error("the frame is not masked")]
    Unmasked,
    /// Control frames are one frame.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// Control frames have at most 125 bytes.
    #[error("a control frame is too long")]
    LongControl,
    /// The length is not written in the shortest way, or has its highest bit set.
    #[error("the length is not in its shortest form")]
    BadLength,
    /// A continuation without a beginning.
    #[error("a continuation without a message")]
    StrayContinuation,
    /// A new message while another is not finished.
    #[error("a message inside a message")]
    Interleaved,
    /// A close frame with half a number or a forbidden one.
    #[error("the close number is not valid")]
    BadClose,
    /// Text or close reason.
    #[error("the text is not UTF-8")]
    BadText,
    /// More than [`FrameLimits::message_bytes_max`].
    #[error("the message is too long")]
    TooBig,
    /// More than [`FrameLimits::fragments_max`].
    #[error("the message has too many fragments")]
    TooManyFragments,
}

impl Violation {
    /// How the connection ends.
    #[must_use]
    pub fn close(self) -> Close {
        let (code, reason) = match self {
            Self::ReservedBit => (Code::Protocol, "reserved bit set"),
            Self::ReservedOpcode => (Code::Protocol, "reserved opcode"),
            Self::Unmasked => (Code::Protocol, "frame not masked"),
            Self::FragmentedControl => (Code::Protocol, "fragmented control frame"),
            Self::LongControl => (Code::Protocol, "control frame too long"),
            Self::BadLength => (Code::Protocol, "length not in its shortest form"),
            Self::StrayContinuation => (Code::Protocol, "continuation without a message"),
            Self::Interleaved => (Code::Protocol, "message inside a message"),
            Self::BadClose => (Code::Protocol, "close number not valid"),
            Self::BadText => (Code::BadText, "text is not UTF-8"),
            Self::TooBig => (Code::TooBig, "message too long"),
            Self::TooManyFragments => (Code::Policy, "too many fragments"),
        };
        Close::new(code, reason)
    }
}

/// Turns the bytes of one connection into messages. One pointer when idle.
#[derive(Debug, Default)]
pub struct FrameReader {
    partial: Option<Box<Partial>>,
}

impl FrameReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is half read, which also means that no memory is held.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Takes bytes from the front of `input` and says how many, with the message that they completed, if any. Call it
    /// again with the rest until there is no message; that last call also frees the buffer of the message before.
    ///
    /// # Errors
    /// After a [`Violation`] the reader must not be used again.
    pub fn read<'a>(
        &'a mut self,
        limits: &FrameLimits,
        input: &'a mut [u8],
    ) -> Result<(usize, Option<Message<'a>>), Violation> {
        self.partial.take_if(|partial| partial.is_spent());
        if self.partial.is_none() {
            if input.is_empty() {
                return Ok((0, None));
            }
            if let Some(header) = Header::parse(input)?
                && let Some(whole) = header.whole(input.len())
            {
                header.check(limits, None)?;
                let payload = &mut input[header.bytes..whole];
                unmask(payload, header.mask, 0);
                return Ok((whole, Some(header.message(payload)?)));
            }
        }
        self.partial.get_or_insert_default().read(limits, input)
    }
}

/// The decoded head of a frame.
#[derive(Clone, Copy, Debug)]
struct Header {
    opcode: Opcode,
    fin: bool,
    mask: [u8; 4],
    payload_bytes: u64,
    /// Length of the header itself.
    bytes: usize,
}

impl Header {
    /// `None` if more bytes are needed. What the first bytes already prove wrong is refused without waiting.
    fn parse(input: &[u8]) -> Result<Option<Self>, Violation> {
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
    fn whole(&self, available: usize) -> Option<usize> {
        let payload_bytes = usize::try_from(self.payload_bytes).ok()?;
        let end = self.bytes.checked_add(payload_bytes)?;
        (self.fin && self.opcode != Opcode::Continuation && end <= available).then_some(end)
    }

    /// Compares with the limits and with the message in progress, before any payload is looked at.
    fn check(&self, limits: &FrameLimits, begun: Option<&Begun>) -> Result<(), Violation> {
        if is_control(self.opcode) {
            return Ok(());
        }
        let continues = self.opcode == Opcode::Continuation;
        let (bytes_before, fragments_before) = match begun {
            None if continues => return Err(Violation::StrayContinuation),
            Some(_) if !continues => return Err(Violation::Interleaved),
            None => (0, 0),
            Some(begun) => (begun.data.len() as u64, begun.fragments),
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
    fn message<'a>(&self, payload: &'a [u8]) -> Result<Message<'a>, Violation> {
        Ok(match self.opcode {
            Opcode::Text => Message::Text(utf8::whole(payload).ok_or(Violation::BadText)?),
            Opcode::Binary | Opcode::Continuation => Message::Binary(payload),
            Opcode::Ping => Message::Ping(payload),
            Opcode::Pong => Message::Pong(payload),
            Opcode::Close => Message::Close(close_payload(payload)?),
        })
    }
}

/// A message of which some frames have come.
#[derive(Debug)]
struct Begun {
    is_text: bool,
    fragments: u32,
    data: Vec<u8>,
    /// How much of `data` is known to be whole characters.
    checked_bytes: usize,
}

/// The frame whose payload is arriving.
#[derive(Debug)]
struct Current {
    header: Header,
    bytes_seen: u64,
}

/// Everything that is half read.
#[derive(Debug, Default)]
struct Partial {
    head: [u8; HEADER_BYTES_MAX],
    head_bytes: usize,
    current: Option<Current>,
    begun: Option<Begun>,
    control: Vec<u8>,
    /// The message in `begun` was handed out.
    message_out: bool,
}

impl Partial {
    /// Nothing left that a later byte could need.
    fn is_spent(&mut self) -> bool {
        if self.message_out {
            self.begun = None;
            self.message_out = false;
        }
        self.head_bytes == 0 && self.current.is_none() && self.begun.is_none()
    }

    fn read<'a>(
        &'a mut self,
        limits: &FrameLimits,
        input: &mut [u8],
    ) -> Result<(usize, Option<Message<'a>>), Violation> {
        let mut used = 0;
        loop {
            if self.current.is_none() {
                used += self.take_header(limits, &input[used..])?;
            }
            let Some(current) = &mut self.current else { return Ok((used, None)) };
            let left = current.header.payload_bytes - current.bytes_seen;
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - used);
            let piece = &mut input[used..used + take];
            unmask(piece, current.header.mask, current.bytes_seen);
            current.bytes_seen += take as u64;
            used += take;
            let complete = current.bytes_seen == current.header.payload_bytes;
            let header = current.header;
            if complete {
                self.current = None;
            }
            if is_control(header.opcode) {
                self.control.extend_from_slice(piece);
                if complete {
                    return Ok((used, Some(header.message(&self.control)?)));
                }
                return Ok((used, None));
            }
            let begun = self.begun.as_mut().expect("a data frame's header begins the message");
            begun.data.extend_from_slice(piece);
            if begun.is_text {
                begun.checked_bytes =
                    utf8::advance(&begun.data, begun.checked_bytes).ok_or(Violation::BadText)?;
            }
            if complete && header.fin {
                return Ok((used, Some(self.finish()?)));
            }
            if !complete || used == input.len() {
                return Ok((used, None));
            }
        }
    }

    /// Collects a header over several reads. Bytes beyond the header are not taken.
    fn take_header(&mut self, limits: &FrameLimits, input: &[u8]) -> Result<usize, Violation> {
        let before = self.head_bytes;
        let take = input.len().min(HEADER_BYTES_MAX - before);
        self.head[before..before + take].copy_from_slice(&input[..take]);
        let seen = before + take;
        let Some(header) = Header::parse(&self.head[..seen])? else {
            self.head_bytes = seen;
            return Ok(take);
        };
        header.check(limits, self.begun.as_ref())?;
        self.head_bytes = 0;
        self.control = Vec::new();
        if !is_control(header.opcode) {
            let begun = self.begun.get_or_insert_with(|| Begun {
                is_text: header.opcode == Opcode::Text,
                fragments: 0,
                data: Vec::new(),
                checked_bytes: 0,
            });
            begun.fragments += 1;
        }
        self.current = Some(Current { header, bytes_seen: 0 });
        Ok(header.bytes - before)
    }

    fn finish(&mut self) -> Result<Message<'_>, Violation> {
        self.message_out = true;
        let begun = self.begun.as_ref().expect("only a begun message is finished");
        if !begun.is_text {
            return Ok(Message::Binary(&begun.data));
        }
        if begun.checked_bytes != begun.data.len() {
            return Err(Violation::BadText);
        }
        utf8::whole(&begun.data).map(Message::Text).ok_or(Violation::BadText)
    }
}

fn is_control(opcode: Opcode) -> bool {
    opcode as u8 & 0x8 != 0
}

/// Applies the mask; `offset` is how far into the frame's payload `bytes` begins.
fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut key = mask;
    key.rotate_left((offset % 4) as usize);
    let wide: [u8; 16] = std::array::from_fn(|at| key[at % 4]);
    let mut blocks = bytes.chunks_exact_mut(16);
    for block in &mut blocks {
        for (byte, key) in block.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
    for (byte, key) in blocks.into_remainder().iter_mut().zip(wide) {
        *byte ^= key;
    }
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

#[cfg(test)]
mod tests;
