//! Reading `Authorization` and comparing secrets. What a credential means is the face's business.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap};
use subtle::ConstantTimeEq as _;

/// The longest header value that is looked at.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Whether two secrets are the same. The time depends on the lengths only.
#[must_use]
pub fn is_same_secret(given: impl AsRef<[u8]>, known: impl AsRef<[u8]>) -> bool {
    given.as_ref().ct_eq(known.as_ref()).into()
}

/// What a request brings to prove who it is. Secrets do not show in its debug form.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP Basic: a key or user name and a secret.
    Basic {
        /// Before the first colon.
        user: String,
        /// After it.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Self::Bearer(_) => f.debug_struct("Bearer").finish_non_exhaustive(),
        }
    }
}

/// The header is there but cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// More than one `Authorization` header: two readers could choose differently.
    #[error("there is more than one authorization header")]
    Repeated,
    /// Over [`HEADER_BYTES_MAX`].
    #[error("the authorization header is too long")]
    TooLong,
    /// Neither Basic nor Bearer.
    #[error("the authorization scheme must be Basic or Bearer")]
    Scheme,
    /// The scheme is right, the rest is not.
    #[error("the authorization header is not well formed")]
    Malformed,
}

/// The credentials of a request; `Ok(None)` if it brings none.
///
/// # Errors
/// [`BadCredentials`] if it brings something that cannot be read.
pub fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, BadCredentials> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadCredentials::Repeated);
    }
    if value.len() > HEADER_BYTES_MAX {
        return Err(BadCredentials::TooLong);
    }
    let value = value.to_str().map_err(|_| BadCredentials::Malformed)?;
    let (scheme, rest) = value.split_once(' ').ok_or(BadCredentials::Scheme)?;
    let rest = rest.trim();
    match scheme {
        scheme if scheme.eq_ignore_ascii_case("basic") => basic(rest).map(Some),
        scheme if scheme.eq_ignore_ascii_case("bearer") => bearer(rest).map(Some),
        _ => Err(BadCredentials::Scheme),
    }
}

fn basic(encoded: &str) -> Result<Credentials, BadCredentials> {
    let decoded = STANDARD.decode(encoded).map_err(|_| BadCredentials::Malformed)?;
    let decoded = String::from_utf8(decoded).map_err(|_| BadCredentials::Malformed)?;
    let (user, password) = decoded.split_once(':').ok_or(BadCredentials::Malformed)?;
    Ok(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
}

fn bearer(token: &str) -> Result<Credentials, BadCredentials> {
    // token68 of RFC 9110.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(BadCredentials::Malformed);
    }
    Ok(Credentials::Bearer(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &str) -> Result<Option<Credentials>, BadCredentials> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        credentials(&headers)
    }

    #[test]
    fn both_schemes_are_read_in_any_case() {
        let basic = |user: &str, password: &str| {
            Ok(Some(Credentials::Basic { user: user.to_owned(), password: password.to_owned() }))
        };
        assert_eq!(read("Basic a2V5OnNlY3JldDp4"), basic("key", "secret:x"));
        assert_eq!(read("bAsIc Og=="), basic("", ""));
        assert_eq!(read("Bearer a.b-c_d"), Ok(Some(Credentials::Bearer("a.b-c_d".to_owned()))));
        assert_eq!(read("bearer  x "), Ok(Some(Credentials::Bearer("x".to_owned()))));
        assert_eq!(credentials(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn the_rest_is_refused_by_name() {
        assert_eq!(read("Digest x"), Err(BadCredentials::Scheme));
        assert_eq!(read("Bearer"), Err(BadCredentials::Scheme));
        assert_eq!(read("Basic !!"), Err(BadCredentials::Malformed));
        assert_eq!(read("Basic a2V5"), Err(BadCredentials::Malformed));
        assert_eq!(read("Bearer a b"), Err(BadCredentials::Malformed));
        assert_eq!(read(&format!("Bearer {}", "x".repeat(HEADER_BYTES_MAX))), Err(BadCredentials::TooLong));
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(credentials(&headers), Err(BadCredentials::Repeated));
    }

    #[test]
    fn secrets_are_compared_whole_and_not_shown() {
        assert!(is_same_secret("abc", b"abc"));
        assert!(!is_same_secret("abc", "abd"));
        assert!(!is_same_secret("abc", "ab"));
        assert!(!is_same_secret("", "a"));
        let shown = format!("{:?}", Credentials::Bearer("topsecret".to_owned()));
        assert!(!shown.contains("topsecret"));
    }
}
