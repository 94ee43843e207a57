//! The path below which a proxy shows us, and the service that every request passes before it is routed.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Request, StatusCode, header};
use tower::Service;

use crate::connection::Peer;
use crate::proxy::TrustedProxies;

/// The path below which a proxy shows us, such as `/chat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// `""`, `"/"`, `"chat"`, `"/chat"` and `"/chat/"` are all fine.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let path = path.trim_matches('/');
        Self(if path.is_empty() { String::new() } else { format!("/{path}") })
    }

    /// The path with a slash in front and none behind; empty at the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with the slash that relative links on the page need, if all of it is the base.
    fn completed(&self, uri: &Uri) -> Option<HeaderValue> {
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        (uri.path() == self.as_str())
            .then(|| HeaderValue::try_from(format!("{}/{query}", self.as_str())).ok())
            .flatten()
    }

    /// The address without the base; `None` if it is not below it.
    #[must_use]
    pub fn strip(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path().strip_prefix(self.as_str())?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let path = if rest.is_empty() { "/" } else { rest };
        let path_and_query = match uri.query() {
            Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok()?,
            None => PathAndQuery::try_from(path).ok()?,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).ok()
    }
}

/// A service below a base path, which learns the
/// [`Client`](crate::proxy::Client). Goes around the router: inside it, the route would already
/// be chosen.
#[derive(Clone, Debug)]
pub struct WithClient<S> {
    inner: S,
    proxies: Arc<TrustedProxies>,
    base_path: BasePath,
}

impl<S> WithClient<S> {
    /// Wraps a router.
    pub fn new(inner: S, proxies: Arc<TrustedProxies>, base_path: BasePath) -> Self {
        Self { inner, proxies, base_path }
    }
}

impl<S> Service<Request<Body>> for WithClient<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(peer) = request.extensions().get::<Peer>() {
            let client = self.proxies.client(peer.addr.ip(), peer.is_tls, request.headers());
            request.extensions_mut().insert(client);
        }
        if !self.base_path.as_str().is_empty() {
            if let Some(address) = self.base_path.completed(request.uri()) {
                let answer = (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, address)]);
                return Box::pin(ready(Ok(answer.into_response())));
            }
            let Some(uri) = self.base_path.strip(request.uri()) else {
                return Box::pin(ready(Ok(StatusCode::NOT_FOUND.into_response())));
            };
            *request.uri_mut() = uri;
        }
        Box::pin(self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_taken_off_at_a_slash_only() {
        let base = BasePath::new("chat/");
        let strip = |uri: &str| base.strip(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(strip("/chat/api/v1?a=/chat/b").as_deref(), Some("/api/v1?a=/chat/b"));
        assert_eq!(strip("/chat").as_deref(), Some("/"));
        assert_eq!(strip("/chat/").as_deref(), Some("/"));
        assert_eq!(strip("/chat?x").as_deref(), Some("/?x"));
        assert_eq!(strip("http://host/chat/a").as_deref(), Some("http://host/a"));
        assert_eq!(strip("/chatter/a"), None);
        assert_eq!(strip("/"), None);
        assert_eq!(strip("/api/chat/a"), None);
    }

    #[test]
    fn the_root_is_no_base() {
        for root in ["", "/", "//"] {
            let base = BasePath::new(root);
            assert_eq!(base.as_str(), "");
            assert_eq!(base.strip(&"/a?b".parse().unwrap()).unwrap(), "/a?b");
        }
    }
}
