//! What every answer below `/api/v1` has: a request's name, headers that keep browsers from guessing, CORS for the pages
//! that may connect, and JSON for addresses that are not there.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use sidetalk_edge::request_id::{HEADER, RequestId};

use crate::errors::Problem;
use crate::state::ApiState;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, last-event-id, x-request-id");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, x-request-id");

/// Wraps all routes.
pub(super) async fn guard(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed =
        origin.filter(|origin| origin.to_str().is_ok_and(|origin| api.origins.allows(Some(origin))));
    let id = request_id(&api, &request);
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        // No cookie counts for anything here, so credentials are never allowed along.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if let Some(id) = id {
        headers.insert(HEADER, id);
    }
    response
}

/// The name that the request came with, or a fresh one.
fn request_id(api: &ApiState, request: &Request) -> Option<HeaderValue> {
    if let Some(known) = request.extensions().get::<RequestId>() {
        return HeaderValue::from_str(known.as_str()).ok();
    }
    let brought = request.headers().get(HEADER).and_then(RequestId::from_header);
    let id = brought.unwrap_or_else(|| api.request_ids.make());
    HeaderValue::from_str(id.as_str()).ok()
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

pub(super) async fn no_such_address() -> Problem {
    Problem::NoSuchAddress
}

pub(super) async fn no_such_method(method: Method) -> Problem {
    Problem::UnknownMethod(format!("this address does not take {method:.16}"))
}
