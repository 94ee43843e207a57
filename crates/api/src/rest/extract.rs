//! What handlers take from a request, and what they make answers of.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sidetalk_core::model::{Actor, Principal, RoomName, UserId};
use sidetalk_core::refusal::Refusal;
use sidetalk_edge::caller::Address;
use sidetalk_edge::rate;

use crate::acts::Out;
use crate::errors::Problem;
use crate::from_wire;
use crate::methods::bad_params;
use crate::state::ApiState;
use crate::token::Verified;
use crate::wire::json::{is_too_deep, read_object};

/// The header that makes a retry harmless.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Who makes the request.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) verified: Verified,
}

impl Caller {
    /// # Errors
    /// [`Problem::ServerOnly`] if a user calls.
    pub(crate) fn require_server(&self) -> Result<(), Problem> {
        match self.principal.actor {
            Actor::Server => Ok(()),
            Actor::User(_) => Err(Problem::ServerOnly),
        }
    }

    /// # Errors
    /// [`Problem::UserOnly`] if the server calls.
    pub(crate) fn require_user(&self) -> Result<&UserId, Problem> {
        self.principal.user().ok_or(Problem::UserOnly)
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let Address(address) = Address::of(parts);
        let verified = api.authenticate(&parts.headers, address).await?;
        if let (Some(address), Actor::User(_)) = (address, &verified.actor) {
            api.rates.request(address, rate::now())?;
        }
        Ok(Self { principal: verified.principal(), verified })
    }
}

/// The names in the address.
pub(crate) struct Names<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(names)| Self(names)).map_err(|_| Problem::NoSuchAddress)
    }
}

/// A room in the address.
pub(crate) struct Room(pub(crate) RoomName);

impl<S: Send + Sync> FromRequestParts<S> for Room {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Only {
            room: String,
        }
        let Names(Only { room }) = Names::from_request_parts(parts, state).await?;
        from_wire::room_name(&room).map(Self)
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(asked)| Self(asked)).map_err(|error| {
            let text = error.body_text();
            let problem = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, problem)| problem);
            Problem::invalid("query", format!("is not valid: {problem:.300}"))
        })
    }
}

/// The body, whatever type it claims to be; none is `{}`.
pub(crate) struct Body(Bytes);

impl Body {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        let text = std::str::from_utf8(&self.0)
            .map_err(|_| Problem::MalformedJson("the body is not UTF-8".to_owned()))?;
        let text = if text.trim().is_empty() { "{}" } else { text };
        if is_too_deep(text) {
            return Err(Problem::MalformedJson("the JSON is nested too deeply".to_owned()));
        }
        read_object(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => bad_params(&error),
            _ => Problem::MalformedJson(format!("the body is not JSON: {error:.300}")),
        })
    }
}

impl FromRequest<ApiState> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        let max = api.limits.body_bytes_max;
        match Bytes::from_request(request, api).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Refusal::TooLarge { field: "body", max }.into())
            }
            Err(_) => Err(Problem::InvalidRequest("the body could not be read".into())),
        }
    }
}

/// The key that makes a retry harmless, if the request brings one.
///
/// # Errors
/// If it is not printable ASCII.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let key = headers.get(IDEMPOTENCY_KEY).map(HeaderValue::to_str).transpose();
    key.map_err(|_| Problem::invalid("idempotency-key", "must be printable ASCII"))
}

/// Makes JSON answers.
pub(crate) struct Json;

impl Out for Json {
    type Made = Response;

    fn made(self, value: &impl Serialize) -> Response {
        json(StatusCode::OK, value)
    }

    fn created(self, value: &impl Serialize) -> Response {
        json(StatusCode::CREATED, value)
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("wire shapes are JSON, and memory does not fail");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
