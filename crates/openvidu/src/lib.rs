//! The OpenVidu 2.x dialect: sessions, connections and signals, as openvidu-browser and the vendor's server clients speak
//! them. What is served, what is not and what differs is in `docs/dialects/openvidu.md`.
//!
//! A session is a room, a connection is a connection, a signal is a signal; one of a chat type is a message of the log. This
//! crate translates and keeps the few things of its own (sessions made by REST, tokens, who may come back); it knows no
//! engine and no other dialect.
//!
//! Start reading at `wire.rs` (the shapes) and its twins `from_wire.rs` and `to_wire.rs`, then `socket.rs` (the life of a
//! socket), `join.rs`, and `rest.rs`. Who pages of the drop-in script are is in `pages.rs`, what outlives a socket in `stay.rs`, what outlives the process in `book.rs`;
//! how it all begins is in `start.rs`.
//!
//! To add a method: 1. its shape in `wire.rs`, 2. an arm in `from_wire.rs`, 3. its act in `socket.rs`, 4. a line in
//! `docs/dialects/openvidu.md` and a golden transcript.

mod wire;

mod from_wire;
mod to_wire;

mod error;
mod ids;

mod auth;
mod book;
mod clerk;
mod join;
mod pages;
mod pulse;
mod stay;

mod settings;
mod start;
mod state;

pub mod rest;
pub mod socket;
pub mod webhook;

#[doc(hidden)]
pub mod fuzzing {
    //! What the fuzzer reaches for.
    pub use crate::from_wire::understood;
    pub use crate::to_wire::signed;
}

pub use rest::router;
pub use settings::OpenViduSettings;
pub use start::{OpenVidu, OpenViduParts};
pub use state::OpenViduState;

use sidetalk_core::model::Dialect;

/// The name of this dialect.
pub const DIALECT: Dialect = Dialect::new("openvidu");
