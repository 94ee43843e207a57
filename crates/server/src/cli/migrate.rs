//! `sidetalk migrate`.

use std::cmp::Ordering;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use super::ConfigArgs;
use super::order::offline;
use crate::config::Config;
use crate::control;
use crate::wiring::{self, Found, SCHEMA};

/// Bring the store to this version's schema, or show its state
#[derive(Debug, Subcommand)]
#[command(
    after_help = "A server migrates its store when it starts; these are for those who want it apart.\nThere is no way \
                        back: make a backup first, with the version that wrote it."
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
        bail!("a server runs on {}: stop it first", config.store.path.display());
    }
    wiring::require_store(&config.store)?;
    offline(config, async |_| Ok(()))?;
    status(config)
}

fn status(config: &Config) -> Result<()> {
    wiring::require_store(&config.store)?;
    let file = wiring::database(&config.store.path);
    let found = Found::at(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let (schema, state) = match found {
        Found::Store(schema) => (
            Some(schema),
            match schema.cmp(&SCHEMA) {
                Ordering::Less => "older: `sidetalk migrate up`, or starting the server, migrates it",
                Ordering::Equal => "up to date",
                Ordering::Greater => "newer: it needs the version that wrote it",
            },
        ),
        Found::Nothing => (None, "empty: a store is made in it when it is opened"),
        bad => bail!("{} {}", file.display(), bad.complaint()),
    };
    let schema = schema.map_or_else(|| "-".to_owned(), |schema| schema.to_string());
    writeln!(
        io::stdout(),
        "store         {}\nits schema    {schema}\nour schema    {SCHEMA}\nstate         {state}",
        file.display()
    )?;
    Ok(())
}
