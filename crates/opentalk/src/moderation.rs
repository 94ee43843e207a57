//! The modules `control` (of people inside) and `moderation`.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::model::{Identity, Role as CoreRole, RoomKey};
use sidetalk_core::ports::Outlet as _;
use sidetalk_core::refusal::Failure;
use sidetalk_edge::close::{Close, Code};
use uuid::Uuid;

use crate::chat::moderates;
use crate::enter::Inside;
use crate::hall::{Hall, Waiter, connection};
use crate::power::{acting_at, acting_on, is_denied, peers};
use crate::state::OpenTalkState;
use crate::to_wire::{CONTROL, MODERATION, event};
use crate::wire::{
    ControlCommand, ControlEvent, KickScope, Kind, ModerationCommand, ModerationEvent, OneOrMany,
};

/// Commands of `control` by somebody inside.
pub(crate) async fn control(
    state: &OpenTalkState,
    inside: &Inside,
    command: ControlCommand,
) -> Result<Option<Bytes>, Failure> {
    Ok(match command {
        ControlCommand::Join { .. } => Some(control_error(state, "already_joined")),
        ControlCommand::EnterRoom => Some(control_error(state, "not_accepted_or_not_in_waiting_room")),
        ControlCommand::RaiseHand => Some(hand(state, inside, true)),
        ControlCommand::LowerHand => Some(hand(state, inside, false)),
        ControlCommand::GrantModeratorRole { target } => role(state, inside, target, true).await?,
        ControlCommand::RevokeModeratorRole { target } => role(state, inside, target, false).await?,
    })
}

fn hand(state: &OpenTalkState, inside: &Inside, is_up: bool) -> Bytes {
    let (now, id) = (state.service.now(), inside.id());
    let is_allowed = state.halls.with(&inside.room, |hall| {
        if is_up && hall.raise_hands_disabled {
            return false;
        }
        if let Some(person) = hall.people.get_mut(&id) {
            person.hand_is_up = is_up;
            person.hand_at = now;
        }
        true
    });
    if is_allowed {
        state.service.tell_changed(&inside.room, connection(id));
    }
    match (is_allowed, is_up) {
        (false, _) => control_error(state, "raise_hands_disabled"),
        (true, true) => event(CONTROL, now, &ControlEvent::HandRaised),
        (true, false) => event(CONTROL, now, &ControlEvent::HandLowered),
    }
}

async fn role(
    state: &OpenTalkState,
    inside: &Inside,
    target: Uuid,
    grant: bool,
) -> Result<Option<Bytes>, Failure> {
    if !moderates(state, inside) {
        return Ok(Some(control_error(state, "insufficient_permissions")));
    }
    let found = state.halls.with(&inside.room, |hall| hall.people.get(&target).cloned());
    let Some(person) = found.filter(|person| person.left_at.is_none()) else {
        return Ok(Some(control_error(state, "nothing_to_do")));
    };
    if person.is_owner {
        return Ok(Some(control_error(state, "target_is_room_owner")));
    }
    if person.is_moderator == grant {
        return Ok(Some(control_error(state, "nothing_to_do")));
    }
    // Without a word of the room's the token's holds.
    let role = match (grant, person.moderates_by_token) {
        (true, _) => Some(CoreRole::Moderator),
        (false, true) => Some(CoreRole::Member),
        (false, false) => None,
    };
    let who = acting_on(state, inside, &person.user);
    let write = Write::SetRole { user: person.user, role };
    let written = state.service.write(&who, &inside.room.name, write).await;
    if is_denied(&written) {
        return Ok(Some(control_error(state, "insufficient_permissions")));
    }
    written?;
    let done = if grant {
        ControlEvent::ModeratorRoleGranted { target }
    } else {
        ControlEvent::ModeratorRoleRevoked { target }
    };
    // Behind the change itself, which everybody hears of.
    inside.seat.answer(event(CONTROL, state.service.now(), &done));
    Ok(None)
}

/// Commands of `moderation`, by somebody inside.
pub(crate) async fn serve(
    state: &OpenTalkState,
    inside: &Arc<Inside>,
    command: ModerationCommand,
) -> Result<Option<Bytes>, Failure> {
    if !moderates(state, inside) {
        return Ok(Some(error(state, "insufficient_permissions")));
    }
    match command {
        ModerationCommand::Kick { target } => kick(state, inside, target).await,
        ModerationCommand::Ban { target } => ban(state, inside, target).await,
        ModerationCommand::Accept { target } => Ok(accept(state, inside, target)),
        ModerationCommand::SendToWaitingRoom { target } => send_to_waiting_room(state, inside, target).await,
        ModerationCommand::EnableWaitingRoom => waiting_room(state, inside, true).await,
        ModerationCommand::DisableWaitingRoom => waiting_room(state, inside, false).await,
        ModerationCommand::EnableRaiseHands => Ok(raise_hands(state, inside, true)),
        ModerationCommand::DisableRaiseHands => Ok(raise_hands(state, inside, false)),
        ModerationCommand::ResetRaisedHands { target } => Ok(reset_hands(state, inside, target.as_ref())),
        ModerationCommand::Debrief { kick_scope } => debrief(state, inside, kick_scope).await,
        ModerationCommand::ChangeDisplayName { new_name, target } => {
            Ok(change_name(state, inside, target, &new_name))
        }
    }
}

async fn kick(state: &OpenTalkState, inside: &Inside, target: Uuid) -> Result<Option<Bytes>, Failure> {
    let (who, name) = (acting_at(state, inside, target), &inside.room.name);
    let cut = state.service.cut(&who, name, connection(target), LeaveReason::Kicked).await;
    if is_denied(&cut) {
        return Ok(Some(error(state, "insufficient_permissions")));
    }
    match cut {
        Ok(()) => {}
        // Somebody who waits is put out of the waiting room; who is not there needs not be put out.
        Err(Failure::Refused(_)) => {
            put_out_of_waiting(state, &inside.room, target, &ModerationEvent::Kicked);
        }
        Err(failure) => return Err(failure),
    }
    Ok(None)
}

fn put_out_of_waiting(state: &OpenTalkState, room: &RoomKey, target: Uuid, why: &ModerationEvent<'_>) {
    let waiter = state.halls.with(room, |hall| leave_waiting(hall, target, state));
    if let Some(waiter) = waiter {
        waiter.outbox.send(event(MODERATION, state.service.now(), why));
        waiter.outbox.close_with(&Close::new(Code::Normal, ""));
    }
}

/// The room is gone, for those too who wait at its door.
pub(crate) fn room_deleted(state: &OpenTalkState, room: &RoomKey) {
    let waiting = state.halls.look(room, |hall| std::mem::take(&mut hall.waiting)).unwrap_or_default();
    for waiter in waiting.into_values() {
        waiter.outbox.send(event(CONTROL, state.service.now(), &ControlEvent::RoomDeleted));
        waiter.outbox.close_with(&Close::new(Code::Normal, ""));
    }
    state.leave_hall(room);
}

async fn ban(state: &OpenTalkState, inside: &Inside, target: Uuid) -> Result<Option<Bytes>, Failure> {
    let found = state.halls.with(&inside.room, |hall| {
        let waiting = || hall.waiting.get(&target).map(|waiter| &waiter.person);
        let person = hall.people.get(&target).or_else(waiting)?;
        Some((person.clone(), hall.owner.as_ref() == Some(&person.user)))
    });
    let Some((person, is_owner)) = found else { return Ok(None) };
    if person.kind == Kind::Guest {
        return Ok(Some(error(state, "cannot_ban_guest")));
    }
    // Nobody here could lift the ban of the room's owner, and it is the owner's room.
    let who = acting_on(state, inside, &person.user);
    let (write, told) = if is_owner {
        (Write::Kick { user: person.user }, ModerationEvent::Kicked)
    } else {
        (Write::Ban { user: person.user, duration: None }, ModerationEvent::Banned)
    };
    let written = state.service.write(&who, &inside.room.name, write).await;
    if is_denied(&written) {
        return Ok(Some(error(state, "insufficient_permissions")));
    }
    written?;
    put_out_of_waiting(state, &inside.room, target, &told);
    Ok(None)
}

fn accept(state: &OpenTalkState, inside: &Inside, target: Uuid) -> Option<Bytes> {
    let now = state.service.now();
    state.halls.with(&inside.room, |hall| {
        let waiter = hall.waiting.get_mut(&target).filter(|waiter| !waiter.is_accepted)?;
        waiter.is_accepted = true;
        waiter.outbox.send(event(MODERATION, now, &ModerationEvent::Accepted));
        hall.accept(target, now);
        None
    })
}

/// Takes somebody out of the room and lets them wait at the door.
async fn send_to_waiting_room(
    state: &OpenTalkState,
    inside: &Inside,
    target: Uuid,
) -> Result<Option<Bytes>, Failure> {
    let Some(person) = state.halls.with(&inside.room, |hall| hall.people.get(&target).cloned()) else {
        return Ok(None);
    };
    if person.is_owner {
        return Ok(Some(error(state, "cannot_send_room_owner_to_waiting_room")));
    }
    let who = acting_at(state, inside, target);
    let is_here = state.halls.with(&inside.room, |hall| hall.is_here(target));
    if is_here && who.user().is_some() {
        // Of another dialect, whose people cannot wait, or above, whom core would leave there.
        return Ok(Some(error(state, "insufficient_permissions")));
    }
    let attendee = state.halls.with(&inside.room, |hall| {
        hall.send_away(target);
        let attendee = hall.attendees.get(&target).cloned()?;
        hall.sent_to_wait.insert(target);
        let outbox = Arc::clone(&attendee.outbox);
        hall.waiting.insert(target, Waiter { person: person.clone(), outbox, is_accepted: false });
        Some(attendee)
    });
    let Some(attendee) = attendee else { return Ok(None) };
    attendee.send(event(MODERATION, state.service.now(), &ModerationEvent::SentToWaitingRoom));
    let cut = state.service.cut(&who, &inside.room.name, connection(target), LeaveReason::Left).await;
    state.halls.with(&inside.room, |hall| {
        hall.sent_to_wait.remove(&target);
        // The socket may have ended meanwhile.
        if hall.waiting.contains_key(&target) {
            tell_waiting(hall, &person, state.service.now());
        }
    });
    unless_unavailable(cut)?;
    Ok(None)
}

/// Tells the moderators that somebody waits.
pub(crate) fn tell_waiting(hall: &Hall, person: &crate::hall::Person, now: sidetalk_core::model::Timestamp) {
    for attendee in hall.moderators() {
        let waiting = ModerationEvent::JoinedWaitingRoom(person.seen_with(&attendee.groups));
        attendee.send(event(MODERATION, now, &waiting));
    }
}

/// Takes somebody from the door, and tells the moderators.
pub(crate) fn leave_waiting(hall: &mut Hall, id: Uuid, state: &OpenTalkState) -> Option<Waiter> {
    let waiter = hall.waiting.remove(&id)?;
    let left = event(MODERATION, state.service.now(), &ModerationEvent::LeftWaitingRoom { id });
    hall.moderators().for_each(|attendee| attendee.send(left.clone()));
    Some(waiter)
}

async fn waiting_room(
    state: &OpenTalkState,
    inside: &Inside,
    enabled: bool,
) -> Result<Option<Bytes>, Failure> {
    if let Some(mut room) = state.book.room(inside.room_id).await? {
        room.waiting_room = enabled;
        state.book.put_room(&room).await?;
    }
    let payload =
        if enabled { ModerationEvent::WaitingRoomEnabled } else { ModerationEvent::WaitingRoomDisabled };
    tell_all(state, inside, &payload);
    Ok(None)
}

fn raise_hands(state: &OpenTalkState, inside: &Inside, enabled: bool) -> Option<Bytes> {
    let issued_by = inside.id();
    state.halls.with(&inside.room, |hall| hall.raise_hands_disabled = !enabled);
    let payload = if enabled {
        ModerationEvent::RaiseHandsEnabled { issued_by }
    } else {
        ModerationEvent::RaiseHandsDisabled { issued_by }
    };
    tell_all(state, inside, &payload);
    if enabled { None } else { reset_hands(state, inside, None) }
}

fn reset_hands(state: &OpenTalkState, inside: &Inside, target: Option<&OneOrMany>) -> Option<Bytes> {
    let wanted = |id: &Uuid| match target {
        None => true,
        Some(OneOrMany::One(one)) => one == id,
        Some(OneOrMany::Many(many)) => many.contains(id),
    };
    let now = state.service.now();
    let reset =
        event(MODERATION, now, &ModerationEvent::RaisedHandResetByModerator { issued_by: inside.id() });
    let lowered = state.halls.with(&inside.room, |hall| {
        let raised = hall.people.values_mut().filter(|person| person.hand_is_up && wanted(&person.id));
        let lowered: Vec<Uuid> = raised
            .map(|person| {
                person.hand_is_up = false;
                person.hand_at = now;
                person.id
            })
            .collect();
        let attendees = lowered.iter().filter_map(|id| hall.attendees.get(id));
        attendees.for_each(|attendee| attendee.send(reset.clone()));
        lowered
    });
    lowered.into_iter().for_each(|id| state.service.tell_changed(&inside.room, connection(id)));
    None
}

async fn debrief(state: &OpenTalkState, inside: &Inside, scope: KickScope) -> Result<Option<Bytes>, Failure> {
    let issued_by = inside.id();
    let goes = |person: &crate::hall::Person| match scope {
        KickScope::Guests => person.role() == crate::wire::Role::Guest,
        KickScope::UsersAndGuests => !person.is_moderator,
        KickScope::All => true,
    };
    let here: Vec<Uuid> = state.halls.with(&inside.room, |hall| {
        let here = hall.people.values().filter(|person| person.left_at.is_none() && goes(person));
        here.map(|person| person.id).collect()
    });
    let peers = peers(inside);
    let (going, others): (HashSet<Uuid>, HashSet<Uuid>) = here.into_iter().partition(|id| peers.contains(id));
    let name = &inside.room.name;
    let mut some_stay = false;
    for id in others {
        let cut = state.service.cut(&inside.who(), name, connection(id), LeaveReason::Kicked).await;
        some_stay |= is_denied(&cut);
        unless_unavailable(cut)?;
    }
    let now = state.service.now();
    let (ended, started) = (
        event(MODERATION, now, &ModerationEvent::SessionEnded { issued_by }),
        event(MODERATION, now, &ModerationEvent::DebriefingStarted { issued_by }),
    );
    let attendees = state.halls.with(&inside.room, |hall| {
        for attendee in hall.attendees.values() {
            attendee.send(if going.contains(&attendee.id) { ended.clone() } else { started.clone() });
        }
        going.iter().for_each(|id| hall.send_away(*id));
        going.iter().filter_map(|id| hall.attendees.get(id).cloned()).collect::<Vec<_>>()
    });
    if some_stay {
        inside.attendee.send(error(state, "insufficient_permissions"));
    }
    for attendee in attendees {
        // They know why already.
        let cut = state.service.cut(&state.server(), name, connection(attendee.id), LeaveReason::Left).await;
        unless_unavailable(cut)?;
        attendee.outbox.close_with(&Close::new(Code::Normal, ""));
    }
    Ok(None)
}

/// Whoever is not there needs not be put out.
fn unless_unavailable(cut: Result<(), Failure>) -> Result<(), Failure> {
    match cut {
        Ok(()) | Err(Failure::Refused(_)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn change_name(state: &OpenTalkState, inside: &Inside, target: Uuid, new_name: &str) -> Option<Bytes> {
    let Some(new_name) = crate::from_wire::display_name(new_name) else {
        return Some(error(state, "invalid_display_name"));
    };
    let person = state.halls.with(&inside.room, |hall| hall.people.get(&target).cloned())?;
    if person.left_at.is_some() {
        return None;
    }
    if person.kind != Kind::Guest {
        return Some(error(state, "cannot_change_name_of_registered_users"));
    }
    let attendee = state.halls.with(&inside.room, |hall| {
        if let Some(person) = hall.people.get_mut(&target) {
            person.name.clone_from(&new_name);
        }
        hall.attendees.get(&target).cloned()
    });
    if let Some(seat) = attendee.as_ref().and_then(|attendee| attendee.seat.get()) {
        let link = seat.link();
        link.refresh(Arc::new(Identity { name: new_name.as_str().into(), ..(*link.identity()).clone() }));
        // So that other dialects show the name too.
        state.service.rejudge(seat);
    }
    let payload = ModerationEvent::DisplayNameChanged {
        target,
        issued_by: inside.id(),
        old_name: &person.name,
        new_name: &new_name,
    };
    tell_all(state, inside, &payload);
    None
}

fn tell_all(state: &OpenTalkState, inside: &Inside, payload: &ModerationEvent<'_>) {
    let frame = event(MODERATION, state.service.now(), payload);
    state.halls.with(&inside.room, |hall| {
        hall.attendees.values().for_each(|attendee| attendee.send(frame.clone()));
    });
}

pub(crate) fn control_error(state: &OpenTalkState, error: &'static str) -> Bytes {
    event(CONTROL, state.service.now(), &ControlEvent::Error { error })
}

fn error(state: &OpenTalkState, error: &'static str) -> Bytes {
    event(MODERATION, state.service.now(), &ModerationEvent::Error { error })
}
