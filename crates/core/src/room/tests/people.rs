//! Who may do what to whom, and who is in.

use expect_test::expect;

use super::script::{check, check_direct, check_group};

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
