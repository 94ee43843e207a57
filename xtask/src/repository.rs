//! The files of the repository, read once and handed to the checks as plain values, so that a test can make its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Every file that is tracked, or would be after `git add --all`. Paths are relative and use `/`.
#[derive(Default)]
pub(crate) struct Repository {
    files: BTreeMap<String, File>,
}

pub(crate) struct File {
    pub(crate) size_bytes: u64,
    /// `None` for a file that is not UTF-8 text.
    pub(crate) text: Option<String>,
}

impl Repository {
    /// Reads the work tree that git sees. A file that vanished since (another hand is at work) is left out.
    pub(crate) fn read(root: &Path) -> Result<Repository> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("cannot run git: install it")?;
        ensure!(output.status.success(), "git ls-files failed: run this inside a clone of the repository");
        let mut repository = Repository::default();
        for path in String::from_utf8_lossy(&output.stdout).split('\0').filter(|path| !path.is_empty()) {
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                repository.insert(path, bytes);
            }
        }
        Ok(repository)
    }

    /// A repository made of text, for tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Repository {
        let mut repository = Repository::default();
        for (path, text) in files {
            repository.insert(path, text.as_bytes().to_vec());
        }
        repository
    }

    fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        let size_bytes = bytes.len() as u64;
        self.files.insert(path.to_owned(), File { size_bytes, text: String::from_utf8(bytes).ok() });
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The text files, with their paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter_map(|(path, file)| Some((path, file.text.as_deref()?)))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }
}

/// The folder of the workspace, known from where this program was compiled.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask stands in the workspace folder").to_path_buf()
}
