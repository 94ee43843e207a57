//! Answers: most errors of the original have no body, the others one shape.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;
use sidetalk_core::refusal::Failure;

use crate::from_wire::BadField;
use crate::wire::ProblemOut;

/// An answer without a body.
pub(crate) fn bare(status: StatusCode) -> Response {
    status.into_response()
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_vec(body).expect("wire shapes are JSON");
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

/// Why a request is refused.
pub(crate) enum Problem {
    /// Only a status.
    Bare(StatusCode),
    /// A status and what to mend.
    Said { status: StatusCode, message: String, path: String, at: i64 },
    /// The core's refusal, or the store's failure.
    Failed(Failure),
}

impl Problem {
    /// What a body's field is not.
    pub(crate) fn field(BadField(message): BadField, path: &str, at: i64) -> Self {
        Self::Said { status: StatusCode::BAD_REQUEST, message, path: path.to_owned(), at }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Bare(status) => bare(status),
            Self::Said { status, message, path, at } => {
                let error = status.canonical_reason().unwrap_or("Error");
                let body = ProblemOut {
                    timestamp: at,
                    status: status.as_u16(),
                    error,
                    message: &message,
                    path: &path,
                };
                json(status, &body)
            }
            Self::Failed(failure) => failed(&failure),
        }
    }
}

/// A failure that the original does not have.
pub(crate) fn failed(failure: &Failure) -> Response {
    let status = match failure {
        Failure::Refused(_) => StatusCode::BAD_REQUEST,
        Failure::Unavailable(unavailable) => {
            tracing::warn!(error = ?unavailable, "a request could not be served");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let message = match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Unavailable(_) => "the server cannot do this now; try again".to_owned(),
    };
    let error = status.canonical_reason().unwrap_or("Error");
    let body = ProblemOut { timestamp: 0, status: status.as_u16(), error, message: &message, path: "" };
    json(status, &body)
}
