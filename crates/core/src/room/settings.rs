//! The rules of switches: chat, slow mode, private chat, title, retention, clearing.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::limits::Limits;
use crate::model::{Audience, PrivateChat, Role};
use crate::refusal::Refusal;

use super::{Act, Decision, tell_room_unless};

impl Act<'_> {
    pub(super) fn set_chat_enabled(&self, enabled: bool) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        tell_room_unless(self.room.settings.chat_enabled == enabled, || Event::ChatEnabledSet(enabled))
    }

    /// A moderator clears the room's or a group's messages; private ones can be cleared by a moderator who sees them.
    pub(super) fn clear_history(&self, audience: &Audience) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        match (audience, self.who.user()) {
            (Audience::Connections(_), _) => {
                return Err(Refusal::invalid("audience", "names connections; history is kept for users"));
            }
            (Audience::Users(users), Some(own)) if !users.contains(own) => {
                return Err(Refusal::NotFound { what: "conversation" });
            }
            _ => {}
        }
        Ok(Decision::Append { audience: audience.clone(), event: Event::HistoryCleared })
    }

    pub(super) fn set_slow_mode(&self, pause: Option<Duration>) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        pause.map_or(Ok(()), |pause| self.facts.limits.check_slow_mode(pause))?;
        tell_room_unless(self.room.settings.slow_mode == pause, || Event::SlowModeSet(pause))
    }

    pub(super) fn set_private_chat(&self, policy: PrivateChat) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        tell_room_unless(self.room.settings.private_chat == policy, || Event::PrivateChatSet(policy))
    }

    pub(super) fn set_title(&self, title: Option<&Arc<str>>) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        title.map_or(Ok(()), |title| self.facts.limits.check_title(title))?;
        tell_room_unless(self.room.settings.title.as_ref() == title, || Event::TitleSet(title.cloned()))
    }

    pub(super) fn set_retention(&self, retention: Option<Duration>) -> Result<Decision, Refusal> {
        self.require(Role::Owner)?;
        retention.map_or(Ok(()), Limits::check_retention)?;
        tell_room_unless(self.room.settings.retention == retention, || Event::RetentionSet(retention))
    }
}
