//! Whether what is set fits together, and is safe.

use std::collections::HashSet;
use std::time::Duration;

use sidetalk_core::model::{ProjectId, SignalType};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::proxy::Cidr;
use uuid::Uuid;

use super::sections::ProjectKeyEntry;
use super::setting::Durable;
use super::{Config, Problem};
use crate::{jwks, telemetry};

/// The least characters of a project's secret: 256 bits of HMAC key want 32 bytes.
const SECRET_CHARS_MIN: usize = 32;

/// An empty store has a fifth of it.
const STORE_BYTES_MIN: u64 = 1 << 20;

/// More would only wait for each other.
const READERS_MAX: usize = 64;

/// No machine has more cores.
const THREADS_MAX: usize = 1_024;

impl Config {
    /// What must be changed before a server may run with this.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Checking(Vec::new());
        self.check_listeners(&mut problems);
        self.check_times(&mut problems);
        self.check_sizes(&mut problems);
        self.check_projects(&mut problems);
        self.check_openvidu(&mut problems);
        self.check_opentalk(&mut problems);
        self.check_opentok(&mut problems);
        if let Err(right) = telemetry::filter(&self.log.level) {
            problems.add("log.level", right);
        }
        problems.0
    }

    fn check_listeners(&self, problems: &mut Checking) {
        let http = &self.http;
        if http.tls_certificate_file.is_some() != http.tls_key_file.is_some() {
            problems.add("http", "tls_certificate_file and tls_key_file belong together: set both or none");
        }
        let is_open = !http.listen.ip().is_loopback();
        if is_open && http.tls_certificate_file.is_none() && !http.behind_proxy {
            let what = format!(
                "would carry tokens and messages in the clear on {}; set tls_certificate_file and tls_key_file, or \
                 behind_proxy = true if a proxy adds TLS",
                http.listen
            );
            problems.add("http.listen", what);
        }
        if http.listen == self.admin.listen && http.listen.port() != 0 {
            problems.add("admin.listen", "must differ from http.listen: metrics are not for the public");
        }
        for block in &http.trusted_proxies {
            if block.0.parse().is_ok_and(|block: Cidr| block.holds_the_public()) {
                problems.add(
                    "http.trusted_proxies",
                    format!("{} trusts everybody's word about addresses", block.0),
                );
            }
        }
        if !http.base_path.starts_with('/') {
            problems.add("http.base_path", "must begin with a slash, like \"/chat\"");
        } else if !http.base_path.trim_matches('/').is_empty()
            && !is_plain_path(http.base_path.trim_end_matches('/'))
        {
            problems.add("http.base_path", "must be a path like \"/chat\" of letters, digits and -._~");
        }
        for origin in &http.allowed_origins {
            if let Err(bad) = OriginPolicy::listed([origin.as_str()], true) {
                problems.add("http.allowed_origins", bad.to_string());
            }
        }
        for origin in &http.frame_ancestors {
            // Browsers take a star in the place of a name's first part, too.
            let one = origin.replacen("://*.", "://", 1);
            if origin != "*" && OriginPolicy::listed([one.as_str()], true).is_err() {
                problems.add(
                    "http.frame_ancestors",
                    format!("{origin:?} is not an origin like \"https://app.example.org\", or \"*\""),
                );
            }
        }
        if http.public_url.as_ref().is_some_and(|url| !is_place(url)) {
            problems.add("http.public_url", "must be an address like \"https://chat.example.org/chat\"");
        }
    }

    fn check_times(&self, problems: &mut Checking) {
        let (http, socket, shutdown) = (&self.http, &self.socket, &self.shutdown);
        for (key, time) in [
            ("http.first_byte_timeout", http.first_byte_timeout),
            ("http.header_timeout", http.header_timeout),
            ("http.body_timeout", http.body_timeout),
            ("http.keep_alive_idle", http.keep_alive_idle),
            ("http.write_timeout", http.write_timeout),
            ("socket.stall_timeout", socket.stall_timeout),
            ("socket.ping_interval", socket.ping_interval),
            ("socket.pong_timeout", socket.pong_timeout),
            ("socket.login_timeout", socket.login_timeout),
            ("shutdown.timeout", shutdown.timeout),
            ("store.purge_interval", self.store.purge_interval),
            ("openvidu.unused_session_kept", self.openvidu.unused_session_kept),
        ] {
            if time < Duration::from_millis(10) {
                problems.add(key, "must be at least \"10ms\"");
            }
        }
        if self.limits.dedup_window < Duration::from_secs(60) {
            problems
                .add("limits.dedup_window", "must be at least \"1m\", or what is sent again is there twice");
        }
        if socket.pong_timeout >= socket.ping_interval {
            problems.add("socket.pong_timeout", "must be below socket.ping_interval");
        }
        if shutdown.accept_delay >= shutdown.timeout {
            problems.add("shutdown.accept_delay", "must be below shutdown.timeout");
        }
    }

    fn check_sizes(&self, problems: &mut Checking) {
        let (socket, limits) = (&self.socket, &self.limits);
        for (key, size) in [("limits.text_max", limits.text_max), ("limits.signal_max", limits.signal_max)] {
            if size >= socket.message_max {
                problems.add(key, "must be below socket.message_max, or it cannot be sent");
            }
        }
        if socket.outbox_max < socket.message_max {
            problems.add(
                "socket.outbox_max",
                "must be at least socket.message_max, or clients are too slow at once",
            );
        }
        if self.http.head_max.0 < 8 * 1024 {
            problems.add("http.head_max", "must be at least \"8KiB\"");
        }
        if limits.text_max >= self.http.body_max {
            problems.add("http.body_max", "must be above limits.text_max");
        }
        if (1..STORE_BYTES_MIN).contains(&self.store.size_max.0) {
            problems.add("store.size_max", "must be at least \"1MiB\", or \"0B\" for as the disk allows");
        }
        for (key, count, max) in [
            ("store.readers", self.store.readers, READERS_MAX),
            ("runtime.worker_threads", self.runtime.worker_threads, THREADS_MAX),
        ] {
            if count > max {
                problems.add(key, format!("must be at most {max}"));
            }
        }
        for (key, count) in [
            ("http.connections_max", self.http.connections_max),
            ("http.connections_per_address_max", self.http.connections_per_address_max),
            ("limits.parts_max", limits.parts_max),
            ("limits.page_max", limits.page_max),
            ("limits.room_connections_max", limits.room_connections_max),
            ("limits.room_members_max", limits.room_members_max),
        ] {
            if count == 0 {
                problems.add(key, "must be at least 1");
            }
        }
    }

    fn check_projects(&self, problems: &mut Checking) {
        let mut keys = HashSet::new();
        for project in &self.projects {
            let at = format!("project {}", project.key);
            if !keys.insert(project.key) {
                problems.add(&at, "is there twice: give each a key of its own");
            }
            if ProjectId::new(project.key).is_err() {
                problems.add("project", format!("key {} is not a number from 1 to 2147483647", project.key));
            }
            match &project.secret {
                None => problems.add(&at, "has no secret: set secret_file or secret"),
                Some(secret) if secret.reveal().len() < SECRET_CHARS_MIN => {
                    problems.add(
                        &at,
                        format!("has a secret below {SECRET_CHARS_MIN} characters: `openssl rand -hex 32`"),
                    );
                }
                Some(_) => {}
            }
        }
        for key in &self.project_keys {
            let at = format!("project_key {}", key.issuer);
            if ProjectId::new(key.project).is_err() {
                problems.add(&at, "has no project: set the project's key");
            }
            if key.issuer.is_empty() {
                problems.add("project_key", "has no issuer");
            }
            let sources = [key.public_key_file.is_some(), key.jwks_file.is_some(), key.jwks_url.is_some()];
            if sources.into_iter().filter(|is_set| *is_set).count() != 1 {
                problems.add(&at, "takes exactly one of public_key_file, jwks_file and jwks_url");
            }
            if key.jwks_url.as_ref().is_some_and(|url| !is_safe_url(url)) {
                problems.add(&at, "jwks_url must begin with https:// (http:// only to a loopback address)");
            }
            if key.refresh < Duration::from_secs(10) {
                problems.add(&at, "refresh must be at least \"10s\"");
            }
        }
    }

    fn check_openvidu(&self, problems: &mut Checking) {
        let section = &self.openvidu;
        if section.enabled
            && let Err(bad) = SignalType::new(&section.chat_type)
        {
            problems.add("openvidu.chat_type", bad.to_string());
        }
    }

    fn check_opentalk(&self, problems: &mut Checking) {
        let section = &self.opentalk;
        if section.livekit_url.is_some() != section.livekit_token.is_some() {
            problems.add("opentalk", "livekit_url and livekit_token belong together: set both or none");
        }
        if !section.enabled {
            return;
        }
        let project = ProjectId::new(section.project);
        if project.is_err() {
            problems.add("opentalk.project", "must be the key of a project: its rooms are served");
        }
        let is_trusted = |key: &ProjectKeyEntry| {
            key.issuer == section.oidc_url && (key.project == section.project || project.is_err())
        };
        if section.oidc_url.is_empty() {
            problems.add("opentalk.oidc_url", "must be the `iss` of your tokens, or nobody can log in");
        } else if !self.project_keys.iter().any(is_trusted) {
            let what = "has no key, so nobody can log in: add a [[project_key]] with this project and issuer";
            problems.add("opentalk.oidc_url", what);
        }
        let prefix = &section.chunked_prefix;
        if !prefix.is_empty() && !is_plain_path(prefix) {
            problems.add(
                "opentalk.chunked_prefix",
                "must be a path like \"/chunked\" of letters, digits and -._~, or \"\" for none",
            );
        }
    }

    fn check_opentok(&self, problems: &mut Checking) {
        let section = &self.opentok;
        if section.type_max.size() > SignalType::BYTES_MAX {
            problems.add("opentok.type_max", format!("must be at most {}B", SignalType::BYTES_MAX));
        }
        if section.data_max >= self.socket.message_max {
            problems.add("opentok.data_max", "must be below socket.message_max, or it cannot be sent");
        }
        for application in &self.opentok_applications {
            let at = format!("opentok_application {}", application.id);
            if ProjectId::new(application.project).is_err() {
                problems.add(&at, "has no project: set the project's key");
            }
            if Uuid::try_parse(&application.id).is_err() {
                problems.add(&at, "has no id: set the application's UUID");
            }
            if application.public_key_file.is_none() {
                problems.add(&at, "has no public_key_file");
            }
        }
    }

    /// What is allowed but leaves the operator with a risk.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.http.behind_proxy && self.http.trusted_proxies.is_empty() {
            warnings.push(
                "http.behind_proxy is set but http.trusted_proxies is empty: limits per address count the proxy".to_owned(),
            );
        }
        if self.store.durability == Durable::Normal {
            warnings
                .push("store.durability is \"normal\": a power loss may take the last messages".to_owned());
        }
        for key in &self.project_keys {
            // It is tried again, as it may be on its way.
            if let Some(Err(error)) = key.jwks_file.as_deref().map(jwks::read_file) {
                warnings.push(format!(
                    "project_key {}: {error:#}; until it can be read it has no keys",
                    key.issuer
                ));
            }
        }
        if !self.admin.listen.ip().is_loopback() {
            warnings.push(format!("admin.listen {} shows metrics to whoever reaches it", self.admin.listen));
        }
        warnings
    }
}

struct Checking(Vec<Problem>);

impl Checking {
    fn add(&mut self, at: &str, what: impl Into<String>) {
        self.0.push(Problem { at: at.to_owned(), what: what.into() });
    }
}

/// Whether it names the same place for everybody: nothing in it is a pattern, and no part is empty.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    path.strip_prefix('/')
        .is_some_and(|path| path.split('/').all(|part| !part.is_empty() && part.bytes().all(is_plain)))
}

/// Whether it is the address of a place: with a host, without a query.
fn is_place(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
}

fn is_safe_url(url: &str) -> bool {
    let loopback = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    url.starts_with("https://") || loopback.iter().any(|start| url.starts_with(start))
}
