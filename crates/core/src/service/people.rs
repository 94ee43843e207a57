//! Who is there: lists of presences, cutting a connection, erasing a user.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::command::Write;
use crate::event::{LeaveReason, Moment};
use crate::hub::Seat;
use crate::model::{ConnectionId, Presence, Principal, ProjectId, Role, RoomKey, RoomName, Seq, UserId};
use crate::ports::{Closing, Hint};
use crate::refusal::{Failure, Refusal};

use super::Service;

/// How many rooms are looked through between two questions for more.
const ROOMS_AT_ONCE: usize = 100;

/// How often a user is erased who goes on posting: what was on its way when the connections ended goes too.
const ERASING_ROUNDS: usize = 3;

/// How many messages are deleted side by side: they share their commits.
const DELETED_AT_ONCE: usize = 256;

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
    /// them and on themselves.
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
        room.viewer(self.now(), who)?;
        let standing = room.admit(self.now(), who)?;
        if standing.role < Role::Moderator {
            return Err(Refusal::RoleTooLow { needed: Role::Moderator.name() }.into());
        }
        let live = self.hub.live(&room.key);
        let found = live.and_then(|live| live.with(|_, roster| roster.get(connection).cloned())).flatten();
        let presence = found.ok_or(Refusal::NotFound { what: "connection" })?;
        // As it is now: the role may have changed since the other came.
        let role = room.role_in(&presence.identity);
        let own = who.user() == Some(&presence.identity.user);
        if who.user().is_some() && !own && role >= standing.role {
            return Err(Refusal::RoleNotBelow.into());
        }
        self.hub.cut(&room.key, connection, reason);
        Ok(())
    }

    /// Judges a seat by its link's token as it is now: groups are gained and lost, and a room that it does not open any more is
    /// left, which the connection is told. Says whether the seat stays. For every seat after a token was refreshed.
    pub fn rejudge(&self, seat: &Arc<Seat>) -> bool {
        let stays = seat.live().rejudge(seat, self.now());
        if !stays {
            self.hub.forget_if_idle(seat.live());
        }
        stays
    }

    /// Tells the room that something has changed which a dialect knows about a connection. The faces render it at its place
    /// behind what happened before, so that whoever reads it then reads what holds then.
    pub fn tell_changed(&self, room: &RoomKey, connection: ConnectionId) {
        let moment = Moment::Changed { connection }.into();
        self.fanout.publish(Hint::Moment { room: room.clone(), moment });
    }

    /// Erases a user: ends the connections, deletes every message in its log, so that whoever sees it now or comes back later is
    /// told, and removes from the store what names the user. Says how many messages were wiped. A token that is still
    /// valid lets its owner come again.
    ///
    /// # Errors
    /// The store's failure; what was done until then stays done, and erasing again does the rest.
    pub async fn erase_user(&self, project: ProjectId, user: &UserId) -> Result<u64, Failure> {
        for link in self.hub.links_of(project, user) {
            link.outlet().close(Closing::Left(LeaveReason::Removed));
        }
        let mut wiped = 0;
        for _ in 0..ERASING_ROUNDS {
            let was_there = self.delete_everything_of(project, user).await?;
            wiped += self.store.erase_user(project, user, self.now()).await?;
            if !was_there {
                break;
            }
        }
        for live in self.hub.live_rooms().iter().filter(|live| live.key().project == project) {
            live.renew_members(&*self.store).await?;
        }
        Ok(wiped)
    }

    /// Deletes the messages of a user in all rooms; says whether there were any.
    async fn delete_everything_of(&self, project: ProjectId, user: &UserId) -> Result<bool, Failure> {
        let (mut last, mut some) = (None, false);
        loop {
            let rooms = self.store.rooms(project, last.as_ref(), ROOMS_AT_ONCE).await?;
            for room in &rooms {
                let key = RoomKey { project, name: room.name.clone() };
                some |= self.delete_messages_of(user, &key).await?;
            }
            if rooms.len() < ROOMS_AT_ONCE {
                return Ok(some);
            }
            last = rooms.into_iter().last().map(|room| room.name);
        }
    }

    /// Deletes the messages of a user in a room; says whether there were any.
    async fn delete_messages_of(&self, user: &UserId, room: &RoomKey) -> Result<bool, Failure> {
        let server = Principal::server(room.project, None);
        let mut after = Seq::ZERO;
        loop {
            let found = match self.store.messages_of(room, user, after, DELETED_AT_ONCE).await {
                Err(Failure::Refused(Refusal::RoomGone)) => return Ok(false),
                found => found?,
            };
            let deletes = found
                .iter()
                .map(|message| self.write(&server, &room.name, Write::Delete { message: message.id }));
            for deleted in join_all(deletes).await {
                match deleted {
                    // Somebody else removed it, or the whole room, meanwhile.
                    Ok(_) | Err(Failure::Refused(Refusal::NotFound { .. })) => {}
                    Err(failure) => return Err(failure),
                }
            }
            let Some(end) = found.last() else { return Ok(after > Seq::ZERO) };
            after = end.seq;
        }
    }

    /// Puts everybody out of the room, which stays. For the server and the room's owners.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn end_sitting(&self, who: &Principal, name: &RoomName) -> Result<(), Failure> {
        let room = self.room(who, name).await?;
        room.viewer(self.now(), who)?;
        if room.admit(self.now(), who)?.role < Role::Owner {
            return Err(Refusal::RoleTooLow { needed: Role::Owner.name() }.into());
        }
        self.hub.end_sitting(&room.key);
        Ok(())
    }
}
