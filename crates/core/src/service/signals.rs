//! What is never stored: signals and typing. And the signals that are: those whose type the project calls chat.

use std::sync::Arc;

use crate::command::Write;
use crate::event::Moment;
use crate::hub::Seat;
use crate::model::{
    Audience, ClientId, Draft, Part, Principal, RoomKey, RoomName, Signal, SignalData, TextFormat,
};
use crate::ports::Hint;
use crate::refusal::{Failure, Refusal};
use crate::room::{Room, sender};
use crate::roster::{Roster, Utterance};
use crate::transaction::Written;

use super::Service;

impl Service {
    /// Sends a signal from a seat, without waiting for anything: the hot path. If the project calls its type chat, nothing is
    /// sent and the write to submit is given back.
    ///
    /// # Errors
    /// The rules' refusal.
    pub fn signal_from(
        &self,
        who: &Principal,
        seat: &Seat,
        signal: Signal,
    ) -> Result<Option<Write>, Refusal> {
        let is_chat = self.is_chat(who, &signal);
        if is_chat && can_be_kept(&signal) {
            return Ok(Some(Write::Post(as_draft(signal, None))));
        }
        let check = |room: &Room, roster: &Roster| {
            self.judge(room, roster, who, |utterance| utterance.check_signal(&signal, is_chat))
        };
        let checked = seat.live().with(check);
        checked.unwrap_or(Err(Refusal::RoomGone))?;
        self.publish_signal(seat.room().clone(), who, signal);
        Ok(None)
    }

    /// Whether a signal will be stored as a message: its type is one that the project calls chat, it says something, and it is
    /// for users or all. The project must have been [asked for](Self::project) before, as it is at every login.
    pub fn stores(&self, who: &Principal, signal: &Signal) -> bool {
        can_be_kept(signal) && self.is_chat(who, signal)
    }

    /// Sends a signal from anywhere. One whose type the project calls chat is stored as a message, under `client_id`.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn signal(
        &self,
        who: &Principal,
        room: &RoomName,
        signal: Signal,
        client_id: Option<ClientId>,
    ) -> Result<Option<Written>, Failure> {
        self.project(who.project).await?;
        let is_chat = self.is_chat(who, &signal);
        if is_chat && can_be_kept(&signal) {
            return self.write(who, room, Write::Post(as_draft(signal, client_id))).await.map(Some);
        }
        let state = self.room(who, room).await?;
        let check = |room: &Room, roster: &Roster| {
            self.judge(room, roster, who, |utterance| utterance.check_signal(&signal, is_chat))
        };
        let checked = self.hub.live(&state.key).and_then(|live| live.with(check));
        checked.unwrap_or_else(|| check(&state, &Roster::default()))?;
        self.publish_signal(state.key.clone(), who, signal);
        Ok(None)
    }

    /// Tells that somebody writes, or has stopped.
    ///
    /// # Errors
    /// The rules' refusal, or the store's failure.
    pub async fn typing(
        &self,
        who: &Principal,
        room: &RoomName,
        audience: Audience,
        active: bool,
    ) -> Result<(), Failure> {
        let state = self.room(who, room).await?;
        let Some(live) = self.hub.live(&state.key) else { return Ok(()) };
        let audience = with_sender(who, audience);
        let checked = live.with(|room, roster| {
            self.judge(room, roster, who, |utterance| {
                utterance.check_reach(&audience)?;
                utterance.check_chat(&audience)
            })
        });
        checked.unwrap_or(Ok(()))?;
        let moment = Moment::Typing { from: sender(who), audience, active };
        self.fanout.publish(Hint::Moment { room: state.key.clone(), moment: moment.into() });
        Ok(())
    }

    fn judge<T>(
        &self,
        room: &Room,
        roster: &Roster,
        who: &Principal,
        rule: impl FnOnce(Utterance<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let now = self.now();
        let standing = room.admit(now, who)?;
        rule(Utterance { room, roster, now, who, standing: &standing, limits: &self.limits })
    }

    /// Whether the project calls the signal's type chat. The project is cached from login on. What says nothing is no
    /// message, whatever its type.
    fn is_chat(&self, who: &Principal, signal: &Signal) -> bool {
        let Some(kind) = signal.kind.as_ref().filter(|_| !signal.is_empty()) else { return false };
        self.projects
            .read()
            .get(&who.project)
            .is_some_and(|project| project.settings.chat_signal_types.contains(kind))
    }

    fn publish_signal(&self, room: RoomKey, who: &Principal, signal: Signal) {
        let moment = Moment::Signalled { from: sender(who), signal };
        self.fanout.publish(Hint::Moment { room, moment: Arc::new(moment) });
    }
}

/// Whether a message can be made of a signal: none is for connections, which are gone when it is read.
fn can_be_kept(signal: &Signal) -> bool {
    !matches!(signal.to, Audience::Connections(_))
}

/// The message that a chat signal is.
fn as_draft(signal: Signal, client_id: Option<ClientId>) -> Draft {
    let Signal { kind, data, to } = signal;
    let part = match data {
        SignalData::Text(text) => Part::Text { text, format: TextFormat::Plain },
        SignalData::Json(json) => Part::Custom(json),
    };
    Draft {
        client_id,
        audience: to,
        addressee: None,
        parts: vec![part],
        mentions: Vec::new(),
        reply_to: None,
        label: kind,
    }
}

fn with_sender(who: &Principal, audience: Audience) -> Audience {
    match (audience, who.user()) {
        (Audience::Users(users), Some(own)) => Audience::users(users.iter().cloned().chain([own.clone()])),
        (audience, _) => audience,
    }
}
