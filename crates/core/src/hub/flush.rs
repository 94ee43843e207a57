//! The flushers: tasks that write what waits in rooms, joined, to every seat.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::Audience;

use super::Hub;
use super::link::{FaceId, Seat};
use super::live::{Answer, Batch, LiveRoom, Pending};

/// Writes between two yields: others get the core meanwhile, and what they publish is joined.
const WRITES_PER_TURN: usize = 256;

/// How often the others get a turn before a flush, while they use it to publish.
const TURNS_MAX: usize = 16;

/// A queue of rooms to be flushed, served by one task, so that no room is flushed twice at a time.
#[derive(Default)]
pub(super) struct Flusher {
    rooms: Mutex<Vec<Arc<LiveRoom>>>,
    work: Notify,
    /// Counts what was pushed into its rooms.
    pushed: AtomicU64,
}

impl Flusher {
    pub(super) fn enqueue(&self, room: Arc<LiveRoom>) {
        let mut rooms = self.rooms.lock();
        rooms.push(room);
        let is_first = rooms.len() == 1;
        drop(rooms);
        if is_first {
            self.work.notify_one();
        }
    }

    /// Something waits in one of its rooms.
    pub(super) fn count(&self) {
        self.pushed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wake(&self) {
        self.work.notify_one();
    }
}

/// Serves `flusher` until the hub stops.
pub(super) async fn run(hub: &Hub, flusher: &Flusher) {
    let mut waiting: BTreeMap<(Instant, usize), Arc<LiveRoom>> = BTreeMap::new();
    loop {
        let stopped = hub.stopped.load(Ordering::Acquire);
        if !stopped {
            wait_for_work(flusher, waiting.keys().next().map(|(due, _)| *due)).await;
        }
        gather(flusher).await;
        let now = Instant::now();
        let fresh = std::mem::take(&mut *flusher.rooms.lock());
        let later = waiting.split_off(&(now, usize::MAX));
        let due = std::mem::replace(&mut waiting, later).into_values();
        for room in due {
            flush(hub, &room).await;
        }
        for room in fresh {
            match room.due(now).filter(|_| !stopped) {
                Some(due) => drop(waiting.insert((due, Arc::as_ptr(&room).addr()), room)),
                None => flush(hub, &room).await,
            }
        }
        if stopped && waiting.is_empty() && flusher.rooms.lock().is_empty() {
            return;
        }
    }
}

/// Lets everybody who is ready publish first, as long as somebody does: what they add is joined into the same writes.
async fn gather(flusher: &Flusher) {
    let mut seen = flusher.pushed.load(Ordering::Relaxed);
    for _ in 0..TURNS_MAX {
        tokio::task::yield_now().await;
        let pushed = flusher.pushed.load(Ordering::Relaxed);
        if pushed == seen {
            return;
        }
        seen = pushed;
    }
}

async fn wait_for_work(flusher: &Flusher, due: Option<Instant>) {
    match due {
        None => flusher.work.notified().await,
        Some(due) => drop(tokio::time::timeout_at(due, flusher.work.notified()).await),
    }
}

async fn flush(hub: &Hub, room: &Arc<LiveRoom>) {
    let mut batch = room.take_batch(Instant::now());
    let answers = Answers::of(std::mem::take(&mut batch.answers));
    if batch.pending.is_empty() {
        answers.send_all();
    } else {
        let mut joined = Joined::of(&batch);
        for (count, seat) in (1..).zip(batch.seats.iter()) {
            let frames = match answers.of_seat(seat) {
                [] => joined.for_seat(seat),
                answers => weave(seat, &batch.pending, answers),
            };
            if let Some(frames) = frames {
                seat.send(frames);
            }
            if count % WRITES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    if room.finish(&batch) {
        hub.forget_if_idle(room);
    }
}

/// The answers of a batch, each to go in one write with what its seat gets anyway.
struct Answers {
    /// By the address of the seat; taken ones are behind.
    by_seat: Vec<Answer>,
}

impl Answers {
    fn of(answers: Vec<Answer>) -> Self {
        let mut by_seat = answers;
        by_seat.sort_by_key(|answer| Arc::as_ptr(&answer.seat).addr());
        Self { by_seat }
    }

    /// The answers to that seat.
    fn of_seat(&self, seat: &Arc<Seat>) -> &[Answer] {
        let address = Arc::as_ptr(seat).addr();
        let begin = self.by_seat.partition_point(|answer| Arc::as_ptr(&answer.seat).addr() < address);
        let rest = &self.by_seat[begin..];
        &rest[..rest.iter().take_while(|answer| Arc::ptr_eq(&answer.seat, seat)).count()]
    }

    /// All of them, where nothing of the batch goes with them.
    fn send_all(&self) {
        for answers in self.by_seat.chunk_by(|one, other| Arc::ptr_eq(&one.seat, &other.seat)) {
            if let Some(frames) = join(answers.iter().map(|one| &one.frames)) {
                answers[0].seat.send(frames);
            }
        }
    }
}

/// Sends answers to seats that are none any more, in order: a connection may have had several.
pub(super) fn send_late(answers: Vec<Answer>) {
    for Answer { seat, frames, .. } in answers {
        frames.into_iter().for_each(|frames| seat.send(frames));
    }
}

/// What `seat` gets of `pending`, with `answers` to it in between, each behind what happened before it.
pub(super) fn weave(seat: &Seat, pending: &[Pending], answers: &[Answer]) -> Option<Bytes> {
    let (face, mut answers) = (seat.link().face(), answers.iter().peekable());
    let mut frames = Vec::with_capacity(pending.len() + answers.len());
    for one in pending {
        while let Some(answer) = answers.next_if(|answer| answer.index <= one.index) {
            frames.push(&answer.frames);
        }
        if wants(seat, one) {
            frames.push(&one.frames[face]);
        }
    }
    frames.extend(answers.map(|answer| &answer.frames));
    join(frames.iter().copied())
}

/// The frames of a batch, joined once for all seats that get the same ones.
struct Joined<'a> {
    pending: &'a [Pending],
    /// Whether everybody gets everything, but for seats that came in between.
    plain: bool,
    whole: Vec<Option<Option<Bytes>>>,
    parts: HashMap<(FaceId, Vec<bool>), Option<Bytes>>,
}

impl<'a> Joined<'a> {
    fn of(batch: &'a Batch) -> Self {
        let plain =
            batch.pending.iter().all(|pending| pending.audience == Audience::Room && !pending.presence);
        let faces = batch.pending.first().map_or(0, |pending| pending.frames.len());
        Self { pending: &batch.pending, plain, whole: vec![None; faces], parts: HashMap::new() }
    }

    fn for_seat(&mut self, seat: &Seat) -> Option<Bytes> {
        let (face, pending) = (seat.link().face(), self.pending);
        let was_there = pending
            .first()
            .zip(pending.last())
            .is_some_and(|(first, last)| seat.spans(first.index, last.index));
        if self.plain && was_there {
            return self.whole[face]
                .get_or_insert_with(|| join(pending.iter().map(|one| &one.frames[face])))
                .clone();
        }
        let wanted: Vec<bool> = pending.iter().map(|one| wants(seat, one)).collect();
        if let Some(frames) = self.parts.get(&(face, wanted.clone())) {
            return frames.clone();
        }
        let chosen = pending.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let frames = join(chosen.map(|(one, _)| &one.frames[face]));
        self.parts.entry((face, wanted)).or_insert(frames).clone()
    }
}

/// Whether a seat gets something that is pending.
pub(super) fn wants(seat: &Seat, pending: &Pending) -> bool {
    seat.spans(pending.index, pending.index)
        && (!pending.presence || seat.wants_presence())
        && seat.is_addressed(&pending.audience, pending.index)
}

fn join<'a>(frames: impl Iterator<Item = &'a Option<Bytes>> + Clone) -> Option<Bytes> {
    let present = frames.flatten();
    let (count, size) =
        present.clone().fold((0_usize, 0), |(count, size), frame| (count + 1, size + frame.len()));
    if count < 2 {
        return present.into_iter().next().cloned();
    }
    let mut joined = BytesMut::with_capacity(size);
    for frame in present {
        joined.extend_from_slice(frame);
    }
    Some(joined.freeze())
}
