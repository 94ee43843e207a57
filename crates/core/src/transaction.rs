//! How a wish becomes a log entry: the one procedure that every engine runs while it holds a room's right to write.
//!
//! ```text
//!   admit -> seen this client id before? -> fetch what the rules must know -> decide -> append -> apply
//! ```
//! Because the rules run inside the engine's transaction, nothing is committed after the ban, mute or switch-off that
//! forbids it.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::command::Write;
use crate::event::Entry;
use crate::limits::Limits;
use crate::model::{
    Audience, Draft, Epoch, MessageId, Part, Position, Principal, Role, Seq, Timestamp, UserId,
};
use crate::ports::RoomTx;
use crate::refusal::{Failure, Refusal};
use crate::room::{Decision, Facts, Room, sender};

/// A write on its way to a room.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who wishes.
    pub principal: Principal,
    /// What.
    pub write: Write,
    /// When it was judged: server time.
    pub now: Timestamp,
    /// The id for a message that may be posted.
    pub message_id: MessageId,
    /// The roles that the tokens of people present give, as far as the write names them.
    pub live_roles: Vec<(UserId, Role)>,
    /// The bounds.
    pub limits: Arc<Limits>,
}

/// What a write came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// What happened.
    pub result: WriteResult,
}

/// What a write came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteResult {
    /// This entry was appended.
    Appended(Arc<Entry>),
    /// A retry: the same client id posted this before.
    Repeated(Sent),
    /// It was so already.
    Unchanged {
        /// The last entry of the log.
        head: Seq,
    },
}

impl Written {
    /// The position that this write lies at or before.
    pub fn position(&self) -> Position {
        let seq = match &self.result {
            WriteResult::Appended(entry) => entry.seq,
            WriteResult::Repeated(sent) => sent.seq,
            WriteResult::Unchanged { head } => *head,
        };
        Position { epoch: self.epoch, seq }
    }
}

/// The first result of a send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The message's id.
    pub id: MessageId,
    /// Its place.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// What was sent.
    pub fingerprint: Fingerprint,
}

/// A short hash of what a client asked to post, to tell a retry from a second message under the same client id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub [u8; 16]);

/// Runs `submission` on `room` inside the transaction `tx`; on success `room` is the state after it.
///
/// # Errors
/// The rules' refusal, or the engine's failure; in both cases `room` is as it was, and nothing was appended unless the
/// engine failed midway, which it must then undo.
pub async fn execute<T: RoomTx>(
    tx: &mut T,
    room: &mut Room,
    submission: &Submission,
) -> Result<Written, Failure> {
    let Submission { principal, write, now, limits, .. } = submission;
    let epoch = room.epoch;
    room.admit(*now, principal)?;
    if let Write::Post(draft) = write
        && let Some(sent) = repeated(tx, principal, draft).await?
    {
        return Ok(Written { epoch, result: WriteResult::Repeated(sent) });
    }
    let facts = Facts {
        now: *now,
        limits,
        message_id: submission.message_id,
        target: match write.target() {
            Some(id) => tx.message(id).await?,
            None => None,
        },
        last_post_at: last_post_at(tx, room, submission).await?,
        live_roles: &submission.live_roles,
    };
    let Decision::Append { audience, event } = room.decide(principal, write, &facts)? else {
        return Ok(Written { epoch, result: WriteResult::Unchanged { head: room.head } });
    };
    let entry =
        Entry { seq: room.head.next(), at: now.after(room.last_at), by: sender(principal), audience, event };
    tx.append(&entry, fingerprint_of(write)).await?;
    room.apply(&entry);
    Ok(Written { epoch, result: WriteResult::Appended(Arc::new(entry)) })
}

/// The first result, if this is a retry.
async fn repeated<T: RoomTx>(
    tx: &mut T,
    principal: &Principal,
    draft: &Draft,
) -> Result<Option<Sent>, Failure> {
    let Some(client_id) = &draft.client_id else { return Ok(None) };
    let Some(sent) = tx.sent(principal.user(), client_id).await? else { return Ok(None) };
    if sent.fingerprint == fingerprint(draft) { Ok(Some(sent)) } else { Err(Refusal::Conflict.into()) }
}

/// When the user last posted, looked up only where slow mode asks for it.
async fn last_post_at<T: RoomTx>(
    tx: &mut T,
    room: &Room,
    submission: &Submission,
) -> Result<Option<Timestamp>, Failure> {
    let (Write::Post(_), Some(user), Some(pause)) =
        (&submission.write, submission.principal.user(), room.settings.slow_mode)
    else {
        return Ok(None);
    };
    Ok(tx.last_post_at(user, submission.now.minus(pause)).await?)
}

fn fingerprint_of(write: &Write) -> Option<Fingerprint> {
    match write {
        Write::Post(draft) if draft.client_id.is_some() => Some(fingerprint(draft)),
        _ => None,
    }
}

/// Hashes everything of `draft` but its client id; each field is preceded by its length, so that no two drafts run together.
pub fn fingerprint(draft: &Draft) -> Fingerprint {
    let mut hash = Sha256::new();
    let mut field = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match &draft.audience {
        Audience::Room => field(0, &[]),
        Audience::Group(group) => field(1, group.as_str().as_bytes()),
        Audience::Users(users) => users.iter().for_each(|user| field(2, user.as_str().as_bytes())),
        Audience::Connections(connections) => {
            connections.iter().for_each(|id| field(3, id.as_uuid().as_bytes()));
        }
    }
    for part in &draft.parts {
        match part {
            Part::Text { text, format } => field(4 + *format as u8, text.as_bytes()),
            Part::Custom(json) => field(6, json.as_bytes()),
            Part::Image(file) => field(7, file.id.as_bytes()),
            Part::File(file) => field(8, file.id.as_bytes()),
        }
    }
    draft.mentions.iter().for_each(|user| field(9, user.as_str().as_bytes()));
    field(10, draft.reply_to.map(|id| *id.as_uuid().as_bytes()).unwrap_or_default().as_slice());
    field(11, draft.label.as_ref().map_or("", |label| label.as_str()).as_bytes());
    if let Some(addressee) = draft.addressee {
        field(12, addressee.as_uuid().as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    Fingerprint(short)
}
