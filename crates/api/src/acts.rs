//! What a user or the server can do, once for the socket and for REST: count, ask core, answer. The two differ only in what
//! an answer is made of: see [`Out`].

use std::sync::Arc;

use serde::Serialize;
use sidetalk_core::command::Write;
use sidetalk_core::hub::Link;
use sidetalk_core::model::{
    Actor, Audience, ClientId, Draft, MessageId, Presence, Principal, Role, RoomKey, RoomName, RoomSpec, Seq,
    Signal, UserId,
};
use sidetalk_core::ports::{PageAnchor, PageRequest, SearchRequest, Unread};
use sidetalk_core::room::Room;
use sidetalk_core::service::{JoinWish, Joined, Resume};
use sidetalk_core::transaction::Written;
use sidetalk_edge::metrics;
use sidetalk_edge::rate;

use crate::errors::Problem;
use crate::from_wire::{JoinExtras, Part};
use crate::limits::Counted;
use crate::state::ApiState;
use crate::to_wire;
use crate::wire::answer::{
    Done, JoinResult, Me, Members, Newest, OneMessage, OneRoom, Receipt, Rooms, Signalled, Unreads,
};
use crate::wire::json::Place;

/// Where an answer goes.
pub(crate) trait Out: Send {
    /// What is made of it.
    type Made: Send;
    /// An answer.
    fn made(self, value: &impl Serialize) -> Self::Made;
    /// An answer that says that something new was made.
    fn created(self, value: &impl Serialize) -> Self::Made;
}

type Answered<O> = Result<<O as Out>::Made, Problem>;

impl ApiState {
    pub(crate) async fn get_room<O: Out>(&self, who: &Principal, room: &RoomName, out: O) -> Answered<O> {
        let room = self.service.room(who, room).await?;
        Ok(out.made(&OneRoom { room: to_wire::room(&room) }))
    }

    pub(crate) async fn list_rooms<O: Out>(
        &self,
        who: &Principal,
        user: &UserId,
        part: &Part<RoomName>,
        out: O,
    ) -> Answered<O> {
        let rooms = self.service.rooms_of(who, user, part.after.as_ref(), part.limit + 1).await?;
        let (rooms, more) = self.fitting(rooms.iter().map(to_wire::summary), part.limit);
        Ok(out.made(&Rooms { rooms, more }))
    }

    /// Field by field, in order; the first refusal ends it.
    pub(crate) async fn update_room<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        writes: Vec<Write>,
        out: O,
    ) -> Answered<O> {
        for write in writes {
            self.count_and_write(who, room, write).await?;
        }
        // Read from the store: the live replica follows a moment later.
        let key = RoomKey { project: who.project, name: room.clone() };
        match self.service.store().room(&key).await? {
            Some(room) => Ok(out.made(&OneRoom { room: to_wire::room(&room) })),
            None => Err(sidetalk_core::refusal::Refusal::RoomGone.into()),
        }
    }

    pub(crate) async fn history<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        request: PageRequest,
        out: O,
    ) -> Answered<O> {
        let page = self.service.page(who, room, request).await?;
        Ok(out.made(&to_wire::page(&page)))
    }

    pub(crate) async fn search<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        request: SearchRequest,
        out: O,
    ) -> Answered<O> {
        let page = self.service.search(who, room, request).await?;
        Ok(out.made(&to_wire::page(&page)))
    }

    pub(crate) async fn unread<O: Out>(&self, who: &Principal, room: &RoomName, out: O) -> Answered<O> {
        let unread = self.service.unread(who, room).await?;
        Ok(out.made(&self.told(&unread)))
    }

    pub(crate) async fn post<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        draft: Draft,
        out: O,
    ) -> Answered<O> {
        let posted = to_wire::posted(&self.count_and_write(who, room, Write::Post(draft)).await?);
        Ok(if posted.repeated { out.made(&posted) } else { out.created(&posted) })
    }

    pub(crate) async fn message<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        id: MessageId,
        out: O,
    ) -> Answered<O> {
        let message = self.service.message(who, room, id).await?;
        Ok(out.made(&OneMessage { message: to_wire::message(&message) }))
    }

    pub(crate) async fn write<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        write: Write,
        out: O,
    ) -> Answered<O> {
        Ok(out.made(&to_wire::changed(&self.count_and_write(who, room, write).await?)))
    }

    /// Whatever makes an entry of a log counts as a send: everybody in the room is told of it.
    pub(crate) async fn count_and_write(
        &self,
        who: &Principal,
        room: &RoomName,
        write: Write,
    ) -> Result<Written, Problem> {
        self.count_send(who, room)?;
        Ok(self.service.write(who, room, write).await?)
    }

    /// Makes a room, which counts as a send, or finds the one of that name. Says whether it was made.
    pub(crate) async fn open_room(
        &self,
        who: &Principal,
        name: &RoomName,
        spec: RoomSpec,
    ) -> Result<(Arc<Room>, bool), Problem> {
        let key = RoomKey { project: who.project, name: name.clone() };
        if who.user().is_some() && self.service.store().room(&key).await?.is_none() {
            self.count_send(who, name)?;
        }
        Ok(self.service.open_room(who, name, spec).await?)
    }

    /// A signal from anywhere but a seat. One that is chat counts as the message that it is.
    pub(crate) async fn signal<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        (signal, client_id): (Signal, Option<ClientId>),
        out: O,
    ) -> Answered<O> {
        if self.service.stores(who, &signal) {
            self.count_send(who, room)?;
        } else {
            self.count_signal(who, room)?;
        }
        let stored = self.service.signal(who, room, signal, client_id).await?;
        let message = stored.as_ref().map(to_wire::posted);
        let is_new = message.as_ref().is_some_and(|posted| !posted.repeated);
        let answer = Signalled { message };
        Ok(if is_new { out.created(&answer) } else { out.made(&answer) })
    }

    pub(crate) async fn typing<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        audience: Audience,
        active: bool,
        out: O,
    ) -> Answered<O> {
        if who.user().is_none() {
            return Err(Problem::UserOnly);
        }
        self.count_signal(who, room)?;
        self.service.typing(who, room, audience, active).await?;
        Ok(out.made(&Done {}))
    }

    pub(crate) async fn receipt<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        audience: Audience,
        seq: Seq,
        out: O,
    ) -> Answered<O> {
        let seq = self.service.mark_read(who, room, with_self(who, audience), seq).await?;
        Ok(out.made(&Receipt { seq: seq.0 }))
    }

    pub(crate) async fn members<O: Out>(
        &self,
        who: &Principal,
        room: &RoomName,
        part: &Part<UserId>,
        out: O,
    ) -> Answered<O> {
        let room = self.service.room(who, room).await?;
        let now = self.service.now();
        room.viewer(now, who)?;
        let is_after = |user: &UserId| part.after.as_ref().is_none_or(|after| user > after);
        let mut members: Vec<_> = room.members.iter().filter(|(user, _)| is_after(user)).collect();
        members.sort_unstable_by_key(|(user, _)| *user);
        let members = members.iter().map(|(user, member)| to_wire::member(user, member, now));
        let (members, more) = self.fitting(members, part.limit);
        Ok(out.made(&Members { members, more }))
    }

    /// Takes a place in a room, which is counted. What a client says of itself goes to everybody who is there, so whoever may
    /// not speak says nothing by it; people of other dialects do, whose pages know each other by it.
    pub(crate) async fn join(
        &self,
        who: &Principal,
        link: &Arc<Link>,
        name: &RoomName,
        mut wish: JoinWish,
    ) -> Result<Joined, Problem> {
        if let Actor::User(identity) = &who.actor {
            self.rates.join(&(who.project, identity.user.clone()), rate::now())?;
            if !wish.client_data.is_empty() && who.dialect == Some(crate::DIALECT) {
                // Without a room there is only the token; whatever else is wrong, the join says.
                let room = self.service.room(who, name).await.ok();
                let role = room.as_ref().map_or(identity.role, |room| room.role_in(identity));
                let member = room.as_ref().and_then(|room| room.members.get(&identity.user));
                let mute = member.and_then(|member| member.mute);
                if role < Role::Guest || mute.is_some_and(|mute| mute.holds(self.service.now())) {
                    wish.client_data = "".into();
                }
            }
        }
        Ok(self.service.join(who, link, name, wish).await?)
    }

    /// The answer to a join, with what was asked for beside it.
    pub(crate) async fn joined<O: Out>(
        &self,
        who: &Principal,
        joined: &Joined,
        extras: JoinExtras,
        out: O,
    ) -> Answered<O> {
        let JoinExtras { presence, unread, pinned } = extras;
        let name = &joined.room.key.name;
        let unread = if unread { Some(self.service.unread(who, name).await?) } else { None };
        let (unread, unread_more) =
            unread.as_ref().map(|unread| self.told(unread)).map(|told| (told.unread, told.more)).unzip();
        let pinned =
            if pinned { Some(self.service.page(who, name, self.pinned_page()).await?) } else { None };
        let resume = resume_name(joined.resume);
        if joined.resume != Resume::None {
            metrics::resumed(resume, (joined.resume == Resume::Ok).then_some(joined.entries.len()));
        }
        let now = self.service.now();
        let (key, epoch) = (&joined.room.key, joined.room.epoch);
        let own = who.user();
        let mute = own.and_then(|user| joined.room.members.get(user)).and_then(|member| member.mute);
        Ok(out.made(&JoinResult {
            room: to_wire::room(&joined.room),
            position: Place(joined.position),
            me: Me {
                connection: joined.seat.link().id().as_uuid(),
                user: own.map_or("", UserId::as_str),
                role: joined.standing.role.name(),
                groups: to_wire::group_names(&joined.standing.groups),
                muted: to_wire::until(mute, now),
            },
            resume,
            events: joined.entries.iter().map(|entry| to_wire::event_notice(key, epoch, entry)).collect(),
            history: joined.history.as_ref().map(|page| Newest {
                messages: to_wire::messages(&page.messages),
                more_before: page.more_before,
            }),
            presence: presence.then(|| self.listed(&joined.presence).map(to_wire::presence).collect()),
            presence_total: presence.then_some(joined.presence_total),
            pinned: pinned.as_ref().map(|page| to_wire::messages(&page.messages)),
            unread,
            unread_more,
        }))
    }

    /// As much of a list as fits into an answer, one thing in any case; and whether there is more of it.
    pub(crate) fn fitting<T: Serialize>(
        &self,
        list: impl Iterator<Item = T>,
        limit: usize,
    ) -> (Vec<T>, bool) {
        let mut left = self.service.limits().answer_bytes_max;
        let mut fitting = Vec::new();
        for one in list {
            let bytes = serde_json::to_vec(&one).expect("wire shapes are JSON").len() + 1;
            if fitting.len() == limit || (bytes > left && !fitting.is_empty()) {
                return (fitting, true);
            }
            left = left.saturating_sub(bytes);
            fitting.push(one);
        }
        (fitting, false)
    }

    /// The conversations that fit into an answer.
    fn told<'a>(&self, unread: &'a [Unread]) -> Unreads<'a> {
        let (told, more) = self.fitting(unread.iter().map(to_wire::unread), Unread::LIST_MAX);
        Unreads { unread: told, more: more || unread.len() == Unread::LIST_MAX }
    }

    /// As many people as fit into an answer; their total is told beside them.
    fn listed<'a>(&self, presence: &'a [Arc<Presence>]) -> impl Iterator<Item = &'a Presence> {
        let mut left = self.service.limits().answer_bytes_max;
        presence.iter().map(|other| &**other).take_while(move |other| {
            let fits = other.weight() <= left;
            left = left.saturating_sub(other.weight());
            fits
        })
    }

    fn pinned_page(&self) -> PageRequest {
        let limit = self.service.limits().page_max;
        PageRequest { anchor: PageAnchor::Newest, limit, audience: None, pinned: true }
    }

    /// Counts what a user does durably.
    pub(crate) fn count_send(&self, who: &Principal, room: &RoomName) -> Result<(), Problem> {
        match self.counted(who, room) {
            Some(counted) => Ok(self.rates.send(&counted, rate::now())?),
            None => Ok(()),
        }
    }

    /// Counts what a user says in passing.
    pub(crate) fn count_signal(&self, who: &Principal, room: &RoomName) -> Result<(), Problem> {
        if !self.rates.counts_signals() {
            return Ok(());
        }
        match self.counted(who, room) {
            Some(counted) => Ok(self.rates.signal(&counted, rate::now())?),
            None => Ok(()),
        }
    }

    /// As whom somebody's sends count; moderators, owners and the server are exempt.
    fn counted(&self, who: &Principal, room: &RoomName) -> Option<Counted> {
        let Actor::User(identity) = &who.actor else { return None };
        let key = RoomKey { project: who.project, name: room.clone() };
        let live = self.service.hub().live(&key);
        let role = live.and_then(|live| live.with(|room, _| room.role_in(identity)));
        if role.unwrap_or(identity.role) >= Role::Moderator {
            return None;
        }
        let user = (who.project, identity.user.clone());
        Some(Counted { user, dialect: who.dialect, room: key })
    }
}

fn resume_name(resume: Resume) -> &'static str {
    match resume {
        Resume::None => "none",
        Resume::Ok => "ok",
        Resume::TooOld => "too_old",
        Resume::EpochChanged => "epoch_changed",
    }
}

/// A set of users always has oneself in it.
fn with_self(who: &Principal, audience: Audience) -> Audience {
    match (audience, who.user()) {
        (Audience::Users(users), Some(own)) => Audience::users(users.iter().cloned().chain([own.clone()])),
        (audience, _) => audience,
    }
}
