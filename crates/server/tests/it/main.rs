//! The real binary, started as an operator would, watched as a client would.

#![expect(clippy::disallowed_methods, reason = "these tests live in real time, beside a real process")]

mod chat;
mod commands;
mod configuration;
mod kills;
mod opentok;
mod running;
mod secrets;
mod server;
mod socket;
