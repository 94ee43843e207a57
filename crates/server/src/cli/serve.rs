//! `sidetalk serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::ready::ReadyFile;
use super::{ConfigArgs, causes, is_broken_pipe, read};
use crate::config::Config;
use crate::config::sections::Http;
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
    #[arg(long, value_name = "ADDRESS", value_parser = read::address)]
    pub(super) listen: Option<SocketAddr>,
    /// Address of the operator's listener
    #[arg(long, value_name = "ADDRESS", value_parser = read::address)]
    pub(super) admin_listen: Option<SocketAddr>,
    /// Write a JSON object with the addresses when connections are accepted
    #[arg(long, value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
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
        run_server(config, None, self.listen.ready_file, |_| Ok(()))
    }
}

/// Starts a server, tells that it is ready, and serves until it is asked to stop. Who reads the log as JSON finds in it why
/// it ended.
pub(super) fn run_server(
    config: Config,
    dev: Option<Dev>,
    ready_file: Option<PathBuf>,
    tell: impl FnOnce(&Server) -> Result<()>,
) -> Result<ExitCode> {
    let is_json = telemetry::is_json(config.log.format);
    match serve(config, dev, ready_file, tell) {
        Err(error) if is_json && !is_broken_pipe(&error) => {
            tracing::error!(error = causes(&error), "the server has ended");
            Ok(ExitCode::FAILURE)
        }
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

fn serve(
    mut config: Config,
    dev: Option<Dev>,
    ready_file: Option<PathBuf>,
    tell: impl FnOnce(&Server) -> Result<()>,
) -> Result<()> {
    let ready_file = ready_file.map(ReadyFile::prepare).transpose()?;
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
        if let Some(file) = &ready_file {
            file.write(&server)?;
        }
        tell(&server)?;
        server.run(signals).await
    })
}

/// Files that are not connections: the store, the listeners, logs, and those who are told that there is no place.
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
