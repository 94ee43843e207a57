//! Answers, and the one shape of errors.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_edge::rate::{Limited, retry_after};

/// An answer in JSON.
pub(crate) fn json_answer<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_vec(body).expect("wire shapes are JSON");
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    /// The field that is not as it must be.
    field: Option<&'static str>,
    is_bad_token: bool,
    /// After how long it is worth trying again.
    wait_ms: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, field: None, is_bad_token: false, wait_ms: None }
    }

    pub(crate) fn bad_request(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unauthorized(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    pub(crate) fn bad_token(code: &'static str, message: &'static str) -> Self {
        Self { is_bad_token: true, ..Self::unauthorized(code, message) }
    }

    pub(crate) fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing for you")
    }

    /// A code that opens nothing is no credential; a store that fails says nothing of the code.
    pub(crate) fn into_invite_refusal(self) -> Self {
        match self.status {
            StatusCode::NOT_FOUND => Self::unauthorized("invalid_invite_code", "the invite code is not good"),
            _ => self,
        }
    }

    pub(crate) fn invalid(field: &'static str, message: &'static str) -> Self {
        let validation = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", message);
        Self { field: Some(field), ..validation }
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let message = "too many attempts; try again later";
        let too_many = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        Self { wait_ms: Some(limited.wait_ms), ..too_many }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(Refusal::NotFound { .. } | Refusal::RoomGone | Refusal::NotInvited) => {
                Self::not_found()
            }
            Failure::Refused(refusal) => {
                tracing::debug!(reason = %refusal, "a request was refused");
                Self::forbidden("forbidden", "this is not allowed")
            }
            Failure::Unavailable(unavailable) => {
                tracing::error!(error = ?unavailable, "a request could not be served");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "try again")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message, field, is_bad_token, wait_ms } = self;
        let mut body = json!({ "code": code, "message": message });
        if let Some(field) = field {
            body["errors"] = json!([{ "field": field, "code": "invalid_value", "message": message }]);
        }
        let mut response = json_answer(status, &body);
        if let Some(wait_ms) = wait_ms {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait_ms));
        }
        if status == StatusCode::UNAUTHORIZED {
            let how = if is_bad_token { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(how));
        }
        response
    }
}

/// The longest body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body in JSON; none is an empty object.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
        let body = body.map_err(|_| Problem::bad_request("payload_overflow", "the body is too long"))?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return read(b"{}");
        }
        let is_json = |kind: &HeaderValue| kind.to_str().is_ok_and(|kind| kind.contains("json"));
        if kind.is_some_and(|kind| !is_json(&kind)) {
            return Err(Problem::bad_request("invalid_content_type", "the body must be JSON"));
        }
        read(&body)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Json<T>, Problem> {
    let read = serde_json::from_slice(body).map(Json);
    read.map_err(|_| Problem::bad_request("invalid_json", "the body cannot be read"))
}
