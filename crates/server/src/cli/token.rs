//! `sidetalk token`.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sidetalk_api::token::{
    BYTES_MAX, GROUPS_MAX, Mint, NAME_BYTES_MAX, ROOMS_MAX, inspect, mint, mint_server,
};
use sidetalk_core::model::{GroupName, Role, RoomName, Timestamp, UserId};
use sidetalk_core::ports::Clock as _;

use super::ConfigArgs;
use super::order::give;
use super::read;
use super::show::ShowArgs;
use crate::clock::SystemClock;
use crate::config::Problems;
use crate::config::setting::Setting as _;
use crate::orders::{Order, rfc3339};

/// Mint a token, or look into one
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Mint a user token, or with --server one for your back end
    #[command(after_help = "Examples:\n  sidetalk token mint --project 100001 --user alice --room lobby\n  \
                            sidetalk token mint --project 100001 --server --ttl 10m")]
    Mint(Box<MintArgs>),
    /// Show what a token says, and whether its times hold; reads it from
    /// standard input if it is not given
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(super) struct MintArgs {
    /// The project's key
    #[arg(long, value_name = "KEY", value_parser = read::key)]
    project: u32,
    /// The user's id
    #[arg(long, value_name = "ID", required_unless_present = "server", value_parser = read::user)]
    user: Option<UserId>,
    /// A token for a back end: it may do everything in the project
    #[arg(long, conflicts_with_all = ["user", "name", "room", "role", "group"])]
    server: bool,
    /// The display name
    #[arg(long, value_parser = display_name)]
    name: Option<String>,
    /// A room that the token opens; may be repeated [default: any]
    #[arg(long, value_parser = read::room)]
    room: Vec<RoomName>,
    /// viewer, guest, member, moderator or owner
    #[arg(long, value_parser = read::role)]
    role: Option<Role>,
    /// A group of the user; may be repeated
    #[arg(long, value_parser = read::group)]
    group: Vec<GroupName>,
    /// How long it is good, at most limits.token_ttl_max
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = read::duration)]
    ttl: Duration,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The token
    #[arg(allow_hyphen_values = true)]
    token: Option<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl TokenCommand {
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::Mint(args) => args.run(),
            Self::Inspect(args) => args.run(),
        }
    }
}

/// A display name, as tokens may carry it.
fn display_name(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("it must be 1 to {NAME_BYTES_MAX} bytes of plain text"))
}

impl MintArgs {
    fn run(self) -> Result<()> {
        self.refuse_what_no_server_takes(self.config.load()?.limits.token_ttl_max)?;
        let shown = give(&self.config, Order::ProjectShow { key: self.project, secret: true })?;
        let project = crate::orders::project_of(&shown).context("the server answered without a secret")?;
        let now = SystemClock.now();
        let (token, _) = match self.user.clone() {
            Some(user) => mint(&project, &self.wish(user), now),
            None => mint_server(&project, self.ttl, now),
        };
        if token.len() > BYTES_MAX {
            bail!("the token would have {} bytes, and at most {BYTES_MAX} are taken", token.len());
        }
        writeln!(std::io::stdout(), "{token}")?;
        Ok(())
    }

    /// The same as of the REST API.
    fn refuse_what_no_server_takes(&self, ttl_max: Duration) -> Result<()> {
        // Times in tokens are whole seconds.
        if self.ttl < Duration::from_secs(1) || self.ttl > ttl_max {
            let max = ttl_max.to_toml().unwrap_or_default();
            bail!(Problems::one("--ttl", format!("must be from \"1s\" to {max} (limits.token_ttl_max)")));
        }
        for (flag, count, max) in
            [("--room", self.room.len(), ROOMS_MAX), ("--group", self.group.len(), GROUPS_MAX)]
        {
            if count > max {
                bail!(Problems::one(flag, format!("must not be there more than {max} times")));
            }
        }
        Ok(())
    }

    fn wish(self, user: UserId) -> Mint {
        Mint {
            user,
            name: self.name,
            avatar: None,
            rooms: (!self.room.is_empty()).then_some(self.room),
            role: self.role,
            groups: self.group,
            ttl: self.ttl,
        }
    }
}

impl Inspect {
    fn run(self) -> Result<()> {
        let token = match self.token {
            Some(token) => token,
            None => {
                let mut text = String::new();
                std::io::stdin().take(64 * 1024).read_to_string(&mut text)?;
                text
            }
        };
        let inspected = inspect(token.trim())?;
        let now = SystemClock.now();
        let seconds = |claim: &str| inspected.claims[claim].as_i64();
        let moment = |claim| seconds(claim).map(|at| Timestamp::from_micros(at.saturating_mul(1_000_000)));
        let state = match (moment("nbf"), moment("exp")) {
            (Some(begin), _) if begin > now => "not valid yet",
            (_, Some(end)) if end <= now => "expired",
            (_, None) if inspected.claims["exp"].is_null() => "not valid: it has no exp",
            (_, None) => "not valid: its exp is not a whole number of seconds",
            _ => "its times hold",
        };
        self.show.print(&json!({
            "state": format!("{state}; the signature is not checked here"),
            "algorithm": inspected.algorithm,
            "kid": inspected.key,
            "expires_at": moment("exp").map(rfc3339),
            "claims": inspected.claims,
        }))
    }
}
