//! How the model lies in columns: the one place that knows. These shapes are on people's disks: they only grow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidetalk_core::event::{Event, MessageRef};
use sidetalk_core::model::{
    Audience, Dialect, FileRef, GroupName, Labels, Member, Membership, Mute, Part, PrivateChat, Role,
    RoomKind, SignalType, TextFormat, Timestamp, UserId,
};
use sidetalk_core::ports::ProjectSettings;
use uuid::Uuid;

/// A stored value that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRow {
    #[error("stored {what} is not readable")]
    Json { what: &'static str, source: serde_json::Error },
    #[error("stored {what} has an unknown value")]
    Value { what: &'static str },
}

fn read_json<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, BadRow> {
    serde_json::from_str(text).map_err(|source| BadRow::Json { what, source })
}

fn write_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings, numbers and lists always become JSON")
}

// Parts.

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartRow {
    Text(Arc<str>),
    Markdown(Arc<str>),
    Image(FileRow),
    File(FileRow),
    Custom(Arc<str>),
}

#[derive(Serialize, Deserialize)]
struct FileRow {
    id: Uuid,
    name: Arc<str>,
    media_type: Arc<str>,
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pixels: Option<(u32, u32)>,
}

impl From<&FileRef> for FileRow {
    fn from(file: &FileRef) -> Self {
        let FileRef { id, name, media_type, bytes, pixels } = file;
        Self { id: *id, name: name.clone(), media_type: media_type.clone(), bytes: *bytes, pixels: *pixels }
    }
}

impl From<FileRow> for FileRef {
    fn from(row: FileRow) -> Self {
        let FileRow { id, name, media_type, bytes, pixels } = row;
        Self { id, name, media_type, bytes, pixels }
    }
}

pub(crate) fn parts_column(parts: &[Part]) -> String {
    let rows = parts.iter().map(|part| match part {
        Part::Text { text, format: TextFormat::Plain } => PartRow::Text(text.clone()),
        Part::Text { text, format: TextFormat::Markdown } => PartRow::Markdown(text.clone()),
        Part::Image(file) => PartRow::Image(file.into()),
        Part::File(file) => PartRow::File(file.into()),
        Part::Custom(json) => PartRow::Custom(json.clone()),
    });
    write_json(&rows.collect::<Vec<_>>())
}

pub(crate) fn parts(column: &str) -> Result<Vec<Part>, BadRow> {
    let rows: Vec<PartRow> = read_json("parts", column)?;
    let parts = rows.into_iter().map(|row| match row {
        PartRow::Text(text) => Part::Text { text, format: TextFormat::Plain },
        PartRow::Markdown(text) => Part::Text { text, format: TextFormat::Markdown },
        PartRow::Image(file) => Part::Image(file.into()),
        PartRow::File(file) => Part::File(file.into()),
        PartRow::Custom(json) => Part::Custom(json),
    });
    Ok(parts.collect())
}

// Lists of names.

/// `None` for an empty list.
pub(crate) fn mentions_column(users: &[UserId]) -> Option<String> {
    (!users.is_empty()).then(|| users_column(users))
}

pub(crate) fn mentions(column: Option<&str>) -> Result<Vec<UserId>, BadRow> {
    column.map_or_else(|| Ok(Vec::new()), users)
}

pub(crate) fn users_column(users: &[UserId]) -> String {
    write_json(&users.iter().map(UserId::as_str).collect::<Vec<_>>())
}

fn users(column: &str) -> Result<Vec<UserId>, BadRow> {
    let names: Vec<String> = read_json("users", column)?;
    names.iter().map(|name| user(name)).collect()
}

pub(crate) fn user(column: &str) -> Result<UserId, BadRow> {
    UserId::new(column).map_err(|_| BadRow::Value { what: "user" })
}

/// A user's id as it stands in the columns that are JSON.
pub(crate) fn quoted(user: &UserId) -> String {
    write_json(&user.as_str())
}

/// A list of users with another in the place of one; `None` if that one is not in it.
pub(crate) fn users_renamed(column: &str, from: &UserId, to: &UserId) -> Result<Option<String>, BadRow> {
    let mut list = users(column)?;
    if !list.contains(from) {
        return Ok(None);
    }
    list.iter_mut().filter(|user| *user == from).for_each(|user| *user = to.clone());
    list.sort_unstable();
    list.dedup();
    Ok(Some(users_column(&list)))
}

pub(crate) fn groups_column(groups: &[GroupName]) -> String {
    write_json(&groups.iter().map(GroupName::as_str).collect::<Vec<_>>())
}

fn groups(column: &str) -> Result<Vec<GroupName>, BadRow> {
    let names: Vec<String> = read_json("groups", column)?;
    names.iter().map(|name| group(name)).collect()
}

fn group(column: &str) -> Result<GroupName, BadRow> {
    GroupName::new(column).map_err(|_| BadRow::Value { what: "group" })
}

// Audiences.

/// What names a conversation inside its room.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Conversation {
    /// Everybody's: number 0.
    Room,
    /// Any other: found by kind and text.
    Named { kind: i64, audience: String },
    /// None can exist: messages are never for connections.
    Impossible,
}

const GROUP: i64 = 1;
const USERS: i64 = 2;

pub(crate) fn conversation(audience: &Audience) -> Conversation {
    match audience {
        Audience::Room => Conversation::Room,
        Audience::Group(group) => Conversation::Named { kind: GROUP, audience: group.as_str().to_owned() },
        Audience::Users(users) => Conversation::Named { kind: USERS, audience: users_column(users) },
        Audience::Connections(_) => Conversation::Impossible,
    }
}

/// `None` is the conversation of the whole room.
pub(crate) fn audience(column: Option<(i64, &str)>) -> Result<Audience, BadRow> {
    match column {
        None => Ok(Audience::Room),
        Some((GROUP, name)) => Ok(Audience::Group(group(name)?)),
        Some((USERS, list)) => Ok(Audience::Users(users(list)?.into())),
        Some(_) => Err(BadRow::Value { what: "audience" }),
    }
}

// Events other than posted messages.

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventRow {
    MessageEdited,
    MessageDeleted,
    MessagePinned,
    MessageUnpinned,
    ReactionAdded(Arc<str>),
    ReactionRemoved(Arc<str>),
    ChatEnabledSet(bool),
    HistoryCleared,
    SlowModeSet(Option<u64>),
    PrivateChatSet(u8),
    TitleSet(Option<Arc<str>>),
    RetentionSet(Option<u64>),
    MemberMuted { user: String, until: Option<i64> },
    MemberUnmuted(String),
    MemberKicked(String),
    MemberBanned { user: String, until: Option<i64> },
    MemberUnbanned(String),
    RoleSet { user: String, role: Option<u8> },
    GroupsSet { user: String, groups: Vec<String> },
    MemberInvited(String),
    MemberJoined(String),
    MemberLeft(String),
}

/// The event's column, and the message that it is about. A posted message has none: it is its own row.
pub(crate) fn event_column(event: &Event) -> Option<(String, Option<MessageRef>)> {
    let name = |user: &UserId| user.as_str().to_owned();
    let mut about = None;
    let mut target = |message: &MessageRef| about = Some(*message);
    let row = match event {
        Event::MessagePosted(_) => return None,
        Event::MessageEdited { target: message, .. } => {
            target(message);
            EventRow::MessageEdited
        }
        Event::MessageDeleted(message) => {
            target(message);
            EventRow::MessageDeleted
        }
        Event::MessagePinned(message) => {
            target(message);
            EventRow::MessagePinned
        }
        Event::MessageUnpinned(message) => {
            target(message);
            EventRow::MessageUnpinned
        }
        Event::ReactionAdded { target: message, emoji } => {
            target(message);
            EventRow::ReactionAdded(emoji.clone())
        }
        Event::ReactionRemoved { target: message, emoji } => {
            target(message);
            EventRow::ReactionRemoved(emoji.clone())
        }
        Event::ChatEnabledSet(enabled) => EventRow::ChatEnabledSet(*enabled),
        Event::HistoryCleared => EventRow::HistoryCleared,
        Event::SlowModeSet(pause) => EventRow::SlowModeSet(pause.map(micros)),
        Event::PrivateChatSet(policy) => EventRow::PrivateChatSet(private_chat_column(*policy)),
        Event::TitleSet(title) => EventRow::TitleSet(title.clone()),
        Event::RetentionSet(retention) => EventRow::RetentionSet(retention.map(micros)),
        Event::MemberMuted { user, mute } => {
            EventRow::MemberMuted { user: name(user), until: mute.until.map(Timestamp::as_micros) }
        }
        Event::MemberUnmuted { user } => EventRow::MemberUnmuted(name(user)),
        Event::MemberKicked { user } => EventRow::MemberKicked(name(user)),
        Event::MemberBanned { user, ban } => {
            EventRow::MemberBanned { user: name(user), until: ban.until.map(Timestamp::as_micros) }
        }
        Event::MemberUnbanned { user } => EventRow::MemberUnbanned(name(user)),
        Event::RoleSet { user, role } => EventRow::RoleSet { user: name(user), role: role.map(role_column) },
        Event::GroupsSet { user, groups } => EventRow::GroupsSet {
            user: name(user),
            groups: groups.iter().map(|group| group.as_str().to_owned()).collect(),
        },
        Event::MemberInvited { user } => EventRow::MemberInvited(name(user)),
        Event::MemberJoined { user } => EventRow::MemberJoined(name(user)),
        Event::MemberLeft { user } => EventRow::MemberLeft(name(user)),
    };
    Some((write_json(&row), about))
}

/// The event of `column`; `content` gives the parts and mentions that the edited message has now.
pub(crate) fn event(
    column: &str,
    target: Option<MessageRef>,
    content: impl FnOnce() -> Result<(Vec<Part>, Vec<UserId>), BadRow>,
) -> Result<Event, BadRow> {
    let row: EventRow = read_json("event", column)?;
    let about = || target.ok_or(BadRow::Value { what: "event's message" });
    Ok(match row {
        EventRow::MessageEdited => {
            let (parts, mentions) = content()?;
            Event::MessageEdited { target: about()?, parts, mentions }
        }
        EventRow::MessageDeleted => Event::MessageDeleted(about()?),
        EventRow::MessagePinned => Event::MessagePinned(about()?),
        EventRow::MessageUnpinned => Event::MessageUnpinned(about()?),
        EventRow::ReactionAdded(emoji) => Event::ReactionAdded { target: about()?, emoji },
        EventRow::ReactionRemoved(emoji) => Event::ReactionRemoved { target: about()?, emoji },
        EventRow::ChatEnabledSet(enabled) => Event::ChatEnabledSet(enabled),
        EventRow::HistoryCleared => Event::HistoryCleared,
        EventRow::SlowModeSet(pause) => Event::SlowModeSet(pause.map(Duration::from_micros)),
        EventRow::PrivateChatSet(policy) => Event::PrivateChatSet(private_chat(policy.into())?),
        EventRow::TitleSet(title) => Event::TitleSet(title),
        EventRow::RetentionSet(retention) => Event::RetentionSet(retention.map(Duration::from_micros)),
        EventRow::MemberMuted { user: name, until } => {
            Event::MemberMuted { user: user(&name)?, mute: ends(until) }
        }
        EventRow::MemberUnmuted(name) => Event::MemberUnmuted { user: user(&name)? },
        EventRow::MemberKicked(name) => Event::MemberKicked { user: user(&name)? },
        EventRow::MemberBanned { user: name, until } => {
            Event::MemberBanned { user: user(&name)?, ban: ends(until) }
        }
        EventRow::MemberUnbanned(name) => Event::MemberUnbanned { user: user(&name)? },
        EventRow::RoleSet { user: name, role: column } => {
            Event::RoleSet { user: user(&name)?, role: column.map(|column| role(column.into())).transpose()? }
        }
        EventRow::GroupsSet { user: name, groups } => Event::GroupsSet {
            user: user(&name)?,
            groups: groups.iter().map(|name| group(name)).collect::<Result<_, _>>()?,
        },
        EventRow::MemberInvited(name) => Event::MemberInvited { user: user(&name)? },
        EventRow::MemberJoined(name) => Event::MemberJoined { user: user(&name)? },
        EventRow::MemberLeft(name) => Event::MemberLeft { user: user(&name)? },
    })
}

/// An event about a user as one about another; `None` if it is not about that user.
pub(crate) fn event_renamed(column: &str, from: &UserId, to: &UserId) -> Result<Option<String>, BadRow> {
    let mut row: EventRow = read_json("event", column)?;
    let Some(user) = row.user_mut().filter(|user| *user == from.as_str()) else { return Ok(None) };
    to.as_str().clone_into(user);
    Ok(Some(write_json(&row)))
}

impl EventRow {
    /// The user whom it is about.
    fn user_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::MemberMuted { user, .. }
            | Self::MemberUnmuted(user)
            | Self::MemberKicked(user)
            | Self::MemberBanned { user, .. }
            | Self::MemberUnbanned(user)
            | Self::RoleSet { user, .. }
            | Self::GroupsSet { user, .. }
            | Self::MemberInvited(user)
            | Self::MemberJoined(user)
            | Self::MemberLeft(user) => Some(user),
            Self::MessageEdited
            | Self::MessageDeleted
            | Self::MessagePinned
            | Self::MessageUnpinned
            | Self::ReactionAdded(_)
            | Self::ReactionRemoved(_)
            | Self::ChatEnabledSet(_)
            | Self::HistoryCleared
            | Self::SlowModeSet(_)
            | Self::PrivateChatSet(_)
            | Self::TitleSet(_)
            | Self::RetentionSet(_) => None,
        }
    }
}

fn ends(until: Option<i64>) -> Mute {
    Mute { until: until.map(Timestamp::from_micros) }
}

// Members.

/// A member's columns, in the order role, groups, muted, muted_until, banned, banned_until, membership.
pub(crate) struct MemberRow {
    pub(crate) role: Option<i64>,
    pub(crate) groups: String,
    pub(crate) muted: bool,
    pub(crate) muted_until: Option<i64>,
    pub(crate) banned: bool,
    pub(crate) banned_until: Option<i64>,
    pub(crate) membership: Option<i64>,
}

impl From<&Member> for MemberRow {
    fn from(member: &Member) -> Self {
        let until = |mute: &Option<Mute>| mute.and_then(|mute| mute.until).map(Timestamp::as_micros);
        Self {
            role: member.role.map(|role| role_column(role).into()),
            groups: groups_column(&member.groups),
            muted: member.mute.is_some(),
            muted_until: until(&member.mute),
            banned: member.ban.is_some(),
            banned_until: until(&member.ban),
            membership: member.membership.map(membership_column),
        }
    }
}

impl TryFrom<MemberRow> for Member {
    type Error = BadRow;

    fn try_from(row: MemberRow) -> Result<Self, BadRow> {
        Ok(Self {
            role: row.role.map(role).transpose()?,
            groups: groups(&row.groups)?,
            mute: row.muted.then(|| ends(row.muted_until)),
            ban: row.banned.then(|| ends(row.banned_until)),
            membership: row.membership.map(membership).transpose()?,
        })
    }
}

fn role_column(role: Role) -> u8 {
    match role {
        Role::Viewer => 0,
        Role::Guest => 1,
        Role::Member => 2,
        Role::Moderator => 3,
        Role::Owner => 4,
    }
}

fn role(column: i64) -> Result<Role, BadRow> {
    match column {
        0 => Ok(Role::Viewer),
        1 => Ok(Role::Guest),
        2 => Ok(Role::Member),
        3 => Ok(Role::Moderator),
        4 => Ok(Role::Owner),
        _ => Err(BadRow::Value { what: "role" }),
    }
}

/// What a user who was only invited has in the membership column.
pub(crate) const INVITED: i64 = 1;

fn membership_column(membership: Membership) -> i64 {
    match membership {
        Membership::Invited => INVITED,
        Membership::Joined => 2,
        Membership::Left => 3,
    }
}

fn membership(column: i64) -> Result<Membership, BadRow> {
    match column {
        INVITED => Ok(Membership::Invited),
        2 => Ok(Membership::Joined),
        3 => Ok(Membership::Left),
        _ => Err(BadRow::Value { what: "membership" }),
    }
}

// Rooms and projects.

pub(crate) fn kind_column(kind: RoomKind) -> i64 {
    match kind {
        RoomKind::Session => 0,
        RoomKind::Direct => 1,
        RoomKind::Group => 2,
    }
}

pub(crate) fn kind(column: i64) -> Result<RoomKind, BadRow> {
    match column {
        0 => Ok(RoomKind::Session),
        1 => Ok(RoomKind::Direct),
        2 => Ok(RoomKind::Group),
        _ => Err(BadRow::Value { what: "room kind" }),
    }
}

pub(crate) fn private_chat_column(policy: PrivateChat) -> u8 {
    match policy {
        PrivateChat::Everyone => 0,
        PrivateChat::WithModerators => 1,
        PrivateChat::Off => 2,
    }
}

pub(crate) fn private_chat(column: i64) -> Result<PrivateChat, BadRow> {
    match column {
        0 => Ok(PrivateChat::Everyone),
        1 => Ok(PrivateChat::WithModerators),
        2 => Ok(PrivateChat::Off),
        _ => Err(BadRow::Value { what: "private chat policy" }),
    }
}

/// Microseconds; a column holds 63 bits, and 292,000 years are for ever.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
}

pub(crate) fn micros_column(duration: Option<Duration>) -> Option<i64> {
    duration.map(|duration| i64::try_from(micros(duration)).unwrap_or(i64::MAX))
}

pub(crate) fn duration(column: Option<i64>) -> Option<Duration> {
    column.map(|micros| Duration::from_micros(micros.unsigned_abs()))
}

pub(crate) fn labels_column(labels: &Labels) -> String {
    write_json(
        &labels.iter().map(|(dialect, label)| (dialect.as_str(), label.as_str())).collect::<BTreeMap<_, _>>(),
    )
}

pub(crate) fn labels(column: &str) -> Result<Labels, BadRow> {
    if column == "{}" {
        return Ok(Labels::default());
    }
    let row: BTreeMap<String, String> = read_json("labels", column)?;
    let label = |(dialect, label): (&String, &String)| {
        let label = SignalType::new(label).map_err(|_| BadRow::Value { what: "label" })?;
        Ok((Dialect::recalled(dialect), label))
    };
    Ok(Labels::new(row.iter().map(label).collect::<Result<Vec<_>, _>>()?))
}

#[derive(Serialize, Deserialize)]
struct ProjectSettingsRow {
    chat_signal_types: Vec<String>,
    create_rooms_on_join: bool,
    dialects: Vec<String>,
}

/// The settings but the retention, which has its own column.
pub(crate) fn project_settings_column(settings: &ProjectSettings) -> String {
    write_json(&ProjectSettingsRow {
        chat_signal_types: settings.chat_signal_types.iter().map(|name| name.as_str().to_owned()).collect(),
        create_rooms_on_join: settings.create_rooms_on_join,
        dialects: settings.dialects.clone(),
    })
}

pub(crate) fn project_settings(column: &str, retention: Option<i64>) -> Result<ProjectSettings, BadRow> {
    let row: ProjectSettingsRow = read_json("project settings", column)?;
    let signal_type =
        |name: &String| SignalType::new(name).map_err(|_| BadRow::Value { what: "signal type" });
    Ok(ProjectSettings {
        chat_signal_types: row.chat_signal_types.iter().map(signal_type).collect::<Result<_, _>>()?,
        retention: duration(retention),
        create_rooms_on_join: row.create_rooms_on_join,
        dialects: row.dialects,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetalk_core::model::{MessageId, Seq};

    #[test]
    fn parts_come_back_as_they_went() {
        let file = FileRef {
            id: Uuid::from_u128(7),
            name: "c\u{0}a\"t.png".into(),
            media_type: "image/png".into(),
            bytes: 1 << 40,
            pixels: Some((640, 480)),
        };
        let sent = vec![
            Part::Text { text: "a\u{0}b\n\"quoted\" \u{1F600}".into(), format: TextFormat::Plain },
            Part::Text { text: "*b*".into(), format: TextFormat::Markdown },
            Part::Image(file.clone()),
            Part::File(FileRef { pixels: None, ..file }),
            Part::Custom(r#"{"poll":[1,2]}"#.into()),
        ];
        assert_eq!(parts(&parts_column(&sent)).expect("readable"), sent);
    }

    #[test]
    fn every_event_comes_back_as_it_went() {
        let alice = UserId::new("alice").expect("a valid id");
        let target = MessageRef { id: MessageId::from_uuid(Uuid::from_u128(9)), seq: Seq(3) };
        let mute = Mute { until: Some(Timestamp::from_micros(5)) };
        let staff = GroupName::new("staff").expect("a valid name");
        let events = [
            Event::MessageEdited { target, parts: Vec::new(), mentions: vec![alice.clone()] },
            Event::MessageDeleted(target),
            Event::MessagePinned(target),
            Event::MessageUnpinned(target),
            Event::ReactionAdded { target, emoji: "👍".into() },
            Event::ReactionRemoved { target, emoji: "👍".into() },
            Event::ChatEnabledSet(false),
            Event::HistoryCleared,
            Event::SlowModeSet(Some(Duration::from_secs(3))),
            Event::SlowModeSet(None),
            Event::PrivateChatSet(PrivateChat::WithModerators),
            Event::TitleSet(Some("t".into())),
            Event::RetentionSet(Some(Duration::from_secs(86_400))),
            Event::MemberMuted { user: alice.clone(), mute },
            Event::MemberUnmuted { user: alice.clone() },
            Event::MemberKicked { user: alice.clone() },
            Event::MemberBanned { user: alice.clone(), ban: Mute { until: None } },
            Event::MemberUnbanned { user: alice.clone() },
            Event::RoleSet { user: alice.clone(), role: Some(Role::Owner) },
            Event::RoleSet { user: alice.clone(), role: None },
            Event::GroupsSet { user: alice.clone(), groups: vec![staff] },
            Event::MemberInvited { user: alice.clone() },
            Event::MemberJoined { user: alice.clone() },
            Event::MemberLeft { user: alice.clone() },
        ];
        for sent in events {
            let (column, about) = event_column(&sent).expect("not a post");
            let back = event(&column, about, || Ok((Vec::new(), vec![alice.clone()])));
            assert_eq!(back.expect("readable"), sent);
        }
    }
}
