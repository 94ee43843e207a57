//! The way from an HTTP request to a WebSocket (RFC 6455, section 4.2), as an axum extractor.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};

use crate::connection::HttpIo;
use crate::origin::OriginPolicy;
use crate::outbox::Outbox;
use crate::socket::{Session, Sockets};

/// Appended to the client's key before hashing; fixed by RFC 6455.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that asks for a WebSocket in the right form. Extract it, check what the face wants checked, then
/// [`open`](Self::open).
#[derive(Debug)]
pub struct Upgrade {
    key: HeaderValue,
    offered: Vec<String>,
    origins: Vec<HeaderValue>,
    chosen: Option<HeaderValue>,
    on_upgrade: OnUpgrade,
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeRefusal {
    /// Another method than GET, or another version than HTTP/1.1.
    #[error("a WebSocket begins with GET over HTTP/1.1")]
    Method,
    /// `Connection: upgrade` and `Upgrade: websocket` are missing.
    #[error("this address speaks WebSocket: the upgrade headers are missing")]
    NotUpgrade,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("the WebSocket version must be 13")]
    Version,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    #[error("the WebSocket key is not valid")]
    Key,
    /// The page's origin is not on the list.
    #[error("this origin may not connect")]
    Origin,
    /// The connection below cannot be upgraded.
    #[error("this connection cannot be upgraded")]
    Transport,
}

impl IntoResponse for UpgradeRefusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key => StatusCode::BAD_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Transport => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = (status, self.to_string()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::NotUpgrade | Self::Version => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = UpgradeRefusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, UpgradeRefusal> {
        if parts.method != Method::GET || parts.version != Version::HTTP_11 {
            return Err(UpgradeRefusal::Method);
        }
        let headers = &parts.headers;
        if !has_token(headers, &header::CONNECTION, "upgrade")
            || !has_token(headers, &header::UPGRADE, "websocket")
        {
            return Err(UpgradeRefusal::NotUpgrade);
        }
        if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(UpgradeRefusal::Version);
        }
        let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or(UpgradeRefusal::Key)?.clone();
        if STANDARD.decode(key.as_bytes()).map(|key| key.len()) != Ok(16) {
            return Err(UpgradeRefusal::Key);
        }
        Ok(Self {
            key,
            offered: tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect(),
            origins: headers.get_all(header::ORIGIN).iter().cloned().collect(),
            chosen: None,
            on_upgrade: parts.extensions.remove::<OnUpgrade>().ok_or(UpgradeRefusal::Transport)?,
        })
    }
}

impl Upgrade {
    /// The sub-protocols that the client offers, in its order.
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().map(String::as_str)
    }

    /// Answers with the first offered sub-protocol that is in `supported`; with none if there is no such.
    #[must_use]
    pub fn choose(mut self, supported: &[&str]) -> Self {
        self.chosen = self
            .offered
            .iter()
            .find(|offered| supported.contains(&offered.as_str()))
            .and_then(|offered| HeaderValue::from_str(offered).ok());
        self
    }

    /// The sub-protocol that [`Self::choose`] found.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.chosen.as_ref().and_then(|chosen| chosen.to_str().ok())
    }

    /// Refuses pages of origins that may not connect.
    ///
    /// # Errors
    /// [`UpgradeRefusal::Origin`] if the policy says no, or if there is more than one origin.
    pub fn check_origin(self, policy: &OriginPolicy) -> Result<Self, UpgradeRefusal> {
        if policy.admits(&self.origins) { Ok(self) } else { Err(UpgradeRefusal::Origin) }
    }

    /// Answers 101 and starts the socket when that is out. `make_session` runs then, with the way to the client.
    #[must_use]
    pub fn open<S: Session>(
        self,
        sockets: &Arc<Sockets>,
        make_session: impl FnOnce(Arc<Outbox>) -> S + Send + 'static,
    ) -> Response {
        let sockets = Arc::clone(sockets);
        let on_upgrade = self.on_upgrade;
        // This task only waits for the 101 to be written. The socket's own task is a fresh one, so that what hyper and
        // this future held is freed.
        tokio::spawn(async move {
            let Ok(upgraded) = on_upgrade.await else {
                tracing::debug!("a connection ended during its upgrade");
                return;
            };
            match upgraded.downcast::<TokioIo<HttpIo>>() {
                Ok(parts) => {
                    let (stream, guard) = parts.io.into_inner().into_parts();
                    sockets.open(stream, &parts.read_buf, Some(Box::new(guard)), make_session);
                }
                Err(_) => tracing::error!("a WebSocket came in through a foreign listener"),
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept(self.key.as_bytes()));
        if let Some(chosen) = self.chosen {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        response
    }
}

fn accept(key: &[u8]) -> HeaderValue {
    let hash = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize();
    HeaderValue::try_from(STANDARD.encode(hash)).expect("base64 is a valid header")
}

/// The value of a header that must be there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request.into_parts().0
    }

    async fn refusal(method: Method, headers: &[(&'static str, &'static str)]) -> UpgradeRefusal {
        let mut parts = parts(headers);
        parts.method = method;
        Upgrade::from_request_parts(&mut parts, &()).await.unwrap_err()
    }

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn each_missing_part_has_its_answer() {
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let version = ("sec-websocket-version", "13");
        let connection = ("connection", "keep-alive, Upgrade");
        let upgrade = ("upgrade", "WebSocket");
        let all = [key, version, connection, upgrade];
        assert_eq!(refusal(Method::POST, &all).await, UpgradeRefusal::Method);
        assert_eq!(refusal(Method::GET, &[key, version, upgrade]).await, UpgradeRefusal::NotUpgrade);
        assert_eq!(refusal(Method::GET, &[key, version, connection]).await, UpgradeRefusal::NotUpgrade);
        assert_eq!(refusal(Method::GET, &[key, connection, upgrade]).await, UpgradeRefusal::Version);
        assert_eq!(refusal(Method::GET, &[version, connection, upgrade]).await, UpgradeRefusal::Key);
        let short = ("sec-websocket-key", "c2hvcnQ=");
        assert_eq!(refusal(Method::GET, &[short, version, connection, upgrade]).await, UpgradeRefusal::Key);
        assert_eq!(
            refusal(Method::GET, &[key, key, version, connection, upgrade]).await,
            UpgradeRefusal::Key
        );
        // Everything is right, but there is no connection below this request.
        assert_eq!(refusal(Method::GET, &all).await, UpgradeRefusal::Transport);
    }

    #[test]
    fn a_refused_version_names_the_right_one() {
        let response = UpgradeRefusal::Version.into_response();
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_VERSION], "13");
    }
}
