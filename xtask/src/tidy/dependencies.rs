//! A dependency is declared once, in the root manifest, with what it is for.

use toml::{Table, Value};

use super::{Finding, lines};
use crate::repository::Repository;

const ROOT: &str = "Cargo.toml";

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = repository.text(ROOT).map(uncommented).unwrap_or_default();
    for (path, text) in repository.texts().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        // A manifest that does not parse is reported with the arrows.
        if let Ok(manifest) = text.parse::<Table>() {
            findings.extend(own_versions(path, &manifest));
        }
    }
    findings
}

/// Lines of `[workspace.dependencies]` without a comment at their end. Our own crates explain themselves.
fn uncommented(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut inside = false;
    for (number, line) in lines(text) {
        if line.starts_with('[') {
            inside = line.trim() == "[workspace.dependencies]";
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) else {
            continue;
        };
        let name = name.trim();
        if !name.starts_with("sidetalk-") && !value.contains(" # ") {
            let what = format!("{name} does not say what it is for");
            findings.push(Finding::at(ROOT, number, what, "end the line in `# the purpose in a few words`"));
        }
    }
    findings
}

fn own_versions(path: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let dependencies = manifest.get(kind).and_then(Value::as_table);
        for (name, value) in dependencies.into_iter().flatten() {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                let fix =
                    "declare it in the root Cargo.toml with a comment and write `name.workspace = true` here";
                findings.push(Finding::in_file(
                    path,
                    format!("{name} is declared outside the root manifest"),
                    fix,
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn every_dependency_says_what_for() {
        let text = "[workspace.dependencies]\nsidetalk-core = { path = \"crates/core\" }\n# Data.\nbytes = \"1\" # frames\nuuid = \"1\"\n[profile.dev]\ndebug = false";
        expect(check, &[("Cargo.toml", text)], &["Cargo.toml:5: uuid does not say"]);
    }

    #[test]
    fn versions_stand_in_the_root() {
        let text = "[dependencies]\nuuid = \"1\"\nbytes.workspace = true\n[dev-dependencies]\ntempfile = { workspace = true }";
        expect(
            check,
            &[("crates/core/Cargo.toml", text)],
            &["crates/core/Cargo.toml: uuid is declared outside"],
        );
    }
}
