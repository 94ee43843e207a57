//! The OpenTok / Vonage Video dialect: what the vendor's server clients call, and the way of its pages in. What is served,
//! what is not and what differs is in `docs/dialects/opentok.md`.
//!
//! A session is a room whose name says whose it is, a connection is a connection, a signal is a signal; one of a chat type
//! is a message of the log. Pages speak our own dialect: the drop-in script changes the vendor's token for a native one, so
//! there is no socket and no renderer here. This crate keeps nothing but the public keys of applications; its clerk sees to it
//! that who was put out stays out. It knows no engine and no other dialect.
//!
//! Start reading at `wire.rs` (the shapes) and `ids.rs` (names of projects and sessions), then `auth.rs` (servers) and
//! `token.rs` (people), which both stand on `jwt.rs` and `signer.rs`, then `rest.rs`.
//!
//! To add a route: 1. its shapes in `wire.rs`, 2. their reading in `from_wire.rs`, 3. a handler in `rest/` and its line in
//! `rest.rs`, 4. a line in `docs/dialects/opentok.md` and a golden transcript.

mod wire;

mod from_wire;

mod ids;

pub mod application;
mod jwt;
mod signer;

mod auth;
mod token;

mod settings;
mod state;

mod clerk;

pub mod rest;
pub mod webhook;

#[doc(hidden)]
pub mod fuzzing {
    //! What the fuzzer reaches for.
    pub use crate::from_wire::understood as body;
    pub use crate::ids::understood as session;
    pub use crate::token::understood as token;
}

pub use application::Application;
pub use clerk::Clerk;
pub use rest::{fold_slashes, router};
pub use settings::OpenTokSettings;
pub use state::{OpenTokParts, OpenTokState};

use sidetalk_core::model::Dialect;

/// The name of this dialect.
pub const DIALECT: Dialect = Dialect::new("opentok");
