//! What an operator may choose about this dialect.

use std::time::Duration;

use sidetalk_edge::rate::Rule;

use crate::application::Application;

/// Settings and limits of this dialect.
#[derive(Clone, Debug)]
pub struct OpenTokSettings {
    /// The longest data of a signal in bytes of UTF-8. Default 8,192, as the original.
    pub data_bytes_max: usize,
    /// The longest type of a signal in bytes. Default 128, as the original.
    pub type_bytes_max: usize,
    /// Whether the role `subscriber` may send signals: the vendor's documents differ. Default yes.
    pub subscribers_may_signal: bool,
    /// How many of the newest messages somebody who joins gets as signals. Default 0: none, as the original.
    pub replay_history: usize,
    /// Signals of a chat type of one person. Pages speak the native dialect, which counts; here it is only told to them,
    /// like the next two, so that they send no quicker. Default 20/s, burst 100.
    pub sends_per_user: Option<Rule>,
    /// Other signals of one person. Default 40/s, burst 200.
    pub signals_per_user: Option<Rule>,
    /// Requests of one socket of the native dialect. Default 50/s, burst 300.
    pub requests_per_connection: Option<Rule>,
    /// Wrong signatures from one address. Default 20 a minute.
    pub auth_failures_per_address: Option<Rule>,
    /// How many addresses are remembered for that.
    pub keys_max: usize,
    /// The applications that the configuration attaches.
    pub applications: Vec<Application>,
}

impl Default for OpenTokSettings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            data_bytes_max: 8_192,
            type_bytes_max: 128,
            subscribers_may_signal: true,
            replay_history: 0,
            sends_per_user: Some(Rule::per_second("sends_per_user", 20, 100)),
            signals_per_user: Some(Rule::per_second("signals_per_user", 40, 200)),
            requests_per_connection: Some(Rule::per_second("requests_per_connection", 50, 300)),
            auth_failures_per_address: Some(Rule::per("auth_failures_per_address", 20, minute, 20)),
            keys_max: 100_000,
            applications: Vec::new(),
        }
    }
}
