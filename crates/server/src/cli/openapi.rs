//! `sidetalk openapi`.

use std::io::Write as _;

use anyhow::Result;
use clap::Args;

use crate::wiring;

/// Print the description of the API
#[derive(Debug, Args)]
#[command(after_help = "Example: sidetalk openapi > openapi.json")]
pub(super) struct Openapi {
    /// Describe the socket (AsyncAPI 3) instead of REST (OpenAPI 3.1)
    #[arg(long)]
    asyncapi: bool,
}

impl Openapi {
    pub(super) fn run(self) -> Result<()> {
        let path = if self.asyncapi { "/asyncapi.json" } else { "/openapi.json" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let document = runtime.block_on(wiring::document(path))?;
        writeln!(std::io::stdout(), "{}", document.trim_end())?;
        Ok(())
    }
}
