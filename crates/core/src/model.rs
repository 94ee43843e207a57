//! The vocabulary: rooms, users, messages, audiences, positions.
//!
//! None of these types is serialisable on purpose: every wire, row and bus format owns its own shapes.

mod id;
mod label;
mod message;
mod people;
mod place;
mod time;

pub use id::{
    ClientId, ConnectionId, Dialect, Epoch, GroupName, InvalidName, MessageId, Position, ProjectId, RoomKey,
    RoomName, Seq, SignalType, UserId,
};
pub use label::Labels;
pub use message::{
    Audience, Draft, FileRef, Message, Part, Pin, Reaction, Sender, Signal, SignalData, TextFormat, text_of,
};
pub use people::{Actor, Identity, Member, Membership, Mute, Presence, Principal, Role, Viewer};
pub use place::{PrivateChat, RoomKind, RoomSettings, RoomSpec};
pub use time::{TimeText, Timestamp};
