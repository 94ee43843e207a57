//! `sidetalk migrate`.

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use super::ConfigArgs;
use super::order::offline;
use crate::config::Config;
use crate::{control, wiring};

/// Bring the store to this version's schema, or show its state
#[derive(Debug, Subcommand)]
#[command(
    after_help = "A server migrates its store when it starts; these are for those who want it apart.\nThere is no way \
                        back: make a backup first."
)]
pub(super) enum Migrate {
    /// Bring the store to this version's schema
    Up(ConfigArgs),
    /// Show the store's schema and this version's
    Status(ConfigArgs),
}

impl Migrate {
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::Up(args) => up(&args.load()?),
            Self::Status(args) => status(&args.load()?),
        }
    }
}

fn up(config: &Config) -> Result<()> {
    if control::is_served(&config.store.path)? {
        bail!(
            "a server runs on {}, so its store has this server's schema already",
            config.store.path.display()
        );
    }
    wiring::require_store(&config.store)?;
    offline(config, async |_| Ok(()))?;
    status(config)
}

fn status(config: &Config) -> Result<()> {
    wiring::require_store(&config.store)?;
    let file = wiring::database(&config.store.path);
    let found = wiring::schema(&file).with_context(|| format!("{} is not a store", file.display()))?;
    let known = wiring::known_schema()?;
    let state = match found.cmp(&known) {
        std::cmp::Ordering::Less => "older: `sidetalk migrate up`, or starting the server, migrates it",
        std::cmp::Ordering::Equal => "up to date",
        std::cmp::Ordering::Greater => "newer: it needs the version that wrote it",
    };
    println!(
        "store         {}\nits schema    {found}\nour schema    {known}\nstate         {state}",
        file.display()
    );
    Ok(())
}
