//! The binary `sidetalk`: the only production code that names a concrete engine.
//!
//! It reads what an operator sets, puts store, fan-out, core and faces together, starts and stops them. It decides
//! nothing about rooms and knows no wire format but its own operator's.
//!
//! Start reading at [`cli`] (what can be asked of the binary), then [`config`] (what can be set), [`wiring`] (how a server
//! is put together) and [`lifecycle`] (how it starts and stops).
//!
//! To add a command: 1. a file in `cli/` with its arguments and a `run`, 2. a variant in [`cli`], 3. `cargo xtask codegen`.

pub mod cli;

pub mod config;

pub mod wiring;

pub mod dialects;

pub mod lifecycle;

pub mod measured;

pub mod admin;

pub mod orders;

pub mod control;

pub mod assets;

pub mod jwks;

pub mod projects;

pub mod certificate;

pub mod clock;

pub mod telemetry;
