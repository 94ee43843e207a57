//! The OpenTalk dialect: rooms, tickets and the chat, control and moderation modules of its signaling, in the generation whose
//! histories are arrays and, below a second prefix, in the one whose histories come in chunks. What is served, what is not
//! and what differs is in `docs/dialects/opentalk.md`.
//!
//! A room is a room, a participant is a connection, a scope is an audience. People of other dialects are participants too. This
//! crate translates and keeps the few things of its own (owners and passwords of rooms, invites, raised hands, the waiting
//! room); it knows no engine and no other dialect.
//!
//! Start reading at `wire.rs` (the shapes), `from_wire.rs` and `to_wire.rs`, then `socket.rs` (the life of a socket), `enter.rs`
//! (`join_success`), the modules `chat.rs` and `moderation.rs`, and `rest.rs`. `hall.rs` is who is in a room in this dialect's
//! eyes, `clerk.rs` keeps it.
//!
//! To add a command: 1. its shape in `wire.rs`, 2. its arm in the module, 3. a line in `docs/dialects/opentalk.md`, 4. a case
//! in `conformance/opentalk`, whose oracle reads every frame.

mod wire;

mod from_wire;
mod to_wire;

mod generation;
mod times;

mod auth;
mod book;
mod tickets;

mod rates;

mod clerk;
mod hall;

mod chat;
mod enter;
mod history;
mod power;

mod moderation;

mod settings;
mod state;

pub mod rest;
pub mod socket;

#[doc(hidden)]
pub mod fuzzing {
    //! What the fuzzer reaches for.
    pub use crate::from_wire::understood;
}

pub use auth::{IssuerKey, IssuerKeys};
pub use rest::router;
pub use settings::OpenTalkSettings;
pub use state::{OpenTalk, OpenTalkParts, OpenTalkState};

use sidetalk_core::model::Dialect;

/// The name of this dialect.
pub const DIALECT: Dialect = Dialect::new("opentalk");
