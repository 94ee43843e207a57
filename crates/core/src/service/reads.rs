//! Reading: pages, single messages, search, unread counts, replays. Each checks admission; the store applies the audience rule.

use crate::event::Moment;
use crate::model::{Audience, Message, MessageId, Position, Principal, RoomKey, RoomName, Seq, Viewer};
use crate::ports::{Hint, Page, PageRequest, Replay, SearchRequest, Unread};
use crate::refusal::{Failure, Refusal};

use super::{Resume, Service};

impl Service {
    /// A page of messages: fewer than wanted if they would be too many bytes ([`Limits`](crate::limits::Limits)).
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn page(
        &self,
        who: &Principal,
        room: &RoomName,
        request: PageRequest,
    ) -> Result<Page, Failure> {
        self.check_page(request.limit)?;
        let (key, viewer) = self.reader(who, room).await?;
        let mut page = self.store.page(&key, &viewer, &request).await?;
        page.shorten(request.anchor, self.limits.answer_bytes_max);
        Ok(page)
    }

    /// One message.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is none for `who`; the store's failure.
    pub async fn message(&self, who: &Principal, room: &RoomName, id: MessageId) -> Result<Message, Failure> {
        let (key, viewer) = self.reader(who, room).await?;
        let message = self.store.message(&key, &viewer, id).await?;
        Ok(message.ok_or(Refusal::NotFound { what: "message" })?)
    }

    /// Messages whose text matches, newest first.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn search(
        &self,
        who: &Principal,
        room: &RoomName,
        request: SearchRequest,
    ) -> Result<Page, Failure> {
        self.check_page(request.limit)?;
        let max = self.limits.title_bytes_max;
        if request.text.len() > max {
            return Err(Refusal::TooLarge { field: "text", max }.into());
        }
        let (key, viewer) = self.reader(who, room).await?;
        let mut page = self.store.search(&key, &viewer, &request).await?;
        page.shorten_found(self.limits.answer_bytes_max);
        Ok(page)
    }

    /// Read markers and unread counts by conversation: the room's, and those with the newest messages, at most
    /// [`Unread::LIST_MAX`].
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn unread(&self, who: &Principal, room: &RoomName) -> Result<Vec<Unread>, Failure> {
        let (key, viewer) = self.reader(who, room).await?;
        self.store.unread(&key, &viewer, Unread::LIST_MAX).await
    }

    /// What follows a position, or the log from its oldest entry on.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn entries(
        &self,
        who: &Principal,
        room: &RoomName,
        after: Option<Position>,
    ) -> Result<(Resume, Option<Replay>), Failure> {
        let (key, viewer) = self.reader(who, room).await?;
        let state = self.room(who, room).await?;
        match after {
            Some(position) => self.replay(&key, &viewer, &state, position).await,
            None => Ok((
                Resume::None,
                Some(self.store.entries(&key, &viewer, Seq::ZERO, self.limits.replay_max).await?),
            )),
        }
    }

    /// Moves the user's read marker; tells the user's other connections.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn mark_read(
        &self,
        who: &Principal,
        room: &RoomName,
        audience: Audience,
        seq: Seq,
    ) -> Result<Seq, Failure> {
        let (key, viewer) = self.reader(who, room).await?;
        let Viewer::User { user, .. } = &viewer else {
            return Err(
                Refusal::invalid("user", "is needed: a read marker is a user's, use a user token").into()
            );
        };
        if matches!(audience, Audience::Connections(_)) || !crate::access::may_see(&viewer, None, &audience) {
            return Err(Refusal::NotFound { what: "conversation" }.into());
        }
        let seq = self.store.mark_read(&key, user, &audience, seq).await?;
        let moment = Moment::MarkedRead { user: user.clone(), audience, seq };
        self.fanout.publish(Hint::Moment { room: key, moment: moment.into() });
        Ok(seq)
    }

    /// Checks that `who` may read the room, and as what.
    async fn reader(&self, who: &Principal, room: &RoomName) -> Result<(RoomKey, Viewer), Failure> {
        let room = self.room(who, room).await?;
        let viewer = room.viewer(self.now(), who)?;
        Ok((room.key.clone(), viewer))
    }

    pub(super) fn check_page(&self, limit: usize) -> Result<(), Refusal> {
        let max = self.limits.page_max;
        if limit > max { Err(Refusal::TooLarge { field: "limit", max }) } else { Ok(()) }
    }
}
