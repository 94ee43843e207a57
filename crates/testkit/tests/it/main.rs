//! The service on the real embedded store: what no single crate can show alone.

mod app;
mod client;
mod races;
mod resume;
mod retries;
mod rng;
mod stage;
