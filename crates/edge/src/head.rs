//! What no request's head may be: of two minds about its host, or in a coding that nobody here undoes. A proxy in front of
//! us could read it differently.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{self, HeaderMap, HeaderName};
use http::{StatusCode, Version};
use http_body_util::{Full, Limited};

/// Refuses such requests. Use with `axum::middleware::from_fn`.
pub async fn layer(request: Request, next: Next) -> Response {
    match fault(request.version(), request.headers()) {
        Some(fault) => fault.into_response(),
        None => next.run(request).await,
    }
}

fn fault(version: Version, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    if version == Version::HTTP_11 && headers.get_all(header::HOST).iter().count() != 1 {
        return Some((StatusCode::BAD_REQUEST, "one host header is needed\n"));
    }
    if !all_are(headers, &header::TRANSFER_ENCODING, "chunked") {
        return Some((StatusCode::NOT_IMPLEMENTED, "the only transfer coding here is chunked\n"));
    }
    if !all_are(headers, &header::CONTENT_ENCODING, "identity") {
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as it is, without a coding\n"));
    }
    None
}

fn all_are(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
}

/// A layer (by [`from_fn_with_state`](axum::middleware::from_fn_with_state)) with the most bytes of a body. Of a request that
/// says that its body is longer, reading the body fails at once: whoever reads it refuses in the words of his dialect,
/// and its sender keeps it.
pub async fn refuse_long_bodies(State(bytes_max): State<usize>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let is_long =
        length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > bytes_max);
    if !is_long {
        return next.run(request).await;
    }
    let too_long = Limited::new(Full::from("too long"), 0);
    next.run(request.map(|_| axum::body::Body::new(too_long))).await
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(lines: &[(HeaderName, &'static str)], status: Option<u16>) {
        let lines = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        lines.for_each(|(name, value)| {
            headers.append(name, value);
        });
        assert_eq!(
            fault(Version::HTTP_11, &headers).map(|(status, _)| status.as_u16()),
            status,
            "{headers:?}"
        );
    }

    #[test]
    fn heads_of_two_minds_and_unknown_codings_are_refused() {
        let host = (header::HOST, "a");
        check(std::slice::from_ref(&host), None);
        check(&[], Some(400));
        check(&[host.clone(), host.clone()], Some(400));
        check(&[host.clone(), (header::TRANSFER_ENCODING, "Chunked")], None);
        check(&[host.clone(), (header::TRANSFER_ENCODING, "gzip, chunked")], Some(501));
        check(
            &[host.clone(), (header::TRANSFER_ENCODING, "gzip"), (header::TRANSFER_ENCODING, "chunked")],
            Some(501),
        );
        check(&[host.clone(), (header::CONTENT_ENCODING, "identity")], None);
        check(&[host, (header::CONTENT_ENCODING, "gzip")], Some(415));
        assert_eq!(fault(Version::HTTP_10, &HeaderMap::new()), None);
    }
}
