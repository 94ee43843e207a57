//! A Rust file that no `mod` line reaches is not compiled, and rots.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Finding, extension};
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifests =
        repository.texts().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)));
    for (folder, manifest) in manifests {
        let reached = reached(repository, folder, manifest);
        let prefix = format!("{folder}/");
        for (path, _) in repository.files() {
            if path.starts_with(&prefix) && extension(path) == "rs" && !reached.contains(path) {
                let fix = "add a `mod` line where it belongs, or delete the file";
                findings.push(Finding::in_file(path, "no `mod` line leads here", fix));
            }
        }
    }
    findings
}

fn reached(repository: &Repository, folder: &str, manifest: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = roots(repository, folder, manifest);
    while let Some(path) = open.pop() {
        let Some(text) = repository.text(&path) else { continue };
        if reached.insert(path.clone()) {
            open.extend(children(&path, text));
        }
    }
    reached
}

/// Where cargo begins to read: the usual places, and the paths that the manifest names.
fn roots(repository: &Repository, folder: &str, manifest: &str) -> Vec<String> {
    let in_folder = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
    let usual = repository.files().filter_map(|(path, _)| {
        let inner = in_folder(path)?;
        let parts: Vec<&str> = inner.split('/').collect();
        let is_root = matches!(
            parts.as_slice(),
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
                | ["tests" | "benches" | "examples", _]
                | ["tests" | "benches" | "examples", _, "main.rs"]
        );
        is_root.then(|| path.to_owned())
    });
    usual.chain(named(folder, manifest)).collect()
}

fn named(folder: &str, manifest: &str) -> Vec<String> {
    let Ok(manifest) = manifest.parse::<Table>() else { return Vec::new() };
    let tables = ["lib", "bin", "test", "bench", "example"].into_iter().filter_map(|kind| manifest.get(kind));
    let entries = tables.flat_map(|value| match value {
        Value::Array(entries) => entries.clone(),
        other => vec![other.clone()],
    });
    entries.filter_map(|entry| Some(format!("{folder}/{}", entry.get("path")?.as_str()?))).collect()
}

/// The files that the `mod` lines of a file may mean.
fn children(path: &str, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    let is_root = matches!(stem, "lib" | "main" | "mod" | "build");
    let own = format!("{folder}/{stem}");
    let mut children = Vec::new();
    let mut explicit = None;
    for line in text.lines().map(str::trim) {
        if let Some(value) = line.strip_prefix("#[path = \"") {
            explicit = value.split('"').next().map(|value| format!("{folder}/{value}"));
        }
        if let Some(value) = line.split_once("include!(\"").and_then(|(_, rest)| rest.split('"').next()) {
            children.push(format!("{folder}/{value}"));
        }
        let Some(module) = module(line) else { continue };
        children.extend(explicit.take());
        // The roots of tests, benches and binaries look beside themselves; other files look in the folder of their name.
        for base in [Some(own.as_str()), Some(folder)].into_iter().flatten() {
            if base == folder && !is_root && !is_target_root(path) {
                continue;
            }
            children.push(format!("{base}/{module}.rs"));
            children.push(format!("{base}/{module}/mod.rs"));
        }
    }
    children
}

fn is_target_root(path: &str) -> bool {
    path.rsplit('/')
        .nth(1)
        .is_some_and(|folder| matches!(folder, "bin" | "tests" | "benches" | "examples" | "fuzz_targets"))
}

/// The name in `mod name;`, whatever its visibility.
fn module(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("mod ")?;
    let is_visibility = before.is_empty() || before.trim_end() == "pub" || before.trim_end().ends_with(')');
    let name = after.split(';').next().filter(|_| after.contains(';'))?.trim();
    let is_name = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    Some(name).filter(|_| is_visibility && is_name)
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn files_without_a_mod_line_are_found() {
        let files = [
            ("crates/core/Cargo.toml", ""),
            ("crates/core/src/lib.rs", "pub mod room;\npub(crate) mod hub;"),
            ("crates/core/src/room.rs", "#[cfg(test)]\nmod tests;"),
            ("crates/core/src/room/tests.rs", ""),
            ("crates/core/src/room/old.rs", ""),
            ("crates/core/src/hub/mod.rs", ""),
            ("crates/core/src/left.rs", ""),
        ];
        let wanted = ["crates/core/src/left.rs: no `mod`", "crates/core/src/room/old.rs: no `mod`"];
        expect(check, &files, &wanted);
    }

    #[test]
    fn named_paths_and_test_roots_count() {
        let files = [
            ("fuzz/Cargo.toml", "[[bin]]\nname = \"a\"\npath = \"fuzz_targets/a.rs\""),
            ("fuzz/fuzz_targets/a.rs", ""),
            ("fuzz/tests/it/main.rs", "mod kill;\n#[path = \"../shared.rs\"]\nmod shared;"),
            ("fuzz/tests/it/kill.rs", ""),
            ("fuzz/build.rs", ""),
        ];
        expect(check, &files, &[]);
    }

    #[test]
    fn mod_lines_are_read_whatever_their_visibility() {
        assert_eq!(module("pub(crate) mod a_b;"), Some("a_b"));
        assert_eq!(module("mod tests {"), None);
        assert_eq!(module("// the mod line;"), None);
    }
}
