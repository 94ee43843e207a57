//! Pages build nodes. A string that becomes HTML is how one person's message becomes another person's script.

use super::{Finding, extension, is_test, lines};
use crate::repository::Repository;

const SINKS: &[&str] =
    &["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts() {
        let is_page = path.starts_with("sdk/") || path.starts_with("web/");
        let is_source = matches!(extension(path), "ts" | "tsx" | "js" | "jsx" | "mjs" | "html");
        if !is_page || !is_source || is_test(path) {
            continue;
        }
        for (number, line) in lines(text).filter(|(_, line)| !is_comment(line)) {
            for sink in SINKS.iter().filter(|sink| line.to_lowercase().contains(&sink.to_lowercase())) {
                let fix = "create elements and set textContent";
                findings.push(Finding::at(path, number, format!("{sink} makes HTML of a string"), fix));
            }
        }
    }
    findings
}

/// A comment may name what the code avoids.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("/*") || line.starts_with("* ")
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn strings_do_not_become_html() {
        let files = [
            ("sdk/packages/elements/src/panel.ts", "// Never innerHTML.\nrow.innerHTML = text;"),
            ("sdk/packages/elements/src/panel.test.ts", "equal(row.innerHTML, '');"),
            ("web/src/demo.tsx", "<p dangerouslySetInnerHTML={x} />"),
            ("docs/API.md", "innerHTML"),
        ];
        expect(
            check,
            &files,
            &["sdk/packages/elements/src/panel.ts:2: innerHTML", "web/src/demo.tsx:1: innerHTML"],
        );
    }
}
