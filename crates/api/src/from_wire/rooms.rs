//! Rooms and members.

use sidetalk_core::command::Write;
use sidetalk_core::model::{PrivateChat, RoomKind, RoomSettings, RoomSpec, UserId};
use sidetalk_core::refusal::Refusal;
use sidetalk_core::service::JoinWish;

use crate::errors::Problem;
use crate::wire::request::{Join, MakeRoom, PutMember, SettingsIn, UpdateRoom};

use super::names::{bounded, groups, position, role, shared, users};

/// Messages that a join brings, if the client does not say how many.
pub(super) const HISTORY_DEFAULT: usize = 50;
/// The most that a client may say of itself in a room.
pub(super) const CLIENT_DATA_BYTES_MAX: usize = 4 * 1024;

pub(super) fn join_wish(join: &Join<'_>) -> Result<JoinWish, Problem> {
    let data = join.data.as_deref().unwrap_or_default();
    if data.len() > CLIENT_DATA_BYTES_MAX {
        return Err(Refusal::TooLarge { field: "data", max: CLIENT_DATA_BYTES_MAX }.into());
    }
    // As JSON each of them is six bytes, which go to everybody who is there.
    if data.contains(|letter: char| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')) {
        return Err(Problem::invalid("data", "must have no control characters but tabs and line breaks"));
    }
    Ok(JoinWish {
        position: join.position.as_deref().map(position).transpose()?,
        history: join.history.unwrap_or(HISTORY_DEFAULT),
        presence: join.presence.unwrap_or(true),
        client_data: shared(data),
        is_back: false,
    })
}

/// One write per field that is there.
///
/// # Errors
/// If a field is not as it must be, or none is there.
pub fn updates(update: &UpdateRoom<'_>) -> Result<Vec<Write>, Problem> {
    let (mut writes, reset) = (Vec::new(), RoomSettings::default());
    if let Some(title) = &update.title {
        writes.push(Write::SetTitle(title.as_deref().map(shared)));
    }
    if let Some(enabled) = update.chat_enabled {
        writes.push(Write::SetChatEnabled(enabled.unwrap_or(reset.chat_enabled)));
    }
    if let Some(pause) = update.slow_mode_s {
        writes.push(Write::SetSlowMode(bounded("slow_mode_s", pause)?));
    }
    if let Some(policy) = &update.private_chat {
        let policy = policy.as_deref().map_or(Ok(reset.private_chat), private_chat)?;
        writes.push(Write::SetPrivateChat(policy));
    }
    if let Some(retention) = update.retention_s {
        writes.push(Write::SetRetention(bounded("retention_s", retention)?));
    }
    if writes.is_empty() {
        return Err(Problem::invalid("params", "change nothing"));
    }
    Ok(writes)
}

fn private_chat(text: &str) -> Result<PrivateChat, Problem> {
    match text {
        "everyone" => Ok(PrivateChat::Everyone),
        "with_moderators" => Ok(PrivateChat::WithModerators),
        "off" => Ok(PrivateChat::Off),
        _ => Err(Problem::invalid("private_chat", "must be everyone, with_moderators or off")),
    }
}

/// A room to be made.
///
/// # Errors
/// If a field is not as it must be.
pub fn room_spec(make: &MakeRoom<'_>) -> Result<RoomSpec, Problem> {
    let kind = match make.kind.as_deref() {
        None => RoomKind::Session,
        Some(kind) => RoomKind::from_name(kind)
            .ok_or_else(|| Problem::invalid("kind", "must be session, direct or group"))?,
    };
    let default = SettingsIn::default();
    let settings = make.settings.as_ref().unwrap_or(&default);
    Ok(RoomSpec {
        kind,
        settings: RoomSettings {
            title: make.title.as_deref().map(shared),
            chat_enabled: settings.chat_enabled.unwrap_or(true),
            slow_mode: bounded("slow_mode_s", settings.slow_mode_s)?,
            private_chat: settings.private_chat.as_deref().map(private_chat).transpose()?.unwrap_or_default(),
            retention: bounded("retention_s", settings.retention_s)?,
        },
        members: users("members", make.members.as_deref().unwrap_or_default())?,
    })
}

/// The writes that record something about a member.
///
/// # Errors
/// If a field is not as it must be, or none is there.
pub fn member_writes(user: &UserId, put: &PutMember<'_>) -> Result<Vec<Write>, Problem> {
    let mut writes = Vec::new();
    if let Some(given) = &put.role {
        let role = given.as_deref().map(role).transpose()?;
        writes.push(Write::SetRole { user: user.clone(), role });
    }
    if let Some(given) = &put.groups {
        writes.push(Write::SetGroups { user: user.clone(), groups: groups(given)? });
    }
    if writes.is_empty() {
        return Err(Problem::invalid("body", "changes nothing"));
    }
    Ok(writes)
}
