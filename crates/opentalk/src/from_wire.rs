//! What clients send as something to do: commands of the socket and bodies of requests. Pure, and total: there is nothing that is
//! not understood in one way.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::auth::Claims;
use crate::generation::Generation;
use crate::times;
use crate::wire::{
    Changes, ChatCommand, Code, Command, ControlCommand, Login, ModerationCommand, NewInvite, NewRoom, Scope,
    Start, StartInvited,
};

/// The longest display name.
const NAME_BYTES_MAX: usize = 100;

/// What a frame asks for.
#[derive(Debug)]
pub(crate) enum Asked<'a> {
    Control(ControlCommand),
    Chat(ChatCommand),
    Moderation(ModerationCommand),
    /// To be sent back as it is.
    Echo(&'a RawValue),
    /// A module's command that the vendor's types cannot read: they say so in their log only.
    Unreadable,
    /// No envelope, or no command of `control`.
    Broken,
    /// A module that is not served.
    Unknown,
}

/// Reads a frame.
pub(crate) fn asked(text: &str, generation: Generation) -> Asked<'_> {
    let Ok(Command { namespace, payload }) = serde_json::from_str::<Command<'_>>(text) else {
        return Asked::Broken;
    };
    match &*namespace {
        "control" => read(payload).map_or(Asked::Broken, Asked::Control),
        "chat" => {
            let command = read(payload).filter(|command| is_well_formed(generation, command));
            command.map_or(Asked::Unreadable, Asked::Chat)
        }
        "moderation" => read(payload).map_or(Asked::Unreadable, Asked::Moderation),
        "echo" => Asked::Echo(payload),
        _ => Asked::Unknown,
    }
}

fn read<T: DeserializeOwned>(payload: &RawValue) -> Option<T> {
    let read = serde_json::from_str(payload.get());
    read.inspect_err(|error| tracing::debug!(error = %error, "a command cannot be read")).ok()
}

/// Whether the vendor's types can read a command whose fields are there.
fn is_well_formed(generation: Generation, command: &ChatCommand) -> bool {
    let (scope, target) = match command {
        ChatCommand::EnableChat | ChatCommand::DisableChat | ChatCommand::ClearHistory => return true,
        ChatCommand::SendMessage { scope, target, .. }
        | ChatCommand::SetLastSeenTimestamp { scope, target, .. } => (scope, target),
        ChatCommand::GetHistoryChunk { .. } | ChatCommand::SearchHistory { .. }
            if generation == Generation::Arrays =>
        {
            return false;
        }
        ChatCommand::GetHistoryChunk { scope, target, .. }
        | ChatCommand::SearchHistory { scope, target, .. } => (scope, target),
    };
    match (scope, target) {
        (Scope::Global, target) => target.is_none(),
        (Scope::Group, target) => target.is_some(),
        (Scope::Private, target) => target.as_deref().is_some_and(|id| Uuid::try_parse(id).is_ok()),
    }
}

/// What is kept of a message's text: too long a one is cut at a character. `None`: nothing is said.
///
/// Core keeps no message of white space alone, and this dialect has no word to say so.
pub(crate) fn content(text: &str, bytes_max: usize) -> Option<&str> {
    let text = &text[..text.floor_char_boundary(bytes_max)];
    (!text.trim().is_empty()).then_some(text)
}

/// White space becomes single spaces; nothing, or too much, is no name.
pub(crate) fn display_name(given: &str) -> Option<String> {
    let name = given.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    fits.then_some(name)
}

/// What a text says as a frame of either generation, as each body, and as what tokens carry, for the fuzzer.
///
/// # Panics
/// If a rule of reading does not hold.
#[must_use]
pub fn understood(text: &str) -> String {
    let [arrays, chunks] =
        [Generation::Arrays, Generation::Chunks].map(|generation| format!("{:?}", asked(text, generation)));
    let is_of_chunks = chunks.contains("HistoryChunk") || chunks.contains("SearchHistory");
    assert!(arrays == chunks || (is_of_chunks && arrays == "Unreadable"), "{arrays} or {chunks}");
    if let Asked::Chat(ChatCommand::SendMessage { content: said, .. }) = asked(text, Generation::Arrays) {
        assert!(content(&said, 64).is_none_or(|kept| said.starts_with(kept) && kept.len() <= 64), "{said}");
    }
    if let Some(name) = display_name(text) {
        assert!(name.len() <= NAME_BYTES_MAX, "{name}");
        assert_eq!(display_name(&name).as_ref(), Some(&name), "a name is a name");
    }
    if let Some(at) = times::parse(text).filter(|at| (0..MICROS_9999).contains(&at.as_micros())) {
        assert_eq!(times::parse(at.text().as_str()), Some(at), "a time that is written is read again");
    }
    let bodies = [
        body::<Login>(text),
        body::<NewRoom>(text),
        body::<Changes>(text),
        body::<NewInvite>(text),
        body::<Code>(text),
        body::<Start>(text),
        body::<StartInvited>(text),
    ];
    let user = serde_json::from_str::<Claims>(text).ok().map(|claims| {
        let user = claims.user(None);
        assert_eq!(claims.user(Some(user.clone())), user, "who is known is the same");
        (user.id(), user.group_names(), user)
    });
    format!("{chunks} {bodies:?} {user:?}")
}

/// The end of the year 9999, in microseconds since 1970: later years have more digits.
const MICROS_9999: i64 = 253_402_300_800_000_000;

fn body<T: DeserializeOwned + Debug>(text: &str) -> String {
    format!("{:?}", serde_json::from_str::<T>(text).ok())
}
