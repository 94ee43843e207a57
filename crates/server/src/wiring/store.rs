//! The store: where it lies, how it is opened and closed.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use sidetalk_core::ports::{self, Entropy as _};
use sidetalk_storage::{Durability, OpenError, Sqlite, SqliteConfig};

use crate::clock::OsEntropy;
use crate::config::Config;
use crate::config::sections::Store;
use crate::config::setting::Durable;

use super::found::{Found, SCHEMA};

/// The name of the database in the data folder.
const FILE: &str = "sidetalk.db";

/// SQLite's, and ours.
const PAGE_BYTES: u64 = 4_096;

/// An open store, for the one who closes it.
#[derive(Clone)]
pub struct Held(Arc<Sqlite>);

impl Held {
    /// The store as the rest of the program sees it.
    pub fn store(&self) -> Arc<dyn ports::Store> {
        Arc::clone(&self.0) as Arc<dyn ports::Store>
    }

    /// Writes what was accepted and lets go of the file.
    pub async fn close(self) {
        // Closing waits for threads; the runtime must not wait with it.
        if tokio::task::spawn_blocking(move || self.0.close()).await.is_err() {
            tracing::error!("the store did not close cleanly");
        }
    }
}

/// Opens the store, making or migrating it as needed.
///
/// # Errors
/// If another process holds it, or the disk refuses.
pub async fn open_store(config: &Config) -> Result<Held> {
    let store = &config.store;
    make_folder(&store.path)?;
    let path = database(&store.path);
    let settings = SqliteConfig {
        readers: if store.readers == 0 { SqliteConfig::new(&path).readers } else { store.readers },
        durability: match store.durability {
            Durable::Full => Durability::Full,
            Durable::Normal => Durability::Normal,
        },
        write_cache_bytes: store.write_cache.size(),
        read_cache_bytes: store.read_cache.size(),
        sent_kept: config.limits.dedup_window.saturating_mul(2),
        ..SqliteConfig::new(&path)
    };
    let older = Found::at(&path).ok().and_then(Found::older);
    let opened = tokio::task::spawn_blocking(move || Sqlite::open(settings)).await?;
    let sqlite = opened.map_err(|error| explained(error, store))?;
    if let Some(from) = older {
        tracing::info!(from, to = SCHEMA, "the store was migrated: earlier versions cannot read it any more");
    }
    if store.size_max.0 > 0 {
        let used_bytes = std::fs::metadata(&path).map(|meta| meta.len()).unwrap_or(0);
        let pages = store.size_max.0.saturating_sub(used_bytes) / PAGE_BYTES;
        sqlite.limit_growth(Some(u32::try_from(pages).unwrap_or(u32::MAX))).await?;
    }
    Ok(Held(Arc::new(sqlite)))
}

/// Copies the store of a server that does not run, whatever its schema.
///
/// # Errors
/// If somebody uses it, or if the copy cannot be written.
pub fn copy_store(store: &Store, target: &Path) -> Result<()> {
    Sqlite::copy(&database(&store.path), target).map_err(|error| explained(error, store))
}

fn explained(error: OpenError, store: &Store) -> anyhow::Error {
    match error {
        OpenError::Locked { .. } => anyhow::anyhow!(
            "the data folder {} is in use by another sidetalk; stop it, or choose another folder with --data",
            store.path.display()
        ),
        other => other.into(),
    }
}

/// The database of a data folder.
pub fn database(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Says what to do if there is no store yet: a command that reads must not make an empty one.
///
/// # Errors
/// If there is none.
pub fn require_store(store: &Store) -> Result<()> {
    if database(&store.path).exists() {
        return Ok(());
    }
    bail!(
        "there is no store in {}; choose its folder with --data or --config, or make one with `sidetalk project create`",
        store.path.display()
    )
}

/// Says what to do if the store was written by an earlier version: only a server's start and `migrate up` may change it.
///
/// # Errors
/// If it was.
pub fn require_schema(store: &Store) -> Result<()> {
    // What cannot be read is for the opening to tell.
    let found = Found::at(&database(&store.path)).unwrap_or(Found::Nothing);
    let Some(schema) = found.older() else { return Ok(()) };
    bail!(
        "the store in {} has schema {schema}, this version needs {SCHEMA}: make a backup with `sidetalk backup`, \
         then run `sidetalk migrate up` or start the server",
        store.path.display()
    )
}

/// Makes the data folder for its owner alone.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the data folder {}", path.display()))
}

/// What others may do with the data folder, if they may: a store holds secrets and private messages.
pub fn folder_risk(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let shown = path.display();
    (mode & 0o077 != 0)
        .then(|| format!("the data folder {shown} is open to others (mode {mode:o}): chmod 700 {shown}"))
}

/// A data folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Makes it among the system's temporary files.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn make() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("sidetalk-{:032x}", OsEntropy.bits()));
        make_folder(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The system clears its folder of temporary files anyway.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
