//! Says whether OpenTalk's published types accept what is shown to them, in the generation of arrays (`seed`), in that of
//! chunks (`new`), or in both. It knows nothing of Sidetalk and links nothing of it.
//!
//! A line in: `{"kind":"frame","gen":"both","expect":"ok","json":"…","name":"…"}`. `json` is the text of the document, or
//! the document itself; `name` comes back. A line out per line in: `{"name":…,"line":1,"verdict":"ok","as_expected":true}`,
//! with `why` when a type refused. Exits with 1 when a verdict is not the expected one, with 2 when a line cannot be read.
//!
//! `gen` of `both` is ok when both accept and err when both refuse; when they disagree it is `mixed`, which is never expected.
//!
//! Kinds: `signaling.rs` has those of the socket, `http.rs` those of bodies.

mod http;
mod signaling;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    name: String,
    kind: String,
    r#gen: Generations,
    json: Box<RawValue>,
    expect: Verdict,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Generations {
    Seed,
    New,
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Err,
    #[serde(skip_deserializing)]
    Mixed,
}

#[derive(Serialize)]
struct Answer {
    name: String,
    line: usize,
    verdict: Verdict,
    as_expected: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<String>,
}

/// One generation of types.
#[derive(Clone, Copy)]
enum Generation {
    Seed,
    New,
}

fn main() -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut count, mut unexpected_count) = (0, 0);
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.context("cannot read the standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match answer(index + 1, &line) {
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("line {}: {error:#}", index + 1);
                return Ok(ExitCode::from(2));
            }
        };
        count += 1;
        unexpected_count += usize::from(!answer.as_expected);
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    eprintln!("{count} shown, {unexpected_count} not as expected");
    Ok(ExitCode::from(u8::from(unexpected_count > 0)))
}

fn answer(line: usize, text: &str) -> Result<Answer> {
    let question: Question = serde_json::from_str(text)?;
    let document = if question.json.get().starts_with('"') {
        serde_json::from_str::<String>(question.json.get())?
    } else {
        question.json.get().to_owned()
    };
    let generations: &[Generation] = match question.r#gen {
        Generations::Seed => &[Generation::Seed],
        Generations::New => &[Generation::New],
        Generations::Both => &[Generation::Seed, Generation::New],
    };
    let mut why = Vec::new();
    for generation in generations {
        if let Err(reason) = judge(&question.kind, *generation, &document)? {
            let name = match generation {
                Generation::Seed => "seed",
                Generation::New => "new",
            };
            why.push(format!("{name}: {reason}"));
        }
    }
    let verdict = match why.len() {
        0 => Verdict::Ok,
        refused if refused == generations.len() => Verdict::Err,
        _ => Verdict::Mixed,
    };
    Ok(Answer { name: question.name, line, verdict, as_expected: verdict == question.expect, why })
}

/// Outside: whether the question makes sense. Inside: whether the types accept, or why not.
fn judge(kind: &str, generation: Generation, document: &str) -> Result<Result<(), String>> {
    let judged = match (kind.strip_prefix("http."), generation) {
        (Some(body), Generation::Seed) => http::seed(body, document),
        (Some(body), Generation::New) => http::new(body, document),
        (None, Generation::Seed) => signaling::seed::judge(kind, document),
        (None, Generation::New) => signaling::new::judge(kind, document),
    };
    match judged {
        Some(verdict) => Ok(verdict),
        None => bail!("there is no kind {kind} in this generation"),
    }
}
