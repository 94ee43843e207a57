//! A name for each request, for logs and for the user who reports a problem.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HeaderName, HeaderValue};

/// The header, in requests and answers.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A longer name from outside is replaced.
const BYTES_MAX: usize = 64;

/// The name of a request, as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Takes a proxy's or client's name if it is sane: up to 64 letters, digits, `-`, `_`, `.`. Anything else could
    /// forge log lines.
    #[must_use]
    pub fn from_header(value: &HeaderValue) -> Option<Self> {
        let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let bytes = value.as_bytes();
        (!bytes.is_empty() && bytes.len() <= BYTES_MAX && bytes.iter().all(is_sane))
            .then(|| Self(value.clone()))
    }
}

/// Makes names: a random start of the process, and a count.
#[derive(Clone, Debug)]
pub struct RequestIds {
    start: u64,
    count: Arc<AtomicU64>,
}

impl RequestIds {
    /// `start` is random, drawn once by the caller, so that names of two processes differ.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self { start, count: Arc::new(AtomicU64::new(0)) }
    }

    /// A fresh name.
    #[must_use]
    pub fn make(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let text = format!("{:016x}-{count:x}", self.start);
        RequestId(HeaderValue::try_from(text).expect("hexadecimal digits are a valid header"))
    }
}

/// Names each request and repeats the name in the answer. Use with `axum::middleware::from_fn_with_state`.
pub async fn layer(
    axum::extract::State(ids): axum::extract::State<RequestIds>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request.headers().get(HEADER).and_then(RequestId::from_header).unwrap_or_else(|| ids.make());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, id.0);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fresh() {
        let ids = RequestIds::new(0xAB);
        assert_eq!(ids.make().as_str(), "00000000000000ab-0");
        assert_eq!(ids.clone().make().as_str(), "00000000000000ab-1");
    }

    #[test]
    fn only_sane_names_are_taken() {
        let take = |text: &str| {
            HeaderValue::from_bytes(text.as_bytes()).ok().as_ref().and_then(RequestId::from_header)
        };
        assert_eq!(take("a1-B_2.c").unwrap().as_str(), "a1-B_2.c");
        for bad in ["", "a b", "a\"b", "a=b", "ä", &"x".repeat(65)] {
            assert_eq!(take(bad), None, "{bad:?}");
        }
    }
}
