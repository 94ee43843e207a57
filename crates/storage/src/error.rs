//! What can go wrong: opening a store, and inside an engine.

use std::path::PathBuf;

use sidetalk_core::refusal::{Failure, Refusal, Unavailable};

use crate::rows::BadRow;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this process, holds the file.
    #[error("{} is in use by another process; stop it first", path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// A newer version of Sidetalk has written it.
    #[error("{} has schema {found}, this version knows {known}; use the newer version again", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// It is some other program's database.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// It is a backup that was put beside the write-ahead log of the store that it replaces.
    #[error(
        "{path} is a backup, and {path}-wal belongs to the store that was there before; remove {path}-wal and {path}-shm",
        path = path.display()
    )]
    ForeignLog {
        /// The database file.
        path: PathBuf,
    },
    /// The folder or the file cannot be used.
    #[error("{} cannot be used", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine said no.
    #[error("{} cannot be opened", path.display())]
    Engine {
        /// The database file.
        path: PathBuf,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What ends a piece of work inside an engine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Row(#[from] BadRow),
    #[error("room {room} has reached its last number, {last}")]
    Numbers { room: String, last: u64 },
    #[error("there are {last} rooms, which is all that fit")]
    Rooms { last: i64 },
    #[error("a message for connections cannot be stored")]
    ForConnections,
    #[error("the file cannot be written")]
    Io(#[from] std::io::Error),
    #[error("this failure was asked for by a test")]
    Injected,
    #[error(transparent)]
    Unavailable(Unavailable),
    #[error("the batch was undone: {0}")]
    Undone(String),
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::types::FromSqlError> for Fault {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Sql(error.into())
    }
}

impl Fault {
    /// What the caller is told; `doing` is for the log.
    pub(crate) fn failure(self, doing: &'static str) -> Failure {
        match self {
            Self::Refused(refusal) => Failure::Refused(refusal),
            Self::Unavailable(unavailable) => Failure::Unavailable(unavailable),
            fault => Failure::Unavailable(Unavailable::new(doing, fault)),
        }
    }

    pub(crate) fn unavailable(self, doing: &'static str) -> Unavailable {
        Unavailable::new(doing, self)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}
