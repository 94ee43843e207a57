//! Names, ids and numbers: checked once, here.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::model::{GroupName, InvalidName, MessageId, Position, Role, RoomName, UserId};
use sidetalk_core::refusal::Refusal;

use super::call::Part;
use crate::errors::Problem;
use crate::wire::json::Str;

/// A hundred years: longer than anybody means, shorter than what times can say.
const SECONDS_MAX: u64 = 100 * 365 * 24 * 60 * 60;

/// The longest part of a list.
const LIST_MAX: usize = 1_000;

pub(crate) fn named<T: FromStr<Err = InvalidName>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|problem: InvalidName| Problem::invalid(field, problem.to_string()))
}

/// A room's name.
///
/// # Errors
/// If it cannot be one.
pub fn room_name(text: &str) -> Result<RoomName, Problem> {
    named("room", text)
}

/// A user's id.
///
/// # Errors
/// If it cannot be one.
pub fn user(field: &'static str, text: &str) -> Result<UserId, Problem> {
    named(field, text)
}

/// User ids.
///
/// # Errors
/// If one cannot be a user's.
pub fn users(field: &'static str, texts: &[Str<'_>]) -> Result<Vec<UserId>, Problem> {
    texts.iter().map(|text| user(field, text)).collect()
}

/// A message's id.
///
/// # Errors
/// If it cannot be one.
pub fn message_id(field: &'static str, text: &str) -> Result<MessageId, Problem> {
    named(field, text)
}

/// A role.
///
/// # Errors
/// If there is no such role.
pub fn role(text: &str) -> Result<Role, Problem> {
    Role::from_name(text)
        .ok_or_else(|| Problem::invalid("role", "must be viewer, guest, member, moderator or owner"))
}

/// Group names.
///
/// # Errors
/// If one cannot be a group's.
pub fn groups(texts: &[Str<'_>]) -> Result<Vec<GroupName>, Problem> {
    texts.iter().map(|text| named("groups", text)).collect()
}

/// A position.
///
/// # Errors
/// If it is not one of ours.
pub fn position(text: &str) -> Result<Position, Problem> {
    named("position", text)
}

/// For how long; `None`: until lifted.
///
/// # Errors
/// If it is longer than a hundred years.
pub fn lasting(seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    bounded("duration_s", seconds)
}

pub(crate) fn bounded(field: &'static str, seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    match seconds {
        Some(seconds) if seconds > SECONDS_MAX => {
            Err(Problem::invalid(field, format!("must be at most {SECONDS_MAX} seconds")))
        }
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

/// How many, at least one.
///
/// # Errors
/// If it is none.
pub fn limit(limit: Option<usize>, default: usize) -> Result<usize, Problem> {
    match limit {
        Some(0) => Err(Problem::invalid("limit", "must be at least 1")),
        limit => Ok(limit.unwrap_or(default)),
    }
}

/// A part of a list; as much as fits, if nobody says how much.
///
/// # Errors
/// If it goes on after what is no name, or is none or too long.
pub fn part<N: FromStr<Err = InvalidName>>(
    after: Option<&str>,
    asked: Option<usize>,
) -> Result<Part<N>, Problem> {
    let limit = limit(asked, LIST_MAX)?;
    if limit > LIST_MAX {
        return Err(Refusal::TooLarge { field: "limit", max: LIST_MAX }.into());
    }
    Ok(Part { after: after.map(|after| named("after", after)).transpose()?, limit })
}

pub(super) fn shared(text: &str) -> Arc<str> {
    text.into()
}
