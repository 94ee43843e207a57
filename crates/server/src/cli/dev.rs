//! `sidetalk dev`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use sidetalk_core::model::ProjectId;
use sidetalk_core::ports::Clock as _;

use super::ConfigArgs;
use super::serve::{ListenArgs, run_server};
use crate::certificate;
use crate::clock::SystemClock;
use crate::config::sections::Shutdown;
use crate::config::{Config, Problem, Problems};
use crate::telemetry;
use crate::wiring::{self, Server, Temporary};

/// The data folder that is thrown away.
const TEMPORARY: &str = ":temp:";

/// Run a demo on this machine, with a project made for you
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sidetalk dev\n  sidetalk dev --data :temp: --listen 127.0.0.1:0\n  \
                        sidetalk dev --tls --project 100001:not-a-secret\n\nThe data folder :temp: is removed at the end.")]
pub(super) struct Dev {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    listen: ListenArgs,
    /// The project to serve [default: that of the data folder, else a new one]
    #[arg(long, value_name = "KEY:SECRET", value_parser = key_secret, hide_env_values = true)]
    project: Option<(ProjectId, String)>,
    /// Speak TLS with a certificate that no browser trusts by itself
    #[arg(long)]
    tls: bool,
    /// Limit nobody's rate: for load tests
    #[arg(long)]
    no_rate_limits: bool,
}

fn key_secret(text: &str) -> Result<(ProjectId, String), String> {
    let (key, secret) = text.split_once(':').ok_or("write it like 100001:a-secret")?;
    let key = key.parse().map_err(|_| "the key is a number from 1 to 2147483647")?;
    if secret.is_empty() { Err("the secret is empty".to_owned()) } else { Ok((key, secret.to_owned())) }
}

impl Dev {
    pub(super) fn run(self) -> Result<ExitCode> {
        let temporary = (self.config.data.as_deref() == Some(TEMPORARY)).then(Temporary::make).transpose()?;
        let config = self.load(temporary.as_ref())?;
        telemetry::start_logs(&config.log)?;
        let risks = self.risks(&config);
        let dev = wiring::Dev { project: self.project.clone() };
        run_server(config, Some(dev), self.listen.ready_file, |server| print_banner(server, &risks))
    }

    fn load(&self, temporary: Option<&Temporary>) -> Result<Config> {
        let mut args = self.config.clone();
        if let Some(temporary) = temporary {
            args.data = Some(temporary.path().display().to_string());
        }
        let sources = args.sources().flag("--listen", "http.listen", self.listen.listen).flag(
            "--admin-listen",
            "admin.listen",
            self.listen.admin_listen,
        );
        let mut config = Config::load_unchecked(&sources)?;
        // Whoever tries it out does not wait for balancers.
        if config.shutdown.accept_delay == Shutdown::default().accept_delay {
            config.shutdown.accept_delay = Duration::from_millis(50);
        }
        if self.no_rate_limits {
            config.switch_rates_off();
            config.http.connections_per_address_max = config.http.connections_max;
        }
        if self.tls && config.http.tls_certificate_file.is_none() {
            wiring::make_folder(&config.store.path)?;
            let files = certificate::self_made(&config.store.path, SystemClock.now())?;
            config.http.tls_certificate_file = Some(files.certificate);
            config.http.tls_key_file = Some(files.key);
        }
        // An open listener is what somebody wants who shows the demo to a telephone; the banner says what it means.
        let tolerated = |problem: &Problem| problem.at == "http.listen";
        let mut problems: Vec<_> =
            config.problems().into_iter().filter(|problem| !tolerated(problem)).collect();
        if problems.is_empty() {
            problems = config.file_problems();
        }
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems).into()) }
    }

    fn risks(&self, config: &Config) -> Vec<String> {
        let mut risks = vec!["everybody who reaches it gets a room and may invite others".to_owned()];
        if config.http.tls_certificate_file.is_none() {
            risks.push("it speaks without TLS".to_owned());
        } else if self.tls {
            risks.push("its certificate is self-made: browsers warn, and should".to_owned());
        }
        if !config.http.listen.ip().is_loopback() {
            risks.push(format!("it listens on {}: others on the network reach it", config.http.listen));
        }
        if self.project.as_ref().is_some_and(|(_, secret)| secret.len() < 32) {
            risks.push("the project's secret is short: its tokens can be forged".to_owned());
        }
        if self.no_rate_limits {
            risks.push("nobody's rate is limited".to_owned());
        }
        risks
    }
}

fn print_banner(server: &Server, risks: &[String]) -> Result<()> {
    let project = server.project().context("dev always has a project")?;
    let mut text = format!("\n  Sidetalk {}, for trying out\n\n", env!("CARGO_PKG_VERSION"));
    text += &format!("  project  {}\n  secret   {}\n", project.id, project.secret);
    text += &format!("  API      {}/docs\n  metrics  {}/metrics\n\n", server.url(), server.admin_url());
    text += "  Not for production:\n";
    for risk in risks {
        text += &format!("  - {risk}\n");
    }
    text += &format!("\n  Open this, and its invite link in a second tab: {}/\n\n", server.url());
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
