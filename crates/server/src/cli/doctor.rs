//! `sidetalk doctor`.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use rustix::fs::Access;
use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::Clock as _;

use super::ConfigArgs;
use crate::certificate;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control;
use crate::lifecycle::raise_file_limit;
use crate::wiring::{self, Found, SCHEMA};

/// Less free space than this is a fault.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// A disk that takes longer to sync makes every message slow.
const SYNC_WARN: Duration = Duration::from_millis(20);

/// How many syncs are measured; the middle one counts.
const SYNCS: usize = 9;

/// A certificate that ends sooner is a fault.
const CERTIFICATE_MIN: Duration = Duration::from_secs(7 * 24 * 3600);

/// 2026-01-01: no clock of a machine that runs this is before it.
const CLOCK_MIN: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Look for what would keep a server from running well
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 1 if a line begins with \u{2717}.\n\nExample: sidetalk doctor --config sidetalk.toml"
)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What was found: good, bad, or worth knowing.
enum Finding {
    Good(String),
    Note(String),
    Bad(String),
}

use Finding::{Bad, Good, Note};

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut findings = Vec::new();
        match Config::load(&self.config.sources()) {
            Ok(config) => {
                let problems = config.file_problems();
                if problems.is_empty() {
                    findings.push(Good("configuration: nothing is wrong".to_owned()));
                }
                findings.extend(problems.into_iter().map(|it| Bad(format!("{}: {}", it.at, it.what))));
                findings.extend(
                    config.warnings().into_iter().map(|warning| Note(format!("configuration: {warning}"))),
                );
                findings.extend(examine(&config));
            }
            Err(problems) => {
                findings.extend(problems.0.iter().map(|it| Bad(format!("{}: {}", it.at, it.what))));
            }
        }
        let mut out = std::io::stdout();
        for finding in &findings {
            let (mark, text) = match finding {
                Good(text) => ('\u{2713}', text),
                Note(text) => ('!', text),
                Bad(text) => ('\u{2717}', text),
            };
            writeln!(out, "{mark} {text}")?;
        }
        let is_ill = findings.iter().any(|finding| matches!(finding, Bad(_)));
        Ok(if is_ill { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = folder(&config.store.path);
    let is_served = control::is_served(&config.store.path).unwrap_or_else(|error| {
        findings.push(Bad(format!("server: {error}")));
        false
    });
    findings.extend(store(&config.store.path));
    findings.push(clock(SystemClock.now()));
    findings.push(files(config));
    findings.extend(ports(config, is_served));
    findings.extend(tls(config));
    findings.extend(proxies(config));
    findings
}

fn folder(path: &Path) -> Vec<Finding> {
    // The folder is made at the first start; until then its parent says what there is to know.
    let existing = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let mut findings = Vec::new();
    match sync_time(existing) {
        Ok(time) => {
            findings.push(Good(format!("data folder: {} can be written", existing.display())));
            let text = format!("disk: a sync takes {:.2} ms", time.as_secs_f64() * 1_000.0);
            findings.push(if time <= SYNC_WARN {
                Good(text)
            } else {
                Note(format!("{text}; every message waits for one, a faster disk helps"))
            });
        }
        Err(error) => {
            findings.push(Bad(format!("data folder: {} cannot be written: {error}", existing.display())));
        }
    }
    findings.push(match rustix::fs::statvfs(existing) {
        Ok(disk) => {
            let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("disk: {} MiB are free", free_bytes / (1024 * 1024));
            if free_bytes >= FREE_BYTES_MIN { Good(text) } else { Bad(format!("{text}; make room")) }
        }
        Err(error) => Bad(format!("disk: free space is unknown: {error}")),
    });
    findings
}

/// What lies in the folder, without opening it: to open a store is to migrate it.
fn store(folder: &Path) -> Vec<Finding> {
    let mut findings: Vec<_> = wiring::folder_risk(folder).map(Note).into_iter().collect();
    let file = wiring::database(folder);
    findings.push(match Found::at(&file) {
        Ok(Found::Nothing) => Good("store: none yet, it is made at the first start".to_owned()),
        Ok(Found::Store(SCHEMA)) => Good(format!("store: schema {SCHEMA}, as this version writes")),
        Ok(Found::Store(schema)) if schema < SCHEMA => {
            Note(format!("store: schema {schema}; a start migrates it to {SCHEMA}, so make a backup first"))
        }
        Ok(Found::Store(schema)) => Bad(format!(
            "store: schema {schema}, and this version knows {SCHEMA}: use the version that wrote it"
        )),
        Ok(bad) => Bad(format!("store: {} {}", file.display(), bad.complaint())),
        Err(error) => Bad(format!("store: {} cannot be read: {error}", file.display())),
    });
    findings.extend(["", "-wal", "-shm", ".lock"].into_iter().filter_map(|end| {
        let mut file = file.clone().into_os_string();
        file.push(end);
        unusable(folder, Path::new(&file)).map(Bad)
    }));
    findings
}

/// Why the server could not use a file, if it is there: a command of root had left it, for instance.
fn unusable(folder: &Path, file: &Path) -> Option<String> {
    let (folder, about) = (fs::metadata(folder).ok()?, fs::metadata(file).ok()?);
    let shown = file.display();
    if about.uid() != folder.uid() {
        let (file, folder) = (about.uid(), folder.uid());
        return Some(format!(
            "store: {shown} belongs to user {file}, its folder to user {folder}: chown {folder} {shown}"
        ));
    }
    let is_usable = rustix::fs::access(file, Access::READ_OK | Access::WRITE_OK).is_ok();
    (!is_usable).then(|| format!("store: {shown} cannot be read and written by this user"))
}

/// The middle of a few writes of a page with a sync each.
#[expect(clippy::disallowed_methods, reason = "it measures the real disk in real time")]
fn sync_time(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join(format!(".sidetalk-doctor-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let mut measure = || -> std::io::Result<Duration> {
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let began = std::time::Instant::now();
            file.write_all(&[0x5a; 4096])?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        Ok(times[SYNCS / 2])
    };
    let measured = measure();
    fs::remove_file(&path)?;
    measured
}

fn clock(now: Timestamp) -> Finding {
    let shown = crate::orders::rfc3339(now);
    if now < CLOCK_MIN {
        return Bad(format!(
            "clock: {shown} is in the past: tokens would be refused; set up time synchronisation"
        ));
    }
    let marks = [
        "/run/systemd/timesync/synchronized",
        "/run/chrony/chronyd.pid",
        "/run/chronyd.pid",
        "/run/ntpd.pid",
    ];
    if marks.iter().any(|mark| Path::new(mark).exists()) {
        return Good(format!("clock: {shown}, synchronised"));
    }
    Good(format!("clock: {shown} (no time service was recognised; containers take the host's)"))
}

fn files(config: &Config) -> Finding {
    let (open_files, wanted) = (raise_file_limit(), config.http.connections_max as u64 + 100);
    if open_files >= wanted {
        return Good(format!("open files: {open_files} are allowed"));
    }
    Note(format!(
        "open files: {open_files} are allowed, http.connections_max = {} wants {wanted}; raise LimitNOFILE or ulimit -n",
        config.http.connections_max
    ))
}

fn ports(config: &Config, is_served: bool) -> Vec<Finding> {
    let listeners = [("http.listen", config.http.listen), ("admin.listen", config.admin.listen)];
    let finding = |(key, listen)| match TcpListener::bind(listen) {
        Ok(_) => Good(format!("{key}: {listen} is free")),
        Err(_) if is_served => {
            Good(format!("{key}: {listen} is taken, and a server runs on this data folder"))
        }
        Err(error) => Bad(format!("{key}: {listen} cannot be used: {error}; choose another port")),
    };
    listeners.into_iter().map(finding).collect()
}

/// Until when the certificate is good. Whether it can be used at all was looked at with the configuration.
fn tls(config: &Config) -> Option<Finding> {
    let end = certificate::end(config.http.tls_certificate_file.as_ref()?).ok()?;
    let left = end.since(SystemClock.now());
    let text = format!("certificate: good for {} days", left.as_secs() / 86_400);
    Some(if left >= CERTIFICATE_MIN { Good(text) } else { Bad(format!("{text}; renew it")) })
}

fn proxies(config: &Config) -> Vec<Finding> {
    let http = &config.http;
    if !http.trusted_proxies.is_empty() {
        let blocks: Vec<_> = http.trusted_proxies.iter().map(|block| block.0.as_str()).collect();
        return vec![Good(format!("proxies: the word of {} is believed", blocks.join(", ")))];
    }
    if http.tls_certificate_file.is_some() {
        return Vec::new();
    }
    vec![Note(
        "proxies: behind a proxy on this machine set http.trusted_proxies = [\"127.0.0.1\", \"::1\"], or limits per \
         address count it as one client"
            .to_owned(),
    )]
}
