//! `/rooms/{room}/events`: the log of a room as server-sent events, for back ends. What is not in the log (signals, typing,
//! who comes and goes) is for sockets.
//!
//! One task per request reads what follows the last position from the store, where the audience rule is applied, and
//! hands it over a short queue. While the room is live on this node a look at its replica tells whether there is something
//! to read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderName, header};
use sidetalk_core::model::{Position, Principal, RoomKey, RoomName, Timestamp};
use sidetalk_core::ports::Replay;
use sidetalk_core::service::Resume;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::errors::{ErrorBody, Problem};
use crate::from_wire;
use crate::rest::extract::{Asked, Caller, Room};
use crate::state::ApiState;
use crate::to_wire;
use crate::token::LEEWAY;
use crate::wire::request::EventsQuery;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How often a live room's replica is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many looks pass before the store is read although no replica says that there is something.
const LOOKS_PER_READ: u32 = 10;
/// How often a comment goes out when nothing else does, so that proxies keep the connection.
const LOOKS_PER_COMMENT: u32 = 150;
/// Batches that wait for a slow reader; then the store is simply read later.
const BATCHES_MAX: usize = 4;

/// Follows the log of a room.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/events", tag = "events",
    params(("room" = String, Path), EventsQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "One event per notification of the log: `event` is the method, `id` the \
        position, `data` the params.", content_type = "text/event-stream", body = String),
        (status = 410, description = "`too_old` or `epoch_changed`: load the history.", body = ErrorBody),
        (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_events(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    headers: HeaderMap,
    Asked(query): Asked<EventsQuery>,
) -> Result<Response, Problem> {
    let who = caller.principal;
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    let state = api.service.room(&who, &room).await?;
    state.viewer(api.service.now(), &who)?;
    let after = match last.or(query.after.as_deref()) {
        Some(text) => from_wire::position(text)?,
        None => state.position(),
    };
    let missed = read(&api, &who, &room, after).await?;
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    let until = caller.verified.expires_at.plus(LEEWAY);
    let drained = api.drained();
    let follower = Follower { api, who, room, after, until };
    let task = tokio::spawn(async move {
        // Whoever is cut short comes back elsewhere with the last position.
        tokio::select! {
            () = drained => {}
            () = follower.run(missed, sender) => {}
        }
    });
    let body = Body::from_stream(Events { receiver, task });
    Ok(([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], body)
        .into_response())
}

/// What follows a position.
async fn read(api: &ApiState, who: &Principal, room: &RoomName, after: Position) -> Result<Replay, Problem> {
    match api.service.entries(who, room, Some(after)).await? {
        (Resume::EpochChanged, _) => Err(Problem::EpochChanged),
        (_, Some(replay)) => Ok(replay),
        (_, None) => Err(Problem::TooOld),
    }
}

/// The task behind one request.
struct Follower {
    api: ApiState,
    who: Principal,
    room: RoomName,
    after: Position,
    until: Timestamp,
}

impl Follower {
    /// Ends when the reader is gone, the token has ended, or the room is not the caller's any more.
    async fn run(mut self, missed: Replay, sender: mpsc::Sender<Bytes>) {
        let mut replay = Some(missed);
        let mut quiet_looks = 0_u32;
        loop {
            if let Some(replay) = replay.take() {
                let events = self.take(&replay);
                if !events.is_empty() {
                    quiet_looks = 0;
                    if sender.send(events).await.is_err() {
                        return;
                    }
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
            quiet_looks += 1;
            if self.api.service.now() >= self.until || sender.is_closed() {
                return;
            }
            if quiet_looks.is_multiple_of(LOOKS_PER_COMMENT)
                && sender.send(Bytes::from_static(b":\n\n")).await.is_err()
            {
                return;
            }
            if self.has_news() || quiet_looks.is_multiple_of(LOOKS_PER_READ) {
                match read(&self.api, &self.who, &self.room, self.after).await {
                    Ok(found) => replay = Some(found),
                    Err(problem) => {
                        problem.log();
                        return;
                    }
                }
            }
        }
    }

    /// Whether the live replica is ahead.
    fn has_news(&self) -> bool {
        let key = RoomKey { project: self.who.project, name: self.room.clone() };
        let live = self.api.service.hub().live(&key).and_then(|live| live.room());
        live.is_some_and(|room| room.position() != self.after)
    }

    /// The events of a replay; moves on behind it.
    fn take(&mut self, replay: &Replay) -> Bytes {
        let key = RoomKey { project: self.who.project, name: self.room.clone() };
        let mut out = Vec::new();
        for entry in &replay.entries {
            let notice = to_wire::event_notice(&key, replay.epoch, entry);
            let data = serde_json::to_string(&notice.params).expect("wire shapes are JSON");
            // Custom parts may hold line breaks between their tokens, which would end the event.
            let data = data.replace(['\n', '\r'], " ");
            let id = Position { epoch: replay.epoch, seq: entry.seq };
            out.extend_from_slice(format!("event: {}\nid: {id}\ndata: {data}\n\n", notice.method).as_bytes());
        }
        // What is not for this reader is passed over too.
        self.after = Position { epoch: replay.epoch, seq: replay.head.max(self.after.seq) };
        out.into()
    }
}

/// The body of the answer; its end is the task's.
struct Events {
    receiver: mpsc::Receiver<Bytes>,
    task: JoinHandle<()>,
}

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx).map(|batch| batch.map(Ok))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}
