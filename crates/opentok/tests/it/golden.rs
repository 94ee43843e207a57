//! Golden transcripts. `server: METHOD path body` is a request with the project's token, `page:` one without a token; words
//! like `accept=text/xml` before the body are headers. `server= status type body` is the answer. `+ alice` lets alice join the
//! session, `- alice` leave; `alice< frame` is what she gets. `$session` is the session that was made last, `$alice` her
//! connection. `#` is a remark. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Person;
use sidetalk_testkit::app::SECRET;

use crate::app::{App, KEY, signed};

/// How long nothing must come before a transcript counts as complete, when it is written anew.
const QUIET: Duration = Duration::from_millis(120);

macro_rules! transcripts {
    ($($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(stringify!($name)).await;
        }
    )*};
}

transcripts! {
    session_create
    signal
    signal_to_one
    connections
    force_disconnect
    media
    exchange
    errors
}

async fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.txt"));
    let script = std::fs::read_to_string(&path).expect("the transcript is there");
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let app = App::start().await;
    let mut player = Player { app, people: BTreeMap::new(), session: String::new(), out: String::new() };
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if is_outcome(line) {
            continue;
        }
        let mut expected = BTreeMap::<&str, usize>::new();
        while let Some(outcome) = lines.next_if(|line| is_outcome(line)) {
            if let Some((who, _)) = outcome.split_once("< ") {
                *expected.entry(who).or_default() += 1;
            }
        }
        player.play(line, (!is_update).then_some(&expected)).await;
    }
    expect_test::expect_file![path].assert_eq(&player.out);
}

/// `alice< …`, `server= …`: what came, not what was done.
fn is_outcome(line: &str) -> bool {
    let end = line.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(line.len());
    end > 0 && line[end..].starts_with(['<', '='])
}

struct Player {
    app: App,
    people: BTreeMap<String, Person>,
    session: String,
    out: String,
}

impl Player {
    async fn play(&mut self, line: &str, expected: Option<&BTreeMap<&str, usize>>) {
        self.write(line);
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some(name) = line.strip_prefix("+ ") {
            let person = self.app.person(name, &self.session).await;
            self.people.insert(name.to_owned(), person);
        } else if let Some(name) = line.strip_prefix("- ") {
            self.people.remove(name).expect("somebody who is there").vanish();
        } else {
            let (who, request) = line.split_once(": ").expect("somebody asks for something");
            self.ask(who, &self.filled(request)).await;
        }
        self.collect(expected).await;
    }

    async fn ask(&mut self, who: &str, request: &str) {
        let (method, rest) = request.split_once(' ').expect("a method");
        let mut words = rest.splitn(2, ' ');
        let (path, mut body) = (words.next().expect("a path"), words.next().unwrap_or_default());
        let auth = self.app.auth();
        let mut headers = Vec::new();
        if who == "server" {
            headers.push(("x-opentok-auth", &*auth));
        }
        while let Some(((name, value), rest)) = header(body) {
            headers.push((name, value));
            body = rest;
        }
        let answer = self.app.request(method, path, &headers, body).await;
        if let Some(session) = answer.json()[0]["session_id"].as_str() {
            session.clone_into(&mut self.session);
        }
        let line = format!("{who}= {} {} {}", answer.status, answer.header("content-type"), answer.text);
        self.write(&without_tokens(line.split_whitespace().collect::<Vec<_>>().join(" ")));
    }

    /// Writes what people got: as many as expected, or all that comes.
    async fn collect(&mut self, expected: Option<&BTreeMap<&str, usize>>) {
        let wait = if expected.is_some() { Duration::from_secs(5) } else { QUIET };
        let until = tokio::time::Instant::now() + wait;
        let mut heard = BTreeMap::<String, Vec<Value>>::new();
        loop {
            for (name, person) in &self.people {
                heard.entry(name.clone()).or_default().extend(person.heard());
            }
            let has_all = expected.is_some_and(|expected| {
                expected.iter().all(|(name, count)| heard.get(*name).map_or(0, Vec::len) >= *count)
            });
            if has_all || tokio::time::Instant::now() >= until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        for (name, frames) in heard {
            for frame in frames {
                self.write(&format!(
                    "{name}< {} {}",
                    frame["method"].as_str().unwrap_or_default(),
                    frame["params"]
                ));
            }
        }
    }

    /// The line with what its names stand for.
    fn filled(&self, line: &str) -> String {
        let now = self.app.now();
        let token = signed(
            &json!({
                "iss": KEY, "ist": "project", "iat": now, "exp": now + 900, "session_id": self.session,
                "role": "moderator", "scope": "session.connect", "connection_data": "{\"userName\":\"Alice\"}"
            }),
            SECRET,
        );
        let mut line = line.replace("$session", &self.session).replace("$token", &token);
        for (name, person) in &self.people {
            line = line.replace(&format!("${name}"), &person.connection().to_string());
        }
        line
    }

    /// Writes a line with names for what they stand for.
    fn write(&mut self, line: &str) {
        let mut line = line.to_owned();
        if !self.session.is_empty() {
            line = line.replace(&self.session, "$session");
        }
        for (name, person) in &self.people {
            line = line.replace(&person.connection().to_string(), &format!("${name}"));
        }
        self.out += &line;
        self.out.push('\n');
    }
}

/// A header before the body, and what follows it.
fn header(text: &str) -> Option<((&str, &str), &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (name, value) = word.split_once('=')?;
    ["accept", "content-type", "headers"].contains(&name).then_some(((name, value), rest))
}

/// Tokens say nothing in a transcript.
fn without_tokens(line: String) -> String {
    match line.split_once("{\"token\":\"") {
        Some((before, rest)) => {
            let (_, after) = rest.split_once('"').expect("a whole text");
            format!("{before}{{\"token\":\"…\"{after}")
        }
        None => line,
    }
}
