//! Everything that can go wrong, in one catalogue: the stable code, the kind's number on the socket, the HTTP status, and
//! what the caller has to mend.
//!
//! Core's refusals, engine failures and the mistakes that only this face can see (bad JSON, a missing token) meet in
//! [`Problem`]; [`Problem::entry`] matches them exhaustively, so that a new reason does not compile without its line here.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use sidetalk_core::refusal::{Failure, Refusal, Unavailable};
use sidetalk_edge::rate::{Limited, retry_after};
use utoipa::ToSchema;

use crate::token::BadToken;

/// One line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorEntry {
    /// The stable code: `data.code` on the socket, `error.code` in REST.
    pub code: &'static str,
    /// `error.code` on the socket: only the kind.
    pub number: i32,
    /// The HTTP status.
    pub status: u16,
    /// What to do about it.
    pub mend: &'static str,
}

const fn entry(code: &'static str, number: i32, status: u16, mend: &'static str) -> ErrorEntry {
    ErrorEntry { code, number, status, mend }
}

const fn refused(code: &'static str, status: u16, mend: &'static str) -> ErrorEntry {
    entry(code, -32000, status, mend)
}

const MALFORMED_JSON: ErrorEntry =
    entry("malformed_json", -32700, 400, "Send one JSON value in UTF-8, at most 32 levels deep.");
const INVALID_REQUEST: ErrorEntry =
    entry("invalid_request", -32600, 400, "Send a request of the form that the documents show.");
const UNKNOWN_METHOD: ErrorEntry = entry("unknown_method", -32601, 405, "Look the name up in the documents.");
const INVALID: ErrorEntry = entry("invalid", -32602, 422, "Mend the field that the message names.");
const UNAVAILABLE: ErrorEntry = entry("unavailable", -32603, 503, "Nothing was done; try again.");
const CHAT_DISABLED: ErrorEntry =
    refused("chat_disabled", 403, "Wait until a moderator switches the chat on.");
const MUTED: ErrorEntry = refused("muted", 403, "Wait until the mute ends or is lifted.");
const BANNED: ErrorEntry = refused("banned", 403, "Wait until the ban ends or is lifted.");
const ROLE_TOO_LOW: ErrorEntry = refused("role_too_low", 403, "Ask somebody with the role that is named.");
const ROLE_NOT_BELOW: ErrorEntry =
    refused("role_not_below", 403, "Ask somebody whose role is above that person's.");
const NOT_AUTHOR: ErrorEntry = refused("not_author", 403, "Only the author may do this.");
const PRIVATE_CHAT_OFF: ErrorEntry = refused("private_chat_off", 403, "Speak to the room.");
const PRIVATE_CHAT_WITH_MODERATORS: ErrorEntry =
    refused("private_chat_with_moderators", 403, "Add a moderator to the audience, or speak to the room.");
const SLOW_MODE: ErrorEntry = refused("slow_mode", 429, "Wait retry_after_ms.");
const RATE_LIMITED: ErrorEntry =
    refused("rate_limited", 429, "Wait retry_after_ms; the message names the rule.");
const NOT_FOUND: ErrorEntry = refused(
    "not_found",
    404,
    "Check the name. What is not yours to see looks the same as what is not there.",
);
const CONFLICT: ErrorEntry = refused(
    "conflict",
    409,
    "Use a fresh client_id for another body, and a fresh name or Idempotency-Key for another room.",
);
const MESSAGE_DELETED: ErrorEntry =
    refused("message_deleted", 409, "The message is gone; show it as deleted.");
const TOO_MANY_REACTIONS: ErrorEntry =
    refused("too_many_reactions", 409, "Use one of the emoji that are there.");
const TOO_LARGE: ErrorEntry =
    refused("too_large", 413, "Send less; the message names the field and its bound.");
const WRONG_ROOM_KIND: ErrorEntry = refused("wrong_room_kind", 409, "Only rooms of another kind have this.");
const ROOM_FULL: ErrorEntry = refused("room_full", 409, "Come back when somebody has left.");
const ROOM_GONE: ErrorEntry = refused("room_gone", 404, "The room was deleted; leave it.");
const UNAUTHENTICATED: ErrorEntry =
    refused("unauthenticated", 401, "Bring a valid token or the project's key.");
const TOKEN_EXPIRED: ErrorEntry = refused("token_expired", 401, "Get a fresh token.");
const NOT_JOINED: ErrorEntry = refused("not_joined", 409, "Join the room on this socket first.");
const TOO_OLD: ErrorEntry = refused("too_old", 410, "Load the history and go on from the room's position.");
const EPOCH_CHANGED: ErrorEntry =
    refused("epoch_changed", 410, "The room was made anew: drop what you have and load the history.");

/// Every code there is, as `GET /errors` lists them.
pub const CATALOGUE: &[ErrorEntry] = &[
    MALFORMED_JSON,
    INVALID_REQUEST,
    UNKNOWN_METHOD,
    INVALID,
    UNAVAILABLE,
    UNAUTHENTICATED,
    TOKEN_EXPIRED,
    CHAT_DISABLED,
    MUTED,
    BANNED,
    ROLE_TOO_LOW,
    ROLE_NOT_BELOW,
    NOT_AUTHOR,
    PRIVATE_CHAT_OFF,
    PRIVATE_CHAT_WITH_MODERATORS,
    SLOW_MODE,
    RATE_LIMITED,
    NOT_FOUND,
    NOT_JOINED,
    CONFLICT,
    MESSAGE_DELETED,
    TOO_MANY_REACTIONS,
    TOO_LARGE,
    WRONG_ROOM_KIND,
    ROOM_FULL,
    ROOM_GONE,
    TOO_OLD,
    EPOCH_CHANGED,
];

/// Why a request is answered with an error.
#[derive(Debug)]
pub enum Problem {
    /// Core said no.
    Refused(Refusal),
    /// An engine failed.
    Unavailable(Unavailable),
    /// The text is not JSON, or too deep.
    MalformedJson(String),
    /// It is JSON, but not a request.
    InvalidRequest(Cow<'static, str>),
    /// There is no such method, or the address has another one.
    UnknownMethod(String),
    /// There is no such address.
    NoSuchAddress,
    /// No credentials, or wrong ones.
    Unauthenticated(Cow<'static, str>),
    /// The token was good once.
    TokenExpired,
    /// The credentials are a user's, and this takes the server's.
    ServerOnly,
    /// The credentials are the server's, and this is a user's.
    UserOnly,
    /// The socket has not joined that room.
    NotJoined,
    /// The position lies before what is kept.
    TooOld,
    /// The position is of an earlier room of that name.
    EpochChanged,
}

impl Problem {
    /// A parameter that is not as it must be.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Refused(Refusal::invalid(field, problem))
    }

    /// The catalogue's line for it.
    pub fn entry(&self) -> &'static ErrorEntry {
        match self {
            Self::Refused(refusal) => refusal_entry(refusal),
            Self::Unavailable(_) => &UNAVAILABLE,
            Self::MalformedJson(_) => &MALFORMED_JSON,
            Self::InvalidRequest(_) => &INVALID_REQUEST,
            Self::UnknownMethod(_) => &UNKNOWN_METHOD,
            Self::NoSuchAddress => &NOT_FOUND,
            Self::Unauthenticated(_) => &UNAUTHENTICATED,
            Self::TokenExpired => &TOKEN_EXPIRED,
            Self::ServerOnly => &ROLE_TOO_LOW,
            Self::UserOnly => &INVALID,
            Self::NotJoined => &NOT_JOINED,
            Self::TooOld => &TOO_OLD,
            Self::EpochChanged => &EPOCH_CHANGED,
        }
    }

    /// The sentence for people.
    pub fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Refused(refusal) => refusal.to_string().into(),
            Self::Unavailable(_) => "something behind the server failed; nothing was done".into(),
            Self::MalformedJson(why) | Self::UnknownMethod(why) => why.as_str().into(),
            Self::InvalidRequest(why) | Self::Unauthenticated(why) => why.as_ref().into(),
            Self::NoSuchAddress => "there is no such address".into(),
            Self::TokenExpired => "the token has expired".into(),
            Self::ServerOnly => "this takes the project's key or a server token".into(),
            Self::UserOnly => "this is a user's: use a user token".into(),
            Self::NotJoined => "this socket has not joined that room".into(),
            Self::TooOld => "the position is too old".into(),
            Self::EpochChanged => "the position is of an earlier room of that name".into(),
        }
    }

    /// How long to wait, if waiting helps.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_ms(),
            _ => None,
        }
    }

    /// Logs what an operator must know of, once, at the place where the failure is answered.
    pub fn log(&self) {
        if let Self::Unavailable(unavailable) = self {
            tracing::error!(error = ?unavailable, "an engine failed");
        }
    }

    /// As JSON-RPC has errors.
    pub fn rpc(&self) -> RpcError<'_> {
        let entry = self.entry();
        RpcError {
            code: entry.number,
            message: self.message(),
            data: RpcErrorData { code: entry.code, retry_after_ms: self.retry_after_ms() },
        }
    }
}

fn refusal_entry(refusal: &Refusal) -> &'static ErrorEntry {
    match refusal {
        Refusal::ChatDisabled => &CHAT_DISABLED,
        Refusal::Muted { .. } => &MUTED,
        Refusal::Banned { .. } => &BANNED,
        Refusal::RoleTooLow { .. } => &ROLE_TOO_LOW,
        Refusal::RoleNotBelow => &ROLE_NOT_BELOW,
        Refusal::NotAuthor => &NOT_AUTHOR,
        Refusal::PrivateChatOff => &PRIVATE_CHAT_OFF,
        Refusal::PrivateChatWithModerators => &PRIVATE_CHAT_WITH_MODERATORS,
        Refusal::SlowMode { .. } => &SLOW_MODE,
        Refusal::RateLimited { .. } => &RATE_LIMITED,
        Refusal::NotFound { .. } | Refusal::NotInvited => &NOT_FOUND,
        Refusal::Conflict | Refusal::RoomTaken { .. } => &CONFLICT,
        Refusal::MessageDeleted => &MESSAGE_DELETED,
        Refusal::TooManyReactions { .. } => &TOO_MANY_REACTIONS,
        Refusal::Invalid { .. } => &INVALID,
        Refusal::TooLarge { .. } => &TOO_LARGE,
        Refusal::WrongRoomKind { .. } => &WRONG_ROOM_KIND,
        Refusal::RoomFull { .. } => &ROOM_FULL,
        Refusal::RoomGone => &ROOM_GONE,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        Self::Refused(Refusal::RateLimited { rule: limited.rule, wait_ms: limited.wait_ms })
    }
}

impl From<BadToken> for Problem {
    fn from(bad: BadToken) -> Self {
        match bad {
            BadToken::Expired => Self::TokenExpired,
            bad => Self::Unauthenticated(bad.to_string().into()),
        }
    }
}

/// An error as JSON-RPC has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RpcError<'a> {
    /// The kind.
    pub code: i32,
    /// A sentence for people.
    pub message: Cow<'a, str>,
    /// What programs read.
    pub data: RpcErrorData,
}

/// What programs read of an error on the socket.
#[derive(Debug, Serialize, ToSchema)]
pub struct RpcErrorData {
    /// The stable code.
    pub code: &'static str,
    /// How long to wait before trying again, if waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The body of every REST error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// What went wrong.
    pub error: RestError<'a>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestError<'a> {
    /// The stable code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: Cow<'a, str>,
    /// How long to wait before trying again, if waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let entry = self.entry();
        let retry_after_ms = self.retry_after_ms();
        let body =
            ErrorBody { error: RestError { code: entry.code, message: self.message(), retry_after_ms } };
        let mut response = (
            StatusCode::from_u16(entry.status).expect("the catalogue holds valid statuses"),
            axum::Json(body),
        )
            .into_response();
        let headers = response.headers_mut();
        if let Some(wait_ms) = retry_after_ms {
            headers.insert(header::RETRY_AFTER, retry_after(wait_ms));
        }
        if entry.status == 401 {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer, Basic realm=\"sidetalk\""),
            );
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_those_of_core() {
        for (index, entry) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..index].iter().all(|other| other.code != entry.code), "{}", entry.code);
        }
        let refusals = [
            Refusal::ChatDisabled,
            Refusal::Muted { until: None },
            Refusal::Banned { until: None },
            Refusal::RoleTooLow { needed: "owner" },
            Refusal::RoleNotBelow,
            Refusal::NotAuthor,
            Refusal::PrivateChatOff,
            Refusal::PrivateChatWithModerators,
            Refusal::SlowMode { wait_ms: 1 },
            Refusal::RateLimited { rule: "x", wait_ms: 1 },
            Refusal::NotFound { what: "room" },
            Refusal::NotInvited,
            Refusal::Conflict,
            Refusal::RoomTaken { kind: "group" },
            Refusal::MessageDeleted,
            Refusal::TooManyReactions { max: 1 },
            Refusal::invalid("x", "y"),
            Refusal::TooLarge { field: "x", max: 1 },
            Refusal::WrongRoomKind { kind: "direct" },
            Refusal::RoomFull { what: "members", max: 1 },
            Refusal::RoomGone,
        ];
        for refusal in refusals {
            assert_eq!(refusal_entry(&refusal).code, refusal.code());
            assert!(CATALOGUE.contains(refusal_entry(&refusal)), "{refusal:?}");
        }
    }

    #[test]
    fn what_is_hidden_and_what_is_missing_look_the_same() {
        let hidden = Problem::from(Refusal::NotInvited);
        let missing = Problem::from(Refusal::NotFound { what: "room" });
        assert_eq!(hidden.entry(), missing.entry());
        assert_eq!(hidden.message(), missing.message());
    }
}
