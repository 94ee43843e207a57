//! The rules as conversations: each line of a script is a wish, each line of the transcript its outcome.
//!
//! `alice*` is a moderator, `olga!` an owner, `gus~` a guest, `vic?` a viewer, `server` the server; others are members.
//! `@bob,carol` before a text makes it private, `#staff` sends it to a group, `+30s` lets time pass, `/k1` is a client id,
//! `>7` an addressee. `come 7` makes a connection present; `signal` and `chat` are signals, to all or `>7,8` to connections.

mod people;
mod script;
mod signals;

use expect_test::expect;

use script::check;

#[test]
fn posts_are_numbered_and_deleted_ones_leave_a_tombstone() {
    check(
        "alice: post hi
         bob: post hello
         alice: delete 1
         alice: delete 1
         bob: edit 1 no
         bob: edit 2 hello there",
        &expect![[r#"
            1 alice: posted "hi"
            2 bob: posted "hello"
            3 alice: deleted 1
            = unchanged
            x not_author: only the author may do this
            4 bob: edited 2 "hello there"
        "#]],
    );
}

#[test]
fn only_the_author_edits_and_moderators_may_delete() {
    check(
        "bob: post mine
         carol: edit 1 stolen
         alice*: edit 1 stolen
         carol: delete 1
         alice*: delete 1",
        &expect![[r#"
            1 bob: posted "mine"
            x not_author: only the author may do this
            x not_author: only the author may do this
            x not_author: only the author may do this
            2 alice: deleted 1
        "#]],
    );
}

#[test]
fn what_is_private_does_not_exist_for_others() {
    check(
        "alice: post @bob secret
         carol: edit 1 x
         carol: delete 1
         carol: react 1 👍
         mia*: delete 1
         mia*: pin 1
         carol: reply 1 what
         bob: react 1 👍
         bob: reply 1 @alice yes",
        &expect![[r#"
            1 alice to @alice,bob: posted "secret"
            x not_found: there is no such message for you
            x not_found: there is no such message for you
            x not_found: there is no such message for you
            x not_found: there is no such message for you
            x not_found: there is no such message for you
            x not_found: there is no such message for you
            2 bob to @alice,bob: reacted 👍 to 1
            3 bob to @alice,bob: posted "yes"
        "#]],
    );
}

#[test]
fn only_what_is_for_users_has_an_addressee() {
    check(
        "mia*: groups bob staff
         alice: post @bob >7 for one of yours
         alice: post >7 for all
         bob: post #staff >7 psst",
        &expect![[r#"
            1 mia: GroupsSet { user: "bob", groups: ["staff"] }
            2 alice to @alice,bob: posted "for one of yours"
            x invalid: addressee is for messages to users
            x invalid: addressee is for messages to users
        "#]],
    );
}

#[test]
fn a_group_hears_only_its_own() {
    check(
        "mia*: groups bob staff
         bob: post #staff psst
         carol: post #staff let me in
         carol: react 2 👍
         mia*: post #staff hello staff",
        &expect![[r#"
            1 mia: GroupsSet { user: "bob", groups: ["staff"] }
            2 bob to #staff: posted "psst"
            x not_found: there is no such group for you
            x not_found: there is no such message for you
            3 mia to #staff: posted "hello staff"
        "#]],
    );
}

#[test]
fn disabling_chat_refuses_later_posts_edits_and_reactions() {
    check(
        "bob: post hi
         bob: disable
         mia*: disable
         mia*: disable
         bob: post again
         bob: edit 1 again
         bob: react 1 👍
         mia*: post me too
         server: post I may
         bob: delete 1
         mia*: enable
         bob: post again",
        &expect![[r#"
            1 bob: posted "hi"
            x role_too_low: this takes the role moderator or above
            2 mia: ChatEnabledSet(false)
            = unchanged
            x chat_disabled: chat is switched off in this room
            x chat_disabled: chat is switched off in this room
            x chat_disabled: chat is switched off in this room
            x chat_disabled: chat is switched off in this room
            3 server: posted "I may"
            4 bob: deleted 1
            5 mia: ChatEnabledSet(true)
            6 bob: posted "again"
        "#]],
    );
}

#[test]
fn slow_mode_spares_moderators_and_says_how_long_to_wait() {
    check(
        "mia*: slow 0
         mia*: slow 121
         mia*: slow 10
         bob: post one
         bob: post two
         +4s
         bob: post two
         carol: post me
         mia*: post one
         mia*: post two
         +6s
         bob: post two",
        &expect![[r#"
            x invalid: slow_mode must be 1 to 120 seconds
            x invalid: slow_mode must be 1 to 120 seconds
            1 mia: SlowModeSet(Some(10s))
            2 bob: posted "one"
            x slow_mode: slow mode: wait 10000 ms
            x slow_mode: slow mode: wait 6001 ms
            3 carol: posted "me"
            4 mia: posted "one"
            5 mia: posted "two"
            x slow_mode: slow mode: wait 1 ms
        "#]],
    );
}

#[test]
fn the_private_chat_policy_holds() {
    check(
        "bob: post @carol hi
         mia*: private with_moderators
         bob: post @carol hi
         bob: edit 1 hi again
         carol: react 1 👍
         bob: post @mia* hi
         bob: edit 3 hi again
         mia*: post @bob hi
         mia*: private off
         mia*: post @bob hi
         server: post @bob hi
         gus~: post @bob hi",
        &expect![[r#"
            1 bob to @bob,carol: posted "hi"
            2 mia: PrivateChatSet(WithModerators)
            x private_chat_with_moderators: private chat is allowed only with a moderator
            x private_chat_with_moderators: private chat is allowed only with a moderator
            x private_chat_with_moderators: private chat is allowed only with a moderator
            3 bob to @bob,mia: posted "hi"
            4 bob to @bob,mia: edited 3 "hi again"
            5 mia to @bob,mia: posted "hi"
            6 mia: PrivateChatSet(Off)
            x private_chat_off: private chat is switched off in this room
            7 server to @bob: posted "hi"
            x private_chat_off: private chat is switched off in this room
        "#]],
    );
}

#[test]
fn viewers_only_read_and_guests_speak_privately_only_with_moderators() {
    check(
        "vic?: post hi
         bob: post hi
         vic?: react 1 👍
         gus~: post hi
         gus~: post @bob hi
         gus~: post @mia* hi",
        &expect![[r#"
            x role_too_low: this takes the role guest or above
            1 bob: posted "hi"
            x role_too_low: this takes the role guest or above
            2 gus: posted "hi"
            x private_chat_with_moderators: private chat is allowed only with a moderator
            3 gus to @gus,mia: posted "hi"
        "#]],
    );
}

#[test]
fn a_message_takes_twenty_kinds_of_reaction() {
    let kinds: String = (0..21).map(|kind| format!("bob: react 1 k{kind}\n")).collect();
    check(
        &format!(
            "alice: post hi\n{kinds} carol: react 1 k0\n carol: react 1 k0\n carol: unreact 1 k0\n carol: unreact 1 k0"
        ),
        &expect![[r#"
            1 alice: posted "hi"
            2 bob: reacted k0 to 1
            3 bob: reacted k1 to 1
            4 bob: reacted k2 to 1
            5 bob: reacted k3 to 1
            6 bob: reacted k4 to 1
            7 bob: reacted k5 to 1
            8 bob: reacted k6 to 1
            9 bob: reacted k7 to 1
            10 bob: reacted k8 to 1
            11 bob: reacted k9 to 1
            12 bob: reacted k10 to 1
            13 bob: reacted k11 to 1
            14 bob: reacted k12 to 1
            15 bob: reacted k13 to 1
            16 bob: reacted k14 to 1
            17 bob: reacted k15 to 1
            18 bob: reacted k16 to 1
            19 bob: reacted k17 to 1
            20 bob: reacted k18 to 1
            21 bob: reacted k19 to 1
            x too_many_reactions: a message takes at most 20 kinds of reaction
            22 carol: reacted k0 to 1
            = unchanged
            23 carol: took k0 from 1
            = unchanged
        "#]],
    );
}

#[test]
fn sending_twice_stores_once() {
    check(
        "bob: post /k1 hi
         bob: post /k1 hi
         bob: post /k1 ho
         carol: post /k1 hi
         bob: edit 1 ho
         bob: post /k1 hi",
        &expect![[r#"
            1 bob: posted "hi"
            = 1 again
            x conflict: this client_id was already used for another body
            2 carol: posted "hi"
            3 bob: edited 1 "ho"
            = 1 again
        "#]],
    );
}

#[test]
fn pins_are_the_moderators_except_in_private() {
    check(
        "bob: post hi
         bob: pin 1
         mia*: pin 1
         mia*: pin 1
         mia*: unpin 1
         bob: post @carol for us
         carol: pin 4",
        &expect![[r#"
            1 bob: posted "hi"
            x role_too_low: this takes the role moderator or above
            2 mia: pinned 1
            = unchanged
            3 mia: unpinned 1
            4 bob to @bob,carol: posted "for us"
            5 carol to @bob,carol: pinned 4
        "#]],
    );
}

#[test]
fn clearing_is_for_moderators_who_see_it() {
    check(
        "bob: post hi
         bob: clear
         mia*: clear
         mia*: clear @bob,carol
         mia*: clear #staff",
        &expect![[r#"
            1 bob: posted "hi"
            x role_too_low: this takes the role moderator or above
            2 mia: HistoryCleared
            x not_found: there is no such conversation for you
            3 mia to #staff: HistoryCleared
        "#]],
    );
}

#[test]
fn odd_bodies_are_named() {
    check(
        "bob: post
         bob: post @ hi
         bob: react 9 👍
         bob: post ok
         bob: react 1 a b
         bob: reply 7 hi
         bob: invite carol",
        &expect![[r#"
            x invalid: text is empty
            x invalid: audience names nobody
            x not_found: there is no such message for you
            1 bob: posted "ok"
            x invalid: emoji is empty or holds white space
            x not_found: there is no such message for you
            x wrong_room_kind: a session room does not have this
        "#]],
    );
}
