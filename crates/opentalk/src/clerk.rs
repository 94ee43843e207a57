//! Follows the lives of rooms: keeps the list of people, and ends the sockets of whoever was put out.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use sidetalk_core::event::{Event, Happening, LeaveReason, Sight, Sitting};
use sidetalk_core::model::{Presence, Role, RoomKey, Timestamp, UserId};
use sidetalk_core::ports::{Clock, Witness};
use sidetalk_edge::close::{Close, Code};
use tokio::sync::Notify;

use crate::DIALECT;
use crate::hall::{Hall, Halls, Person};

/// The clerk.
pub(crate) struct Clerk {
    pub(crate) halls: Arc<Halls>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) emptied: Arc<Emptied>,
}

/// Rooms that have emptied and wait to be forgotten, each once.
#[derive(Default)]
pub(crate) struct Emptied {
    rooms: Mutex<HashSet<RoomKey>>,
    some: Notify,
}

impl Emptied {
    pub(crate) fn add(&self, room: &RoomKey) {
        self.rooms.lock().insert(room.clone());
        self.some.notify_one();
    }

    /// Waits for some.
    pub(crate) async fn wait(&self) -> Vec<RoomKey> {
        self.some.notified().await;
        self.rooms.lock().iter().cloned().collect()
    }

    /// It could not be forgotten: whoever comes next tries again.
    pub(crate) fn put_back(&self, room: &RoomKey) {
        self.rooms.lock().insert(room.clone());
    }

    /// Takes one, if it is still to be forgotten.
    pub(crate) fn take(&self, room: &RoomKey) -> bool {
        self.rooms.lock().remove(room)
    }
}

impl Witness for Clerk {
    fn saw(&self, room: &RoomKey, _: Sitting, sight: Sight<'_>) {
        match sight {
            Sight::Began => {}
            Sight::Came(presence) => self.halls.with(room, |hall| came(hall, presence)),
            Sight::Happened { happening: Happening::Entry { entry, .. }, .. } => {
                if let Event::RoleSet { user, role } = &entry.event {
                    self.halls.with(room, |hall| role_set(hall, user, *role));
                }
            }
            Sight::Happened { .. } => {}
            Sight::Went { presence, reason } => {
                let now = self.clock.now();
                self.halls.with(room, |hall| went(hall, presence, reason, now));
            }
            Sight::Ended { .. } => {
                if self.halls.forget_if_empty(room) {
                    self.emptied.add(room);
                }
            }
        }
    }
}

fn came(hall: &mut Hall, presence: &Presence) {
    let person = Person::of(presence, hall.owner.as_ref());
    if let Some(attendee) = hall.attendees.get(&person.id).filter(|_| presence.dialect == DIALECT) {
        attendee.come(hall.people.values().cloned());
    }
    hall.add(person);
}

fn went(hall: &mut Hall, presence: &Presence, reason: LeaveReason, now: Timestamp) {
    let id = presence.connection.as_uuid();
    if let Some(person) = hall.people.get_mut(&id) {
        person.left_at = Some(now);
        person.hand_is_up = false;
    }
    let attendee = hall.attendees.remove(&id);
    if is_put_out(reason) {
        hall.send_away(id);
    }
    if let Some(attendee) = attendee.filter(|_| presence.dialect == DIALECT && is_put_out(reason)) {
        attendee.outbox.close_with(&Close::new(Code::Normal, ""));
    }
}

fn is_put_out(reason: LeaveReason) -> bool {
    !matches!(reason, LeaveReason::Left | LeaveReason::Lost | LeaveReason::Draining)
}

/// Keeps whose role has changed, for the face, which tells it next.
fn role_set(hall: &mut Hall, user: &UserId, role: Option<Role>) {
    hall.role_changed.clear();
    for person in hall.people.values_mut().filter(|person| person.user == *user) {
        let moderates = role.map_or(person.moderates_by_token, |role| role >= Role::Moderator);
        if person.is_moderator != moderates {
            person.is_moderator = moderates;
            hall.role_changed.push((person.id, person.role()));
        }
    }
}
