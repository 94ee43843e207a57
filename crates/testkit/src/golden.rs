//! Golden transcripts: scripts that tests play, in which stands what everybody got.
//!
//! A line such as `alice< frame` or `server= 200 body` is an *outcome*; every other one is done, and its outcomes follow it.
//! `#` is a remark. `$names` stand for what differs from run to run. `UPDATE_EXPECT=1` writes the outcomes anew.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::socket::Socket;

/// How long nothing must come before it counts as all, when a transcript is written anew.
pub const QUIET: Duration = Duration::from_millis(150);

/// How long a frame that stands in a transcript may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Tests that play `golden/<name>.txt`: `transcripts! { play: connect rooms }` gives each one's [`Script`] to `play`.
#[macro_export]
macro_rules! transcripts {
    ($play:ident: $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $play($crate::golden::Script::open(env!("CARGO_MANIFEST_DIR"), stringify!($name))).await;
        }
    )*};
}

/// A transcript that is played.
pub struct Script {
    path: PathBuf,
    lines: std::vec::IntoIter<String>,
    /// How many outcomes each one has after the line that is played; `None`: the transcript is written anew.
    pub expected: Option<BTreeMap<String, usize>>,
    names: BTreeMap<String, String>,
    out: String,
}

impl Script {
    /// The transcript of that name, in the folder `golden` of a crate.
    pub fn open(folder: &str, name: &str) -> Self {
        let path = Path::new(folder).join("golden").join(format!("{name}.txt"));
        let text = std::fs::read_to_string(&path).expect("the transcript is there");
        Self {
            path,
            lines: text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter(),
            expected: std::env::var_os("UPDATE_EXPECT").is_none().then(BTreeMap::new),
            names: BTreeMap::new(),
            out: String::new(),
        }
    }

    /// The next line that somebody does.
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?;
            if outcome(&line).is_some() {
                continue;
            }
            self.write(&line);
            if !line.is_empty() && !line.starts_with('#') {
                self.look_ahead();
                return Some(line);
            }
        }
    }

    fn look_ahead(&mut self) {
        let Some(expected) = &mut self.expected else { return };
        expected.clear();
        for (who, sign) in self.lines.as_slice().iter().map_while(|line| outcome(line)) {
            if sign == '<' {
                *expected.entry(who.to_owned()).or_default() += 1;
            }
        }
    }

    /// Writes a line.
    pub fn write(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// From now on, `name` in the transcript stands for `value`.
    pub fn name(&mut self, name: impl Into<String>, value: &str) {
        self.names.insert(name.into(), value.to_owned());
    }

    /// A text with what its names stand for.
    pub fn filled(&self, text: &str) -> String {
        // The longest names first: `$12` is not `$1`.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(*name, value))
    }

    /// What each one got: as many frames as the transcript has, or, when it is written anew, all that come. The last one
    /// may be `closed 4000 bye`; then the socket is no longer among the others.
    pub async fn heard(&self, sockets: &mut BTreeMap<String, Socket>) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        for (user, socket) in sockets.iter_mut() {
            let frames = match &self.expected {
                None => socket.drain(QUIET).await,
                Some(expected) => {
                    let mut frames = Vec::new();
                    for _ in 0..expected.get(user).copied().unwrap_or(0) {
                        frames.extend(socket.next_within(PATIENCE).await);
                    }
                    frames
                }
            };
            let closed = socket.closed.iter().map(|(number, reason)| format!("closed {number} {reason}"));
            let closed = closed.map(|line| line.trim_end().to_owned());
            all.push((user.clone(), frames.into_iter().chain(closed).collect()));
        }
        sockets.retain(|_, socket| socket.closed.is_none());
        all
    }

    /// Compares what was written with the transcript. Nobody may have got more than stands in it.
    pub async fn end(self, sockets: &mut BTreeMap<String, Socket>) {
        for (user, socket) in sockets {
            let late = socket.drain(Duration::from_millis(30)).await;
            assert!(late.is_empty(), "{}: {user} also got {late:#?}", self.path.display());
        }
        expect_test::expect_file![self.path].assert_eq(&self.out);
    }
}

/// Who got something, and the sign behind the name.
fn outcome(line: &str) -> Option<(&str, char)> {
    ['<', '='].into_iter().find_map(|sign| Some((split(line, &format!("{sign} "))?.0, sign)))
}

/// Who does something, and what stands behind `sign`.
pub fn split<'a>(line: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    let (who, rest) = line.split_once(sign)?;
    (!who.is_empty() && who.chars().all(|char| char.is_ascii_alphanumeric())).then_some((who, rest))
}

/// Method, path and body of a request in a transcript.
pub fn request(text: &str) -> (&str, &str, &str) {
    let (method, rest) = text.split_once(' ').expect("a method and a path");
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    (method, path, body)
}

/// A text without the signed token in it, which is too long to read.
pub fn without_token(text: &str) -> String {
    let Some((before, rest)) = text.split_once("\"token\":\"eyJ") else { return text.to_owned() };
    let (_, after) = rest.split_once('"').expect("a whole text");
    format!("{before}\"token\":\"…\"{after}")
}
