//! Every bound that the rules know, in one struct; each is a configuration key.

use std::time::Duration;

use crate::refusal::Refusal;

/// The bounds of rooms and messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most bytes of text in one message, all its parts together.
    pub text_bytes_max: usize,
    /// The most bytes of a signal's data.
    pub signal_bytes_max: usize,
    /// The most parts of one message.
    pub parts_max: usize,
    /// The most users or connections in an audience.
    pub audience_max: usize,
    /// The most users that one message mentions.
    pub mentions_max: usize,
    /// The most kinds of reaction under one message.
    pub reaction_kinds_max: usize,
    /// The most bytes of one reaction.
    pub reaction_bytes_max: usize,
    /// The most bytes of a room's title.
    pub title_bytes_max: usize,
    /// The most messages in one page of history.
    pub page_max: usize,
    /// The most bytes, about, of one page, replay or list: a page or a list gets shorter, a replay is "too old".
    pub answer_bytes_max: usize,
    /// The most entries replayed on resume; beyond that the answer is "too old".
    pub replay_max: usize,
    /// The most connections in one room.
    pub room_connections_max: usize,
    /// The most recorded members of one room.
    pub room_members_max: usize,
    /// How long a client id is remembered.
    pub dedup_window: Duration,
    /// The longest slow mode.
    pub slow_mode_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 16 * 1024,
            signal_bytes_max: 32 * 1024,
            parts_max: 16,
            audience_max: 100,
            mentions_max: 50,
            reaction_kinds_max: 20,
            reaction_bytes_max: 64,
            title_bytes_max: 255,
            page_max: 300,
            answer_bytes_max: 512 * 1024,
            replay_max: 1_000,
            room_connections_max: 20_000,
            room_members_max: 100_000,
            dedup_window: Duration::from_secs(24 * 60 * 60),
            slow_mode_max: Duration::from_secs(120),
        }
    }
}

impl Limits {
    /// # Errors
    /// If a room's title is too long.
    pub(crate) fn check_title(&self, title: &str) -> Result<(), Refusal> {
        let max = self.title_bytes_max;
        if title.len() > max { Err(Refusal::TooLarge { field: "title", max }) } else { Ok(()) }
    }

    /// # Errors
    /// If a slow mode is none, or too slow.
    pub(crate) fn check_slow_mode(&self, pause: Duration) -> Result<(), Refusal> {
        let range = Duration::from_secs(1)..=self.slow_mode_max;
        if range.contains(&pause) {
            return Ok(());
        }
        Err(Refusal::invalid("slow_mode", format!("must be 1 to {} seconds", range.end().as_secs())))
    }

    /// # Errors
    /// If messages would be kept for no time.
    pub(crate) fn check_retention(retention: Duration) -> Result<(), Refusal> {
        if retention.is_zero() {
            return Err(Refusal::invalid("retention", "must be at least one second"));
        }
        Ok(())
    }

    /// # Errors
    /// If a room would have too many members.
    pub(crate) fn check_members(&self, count: usize) -> Result<(), Refusal> {
        let max = self.room_members_max;
        if count > max { Err(Refusal::RoomFull { what: "members", max }) } else { Ok(()) }
    }
}
