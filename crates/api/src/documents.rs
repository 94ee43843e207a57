//! What this face says of itself: `/openapi.json`, `/asyncapi.json`, and `/docs`, which shows both to people without a
//! script of anybody.

use axum::Router;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;

pub(crate) mod asyncapi;
pub(crate) mod openapi;
mod page;

/// The routes of the documents.
pub(crate) fn router(version: &'static str) -> Router {
    let (openapi, asyncapi) = (openapi::document(version), asyncapi::document(version));
    let page = page::html(&openapi, &asyncapi);
    Router::new()
        .route("/openapi.json", fixed("application/json", pretty(&openapi)))
        .route("/asyncapi.json", fixed("application/json", pretty(&asyncapi)))
        .route("/docs", fixed("text/html; charset=utf-8", page))
        // Relative, for a proxy may show us below a path.
        .route("/docs/", get(|| async { Redirect::permanent("../docs") }))
}

/// A document as text, as `sidetalk openapi` prints it.
fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).expect("a JSON value is JSON")
}

fn fixed(media_type: &'static str, text: String) -> axum::routing::MethodRouter {
    let text = Bytes::from(text);
    get(move || async move {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
        let headers: [(HeaderName, HeaderValue); 5] = [
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ];
        (headers, text).into_response()
    })
}
