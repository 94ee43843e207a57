//! The shapes of the native wire, field by field as `docs/api/native.md` has them.
//!
//! [`request`]: what clients send; borrowed from the frame where that is possible. [`answer`]: what they get; borrowed from
//! core's types, so that rendering copies nothing twice. [`notice`]: the notifications. [`json`]: what JSON needs beside
//! serde. Conversions are in [`from_wire`](crate::from_wire) and [`to_wire`](crate::to_wire).

pub mod json;

pub mod request;

pub mod answer;

pub mod notice;
