//! The servers under test: started on a core of their own, stopped when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::machine::{now_ns, pause, pin, unix_s};
use crate::opentalk;

const START_TIMEOUT_NS: u64 = 60_000_000_000;
const STOP_TIMEOUT_NS: u64 = 20_000_000_000;
const TOKEN_LIFE_S: u64 = 24 * 3600;
const PROJECT: &str = "100001";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    Raw,
    RawJoin,
    #[value(name = "socket.io")]
    #[serde(rename = "socket.io")]
    SocketIo,
    Sidetalk,
    /// Sidetalk, messages in place of signals.
    SidetalkPosts,
    /// Sidetalk in the words of OpenVidu 2.x.
    #[value(name = "openvidu")]
    #[serde(rename = "openvidu")]
    OpenVidu,
    /// Sidetalk as the drop-in script for OpenTok's pages speaks to it.
    #[value(name = "opentok")]
    #[serde(rename = "opentok")]
    OpenTok,
    /// Sidetalk in the words of OpenTalk.
    #[value(name = "opentalk")]
    #[serde(rename = "opentalk")]
    OpenTalk,
}

impl Target {
    pub(crate) const ALL: [Target; 8] = [
        Target::Raw,
        Target::RawJoin,
        Target::SocketIo,
        Target::Sidetalk,
        Target::SidetalkPosts,
        Target::OpenVidu,
        Target::OpenTok,
        Target::OpenTalk,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Target::Raw => "raw",
            Target::RawJoin => "raw-join",
            Target::SocketIo => "socket.io",
            Target::Sidetalk => "sidetalk",
            Target::SidetalkPosts => "sidetalk-posts",
            Target::OpenVidu => "openvidu",
            Target::OpenTok => "opentok",
            Target::OpenTalk => "opentalk",
        }
    }

    /// Whether it is our server, in whatever words.
    pub(crate) fn is_ours(self) -> bool {
        !matches!(self, Target::Raw | Target::RawJoin | Target::SocketIo)
    }

    /// Whether it is another way to speak to our server, of interest only beside the first.
    pub(crate) fn is_another_way(self) -> bool {
        self.is_ours() && self != Target::Sidetalk
    }
}

/// Where the programs are and where they run.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub sidetalk: PathBuf,
    pub peer: PathBuf,
    /// A folder on the disk that counts; each server gets one of its own in it.
    pub scratch: PathBuf,
    pub server_core: usize,
    pub generator_core: usize,
}

impl Place {
    /// Why a target cannot run here.
    pub(crate) fn missing(&self, target: Target) -> Option<String> {
        match target {
            _ if target.is_ours() && !self.sidetalk.is_file() => {
                Some(format!("{} is not built", self.sidetalk.display()))
            }
            Target::SocketIo if !self.peer.join("node_modules").is_dir() => {
                Some(format!("run `npm ci --ignore-scripts` in {}", self.peer.display()))
            }
            _ => None,
        }
    }
}

pub(crate) struct Server {
    pub address: SocketAddr,
    pub pid: u32,
    pub dialect: Dialect,
    /// From the start of the process until it accepted connections.
    pub start_ms: f64,
    child: Option<Child>,
}

/// Starts a server with empty storage.
pub(crate) fn start(place: &Place, target: Target) -> Result<Server> {
    let data = place.scratch.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    start_on(place, target, &data)
}

/// Starts a server on what `data` holds.
pub(crate) fn start_on(place: &Place, target: Target, data: &Path) -> Result<Server> {
    // The process inherits the core from this thread, with all the threads that it will start.
    pin(place.server_core)?;
    let server = match target {
        Target::Raw | Target::RawJoin => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("raw");
            if target == Target::RawJoin {
                command.arg("--join");
            }
            announced(command, Dialect::Raw)
        }
        Target::SocketIo => {
            let mut command = Command::new("node");
            command.arg(place.peer.join("server.mjs")).env("NODE_ENV", "production");
            announced(command, Dialect::SocketIo)
        }
        Target::Sidetalk | Target::SidetalkPosts | Target::OpenVidu | Target::OpenTok | Target::OpenTalk => {
            sidetalk(place, data, target)
        }
    };
    pin(place.generator_core)?;
    server.with_context(|| format!("{} does not start", target.name()))
}

/// A server that prints `{"port":…}` when it listens, and ends with its stdin.
fn announced(mut command: Command, dialect: Dialect) -> Result<Server> {
    #[derive(Deserialize)]
    struct Announcement {
        port: u16,
    }
    let begun_ns = now_ns();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
    let announcement: Announcement =
        serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?;
    Ok(Server {
        address: ([127, 0, 0, 1], announcement.port).into(),
        pid: child.id(),
        dialect,
        start_ms: (now_ns() - begun_ns) as f64 / 1e6,
        child: Some(child),
    })
}

fn sidetalk(place: &Place, data: &Path, target: Target) -> Result<Server> {
    #[derive(Deserialize)]
    struct Ready {
        url: String,
        project: Project,
    }
    #[derive(Deserialize)]
    struct Project {
        key: serde_json::Value,
        secret: String,
    }
    let ready_file = place.scratch.join("ready.json");
    let log_file = place.scratch.join("server.log");
    let _ = fs::remove_file(&ready_file);
    let log = File::create(&log_file)?;
    let mut command = Command::new(&place.sidetalk);
    command.arg("dev");
    if target == Target::OpenTalk {
        command.arg("--config").arg(opentalk_config(&place.scratch)?);
    }
    let begun_ns = now_ns();
    let mut child = command
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--no-rate-limits"])
        .args(["--project", &format!("{PROJECT}:a-secret-of-the-bench-that-is-long-enough")])
        .arg("--data")
        .arg(data)
        .arg("--ready-file")
        .arg(&ready_file)
        // A limit of its own, which the flag above leaves alone.
        .env("SIDETALK_OPENVIDU__REQUESTS_PER_CONNECTION", "off")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let ready: Ready = loop {
        // The file may be half written when it is first seen.
        if let Some(ready) = fs::read(&ready_file).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
            break ready;
        }
        let ended = child.try_wait()?;
        if ended.is_some() || now_ns() - begun_ns > START_TIMEOUT_NS {
            let _ = child.kill();
            let log = fs::read_to_string(&log_file).unwrap_or_default();
            bail!(
                "not ready ({ended:?}); its log ends with:\n{}",
                log.lines().rev().take(15).collect::<Vec<_>>().join("\n")
            );
        }
        pause(Duration::from_millis(1));
    };
    let start_ms = (now_ns() - begun_ns) as f64 / 1e6;
    let address = ready.url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let key = ready.project.key.as_str().map_or_else(|| ready.project.key.to_string(), str::to_owned);
    let secret = ready.project.secret;
    let dialect = match target {
        Target::OpenVidu => Dialect::OpenVidu { secret },
        Target::OpenTok => Dialect::OpenTok { key, secret },
        Target::OpenTalk => Dialect::OpenTalk,
        _ => {
            let expires_s = unix_s() + TOKEN_LIFE_S;
            Dialect::Sidetalk { key, secret, expires_s, posts: target == Target::SidetalkPosts }
        }
    };
    Ok(Server {
        address: address.parse().with_context(|| format!("the ready file says {}", ready.url))?,
        pid: child.id(),
        dialect,
        start_ms,
        child: Some(child),
    })
}

/// Switches OpenTalk on and names the issuer whose tokens are believed.
fn opentalk_config(scratch: &Path) -> Result<PathBuf> {
    let (file, key_file) = (scratch.join("opentalk.toml"), scratch.join("issuer.pem"));
    fs::write(&key_file, opentalk::PUBLIC_KEY)?;
    let issuer = opentalk::ISSUER;
    let text = format!(
        "[opentalk]\nenabled = true\nproject = {PROJECT}\noidc_url = \"{issuer}\"\n\n\
         [[project_key]]\nproject = {PROJECT}\nissuer = \"{issuer}\"\npublic_key_file = \"{}\"\n",
        key_file.display()
    );
    fs::write(&file, text)?;
    Ok(file)
}

impl Server {
    /// Asks the process to end and waits for it, as an operator would.
    pub(crate) fn stop(mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let begun_ns = now_ns();
        while child.try_wait()?.is_none() {
            if now_ns() - begun_ns > STOP_TIMEOUT_NS {
                child.kill()?;
                child.wait()?;
            }
            ensure!(now_ns() - begun_ns <= STOP_TIMEOUT_NS, "it did not end in 20 s after SIGTERM");
            pause(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The raw server inside this process, for tests; it ends with the test.
#[cfg(test)]
pub(crate) fn raw_in_thread(join: bool) -> Server {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, kept) = rustix::pipe::pipe().unwrap();
    std::thread::spawn(move || {
        let _kept = kept;
        crate::raw::serve(&listener, join, stop).unwrap();
    });
    Server { address, pid: std::process::id(), dialect: Dialect::Raw, start_ms: 0.0, child: None }
}
