//! `sidetalk backup`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::ConfigArgs;
use super::order::give;
use super::show::ShowArgs;
use crate::orders::Order;

/// Copy the store, while a server runs or not
#[derive(Debug, Args)]
#[command(
    after_help = "Example: sidetalk backup /backup/sidetalk-$(date +%F).db\n\nTo restore, stop the server, put the copy \
                  where the store's file was, and\nremove the -wal and -shm files beside it: they belong to the old \
                  store."
)]
pub(super) struct Backup {
    /// The file to write; it must not exist
    target: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

impl Backup {
    pub(super) fn run(self) -> Result<()> {
        // The server has another working directory.
        let target = std::path::absolute(&self.target).context("the target is not a path")?;
        self.show.print(&give(&self.config, Order::Backup { target })?)
    }
}
