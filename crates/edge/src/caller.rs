//! What a handler may ask about whoever calls: the address, and where this server was found. Both are as far as trusted
//! proxies tell ([`proxy`](crate::proxy)), else as the connection and the request's head say.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;

use crate::listener::Peer;
use crate::proxy::Client;

/// The address of whoever calls; `None` if the request came over no network.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub Option<IpAddr>);

impl Address {
    /// The address behind this request.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        let client = parts.extensions.get::<Client>().map(|client| client.address);
        Self(client.or_else(|| parts.extensions.get::<Peer>().map(|peer| peer.addr.ip())))
    }
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Where the caller has found this server.
#[derive(Clone, Debug)]
pub struct FoundAt {
    /// Whether it came with https.
    pub is_https: bool,
    /// The host it asked for, with the port if it gave one. Nobody has looked at it.
    pub host: Option<String>,
}

impl FoundAt {
    /// `http(s)://host`; of a host that is not known, `localhost`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.host.as_deref().unwrap_or("localhost"))
    }
}

impl<S: Sync> FromRequestParts<S> for FoundAt {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let client = parts.extensions.get::<Client>();
        let is_https = client.is_some_and(|client| client.is_https)
            || parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_tls);
        let named = || parts.headers.get(header::HOST)?.to_str().ok().map(str::to_owned);
        Ok(Self { is_https, host: client.and_then(|client| client.host.clone()).or_else(named) })
    }
}
