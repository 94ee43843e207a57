//! The dialect as its clients see it: golden transcripts, tokens, histories, what hostile clients try, restarts, and rooms in
//! which people of several dialects talk.

#![expect(clippy::unwrap_used, reason = "a test may be blunt, its helpers too")]
#![expect(unreachable_pub, reason = "helpers are shared by the modules of this binary")]

mod app;
mod member;

mod dialects;
mod doors;
mod golden;
mod histories;
mod hostile;
mod leaks;
mod pace;
mod power;
mod returns;
mod tokens;
