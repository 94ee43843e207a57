//! The rules: what may happen in a room. Pure: state and a wish in, a decision or a refusal out.
//!
//! [`Room::decide`] never changes anything; [`Room::apply`] never refuses anything. Whoever holds a room's right to write
//! calls the first, stores the entry, and calls the second. See [`transaction`](crate::transaction).

mod admission;
mod membership;
mod messages;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::command::Write;
use crate::event::{Entry, Event};
use crate::limits::Limits;
use crate::model::{
    Actor, Audience, Epoch, Labels, Member, Membership, Message, MessageId, Position, Principal, Role,
    RoomKey, RoomKind, RoomSettings, Seq, Timestamp, UserId,
};
use crate::refusal::Refusal;

pub use admission::Standing;
pub(crate) use messages::sender;

/// A room as its log has made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// Which room.
    pub key: RoomKey,
    /// What kind of place.
    pub kind: RoomKind,
    /// The incarnation of its log.
    pub epoch: Epoch,
    /// The last entry of its log.
    pub head: Seq,
    /// When that entry was committed.
    pub last_at: Timestamp,
    /// When the room was made.
    pub created_at: Timestamp,
    /// What is set about it.
    pub settings: RoomSettings,
    /// Under which signal types its people chat.
    pub labels: Labels,
    /// Users of whom something is recorded.
    pub members: HashMap<UserId, Member>,
}

/// What the rules must know beside the room: fetched before they run.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The moment.
    pub now: Timestamp,
    /// The bounds.
    pub limits: &'a Limits,
    /// The id for a message that may be posted.
    pub message_id: MessageId,
    /// The message that the command is about, or that it answers.
    pub target: Option<Message>,
    /// When the user last posted, if that was within the slow mode's time.
    pub last_post_at: Option<Timestamp>,
    /// The roles that the tokens of people present give, as far as the command names them.
    pub live_roles: &'a [(UserId, Role)],
}

/// What the rules decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// This happens.
    Append {
        /// Who may see it.
        audience: Audience,
        /// What happens.
        event: Event,
    },
    /// It is so already.
    Unchanged,
}

impl Room {
    /// Where the log stands.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.head }
    }

    /// Decides whether `who` may do this now.
    ///
    /// # Errors
    /// The [`Refusal`] that says what to mend.
    pub fn decide(&self, who: &Principal, write: &Write, facts: &Facts<'_>) -> Result<Decision, Refusal> {
        let standing = self.admit(facts.now, who)?;
        let act = Act { room: self, who, standing, facts };
        match write {
            Write::Post(draft) => act.post(draft),
            Write::Edit { parts, mentions, .. } => act.edit(parts, mentions),
            Write::Delete { .. } => act.delete(),
            Write::Pin { .. } => act.pin(true),
            Write::Unpin { .. } => act.pin(false),
            Write::React { emoji, .. } => act.react(emoji),
            Write::Unreact { emoji, .. } => act.unreact(emoji),
            Write::SetChatEnabled(enabled) => act.set_chat_enabled(*enabled),
            Write::ClearHistory(audience) => act.clear_history(audience),
            Write::SetSlowMode(pause) => act.set_slow_mode(*pause),
            Write::SetPrivateChat(policy) => act.set_private_chat(*policy),
            Write::SetTitle(title) => act.set_title(title.as_ref()),
            Write::SetRetention(retention) => act.set_retention(*retention),
            Write::Mute { user, duration } => act.mute(user, *duration),
            Write::Unmute { user } => act.unmute(user),
            Write::Kick { user } => act.kick(user),
            Write::Ban { user, duration } => act.ban(user, *duration),
            Write::Unban { user } => act.unban(user),
            Write::SetRole { user, role } => act.set_role(user, *role),
            Write::SetGroups { user, groups } => act.set_groups(user, groups),
            Write::Invite { user } => act.invite(user),
            Write::AddMember { user } => act.add_member(user),
            Write::AcceptInvitation => act.accept_invitation(),
            Write::LeaveRoom => act.leave_room(),
        }
    }

    /// Takes an entry of the log into the state.
    pub fn apply(&mut self, entry: &Entry) {
        self.head = entry.seq;
        self.last_at = entry.at;
        match &entry.event {
            Event::ChatEnabledSet(enabled) => self.settings.chat_enabled = *enabled,
            Event::SlowModeSet(pause) => self.settings.slow_mode = *pause,
            Event::PrivateChatSet(policy) => self.settings.private_chat = *policy,
            Event::TitleSet(title) => self.settings.title.clone_from(title),
            Event::RetentionSet(retention) => self.settings.retention = *retention,
            Event::MemberMuted { user, mute } => self.member_mut(user).mute = Some(*mute),
            Event::MemberUnmuted { user } => self.member_mut(user).mute = None,
            Event::MemberBanned { user, ban } => {
                let can_leave = self.kind == RoomKind::Group;
                let member = self.member_mut(user);
                member.ban = Some(*ban);
                if can_leave {
                    member.membership = Some(Membership::Left);
                }
            }
            Event::MemberUnbanned { user } => self.member_mut(user).ban = None,
            Event::RoleSet { user, role } => self.member_mut(user).role = *role,
            Event::GroupsSet { user, groups } => self.member_mut(user).groups.clone_from(groups),
            Event::MemberInvited { user } => self.member_mut(user).membership = Some(Membership::Invited),
            Event::MemberJoined { user } => self.member_mut(user).membership = Some(Membership::Joined),
            // A direct room joins two users for ever: nobody could let them in again.
            Event::MemberKicked { .. } if self.kind != RoomKind::Group => {}
            Event::MemberKicked { user } | Event::MemberLeft { user } => {
                self.member_mut(user).membership = Some(Membership::Left);
            }
            Event::MessagePosted(message) => {
                self.labels.note(message);
            }
            Event::MessageEdited { .. }
            | Event::MessageDeleted(_)
            | Event::MessagePinned(_)
            | Event::MessageUnpinned(_)
            | Event::ReactionAdded { .. }
            | Event::ReactionRemoved { .. }
            | Event::HistoryCleared => {}
        }
        if let Some(user) = member_changed(&entry.event)
            && self.members.get(user).is_some_and(Member::is_blank)
        {
            self.members.remove(user);
        }
    }

    /// The users with a durable membership, for `direct` and `group` rooms.
    pub fn joined_members(&self) -> impl Iterator<Item = &UserId> {
        self.members
            .iter()
            .filter(|(_, member)| member.membership == Some(Membership::Joined))
            .map(|(user, _)| user)
    }

    fn member_mut(&mut self, user: &UserId) -> &mut Member {
        self.members.entry(user.clone()).or_default()
    }
}

/// The user that an entry changed something about, if it is about one.
pub fn member_changed(event: &Event) -> Option<&UserId> {
    match event {
        Event::MemberMuted { user, .. }
        | Event::MemberUnmuted { user }
        | Event::MemberKicked { user }
        | Event::MemberBanned { user, .. }
        | Event::MemberUnbanned { user }
        | Event::RoleSet { user, .. }
        | Event::GroupsSet { user, .. }
        | Event::MemberInvited { user }
        | Event::MemberJoined { user }
        | Event::MemberLeft { user } => Some(user),
        _ => None,
    }
}

/// One wish being judged: everything that its rule may look at.
struct Act<'a> {
    room: &'a Room,
    who: &'a Principal,
    standing: Standing,
    facts: &'a Facts<'a>,
}

impl Act<'_> {
    fn is_server(&self) -> bool {
        self.who.actor == Actor::Server
    }

    fn require(&self, role: Role) -> Result<(), Refusal> {
        if self.standing.role < role {
            return Err(Refusal::RoleTooLow { needed: role.name() });
        }
        match self.who.user() {
            // An invitation does not open the history, and moves nothing in it.
            Some(own) if role >= Role::Moderator => self.room.require_joined(own),
            _ => Ok(()),
        }
    }
}

/// A decision that everybody in the room may see.
fn tell_room(event: Event) -> Result<Decision, Refusal> {
    Ok(Decision::Append { audience: Audience::Room, event })
}

/// A decision to do `event` unless it is so already.
fn tell_room_unless(already: bool, event: impl FnOnce() -> Event) -> Result<Decision, Refusal> {
    if already { Ok(Decision::Unchanged) } else { tell_room(event()) }
}
