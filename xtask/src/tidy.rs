//! Rules that no compiler checks. Each finding is one line that ends in what to do about it.
//!
//! A check is a plain function from the files to its findings, in a file of its own with its tests. To add one:
//! 1. write `tidy/<name>.rs` with `pub(crate) fn check(repository: &Repository) -> Vec<Finding>`;
//! 2. list it in `CHECKS`;
//! 3. give it a test that fails without the rule.
//!
//! A file that must break a rule gets an entry in that check's list of exceptions, with the reason.

mod arrows;
mod changelog;
mod dead_files;
mod dependencies;
mod html;
mod length;
mod machine;
mod markers;
mod size;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::repository::Repository;

type Check = fn(&Repository) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("arrows between crates", arrows::check),
    ("vendor words", words::check),
    ("unfinished code", markers::check),
    ("dead files", dead_files::check),
    ("length of files", length::check),
    ("size of files", size::check),
    ("HTML from strings", html::check),
    ("changelog", changelog::check),
    ("dependencies", dependencies::check),
    ("machines and registries", machine::check),
];

/// One broken rule: where, what, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 0 when the whole file is meant.
    line: usize,
    what: String,
    fix: String,
}

impl Finding {
    pub(crate) fn in_file(path: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::at(path, 0, what, fix)
    }

    pub(crate) fn at(path: &str, line: usize, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, what, fix } = self;
        match line {
            0 => write!(out, "{path}: {what}; fix: {fix}"),
            _ => write!(out, "{path}:{line}: {what}; fix: {fix}"),
        }
    }
}

/// Runs every check on the work tree. Fails when there is a finding.
pub(crate) fn run(root: &Path) -> Result<()> {
    let repository = Repository::read(root)?;
    let mut findings_count = 0;
    for (name, check) in CHECKS {
        let findings = check(&repository);
        if !findings.is_empty() {
            println!("tidy: {name}");
        }
        for finding in &findings {
            println!("  {finding}");
        }
        findings_count += findings.len();
    }
    if findings_count > 0 {
        bail!("tidy: {findings_count} findings");
    }
    println!("tidy: {} rules hold in {} files", CHECKS.len(), repository.files().count());
    Ok(())
}

/// Numbered lines, counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// What follows the last dot of the file's name.
fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Whether `word` stands in `line` with no letter, digit or underscore next to it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Tests of TypeScript and Rust, by their place or name.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_folder = path.split('/').any(|part| matches!(part, "test" | "tests" | "__tests__" | "golden"));
    in_folder
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
        || name.contains(".test.")
        || name.contains(".spec.")
}

#[cfg(test)]
#[track_caller]
fn expect(check: Check, files: &[(&str, &str)], wanted: &[&str]) {
    let found: Vec<String> = check(&Repository::of(files)).iter().map(Finding::to_string).collect();
    let fits =
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(line, start)| line.starts_with(start));
    assert!(fits, "wanted lines that start with {wanted:#?}, found {found:#?}");
    assert!(found.iter().all(|line| line.contains("; fix: ")), "a finding without a fix: {found:#?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_its_fix() {
        let finding = Finding::at("a.rs", 3, "a thing is wrong", "make it right");
        assert_eq!(finding.to_string(), "a.rs:3: a thing is wrong; fix: make it right");
        assert_eq!(Finding::in_file("a.rs", "w", "f").to_string(), "a.rs: w; fix: f");
    }

    #[test]
    fn words_have_borders() {
        assert!(has_word("// abc: later", "abc"));
        assert!(!has_word("mktemp xabc", "abc"));
        assert!(!has_word("abc_1", "abc"));
    }

    #[test]
    fn tests_are_known_by_place_or_name() {
        assert!(is_test("crates/core/src/room/tests.rs"));
        assert!(is_test("crates/server/tests/it/main.rs"));
        assert!(is_test("sdk/packages/client/src/room.test.ts"));
        assert!(!is_test("crates/core/src/room.rs"));
    }
}
