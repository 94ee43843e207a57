//! What a router answers, without a network.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body; `null` if it is empty or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A field of the body, which is a text.
    #[track_caller]
    pub fn text_of(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_else(|| panic!("no {field}: {self:?}")).to_owned()
    }

    /// A header; an empty text if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("plain text"))
    }
}

/// Sends a request.
pub async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let what = format!("{} {}", request.method(), request.uri());
    let response = tokio::time::timeout(PATIENCE, router.clone().oneshot(request)).await;
    let response = response.unwrap_or_else(|_| panic!("{what} hangs")).expect("a router always answers");
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body is in memory").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("answers are text");
    Answer { status: head.status.as_u16(), headers: head.headers, text }
}
