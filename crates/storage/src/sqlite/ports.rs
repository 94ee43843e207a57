//! The ports of core, each method handed to the thread that does it.

use super::*;

impl LogStore for Sqlite {
    fn write(&self, room: &RoomKey, submission: Submission) -> BoxFuture<'_, Result<Written, Failure>> {
        let room = room.clone();
        Box::pin(self.write_job("writing to a room", move |writer| writer.write(&room, &submission)))
    }

    fn page(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &PageRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        let (room, eyes, request) = (room.clone(), Eyes::from(viewer), request.clone());
        Box::pin(
            self.read_job("reading a page", move |db| {
                log::page(db, rooms::get(db, &room)?.no, &eyes, &request)
            }),
        )
    }

    fn entries(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Replay, Failure>> {
        let (room, eyes) = (room.clone(), Eyes::from(viewer));
        Box::pin(self.read_job("reading entries", move |db| {
            log::entries(db, &rooms::get(db, &room)?, &eyes, after, limit)
        }))
    }

    fn message(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<Message>, Failure>> {
        let (room, eyes) = (room.clone(), Eyes::from(viewer));
        Box::pin(
            self.read_job("reading a message", move |db| {
                message::find(db, rooms::get(db, &room)?.no, &eyes, id)
            }),
        )
    }

    fn search(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        request: &SearchRequest,
    ) -> BoxFuture<'_, Result<Page, Failure>> {
        let (room, eyes, request) = (room.clone(), Eyes::from(viewer), request.clone());
        let doing = "searching";
        Box::pin(async move {
            let mut is_indexed = false;
            loop {
                let (key, request, eyes) = (room.clone(), request.clone(), eyes.clone());
                let found = self.read_job(doing, move |db| {
                    let no = rooms::get(db, &key)?.no;
                    if !is_indexed && search::is_unindexed(db, no)? {
                        return Ok(Err(no));
                    }
                    search::find(db, no, &eyes, &request).map(Ok)
                });
                match found.await? {
                    Ok(page) => return Ok(page),
                    // What is posted from here on need not be found: else a busy room would be searched for ever.
                    Err(no) => is_indexed = self.write_job(doing, move |writer| writer.catch_up(no)).await?,
                }
            }
        })
    }

    fn messages_of(
        &self,
        room: &RoomKey,
        user: &UserId,
        after: Seq,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<MessageRef>, Failure>> {
        let (room, user) = (room.clone(), user.clone());
        Box::pin(self.read_job("listing a user's messages", move |db| {
            message::of_sender(db, rooms::get(db, &room)?.no, &user, after, limit)
        }))
    }

    fn mark_read(
        &self,
        room: &RoomKey,
        user: &UserId,
        audience: &Audience,
        seq: Seq,
    ) -> BoxFuture<'_, Result<Seq, Failure>> {
        let (room, user, audience) = (room.clone(), user.clone(), audience.clone());
        Box::pin(self.write_job("marking as read", move |writer| {
            log::mark_read(&writer.db, &rooms::get(&writer.db, &room)?, &user, &audience, seq)
        }))
    }

    fn unread(
        &self,
        room: &RoomKey,
        viewer: &Viewer,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Unread>, Failure>> {
        let (room, eyes) = (room.clone(), Eyes::from(viewer));
        Box::pin(self.read_job("counting unread messages", move |db| {
            log::unread(db, rooms::get(db, &room)?.no, &eyes, limit)
        }))
    }
}

impl RoomStore for Sqlite {
    fn open(
        &self,
        room: &RoomKey,
        spec: &RoomSpec,
        epoch: Epoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(Arc<Room>, bool), Failure>> {
        let (room, spec) = (room.clone(), spec.clone());
        Box::pin(async move {
            // Most rooms are there already, and need no turn of the writer's.
            if let Some(found) = self.remembered(room.clone()).await? {
                return Ok((found, false));
            }
            self.write_job("making a room", move |writer| writer.open(&room, &spec, epoch, now)).await
        })
    }

    fn room(&self, room: &RoomKey) -> BoxFuture<'_, Result<Option<Arc<Room>>, Failure>> {
        Box::pin(self.remembered(room.clone()))
    }

    fn rooms(
        &self,
        project: ProjectId,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        let after = after.cloned();
        Box::pin(self.read_job("listing rooms", move |db| rooms::list(db, project, after.as_ref(), limit)))
    }

    fn rooms_of(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
        after: Option<&RoomName>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RoomSummary>, Failure>> {
        let (user, after) = (user.clone(), after.cloned());
        Box::pin(self.read_job("listing a user's rooms", move |db| {
            rooms::of_user(db, project, &user, now, after.as_ref(), limit)
        }))
    }

    fn delete(&self, room: &RoomKey, epoch: Epoch) -> BoxFuture<'_, Result<bool, Failure>> {
        let room = room.clone();
        // Its rows go by and by: what is doomed is found by nobody.
        Box::pin(self.write_job("deleting a room", move |writer| writer.delete(&room, epoch)))
    }
}

impl ProjectStore for Sqlite {
    fn put_project(&self, project: &Project) -> BoxFuture<'_, Result<(), Failure>> {
        let project = project.clone();
        Box::pin(self.write_job("storing a project", move |writer| projects::put(&writer.db, &project)))
    }

    fn project(&self, id: ProjectId) -> BoxFuture<'_, Result<Option<Project>, Failure>> {
        Box::pin(self.read_job("reading a project", move |db| projects::get(db, id)))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, Failure>> {
        Box::pin(self.read_job("listing projects", projects::all))
    }

    fn put_user(&self, project: ProjectId, user: &UserProfile) -> BoxFuture<'_, Result<(), Failure>> {
        let user = user.clone();
        Box::pin(
            self.write_job("storing a user", move |writer| projects::put_user(&writer.db, project, &user)),
        )
    }

    fn user(&self, project: ProjectId, user: &UserId) -> BoxFuture<'_, Result<Option<UserProfile>, Failure>> {
        let user = user.clone();
        Box::pin(self.read_job("reading a user", move |db| projects::user(db, project, &user)))
    }

    fn users(
        &self,
        project: ProjectId,
        after: Option<&UserId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UserProfile>, Failure>> {
        let after = after.cloned();
        Box::pin(
            self.read_job("listing users", move |db| projects::users(db, project, after.as_ref(), limit)),
        )
    }

    fn erase_user(
        &self,
        project: ProjectId,
        user: &UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, Failure>> {
        Box::pin(self.erase(project, user.clone(), now))
    }
}

impl RecordStore for Sqlite {
    fn put_records(&self, records: Vec<Record>) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.write_job("storing records", move |writer| records::put(&writer.db, &records)))
    }

    fn add_record(&self, record: Record) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.write_job("adding a record", move |writer| records::add(&writer.db, &record)))
    }

    fn record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        let key = key.to_owned();
        Box::pin(self.read_job("reading a record", move |db| records::get(db, kind, &key)))
    }

    fn records(
        &self,
        kind: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Record>, Failure>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Box::pin(
            self.read_job("listing records", move |db| {
                records::list(db, kind, &prefix, after.as_deref(), limit)
            }),
        )
    }

    fn take_record(&self, kind: &'static str, key: &str) -> BoxFuture<'_, Result<Option<Record>, Failure>> {
        let key = key.to_owned();
        Box::pin(self.write_job("taking a record", move |writer| records::take(&writer.db, kind, &key)))
    }

    fn remove_records(&self, kind: &'static str, prefix: &str) -> BoxFuture<'_, Result<u64, Failure>> {
        let prefix = prefix.to_owned();
        Box::pin(self.write_job("removing records", move |writer| records::remove(&writer.db, kind, &prefix)))
    }
}

impl Upkeep for Sqlite {
    fn attach(&self, sink: Arc<dyn CommitSink>) {
        if self.shared.sink.set(sink).is_err() {
            tracing::error!("a second commit sink was attached; the first one stays");
        }
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, Failure>> {
        let doing = "removing old messages";
        Box::pin(async move {
            self.sweep().await?;
            self.forget_sends(now.minus(self.config.sent_kept)).await?;
            self.write_job(doing, move |writer| records::expire(&writer.db, now)).await?;
            let mut removed = 0;
            for room in self.read_job(doing, move |db| upkeep::expiring(db, now)).await? {
                let room = Arc::new(room);
                loop {
                    let room = room.clone();
                    let step = move |writer: &mut Writer| {
                        let step = upkeep::expire(&writer.db, &room)?;
                        if step.messages > 0 {
                            writer.forget_soon();
                        }
                        Ok(step)
                    };
                    let step = self.write_job(doing, step).await?;
                    removed += step.messages;
                    if step.done {
                        break;
                    }
                }
            }
            Ok(removed)
        })
    }

    fn backup(&self, target: &Path) -> BoxFuture<'_, Result<(), Failure>> {
        let (source, target) = (self.config.path.clone(), target.to_owned());
        let doing = "making a backup";
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            // A thread of its own: it reads for long, and must not take a reader from others.
            let copying = move || {
                let _ = answer.send(backup::make(&source, &target));
            };
            self.keep(spawn("sqlite-backup", copying).map_err(|error| Fault::Io(error).failure(doing))?);
            let copied = answered.await.unwrap_or(Err(Fault::Closed));
            copied.map_err(|fault| fault.failure(doing))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        let doing = "checking the store";
        Box::pin(async move {
            let checked = self.write_job(doing, |writer| {
                writer.db.execute("UPDATE probe SET count = count + 1", [])?;
                Ok(())
            });
            checked.await.map_err(|failure| match failure {
                Failure::Unavailable(unavailable) => unavailable,
                Failure::Refused(refusal) => Unavailable::new(doing, refusal),
            })
        })
    }
}
