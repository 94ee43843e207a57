//! A real server in its own process, and how to talk to it without any library of ours.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take on a machine that is busy with other tests.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// The binary under test, with an empty environment.
pub(crate) fn sidetalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetalk"));
    command.env_clear().env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Output {
    sidetalk().args(arguments).output().expect("the binary can be run")
}

/// Runs a command that must succeed; gives what it printed.
#[track_caller]
pub(crate) fn prints(arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "sidetalk {}: {errors}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

/// Runs a command that must fail with that code; gives what it complained of.
#[track_caller]
pub(crate) fn complains(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).expect("the output is UTF-8");
    assert_eq!(output.status.code(), Some(code), "sidetalk {}: {errors}", arguments.join(" "));
    errors
}

/// A running `sidetalk dev`. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: Value,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server on that data folder and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// Starts a server with more arguments.
    #[track_caller]
    pub(crate) fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut server = Self::spawn(data, arguments, Stdio::piped());
        let stderr = server.child.stderr.take().expect("it is piped");
        let lines = Arc::clone(&server.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *lines.lock().expect("no test panics while reading") += &(line + "\n");
            }
        });
        server.await_ready(data);
        server
    }

    /// Starts a server whose log goes somewhere else.
    #[track_caller]
    pub(crate) fn start_logging_to(data: &Path, arguments: &[&str], log: impl Into<Stdio>) -> Self {
        let mut server = Self::spawn(data, arguments, log.into());
        server.await_ready(data);
        server
    }

    fn spawn(data: &Path, arguments: &[&str], log: Stdio) -> Self {
        let ready_file = ready_file(data);
        let _ = fs::remove_file(&ready_file);
        let child = sidetalk()
            .args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(data)
            .arg("--ready-file")
            .arg(&ready_file)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary can be run");
        Self { child, ready: Value::Null, log: Arc::default() }
    }

    #[track_caller]
    fn await_ready(&mut self, data: &Path) {
        let ready = until("the server is ready", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status} before it was ready:\n{}", self.log());
            }
            fs::read(ready_file(data)).ok()
        });
        self.ready = serde_json::from_slice(&ready).expect("the ready file is written whole");
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no test panics while reading").clone()
    }

    /// `127.0.0.1:…` of the public listener.
    pub(crate) fn address(&self) -> &str {
        address(&self.ready["url"])
    }

    /// `127.0.0.1:…` of the operator's listener.
    pub(crate) fn admin_address(&self) -> &str {
        address(&self.ready["admin_url"])
    }

    /// The project's key.
    pub(crate) fn key(&self) -> u64 {
        self.ready["project"]["key"].as_u64().expect("the key is a number")
    }

    /// The project's secret.
    pub(crate) fn secret(&self) -> &str {
        self.ready["project"]["secret"].as_str().expect("the secret is text")
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }

    /// Waits for its end; gives the exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Option<i32> {
        until("the server ends", || self.child.try_wait().expect("it is our child")).code()
    }

    /// Ends it as a power cut would, short of the disk.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ready_file(data: &Path) -> PathBuf {
    data.with_extension("ready.json")
}

fn address(url: &Value) -> &str {
    let url = url.as_str().expect("addresses are text");
    url.split_once("://").expect("addresses are URLs").1
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(began.elapsed() < WAIT, "not within {WAIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The lines of the head.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// One request on a connection of its own. `headers` are lines without their ends.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WAIT))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_owned(), body: unchunked(head, body) })
}

/// A GET that gets an answer.
#[track_caller]
pub(crate) fn get(address: &str, path: &str) -> Answer {
    request(address, "GET", path, &[], "").unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole += &after[..size];
        rest = &after[size + 2..];
    }
    whole
}

/// A scratch folder and the data folder in it.
pub(crate) fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let data = folder.path().join("data");
    (folder, data)
}
