//! `sidetalk token`.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use sidetalk_api::token::{Mint, inspect, mint, mint_server};
use sidetalk_core::model::{GroupName, Role, RoomName, Timestamp, UserId};
use sidetalk_core::ports::Clock as _;

use super::ConfigArgs;
use super::order::give;
use super::project::duration;
use super::show::ShowArgs;
use crate::clock::SystemClock;
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
    #[arg(long, value_name = "KEY")]
    project: u32,
    /// The user's id
    #[arg(long, value_name = "ID", required_unless_present = "server")]
    user: Option<String>,
    /// A token for a back end: it may do everything in the project
    #[arg(long, conflicts_with_all = ["user", "name", "room", "role", "group"])]
    server: bool,
    /// The display name
    #[arg(long)]
    name: Option<String>,
    /// A room that the token opens; may be repeated [default: any]
    #[arg(long)]
    room: Vec<String>,
    /// viewer, guest, member, moderator or owner
    #[arg(long)]
    role: Option<String>,
    /// A group of the user; may be repeated
    #[arg(long)]
    group: Vec<String>,
    /// How long it is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
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

impl MintArgs {
    fn run(self) -> Result<()> {
        let shown = give(&self.config, Order::ProjectShow { key: self.project, secret: true })?;
        let project = crate::orders::project_of(&shown).context("the server answered without a secret")?;
        let now = SystemClock.now();
        let (token, _) = match &self.user {
            Some(user) => mint(&project, &self.wish(user)?, now),
            None => mint_server(&project, self.ttl, now),
        };
        writeln!(std::io::stdout(), "{token}")?;
        Ok(())
    }

    fn wish(&self, user: &str) -> Result<Mint> {
        let room =
            |name: &String| RoomName::new(name).map_err(|why| anyhow::anyhow!("--room {name:?} {why}"));
        let group =
            |name: &String| GroupName::new(name).map_err(|why| anyhow::anyhow!("--group {name:?} {why}"));
        let rooms = self.room.iter().map(room).collect::<Result<Vec<_>>>()?;
        let role = self.role.as_deref().map(|role| {
            role_of(role).with_context(|| {
                format!("--role {role:?} is none of viewer, guest, member, moderator, owner")
            })
        });
        Ok(Mint {
            user: UserId::new(user).map_err(|why| anyhow::anyhow!("--user {user:?} {why}"))?,
            name: self.name.clone(),
            avatar: None,
            rooms: (!rooms.is_empty()).then_some(rooms),
            role: role.transpose()?,
            groups: self.group.iter().map(group).collect::<Result<_>>()?,
            ttl: self.ttl,
        })
    }
}

fn role_of(name: &str) -> Option<Role> {
    Some(match name {
        "viewer" => Role::Viewer,
        "guest" => Role::Guest,
        "member" => Role::Member,
        "moderator" => Role::Moderator,
        "owner" => Role::Owner,
        _ => return None,
    })
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
            (_, None) => "not valid: it has no exp",
            _ => "its times hold",
        };
        self.show.print(&json!({
            "state": format!("{state}; the signature is not checked here"),
            "algorithm": inspected.algorithm,
            "key": inspected.key,
            "expires_at": moment("exp").map(rfc3339),
            "claims": inspected.claims,
        }))
    }
}
