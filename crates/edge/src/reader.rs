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

use crate::frame::Opcode;
use crate::utf8;

use self::header::{HEADER_BYTES_MAX, Header, Progress, is_control};
pub use self::violation::Violation;

mod header;
mod violation;

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
        let progress =
            self.begun.as_ref().map(|begun| Progress { bytes: begun.data.len(), fragments: begun.fragments });
        header.check(limits, progress)?;
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

#[cfg(test)]
mod tests;
