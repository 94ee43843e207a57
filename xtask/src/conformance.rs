//! Compares a run of a conformance suite with the score that is committed beside it.
//!
//! Both are lines of `{"case":"7.3.1","result":"pass"}` with `pass`, `fail` or `skip`. Any difference fails: a pass
//! may not become a fail, and a success must be written down so that it cannot be lost again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Compare,
    /// Rewrites the committed score.
    Update,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pass,
    Fail,
    Skip,
}

#[derive(Serialize, Deserialize)]
struct Line {
    case: String,
    result: Outcome,
}

/// Cases in the order of their numbers (`7.2` before `7.10`).
type Score = BTreeMap<CaseOrder, (String, Outcome)>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CaseOrder(Vec<(u64, String)>);

pub(crate) fn run(root: &Path, suite: &str, results: &str, mode: Mode) -> Result<()> {
    let committed_path = root.join("conformance").join(suite).join("results.jsonl");
    let committed_text = match std::fs::read_to_string(&committed_path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("cannot read {}", committed_path.display()))?,
    };
    let committed = parse(&committed_text).with_context(|| format!("conformance/{suite}/results.jsonl"))?;
    let fresh_text = std::fs::read_to_string(results).with_context(|| format!("cannot read {results}"))?;
    let fresh = parse(&fresh_text).with_context(|| results.to_owned())?;
    if fresh.is_empty() {
        bail!("conformance {suite}: the run holds no case, so the suite did not start; look at its output");
    }

    let changes = compare(&committed, &fresh);
    for change in &changes {
        println!("  {change}");
    }
    println!("conformance {suite}: {}", summary(&fresh));
    match mode {
        Mode::Update => std::fs::write(&committed_path, render(&fresh)?)
            .with_context(|| format!("cannot write {}", committed_path.display())),
        Mode::Compare if changes.is_empty() => Ok(()),
        Mode::Compare => bail!(
            "conformance {suite}: {} cases differ from the committed score; repair what broke, and record what \
             was gained with `cargo xtask conformance {suite} {results} --update`",
            changes.len()
        ),
    }
}

fn parse(text: &str) -> Result<Score> {
    let mut score = Score::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
        if score.insert(order(&line.case), (line.case.clone(), line.result)).is_some() {
            bail!("line {}: the case {} stands there twice", index + 1, line.case);
        }
    }
    Ok(score)
}

fn render(score: &Score) -> Result<String> {
    let mut text = String::new();
    for (case, result) in score.values() {
        text += &serde_json::to_string(&Line { case: case.clone(), result: *result })?;
        text.push('\n');
    }
    Ok(text)
}

fn compare(committed: &Score, fresh: &Score) -> Vec<String> {
    let mut changes = Vec::new();
    for (key, (case, before)) in committed {
        let after = fresh.get(key).map(|(_, after)| *after);
        let change = match (before, after) {
            (_, Some(after)) if *before == after => continue,
            (Outcome::Pass, Some(after)) => format!("broken: {case} passed before, now {}", name(after)),
            (_, Some(Outcome::Pass)) => format!("gained: {case} passes now, record it"),
            (_, Some(after)) => format!("changed: {case} was {}, now {}", name(*before), name(after)),
            (_, None) => format!("missing: {case} was {}, now it did not run", name(*before)),
        };
        changes.push(change);
    }
    let added = fresh.iter().filter(|(key, _)| !committed.contains_key(key));
    changes.extend(added.map(|(_, (case, result))| format!("new: {case} is {}, record it", name(*result))));
    changes
}

fn summary(score: &Score) -> String {
    let count = |wanted| score.values().filter(|(_, result)| *result == wanted).count();
    format!("{} pass, {} fail, {} skip", count(Outcome::Pass), count(Outcome::Fail), count(Outcome::Skip))
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Skip => "skip",
    }
}

fn order(case: &str) -> CaseOrder {
    // A part that is no number sorts behind the numbers, by its letters.
    CaseOrder(case.split('.').map(|part| (part.parse().unwrap_or(u64::MAX), part.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn changes(committed: &str, fresh: &str) -> Vec<String> {
        compare(&score(committed), &score(fresh))
    }

    #[track_caller]
    fn score(text: &str) -> Score {
        let lines: Vec<String> = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(case, result)| format!("{{\"case\":\"{case}\",\"result\":\"{result}\"}}"))
            .collect();
        parse(&lines.join("\n")).expect("the fixture is well formed")
    }

    #[test]
    fn the_same_score_passes() {
        assert_eq!(changes("1=pass 2=fail 3=skip", "3=skip 2=fail 1=pass"), Vec::<String>::new());
    }

    #[test]
    fn a_pass_may_not_become_anything_else() {
        assert_eq!(changes("1=pass", "1=fail"), ["broken: 1 passed before, now fail"]);
        assert_eq!(changes("1=pass", "1=skip"), ["broken: 1 passed before, now skip"]);
        assert_eq!(changes("1=pass", ""), ["missing: 1 was pass, now it did not run"]);
    }

    #[test]
    fn a_gain_must_be_recorded() {
        assert_eq!(changes("1=fail", "1=pass"), ["gained: 1 passes now, record it"]);
        assert_eq!(changes("", "1=fail"), ["new: 1 is fail, record it"]);
    }

    #[test]
    fn cases_are_written_in_the_order_of_their_numbers() {
        let text = render(&score("10.1=pass 9.10=pass 9.2=fail x=skip")).expect("a score is always JSON");
        let cases: Vec<&str> = text.lines().filter_map(|line| line.split('"').nth(3)).collect();
        assert_eq!(cases, ["9.2", "9.10", "10.1", "x"]);
    }

    #[test]
    fn a_case_stands_once() {
        assert!(parse("{\"case\":\"1\",\"result\":\"pass\"}\n{\"case\":\"1\",\"result\":\"fail\"}").is_err());
        assert!(parse("{\"case\":\"1\",\"result\":\"maybe\"}").is_err());
    }
}
