//! For tests only: the whole application on the embedded store in a scratch folder, with a clock and an entropy that the
//! test holds in its hand.
//!
//! Start reading at [`App`]: it is Sidetalk without a network. [`Person`] is somebody on a live connection, whose frames
//! are caught instead of sent; [`Socket`] is a client of an application that listens, [`ask`] one of a router that does not.
//! [`golden`] plays transcripts. [`fixed`] has the engines of time and chance, [`failing`] a store that fails when it is told.
//!
//! To add a helper: write the test that wants it first; a helper that one test uses stays in that test.

pub mod app;

pub mod answer;

pub mod person;

pub mod socket;

pub mod golden;

pub mod fixed;

pub mod failing;

pub use answer::{Answer, ask};
pub use app::{App, Setup};
pub use fixed::{CountingEntropy, FixedClock};
pub use person::Person;
pub use socket::Socket;
