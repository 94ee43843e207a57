//! Which pages may call, and open a socket. A browser sends the page's origin and scripts cannot forge it; cookies would
//! otherwise let any page act as its visitor.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

/// The rule for the `Origin` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginPolicy {
    /// Every origin and none: right where a token in the first message proves the user.
    #[default]
    Any,
    /// Exactly these.
    Listed {
        /// Origins as browsers write them.
        origins: HashSet<String>,
        /// Whether a request without the header, which no browser sends, may pass.
        missing_is_fine: bool,
    },
}

/// An entry of the list is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin like https://chat.example.org or http://localhost:8080")]
pub struct BadOrigin(pub String);

impl OriginPolicy {
    /// A list of origins. Case and default ports are put into the form that browsers send.
    ///
    /// # Errors
    /// If an entry is not `scheme://host` or `scheme://host:port`.
    pub fn listed<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        missing_is_fine: bool,
    ) -> Result<Self, BadOrigin> {
        let origins = origins
            .into_iter()
            .map(|origin| canonical(origin).ok_or_else(|| BadOrigin(origin.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Self::Listed { origins, missing_is_fine })
    }

    /// Whether a request with this `Origin` header may pass. The comparison is of whole strings: nothing is parsed, so
    /// nothing can be parsed differently from the browser.
    #[must_use]
    pub fn allows(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) => true,
            (Self::Listed { missing_is_fine, .. }, None) => *missing_is_fine,
            (Self::Listed { origins, .. }, Some(origin)) => origins.contains(origin),
        }
    }

    /// Whether a request with these `Origin` headers may pass. A browser sends one at most.
    pub fn admits<'a>(&self, origins: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
        let mut origins = origins.into_iter();
        match (self, origins.next(), origins.next()) {
            (Self::Any, ..) => true,
            (_, None, _) => self.allows(None),
            (_, Some(origin), None) => origin.to_str().is_ok_and(|origin| self.allows(Some(origin))),
            (_, Some(_), Some(_)) => false,
        }
    }
}

/// A layer (by [`from_fn_with_state`](axum::middleware::from_fn_with_state)) that refuses pages of origins that may not call,
/// whatever they ask for: their calls, their sockets, and their browsers' question whether they may.
pub async fn only_pages_of(
    State(policy): State<Arc<OriginPolicy>>,
    request: Request,
    next: Next,
) -> Response {
    if policy.admits(request.headers().get_all(header::ORIGIN)) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "this origin may not call\n").into_response()
}

fn canonical(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    let (scheme, authority) = origin.split_once("://")?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    is_host(authority).then(|| format!("{scheme}://{authority}"))
}

/// Whether it looks like a host, perhaps with a port: nothing in it could end it where it is put into an address.
#[must_use]
pub fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// How the question of a browser is answered, whether a page of another origin may call.
#[derive(Clone, Copy, Debug)]
pub struct Preflight {
    /// The status of the answer.
    pub status: StatusCode,
    /// The methods that may be used.
    pub methods: &'static str,
}

/// A layer (by [`from_fn_with_state`](axum::middleware::from_fn_with_state)) that lets pages of every origin call: right
/// where what counts is a token or a secret, which is in no cookie.
pub async fn open_to_all_pages(State(preflight): State<Preflight>, request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = if is_preflight { preflight.status.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if is_preflight {
        let methods = HeaderValue::from_static(preflight.methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let plain = || HeaderValue::from_static("authorization, content-type");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or_else(plain));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_pass() {
        let policy = OriginPolicy::listed(
            [
                "https://chat.example.org",
                "http://localhost:8080",
                "https://Example.COM:443",
                "http://[::1]:3000",
            ],
            false,
        )
        .unwrap();
        let cases = [
            (Some("https://chat.example.org"), true),
            (Some("http://localhost:8080"), true),
            (Some("https://example.com"), true),
            (Some("http://[::1]:3000"), true),
            (None, false),
            (Some("null"), false),
            (Some(""), false),
            (Some(" "), false),
            (Some("*"), false),
            // Other scheme.
            (Some("http://chat.example.org"), false),
            (Some("wss://chat.example.org"), false),
            (Some("file://chat.example.org"), false),
            (Some("chrome-extension://chat.example.org"), false),
            (Some("https:chat.example.org"), false),
            (Some("//chat.example.org"), false),
            (Some("chat.example.org"), false),
            // Other port.
            (Some("https://chat.example.org:8443"), false),
            (Some("https://chat.example.org:80"), false),
            (Some("https://chat.example.org:443"), false),
            (Some("http://localhost"), false),
            (Some("http://localhost:80801"), false),
            (Some("http://localhost:808"), false),
            // Other host.
            (Some("https://example.org"), false),
            (Some("https://evil.example"), false),
            (Some("https://sub.chat.example.org"), false),
            (Some("https://chat.example.org.evil.example"), false),
            (Some("https://chat.example.orgevil"), false),
            (Some("https://evilchat.example.org"), false),
            (Some("https://chat-example.org"), false),
            (Some("https://chatXexample.org"), false),
            (Some("https://chat.example.org."), false),
            (Some("https://chat.example.or"), false),
            (Some("http://127.0.0.1:8080"), false),
            (Some("http://localhost.:8080"), false),
            // Things that some parsers read as the listed host.
            (Some("https://chat.example.org@evil.example"), false),
            (Some("https://evil.example/https://chat.example.org"), false),
            (Some("https://evil.example#https://chat.example.org"), false),
            (Some("https://chat.example.org/"), false),
            (Some("https://chat.example.org\\.evil.example"), false),
            (Some("https://chat.example.org%00.evil.example"), false),
            (Some("https://chat.example.org https://evil.example"), false),
            (Some("https://evil.example, https://chat.example.org"), false),
            (Some("https://chаt.example.org"), false),
            (Some("HTTPS://CHAT.EXAMPLE.ORG"), false),
        ];
        assert!(cases.len() >= 40);
        for (origin, passes) in cases {
            assert_eq!(policy.allows(origin), passes, "{origin:?}");
        }
    }

    #[test]
    fn a_missing_origin_is_a_choice() {
        let policy = OriginPolicy::listed(["https://a.example"], true).unwrap();
        assert!(policy.allows(None));
        assert!(!policy.allows(Some("null")));
        assert!(OriginPolicy::Any.allows(None));
        assert!(OriginPolicy::Any.allows(Some("https://anything.example")));
    }

    #[test]
    fn entries_that_are_no_origins_are_refused() {
        for bad in [
            "",
            "*",
            "null",
            "chat.example.org",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://*.a",
            "https://a@b",
        ] {
            assert_eq!(OriginPolicy::listed([bad], false), Err(BadOrigin(bad.to_owned())));
        }
    }
}
