//! Golden transcripts. `server: METHOD path body` is a request with the project's token, `page:` one without a token; words
//! like `accept=text/xml` before the body are headers. `server= status type body` is the answer. `+ alice` lets alice join the
//! session, `- alice` leave; `alice< frame` is what she gets. `$session` is the session that was made last, `$alice` her
//! connection. `#` is a remark. `UPDATE_EXPECT=1` rewrites the files.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sidetalk_testkit::Person;
use sidetalk_testkit::app::SECRET;
use sidetalk_testkit::golden::{PATIENCE, QUIET, Script, request, split, without_token};
use sidetalk_testkit::transcripts;

use crate::app::{App, KEY, signed};

transcripts! {
    play:
    session_create
    signal
    signal_to_one
    connections
    force_disconnect
    media
    exchange
    errors
}

async fn play(mut script: Script) {
    let mut player = Player { app: App::start().await, people: BTreeMap::new(), session: String::new() };
    while let Some(line) = script.next_line() {
        player.play(&line, &mut script).await;
    }
    script.end(&mut BTreeMap::new()).await;
}

struct Player {
    app: App,
    people: BTreeMap<String, Person>,
    session: String,
}

impl Player {
    async fn play(&mut self, line: &str, script: &mut Script) {
        if let Some(name) = line.strip_prefix("+ ") {
            let person = self.app.person(name, &self.session).await;
            self.people.insert(name.to_owned(), person);
        } else if let Some(name) = line.strip_prefix("- ") {
            self.people.remove(name).expect("somebody who is there").vanish();
        } else {
            let (who, asked) = split(line, ": ").expect("somebody asks for something");
            self.ask(who, &self.filled(asked), script).await;
        }
        self.collect(script).await;
    }

    async fn ask(&mut self, who: &str, asked: &str, script: &mut Script) {
        let (method, path, mut body) = request(asked);
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
        self.write(&without_token(&line.split_whitespace().collect::<Vec<_>>().join(" ")), script);
    }

    /// Writes what people got: as many as expected, or all that comes.
    async fn collect(&self, script: &mut Script) {
        let wait = if script.expected.is_some() { PATIENCE } else { QUIET };
        let until = tokio::time::Instant::now() + wait;
        let mut heard = BTreeMap::<String, Vec<Value>>::new();
        loop {
            for (name, person) in &self.people {
                heard.entry(name.clone()).or_default().extend(person.heard());
            }
            let has_all = script.expected.as_ref().is_some_and(|expected| {
                expected.iter().all(|(name, count)| heard.get(name).map_or(0, Vec::len) >= *count)
            });
            if has_all || tokio::time::Instant::now() >= until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        for (name, frames) in heard {
            for frame in frames {
                let method = frame["method"].as_str().unwrap_or_default();
                self.write(&format!("{name}< {method} {}", frame["params"]), script);
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
    fn write(&self, line: &str, script: &mut Script) {
        let mut line = line.to_owned();
        if !self.session.is_empty() {
            line = line.replace(&self.session, "$session");
        }
        for (name, person) in &self.people {
            line = line.replace(&person.connection().to_string(), &format!("${name}"));
        }
        script.write(&line);
    }
}

/// A header before the body, and what follows it.
fn header(text: &str) -> Option<((&str, &str), &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (name, value) = word.split_once('=')?;
    ["accept", "content-type", "headers"].contains(&name).then_some(((name, value), rest))
}
