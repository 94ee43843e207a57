//! The pages and scripts inside the binary, and the headers that they leave with.
//!
//! What is served is the tree `web/dist` as the web build leaves it: `index.html` at `/`, everything else under its own
//! path. A file `x.js.br` or `x.js.gz` beside `x.js` is sent to those who take it. In debug builds the tree is read from
//! the disk, so that a page can be changed without building the server.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Tree;

/// What may be shown.
#[derive(Clone, Debug)]
pub struct Pages {
    /// The value of the page's `content-security-policy`.
    policy: HeaderValue,
    /// Whether `/` is the demo.
    demo: bool,
}

impl Pages {
    /// Pages that may be framed by `frame_ancestors` (origins; empty: by pages of this server).
    pub fn new(frame_ancestors: &[String], demo: bool) -> Self {
        let ancestors =
            if frame_ancestors.is_empty() { "'self'".to_owned() } else { frame_ancestors.join(" ") };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' https: \
             data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        Self {
            policy: HeaderValue::try_from(policy).expect("the configuration was checked to be ASCII"),
            demo,
        }
    }

    /// Answers what no other route of `router` takes.
    pub fn behind(self, router: Router) -> Router {
        let pages = Arc::new(self);
        router.fallback(move |request: Request| serve(State(pages), request))
    }

    fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        if path.is_empty() && !self.demo {
            return plain(
                StatusCode::OK,
                "This is a Sidetalk server. Its API is described at docs, below this address.\n",
            );
        }
        let name = if path.is_empty() { "index.html" } else { path };
        // The demo's page is reached by `/` alone.
        let found = Tree::get(name).filter(|_| path != "index.html");
        let Some(file) = found else { return plain(StatusCode::NOT_FOUND, "There is nothing here.\n") };
        self.file(name, file, headers)
    }

    fn file(&self, name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
        let media_type = media_type(name, &file);
        let (encoding, file) = encoded(name, headers).unwrap_or((None, file));
        let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
        let is_known = has_tag(headers, &tag);
        let body = if is_known { Body::empty() } else { body(file) };
        let mut response = Response::new(body);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let cache = if has_hash(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, media_type);
        out.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits are a valid header"));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        out.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        if let Some(encoding) = encoding {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if !name.ends_with(".html") {
            // Scripts and styles are for other people's pages, which load them from here.
            out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            let policy = HeaderName::from_static("cross-origin-resource-policy");
            out.insert(policy, HeaderValue::from_static("cross-origin"));
        }
        response
    }
}

async fn serve(State(pages): State<Arc<Pages>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::NOT_FOUND, "There is nothing here.\n");
    }
    pages.answer(request.uri().path().trim_start_matches('/'), request.headers())
}

/// Every answer says that it must not be guessed at and must not leak its address.
pub async fn safe_headers(request: Request, next: axum::middleware::Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The file in the form that the client likes best.
fn encoded(name: &str, headers: &HeaderMap) -> Option<(Option<&'static str>, EmbeddedFile)> {
    let mut codings = [("br", "br"), ("gzip", "gz")]
        .map(|(coding, extension)| (weight(headers, coding), coding, extension));
    // The first is the smallest, and stays before others that are as welcome.
    codings.sort_by_key(|(weight, ..)| Reverse(*weight));
    codings
        .into_iter()
        .filter(|(weight, ..)| *weight > 0)
        .find_map(|(_, coding, extension)| Some((Some(coding), Tree::get(&format!("{name}.{extension}"))?)))
}

/// How welcome a content coding is, in thousandths.
fn weight(headers: &HeaderMap, coding: &str) -> u32 {
    let weights = entries(headers, &header::ACCEPT_ENCODING).filter_map(|entry| {
        let (word, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let weight =
            parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim().strip_prefix('='));
        let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok());
        // What is no number is no welcome.
        word.trim().eq_ignore_ascii_case(coding).then(|| (weight.unwrap_or(0.0) * 1_000.0) as u32)
    });
    weights.max().unwrap_or(0)
}

/// Whether the client has the file with that tag already.
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    entries(headers, &header::IF_NONE_MATCH)
        .any(|entry| entry == "*" || entry.trim_start_matches("W/") == tag)
}

/// The entries of a list in a header.
fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// `chat-4F6ZQ2XA.js`: the build put a hash of the content into the name.
fn has_hash(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or_default();
    let hash = stem.rsplit('-').next().filter(|hash| hash.len() < stem.len()).unwrap_or_default();
    let has_digit = hash.bytes().any(|byte| byte.is_ascii_digit());
    let is_base32 = hash.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let is_hex = hash.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    hash.len() >= 8 && (is_base32 || (is_hex && has_digit))
}

fn media_type(name: &str, file: &EmbeddedFile) -> HeaderValue {
    let guess = file.metadata.mimetype();
    let is_text = guess.starts_with("text/") || name.ends_with(".js") || name.ends_with(".json");
    let full = if is_text { format!("{guess}; charset=utf-8") } else { guess.to_owned() };
    HeaderValue::try_from(full).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn body(file: EmbeddedFile) -> Body {
    match file.data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_page_is_found_and_known_again() {
        let pages = Pages::new(&["https://app.example.org".to_owned()], true);
        let response = pages.answer("", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
        assert!(policy.ends_with("frame-ancestors https://app.example.org"), "{policy}");
        let tag = response.headers()[header::ETAG].clone();
        let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        assert_eq!(pages.answer("", &again).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn there_is_no_way_out_of_the_tree_and_no_demo_without_being_asked() {
        let pages = Pages::new(&[], false);
        for path in
            ["../Cargo.toml", "/etc/passwd", "..%2fCargo.toml", "assets/../../Cargo.toml", "index.html"]
        {
            assert_eq!(pages.answer(path, &HeaderMap::new()).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(!pages.answer("", &HeaderMap::new()).headers().contains_key(header::ETAG));
    }

    #[test]
    fn hashed_names_are_recognised() {
        for name in ["assets/chat-4F6ZQ2XA.js", "assets/ar-VIQBKBIJ.js", "assets/favicon-71fad1d1.svg"] {
            assert!(has_hash(name), "{name}");
        }
        for name in ["widget.js", "assets/some-module.js", "a-12345678/b.js", "12345678.js"] {
            assert!(!has_hash(name), "{name}");
        }
    }

    #[test]
    fn encodings_are_read_with_their_weights() {
        for (accepted, br, gzip) in [
            ("gzip;q=0, br;q=0.8", 800, 0),
            ("br;q=0.00", 0, 0),
            ("BR, GZip ; Q=0.5", 1_000, 500),
            ("br;q=0.1, gzip;q=1", 100, 1_000),
            ("br;q=much", 0, 0),
            ("", 0, 0),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, accepted);
            assert_eq!((weight(&headers, "br"), weight(&headers, "gzip")), (br, gzip), "{accepted}");
        }
    }

    #[test]
    fn tags_are_known_again() {
        for (known, is_known) in [("*", true), ("\"a\", W/\"b\"", true), ("\"a\"", false), ("b", false)] {
            assert_eq!(has_tag(&headers(header::IF_NONE_MATCH, known), "\"b\""), is_known, "{known}");
        }
    }
}
