//! The form of `CHANGELOG.md`: what a user gains or loses, newest first.
//!
//! ```text
//! # Changelog
//!
//! ## Unreleased
//!
//! ### Added
//!
//! - A sentence for the user.
//!
//! ## 0.1.0 - 2026-11-21
//! ```

use super::{Finding, lines};
use crate::repository::Repository;

const PATH: &str = "CHANGELOG.md";
const GROUPS: &[&str] = &["Added", "Changed", "Fixed", "Removed", "Security"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(text) = repository.text(PATH) else {
        let fix = "write it: `# Changelog`, `## Unreleased`, and a line for each thing that a user gains";
        return vec![Finding::in_file(PATH, "is missing", fix)];
    };
    let mut findings = Vec::new();
    if text.lines().next() != Some("# Changelog") {
        findings.push(Finding::at(PATH, 1, "the title is not `# Changelog`", "make it the first line"));
    }
    let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    if sections.first() != Some(&"Unreleased") {
        let fix = "put `## Unreleased` above the newest version";
        findings.push(Finding::in_file(PATH, "the first section is not `## Unreleased`", fix));
    }
    let mut previous = None;
    for (number, line) in lines(text) {
        if let Some(section) = line.strip_prefix("## ").filter(|section| *section != "Unreleased") {
            match version(section) {
                None => findings.push(Finding::at(
                    PATH,
                    number,
                    format!("not a version with its day: {section}"),
                    "write `## 1.2.3 - 2026-11-21`",
                )),
                Some(version) => {
                    if previous.is_some_and(|previous| previous <= version) {
                        let fix = "newest version first, each once";
                        findings.push(Finding::at(PATH, number, format!("{section} is out of order"), fix));
                    }
                    previous = Some(version);
                }
            }
        }
        if let Some(group) = line.strip_prefix("### ").filter(|group| !GROUPS.contains(group)) {
            let fix = format!("use one of {}", GROUPS.join(", "));
            findings.push(Finding::at(PATH, number, format!("unknown group: {group}"), fix));
        }
        if line.starts_with("- ") && !starts_like_a_sentence(&line[2..]) {
            let fix = "begin with a capital letter or `code`, in the user's words";
            findings.push(Finding::at(PATH, number, "the entry is not a sentence", fix));
        }
    }
    findings
}

fn starts_like_a_sentence(entry: &str) -> bool {
    entry.starts_with(|first: char| first.is_uppercase() || first.is_numeric() || "`*<[\"".contains(first))
}

/// `1.2.3 - 2026-11-21` as its three numbers.
fn version(section: &str) -> Option<[u32; 3]> {
    let (version, day) = section.split_once(" - ")?;
    let day_is_plain = day.len() == 10 && day.split('-').map(str::len).eq([4, 2, 2]);
    let digits = day.chars().all(|character| character.is_ascii_digit() || character == '-');
    let numbers: Vec<u32> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok().filter(|_| day_is_plain && digits)
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn a_good_changelog_passes() {
        let text = "# Changelog\n\n## Unreleased\n\n### Added\n\n- Rooms.\n\n## 0.2.0 - 2026-12-01\n\n## 0.1.0 - 2026-11-21\n";
        expect(check, &[(PATH, text)], &[]);
    }

    #[test]
    fn a_missing_changelog_is_found() {
        expect(check, &[], &["CHANGELOG.md: is missing"]);
    }

    #[test]
    fn form_is_checked() {
        let text =
            "# Changes\n## 0.1.0\n### New\n- lower case\n## 0.1.0 - 2026-11-21\n## 0.2.0 - 2026-11-22\n";
        expect(
            check,
            &[(PATH, text)],
            &[
                "CHANGELOG.md:1: the title",
                "CHANGELOG.md: the first section",
                "CHANGELOG.md:2: not a version",
                "CHANGELOG.md:3: unknown group: New",
                "CHANGELOG.md:4: the entry",
                "CHANGELOG.md:6: 0.2.0 - 2026-11-22 is out of order",
            ],
        );
    }
}
