//! The edge against real loopback connections. Deadlines are short, upper bounds generous: a loaded machine may be late,
//! it may not be early.

#![expect(clippy::unwrap_used, reason = "a test may be blunt")]

mod client;
mod http;
mod limits;
mod sockets;
mod tls;
