//! The native dialect: one WebSocket for people, REST for back ends, the same words in both. What it promises is in
//! `docs/api/native.md`; `/openapi.json` and `/asyncapi.json` say it to machines and are made from this code.
//!
//! It translates and counts; it decides nothing that is a rule of the room (that is core's) and moves no bytes (that is
//! edge's). It knows no engine and no other dialect.
//!
//! Start reading at [`wire`] (the shapes), then [`from_wire`] and [`to_wire`] (their twins), [`socket`] (the life of a
//! connection) and [`rest`]. What both can do is in `acts.rs`. Who may come in is in [`token`] and `auth.rs`.
//!
//! To add a method: 1. its shape in [`wire::request`], 2. a line in [`methods`], 3. the arm in [`from_wire`] that the
//! compiler asks for, 4. its act, 5. a line in `docs/api/native.md` and a golden transcript (tests ask for both).

pub mod wire;

pub mod methods;

pub mod from_wire;

pub mod to_wire;

pub mod errors;

pub mod token;

mod auth;
mod ticket;

mod state;

pub mod limits;

mod expiry;

mod keep;

mod acts;

pub mod socket;

pub mod rest;

mod sse;

mod documents;

pub mod demo;

pub use limits::{ApiLimits, DialectLimits};
pub use rest::router;
pub use state::{ApiParts, ApiState};

use std::sync::Arc;

use sidetalk_core::model::Dialect;
use sidetalk_core::ports::Face;

/// The name of this dialect.
pub const DIALECT: Dialect = Dialect::new("native");

/// The renderer of this dialect, for the service's list of faces.
#[must_use]
pub fn face() -> Arc<dyn Face> {
    Arc::new(to_wire::Native)
}
