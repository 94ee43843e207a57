//! Answers: JSON, errors too. Some clients read the content type to the letter, and the message of every error.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_edge::rate::retry_after;

use crate::auth::Denied;
use crate::from_wire::BadBody;
use crate::wire::{ErrorOut, error_xml};

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_vec(body).expect("wire shapes are JSON");
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// An answer in XML.
pub(crate) fn xml(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))], body).into_response()
}

/// Why a request is refused.
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    code: i32,
    message: String,
    description: &'static str,
    retry_after_ms: Option<u64>,
}

/// The vendor's code of a token that is not good.
const NOT_AUTHORISED: i32 = -1;

/// The vendor's code of a signal that is not good.
const BAD_SIGNAL: i32 = 15_202;

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = i32::from(status.as_u16());
        Self { status, code, message: message.into(), description: "", retry_after_ms: None }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn nobody_there() -> Self {
        Self::not_found("Not found. No clients are actively connected to the OpenTok session.")
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self { code: NOT_AUTHORISED, ..Self::new(StatusCode::FORBIDDEN, message) }
    }

    fn with_pause(&self, mut response: Response) -> Response {
        if let Some(wait_ms) = self.retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait_ms));
        }
        response
    }

    /// In the form of before there was JSON.
    pub(crate) fn into_xml(self) -> Response {
        let response = xml(self.status, error_xml(self.code, &self.message));
        self.with_pause(response)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message, description, .. } = &self;
        let response = json(*status, &ErrorOut { code: *code, message, description });
        self.with_pause(response)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden(message) => Self {
                description: "send X-OPENTOK-AUTH, a JWT signed with the project's secret (HS256), or Authorization: Bearer, a \
                              JWT signed by the key of an application of the project (RS256); it must expire",
                ..Self::forbidden(message)
            },
            Denied::TooMany { wait_ms } => Self {
                retry_after_ms: Some(wait_ms),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens came from your address")
            },
            Denied::Failed(failure) => failure.into(),
        }
    }
}

impl From<BadBody> for Problem {
    fn from(bad: BadBody) -> Self {
        match bad {
            BadBody::Field(message) => Self::new(StatusCode::BAD_REQUEST, message),
            BadBody::Payload(message) => {
                Self { code: BAD_SIGNAL, ..Self::new(StatusCode::BAD_REQUEST, message) }
            }
            BadBody::TooLarge(message) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Unavailable(unavailable) => {
                tracing::warn!(error = ?unavailable, "a request could not be served");
                return Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the server cannot do this now; try again",
                );
            }
        };
        let status = match refusal {
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Invalid { .. } => StatusCode::BAD_REQUEST,
            Refusal::NotFound { .. } | Refusal::NotInvited | Refusal::RoomGone => StatusCode::NOT_FOUND,
            Refusal::RateLimited { .. } | Refusal::SlowMode { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::FORBIDDEN,
        };
        Self { retry_after_ms: refusal.retry_after_ms(), ..Self::new(status, refusal.to_string()) }
    }
}
