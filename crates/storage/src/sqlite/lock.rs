//! Keeps two stores from opening the same file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// Held as long as the store is open. The system drops it when the process ends, however it ends.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, "lock");
        let io = |source| OpenError::Io { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: database.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that is being forked just now has a copy of the file: closing ours would leave the lock to it.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(error = %error, "could not unlock the store's file");
        }
    }
}

/// The file beside `path` with one more extension.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    with_suffix(path, &format!(".{extension}"))
}

/// The file whose name is that of `path` and a suffix.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
