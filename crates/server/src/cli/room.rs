//! `sidetalk room`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand, value_parser};
use sidetalk_core::model::RoomName;

use super::ConfigArgs;
use super::order::give;
use super::read;
use super::show::ShowArgs;
use crate::orders::Order;

/// List, show or delete rooms
#[derive(Debug, Subcommand)]
pub(super) enum RoomCommand {
    /// List a project's rooms by name
    #[command(after_help = "Example: sidetalk room list --project 100001 --after lobby")]
    List(List),
    /// Show a room
    Show(Show),
    /// Delete a room with all that is in it
    #[command(after_help = "Example: sidetalk room delete lobby --project 100001 --yes")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The project's key
    #[arg(long, value_name = "KEY", value_parser = read::key)]
    project: u32,
    /// Only rooms after this name
    #[arg(long, value_name = "NAME", value_parser = read::room)]
    after: Option<RoomName>,
    /// How many at most, up to 1000
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The room's name
    #[arg(value_parser = read::room)]
    room: RoomName,
    /// The project's key
    #[arg(long, value_name = "KEY", value_parser = read::key)]
    project: u32,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The room's name
    #[arg(value_parser = read::room)]
    room: RoomName,
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

impl RoomCommand {
    pub(super) fn run(self) -> Result<()> {
        let (config, show, order) = match self {
            Self::List(it) => {
                let after = it.after.map(|name| name.to_string());
                let order = Order::RoomList { project: it.project, after, limit: it.limit.into() };
                (it.config, it.show, order)
            }
            Self::Show(it) => {
                (it.config, it.show, Order::RoomShow { project: it.project, room: it.room.to_string() })
            }
            Self::Delete(it) if !it.yes => {
                bail!("room {} would be deleted with all its messages, for ever; add --yes", it.room)
            }
            Self::Delete(it) => {
                (it.config, it.show, Order::RoomDelete { project: it.project, room: it.room.to_string() })
            }
        };
        show.print(&give(&config, order)?)
    }
}
