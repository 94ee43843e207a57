//! Names, ids and positions. Text ids are checked when they are made, so that whoever holds one need not check again.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::RwLock;
use thiserror::Error;
use uuid::Uuid;

/// Why a text cannot be a name or an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum InvalidName {
    /// It has no characters.
    #[error("is empty")]
    Empty,
    /// It is longer than the limit.
    #[error("is longer than {max} bytes")]
    TooLong {
        /// The most bytes of UTF-8 that fit.
        max: usize,
    },
    /// It holds a control character (below U+0020, or U+007F).
    #[error("holds a control character")]
    Control,
    /// It is not of the form that this id has.
    #[error("is malformed")]
    Malformed,
}

fn checked(text: &str, max: usize) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > max {
        return Err(InvalidName::TooLong { max });
    }
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err(InvalidName::Control);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most bytes of UTF-8 that fit.
            pub const BYTES_MAX: usize = $max;

            /// Checks and takes over `text`.
            ///
            /// # Errors
            /// [`InvalidName`] if it is empty, too long or holds a control character.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                checked(text, $max)?;
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A room's name: chosen by the host application, unique in its project.
    RoomName, 255
}
text_id! {
    /// A user's external id: chosen by the host application, unique in its project.
    UserId, 255
}
text_id! {
    /// The name of a group of people inside a room.
    GroupName, 255
}
text_id! {
    /// The type of a signal, or the label of a message that was sent as one.
    SignalType, 128
}
text_id! {
    /// The sender's own id of one send; a retry carries the same one.
    ClientId, 128
}

/// The name of a dialect, as in configuration and metrics.
///
/// Names are kept for the life of the process, so that one is as cheap to carry as a number. There are few of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dialect(&'static str);

impl Dialect {
    /// The dialect of that name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The dialect of a name that was stored.
    pub fn recalled(name: &str) -> Self {
        static KNOWN: RwLock<BTreeSet<&'static str>> = RwLock::new(BTreeSet::new());
        if let Some(known) = KNOWN.read().get(name) {
            return Self(known);
        }
        let mut known = KNOWN.write();
        if let Some(known) = known.get(name) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.into());
        known.insert(kept);
        Self(kept)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A tenant's key: a positive integer below 2^31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProjectId(u32);

impl ProjectId {
    /// Checks and takes over `number`.
    ///
    /// # Errors
    /// [`InvalidName::Malformed`] if it is 0 or not below 2^31.
    pub const fn new(number: u32) -> Result<Self, InvalidName> {
        if number == 0 || number >= 1 << 31 { Err(InvalidName::Malformed) } else { Ok(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProjectId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map_err(|_| InvalidName::Malformed).and_then(Self::new)
    }
}

/// What names one room of one project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomKey {
    /// The tenant.
    pub project: ProjectId,
    /// The room's name in it.
    pub name: RoomName,
}

impl fmt::Display for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes over `uuid`.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidName::Malformed)
            }
        }
    };
}

uuid_id! {
    /// A message's id: a UUID of version 7. It names, it never orders; order is [`Seq`]'s.
    MessageId
}
uuid_id! {
    /// One live link of one user.
    ConnectionId
}

/// The number of an entry in its room's log: 1, 2, 3… without gaps. 0 stands before the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// The number that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One incarnation of a room's log: random and not 0, so that a room that was deleted and made again, or restored from a
/// backup, is never taken for the old one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(pub u64);

/// A place in a room's log: everything up to and with `seq` has been seen.
///
/// To clients it is one opaque text, `<epoch in hex>-<seq>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    /// The log's incarnation.
    pub epoch: Epoch,
    /// The last entry seen.
    pub seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch.0, self.seq.0)
    }
}

impl FromStr for Position {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (epoch, seq) = text.split_once('-').ok_or(InvalidName::Malformed)?;
        let digits = seq.bytes().all(|byte| byte.is_ascii_digit());
        if epoch.len() != 16
            || seq.is_empty()
            || !digits
            || !epoch.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(InvalidName::Malformed);
        }
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| InvalidName::Malformed)?;
        let seq = seq.parse().map_err(|_| InvalidName::Malformed)?;
        Ok(Self { epoch: Epoch(epoch), seq: Seq(seq) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text_form() {
        let position = Position { epoch: Epoch(0x1234), seq: Seq(42) };
        assert_eq!(position.to_string(), "0000000000001234-42");
        assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn odd_positions_are_malformed() {
        for text in [
            "",
            "-",
            "1-2",
            "0000000000001234-",
            "0000000000001234-+1",
            "+000000000001234-1",
            "0000000000001234-99999999999999999999",
        ] {
            assert_eq!(text.parse::<Position>(), Err(InvalidName::Malformed), "{text}");
        }
    }

    #[test]
    fn a_recalled_dialect_is_the_one_that_was_named() {
        assert_eq!(Dialect::recalled("native"), Dialect::new("native"));
        assert_eq!(Dialect::recalled("native").as_str(), "native");
    }

    #[test]
    fn names_have_bounds() {
        assert_eq!(UserId::new(""), Err(InvalidName::Empty));
        assert_eq!(UserId::new("a\0"), Err(InvalidName::Control));
        assert_eq!(UserId::new(&"x".repeat(256)), Err(InvalidName::TooLong { max: 255 }));
        assert!(UserId::new(&"x".repeat(255)).is_ok());
        assert!(ProjectId::new(0).is_err() && ProjectId::new(1 << 31).is_err());
    }
}
