//! The real binary, started as an operator would, watched as a client would.

#![expect(clippy::disallowed_methods, reason = "these tests live in real time, beside a real process")]
#![expect(missing_docs, reason = "a test says what it does in its name")]

mod chat;
mod commands;
mod configuration;
mod kills;
mod running;
mod server;
mod socket;
