//! Where a room's rows lie: `key = room << 32 | seq`.

use sidetalk_core::model::Seq;

/// The most rooms that a store numbers in its life.
pub(super) const ROOM_MAX: i64 = (1 << 31) - 1;
/// The last number of a room's log.
pub(super) const SEQ_MAX: u64 = u32::MAX as u64;

/// The key of that entry; numbers above the last one stand for "behind the end".
pub(super) fn key(room: i64, seq: Seq) -> i64 {
    (room << 32) | i64::try_from(seq.0.min(SEQ_MAX)).expect("32 bits")
}

/// The number inside the room.
pub(super) fn seq(key: i64) -> Seq {
    Seq(key.unsigned_abs() & SEQ_MAX)
}

/// The keys of all of a room.
pub(super) fn first(room: i64) -> i64 {
    key(room, Seq::ZERO)
}

pub(super) fn last(room: i64) -> i64 {
    key(room, Seq(SEQ_MAX))
}
