//! How clients break RFC 6455, and with which number the connection then ends.

use crate::close::{Close, Code};

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
    /// More than [`FrameLimits::message_bytes_max`](super::FrameLimits::message_bytes_max).
    #[error("the message is too long")]
    TooBig,
    /// More than [`FrameLimits::fragments_max`](super::FrameLimits::fragments_max).
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
