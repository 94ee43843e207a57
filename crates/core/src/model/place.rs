//! Rooms as places: kind and settings.

use std::sync::Arc;
use std::time::Duration;

use super::UserId;

/// What kind of place a room is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RoomKind {
    /// People come and go: meetings, classes, streams.
    #[default]
    Session,
    /// Two users, for ever.
    Direct,
    /// A durable membership.
    Group,
}

/// What is set about a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomSettings {
    /// A title for people.
    pub title: Option<Arc<str>>,
    /// Whether messages may be posted.
    pub chat_enabled: bool,
    /// The least time between two messages of one user; moderators are exempt.
    pub slow_mode: Option<Duration>,
    /// Who may speak privately.
    pub private_chat: PrivateChat,
    /// How long messages are kept; `None`: as long as the project says.
    pub retention: Option<Duration>,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            title: None,
            chat_enabled: true,
            slow_mode: None,
            private_chat: PrivateChat::Everyone,
            retention: None,
        }
    }
}

/// Who may speak privately in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PrivateChat {
    /// Everybody with everybody.
    #[default]
    Everyone,
    /// Only with a moderator among the audience.
    WithModerators,
    /// Nobody.
    Off,
}

/// A room to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomSpec {
    /// Its kind.
    pub kind: RoomKind,
    /// Its settings.
    pub settings: RoomSettings,
    /// The users who are members from the start (`direct`: exactly two; `group`: any).
    pub members: Vec<UserId>,
}
