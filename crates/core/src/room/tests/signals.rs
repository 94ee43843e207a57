//! What is said and never stored.

use expect_test::expect;

use super::script::{check, check_group};

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
