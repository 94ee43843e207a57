//! Follows the lives of rooms: keeps the list of people, tells those of this dialect what each sees in his own way, and ends the
//! sockets of whoever was put out.

use std::sync::Arc;

use sidetalk_core::event::{Event, Happening, LeaveReason, Sight, Sitting};
use sidetalk_core::model::{Presence, RoomKey, Timestamp, UserId};
use sidetalk_core::ports::{Clock, Witness};
use sidetalk_edge::close::{Close, Code};
use tokio::sync::mpsc::UnboundedSender;

use crate::DIALECT;
use crate::hall::{Hall, Halls, Person};
use crate::to_wire::{CONTROL, event};
use crate::wire::ControlEvent;

/// The watch.
pub(crate) struct Watch {
    pub(crate) halls: Arc<Halls>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Rooms that have emptied.
    pub(crate) emptied: UnboundedSender<RoomKey>,
}

impl Witness for Watch {
    fn saw(&self, room: &RoomKey, _: Sitting, sight: Sight<'_>) {
        match sight {
            Sight::Began => {}
            Sight::Came(presence) => self.halls.with(room, |hall| came(hall, presence)),
            Sight::Happened { happening: Happening::Entry { entry, .. }, .. } => {
                if let Event::RoleSet { user, role } = &entry.event {
                    let moderates = role.is_some_and(|role| role >= sidetalk_core::model::Role::Moderator);
                    self.halls.with(room, |hall| role_set(hall, user, moderates, entry.at));
                }
            }
            Sight::Happened { .. } => {}
            Sight::Went { presence, reason } => {
                let now = self.clock.now();
                self.halls.with(room, |hall| went(hall, presence, reason, now));
            }
            Sight::Ended { .. } => {
                self.halls.forget_if_empty(room);
                // Without anybody who reads it the process ends.
                let _ = self.emptied.send(room.clone());
            }
        }
    }
}

fn came(hall: &mut Hall, presence: &Presence) {
    let person = Person::of(presence, hall.owner.as_ref());
    if !person.groups.is_empty() {
        for attendee in hall.attendees.values().filter(|attendee| attendee.id != person.id) {
            let joined = ControlEvent::Joined(person.seen_with(&attendee.groups));
            attendee.send(event(CONTROL, presence.joined_at, &joined));
        }
    }
    hall.people.insert(person.id, person);
}

fn went(hall: &mut Hall, presence: &Presence, reason: LeaveReason, now: Timestamp) {
    let id = presence.connection.as_uuid();
    if let Some(person) = hall.people.get_mut(&id) {
        person.left_at = Some(now);
        person.hand_is_up = false;
    }
    let attendee = hall.attendees.remove(&id);
    if let Some(attendee) = attendee.filter(|_| presence.dialect == DIALECT && is_put_out(reason)) {
        attendee.outbox.close_with(&Close::new(Code::Normal, ""));
    }
}

fn is_put_out(reason: LeaveReason) -> bool {
    !matches!(reason, LeaveReason::Left | LeaveReason::Lost | LeaveReason::Draining)
}

/// The person hears of the new role, the others that the person has changed.
fn role_set(hall: &mut Hall, user: &UserId, moderates: bool, at: Timestamp) {
    let changed: Vec<_> = hall.people.values_mut().filter(|person| person.user == *user).collect();
    let mut ids = Vec::new();
    for person in changed {
        person.is_moderator = moderates || person.is_owner;
        ids.push(person.id);
    }
    for id in ids {
        let new_role = hall.people[&id].role();
        if let Some(attendee) = hall.attendees.get(&id) {
            attendee.send(event(CONTROL, at, &ControlEvent::RoleUpdated { new_role }));
        }
        tell_update(hall, id, at);
    }
}

/// Everybody else hears how a participant is now.
pub(crate) fn tell_update(hall: &Hall, id: uuid::Uuid, at: Timestamp) {
    let Some(person) = hall.people.get(&id).filter(|person| person.left_at.is_none()) else { return };
    for attendee in hall.attendees.values().filter(|attendee| attendee.id != id) {
        let update = ControlEvent::Update(person.seen_with(&attendee.groups));
        attendee.send(event(CONTROL, at, &update));
    }
}
