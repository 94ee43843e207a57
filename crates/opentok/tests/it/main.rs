//! The dialect from outside: requests to its router, on the test kit's application.

#![expect(clippy::unwrap_used, reason = "a test may be blunt, its helpers too")]
#![expect(unreachable_pub, reason = "helpers are shared by the modules of this binary")]

mod app;

mod applications;
mod failures;
mod golden;
mod hostile;
mod limits;
mod put_out;
mod servers;
mod tokens;
mod watching;
