//! Why a socket was closed, as the number a client sees. This is the only list of these numbers.
//!
//! A client needs one rule: **1000 and 4500-4999 mean stay away; everything else means come back** (with a random
//! delay, and with its last position). 1002, 1003, 1007, 1008 and 1009 say that the client itself is wrong: it may come
//! back, but repeating the same frame gets the same answer.
//!
//! Vendors' dialects have numbers of their own; they build a [`Close`] with [`Close::raw`].

use std::borrow::Cow;

use bytes::Bytes;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::ports::Closing;

use crate::frame;

/// The numbers that our own faces use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Code {
    /// The conversation is over and both sides agree.
    Normal = 1000,
    /// The server stops for good.
    GoingAway = 1001,
    /// A frame broke RFC 6455.
    Protocol = 1002,
    /// A binary message where the face speaks text only, or the reverse.
    Unsupported = 1003,
    /// A text message or a close reason is not UTF-8.
    BadText = 1007,
    /// A limit other than size: too many fragments, for example.
    Policy = 1008,
    /// A message over the size limit.
    TooBig = 1009,
    /// An assertion of ours failed. The connection ends, the process does not.
    Internal = 1011,
    /// The server restarts.
    Restart = 1012,
    /// The server is too busy at the moment.
    TryLater = 1013,
    /// The client read too slowly and its outbox ran over. It comes back with its position and gets the gap.
    Slow = 4000,
    /// The client did not answer a ping in time.
    PingTimeout = 4001,
    /// This node drains. The reason is the number of milliseconds after which to come back.
    Draining = 4002,
    /// Too many frames for the rate allowed. The reason is the number of milliseconds to wait.
    RateLimited = 4003,
    /// Nobody logged in within the time allowed: the line was slow, or the machine fell asleep.
    LoginTimeout = 4004,
    /// The credentials are missing or wrong; the same ones will stay wrong.
    Unauthenticated = 4500,
    /// The token ran out. A fresh one is needed.
    TokenExpired = 4501,
    /// The user is banned.
    Banned = 4502,
    /// A moderator removed the user.
    Kicked = 4503,
    /// The project ended the connection, or deleted its room.
    Ended = 4505,
    /// The client sends what nobody can read, again and again.
    Malformed = 4506,
}

impl Code {
    /// Every code, in the order of the numbers, for documents and tests.
    pub const ALL: [Self; 21] = [
        Self::Normal,
        Self::GoingAway,
        Self::Protocol,
        Self::Unsupported,
        Self::BadText,
        Self::Policy,
        Self::TooBig,
        Self::Internal,
        Self::Restart,
        Self::TryLater,
        Self::Slow,
        Self::PingTimeout,
        Self::Draining,
        Self::RateLimited,
        Self::LoginTimeout,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::Banned,
        Self::Kicked,
        Self::Ended,
        Self::Malformed,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether a client should connect again. Follows from the number alone.
    #[must_use]
    pub const fn comes_back(self) -> bool {
        comes_back(self.number())
    }
}

/// The rule that clients apply to the number of a close frame.
#[must_use]
pub const fn comes_back(number: u16) -> bool {
    !matches!(number, 1000 | 4500..=4999)
}

/// What is written into a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The number; see [`Code`].
    pub number: u16,
    /// A short text for people who read logs; cut at 123 bytes when it is written.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// One of our own codes.
    #[must_use]
    pub fn new(code: Code, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::raw(code.number(), reason)
    }

    /// A number that a vendor's document asks for.
    #[must_use]
    pub fn raw(number: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { number, reason: reason.into() }
    }

    /// The finished frame.
    #[must_use]
    pub fn frame(&self) -> Bytes {
        frame::close(self.number, &self.reason)
    }
}

/// Why a connection is ended by something that is not its own session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Core asked for it, through the outlet.
    Core(Closing),
    /// Nobody logged in within the time allowed.
    NoLogin,
    /// No sign of life after a ping.
    NoPong,
}

/// The close frame that our own face uses for each reason. A dialect with other numbers brings its own function in
/// [`SocketSettings::close_of`](crate::socket::SocketSettings::close_of).
#[must_use]
pub fn close_of(reason: Reason) -> Close {
    match reason {
        Reason::Core(Closing::Slow) => Close::new(Code::Slow, "too slow: come back with your position"),
        Reason::Core(Closing::Draining { after }) => {
            Close::new(Code::Draining, after.as_millis().to_string())
        }
        Reason::Core(Closing::TokenExpired) => Close::new(Code::TokenExpired, "the token has expired"),
        Reason::Core(Closing::Bug) => Close::new(Code::Internal, "internal error"),
        Reason::Core(Closing::Left(why)) => left(why),
        Reason::NoLogin => Close::new(Code::LoginTimeout, "not authenticated in time"),
        Reason::NoPong => Close::new(Code::PingTimeout, "no answer to a ping"),
    }
}

/// The end of a one-room connection, by why the user is no longer in the room.
fn left(why: LeaveReason) -> Close {
    match why {
        LeaveReason::Left => Close::new(Code::Normal, "left the room"),
        LeaveReason::Lost => Close::new(Code::PingTimeout, "connection lost"),
        LeaveReason::Kicked => Close::new(Code::Kicked, "kicked"),
        LeaveReason::Banned => Close::new(Code::Banned, "banned"),
        LeaveReason::Removed | LeaveReason::Ended | LeaveReason::RoomDeleted => {
            Close::new(Code::Ended, "ended by the project")
        }
        LeaveReason::Expired => Close::new(Code::TokenExpired, "the token has expired"),
        LeaveReason::Draining => Close::new(Code::Draining, "0"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_number_alone_says_whether_to_come_back() {
        for code in Code::ALL {
            let number = code.number();
            assert_eq!(code.comes_back(), number != 1000 && number < 4500, "{code:?}");
        }
        assert!(!comes_back(4999));
        assert!(comes_back(4000));
    }

    #[test]
    fn numbers_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
    }

    #[test]
    fn draining_tells_when_to_come_back() {
        let close = close_of(Reason::Core(Closing::Draining { after: Duration::from_millis(1500) }));
        assert_eq!((close.number, &*close.reason), (4002, "1500"));
    }
}
