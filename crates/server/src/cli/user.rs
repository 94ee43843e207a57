//! `sidetalk user`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use sidetalk_core::model::UserId;

use super::ConfigArgs;
use super::order::give;
use super::read;
use super::show::ShowArgs;
use crate::orders::Order;

/// Erase a user
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Erase a user's profile and markers, and the text and name of
    /// every message of theirs
    #[command(after_help = "Example: sidetalk user erase alice --project 100001 --yes")]
    Erase(Erase),
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The user's id
    #[arg(value_parser = read::user)]
    user: UserId,
    /// The project's key
    #[arg(long, value_name = "KEY", value_parser = read::key)]
    project: u32,
    /// Really: there is no way back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

impl UserCommand {
    pub(super) fn run(self) -> Result<()> {
        let Self::Erase(erase) = self;
        if !erase.yes {
            bail!("user {} would be erased, for ever; add --yes", erase.user);
        }
        let order = Order::UserErase { project: erase.project, user: erase.user.to_string() };
        erase.show.print(&give(&erase.config, order)?)
    }
}
