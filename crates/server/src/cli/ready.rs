//! The file that says that a server is ready.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::wiring::Server;

/// It holds a secret in `sidetalk dev`, so it is for its owner alone. It goes when this is dropped.
pub(super) struct ReadyFile {
    file: PathBuf,
    /// Written here and renamed, so that a reader never sees half of it.
    beside: PathBuf,
}

impl ReadyFile {
    /// Looks whether it can be written, before anybody relies on it, and removes one that was left over.
    pub(super) fn prepare(file: PathBuf) -> Result<Self> {
        let mut beside = file.as_os_str().to_owned();
        beside.push(".new");
        let ready = Self { file, beside: beside.into() };
        ready.remove().and_then(|()| ready.put("")).with_context(|| ready.complaint())?;
        Ok(ready)
    }

    /// Says that the server is ready.
    pub(super) fn write(&self, server: &Server) -> Result<()> {
        let mut ready = json!({
            "url": server.url(),
            "admin_url": server.admin_url(),
            "pid": std::process::id(),
        });
        if let Some(project) = server.project() {
            ready["project"] = json!({ "key": project.id.get(), "secret": *project.secret });
        }
        self.put(&format!("{ready:#}\n"))
            .and_then(|()| fs::rename(&self.beside, &self.file))
            .with_context(|| self.complaint())
    }

    fn put(&self, text: &str) -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&self.beside)?;
        file.write_all(text.as_bytes())
    }

    fn remove(&self) -> std::io::Result<()> {
        for file in [&self.beside, &self.file] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn complaint(&self) -> String {
        format!("cannot write the ready file {}", self.file.display())
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // What is left over is removed at the next start.
        let _ = self.remove();
    }
}
