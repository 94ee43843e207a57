//! What members of a room that lasts are told wherever they are.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::{Entry, Event, Happening};
use crate::model::{Epoch, GroupName, Labels, RoomKey, UserId};
use crate::ports::{Committed, Face, Recipient};

use super::Hub;
use super::link::{FaceId, Link};

/// An entry for those who are not in its room, rendered once for all links of a face.
pub(super) struct Letter<'a> {
    faces: &'a [Arc<dyn Face>],
    room: &'a RoomKey,
    epoch: Epoch,
    labels: &'a Labels,
    entry: &'a Entry,
    frames: Vec<Option<Option<Bytes>>>,
}

impl<'a> Letter<'a> {
    pub(super) fn new(
        faces: &'a [Arc<dyn Face>],
        committed: &'a Committed,
        labels: &'a Labels,
        entry: &'a Entry,
    ) -> Self {
        let (room, epoch, frames) = (&committed.room, committed.epoch, vec![None; faces.len()]);
        Self { faces, room, epoch, labels, entry, frames }
    }

    pub(super) fn frames(&mut self, face: FaceId) -> Option<Bytes> {
        let Self { faces, room, epoch, labels, entry, frames } = self;
        // Who is not in the room cannot know who is.
        let happening = Happening::Entry { room, epoch: *epoch, labels, entry, is_here: false };
        frames[face].get_or_insert_with(|| faces[face].render(happening)).clone()
    }

    pub(super) fn send(&mut self, link: &Link) {
        if let Some(frames) = self.frames(link.face()) {
            link.outlet().send(frames);
        }
    }
}

impl Hub {
    /// For each entry, the links that it concerns even if they are not in its room: those of the members who may hear it, and of the
    /// user whom it lets in or puts out. Nothing for rooms without members.
    pub(super) fn concerned(&self, committed: &Committed) -> Vec<Vec<Arc<Link>>> {
        let Some(members) = &committed.members else { return Vec::new() };
        committed.entries.iter().map(|entry| self.concerned_by(committed, members, entry)).collect()
    }

    fn concerned_by(&self, committed: &Committed, members: &[Recipient], entry: &Entry) -> Vec<Arc<Link>> {
        let hearing = members.iter().filter(|member| member.ban.is_none_or(|ban| !ban.holds(entry.at)));
        let mut about = let_in_or_put_out(&entry.event);
        let mut links = Vec::new();
        for member in hearing {
            about = about.filter(|user| **user != member.user);
            self.add_concerned(&mut links, committed, entry, (&member.user, &member.groups));
        }
        if let Some(user) = about {
            self.add_concerned(&mut links, committed, entry, (user, &[]));
        }
        links
    }

    fn add_concerned(
        &self,
        links: &mut Vec<Arc<Link>>,
        committed: &Committed,
        entry: &Entry,
        (user, groups): (&UserId, &[GroupName]),
    ) {
        let own = self.links_of(committed.room.project, user).into_iter();
        links.extend(
            own.filter(|link| link.opens(&committed.room.name) && link.is_addressed(&entry.audience, groups)),
        );
    }
}

fn let_in_or_put_out(event: &Event) -> Option<&UserId> {
    match event {
        Event::MemberInvited { user }
        | Event::MemberKicked { user }
        | Event::MemberBanned { user, .. }
        | Event::MemberLeft { user } => Some(user),
        _ => None,
    }
}
