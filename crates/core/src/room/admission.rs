//! Who may be in the room at all, and as what.

use crate::access;
use crate::model::{
    Actor, Audience, GroupName, Identity, Membership, Principal, Role, RoomKind, Timestamp, UserId, Viewer,
};
use crate::refusal::Refusal;

use super::Room;

/// What somebody is in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The role that holds.
    pub role: Role,
    /// The groups of the token and of the room together.
    pub groups: Vec<GroupName>,
}

impl Room {
    /// Says what `who` is in this room.
    ///
    /// # Errors
    /// [`Refusal::NotInvited`] if the token or the membership does not open it, [`Refusal::Banned`] if a ban holds.
    pub fn admit(&self, now: Timestamp, who: &Principal) -> Result<Standing, Refusal> {
        let Actor::User(identity) = &who.actor else {
            return Ok(Standing { role: Role::Owner, groups: Vec::new() });
        };
        if who.project != self.key.project || !access::opens(who, &self.key.name) {
            return Err(Refusal::NotInvited);
        }
        let member = self.members.get(&identity.user);
        if let Some(ban) = member.and_then(|member| member.ban).filter(|ban| ban.holds(now)) {
            return Err(Refusal::Banned { until: ban.until });
        }
        let membership = member.and_then(|member| member.membership);
        if self.kind != RoomKind::Session
            && !matches!(membership, Some(Membership::Joined | Membership::Invited))
        {
            return Err(Refusal::NotInvited);
        }
        Ok(self.standing_of(identity))
    }

    /// Says what `who` may read here: as [`admit`](Self::admit), and an invitation alone does not open the history.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn viewer(&self, now: Timestamp, who: &Principal) -> Result<Viewer, Refusal> {
        let standing = self.admit(now, who)?;
        let Some(user) = who.user() else { return Ok(Viewer::Server) };
        self.require_joined(user)?;
        Ok(Viewer::User { user: user.clone(), groups: standing.groups.into() })
    }

    /// The role that `identity` has here: the one that the room gave, else the token's.
    pub fn role_in(&self, identity: &Identity) -> Role {
        self.members.get(&identity.user).and_then(|member| member.role).unwrap_or(identity.role)
    }

    /// What `identity` is here.
    pub fn standing_of(&self, identity: &Identity) -> Standing {
        let member = self.members.get(&identity.user);
        let mut groups = identity.groups.to_vec();
        for group in member.iter().flat_map(|member| &member.groups) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        Standing { role: self.role_in(identity), groups }
    }

    /// # Errors
    /// [`Refusal::NotInvited`] if the room has members and `user` is not one yet.
    pub(crate) fn require_joined(&self, user: &UserId) -> Result<(), Refusal> {
        let membership = self.members.get(user).and_then(|member| member.membership);
        if self.kind == RoomKind::Session || membership == Some(Membership::Joined) {
            Ok(())
        } else {
            Err(Refusal::NotInvited)
        }
    }
}

impl Standing {
    /// Whether this is a moderator or above.
    pub fn is_moderator(&self) -> bool {
        self.role >= Role::Moderator
    }

    /// Whether a user of this standing is among `audience`.
    pub fn is_addressed(&self, user: &UserId, audience: &Audience) -> bool {
        access::is_addressed(user, &self.groups, None, audience)
    }
}

impl Role {
    /// All roles, from least to most.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Guest, Self::Member, Self::Moderator, Self::Owner];

    /// The role's name on every wire of ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl RoomKind {
    /// The kind's name on every wire of ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Direct => "direct",
            Self::Group => "group",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Session, Self::Direct, Self::Group].into_iter().find(|kind| kind.name() == name)
    }
}
