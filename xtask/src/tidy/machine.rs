//! What is committed works on any machine: no folder of a person's disk, no package registry but the public ones.

use super::{Finding, lines};
use crate::repository::Repository;

// Written in halves, so that this file keeps its own rule.
const FOLDERS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
const REGISTRY_WORDS: &[&str] = &[
    concat!("artif", "actory"),
    concat!("jfr", "og.io"),
    concat!("verd", "accio"),
    concat!("nexus-", "repository"),
    concat!("pkgs.", "dev.azure.com"),
    concat!("code", "artifact"),
];

const NPM_REGISTRY: &str = "https://registry.npmjs.org/";
const CARGO_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Files that may name such a folder, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts() {
        if EXCEPTIONS.iter().any(|(row, _)| *row == path) {
            continue;
        }
        for (number, line) in lines(text) {
            findings.extend(folder(path, number, line));
            findings.extend(registry(path, number, line));
        }
    }
    findings
}

fn folder(path: &str, number: usize, line: &str) -> Option<Finding> {
    let folder = FOLDERS.iter().find(|folder| starts_a_path(line, folder))?;
    let fix = "write the path relative to the repository, or take it from an argument";
    Some(Finding::at(path, number, format!("a folder of one machine: {folder}"), fix))
}

/// Whether the folder stands at the beginning of a path, rather than inside a longer one or an address.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_-.})>*~]".contains(character))
    })
}

fn registry(path: &str, number: usize, line: &str) -> Option<Finding> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_foreign = match name {
        "package-lock.json" => quoted(line, "\"resolved\": ").is_some_and(is_foreign_npm_address),
        "Cargo.lock" => quoted(line, "source = ").is_some_and(|source| source != CARGO_REGISTRY),
        ".npmrc" => {
            line.split_once("registry=").is_some_and(|(_, address)| !address.starts_with(NPM_REGISTRY))
        }
        _ => false,
    };
    let lower = line.to_lowercase();
    if !is_foreign && !REGISTRY_WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let fix = match name {
        "package-lock.json" => {
            "put `omit-lockfile-registry-resolved=true` into .npmrc beside it and run \
             `npm install --omit-lockfile-registry-resolved`"
        }
        "Cargo.lock" => {
            "remove the source replacement from the cargo configuration and run `cargo update --workspace`"
        }
        _ => "remove the address; whoever needs a mirror sets it outside the repository",
    };
    Some(Finding::at(path, number, "a package registry other than the public one", fix))
}

/// Links inside the workspace (`"resolved": "packages/client"`) are not addresses.
fn is_foreign_npm_address(address: &str) -> bool {
    address.contains("://") && !address.starts_with(NPM_REGISTRY)
}

fn quoted<'line>(line: &'line str, key: &str) -> Option<&'line str> {
    let (_, value) = line.split_once(key)?;
    value.strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn folders_of_a_machine_are_found() {
        let text = concat!("cd /ho", "me/me/sidetalk\nopen https://host/wo", "rk/a\nls \"/wo", "rk/main\"");
        expect(check, &[("docs/A.md", text)], &["docs/A.md:1: a folder", "docs/A.md:3: a folder"]);
    }

    #[test]
    fn lock_files_name_public_registries_only() {
        let npm = "\"resolved\": \"https://registry.npmjs.org/a/-/a-1.tgz\",\n\"resolved\": \"packages/client\",\n\"resolved\": \"https://npm.example.com/a.tgz\",";
        let cargo = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"git+https://example.com/a\"";
        let files = [("web/package-lock.json", npm), ("Cargo.lock", cargo)];
        expect(
            check,
            &files,
            &["Cargo.lock:2: a package registry", "web/package-lock.json:3: a package registry"],
        );
    }

    #[test]
    fn private_registries_are_found_anywhere() {
        let files = [
            (".npmrc", "registry=https://npm.example.com/"),
            ("a.md", concat!("see https://x/artif", "actory/npm")),
        ];
        expect(check, &files, &[".npmrc:1: a package registry", "a.md:1: a package registry"]);
    }
}
