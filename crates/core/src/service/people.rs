//! Who is there: lists of presences, and cutting a connection.

use std::sync::Arc;

use crate::event::{LeaveReason, Moment};
use crate::model::{ConnectionId, Presence, Principal, Role, RoomKey, RoomName};
use crate::ports::Hint;
use crate::refusal::{Failure, Refusal};

use super::Service;

impl Service {
    /// Who is in the room now, oldest first.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn presences(&self, who: &Principal, name: &RoomName) -> Result<Vec<Arc<Presence>>, Failure> {
        let room = self.room(who, name).await?;
        room.viewer(self.now(), who)?;
        let live = self.hub.live(&room.key);
        Ok(live.and_then(|live| live.with(|_, roster| roster.iter().cloned().collect())).unwrap_or_default())
    }

    /// Ends one connection in a room, for the reason that everybody is told. For the server and moderators, on people below
    /// them.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure; [`Refusal::NotFound`] if the connection is not there.
    pub async fn cut(
        &self,
        who: &Principal,
        name: &RoomName,
        connection: ConnectionId,
        reason: LeaveReason,
    ) -> Result<(), Failure> {
        let room = self.room(who, name).await?;
        let standing = room.admit(self.now(), who)?;
        if standing.role < Role::Moderator {
            return Err(Refusal::RoleTooLow { needed: Role::Moderator.name() }.into());
        }
        let live = self.hub.live(&room.key);
        let found = live.and_then(|live| live.with(|_, roster| roster.get(connection).cloned())).flatten();
        let presence = found.ok_or(Refusal::NotFound { what: "connection" })?;
        if who.user().is_some() && presence.role >= standing.role {
            return Err(Refusal::RoleNotBelow.into());
        }
        self.hub.cut(&room.key, connection, reason);
        Ok(())
    }

    /// Tells the room that something has changed which a dialect knows about a connection. The faces render it at its place
    /// behind what happened before, so that whoever reads it then reads what holds then.
    pub fn tell_changed(&self, room: &RoomKey, connection: ConnectionId) {
        let moment = Moment::Changed { connection }.into();
        self.fanout.publish(Hint::Moment { room: room.clone(), moment });
    }

    /// Puts everybody out of the room, which stays. For the server and the room's owners.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn end_sitting(&self, who: &Principal, name: &RoomName) -> Result<(), Failure> {
        let room = self.room(who, name).await?;
        if room.admit(self.now(), who)?.role < Role::Owner {
            return Err(Refusal::RoleTooLow { needed: Role::Owner.name() }.into());
        }
        self.hub.end_sitting(&room.key);
        Ok(())
    }
}
