//! The words of vendors. In the crates that serve all dialects nobody says a vendor's name, not even in a comment;
//! in a dialect's own crate the vendor's field names stay in `wire.rs`.

use super::{Finding, extension, has_word, lines};
use crate::repository::Repository;

const NEUTRAL_CRATES: &[&str] = &["core", "storage", "fanout", "edge"];

const VENDOR_WORDS: &[&str] = &[
    "opentok",
    "tokbox",
    "vonage",
    "nexmo",
    "openvidu",
    "kandy",
    "cpaas",
    "ribbon",
    "realtimekit",
    "cloudflare",
    "dyte",
    "opentalk",
];

/// A dialect's crate and the field names that only its `wire.rs` may write as text. Add a row with the crate; take
/// names that cannot be mistaken for our own words.
const WIRE_FIELDS: &[(&str, &[&str])] = &[(
    "openvidu",
    &["customSessionId", "defaultRecordingProperties", "openviduCustomConnectionId", "sdkVersion"],
)];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts() {
        let Some(name) = crate_name(path) else { continue };
        if !matches!(extension(path), "rs" | "sql" | "toml") {
            continue;
        }
        if NEUTRAL_CRATES.contains(&name) {
            findings.extend(vendor_words(path, name, text));
        }
        findings.extend(wire_fields(path, name, text, WIRE_FIELDS));
    }
    findings
}

fn vendor_words(path: &str, name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in lines(text) {
        let lower = line.to_lowercase();
        for word in VENDOR_WORDS.iter().filter(|word| lower.contains(*word)) {
            let what = format!("{name} says \"{word}\", the name of a vendor");
            let fix = "use a word of docs/GLOSSARY.md, or move the code to the dialect's crate";
            findings.push(Finding::at(path, number, what, fix));
        }
    }
    findings
}

fn wire_fields(path: &str, name: &str, text: &str, table: &[(&str, &[&str])]) -> Vec<Finding> {
    let Some((_, fields)) = table.iter().find(|(row, _)| *row == name) else { return Vec::new() };
    if path.ends_with("/wire.rs") || path.contains("/golden/") || super::is_test(path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in lines(text) {
        for field in fields.iter().filter(|field| has_word(line, field)) {
            let what = format!("the vendor's field name \"{field}\" outside wire.rs");
            let fix =
                format!("name it in crates/{name}/src/wire.rs and convert in from_wire.rs or to_wire.rs");
            findings.push(Finding::at(path, number, what, fix));
        }
    }
    findings
}

fn crate_name(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn neutral_crates_name_no_vendor() {
        let files = [("crates/core/src/room.rs", "// as in\nstruct OpenTokSignal;")];
        expect(check, &files, &["crates/core/src/room.rs:2: core says \"opentok\""]);
    }

    #[test]
    fn faces_and_documents_may() {
        let files = [("crates/opentok/src/lib.rs", "//! OpenTok."), ("crates/core/README.md", "OpenTok")];
        expect(check, &files, &[]);
    }

    #[test]
    fn field_names_stay_in_wire() {
        let table: &[(&str, &[&str])] = &[("kandy", &["x-token"])];
        let findings = |path| wire_fields(path, "kandy", "let field = \"x-token\";", table).len();
        assert_eq!(findings("crates/kandy/src/rest.rs"), 1);
        assert_eq!(findings("crates/kandy/src/wire.rs"), 0);
        assert_eq!(findings("crates/kandy/src/rest/tests.rs"), 0);
    }
}
