//! A store around another one: the ports are given on, and whoever wraps says only what happens around a call.

use super::*;

/// What happens around the calls of a store. Who implements it is a [`Store`].
///
/// A call arrives as a future that has done nothing yet: dropped, it never happens.
pub trait Around: Send + Sync + 'static {
    /// What is inside.
    type Inner: Store + ?Sized;
    /// The store inside.
    fn inner(&self) -> &Self::Inner;
    /// Around each call but those below; `op` is the method's name.
    fn around<'a, T: Send + 'a>(
        &'a self,
        op: &'static str,
        call: BoxFuture<'a, Result<T, Failure>>,
    ) -> BoxFuture<'a, Result<T, Failure>>;
    /// Around [`LogStore::write`].
    fn around_write<'a>(
        &'a self,
        call: BoxFuture<'a, Result<Written, Failure>>,
    ) -> BoxFuture<'a, Result<Written, Failure>> {
        self.around("write", call)
    }
    /// Around [`Upkeep::check`], which cannot be refused.
    fn around_check<'a>(
        &'a self,
        call: BoxFuture<'a, Result<(), Unavailable>>,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        call
    }
}

impl<A: Around> LogStore for A {
    fn write(&self, room: &RoomKey, submission: Submission) -> BoxFuture<'_, Result<Written, Failure>> {
        self.around_write(self.inner().write(room, submission))
    }

    fn page(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &PageRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        self.around("page", self.inner().page(room, viewer, request))
    }

    fn entries(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Replay, Failure>> {
        self.around("entries", self.inner().entries(room, viewer, after, limit))
    }

    fn message(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<Message>, Failure>> {
        self.around("message", self.inner().message(room, viewer, id))
    }

    fn search(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &SearchRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        self.around("search", self.inner().search(room, viewer, request))
    }

    fn messages_of(
        &self,
        room: &RoomKey,
        user: &UserId,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<MessageRef>, Failure>> {
        self.around("messages_of", self.inner().messages_of(room, user, after, limit))
    }

    fn mark_read(
        &self,
        room: &RoomKey,
        user: &UserId,
        audience: &Audience,
        seq: Seq,
    ) -> BoxFuture<'_, Result<Seq, Failure>> {
        self.around("mark_read", self.inner().mark_read(room, user, audience, seq))
    }

    fn unread(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Unread>, Failure>> {
        self.around("unread", self.inner().unread(room, viewer, limit))
    }
}

impl<A: Around> RoomStore for A {
    fn open(
        &self,
        room: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(Arc<Room>, bool), Failure>> {
        self.around("open", self.inner().open(room, spec, epoch, now))
    }

    fn room(&self, room: &RoomKey) -> BoxFuture<'_, Result<Option<Arc<Room>>, Failure>> {
        self.around("room", self.inner().room(room))
    }

    fn rooms(
        &self,
        project: ProjectId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        self.around("rooms", self.inner().rooms(project, after, limit))
    }

    fn rooms_of(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        self.around("rooms_of", self.inner().rooms_of(project, user, now, after, limit))
    }

    fn delete(&self, room: &RoomKey, epoch: Epoch) -> BoxFuture<'_, Result<bool, Failure>> {
        self.around("delete", self.inner().delete(room, epoch))
    }
}

impl<A: Around> ProjectStore for A {
    fn put_project(&self, project: &Project) -> BoxFuture<'_, Result<(), Failure>> {
        self.around("put_project", self.inner().put_project(project))
    }

    fn project(&self, id: ProjectId) -> BoxFuture<'_, Result<Option<Project>, Failure>> {
        self.around("project", self.inner().project(id))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, Failure>> {
        self.around("projects", self.inner().projects())
    }

    fn put_user(&self, project: ProjectId, user: &UserProfile) -> BoxFuture<'_, Result<(), Failure>> {
        self.around("put_user", self.inner().put_user(project, user))
    }

    fn user(&self, project: ProjectId, user: &UserId) -> BoxFuture<'_, Result<Option<UserProfile>, Failure>> {
        self.around("user", self.inner().user(project, user))
    }

    fn users(
        &self,
        project: ProjectId,
        after: Option<&UserId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UserProfile>, Failure>> {
        self.around("users", self.inner().users(project, after, limit))
    }

    fn erase_user(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, Failure>> {
        self.around("erase_user", self.inner().erase_user(project, user, now))
    }
}

impl<A: Around> RecordStore for A {
    fn put_records(&self, records: Vec<Record>) -> BoxFuture<'_, Result<(), Failure>> {
        self.around("put_records", self.inner().put_records(records))
    }

    fn add_record(&self, record: Record) -> BoxFuture<'_, Result<bool, Failure>> {
        self.around("add_record", self.inner().add_record(record))
    }

    fn record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        self.around("record", self.inner().record(kind, key))
    }

    fn records(
        &self,
        kind: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, Failure>> {
        self.around("records", self.inner().records(kind, prefix, after, limit))
    }

    fn take_record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        self.around("take_record", self.inner().take_record(kind, key))
    }

    fn remove_records(&self, kind: &'static str, prefix: &str) -> BoxFuture<'_, Result<u64, Failure>> {
        self.around("remove_records", self.inner().remove_records(kind, prefix))
    }
}

impl<A: Around> Upkeep for A {
    fn attach(&self, sink: Arc<dyn CommitSink>) {
        self.inner().attach(sink);
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, Failure>> {
        self.around("purge", self.inner().purge(now))
    }

    fn backup(&self, target: &Path) -> BoxFuture<'_, Result<(), Failure>> {
        self.around("backup", self.inner().backup(target))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        self.around_check(self.inner().check())
    }
}
