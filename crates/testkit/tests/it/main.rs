//! The service on the real embedded store: what no single crate can show alone.

mod answers;
mod app;
mod client;
mod deletions;
mod ends;
mod hall;
mod lasting;
mod pausing;
mod races;
mod resume;
mod retries;
mod rng;
mod sittings;
mod stage;
