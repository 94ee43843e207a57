//! Every key with its meaning and its default. `config.example.toml` and `docs/configuration.md` are printed from here.
//!
//! To add a key: 1. a line in its section with a doc comment, 2. use it in `wiring.rs`, 3. `cargo xtask codegen`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sidetalk_core::limits::Limits;
use sidetalk_opentok::OpenTokSettings;
use sidetalk_openvidu::OpenViduSettings;

use super::setting::{Block, Bytes, Durable, Forwarding, KeyAlgorithm, LogFormat, Rate, Secret, Setting};

/// A key, its meaning and its value.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in its section.
    pub name: &'static str,
    /// What it means, line by line.
    pub meaning: &'static [&'static str],
    /// The value in TOML; `None` if it is not set.
    pub value: Option<String>,
}

/// A table of the file.
pub trait Section {
    /// What it is about, line by line.
    fn meaning(&self) -> &'static [&'static str];
    /// Its keys in the order of the file.
    fn keys(&self) -> Vec<Key>;
    /// Sets a key. `None`: there is no such key.
    fn set(&mut self, key: &str, given: &Given<'_>) -> Option<Result<(), String>>;
    /// Lets no rate of this section limit anybody.
    fn switch_rates_off(&mut self);
}

/// A value as it came.
#[derive(Debug)]
pub enum Given<'a> {
    /// From the file.
    Toml(&'a toml::Value),
    /// From the environment or a flag.
    Text(&'a str),
}

impl Given<'_> {
    fn read<T: Setting>(&self) -> Result<T, String> {
        match self {
            Self::Toml(value) => T::from_toml(value),
            Self::Text(text) => T::from_text(text),
        }
    }
}

macro_rules! section {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $meaning:literal])* $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[doc = $meaning])* pub $field: $kind,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Section for $name {
            fn meaning(&self) -> &'static [&'static str] {
                &[$($about,)*]
            }

            fn keys(&self) -> Vec<Key> {
                vec![$(Key {
                    name: stringify!($field),
                    meaning: &[$($meaning,)*],
                    value: self.$field.to_toml(),
                },)*]
            }

            fn set(&mut self, key: &str, given: &Given<'_>) -> Option<Result<(), String>> {
                match key {
                    $(stringify!($field) => Some(given.read().map(|value| self.$field = value)),)*
                    _ => None,
                }
            }

            fn switch_rates_off(&mut self) {
                $(if let Some(off) = <$kind as Setting>::no_rate() {
                    self.$field = off;
                })*
            }
        }
    };
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

section! {
    /// The public listener: the API, the socket and the pages.
    Http {
        /// Where it listens. Everything but a loopback address wants TLS here or a proxy in front.
        listen: SocketAddr = loopback(8190),
        /// The path below which a proxy shows the server, such as "/chat".
        base_path: String = "/".to_owned(),
        /// The address under which people reach the server, such as "https://chat.example.org/chat". It stands in
        /// OpenVidu's tokens, in OpenTalk's discovery and in what `sidetalk dev` prints; OpenVidu and OpenTalk
        /// else name the address that a request came to.
        public_url: Option<String> = None,
        /// PEM file with the server's certificate and the intermediate ones. Read again when it changes.
        tls_certificate_file: Option<PathBuf> = None,
        /// PEM file with the certificate's key.
        tls_key_file: Option<PathBuf> = None,
        /// Set to true to listen without TLS on an address that others can reach: a proxy in front adds the TLS.
        behind_proxy: bool = false,
        /// Proxies whose forwarding headers are believed. Empty: the headers are ignored.
        trusted_proxies: Vec<Block> = Vec::new(),
        /// The header that the trusted proxies write: "x-forwarded" (X-Forwarded-For and its companions) or "forwarded".
        forwarding_header: Forwarding = Forwarding::XForwarded,
        /// Origins of pages that may use the API, such as "https://app.example.org". Empty: any page, as a token in
        /// each request, never a cookie, says who the user is.
        allowed_origins: Vec<String> = Vec::new(),
        /// Origins of pages that may show our pages in a frame, or "*". Empty: none but this server's own.
        frame_ancestors: Vec<String> = Vec::new(),
        /// The most connections of this node.
        connections_max: usize = 100_000,
        /// The most connections from one address (IPv6: one /64).
        connections_per_address_max: usize = 1_000,
        /// How long a new connection may be silent, its TLS handshake included.
        first_byte_timeout: Duration = seconds(5),
        /// How long the headers of a request may take.
        header_timeout: Duration = seconds(5),
        /// How long the body of a request may take.
        body_timeout: Duration = seconds(30),
        /// How long a connection may stay without a request.
        keep_alive_idle: Duration = seconds(8),
        /// How long a client may take nothing of an answer.
        write_timeout: Duration = seconds(30),
        /// The longest head of a request.
        head_max: Bytes = Bytes::kib(32),
        /// The longest body of a request.
        body_max: Bytes = Bytes::kib(128),
    }
}

section! {
    /// The operator's listener: /livez, /readyz, /metrics. Keep it from the public.
    Admin {
        /// Where it listens.
        listen: SocketAddr = loopback(8191),
    }
}

section! {
    /// The embedded store.
    Store {
        /// The folder with the database. One server at a time.
        path: PathBuf = PathBuf::from("data"),
        /// What an acknowledged message has survived: "full" the loss of power, "normal" only the end of the process.
        durability: Durable = Durable::Full,
        /// The most that the database may grow to. "0B": as the disk allows.
        size_max: Bytes = Bytes(0),
        /// Threads that read. 0: one per core, from 2 to 8.
        readers: usize = 0,
        /// Memory for pages of the thread that writes.
        write_cache: Bytes = Bytes::mib(32),
        /// Memory for pages of each thread that reads.
        read_cache: Bytes = Bytes::mib(8),
        /// How often messages over their retention are removed.
        purge_interval: Duration = seconds(300),
    }
}

section! {
    /// WebSocket connections.
    Socket {
        /// The longest message from a client, all its frames together.
        message_max: Bytes = Bytes::kib(64),
        /// The most frames of one message from a client.
        fragments_max: u32 = 1_024,
        /// What may wait for one client before it is closed as too slow.
        outbox_max: Bytes = Bytes::mib(1),
        /// How long a client may take nothing at all before it is closed as too slow.
        stall_timeout: Duration = seconds(8),
        /// How long a closing connection may take to say goodbye.
        linger: Duration = seconds(5),
        /// How often each connection is pinged. Below the idle limit of proxies, which is often 60 s.
        ping_interval: Duration = seconds(25),
        /// How long to wait for a sign of life after a ping.
        pong_timeout: Duration = seconds(8),
        /// How long a connection may stay without a valid token.
        login_timeout: Duration = seconds(5),
        /// The most rooms that one connection may be in.
        rooms_max: usize = 200,
        /// How many frames of one connection may be no requests before it is closed.
        malformed_max: u8 = 10,
        /// How many requests of one connection in a row may be over its rate before it is closed.
        limited_max: u8 = 200,
    }
}

section! {
    /// Bounds of rooms and messages.
    Bounds {
        /// The most bytes of text in one message, all its parts together.
        text_max: Bytes = Bytes(Limits::default().text_bytes_max as u64),
        /// The most bytes of a signal's data.
        signal_max: Bytes = Bytes(Limits::default().signal_bytes_max as u64),
        /// The most parts of one message.
        parts_max: usize = Limits::default().parts_max,
        /// The most users or connections that one message or signal is addressed to.
        audience_max: usize = Limits::default().audience_max,
        /// The most users that one message mentions.
        mentions_max: usize = Limits::default().mentions_max,
        /// The most kinds of reaction under one message.
        reaction_kinds_max: usize = Limits::default().reaction_kinds_max,
        /// The most bytes of one reaction.
        reaction_max: Bytes = Bytes(Limits::default().reaction_bytes_max as u64),
        /// The most bytes of a room's title.
        title_max: Bytes = Bytes(Limits::default().title_bytes_max as u64),
        /// The most messages in one page of history.
        page_max: usize = Limits::default().page_max,
        /// The most bytes, about, of messages in one page of history, which then has fewer, and in what a returning client is
        /// sent; one that missed more loads again.
        answer_max: Bytes = Bytes(Limits::default().answer_bytes_max as u64),
        /// The most entries that a returning client is sent; one that missed more loads again.
        replay_max: usize = Limits::default().replay_max,
        /// The most connections in one room.
        room_connections_max: usize = Limits::default().room_connections_max,
        /// The most recorded members of one room.
        room_members_max: usize = Limits::default().room_members_max,
        /// How long a client id is remembered, so that a repeated send is stored once.
        dedup_window: Duration = Limits::default().dedup_window,
        /// The longest slow mode.
        slow_mode_max: Duration = Limits::default().slow_mode_max,
        /// The most tickets that wait to be used.
        tickets_max: usize = 10_000,
        /// The longest life of a token that the REST API mints.
        token_ttl_max: Duration = seconds(30 * 24 * 3600),
    }
}

section! {
    /// How often things may be done: "5/s burst 20" is 5 per second in the long run and 20 at once after a pause; "/m" is per
    /// minute, "off" no limit. Moderators, owners and back ends are exempt from the limits per user and per room.
    Rates {
        /// Requests of one socket, whatever they are.
        requests_per_connection: Rate = Rate::per_second(50, 300),
        /// REST requests of users and strangers from one address.
        requests_per_address: Rate = Rate::per_second(50, 300),
        /// What one user writes into logs (messages, edits, reactions, pins, invitations…) and rooms that the user makes.
        sends_per_user: Rate = Rate::per_second(5, 20),
        /// What is written into the log of one room.
        sends_per_room: Rate = Rate::per_second(200, 400),
        /// Signals and typing of one user.
        signals_per_user: Rate = Rate::per_second(20, 60),
        /// Signals and typing in one room.
        signals_per_room: Rate = Rate::per_second(1_000, 2_000),
        /// Joins of one user.
        joins_per_user: Rate = Rate::per_second(5, 50),
        /// Failed logins from one address.
        auth_failures_per_address: Rate = Rate::per_minute(10, 10),
        /// Users, addresses and rooms, each, that are remembered at a time.
        remembered_max: usize = 100_000,
    }
}

section! {
    /// The OpenVidu 2.x dialect: REST below /openvidu/api, the socket at /openvidu.
    OpenVidu {
        /// Whether it is spoken.
        enabled: bool = true,
        /// How long a client whose connection broke may take to come back before it counts as gone.
        grace: Duration = OpenViduSettings::default().grace,
        /// The same after a page was closed or left, which cannot come back.
        closed_page_grace: Duration = OpenViduSettings::default().closed_page_grace,
        /// How many of the newest messages somebody who joins gets as signals. 0: none, as the original.
        replay_history: usize = OpenViduSettings::default().replay_history,
        /// The signal type under which messages of other dialects come while nobody here has used one.
        chat_type: String = OpenViduSettings::default().chat_type.to_string(),
        /// The longest data of a signal, in characters.
        signal_characters_max: usize = OpenViduSettings::default().signal_chars_max,
        /// The longest frame of a client. Text is escaped twice in it.
        frame_max: Bytes = Bytes(OpenViduSettings::default().frame_bytes_max as u64),
        /// What may wait for a client that is away.
        held_max: Bytes = Bytes(OpenViduSettings::default().held_bytes_max as u64),
        /// The most connections from one address that have not joined a session. Every second the oldest above it are
        /// closed.
        unjoined_per_address_max: usize = OpenViduSettings::default().unjoined_per_address_max,
        /// How long a session that nobody joins is kept.
        unused_session_kept: Duration = OpenViduSettings::default().unused_session_kept,
        /// Requests of one client, whatever they are. The original has no limit.
        requests_per_connection: Rate = Rate::per_second(200, 1_000),
        /// Wrong secrets from one address.
        auth_failures_per_address: Rate = Rate::per_minute(20, 20),
    }
}

section! {
    /// The OpenTok / Vonage Video dialect: REST at /session/create and below /v2/project.
    OpenTok {
        /// Whether it is spoken.
        enabled: bool = true,
        /// The longest data of a signal.
        data_max: Bytes = Bytes(OpenTokSettings::default().data_bytes_max as u64),
        /// The longest type of a signal, at most 128B.
        type_max: Bytes = Bytes(OpenTokSettings::default().type_bytes_max as u64),
        /// Whether people with the role "subscriber" may send signals. The vendor's documents differ.
        subscribers_may_signal: bool = OpenTokSettings::default().subscribers_may_signal,
        /// How many of the newest messages somebody who joins gets as signals. 0: none, as the original.
        replay_history: usize = OpenTokSettings::default().replay_history,
        /// Signals of a chat type of one person, in place of [rates]. The original names no limit, and pages send bursts.
        sends_per_user: Rate = Rate::per_second(20, 100),
        /// Other signals of one person, in place of [rates].
        signals_per_user: Rate = Rate::per_second(40, 200),
        /// Wrong tokens from one address.
        auth_failures_per_address: Rate = Rate::per_minute(20, 20),
    }
}

section! {
    /// The OpenTalk dialect: HTTP below /v1, the socket at /signaling. The keys of its issuer are rows of [[project_key]].
    OpenTalk {
        /// Whether it is spoken.
        enabled: bool = false,
        /// The key of the project whose rooms it serves.
        project: u32 = 0,
        /// The name of the issuer of tokens, for people.
        oidc_name: String = "default".to_owned(),
        /// The issuer's address: the `iss` of its tokens.
        oidc_url: String = String::new(),
        /// The path below which the generation with chunked histories is served; "" for not at all.
        chunked_prefix: String = "/chunked".to_owned(),
        /// Whether messages, the chat's switch, last-seen times, bans and roles go when a room empties, as in the original.
        forget_when_empty: bool = false,
        /// The longest message; a longer one is cut.
        message_max: Bytes = Bytes(4_096),
        /// How many of the newest messages of a conversation are told.
        history_max: usize = 10_000,
        /// Wrong room passwords from one address. A right one is not counted, but not looked at either beyond the limit.
        wrong_passwords_per_address: Rate = Rate::per_minute(60, 60),
        /// Wrong passwords of one room, from everywhere. More than one address may spend, so that nobody alone keeps others out.
        wrong_passwords_per_room: Rate = Rate::per_minute(600, 600),
        /// Tickets for one address; many people may come from behind it.
        tickets_per_address: Rate = Rate::per_second(20, 1_000),
        /// Requests of one client, whatever they are; a search of a long history counts once for each page that it reads.
        /// What comes faster waits, for there is no error that clients would know.
        requests_per_connection: Rate = Rate::per_second(50, 300),
        /// Messages of one user who does not moderate, in place of [rates]. What comes faster waits.
        sends_per_user: Rate = Rate::per_second(20, 100),
        /// The media server that clients are told of, with livekit_token. Their web page shows no meeting without one.
        livekit_url: Option<String> = None,
        /// The token for it.
        livekit_token: Option<Secret> = None,
    }
}

section! {
    /// How the server stops.
    Shutdown {
        /// The longest that a stop may take.
        timeout: Duration = seconds(30),
        /// How long connections are still accepted after /readyz has turned, so that a balancer notices.
        accept_delay: Duration = Duration::from_millis(500),
        /// Clients come back after a random time up to this.
        return_spread: Duration = seconds(10),
    }
}

section! {
    /// Log lines, on standard error.
    Log {
        /// "text", "json", or "auto": text on a terminal, else JSON.
        format: LogFormat = LogFormat::Auto,
        /// The least level, or directives of tracing such as "info,sidetalk_edge=debug".
        level: String = "info".to_owned(),
    }
}

section! {
    /// The process.
    Runtime {
        /// Threads that serve connections. 0: as many as the machine has cores.
        worker_threads: usize = 0,
    }
}

section! {
    /// A project that is made, or brought to this state, at start. Others are made with `sidetalk project create`.
    ProjectEntry {
        /// Its key, from 1 to 2147483647.
        key: u32 = 0,
        /// Its name, for people.
        name: String = String::new(),
        /// The secret that signs tokens and opens the server API, at least 32 characters.
        secret: Option<Secret> = None,
        /// Instead of `secret`: the file that holds it.
        secret_file: Option<PathBuf> = None,
    }
}

section! {
    /// A public key whose tokens a project accepts, beside those that its secret signs. The algorithm is fixed.
    ProjectKeyEntry {
        /// The project's key.
        project: u32 = 0,
        /// The `iss` that the tokens carry.
        issuer: String = String::new(),
        /// The `aud` that the tokens must carry. Not set: any.
        audience: Option<String> = None,
        /// "RS256", "ES256" or "EdDSA": the algorithm of public_key_file. In a key set the type of each key fixes it.
        algorithm: KeyAlgorithm = KeyAlgorithm::EdDsa,
        /// PEM file with the public key.
        public_key_file: Option<PathBuf> = None,
        /// Instead: the file of a JSON Web Key Set.
        jwks_file: Option<PathBuf> = None,
        /// Instead: the https address of a JSON Web Key Set. Nothing else is ever fetched.
        jwks_url: Option<String> = None,
        /// How often a key set is read again.
        refresh: Duration = seconds(300),
    }
}

section! {
    /// An application of Vonage's newer clients: another name of a project, with a key pair instead of the secret. Others are
    /// attached with `sidetalk project attach-application`.
    OpenTokApplication {
        /// The project's key.
        project: u32 = 0,
        /// The application's id, a UUID.
        id: String = String::new(),
        /// PEM file with the RSA public key.
        public_key_file: Option<PathBuf> = None,
    }
}

impl From<&Bounds> for Limits {
    fn from(bounds: &Bounds) -> Self {
        Self {
            text_bytes_max: bounds.text_max.size(),
            signal_bytes_max: bounds.signal_max.size(),
            parts_max: bounds.parts_max,
            audience_max: bounds.audience_max,
            mentions_max: bounds.mentions_max,
            reaction_kinds_max: bounds.reaction_kinds_max,
            reaction_bytes_max: bounds.reaction_max.size(),
            title_bytes_max: bounds.title_max.size(),
            page_max: bounds.page_max,
            answer_bytes_max: bounds.answer_max.size(),
            replay_max: bounds.replay_max,
            room_connections_max: bounds.room_connections_max,
            room_members_max: bounds.room_members_max,
            dedup_window: bounds.dedup_window,
            slow_mode_max: bounds.slow_mode_max,
        }
    }
}
