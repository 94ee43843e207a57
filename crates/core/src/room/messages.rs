//! The rules of messages: post, edit, delete, pin, react.

use std::sync::Arc;

use crate::event::{Event, MessageRef};
use crate::model::{
    Actor, Audience, Draft, Message, Part, Principal, PrivateChat, Role, RoomKind, Sender, Timestamp, UserId,
};
use crate::refusal::Refusal;

use super::{Act, Decision};

impl Act<'_> {
    pub(super) fn post(&self, draft: &Draft) -> Result<Decision, Refusal> {
        self.require_voice()?;
        self.check_parts(&draft.parts)?;
        self.check_mentions(&draft.mentions)?;
        let audience = self.posting_audience(&draft.audience)?;
        if draft.addressee.is_some() && !matches!(audience, Audience::Users(_)) {
            return Err(Refusal::invalid("addressee", "is for messages to users"));
        }
        self.check_reply(draft)?;
        self.check_slow_mode()?;
        let seq = self.room.head.next();
        let message = Message {
            id: self.facts.message_id,
            seq,
            sender: sender(self.who),
            audience: audience.clone(),
            addressee: draft.addressee,
            parts: draft.parts.clone(),
            mentions: draft.mentions.clone(),
            reply_to: draft.reply_to,
            label: draft.label.clone(),
            client_id: draft.client_id.clone(),
            posted_at: self.facts.now.after(self.room.last_at),
            edited_at: None,
            deleted_at: None,
            pin: None,
            reactions: Vec::new(),
        };
        Ok(Decision::Append { audience, event: Event::MessagePosted(Arc::new(message)) })
    }

    pub(super) fn edit(&self, parts: &[Part], mentions: &[UserId]) -> Result<Decision, Refusal> {
        let message = self.target()?;
        self.require_author(message)?;
        self.require_voice()?;
        self.require_alive(message)?;
        self.require_private_voice(message)?;
        self.check_parts(parts)?;
        self.check_mentions(mentions)?;
        if message.parts == parts && message.mentions == mentions {
            return Ok(Decision::Unchanged);
        }
        tell(message, |target| Event::MessageEdited {
            target,
            parts: parts.to_vec(),
            mentions: mentions.to_vec(),
        })
    }

    pub(super) fn delete(&self) -> Result<Decision, Refusal> {
        let message = self.target()?;
        if !self.standing.is_moderator() {
            self.require_author(message)?;
        }
        if message.is_deleted() {
            return Ok(Decision::Unchanged);
        }
        tell(message, Event::MessageDeleted)
    }

    pub(super) fn pin(&self, pinned: bool) -> Result<Decision, Refusal> {
        let message = self.target()?;
        if matches!(message.audience, Audience::Room | Audience::Group(_))
            && self.room.kind != RoomKind::Direct
        {
            self.require(Role::Moderator)?;
        }
        if self.standing.is_moderator() {
            self.require(Role::Moderator)?;
        } else {
            // Those who see the message are told: a pin is a way to speak.
            self.require_voice()?;
            self.require_private_voice(message)?;
        }
        self.require_alive(message)?;
        if message.pin.is_some() == pinned {
            return Ok(Decision::Unchanged);
        }
        tell(message, if pinned { Event::MessagePinned } else { Event::MessageUnpinned })
    }

    pub(super) fn react(&self, emoji: &Arc<str>) -> Result<Decision, Refusal> {
        let message = self.target()?;
        self.require_voice()?;
        self.require_alive(message)?;
        self.require_private_voice(message)?;
        self.check_emoji(emoji)?;
        let user = self.reacting_user()?;
        let reaction = message.reactions.iter().find(|reaction| reaction.emoji == *emoji);
        match reaction {
            Some(reaction) if reaction.users.contains(user) => return Ok(Decision::Unchanged),
            None if message.reactions.len() >= self.facts.limits.reaction_kinds_max => {
                return Err(Refusal::TooManyReactions { max: self.facts.limits.reaction_kinds_max });
            }
            _ => {}
        }
        tell(message, |target| Event::ReactionAdded { target, emoji: emoji.clone() })
    }

    pub(super) fn unreact(&self, emoji: &Arc<str>) -> Result<Decision, Refusal> {
        let message = self.target()?;
        self.require(Role::Guest)?;
        let user = self.reacting_user()?;
        let has = message
            .reactions
            .iter()
            .any(|reaction| reaction.emoji == *emoji && reaction.users.contains(user));
        if !has {
            return Ok(Decision::Unchanged);
        }
        tell(message, |target| Event::ReactionRemoved { target, emoji: emoji.clone() })
    }

    /// Whether the principal may say anything now: not a viewer, chat on, not muted, a member where the room has members.
    fn require_voice(&self) -> Result<(), Refusal> {
        let Some(user) = self.who.user() else { return Ok(()) };
        self.require(Role::Guest)?;
        self.room.require_joined(user)?;
        if !self.room.settings.chat_enabled {
            return Err(Refusal::ChatDisabled);
        }
        self.room.require_unmuted(self.facts.now, user)
    }

    /// Whether something may be said to those who see the message: private ones are as good a way to speak as new ones.
    fn require_private_voice(&self, message: &Message) -> Result<(), Refusal> {
        match (&message.audience, self.who.user()) {
            (Audience::Users(users), Some(own)) => {
                self.room.check_private(&self.standing, own, users, self.facts.live_roles)
            }
            _ => Ok(()),
        }
    }

    /// The message that the command is about; one that the principal may not see does not exist.
    fn target(&self) -> Result<&Message, Refusal> {
        let missing = Refusal::NotFound { what: "message" };
        let message = self.facts.target.as_ref().ok_or_else(|| missing.clone())?;
        if self.sees(message) { Ok(message) } else { Err(missing) }
    }

    fn sees(&self, message: &Message) -> bool {
        match self.who.user() {
            None => true,
            Some(user) => {
                self.room.require_joined(user).is_ok() && self.standing.is_addressed(user, &message.audience)
            }
        }
    }

    fn require_author(&self, message: &Message) -> Result<(), Refusal> {
        if self.is_server() || self.who.user() == message.sender.user.as_ref() {
            Ok(())
        } else {
            Err(Refusal::NotAuthor)
        }
    }

    #[expect(clippy::unused_self, reason = "reads as one of the checks of an act")]
    fn require_alive(&self, message: &Message) -> Result<(), Refusal> {
        if message.is_deleted() { Err(Refusal::MessageDeleted) } else { Ok(()) }
    }

    fn reacting_user(&self) -> Result<&UserId, Refusal> {
        self.who
            .user()
            .ok_or_else(|| Refusal::invalid("user", "is needed: a reaction is a user's, use a user token"))
    }

    fn check_reply(&self, draft: &Draft) -> Result<(), Refusal> {
        match draft.reply_to {
            Some(_) if !self.facts.target.as_ref().is_some_and(|message| self.sees(message)) => {
                Err(Refusal::NotFound { what: "message" })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the principal may speak to `audience`, and adds the principal to a set of users.
    fn posting_audience(&self, audience: &Audience) -> Result<Audience, Refusal> {
        match audience {
            Audience::Room => Ok(Audience::Room),
            Audience::Group(group) => {
                if self.is_server() || self.standing.is_moderator() || self.standing.groups.contains(group) {
                    return Ok(audience.clone());
                }
                Err(Refusal::NotFound { what: "group" })
            }
            Audience::Users(users) => self.private_audience(users),
            Audience::Connections(_) => {
                Err(Refusal::invalid("audience", "names connections; a message goes to users"))
            }
        }
    }

    fn private_audience(&self, users: &[UserId]) -> Result<Audience, Refusal> {
        let max = self.facts.limits.audience_max;
        if users.len() > max {
            return Err(Refusal::TooLarge { field: "audience", max });
        }
        if users.is_empty() {
            return Err(Refusal::invalid("audience", "names nobody"));
        }
        let Some(own) = self.who.user() else { return Ok(Audience::users(users.iter().cloned())) };
        self.room.check_private(&self.standing, own, users, self.facts.live_roles)?;
        Ok(Audience::users(users.iter().cloned().chain([own.clone()])))
    }

    fn check_slow_mode(&self) -> Result<(), Refusal> {
        if self.standing.is_moderator() {
            return Ok(());
        }
        let (Some(pause), Some(last)) = (self.room.settings.slow_mode, self.facts.last_post_at) else {
            return Ok(());
        };
        let free_at = last.plus(pause);
        if self.facts.now >= free_at {
            return Ok(());
        }
        let wait = free_at.since(self.facts.now).min(pause);
        Err(Refusal::SlowMode {
            wait_ms: u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX),
        })
    }

    fn check_parts(&self, parts: &[Part]) -> Result<(), Refusal> {
        let limits = self.facts.limits;
        if parts.is_empty() {
            return Err(Refusal::invalid("parts", "is empty; a message has at least one part"));
        }
        if parts.len() > limits.parts_max {
            return Err(Refusal::TooLarge { field: "parts", max: limits.parts_max });
        }
        let mut bytes = 0;
        for part in parts {
            match part {
                Part::Text { text, .. } if text.trim().is_empty() => {
                    return Err(Refusal::invalid("text", "is empty"));
                }
                Part::Text { text, .. } | Part::Custom(text) => bytes += text.len(),
                Part::Image(_) | Part::File(_) => {}
            }
        }
        if bytes > limits.text_bytes_max {
            return Err(Refusal::TooLarge { field: "text", max: limits.text_bytes_max });
        }
        Ok(())
    }

    fn check_mentions(&self, mentions: &[UserId]) -> Result<(), Refusal> {
        let max = self.facts.limits.mentions_max;
        if mentions.len() > max { Err(Refusal::TooLarge { field: "mentions", max }) } else { Ok(()) }
    }

    fn check_emoji(&self, emoji: &str) -> Result<(), Refusal> {
        let max = self.facts.limits.reaction_bytes_max;
        if emoji.len() > max {
            return Err(Refusal::TooLarge { field: "emoji", max });
        }
        if emoji.is_empty() || emoji.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(Refusal::invalid("emoji", "is empty or holds white space"));
        }
        Ok(())
    }
}

/// The principal as the sender of something.
pub(crate) fn sender(who: &Principal) -> Sender {
    match &who.actor {
        Actor::User(identity) => Sender {
            user: Some(identity.user.clone()),
            name: identity.name.clone(),
            connection: who.connection,
            dialect: who.dialect,
        },
        Actor::Server => Sender { user: None, name: "server".into(), connection: None, dialect: who.dialect },
    }
}

impl super::Room {
    /// Whether `own` may speak privately to `users`. Signals to users and connections obey it too.
    ///
    /// # Errors
    /// The refusal of the room's private chat policy. A guest needs a moderator among them in any case.
    pub(crate) fn check_private(
        &self,
        standing: &super::Standing,
        own: &UserId,
        users: &[UserId],
        live_roles: &[(UserId, Role)],
    ) -> Result<(), Refusal> {
        let with_moderator = || {
            standing.is_moderator()
                || users.iter().any(|user| user != own && self.role_of(user, live_roles) >= Role::Moderator)
        };
        match self.settings.private_chat {
            PrivateChat::Off => Err(Refusal::PrivateChatOff),
            PrivateChat::Everyone if standing.role > Role::Guest || with_moderator() => Ok(()),
            PrivateChat::WithModerators if with_moderator() => Ok(()),
            _ => Err(Refusal::PrivateChatWithModerators),
        }
    }

    /// The role of a user who is not the one acting: the room's word, else the token's of somebody present, else a member's.
    pub(crate) fn role_of(&self, user: &UserId, live_roles: &[(UserId, Role)]) -> Role {
        let given = self.members.get(user).and_then(|member| member.role);
        let live = || live_roles.iter().find(|(live, _)| live == user).map(|(_, role)| *role);
        given.or_else(live).unwrap_or(Role::Member)
    }

    /// # Errors
    /// [`Refusal::Muted`] while a mute of `user` holds.
    pub(crate) fn require_unmuted(&self, now: Timestamp, user: &UserId) -> Result<(), Refusal> {
        match self.members.get(user).and_then(|member| member.mute) {
            Some(mute) if mute.holds(now) => Err(Refusal::Muted { until: mute.until }),
            _ => Ok(()),
        }
    }
}

/// A decision that is seen by whoever sees `message`.
fn tell(message: &Message, event: impl FnOnce(MessageRef) -> Event) -> Result<Decision, Refusal> {
    debug_assert!(
        !matches!(message.audience, Audience::Connections(_)),
        "a message is never for connections"
    );
    Ok(Decision::Append {
        audience: message.audience.clone(),
        event: event(MessageRef { id: message.id, seq: message.seq }),
    })
}
