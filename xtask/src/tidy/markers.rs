//! What is written is finished: no notes to self, no left-over debugging, no test that is switched off.

use super::{Finding, extension, has_word, lines};
use crate::repository::Repository;

// Written in halves, so that this file keeps its own rule.
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];
const MACROS: &[(&str, &str)] = &[
    (concat!("db", "g!("), "remove it, or log with tracing"),
    (concat!("to", "do!("), "write the code, or refuse with a stable code"),
    (concat!("unimpl", "emented!("), "write the code, or refuse with a stable code"),
    (concat!("#[ign", "ore"), "make the test fast or delete it; slow tests read an environment variable"),
];
const SWITCHES: &[&str] = &[
    concat!("it.on", "ly("),
    concat!("it.sk", "ip("),
    concat!("describe.on", "ly("),
    concat!("describe.sk", "ip("),
    concat!("test.on", "ly("),
    concat!("test.sk", "ip("),
];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts().filter(|(path, _)| is_code(path)) {
        for (number, line) in lines(text) {
            for note in NOTES.iter().filter(|note| has_word(line, note)) {
                let fix = "do it now, or open an issue and write what is true today";
                findings.push(Finding::at(path, number, format!("a note to self: {note}"), fix));
            }
            if extension(path) == "rs" {
                for (word, fix) in MACROS.iter().filter(|(word, _)| line.contains(word)) {
                    findings.push(Finding::at(path, number, format!("left over: {word}"), *fix));
                }
                continue;
            }
            for switch in SWITCHES.iter().filter(|switch| line.contains(*switch)) {
                let fix = "run every test always; delete a test that has no use";
                findings.push(Finding::at(path, number, format!("a switch on a test: {switch}"), fix));
            }
        }
    }
    findings
}

fn is_code(path: &str) -> bool {
    let by_extension = matches!(
        extension(path),
        "rs" | "ts"
            | "tsx"
            | "js"
            | "mjs"
            | "cjs"
            | "css"
            | "html"
            | "sh"
            | "py"
            | "sql"
            | "toml"
            | "yml"
            | "yaml"
    );
    by_extension || path == "Makefile" || path == ".ci/run"
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn notes_and_debugging_are_found() {
        let text =
            [concat!("// FIX", "ME later"), concat!("db", "g!(x);"), "fine();", concat!("to", "do!()")]
                .join("\n");
        expect(
            check,
            &[("crates/core/src/room.rs", &text)],
            &[
                concat!("crates/core/src/room.rs:1: a note to self: FIX", "ME"),
                concat!("crates/core/src/room.rs:2: left over: db", "g!("),
                concat!("crates/core/src/room.rs:4: left over: to", "do!("),
            ],
        );
    }

    #[test]
    fn switched_off_tests_are_found() {
        let rust = concat!("#[ign", "ore = \"slow\"]");
        let script = concat!("  it.on", "ly('sends', () => {})");
        let files = [("crates/a/src/a.rs", rust), ("sdk/packages/client/src/a.test.ts", script)];
        expect(
            check,
            &files,
            &["crates/a/src/a.rs:1: left over", "sdk/packages/client/src/a.test.ts:1: a switch"],
        );
    }

    #[test]
    fn templates_of_temporary_names_are_fine() {
        expect(check, &[("scripts/a.sh", concat!("mktemp /tmp/a.XX", "XXXX"))], &[]);
    }
}
