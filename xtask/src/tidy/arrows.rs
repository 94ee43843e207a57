//! Who may know whom. The table is the architecture; a manifest that says more is a finding.

use toml::{Table, Value};

use super::Finding;
use crate::repository::Repository;

/// A crate and the workspace crates that its production code may use. `*` is everything but the test kit.
/// Faces know core and edge, never each other and never an engine; engines know core only.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("storage", &["core"]),
    ("fanout", &["core"]),
    ("files", &["core"]),
    ("webhooks", &["core"]),
    ("edge", &["core"]),
    ("api", &["core", "edge"]),
    ("opentok", &["core", "edge"]),
    ("openvidu", &["core", "edge"]),
    ("kandy", &["core", "edge"]),
    ("realtimekit", &["core", "edge"]),
    ("opentalk", &["core", "edge"]),
    ("server", &["*"]),
    ("testkit", &["*"]),
    ("fuzz", &["core", "edge", "api", "opentok", "openvidu", "kandy", "realtimekit", "opentalk"]),
    ("xtask", &[]),
    ("bench", &[]),
    ("oracle", &[]),
];

const PREFIX: &str = "sidetalk-";

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        let name = folder.rsplit('/').next().unwrap_or(folder);
        match text.parse::<Table>() {
            Ok(manifest) => findings.extend(manifest_findings(path, name, &manifest)),
            Err(error) => findings.push(Finding::in_file(
                path,
                format!("not TOML: {}", error.message()),
                "correct the manifest; `cargo metadata` shows the place",
            )),
        }
    }
    findings
}

fn manifest_findings(path: &str, name: &str, manifest: &Table) -> Vec<Finding> {
    let known = known(manifest);
    let Some((_, allowed)) = ARROWS.iter().find(|(row, _)| *row == name) else {
        let fix = "add a row to ARROWS in xtask/src/tidy/arrows.rs after the design names the crate";
        return vec![Finding::in_file(
            path,
            format!("the crate {name} has no row in the table of arrows"),
            fix,
        )];
    };
    known
        .into_iter()
        .filter(|arrow| !arrow.is_allowed(allowed))
        .map(|arrow| arrow.finding(path, name, allowed))
        .collect()
}

struct Arrow {
    target: String,
    dev: bool,
}

impl Arrow {
    fn is_allowed(&self, allowed: &[&str]) -> bool {
        if self.target == "testkit" {
            return self.dev;
        }
        allowed.contains(&"*") || allowed.contains(&self.target.as_str())
    }

    fn finding(self, path: &str, name: &str, allowed: &[&str]) -> Finding {
        let Arrow { target, dev } = self;
        if target == "testkit" {
            let fix = "move the line to [dev-dependencies]";
            return Finding::in_file(path, format!("{name} uses the test kit in production code"), fix);
        }
        let may =
            if allowed.is_empty() { "no crate of the workspace".to_owned() } else { allowed.join(", ") };
        let kind = if dev { " in its tests" } else { "" };
        let way = if dev {
            "go through sidetalk-testkit"
        } else {
            "describe the need as a port in core, wire it in server"
        };
        Finding::in_file(
            path,
            format!("{name} must not know {target}{kind}"),
            format!("drop the line and {way}; {name} may know {may}"),
        )
    }
}

/// The workspace crates that a manifest names, in every table of dependencies.
fn known(manifest: &Table) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    let targets = manifest.get("target").and_then(Value::as_table);
    let platforms = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    for table in std::iter::once(manifest).chain(platforms) {
        for (kind, dev) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            let dependencies = table.get(kind).and_then(Value::as_table);
            for (key, value) in dependencies.into_iter().flatten() {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                if let Some(target) = package.strip_prefix(PREFIX) {
                    arrows.push(Arrow { target: target.to_owned(), dev });
                }
            }
        }
    }
    arrows
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn core_knows_nobody() {
        let files =
            [("crates/core/Cargo.toml", "[dependencies]\nsidetalk-storage.workspace = true\nuuid = \"1\"")];
        expect(check, &files, &["crates/core/Cargo.toml: core must not know storage"]);
    }

    #[test]
    fn engines_know_core_only() {
        let files = [(
            "crates/storage/Cargo.toml",
            "[dependencies]\nsidetalk-core.workspace = true\nsidetalk-edge.workspace = true",
        )];
        expect(check, &files, &["crates/storage/Cargo.toml: storage must not know edge"]);
    }

    #[test]
    fn faces_do_not_know_each_other() {
        let files = [("crates/opentok/Cargo.toml", "[dependencies]\nsidetalk-api = { path = \"../api\" }")];
        expect(check, &files, &["crates/opentok/Cargo.toml: opentok must not know api"]);
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let files = [
            ("crates/server/Cargo.toml", "[dependencies]\nsidetalk-testkit.workspace = true"),
            ("crates/edge/Cargo.toml", "[dev-dependencies]\nsidetalk-testkit.workspace = true"),
        ];
        expect(check, &files, &["crates/server/Cargo.toml: server uses the test kit"]);
    }

    #[test]
    fn server_and_test_kit_know_everybody() {
        let text = "[dependencies]\nsidetalk-core.workspace = true\nsidetalk-storage.workspace = true";
        expect(check, &[("crates/server/Cargo.toml", text), ("crates/testkit/Cargo.toml", text)], &[]);
    }

    #[test]
    fn a_renamed_dependency_does_not_hide() {
        let text = "[target.'cfg(unix)'.dependencies]\nstore = { package = \"sidetalk-storage\" }";
        expect(check, &[("bench/Cargo.toml", text)], &["bench/Cargo.toml: bench must not know storage"]);
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        let files = [("crates/extras/Cargo.toml", "[package]\nname = \"sidetalk-extras\"")];
        expect(check, &files, &["crates/extras/Cargo.toml: the crate extras has no row"]);
    }
}
