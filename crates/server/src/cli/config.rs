//! `sidetalk config`.

use std::io::Write as _;

use anyhow::Result;
use clap::Subcommand;

use super::ConfigArgs;
use crate::config::Config;

/// Check, print or explain the configuration
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  sidetalk config example > sidetalk.toml\n  sidetalk config check --config sidetalk.toml"
)]
pub(super) enum ConfigCommand {
    /// Say everything that is wrong, with its line
    Check(ConfigArgs),
    /// Print the values in force; secrets are hidden
    Print(ConfigArgs),
    /// Print a file with every key, its meaning and its default
    Example,
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<()> {
        let text = match self {
            Self::Check(args) => {
                let warnings = Config::load_to_serve(&args.sources())?.warnings();
                warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>() + "ok\n"
            }
            Self::Print(args) => args.load()?.print(),
            Self::Example => Config::example(),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(())
    }
}
