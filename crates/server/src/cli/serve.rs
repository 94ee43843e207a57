//! `sidetalk serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::ConfigArgs;
use crate::config::Config;
use crate::config::sections::Http;
use crate::config::setting::Setting as _;
use crate::lifecycle::{Signals, raise_file_limit};
use crate::telemetry;
use crate::wiring::{Dev, Server, threads};

/// Run the server
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sidetalk serve\n  sidetalk serve --config /etc/sidetalk.toml\n  \
                        SIDETALK_HTTP__LISTEN=0.0.0.0:8190 SIDETALK_HTTP__BEHIND_PROXY=true \\\n    sidetalk serve")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    listen: ListenArgs,
}

/// Where to listen, and whom to tell.
#[derive(Clone, Debug, Args)]
pub(super) struct ListenArgs {
    /// Address of the public listener; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,
    /// Address of the operator's listener
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) admin_listen: Option<SocketAddr>,
    /// Write a JSON object with the addresses when connections are accepted
    #[arg(long, value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_text(text).map_err(|right| format!("it must be {right}"))
}

impl Serve {
    pub(super) fn run(self) -> Result<()> {
        let sources = self.config.sources().flag("--listen", "http.listen", self.listen.listen).flag(
            "--admin-listen",
            "admin.listen",
            self.listen.admin_listen,
        );
        let config = Config::load_to_serve(&sources)?;
        telemetry::start_logs(&config.log)?;
        for warning in config.warnings() {
            tracing::warn!(warning, "the configuration leaves a risk");
        }
        let ready_file = self.listen.ready_file;
        run_server(config, None, |server| {
            ready_file.as_ref().map_or(Ok(()), |file| ready::write(file, server))
        })
    }
}

/// Starts a server, tells that it is ready, and serves until it is asked to stop.
pub(super) fn run_server(
    mut config: Config,
    dev: Option<Dev>,
    tell: impl FnOnce(&Server) -> Result<()>,
) -> Result<()> {
    fit_connections(&mut config.http, dev.is_none());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads(config.runtime.worker_threads))
        .thread_name("sidetalk")
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before anything is open: a signal during the start is not lost.
        let signals = Signals::catch()?;
        let server = Server::start(config, dev).await?;
        tell(&server)?;
        server.run(signals).await
    })
}

/// Files that are not connections: the store, the listeners, logs.
const OTHER_FILES: usize = 100;

/// A connection is an open file. Better no place for the next one, which is told so, than no file for the store.
fn fit_connections(http: &mut Http, tell: bool) {
    let open_files = usize::try_from(raise_file_limit()).unwrap_or(usize::MAX);
    let fitting = open_files.saturating_sub(OTHER_FILES).max(1);
    if http.connections_max <= fitting {
        return;
    }
    if tell {
        tracing::warn!(
            connections_max = http.connections_max,
            open_files,
            "as many files may not be open: fewer connections are accepted; raise the limit (LimitNOFILE, ulimit -n)"
        );
    }
    http.connections_max = fitting;
}

pub(super) mod ready {
    //! The file that says that a server is ready.

    use std::path::Path;

    use anyhow::{Context as _, Result};
    use serde_json::json;

    use crate::wiring::Server;

    /// Written beside and renamed, so that a reader never sees half of it.
    pub(crate) fn write(file: &Path, server: &Server) -> Result<()> {
        let mut ready = json!({
            "url": server.url(),
            "admin_url": server.admin_url(),
            "pid": std::process::id(),
        });
        if let Some(project) = server.project() {
            ready["project"] = json!({ "key": project.id.get(), "secret": *project.secret });
        }
        let mut beside = file.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, format!("{ready:#}\n"))
            .and_then(|()| std::fs::rename(&beside, file))
            .with_context(|| format!("cannot write the ready file {}", file.display()))
    }
}
