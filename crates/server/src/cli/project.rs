//! `sidetalk project`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::ConfigArgs;
use super::order::give;
use super::read;
use super::show::ShowArgs;
use crate::orders::Order;

/// Make, list, show projects, or give one a new secret
#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Make a project; prints its secret
    #[command(after_help = "Example: sidetalk project create --name school")]
    Create(Create),
    /// List the projects
    List(List),
    /// Give a project a new secret; tokens of the old one stay good for a while
    #[command(after_help = "Example: sidetalk project rotate 100001 --keep 48h")]
    Rotate(Rotate),
    /// Show a project
    Show(Show),
    /// Let a Vonage application be another name of a project, or give it a new key
    #[command(
        override_usage = "sidetalk project attach-application [OPTIONS] <KEY> \\\n           \
                          --application <UUID> --public-key-file <FILE>",
        after_help = "Example: sidetalk project attach-application 100001 \\\n           --application 78d335fa-323d-0114-9c3d-d6f0d48968cf \\\n           \
                      --public-key-file application.pem"
    )]
    AttachApplication(AttachApplication),
    /// Take an application from a project; its tokens are good no more
    DetachApplication(DetachApplication),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its name, for people
    #[arg(long, default_value = "")]
    name: String,
    /// Its key [default: the next free one]
    #[arg(long, value_name = "NUMBER", value_parser = read::key)]
    key: Option<u32>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The project's key
    #[arg(value_parser = read::key)]
    key: u32,
    /// How long tokens of the old secret stay good
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = read::duration)]
    keep: Duration,
    /// Even if tokens of the secret before stay good for a while: end
    /// them now
    #[arg(long)]
    drop_previous: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The project's key
    #[arg(value_parser = read::key)]
    key: u32,
    /// Print the secret too
    #[arg(long)]
    secret: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct AttachApplication {
    /// The project's key
    #[arg(value_parser = read::key)]
    key: u32,
    /// The application's id
    #[arg(long, value_name = "UUID")]
    application: Uuid,
    /// The file with its RSA public key in PEM
    #[arg(long, value_name = "FILE")]
    public_key_file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct DetachApplication {
    /// The project's key
    #[arg(value_parser = read::key)]
    key: u32,
    /// The application's id
    #[arg(long, value_name = "UUID")]
    application: Uuid,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
}

impl ProjectCommand {
    pub(super) fn run(self) -> Result<()> {
        let (config, show, order) = match self {
            Self::Create(it) => (it.config, it.show, Order::ProjectCreate { name: it.name, key: it.key }),
            Self::List(it) => (it.config, it.show, Order::ProjectList),
            Self::Rotate(it) => {
                let keep_ms = u64::try_from(it.keep.as_millis()).unwrap_or(u64::MAX);
                let order = Order::ProjectRotate { key: it.key, keep_ms, drop_previous: it.drop_previous };
                (it.config, it.show, order)
            }
            Self::Show(it) => (it.config, it.show, Order::ProjectShow { key: it.key, secret: it.secret }),
            Self::AttachApplication(it) => {
                let file = it.public_key_file;
                let public_key = std::fs::read_to_string(&file)
                    .with_context(|| format!("cannot read --public-key-file {}", file.display()))?;
                let order = Order::ApplicationAttach { key: it.key, application: it.application, public_key };
                (it.config, it.show, order)
            }
            Self::DetachApplication(it) => {
                let order = Order::ApplicationDetach { key: it.key, application: it.application };
                (it.config, it.show, order)
            }
        };
        show.print(&give(&config, order)?)
    }
}
