//! The storage contract: every promise of `sidetalk_core::ports`, asked of every engine.
//!
//! `contract.rs` has the questions, written once for all engines; `world.rs` the words to ask them in; `sqlite.rs` what
//! only the embedded engine promises; `killed.rs` what is left after `kill -9`. A further engine is one more
//! implementation of [`world::Engine`] and one more line below.

mod contract;
mod killed;
mod sqlite;
mod world;

macro_rules! contract {
    ($engine:ident: $($promise:ident)*) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let engine = $crate::world::$engine::default();
                    $crate::contract::$promise($crate::world::World::new(engine)).await;
                }
            )*
        }
    };
}

contract! {
    Embedded:
    entries_are_numbered_without_gaps
    time_rises_when_the_clock_goes_back
    a_room_that_was_not_opened_is_gone
    opening_again_returns_the_room_unchanged
    a_retry_gets_the_first_result
    a_retry_is_known_after_the_message_is_gone
    what_is_refused_leaves_nothing
    nothing_is_posted_after_the_ban_that_forbids_it
    slow_mode_looks_at_the_last_post
    every_read_path_applies_the_audience_rule
    an_addressee_is_kept_and_hides_nothing
    groups_are_compared_exactly
    pages_are_right_at_every_edge
    a_conversation_has_its_own_pages
    a_deleted_message_is_a_tombstone
    an_edit_replaces_the_text_everywhere
    clearing_removes_one_conversation
    reactions_stand_in_the_order_of_first_use
    pins_can_be_listed
    replay_returns_what_was_committed
    replay_can_be_cut_anywhere
    a_deleted_room_comes_back_empty_in_another_epoch
    unread_messages_are_counted_up_to_a_bound
    the_newest_conversations_are_told_if_there_are_many
    a_marker_only_goes_forward
    search_finds_words
    search_takes_any_text
    search_follows_edits_and_deletions
    retention_removes_the_old_and_says_so
    an_erased_user_leaves_tombstones
    an_erased_user_is_named_nowhere
    a_ban_outlives_its_user
    the_messages_of_a_user_are_found
    a_backup_is_a_store
    the_sink_sees_every_commit_in_order
    the_sink_is_told_the_members
    the_sink_is_told_who_is_a_member_after_each_entry
    a_room_is_the_same_after_reopening
    rooms_are_listed_by_name
    projects_and_users_come_back_as_stored
    a_dialect_comes_back_with_what_came_by_it
    a_room_knows_under_which_types_each_dialect_chats
    a_record_is_added_once_and_replaced_at_will
    a_record_is_taken_once
    records_are_listed_and_removed_by_exact_beginnings
    a_record_ends_by_its_time_and_by_nothing_else
    check_writes
}
