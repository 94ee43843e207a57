//! The storage engines: where rooms, messages and projects live durably.
//!
//! An engine implements the store ports of `sidetalk_core::ports` and nothing else knows which one runs. Inside its
//! transaction it calls `sidetalk_core::transaction::execute`, so the rules themselves are not here. This crate
//! deliberately knows no sockets, no dialects and no clock.
//!
//! Start reading at [`Sqlite`] (the embedded engine), then `sqlite/writer.rs` (group commit), `sqlite/append.rs` (what an
//! entry does to the tables), `sqlite/message.rs` (the audience rule as SQL) and `migrations/sqlite` (the tables).
//! `README.md` has the measurements behind the choices.
//!
//! To add an engine: 1. a module beside `sqlite`, 2. its migrations beside `migrations/sqlite`, 3. its factory in
//! `tests/it/main.rs`, so that it passes the same contract, 4. its choice in the server's configuration.

mod error;
mod rows;
mod sqlite;
mod words;

pub use error::OpenError;
pub use sqlite::{Durability, Sqlite, SqliteConfig};
