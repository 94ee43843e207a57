//! What an operator may choose about this dialect.

use std::time::Duration;

use sidetalk_core::model::{SignalData, SignalType};
use sidetalk_edge::rate::Rule;

/// Settings and limits of this dialect.
#[derive(Clone, Debug)]
pub struct OpenViduSettings {
    /// Where clients reach the server, such as `https://chat.example`; `None`: where each REST request came to.
    pub public_url: Option<String>,
    /// How long a client whose socket broke may take to come back. Default 10 s, as the original.
    pub grace: Duration,
    /// The same after the close code 1001: the page is gone, and with it all that could come back. Default 2 s.
    pub closed_page_grace: Duration,
    /// How many of the newest messages somebody who joins gets as signals. Default 0: none, as the original.
    pub replay_history: usize,
    /// The type under which messages of other dialects come while nobody has used one. Default `chat`.
    pub chat_type: SignalType,
    /// The longest data of a signal in characters. Default 65,536.
    pub signal_chars_max: usize,
    /// The longest frame that a client may send. Default 512 KiB: text is escaped twice on this wire.
    pub frame_bytes_max: usize,
    /// What may wait for a client that is away. Default 1 MiB.
    pub held_bytes_max: usize,
    /// How many sockets of one address may be open without having joined. Every second the oldest above it are closed. Default 256.
    pub unjoined_per_address_max: usize,
    /// When a session that nobody has joined is forgotten. Default 1 h, as the original.
    pub unused_session_kept: Duration,
    /// What one socket may ask for. Default 200/s, 1,000 at once: the original has no limit.
    pub requests_per_connection: Option<Rule>,
    /// Wrong secrets from one address. Default 20 a minute.
    pub auth_failures_per_address: Option<Rule>,
    /// How many addresses are remembered for that.
    pub keys_max: usize,
}

impl OpenViduSettings {
    /// What the longest data may take in UTF-8.
    pub(crate) fn signal_bytes_max(&self) -> usize {
        self.signal_chars_max.saturating_mul(4)
    }

    /// Whether data is short enough.
    pub(crate) fn allows(&self, data: &SignalData) -> bool {
        let (SignalData::Text(text) | SignalData::Json(text)) = data;
        let max = self.signal_chars_max;
        // Hardly any data is long enough to be counted.
        text.len() <= max || text.chars().nth(max).is_none()
    }
}

impl Default for OpenViduSettings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            public_url: None,
            grace: Duration::from_secs(10),
            closed_page_grace: Duration::from_secs(2),
            replay_history: 0,
            chat_type: SignalType::new("chat").expect("a valid type"),
            signal_chars_max: 64 * 1024,
            frame_bytes_max: 512 * 1024,
            held_bytes_max: 1024 * 1024,
            unjoined_per_address_max: 256,
            unused_session_kept: Duration::from_secs(60 * 60),
            requests_per_connection: Some(Rule::per_second("requests_per_connection", 200, 1_000)),
            auth_failures_per_address: Some(Rule::per("auth_failures_per_address", 20, minute, 20)),
            keys_max: 100_000,
        }
    }
}
