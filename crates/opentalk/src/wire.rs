//! The shapes of the signaling socket: commands with an `action`, events with a `message`, each in an envelope that names the
//! module. Unknown keys of an event are fatal to the vendor's own types, so nothing is added to them. `body.rs` has the bodies of
//! requests.

mod body;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

pub(crate) use body::{Changes, Code, Login, NewInvite, NewRoom, Start, StartInvited};

// What clients send.

/// A command's envelope.
#[derive(Deserialize)]
pub(crate) struct Command<'a> {
    #[serde(borrow)]
    pub(crate) namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) payload: &'a RawValue,
}

/// Commands of the module `control`.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum ControlCommand {
    Join {
        #[serde(default)]
        display_name: Option<String>,
    },
    EnterRoom,
    RaiseHand,
    LowerHand,
    GrantModeratorRole {
        target: Uuid,
    },
    RevokeModeratorRole {
        target: Uuid,
    },
}

/// Whom a chat message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    Global,
    Group,
    Private,
}

/// Commands of the module `chat`.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum ChatCommand {
    EnableChat,
    DisableChat,
    ClearHistory,
    SendMessage {
        scope: Scope,
        #[serde(default)]
        target: Option<String>,
        content: String,
    },
    SetLastSeenTimestamp {
        scope: Scope,
        #[serde(default)]
        target: Option<String>,
        timestamp: String,
    },
    GetHistoryChunk {
        scope: Scope,
        #[serde(default)]
        target: Option<String>,
        message_index: u64,
    },
    SearchHistory {
        scope: Scope,
        #[serde(default)]
        target: Option<String>,
        term: String,
        #[serde(default)]
        message_index: Option<u64>,
    },
}

/// Commands of the module `moderation`.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum ModerationCommand {
    Kick {
        target: Uuid,
    },
    Ban {
        target: Uuid,
    },
    Accept {
        target: Uuid,
    },
    SendToWaitingRoom {
        target: Uuid,
    },
    EnableWaitingRoom,
    DisableWaitingRoom,
    EnableRaiseHands,
    DisableRaiseHands,
    ResetRaisedHands {
        #[serde(default)]
        target: Option<OneOrMany>,
    },
    Debrief {
        kick_scope: KickScope,
    },
    ChangeDisplayName {
        new_name: String,
        target: Uuid,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(Uuid),
    Many(Vec<Uuid>),
}

/// Who is put out at the end of a meeting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KickScope {
    Guests,
    UsersAndGuests,
    All,
}

// What the server sends.

/// An event's envelope.
#[derive(Serialize)]
pub(crate) struct Event<'a, P> {
    pub(crate) namespace: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) payload: P,
}

/// What somebody may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Guest,
    User,
    Moderator,
}

/// Who somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    User,
    Guest,
}

/// Events of the module `control`.
#[derive(Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(crate) enum ControlEvent<'a> {
    JoinSuccess(Box<JoinSuccess<'a>>),
    JoinBlocked { reason: &'static str },
    Joined(Participant),
    Update(Participant),
    Left { id: Uuid, reason: &'static str },
    HandRaised,
    HandLowered,
    RoleUpdated { new_role: Role },
    ModeratorRoleGranted { target: Uuid },
    ModeratorRoleRevoked { target: Uuid },
    RoomDeleted,
    Error { error: &'static str },
}

/// Somebody in the room, as another one sees them.
#[derive(Clone, Serialize)]
pub(crate) struct Participant {
    pub(crate) id: Uuid,
    pub(crate) control: ControlState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chat: Option<ChatPeer>,
}

#[derive(Clone, Serialize)]
pub(crate) struct ControlState {
    pub(crate) display_name: String,
    pub(crate) role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar_url: Option<String>,
    pub(crate) participation_kind: Kind,
    pub(crate) hand_is_up: bool,
    pub(crate) joined_at: String,
    pub(crate) left_at: Option<String>,
    pub(crate) hand_updated_at: String,
    pub(crate) is_room_owner: bool,
}

/// The groups that two people share.
#[derive(Clone, Serialize)]
pub(crate) struct ChatPeer {
    pub(crate) groups: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct JoinSuccess<'a> {
    pub(crate) id: Uuid,
    pub(crate) display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar_url: Option<&'a str>,
    pub(crate) role: Role,
    pub(crate) tariff: Tariff,
    pub(crate) participants: Vec<Participant>,
    pub(crate) event_info: Option<EventInfo>,
    pub(crate) room_info: RoomInfo<'a>,
    pub(crate) is_room_owner: bool,
    pub(crate) chat: ChatState<'a>,
    pub(crate) moderation: ModerationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) livekit: Option<LiveKit<'a>>,
}

/// What the media server is told; the vendor's web client shows no meeting without.
#[derive(Serialize)]
pub(crate) struct LiveKit<'a> {
    pub(crate) room: Uuid,
    pub(crate) token: &'a str,
    pub(crate) public_url: &'a str,
}

#[derive(Clone, Serialize)]
pub(crate) struct Tariff {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) quotas: BTreeMap<&'static str, u64>,
    pub(crate) modules: BTreeMap<&'static str, Module>,
}

#[derive(Clone, Serialize)]
pub(crate) struct Module {
    pub(crate) features: [&'static str; 0],
}

#[derive(Clone, Serialize)]
pub(crate) struct EventInfo {
    pub(crate) id: Uuid,
    pub(crate) room_id: Uuid,
    pub(crate) title: String,
    pub(crate) is_adhoc: bool,
    pub(crate) e2e_encryption: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_required: Option<bool>,
}

#[derive(Serialize)]
pub(crate) struct RoomInfo<'a> {
    pub(crate) id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<&'a str>,
    pub(crate) created_by: Creator<'a>,
}

#[derive(Serialize)]
pub(crate) struct Creator<'a> {
    pub(crate) title: &'a str,
    pub(crate) firstname: &'a str,
    pub(crate) lastname: &'a str,
    pub(crate) display_name: &'a str,
    pub(crate) avatar_url: &'a str,
}

/// The chat in `join_success`.
#[derive(Serialize)]
pub(crate) struct ChatState<'a> {
    pub(crate) enabled: bool,
    pub(crate) room_history: History,
    pub(crate) groups_history: Vec<GroupHistory<'a>>,
    pub(crate) private_history: Vec<PrivateHistory>,
    pub(crate) last_seen_timestamp_global: Option<String>,
    pub(crate) last_seen_timestamps_private: BTreeMap<Uuid, String>,
    pub(crate) last_seen_timestamps_group: BTreeMap<String, String>,
}

/// The messages of one conversation: all of them, or the newest chunk.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum History {
    Arrays(Vec<Message>),
    Chunk { messages: Vec<Message>, next_index: Option<u64> },
}

#[derive(Serialize)]
pub(crate) struct GroupHistory<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Uuid>,
    pub(crate) name: &'a str,
    pub(crate) history: History,
}

#[derive(Serialize)]
pub(crate) struct PrivateHistory {
    pub(crate) correspondent: Uuid,
    pub(crate) history: History,
}

/// A stored message.
#[derive(Clone, Serialize)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) source: Uuid,
    pub(crate) timestamp: String,
    pub(crate) content: String,
    pub(crate) scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
}

/// Events of the module `chat`.
#[derive(Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(crate) enum ChatEvent<'a> {
    MessageSent {
        id: Uuid,
        source: Uuid,
        content: Cow<'a, str>,
        scope: Scope,
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<Cow<'a, str>>,
    },
    ChatEnabled {
        issued_by: Uuid,
    },
    ChatDisabled {
        issued_by: Uuid,
    },
    HistoryCleared {
        issued_by: Uuid,
    },
    Error {
        error: &'static str,
    },
    RoomChatHistoryChunk {
        history: History,
    },
    GroupChatHistoryChunk {
        id: Uuid,
        name: &'a str,
        history: History,
    },
    PrivateChatHistoryChunk {
        correspondent: Uuid,
        history: History,
    },
    SearchResults {
        scope: Scope,
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        matches: History,
    },
}

/// The chat module's error that carries a number.
#[derive(Serialize)]
pub(crate) struct TermTooShort {
    pub(crate) message: &'static str,
    pub(crate) error: &'static str,
    pub(crate) min: usize,
}

#[derive(Serialize)]
pub(crate) struct ModerationState {
    pub(crate) raise_hands_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_room_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_room_participants: Option<Vec<Participant>>,
}

/// Events of the module `moderation`.
#[derive(Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(crate) enum ModerationEvent<'a> {
    Kicked,
    Banned,
    SentToWaitingRoom,
    InWaitingRoom,
    Accepted,
    JoinedWaitingRoom(Participant),
    LeftWaitingRoom { id: Uuid },
    WaitingRoomEnabled,
    WaitingRoomDisabled,
    RaiseHandsEnabled { issued_by: Uuid },
    RaiseHandsDisabled { issued_by: Uuid },
    RaisedHandResetByModerator { issued_by: Uuid },
    SessionEnded { issued_by: Uuid },
    DebriefingStarted { issued_by: Uuid },
    DisplayNameChanged { target: Uuid, issued_by: Uuid, old_name: &'a str, new_name: &'a str },
    Error { error: &'static str },
}
