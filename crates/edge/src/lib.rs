//! What every network face shares: an accept loop with deadlines, TLS, the WebSocket pump with its outbox, and the
//! primitives of authentication, rate limits, proxies and metrics.
//!
//! This crate moves bytes and counts them. It deliberately does not know rooms, messages, users or any dialect: of core
//! it uses only the port through which publishers reach a connection ([`sidetalk_core::ports::Outlet`]), and what a frame
//! means is the business of a face's [`socket::Session`]. (The one exception is [`drop_in`], which mints a native token out
//! of what a face hands to it.)
//!
//! Start reading at [`session`] (what a face writes) and [`socket`] (the life of a WebSocket), then [`outbox`] (how publishers reach it) and [`listener`] (how
//! a connection comes in). The numbers a client sees when a socket closes are all in [`close`].
//!
//! To add a face: 1. implement [`socket::Session`] for its frames, 2. make one [`socket::Sockets`] with its limits and
//! close numbers, 3. in its axum handler take an [`upgrade::Upgrade`] and call `open`, 4. let `server` merge its routes.

pub mod session;

pub mod socket;

mod scratch;

pub mod outbox;

pub mod berth;

pub mod reader;
mod utf8;

pub mod frame;

pub mod close;

pub mod liveness;

pub mod listener;

mod bodies;
mod connection;
pub mod gate;
pub mod stream;
pub mod tls;

pub mod upgrade;

pub mod origin;

pub mod proxy;

pub mod head;

pub mod caller;

pub mod base_path;

pub mod rate;

pub mod auth;

pub mod digits;

pub mod drop_in;

pub mod request_id;

pub mod metrics;
