//! The native face as its clients see it: golden transcripts, limits, documents, and who sees what.

#![expect(clippy::unwrap_used, reason = "a test may be blunt, its helpers too")]
#![expect(unreachable_pub, reason = "helpers are shared by the modules of this binary")]

mod answers;
mod app;
mod documents;
mod golden;
mod kept;
mod leaks;
mod limits;
mod properties;
mod rejudged;
mod rest;
mod sockets;
