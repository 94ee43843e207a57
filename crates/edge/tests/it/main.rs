//! The edge against real loopback connections. Deadlines are short, upper bounds generous: a loaded machine may be late,
//! it may not be early.

mod client;
mod http;
mod limits;
mod sockets;
mod tls;
