//! The dialect as its clients see it: golden transcripts, what hostile clients try, lost connections, failing stores, and
//! rooms in which people of several dialects talk.

#![expect(clippy::unwrap_used, reason = "a test may be blunt, its helpers too")]
#![expect(unreachable_pub, reason = "helpers are shared by the modules of this binary")]

mod app;
mod member;

mod drop_in;
mod failures;
mod golden;
mod hostile;
mod losses;
mod names;
mod private;
mod rooms;
mod webhooks;
