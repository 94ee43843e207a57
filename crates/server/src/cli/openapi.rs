//! `sidetalk openapi`.

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
        anyhow::bail!("the documents are not written yet (asyncapi: {})", self.asyncapi)
    }
}
