//! What can be asked of the binary: one file per command.
//!
//! Exit codes: 0 it is done, 1 it failed, 2 it was asked wrongly (command line or configuration).

mod backup;
mod completions;
mod config;
mod dev;
mod doctor;
mod healthcheck;
mod migrate;
mod openapi;
mod order;
mod project;
mod read;
mod ready;
mod room;
mod serve;
mod show;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Problems, Sources};
use crate::telemetry;

/// Chat for live sessions, self-hosted.
#[derive(Debug, Parser)]
#[command(
    name = "sidetalk",
    version,
    max_term_width = 79,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Try it:     sidetalk dev\nServe:      sidetalk serve --config sidetalk.toml\nCheck:      sidetalk doctor \
                  --config sidetalk.toml\n\nExit codes: 0 done, 1 failed, 2 asked wrongly."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Run a demo on this machine, with a project made for you
    Dev(dev::Dev),
    /// Bring the store to this version's schema, or show its state
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Look for what would keep a server from running well
    Doctor(doctor::Doctor),
    /// Check, print or explain the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Make, list, show projects, or give one a new secret
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// Mint a token, or look into one
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List, show or delete rooms
    #[command(subcommand)]
    Room(room::RoomCommand),
    /// Erase a user
    #[command(subcommand)]
    User(user::UserCommand),
    /// Copy the store, while a server runs or not
    Backup(backup::Backup),
    /// Print the description of the API
    Openapi(openapi::Openapi),
    /// Ask a running server whether it is ready
    Healthcheck(healthcheck::Healthcheck),
    /// Print completions for a shell
    Completions(completions::Completions),
}

/// Where settings come from; the same for all commands that need them.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", env = CONFIG, hide_env_values = true, value_parser = path())]
    config: Option<PathBuf>,
    /// The folder with the store [store.path; default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Set any key of the configuration
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

/// The variable with the configuration file. Set to nothing, as container platforms do, it is as good as not set.
const CONFIG: &str = "SIDETALK_CONFIG";

fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it like http.base_path=/chat")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl ConfigArgs {
    fn sources(&self) -> Sources {
        let is_unset = std::env::var_os(CONFIG).is_some_and(|file| file.is_empty());
        let file = self.config.clone().filter(|file| !(is_unset && file.as_os_str().is_empty()));
        let mut sources = Sources::of_process(file).flag("--data", "store.path", self.data.as_ref());
        for (key, value) in &self.set {
            sources = sources.flag(&format!("--set {key}"), key, Some(value));
        }
        sources
    }

    fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.sources())?)
    }
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = match cli.command.run() {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let lines = causes(&error);
            telemetry::complain(&lines.lines().map(|line| format!("sidetalk: {line}\n")).collect::<String>());
            ExitCode::from(if error.is::<Problems>() { 2 } else { 1 })
        }
    };
    telemetry::flush_logs();
    code
}

/// What went wrong, and why. Engines say what their own cause says, once more.
fn causes(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        match said.last_mut() {
            Some(last) if last.contains(&cause) => {}
            Some(last) if cause.contains(&**last) => *last = cause,
            _ => said.push(cause),
        }
    }
    said.join(": ")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

impl Command {
    fn run(self) -> Result<ExitCode> {
        let done = match self {
            Self::Doctor(command) => return command.run(),
            Self::Serve(command) => return command.run(),
            Self::Dev(command) => return command.run(),
            Self::Migrate(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Project(command) => command.run(),
            Self::Token(command) => command.run(),
            Self::Room(command) => command.run(),
            Self::User(command) => command.run(),
            Self::Backup(command) => command.run(),
            Self::Openapi(command) => command.run(),
            Self::Healthcheck(command) => command.run(),
            Self::Completions(command) => command.run(),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_on_a_terminal_and_every_command_has_it() {
        fn check(command: &mut clap::Command, path: &str) {
            let help = command.render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() < 80, "{path}: {line}");
            }
            assert!(command.get_about().is_some(), "{path} says nothing about itself");
            for sub in command.get_subcommands_mut() {
                let path = format!("{path} {}", sub.get_name());
                check(sub, &path);
            }
        }
        let mut cli = Cli::command();
        cli.build();
        check(&mut cli, "sidetalk");
    }
}
