//! Git keeps a large file for ever, so none comes in by accident.

use super::{Finding, extension};
use crate::repository::Repository;

const SIZE_BYTES_MAX: u64 = 256 * 1024;

const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in repository.files() {
        if file.size_bytes > SIZE_BYTES_MAX && !may_be_large(path) {
            let what = format!("{} KiB, the most is {} KiB", file.size_bytes / 1024, SIZE_BYTES_MAX / 1024);
            let fix = "generate it, make it smaller, or put a picture under docs/; do not commit it and delete it later";
            findings.push(Finding::in_file(path, what, fix));
        }
    }
    findings
}

fn may_be_large(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_picture = matches!(extension(path), "png" | "jpg" | "jpeg" | "webp" | "gif" | "svg");
    LOCK_FILES.contains(&name) || (path.starts_with("docs/") && is_picture)
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;

    #[test]
    fn only_lock_files_and_pictures_may_be_large() {
        let text = "x".repeat(300 * 1024);
        let files = [
            ("Cargo.lock", text.as_str()),
            ("docs/demo.png", &text),
            ("docs/API.md", &text),
            ("bench/results.json", &text),
        ];
        expect(check, &files, &["bench/results.json: 300 KiB", "docs/API.md: 300 KiB"]);
    }
}
