//! What an operator may choose about this dialect.

use std::time::Duration;

use sidetalk_core::model::ProjectId;
use sidetalk_edge::rate::Rule;

const MINUTE: Duration = Duration::from_secs(60);

/// Settings and limits of this dialect.
#[derive(Clone, Debug)]
pub struct OpenTalkSettings {
    /// The project whose rooms are served.
    pub project: ProjectId,
    /// The name of the issuer of tokens, for people.
    pub oidc_name: String,
    /// The issuer's address, as in its tokens' `iss`.
    pub oidc_url: String,
    /// Where clients reach the server; `None`: where each request came to.
    pub public_url: Option<String>,
    /// The path below which the generation with chunked histories is served. Default `/chunked`.
    pub chunked_prefix: String,
    /// Whether messages, the chat's switch, last-seen times, bans and roles go when a room empties, as in the original.
    /// Default false: they are kept.
    pub forget_when_empty: bool,
    /// The longest message in bytes; longer ones are cut at a character. Default 4,096.
    pub message_bytes_max: usize,
    /// How many of the newest messages of a conversation are told. Default 10,000.
    pub history_max: usize,
    /// How long a ticket holds. Default 30 s.
    pub ticket_ttl: Duration,
    /// How long somebody who left may come back as the same participant. Default 120 s.
    pub resumption_ttl: Duration,
    /// What clients are told of the media server: its address and a token. The vendor's web client needs some.
    pub livekit: Option<(String, String)>,
    /// The longest command. Default 1 MiB.
    pub frame_bytes_max: usize,
    /// How many tickets, and how many resumption tokens, may wait. Default 100,000.
    pub tickets_max: usize,
    /// Wrong room passwords from one address. Default 60 per minute.
    pub wrong_passwords_per_address: Option<Rule>,
    /// Wrong passwords of one room, from everywhere. Default 600 per minute: more than one address can spend, so that nobody
    /// alone keeps others out.
    pub wrong_passwords_per_room: Option<Rule>,
    /// Tickets for one address, behind which there may be many people. Default 20 per second, and 1,000 at once.
    pub tickets_per_address: Option<Rule>,
    /// What one socket may ask for; what comes faster waits. A request that reads a conversation counts once for each page of
    /// the store. Default 50 per second, and 300 at once.
    pub requests_per_connection: Option<Rule>,
    /// Messages of one user who does not moderate; what comes faster waits. Default 20 per second, and 100 at once.
    pub sends_per_user: Option<Rule>,
    /// How many addresses, rooms and users, each, these limits remember. Default 100,000.
    pub rate_keys_max: usize,
}

impl OpenTalkSettings {
    /// The defaults for that project.
    #[must_use]
    pub fn new(project: ProjectId) -> Self {
        Self {
            project,
            oidc_name: "default".to_owned(),
            oidc_url: String::new(),
            public_url: None,
            chunked_prefix: "/chunked".to_owned(),
            forget_when_empty: false,
            message_bytes_max: 4_096,
            history_max: 10_000,
            ticket_ttl: Duration::from_secs(30),
            resumption_ttl: Duration::from_secs(120),
            livekit: None,
            frame_bytes_max: 1024 * 1024,
            tickets_max: 100_000,
            wrong_passwords_per_address: Some(Rule::per("wrong_passwords_per_address", 60, MINUTE, 60)),
            wrong_passwords_per_room: Some(Rule::per("wrong_passwords_per_room", 600, MINUTE, 600)),
            tickets_per_address: Some(Rule::per_second("tickets_per_address", 20, 1_000)),
            requests_per_connection: Some(Rule::per_second("requests_per_connection", 50, 300)),
            sends_per_user: Some(Rule::per_second("sends_per_user", 20, 100)),
            rate_keys_max: 100_000,
        }
    }
}
