//! The service on the real embedded store: what no single crate can show alone.

mod client;
mod resume;
mod rng;
mod stage;
