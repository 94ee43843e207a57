//! Opening, joining, leaving and deleting rooms.

use std::sync::Arc;

use crate::event::{Entry, LeaveReason};
use crate::hub::{Entrance, Hub, Link, LiveRoom, Seat, Taken};
use crate::limits::Limits;
use crate::model::{
    Epoch, Position, Presence, Principal, Role, RoomKey, RoomKind, RoomName, RoomSettings, RoomSpec, Seq,
    UserId, Viewer,
};
use crate::ports::{Hint, Page, PageAnchor, PageRequest, Replay, RoomSummary};
use crate::refusal::{Failure, Refusal, Unavailable};
use crate::room::{Room, Standing};

use super::{Service, as_not_found};

/// How somebody wants to come into a room.
#[derive(Clone, Debug)]
pub struct JoinWish {
    /// What was seen last, to get what came after it.
    pub position: Option<Position>,
    /// How many of the newest messages to get if nothing is resumed.
    pub history: usize,
    /// Whether to be told who is there, comes and goes.
    pub presence: bool,
    /// What the client says of itself to the others.
    pub client_data: Arc<str>,
    /// Whether the connection was here before this process began: then nobody is told that it comes.
    pub is_back: bool,
}

/// A place in a room.
pub struct Joined {
    /// The seat; held until [`Seat::release`].
    pub seat: Arc<Seat>,
    /// The room as it was when the seat was taken.
    pub room: Arc<Room>,
    /// The position from which notifications go on.
    pub position: Position,
    /// What the user is here.
    pub standing: Standing,
    /// Who is here, oldest first; a part of them in large rooms.
    pub presence: Vec<Arc<Presence>>,
    /// How many are here.
    pub presence_total: usize,
    /// Whether the missed entries are there.
    pub resume: Resume,
    /// The missed entries, if the resume is [`Resume::Ok`].
    pub entries: Vec<Arc<Entry>>,
    /// The newest messages, if nothing was resumed.
    pub history: Option<Page>,
}

/// How a resume went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// No position was given.
    None,
    /// All that was missed is there.
    Ok,
    /// More was missed than is replayed, or it is gone: load again.
    TooOld,
    /// The position is of another log: load again.
    EpochChanged,
}

/// A seat that nobody has taken over yet: see [`Service::hold`].
pub struct Held {
    hub: Arc<Hub>,
    /// `None` once it was taken over.
    seat: Option<Arc<Seat>>,
}

impl Held {
    /// Takes the seat over.
    pub fn keep(mut self) -> Arc<Seat> {
        self.seat.take().expect("only this takes it")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            give_up(&self.hub, seat, LeaveReason::Left);
        }
    }
}

fn give_up(hub: &Hub, seat: &Arc<Seat>, reason: LeaveReason) {
    seat.live().leave(seat, reason);
    hub.forget_if_idle(seat.live());
}

impl Service {
    /// Takes a seat in a room for `link`, with what was missed or the newest messages. If the future is dropped before it is
    /// done, no seat is taken.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn join(
        &self,
        who: &Principal,
        link: &Arc<Link>,
        room: &RoomName,
        wish: JoinWish,
    ) -> Result<Joined, Failure> {
        let key = self.key(who, room)?;
        self.check_page(wish.history)?;
        let taken = loop {
            let live = self.enter(who, &key).await?;
            let entrance = Entrance {
                now: self.now(),
                who,
                link,
                wants_presence: wish.presence,
                client_data: wish.client_data.clone(),
                is_back: wish.is_back,
                connections_max: self.limits.room_connections_max,
            };
            match live.take_seat(entrance) {
                Some(Ok(taken)) => break taken,
                Some(Err(refusal)) => {
                    self.hub.forget_if_idle(&live);
                    return Err(refusal.into());
                }
                // The live room was dropped between the two calls: make it anew.
                None => {}
            }
        };
        // The seat is held: what is committed from here on waits behind this answer.
        let Taken { seat, room, standing, presence, presence_total } = taken;
        let seat = self.hold(seat);
        let viewer = room.viewer(self.now(), who)?;
        let (resume, entries, history) = self.missed(&key, &viewer, &room, &wish).await?;
        Ok(Joined {
            seat: seat.keep(),
            position: room.position(),
            room,
            standing,
            presence,
            presence_total,
            resume,
            entries,
            history,
        })
    }

    /// A seat that is given up unless somebody keeps it, for work that may be dropped half-way.
    pub fn hold(&self, seat: Arc<Seat>) -> Held {
        Held { hub: self.hub.clone(), seat: Some(seat) }
    }

    /// Gives a seat up.
    pub fn leave(&self, seat: &Arc<Seat>, reason: LeaveReason) {
        give_up(&self.hub, seat, reason);
    }

    /// The room of that name, made if there is none; says whether it was made.
    ///
    /// # Errors
    /// A refusal if `who` may not make such a room, or may not see the one there is; [`Refusal::RoomTaken`] if a room with members
    /// is wished and the one there is has another kind, or as a direct room other people; the store's failure.
    pub async fn open_room(
        &self,
        who: &Principal,
        name: &RoomName,
        spec: RoomSpec,
    ) -> Result<(Arc<Room>, bool), Failure> {
        let key = self.key(who, name)?;
        check_spec(who, &spec, &self.limits)?;
        let (room, made) = self.store.open(&key, &spec, self.fresh_epoch(), self.now()).await?;
        room.admit(self.now(), who)?;
        if !made {
            check_is_such(&room, &spec)?;
        }
        Ok((room, made))
    }

    /// Deletes a room with everything in it. For the server and the room's owners.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn delete_room(&self, who: &Principal, name: &RoomName) -> Result<(), Failure> {
        let key = self.key(who, name)?;
        let mut room = self.store.room(&key).await?.ok_or(Refusal::NotFound { what: "room" })?;
        loop {
            room.viewer(self.now(), who)?;
            if room.admit(self.now(), who)?.role < Role::Owner {
                return Err(Refusal::RoleTooLow { needed: Role::Owner.name() }.into());
            }
            if self.delete(&room).await? {
                return Ok(());
            }
            // Somebody else did meanwhile, and the name may have another room, of other owners.
            match self.store.room(&key).await? {
                Some(another) => room = another,
                None => return Ok(()),
            }
        }
    }

    /// Deletes that room and no later one of its name. Says whether it was there.
    async fn delete(&self, room: &Room) -> Result<bool, Failure> {
        let (store, fanout) = (self.store.clone(), self.fanout.clone());
        let (room, epoch) = (room.key.clone(), room.epoch);
        // Whoever asked may stop waiting, but who is in the room must hear of it all the same.
        let deleting = tokio::spawn(async move {
            let was_there = store.delete(&room, epoch).await?;
            if was_there {
                fanout.publish(Hint::Deleted { room, epoch });
            }
            Ok::<_, Failure>(was_there)
        });
        deleting.await.map_err(|error| Unavailable::new("deleting a room", error))?
    }

    /// The room, if `who` may be in it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is none for `who`; another refusal of admission; the store's failure.
    pub async fn room(&self, who: &Principal, name: &RoomName) -> Result<Arc<Room>, Failure> {
        let key = self.key(who, name)?;
        let live = self.hub.live(&key).and_then(|live| live.room());
        let room = match live {
            Some(room) => room,
            None => self.store.room(&key).await?.ok_or(Refusal::NotFound { what: "room" })?,
        };
        room.admit(self.now(), who)?;
        Ok(room)
    }

    /// The lasting rooms of a user, one's own, or for the server anybody's: by name, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for somebody else's; the store's failure.
    pub async fn rooms_of(
        &self,
        who: &Principal,
        user: &UserId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> Result<Vec<RoomSummary>, Failure> {
        if who.user().is_some_and(|own| own != user) {
            return Err(Refusal::NotFound { what: "user" }.into());
        }
        let mut rooms: Vec<RoomSummary> = Vec::new();
        let mut after = after.cloned();
        // A token may open only some of them.
        while rooms.len() < limit {
            let part = self.store.rooms_of(who.project, user, self.now(), after.as_ref(), limit).await?;
            after = part.last().map(|room| room.name.clone());
            let is_last = part.len() < limit;
            rooms.extend(part.into_iter().filter(|room| crate::access::opens(who, &room.name)));
            if is_last {
                break;
            }
        }
        rooms.truncate(limit);
        Ok(rooms)
    }

    /// The live room; a `session` room that does not exist is made if the project allows it.
    async fn enter(&self, who: &Principal, key: &RoomKey) -> Result<Arc<LiveRoom>, Failure> {
        match self.hub.enter(key).await {
            Err(Failure::Refused(Refusal::RoomGone)) => {}
            entered => return entered,
        }
        let project = self.project(who.project).await?;
        if !project.is_some_and(|project| project.settings.create_rooms_on_join) {
            return Err(Refusal::NotFound { what: "room" }.into());
        }
        self.store.open(key, &RoomSpec::default(), self.fresh_epoch(), self.now()).await?;
        self.hub.enter(key).await.map_err(as_not_found)
    }

    async fn missed(
        &self,
        key: &RoomKey,
        viewer: &Viewer,
        room: &Room,
        wish: &JoinWish,
    ) -> Result<(Resume, Vec<Arc<Entry>>, Option<Page>), Failure> {
        let resume = match wish.position {
            None => Resume::None,
            Some(position) => {
                let (resume, replay) = self.replay(key, viewer, room, position).await?;
                match replay.filter(|_| resume == Resume::Ok) {
                    None => resume,
                    Some(replay) if self.is_too_long(&replay) => Resume::TooOld,
                    Some(mut replay) => {
                        replay.entries.retain(|entry| entry.seq <= room.head);
                        return Ok((resume, replay.entries, None));
                    }
                }
            }
        };
        if wish.history == 0 {
            let more_before = room.head > Seq::ZERO;
            return Ok((resume, Vec::new(), Some(Page { more_before, ..Page::default() })));
        }
        let request =
            PageRequest { anchor: PageAnchor::Newest, limit: wish.history, audience: None, pinned: false };
        let mut page = self.store.page(key, viewer, &request).await?;
        page.messages.retain(|message| message.seq <= room.head);
        page.shorten(request.anchor, self.limits.answer_bytes_max);
        Ok((resume, Vec::new(), Some(page)))
    }

    /// Whether a replay has too many bytes for one answer.
    fn is_too_long(&self, replay: &Replay) -> bool {
        let bytes: usize = replay.entries.iter().map(|entry| entry.weight()).sum();
        bytes > self.limits.answer_bytes_max
    }

    /// What follows `position`, or why that cannot be said.
    pub(super) async fn replay(
        &self,
        key: &RoomKey,
        viewer: &Viewer,
        room: &Room,
        position: Position,
    ) -> Result<(Resume, Option<Replay>), Failure> {
        if position.epoch != room.epoch || position.seq > room.head {
            return Ok((Resume::EpochChanged, None));
        }
        let replay = self.store.entries(key, viewer, position.seq, self.limits.replay_max).await?;
        if replay.epoch != room.epoch {
            return Ok((Resume::EpochChanged, None));
        }
        if replay.more || position.seq < replay.floor {
            return Ok((Resume::TooOld, None));
        }
        Ok((Resume::Ok, Some(replay)))
    }

    fn fresh_epoch(&self) -> Epoch {
        #[expect(clippy::cast_possible_truncation, reason = "half of the random bits are enough")]
        let bits = self.entropy.bits() as u64;
        // A store may mean by 0 that there is none yet.
        Epoch(bits.max(1))
    }
}

/// The server makes any room; a user makes `direct` and `group` rooms with himself among the members, and `session` rooms
/// as a moderator.
/// Whether a room is the wished one. Who wishes for a session takes the room as it is; who wishes for members must not end up
/// among other people because somebody has used the name before.
fn check_is_such(room: &Room, spec: &RoomSpec) -> Result<(), Refusal> {
    let is_such = match spec.kind {
        RoomKind::Session => true,
        RoomKind::Group => room.kind == RoomKind::Group,
        RoomKind::Direct => {
            room.kind == RoomKind::Direct && spec.members.iter().all(|user| room.members.contains_key(user))
        }
    };
    if is_such { Ok(()) } else { Err(Refusal::RoomTaken { kind: room.kind.name() }) }
}

fn check_spec(who: &Principal, spec: &RoomSpec, limits: &Limits) -> Result<(), Refusal> {
    let RoomSettings { title, slow_mode, retention, .. } = &spec.settings;
    title.as_ref().map_or(Ok(()), |title| limits.check_title(title))?;
    slow_mode.map_or(Ok(()), |pause| limits.check_slow_mode(pause))?;
    retention.map_or(Ok(()), Limits::check_retention)?;
    limits.check_members(spec.members.len())?;
    let mut members: Vec<_> = spec.members.iter().collect();
    members.sort_unstable();
    members.dedup();
    match spec.kind {
        RoomKind::Direct if members.len() != 2 => {
            return Err(Refusal::invalid("members", "must be exactly two users in a direct room"));
        }
        RoomKind::Session if !members.is_empty() => {
            return Err(Refusal::invalid("members", "are not kept in a session room"));
        }
        _ => {}
    }
    let crate::model::Actor::User(identity) = &who.actor else { return Ok(()) };
    if identity.role < Role::Member {
        return Err(Refusal::RoleTooLow { needed: Role::Member.name() });
    }
    match spec.kind {
        RoomKind::Session if identity.role < Role::Moderator => {
            Err(Refusal::RoleTooLow { needed: Role::Moderator.name() })
        }
        RoomKind::Direct | RoomKind::Group if !spec.members.contains(&identity.user) => {
            Err(Refusal::invalid("members", "must name yourself"))
        }
        _ => Ok(()),
    }
}
