//! `sidetalk openapi`.

use std::io::Write as _;

use anyhow::Result;
use clap::Args;

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
        let document =
            if self.asyncapi { sidetalk_api::asyncapi_document() } else { sidetalk_api::openapi_document() };
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&document)?)?;
        Ok(())
    }
}
