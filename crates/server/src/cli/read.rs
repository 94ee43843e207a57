//! How arguments are read: what cannot be right is refused with the command line, before anything is touched.

use std::net::SocketAddr;
use std::time::Duration;

use sidetalk_core::model::{GroupName, ProjectId, Role, RoomName, UserId};

use crate::config::setting::Setting as _;

/// A project's key.
pub(super) fn key(text: &str) -> Result<u32, String> {
    let key = text.parse().ok().and_then(|key| ProjectId::new(key).ok());
    key.map(ProjectId::get).ok_or_else(|| "it must be a number from 1 to 2147483647".to_owned())
}

/// A duration like `24h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    Duration::from_text(text).map_err(|right| format!("it must be {right}"))
}

/// A listener's address.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_text(text).map_err(|right| format!("it must be {right}"))
}

/// A room's name.
pub(super) fn room(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|why| format!("the room's name {why}"))
}

/// A group's name.
pub(super) fn group(text: &str) -> Result<GroupName, String> {
    GroupName::new(text).map_err(|why| format!("the group's name {why}"))
}

/// A user's id.
pub(super) fn user(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|why| format!("the user's id {why}"))
}

/// A role.
pub(super) fn role(text: &str) -> Result<Role, String> {
    Ok(match text {
        "viewer" => Role::Viewer,
        "guest" => Role::Guest,
        "member" => Role::Member,
        "moderator" => Role::Moderator,
        "owner" => Role::Owner,
        _ => return Err("it is none of viewer, guest, member, moderator, owner".to_owned()),
    })
}
