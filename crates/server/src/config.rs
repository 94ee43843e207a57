//! What an operator can set: a TOML file, the environment and flags, with every key in one place.
//!
//! A flag beats the environment, the environment beats the file, the file beats the default. A key that does not exist is
//! an error that says which one was probably meant and where it stands. Start reading at [`sections`].

mod check;
mod example;
mod files;
mod hint;
mod load;
pub mod sections;
pub mod setting;

use std::fmt;

pub use load::Sources;
use sections::{
    Admin, Bounds, Http, Log, OpenTalk, OpenTok, OpenTokApplication, OpenVidu, ProjectEntry, ProjectKeyEntry,
    Rates, Runtime, Section, Shutdown, Socket, Store,
};

/// Everything that is set.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[http]`.
    pub http: Http,
    /// `[admin]`.
    pub admin: Admin,
    /// `[store]`.
    pub store: Store,
    /// `[socket]`.
    pub socket: Socket,
    /// `[limits]`.
    pub limits: Bounds,
    /// `[rates]`.
    pub rates: Rates,
    /// `[openvidu]`.
    pub openvidu: OpenVidu,
    /// `[opentalk]`.
    pub opentalk: OpenTalk,
    /// `[opentok]`.
    pub opentok: OpenTok,
    /// `[shutdown]`.
    pub shutdown: Shutdown,
    /// `[log]`.
    pub log: Log,
    /// `[runtime]`.
    pub runtime: Runtime,
    /// `[[project]]`.
    pub projects: Vec<ProjectEntry>,
    /// `[[project_key]]`.
    pub project_keys: Vec<ProjectKeyEntry>,
    /// `[[opentok_application]]`.
    pub opentok_applications: Vec<OpenTokApplication>,
}

/// The names of the tables that may stand several times.
const LISTS: [&str; 3] = ["project", "project_key", "opentok_application"];

impl Config {
    /// The tables in the order of the file.
    fn sections(&self) -> [(&'static str, &dyn Section); 12] {
        [
            ("http", &self.http),
            ("admin", &self.admin),
            ("store", &self.store),
            ("socket", &self.socket),
            ("limits", &self.limits),
            ("rates", &self.rates),
            ("openvidu", &self.openvidu),
            ("opentalk", &self.opentalk),
            ("opentok", &self.opentok),
            ("shutdown", &self.shutdown),
            ("log", &self.log),
            ("runtime", &self.runtime),
        ]
    }

    fn section_mut(&mut self, name: &str) -> Option<&mut dyn Section> {
        Some(match name {
            "http" => &mut self.http,
            "admin" => &mut self.admin,
            "store" => &mut self.store,
            "socket" => &mut self.socket,
            "limits" => &mut self.limits,
            "rates" => &mut self.rates,
            "openvidu" => &mut self.openvidu,
            "opentalk" => &mut self.opentalk,
            "opentok" => &mut self.opentok,
            "shutdown" => &mut self.shutdown,
            "log" => &mut self.log,
            "runtime" => &mut self.runtime,
            _ => return None,
        })
    }

    /// Limits nobody's rate, in no section.
    pub fn switch_rates_off(&mut self) {
        for name in self.sections().map(|(name, _)| name) {
            if let Some(section) = self.section_mut(name) {
                section.switch_rates_off();
            }
        }
    }

    /// A new row of a table that may stand several times.
    fn add_row(&mut self, name: &str) -> Option<&mut dyn Section> {
        Some(match name {
            "project" => self.projects.push_mut(ProjectEntry::default()),
            "project_key" => self.project_keys.push_mut(ProjectKeyEntry::default()),
            "opentok_application" => self.opentok_applications.push_mut(OpenTokApplication::default()),
            _ => return None,
        })
    }

    /// The names of all keys as `section.key`.
    fn key_names(&self) -> Vec<String> {
        let sections = self.sections().into_iter();
        sections
            .flat_map(|(name, section)| {
                section.keys().into_iter().map(move |key| format!("{name}.{}", key.name))
            })
            .collect()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `sidetalk.toml:12`, `SIDETALK_HTTP__LISTEN`, `--listen`, or the key.
    pub at: String,
    /// What, and what would be right.
    pub what: String,
}

/// All that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// A single one.
    pub fn one(at: &str, what: impl Into<String>) -> Self {
        Self(vec![Problem { at: at.to_owned(), what: what.into() }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.0.iter().map(|problem| format!("{}: {}", problem.at, problem.what)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests;
