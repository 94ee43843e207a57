//! The OpenTalk dialect: rooms, tickets and the chat, control and moderation modules of its signaling.

use sidetalk_core::model::Dialect;

/// The name of this dialect.
pub const DIALECT: Dialect = Dialect::new("opentalk");
