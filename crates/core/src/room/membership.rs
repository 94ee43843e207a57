//! The rules about people: mute, kick, ban, roles, groups, invitations.

use std::time::Duration;

use crate::event::Event;
use crate::model::{GroupName, Member, Membership, Mute, Role, RoomKind, UserId};
use crate::refusal::Refusal;

use super::{Act, Decision, tell_room, tell_room_unless};

impl Act<'_> {
    pub(super) fn mute(&self, user: &UserId, duration: Option<Duration>) -> Result<Decision, Refusal> {
        self.require_above(user)?;
        let mute = self.lasting(duration)?;
        let already = self.member(user).and_then(|member| member.mute) == Some(mute);
        tell_room_unless(already, || Event::MemberMuted { user: user.clone(), mute })
    }

    pub(super) fn unmute(&self, user: &UserId) -> Result<Decision, Refusal> {
        self.require_above(user)?;
        let free = self.member(user).is_none_or(|member| member.mute.is_none());
        tell_room_unless(free, || Event::MemberUnmuted { user: user.clone() })
    }

    pub(super) fn kick(&self, user: &UserId) -> Result<Decision, Refusal> {
        self.require_above(user)?;
        tell_room(Event::MemberKicked { user: user.clone() })
    }

    pub(super) fn ban(&self, user: &UserId, duration: Option<Duration>) -> Result<Decision, Refusal> {
        self.require_above(user)?;
        let ban = self.lasting(duration)?;
        let already = self.member(user).and_then(|member| member.ban) == Some(ban);
        tell_room_unless(already, || Event::MemberBanned { user: user.clone(), ban })
    }

    pub(super) fn unban(&self, user: &UserId) -> Result<Decision, Refusal> {
        self.require_above(user)?;
        let free = self.member(user).is_none_or(|member| member.ban.is_none());
        tell_room_unless(free, || Event::MemberUnbanned { user: user.clone() })
    }

    /// A moderator gives roles below moderator to those below him; an owner gives any. Only an owner takes back what was given:
    /// then the token's role holds again, which may be a high one.
    pub(super) fn set_role(&self, user: &UserId, role: Option<Role>) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        if self.standing.role < Role::Owner {
            if role.is_none_or(|role| role >= Role::Moderator) {
                return Err(Refusal::RoleTooLow { needed: Role::Owner.name() });
            }
            self.require_above(user)?;
        }
        self.require_space(user)?;
        let already = self.member(user).and_then(|member| member.role) == role;
        tell_room_unless(already, || Event::RoleSet { user: user.clone(), role })
    }

    pub(super) fn set_groups(&self, user: &UserId, groups: &[GroupName]) -> Result<Decision, Refusal> {
        self.require(Role::Moderator)?;
        if self.standing.role < Role::Owner {
            self.require_above(user)?;
        }
        let max = self.facts.limits.audience_max;
        if groups.len() > max {
            return Err(Refusal::TooLarge { field: "groups", max });
        }
        self.require_space(user)?;
        let already = self.member(user).map_or(groups.is_empty(), |member| member.groups == groups);
        tell_room_unless(already, || Event::GroupsSet { user: user.clone(), groups: groups.to_vec() })
    }

    pub(super) fn invite(&self, user: &UserId) -> Result<Decision, Refusal> {
        self.require_group_room()?;
        self.require(Role::Member)?;
        if let Some(own) = self.who.user() {
            self.room.require_joined(own)?;
            // Whoever is told of it reads the name: it is as good a way to speak as any.
            self.room.require_unmuted(self.facts.now, own)?;
        }
        self.require_not_banned(user)?;
        self.require_space(user)?;
        let known = matches!(self.membership(user), Some(Membership::Invited | Membership::Joined));
        tell_room_unless(known, || Event::MemberInvited { user: user.clone() })
    }

    pub(super) fn add_member(&self, user: &UserId) -> Result<Decision, Refusal> {
        self.require_group_room()?;
        self.require(Role::Moderator)?;
        self.require_not_banned(user)?;
        self.require_space(user)?;
        tell_room_unless(self.membership(user) == Some(Membership::Joined), || Event::MemberJoined {
            user: user.clone(),
        })
    }

    pub(super) fn accept_invitation(&self) -> Result<Decision, Refusal> {
        let user = self.own_user()?;
        match self.membership(user) {
            Some(Membership::Joined) => Ok(Decision::Unchanged),
            Some(Membership::Invited) => tell_room(Event::MemberJoined { user: user.clone() }),
            _ => Err(Refusal::NotInvited),
        }
    }

    pub(super) fn leave_room(&self) -> Result<Decision, Refusal> {
        self.require_group_room()?;
        let user = self.own_user()?;
        let gone = !matches!(self.membership(user), Some(Membership::Invited | Membership::Joined));
        tell_room_unless(gone, || Event::MemberLeft { user: user.clone() })
    }

    fn member(&self, user: &UserId) -> Option<&Member> {
        self.room.members.get(user)
    }

    fn membership(&self, user: &UserId) -> Option<Membership> {
        self.member(user).and_then(|member| member.membership)
    }

    fn own_user(&self) -> Result<&UserId, Refusal> {
        self.who.user().ok_or_else(|| Refusal::invalid("user", "is needed: use a user token"))
    }

    /// Whether the principal is a moderator and above `user`.
    fn require_above(&self, user: &UserId) -> Result<(), Refusal> {
        self.require(Role::Moderator)?;
        self.require_space_to_moderate(user)?;
        let own = self.who.user() == Some(user);
        if self.is_server() || (!own && self.room.role_of(user, self.facts.live_roles) < self.standing.role) {
            return Ok(());
        }
        Err(Refusal::RoleNotBelow)
    }

    fn require_group_room(&self) -> Result<(), Refusal> {
        match self.room.kind {
            RoomKind::Group => Ok(()),
            kind => Err(Refusal::WrongRoomKind { kind: kind.name() }),
        }
    }

    fn require_not_banned(&self, user: &UserId) -> Result<(), Refusal> {
        match self.member(user).and_then(|member| member.ban) {
            Some(ban) if ban.holds(self.facts.now) => Err(Refusal::Banned { until: ban.until }),
            _ => Ok(()),
        }
    }

    /// Whether something can be recorded about `user`.
    fn require_space(&self, user: &UserId) -> Result<(), Refusal> {
        let is_new = !self.room.members.contains_key(user);
        self.facts.limits.check_members(self.room.members.len() + usize::from(is_new))
    }

    /// The same for mutes, bans and kicks: a room that is full of other people can still be moderated.
    fn require_space_to_moderate(&self, user: &UserId) -> Result<(), Refusal> {
        let is_new = !self.room.members.contains_key(user);
        self.facts.limits.check_members((self.room.members.len() + usize::from(is_new)).div_ceil(2))
    }

    fn lasting(&self, duration: Option<Duration>) -> Result<Mute, Refusal> {
        if duration.is_some_and(|duration| duration.is_zero()) {
            return Err(Refusal::invalid("duration", "must be above zero"));
        }
        Ok(Mute { until: duration.map(|duration| self.facts.now.plus(duration)) })
    }
}
