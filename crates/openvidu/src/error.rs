//! The codes of this dialect's errors, in the JSON-RPC socket. The vendor's clients hand them to applications.

use std::borrow::Cow;

use sidetalk_core::refusal::{Failure, Refusal};

/// An error of the socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: Cow<'static, str>,
}

/// Something that a user may not do now.
pub(crate) const GENERIC: i32 = 10;
/// The participant does not exist.
pub(crate) const NO_PARTICIPANT: i32 = 102;
/// The participant is in already.
pub(crate) const ALREADY_JOINED: i32 = 104;
/// The session does not exist.
pub(crate) const NO_SESSION: i32 = 202;
/// The token is not good, or the role not high enough.
pub(crate) const UNAUTHORIZED: i32 = 401;
/// What the client says of itself cannot be taken.
pub(crate) const BAD_METADATA: i32 = 500;
/// The signal cannot be read, or is too large.
pub(crate) const BAD_SIGNAL: i32 = 600;
/// A target of the signal is not there.
pub(crate) const BAD_TARGET: i32 = 601;
/// Nothing but `ping` and `connect` is served before `joinRoom`.
pub(crate) const NOT_JOINED: i32 = 803;
/// What has no code of its own: media methods, a store that does not answer.
pub(crate) const UNSUPPORTED: i32 = 999;
/// A parameter is missing or of a wrong type.
pub(crate) const BAD_PARAMS: i32 = -1;
/// The frame is not a JSON-RPC request (JSON-RPC 2.0, 5.1).
pub(crate) const BAD_REQUEST: i32 = -32_600;
/// No such client is waited for; the message is exactly what clients compare with.
pub(crate) const NO_RECONNECTION: i32 = 40_007;

impl RpcError {
    pub(crate) fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn no_reconnection() -> Self {
        Self::new(NO_RECONNECTION, "reconnection error")
    }

    /// The refusal of a signal.
    pub(crate) fn of_signal(failure: &Failure) -> Self {
        let code = match failure {
            Failure::Refused(Refusal::TooLarge { field: "to", .. } | Refusal::NotFound { .. }) => BAD_TARGET,
            Failure::Refused(Refusal::TooLarge { .. } | Refusal::Invalid { .. }) => BAD_SIGNAL,
            _ => return Self::of(failure),
        };
        Self::new(code, message(failure))
    }

    /// The refusal of anything else.
    pub(crate) fn of(failure: &Failure) -> Self {
        let code = match failure {
            Failure::Refused(Refusal::RoleTooLow { .. } | Refusal::RoleNotBelow | Refusal::NotInvited) => {
                UNAUTHORIZED
            }
            Failure::Refused(Refusal::NotFound { what: "connection" }) => NO_PARTICIPANT,
            Failure::Refused(Refusal::RoomGone | Refusal::NotFound { .. }) => NO_SESSION,
            Failure::Refused(_) => GENERIC,
            Failure::Unavailable(_) => UNSUPPORTED,
        };
        Self::new(code, message(failure))
    }
}

fn message(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Unavailable(_) => "the server cannot store this now; try again".to_owned(),
    }
}
