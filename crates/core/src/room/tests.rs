//! The rules as conversations: each line of a script is a wish, each line of the transcript its outcome.
//!
//! `alice*` is a moderator, `olga!` an owner, `gus~` a guest, `vic?` a viewer, `server` the server; others are members.
//! `@bob,carol` before a text makes it private, `#staff` sends it to a group, `+30s` lets time pass, `/k1` is a client id,
//! `>7` an addressee. `come 7` makes a connection present; `signal` and `chat` are signals, to all or `>7,8` to connections.

mod script;

use expect_test::expect;

use script::{check, check_direct, check_group};

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
fn a_mute_ends_by_time_or_by_word() {
    check(
        "mia*: mute bob 60
         bob: post hi
         +30s
         bob: post hi
         +31s
         bob: post hi
         mia*: mute bob
         +999s
         bob: post hi
         mia*: unmute bob
         bob: post hi",
        &expect![[r#"
            1 mia: MemberMuted { user: "bob", mute: Mute { until: Some(Timestamp(1060000000)) } }
            x muted: you are muted in this room
            x muted: you are muted in this room
            2 bob: posted "hi"
            3 mia: MemberMuted { user: "bob", mute: Mute { until: None } }
            x muted: you are muted in this room
            4 mia: MemberUnmuted { user: "bob" }
            5 bob: posted "hi"
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
fn a_ban_refuses_everything_until_it_ends() {
    check(
        "mia*: ban bob 60
         bob: post hi
         bob: leave
         mia*: unban bob
         bob: post hi
         mia*: ban bob 60
         +61s
         bob: post hi",
        &expect![[r#"
            1 mia: MemberBanned { user: "bob", ban: Mute { until: Some(Timestamp(1060000000)) } }
            x banned: you are banned from this room
            x banned: you are banned from this room
            2 mia: MemberUnbanned { user: "bob" }
            3 bob: posted "hi"
            4 mia: MemberBanned { user: "bob", ban: Mute { until: Some(Timestamp(1060000000)) } }
            5 bob: posted "hi"
        "#]],
    );
}

#[test]
fn nobody_moderates_the_own_equal() {
    check(
        "mia*: mute max*
         mia*: kick mia*
         olga!: role max moderator
         mia*: kick max
         bob: kick carol
         olga!: kick max
         server: ban olga",
        &expect![[r#"
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_not_below: you cannot do this to somebody whose role is not below yours
            1 olga: RoleSet { user: "max", role: Some(Moderator) }
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_too_low: this takes the role moderator or above
            2 olga: MemberKicked { user: "max" }
            3 server: MemberBanned { user: "olga", ban: Mute { until: None } }
        "#]],
    );
}

#[test]
fn owners_make_moderators() {
    check(
        "mia*: role bob moderator
         olga!: role bob moderator
         bob: slow 5
         mia*: role carol viewer
         carol: post hi
         olga!: role bob -
         bob: slow 6",
        &expect![[r#"
            x role_too_low: this takes the role owner or above
            1 olga: RoleSet { user: "bob", role: Some(Moderator) }
            2 bob: SlowModeSet(Some(5s))
            3 mia: RoleSet { user: "carol", role: Some(Viewer) }
            x role_too_low: this takes the role guest or above
            4 olga: RoleSet { user: "bob", role: None }
            x role_too_low: this takes the role moderator or above
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
fn a_group_room_is_for_its_members() {
    check_group(
        "alice bob",
        "alice: post hi
         carol: post hi
         alice: invite carol
         carol: post hi
         carol: accept
         carol: post hi
         bob: leave
         bob: post hi
         bob: accept
         mia*: add dave
         server: add dave
         dave: post hi
         server: kick dave
         dave: post hi
         server: ban carol
         alice: invite carol",
        &expect![[r#"
            1 alice: posted "hi"
            x not_found: there is no such room for you
            2 alice: MemberInvited { user: "carol" }
            x not_found: there is no such room for you
            3 carol: MemberJoined { user: "carol" }
            4 carol: posted "hi"
            5 bob: MemberLeft { user: "bob" }
            x not_found: there is no such room for you
            x not_found: there is no such room for you
            x not_found: there is no such room for you
            6 server: MemberJoined { user: "dave" }
            7 dave: posted "hi"
            8 server: MemberKicked { user: "dave" }
            x not_found: there is no such room for you
            9 server: MemberBanned { user: "carol", ban: Mute { until: None } }
            x banned: you are banned from this room
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

#[test]
fn signals_need_a_voice_and_reach_whom_they_may() {
    check(
        "mia*: groups bob staff
         mia*: come 1
         bob: come 2
         carol: come 3
         bob: signal
         vic?: signal
         bob: signal #staff
         carol: signal #staff
         mia*: signal #staff
         server: signal #staff
         carol: signal @bob
         carol: signal @bob,mia,dan
         carol: signal @bob,mia,dan,eve
         carol: signal >2
         carol: signal >1,2,3
         carol: signal >1,2,3,4
         carol: signal >2,9
         server: signal >2,9
         mia*: mute carol
         carol: signal
         carol: signal >2
         mia*: signal >3",
        &expect![[r#"
            1 mia: GroupsSet { user: "bob", groups: ["staff"] }
            ~ here as moderator
            ~ here as member
            ~ here as member
            ~ goes out
            x role_too_low: this takes the role guest or above
            ~ goes out
            x not_found: there is no such group for you
            ~ goes out
            ~ goes out
            ~ goes out
            ~ goes out
            x too_large: to is larger than 3
            ~ goes out
            ~ goes out
            x too_large: to is larger than 3
            x not_found: there is no such connection for you
            ~ goes out
            2 mia: MemberMuted { user: "carol", mute: Mute { until: None } }
            x muted: you are muted in this room
            x muted: you are muted in this room
            ~ goes out
        "#]],
    );
}

#[test]
fn a_signal_that_is_chat_obeys_the_rooms_switches() {
    check(
        "mia*: come 1
         bob: come 2
         carol: come 3
         mia*: private with_moderators
         bob: chat @carol
         bob: chat >3
         bob: chat @mia
         bob: chat >1
         bob: chat >1,3
         bob: chat
         mia*: chat >2,3
         bob: signal >3
         mia*: private off
         bob: chat >1
         mia*: private everyone
         bob: chat >3
         mia*: disable
         bob: chat
         mia*: chat
         server: chat
         bob: signal",
        &expect![[r#"
            ~ here as moderator
            ~ here as member
            ~ here as member
            1 mia: PrivateChatSet(WithModerators)
            x private_chat_with_moderators: private chat is allowed only with a moderator
            x private_chat_with_moderators: private chat is allowed only with a moderator
            ~ goes out
            ~ goes out
            ~ goes out
            ~ goes out
            ~ goes out
            ~ goes out
            2 mia: PrivateChatSet(Off)
            x private_chat_off: private chat is switched off in this room
            3 mia: PrivateChatSet(Everyone)
            ~ goes out
            4 mia: ChatEnabledSet(false)
            x chat_disabled: chat is switched off in this room
            x chat_disabled: chat is switched off in this room
            ~ goes out
            ~ goes out
        "#]],
    );
}

#[test]
fn signals_in_a_group_room_are_its_members() {
    check_group(
        "alice bob",
        "alice: signal
         carol: signal
         bob: leave
         bob: signal",
        &expect![[r#"
            ~ goes out
            x not_found: there is no such room for you
            1 bob: MemberLeft { user: "bob" }
            x not_found: there is no such room for you
        "#]],
    );
}

#[test]
fn groups_and_roles_are_given_to_those_below() {
    check(
        "mia*: groups bob a b
         mia*: groups bob a b
         mia*: groups bob a b c
         mia*: groups bob a b c d
         mia*: groups mia a
         moe*: groups mia a
         olga!: groups mia a
         olga!: groups olga a
         server: groups olga b
         moe*: role mia guest
         mia*: role mia guest
         bob: groups carol a",
        &expect![[r#"
            1 mia: GroupsSet { user: "bob", groups: ["a", "b"] }
            = unchanged
            2 mia: GroupsSet { user: "bob", groups: ["a", "b", "c"] }
            x too_large: groups is larger than 3
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_not_below: you cannot do this to somebody whose role is not below yours
            3 olga: GroupsSet { user: "mia", groups: ["a"] }
            4 olga: GroupsSet { user: "olga", groups: ["a"] }
            5 server: GroupsSet { user: "olga", groups: ["b"] }
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_too_low: this takes the role moderator or above
        "#]],
    );
}

#[test]
fn a_room_remembers_a_bounded_number_of_people() {
    check(
        "mia*: mute a
         mia*: ban b
         mia*: groups c staff
         mia*: role d guest
         mia*: mute e
         mia*: mute f
         mia*: mute g
         mia*: role g guest
         mia*: groups g staff
         mia*: unmute a
         mia*: ban a
         mia*: kick f",
        &expect![[r#"
            1 mia: MemberMuted { user: "a", mute: Mute { until: None } }
            2 mia: MemberBanned { user: "b", ban: Mute { until: None } }
            3 mia: GroupsSet { user: "c", groups: ["staff"] }
            4 mia: RoleSet { user: "d", role: Some(Guest) }
            5 mia: MemberMuted { user: "e", mute: Mute { until: None } }
            6 mia: MemberMuted { user: "f", mute: Mute { until: None } }
            7 mia: MemberMuted { user: "g", mute: Mute { until: None } }
            x room_full: the room takes at most 6 members
            x room_full: the room takes at most 6 members
            8 mia: MemberUnmuted { user: "a" }
            9 mia: MemberBanned { user: "a", ban: Mute { until: None } }
            10 mia: MemberKicked { user: "f" }
        "#]],
    );
}

#[test]
fn a_group_room_takes_in_no_more_than_it_can_remember() {
    check_group(
        "alice bob carol dave eve",
        "alice: invite frank
         alice: invite gus
         server: add gus
         frank: accept
         frank: accept
         gus: accept",
        &expect![[r#"
            1 alice: MemberInvited { user: "frank" }
            x room_full: the room takes at most 6 members
            x room_full: the room takes at most 6 members
            2 frank: MemberJoined { user: "frank" }
            = unchanged
            x not_found: there is no such room for you
        "#]],
    );
}

#[test]
fn a_ban_keeps_out_of_a_group_until_it_ends() {
    check_group(
        "alice bob mia",
        "mia*: ban bob 10
         alice: invite bob
         mia*: add bob
         +10s
         alice: invite bob
         bob: accept",
        &expect![[r#"
            1 mia: MemberBanned { user: "bob", ban: Mute { until: Some(Timestamp(1010000000)) } }
            x banned: you are banned from this room
            x banned: you are banned from this room
            2 alice: MemberInvited { user: "bob" }
            3 bob: MemberJoined { user: "bob" }
        "#]],
    );
}

#[test]
fn a_direct_room_keeps_its_two() {
    check_direct(
        "carol: post let me in
         alice: post hi
         alice: leave
         alice: invite carol
         alice*: kick bob
         bob: post I am still here
         alice*: ban bob
         bob: post no more
         alice*: unban bob
         bob: post again",
        &expect![[r#"
            x not_found: there is no such room for you
            1 alice: posted "hi"
            x wrong_room_kind: a direct room does not have this
            x wrong_room_kind: a direct room does not have this
            2 alice: MemberKicked { user: "bob" }
            3 bob: posted "I am still here"
            4 alice: MemberBanned { user: "bob", ban: Mute { until: None } }
            x banned: you are banned from this room
            5 alice: MemberUnbanned { user: "bob" }
            6 bob: posted "again"
        "#]],
    );
}

#[test]
fn what_was_given_is_taken_back_by_owners_alone() {
    check(
        "olga!: role moe viewer
         mia*: role moe -
         mia*: role moe member
         mia*: role bob guest
         mia*: role bob -
         olga!: role moe -
         moe*: slow 5",
        &expect![[r#"
            1 olga: RoleSet { user: "moe", role: Some(Viewer) }
            x role_too_low: this takes the role owner or above
            2 mia: RoleSet { user: "moe", role: Some(Member) }
            3 mia: RoleSet { user: "bob", role: Some(Guest) }
            x role_too_low: this takes the role owner or above
            4 olga: RoleSet { user: "moe", role: None }
            5 moe: SlowModeSet(Some(5s))
        "#]],
    );
}

#[test]
fn mutes_and_groups_of_equals_are_out_of_reach() {
    check(
        "moe*: post I am here
         olga!: mute moe
         mia*: unmute moe
         olga!: groups moe staff
         mia*: groups moe other
         mia*: groups olga other
         server: ban moe
         mia*: unban moe",
        &expect![[r#"
            1 moe: posted "I am here"
            2 olga: MemberMuted { user: "moe", mute: Mute { until: None } }
            x role_not_below: you cannot do this to somebody whose role is not below yours
            3 olga: GroupsSet { user: "moe", groups: ["staff"] }
            x role_not_below: you cannot do this to somebody whose role is not below yours
            x role_not_below: you cannot do this to somebody whose role is not below yours
            4 server: MemberBanned { user: "moe", ban: Mute { until: None } }
            x role_not_below: you cannot do this to somebody whose role is not below yours
        "#]],
    );
}

#[test]
fn who_is_only_invited_moderates_nothing() {
    check_group(
        "alice bob",
        "alice: invite olga
         olga!: role bob viewer
         olga!: groups olga staff
         olga!: mute bob
         olga!: accept
         olga!: role bob viewer",
        &expect![[r#"
            1 alice: MemberInvited { user: "olga" }
            x not_found: there is no such room for you
            x not_found: there is no such room for you
            x not_found: there is no such room for you
            2 olga: MemberJoined { user: "olga" }
            3 olga: RoleSet { user: "bob", role: Some(Viewer) }
        "#]],
    );
}

#[test]
fn who_is_muted_speaks_by_no_other_way() {
    check_group(
        "alice bob mia",
        "bob: post @alice secret
         bob: pin 1
         mia*: mute bob
         bob: unpin 1
         bob: react 1 👍
         bob: invite what-I-always-wanted-to-say
         mia*: unmute bob
         mia*: private off
         bob: unpin 1
         mia*: invite carol",
        &expect![[r#"
            1 bob to @alice,bob: posted "secret"
            2 bob to @alice,bob: pinned 1
            3 mia: MemberMuted { user: "bob", mute: Mute { until: None } }
            x muted: you are muted in this room
            x muted: you are muted in this room
            x muted: you are muted in this room
            4 mia: MemberUnmuted { user: "bob" }
            5 mia: PrivateChatSet(Off)
            x private_chat_off: private chat is switched off in this room
            6 mia: MemberInvited { user: "carol" }
        "#]],
    );
}
