//! The heart of Sidetalk: the words, the rules and the one write path.
//!
//! This crate says what a room is, who may do what in it, in which order things happened and who may see them. It knows
//! no sockets, no SQL, no wire format, no clock and no randomness of its own: engines implement its [`ports`], faces
//! (the dialects) translate their frames into its [`command`]s and its [`event`]s into their frames.
//!
//! Start reading at [`model`] (the vocabulary), then [`room`] (the rules: state + command → decision | refusal), then
//! [`transaction`] (how a decision becomes a log entry) and [`service`] (how a command travels). [`hub`] is the live side.
//!
//! To add a command: 1. a variant in [`command`], 2. a variant in [`event`], 3. its rule in [`room`] with a transcript
//! test, 4. a line in each face's `from_wire.rs` and `to_wire.rs` (the compiler lists them).

pub mod access;
pub mod command;
pub mod event;
pub mod hub;
pub mod limits;
pub mod model;
pub mod ports;
pub mod refusal;
pub mod room;
pub mod roster;
pub mod service;
pub mod transaction;
mod weight;
