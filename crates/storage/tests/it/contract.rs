//! The promises, one function each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::access::may_see;
use sidetalk_core::command::Write;
use sidetalk_core::event::Event;
use sidetalk_core::model::{
    Audience, Dialect, Draft, Epoch, Labels, Message, PrivateChat, ProjectId, Role, RoomKind, RoomSettings,
    RoomSpec, Seq, SignalType, Timestamp, Viewer,
};
use sidetalk_core::ports::{
    LogStore, PageAnchor, PageRequest, Project, ProjectSettings, ProjectStore, Record, RecordStore,
    RoomStore, SearchRequest, Unread, Upkeep, UserProfile,
};
use sidetalk_core::transaction::WriteResult;

use crate::world::{
    Engine, Witness, World, at, between, by, eyes, group, id, key, member, owner, person, request, say,
    say_as, say_once, say_to, search, server, shown, shown_page, text, to, to_group,
};

const SERVER: Viewer = Viewer::Server;

pub(crate) async fn entries_are_numbered_without_gaps<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let first = world.write("r", &alice, say("one")).await;
    let Event::MessagePosted(message) = &first.event else { panic!("not a post") };
    world.write("r", &alice, Write::Pin { message: message.id }).await;
    world.write("r", &alice, Write::SetChatEnabled(false)).await;
    world.write("r", &alice, Write::SetChatEnabled(true)).await;
    world.write("r", &alice, say("five")).await;
    let numbers: Vec<_> = world.entries("r", &SERVER).await.iter().map(|entry| entry.seq.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(world.store().room(&key("r")).await.expect("a room").expect("there").head, Seq(5));
}

pub(crate) async fn time_rises_when_the_clock_goes_back<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let alice = member("alice");
    world.set_clock(at(2_000));
    let first = world.write("r", &alice, say("one")).await;
    world.set_clock(at(1_500));
    let second = world.write("r", &alice, say("two")).await;
    world.reopen();
    let third = world.write("r", &alice, say("three")).await;
    assert_eq!(first.at, at(2_000));
    assert!(first.at < second.at && second.at < third.at);
    let messages = world.page("r", &SERVER, &request(PageAnchor::Newest, 10)).await.messages;
    assert!(messages.is_sorted_by(|before, after| before.posted_at < after.posted_at));
}

pub(crate) async fn a_room_that_was_not_opened_is_gone<E: Engine>(world: World<E>) {
    assert_eq!(world.refused("nowhere", &server(), say("hi")).await, "room_gone");
    let (store, nowhere) = (world.store(), key("nowhere"));
    let page = store.page(&nowhere, &SERVER, &request(PageAnchor::Newest, 1)).await;
    assert_eq!(page.expect_err("gone").code(), "room_gone");
    let entries = store.entries(&nowhere, &SERVER, Seq::ZERO, 1).await;
    assert_eq!(entries.expect_err("gone").code(), "room_gone");
    assert_eq!(store.room(&nowhere).await.expect("an answer"), None);
    assert!(!store.delete(&nowhere, Epoch(7)).await.expect("an answer"));
}

pub(crate) async fn opening_again_returns_the_room_unchanged<E: Engine>(world: World<E>) {
    let settings = RoomSettings { title: Some("first".into()), ..RoomSettings::default() };
    let spec = RoomSpec { settings, ..RoomSpec::default() };
    let (made, new) = world.store().open(&key("r"), &spec, Epoch(1), at(5)).await.expect("opens");
    assert!(new);
    assert_eq!((made.epoch, made.head, made.created_at), (Epoch(1), Seq::ZERO, at(5)));
    world.write("r", &member("alice"), say("hi")).await;
    let other = RoomSpec { kind: RoomKind::Group, ..RoomSpec::default() };
    let (found, new) = world.store().open(&key("r"), &other, Epoch(2), at(6)).await.expect("opens");
    assert!(!new);
    assert_eq!((found.epoch, found.kind, found.head), (Epoch(1), RoomKind::Session, Seq(1)));
    assert_eq!(found.settings.title.as_deref(), Some("first"));
    let direct = RoomSpec { kind: RoomKind::Direct, members: vec![id("alice")], ..RoomSpec::default() };
    let refused = world.store().open(&key("d"), &direct, Epoch(3), at(6)).await;
    assert_eq!(refused.expect_err("one member").code(), "invalid");
    assert_eq!(world.store().room(&key("d")).await.expect("an answer"), None);
    // Many at once agree on one.
    let (store, spec) = (world.store(), RoomSpec::default());
    let opens = (0..20).map(|number| store.open(&key("race"), &spec, Epoch(100 + number), at(6)));
    let opens = join_all(opens).await.into_iter().map(|opened| {
        let (room, new) = opened.expect("opens");
        (room.epoch, new)
    });
    let opens: Vec<_> = opens.collect();
    assert_eq!(opens.iter().filter(|(_, new)| *new).count(), 1);
    assert_eq!(opens.iter().map(|(epoch, _)| *epoch).collect::<HashSet<_>>().len(), 1);
}

pub(crate) async fn a_retry_gets_the_first_result<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (member("alice"), member("bob"));
    let first = world.write("r", &alice, say_once("c1", "hi")).await;
    world.write("r", &bob, say_once("c1", "hi")).await;
    world.write("r", &server(), say_once("c1", "hi")).await;
    world.set_clock(at(9_000));
    for _ in 0..2 {
        let retry = world.try_write("r", &alice, say_once("c1", "hi")).await.expect("a success");
        let WriteResult::Repeated(sent) = retry.result else { panic!("not a repeat: {retry:?}") };
        assert_eq!((sent.seq, sent.at), (first.seq, first.at));
        assert_eq!(world.refused("r", &alice, say_once("c1", "other")).await, "conflict");
        world.reopen();
    }
    assert_eq!(world.history("r", &SERVER).await, "1 hi, 2 hi, 3 hi");
    world.open("r2").await;
    world.write("r2", &alice, say_once("c1", "elsewhere")).await;
}

pub(crate) async fn a_retry_is_known_after_the_message_is_gone<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let first = world.write("r", &alice, say_once("c1", "hi")).await;
    world.write("r", &alice, Write::ClearHistory(Audience::Room)).await;
    let retry = world.try_write("r", &alice, say_once("c1", "hi")).await.expect("a success");
    assert!(matches!(retry.result, WriteResult::Repeated(sent) if sent.seq == first.seq));
    assert_eq!(world.history("r", &SERVER).await, "");
}

pub(crate) async fn what_is_refused_leaves_nothing<E: Engine>(world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    let posted = world.write("r", &alice, say("mine")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let edit = Write::Edit { message: message.id, parts: text("stolen"), mentions: Vec::new() };
    assert_eq!(world.refused("r", &bob, edit).await, "not_author");
    assert_eq!(world.refused("r", &bob, Write::SetChatEnabled(false)).await, "role_too_low");
    let unchanged = world.try_write("r", &alice, Write::SetChatEnabled(true)).await.expect("a success");
    assert_eq!(unchanged.result, WriteResult::Unchanged { head: Seq(1) });
    assert_eq!(world.history("r", &SERVER).await, "1 mine");
    assert_eq!(world.write("r", &bob, say("next")).await.seq, Seq(2));
}

pub(crate) async fn nothing_is_posted_after_the_ban_that_forbids_it<E: Engine>(world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    for _ in 0..10 {
        let ban = world.try_write("r", &alice, Write::Ban { user: id("bob"), duration: None });
        let posts = (0..20).map(|_| world.try_write("r", &bob, say("spam")));
        let (ban, posts) = tokio::join!(ban, join_all(posts));
        let WriteResult::Appended(ban) = ban.expect("a ban").result else { panic!("not appended") };
        for post in posts {
            match post {
                Ok(written) => assert!(written.position().seq < ban.seq),
                Err(refused) => assert_eq!(refused.code(), "banned"),
            }
        }
        world.write("r", &alice, Write::Unban { user: id("bob") }).await;
    }
}

pub(crate) async fn slow_mode_looks_at_the_last_post<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    world.write("r", &alice, Write::SetSlowMode(Some(Duration::from_secs(10)))).await;
    world.set_clock(at(2_000));
    world.write("r", &bob, say("one")).await;
    world.set_clock(at(2_009));
    world.reopen();
    assert_eq!(world.refused("r", &bob, say("two")).await, "slow_mode");
    world.write("r", &member("carol"), say("other")).await;
    world.set_clock(at(2_010));
    world.write("r", &bob, say("three")).await;
}

/// Every audience times every viewer times every read path, compared with the rule in core.
pub(crate) async fn every_read_path_applies_the_audience_rule<E: Engine>(world: World<E>) {
    world.open("r").await;
    let audiences = [
        Audience::Room,
        to_group("staff"),
        to_group("press"),
        between(&["alice", "bob"]),
        between(&["alice", "bob", "carol"]),
        between(&["carol", "dave"]),
    ];
    for audience in &audiences {
        let posted = world.write("r", &server(), to(audience.clone(), "secret word")).await;
        let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
        world.write("r", &server(), Write::Pin { message: message.id }).await;
        let edit = Write::Edit { message: message.id, parts: text("secret text"), mentions: Vec::new() };
        world.write("r", &server(), edit).await;
    }
    let viewers = [
        SERVER,
        eyes("alice", &[]),
        eyes("alice", &["staff", "press"]),
        eyes("bob", &["staff"]),
        eyes("carol", &[]),
        eyes("stranger", &[]),
        eyes("stranger", &["press", "other"]),
        eyes("\"alice\"", &["["]),
    ];
    let all = world.page("r", &SERVER, &request(PageAnchor::Newest, 100)).await.messages;
    assert_eq!(all.len(), audiences.len());
    for viewer in &viewers {
        let may: Vec<_> = all.iter().filter(|message| may_see(viewer, None, &message.audience)).collect();
        let seqs: Vec<_> = may.iter().map(|message| message.seq).collect();
        check_read_paths(&world, viewer, &all, &seqs).await;
        for entry in world.entries("r", viewer).await {
            assert!(may_see(viewer, None, &entry.audience), "{viewer:?} was replayed {entry:?}");
        }
        assert_eq!(world.entries("r", viewer).await.len(), 3 * may.len());
        let conversations = world.store().unread(&key("r"), viewer, 100).await.expect("counts");
        let expected = if *viewer == SERVER { 0 } else { may.len() };
        assert_eq!(conversations.len(), expected, "{viewer:?}");
        assert!(
            conversations.iter().all(|unread| may_see(viewer, None, &unread.audience) && unread.count == 1)
        );
    }
}

async fn check_read_paths<E: Engine>(world: &World<E>, viewer: &Viewer, all: &[Message], may: &[Seq]) {
    let seqs = |messages: &[Message]| messages.iter().map(|message| message.seq).collect::<Vec<_>>();
    let last = Seq(1_000);
    let anchors = [
        PageAnchor::Newest,
        PageAnchor::Before(last),
        PageAnchor::After(Seq::ZERO),
        PageAnchor::Around(Seq(1)),
    ];
    for anchor in anchors {
        for pinned in [false, true] {
            let page = world.page("r", viewer, &PageRequest { pinned, ..request(anchor, 100) }).await;
            assert_eq!(seqs(&page.messages), may, "{viewer:?} {anchor:?}");
            assert!(!page.more_before && !page.more_after, "hidden messages are not counted");
        }
    }
    let mut found =
        world.store().search(&key("r"), viewer, &search("secret")).await.expect("a search").messages;
    found.reverse();
    assert_eq!(seqs(&found), may, "{viewer:?} searches");
    for message in all {
        let visible = may.contains(&message.seq);
        let read = world.store().message(&key("r"), viewer, message.id).await.expect("an answer");
        assert_eq!(read.is_some(), visible, "{viewer:?} {:?}", message.audience);
        let only = PageRequest { audience: Some(message.audience.clone()), ..request(PageAnchor::Newest, 9) };
        assert_eq!(world.page("r", viewer, &only).await.messages.len(), usize::from(visible));
        let only = SearchRequest { audience: Some(message.audience.clone()), ..search("secret") };
        let found = world.store().search(&key("r"), viewer, &only).await.expect("a search");
        assert_eq!(found.messages.len(), usize::from(visible));
    }
}

pub(crate) async fn an_addressee_is_kept_and_hides_nothing<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let posted = world.write("r", &member("alice"), say_to(5, &["bob"])).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    assert!(message.addressee.is_some());
    for _ in 0..2 {
        for viewer in [SERVER, eyes("alice", &[]), eyes("bob", &[])] {
            let page = world.page("r", &viewer, &request(PageAnchor::Newest, 9)).await;
            assert_eq!(page.messages, [(**message).clone()]);
            assert_eq!(world.entries("r", &viewer).await, std::slice::from_ref(&posted));
        }
        assert!(world.entries("r", &eyes("carol", &[])).await.is_empty());
        world.reopen();
    }
}

pub(crate) async fn groups_are_compared_exactly<E: Engine>(world: World<E>) {
    world.open("r").await;
    let names = ["Staff", "staff", "STAFF ", "sta%", "ß", "ss", "é", "e\u{301}", "\"", "[\"staff\"]"];
    for name in names {
        world.write("r", &server(), to(to_group(name), name)).await;
    }
    for (number, name) in (1..).zip(names) {
        let seen = world.history("r", &eyes("alice", &[name])).await;
        assert_eq!(seen, format!("{number} {name}"));
    }
}

/// Every anchor, position and limit over a log in which only some entries are messages, against a plain model.
pub(crate) async fn pages_are_right_at_every_edge<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    for round in 0..4 {
        world.write("r", &alice, say("m")).await;
        world.write("r", &alice, Write::SetTitle(Some(format!("title {round}").into()))).await;
    }
    let all: Vec<u64> = vec![1, 3, 5, 7];
    for limit in [0, 1, 2, 3, 4, 5, 300] {
        for position in (0..11).chain([u64::from(u32::MAX), u64::MAX]) {
            let seq = Seq(position);
            let (before, from): (Vec<_>, Vec<_>) = all.iter().copied().partition(|seq| *seq < position);
            let (upto, after): (Vec<_>, Vec<_>) = all.iter().copied().partition(|seq| *seq <= position);
            let tail = |list: &[u64], count: usize| list[list.len() - count.min(list.len())..].to_vec();
            let head = |list: &[u64], count: usize| list[..count.min(list.len())].to_vec();
            let half = limit / 2;
            let around = [tail(&before, half), head(&from, limit - half)].concat();
            let cases = [
                (PageAnchor::Newest, tail(&all, limit), all.len() > limit, false),
                (PageAnchor::Before(seq), tail(&before, limit), before.len() > limit, !from.is_empty()),
                (PageAnchor::After(seq), head(&after, limit), !upto.is_empty(), after.len() > limit),
                (PageAnchor::Around(seq), around, before.len() > half, from.len() > limit - half),
            ];
            for (anchor, expected, more_before, more_after) in cases {
                let page = world.page("r", &SERVER, &request(anchor, limit)).await;
                let seqs: Vec<_> = page.messages.iter().map(|message| message.seq.0).collect();
                assert_eq!(
                    (seqs, page.more_before, page.more_after),
                    (expected, more_before, more_after),
                    "{anchor:?}, {limit} at most"
                );
            }
        }
    }
}

pub(crate) async fn a_conversation_has_its_own_pages<E: Engine>(world: World<E>) {
    world.open("r").await;
    let pair = between(&["alice", "bob"]);
    for number in 0..3 {
        world.write("r", &member("alice"), say(&format!("all {number}"))).await;
        world.write("r", &member("alice"), to(between(&["bob"]), &format!("two {number}"))).await;
    }
    let of = |audience: Audience, anchor, limit| PageRequest {
        audience: Some(audience),
        ..request(anchor, limit)
    };
    let alice = eyes("alice", &[]);
    let page = world.page("r", &alice, &of(pair.clone(), PageAnchor::Newest, 2)).await;
    assert_eq!(shown_page(&page), "… 4 two 1, 6 two 2");
    let page = world.page("r", &alice, &of(pair.clone(), PageAnchor::Before(Seq(4)), 2)).await;
    assert_eq!(shown_page(&page), "2 two 0 …");
    let page = world.page("r", &alice, &of(Audience::Room, PageAnchor::After(Seq(1)), 1)).await;
    assert_eq!(shown_page(&page), "… 3 all 1 …");
    let page = world.page("r", &alice, &of(between(&["alice", "nobody"]), PageAnchor::Newest, 2)).await;
    assert_eq!(shown_page(&page), "");
    let page = world.page("r", &alice, &of(Audience::connections([]), PageAnchor::Newest, 2)).await;
    assert_eq!(shown_page(&page), "");
}

pub(crate) async fn a_deleted_message_is_a_tombstone<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let label = Some(SignalType::new("regretted-too").expect("a valid type"));
    let posted = world.write("r", &alice, Write::Post(Draft { label, ..Draft::text("regretted") })).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    world.write("r", &alice, Write::React { message: message.id, emoji: "👍".into() }).await;
    world.write("r", &alice, Write::Pin { message: message.id }).await;
    let edit = Write::Edit { message: message.id, parts: text("edited"), mentions: vec![id("bob")] };
    world.write("r", &alice, edit).await;
    let deleted = world.write("r", &alice, Write::Delete { message: message.id }).await;
    let stone = world.message_at("r", Seq(1)).await.expect("a tombstone");
    assert_eq!((stone.id, stone.deleted_at), (message.id, Some(deleted.at)));
    assert!(stone.parts.is_empty() && stone.mentions.is_empty() && stone.reactions.is_empty());
    assert_eq!(stone.label, None, "a label is text too");
    assert_eq!((stone.pin, &*stone.sender.name), (None, "alice's name"));
    for entry in world.entries("r", &SERVER).await {
        match &entry.event {
            Event::MessagePosted(message) => assert!(message.is_deleted() && message.parts.is_empty()),
            Event::MessageEdited { parts, mentions, .. } => assert!(parts.is_empty() && mentions.is_empty()),
            _ => {}
        }
    }
    assert_eq!(world.refused("r", &alice, Write::Pin { message: message.id }).await, "message_deleted");
}

pub(crate) async fn an_edit_replaces_the_text_everywhere<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let posted = world.write("r", &alice, say("first")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let edit = |words: &str| Write::Edit {
        message: message.id,
        parts: text(words),
        mentions: vec![id("bob"), id("carol")],
    };
    world.write("r", &alice, edit("second")).await;
    let last = world.write("r", &alice, edit("third")).await;
    world.reopen();
    let now = world.message_at("r", Seq(1)).await.expect("a message");
    assert_eq!((now.text(), now.edited_at, now.mentions.len()), ("third".to_owned(), Some(last.at), 2));
    assert_eq!(now.posted_at, posted.at);
    let entries = world.entries("r", &SERVER).await;
    assert_eq!(entries.len(), 3);
    for entry in &entries[1..] {
        let Event::MessageEdited { parts, target, .. } = &entry.event else { panic!("not an edit") };
        assert_eq!((parts, target.seq), (&text("third"), Seq(1)), "replay shows what holds now");
    }
}

pub(crate) async fn clearing_removes_one_conversation<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let alice = person("alice", Role::Owner, &["staff"]);
    let pair = between(&["alice", "bob"]);
    for audience in [Audience::Room, to_group("staff"), pair.clone(), between(&["alice", "bob", "carol"])] {
        let posted = world.write("r", &alice, to(audience, "word")).await;
        let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
        world.write("r", &alice, Write::React { message: message.id, emoji: "👍".into() }).await;
        world.write("r", &server(), Write::Pin { message: message.id }).await;
        let edit = Write::Edit { message: message.id, parts: text("words"), mentions: Vec::new() };
        world.write("r", &alice, edit).await;
    }
    assert_eq!(world.found("r", &SERVER, "words").await, "13 words, 9 words, 5 words, 1 words");
    for (audience, left) in [
        (pair, "1 words, 5 words, 13 words"),
        (Audience::Room, "5 words, 13 words"),
        (to_group("staff"), "13 words"),
    ] {
        let cleared = world.write("r", &server(), Write::ClearHistory(audience.clone())).await;
        assert_eq!((&cleared.event, &cleared.audience), (&Event::HistoryCleared, &audience));
        world.write("r", &alice, to(between(&["dave"]), "beside")).await;
        let beside = Write::ClearHistory(between(&["alice", "dave"]));
        world.write("r", &server(), beside).await;
        assert_eq!(world.history("r", &SERVER).await, left);
        let pinned = PageRequest { pinned: true, ..request(PageAnchor::Newest, 10) };
        assert_eq!(shown(&world.page("r", &SERVER, &pinned).await.messages), left);
        assert_eq!(world.found("r", &SERVER, "words").await.split(", ").count(), left.split(", ").count());
    }
    world.reopen();
    assert_eq!(world.history("r", &SERVER).await, "13 words");
    for entry in world.entries("r", &SERVER).await {
        if let Event::MessageEdited { target, parts, .. } = &entry.event {
            assert_eq!(parts.is_empty(), target.seq != Seq(13), "the text of a cleared message is nowhere");
        }
    }
    assert_eq!(world.unread("r", &eyes("bob", &["staff"])).await, "alice+bob+carol 0/1");
    world.write("r", &alice, say("new")).await;
    assert_eq!(world.history("r", &SERVER).await, "13 words, 26 new");
}

pub(crate) async fn reactions_stand_in_the_order_of_first_use<E: Engine>(world: World<E>) {
    world.open("r").await;
    let posted = world.write("r", &member("alice"), say("hi")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let react = |emoji: &str| Write::React { message: message.id, emoji: emoji.into() };
    world.write("r", &member("carol"), react("z")).await;
    world.write("r", &member("bob"), react("a")).await;
    world.write("r", &member("alice"), react("z")).await;
    world.write("r", &member("dave"), react("m")).await;
    let shown = || async {
        let message = world.message_at("r", Seq(1)).await.expect("a message");
        let kinds = message.reactions.iter().map(|reaction| {
            let users: Vec<_> = reaction.users.iter().map(ToString::to_string).collect();
            format!("{}: {}", reaction.emoji, users.join(" "))
        });
        kinds.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shown().await, "z: carol alice, a: bob, m: dave");
    let again = world.try_write("r", &member("bob"), react("a")).await.expect("a success");
    assert!(matches!(again.result, WriteResult::Unchanged { .. }));
    let unreact = Write::Unreact { message: message.id, emoji: "a".into() };
    world.write("r", &member("bob"), unreact).await;
    assert_eq!(shown().await, "z: carol alice, m: dave");
    world.write("r", &member("bob"), react("a")).await;
    assert_eq!(shown().await, "z: carol alice, m: dave, a: bob");
}

pub(crate) async fn pins_can_be_listed<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let mut ids = Vec::new();
    for number in 0..5 {
        let posted = world.write("r", &alice, say(&format!("m{number}"))).await;
        let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
        ids.push(message.id);
    }
    for number in [3, 1, 4] {
        world.write("r", &alice, Write::Pin { message: ids[number] }).await;
    }
    world.write("r", &server(), Write::Pin { message: ids[0] }).await;
    world.write("r", &alice, Write::Unpin { message: ids[3] }).await;
    world.reopen();
    let pinned = |anchor, limit| PageRequest { pinned: true, ..request(anchor, limit) };
    let page = world.page("r", &SERVER, &pinned(PageAnchor::Newest, 2)).await;
    assert_eq!(shown_page(&page), "… 2 m1, 5 m4");
    let page = world.page("r", &SERVER, &pinned(PageAnchor::Before(Seq(2)), 2)).await;
    assert_eq!(shown_page(&page), "1 m0 …");
    let pin = page.messages[0].pin.clone().expect("a pin");
    assert_eq!(pin.by, None);
}

/// All kinds of entries, read back, are what the sink was told.
pub(crate) async fn replay_returns_what_was_committed<E: Engine>(mut world: World<E>) {
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    world.open_group("r", &["alice", "bob"]).await;
    let (alice, bob) = (owner("alice"), member("bob"));
    let staff = person("staffer", Role::Owner, &["staff"]);
    world.write("r", &alice, Write::AddMember { user: id("staffer") }).await;
    let mut draft = Draft::text("with all\u{0} that fits");
    draft.mentions = vec![id("bob"), id("carol")];
    draft.label = Some(SignalType::new("chat").expect("a type"));
    let posted = world.write("r", &alice, Write::Post(draft)).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let reply = Draft { reply_to: Some(message.id), ..Draft::text("a reply") };
    world.write("r", &bob, Write::Post(reply)).await;
    world.write("r", &staff, to(to_group("staff"), "inner")).await;
    world.write("r", &bob, to(between(&["alice"]), "private")).await;
    let moderation = [
        Write::SetSlowMode(Some(Duration::from_secs(5))),
        Write::SetSlowMode(None),
        Write::SetPrivateChat(PrivateChat::WithModerators),
        Write::SetTitle(Some("a title".into())),
        Write::SetRetention(Some(Duration::from_secs(86_400))),
        Write::Mute { user: id("bob"), duration: Some(Duration::from_secs(60)) },
        Write::Unmute { user: id("bob") },
        Write::SetRole { user: id("bob"), role: Some(Role::Moderator) },
        Write::SetRole { user: id("bob"), role: None },
        Write::SetGroups { user: id("bob"), groups: vec![group("staff"), group("press")] },
        Write::Invite { user: id("carol") },
        Write::Kick { user: id("bob") },
        Write::Ban { user: id("bob"), duration: None },
        Write::Unban { user: id("bob") },
    ];
    for write in moderation {
        world.write("r", &alice, write).await;
    }
    world.write("r", &member("carol"), Write::AcceptInvitation).await;
    world.write("r", &member("carol"), Write::LeaveRoom).await;
    let told = witness.entries("r");
    assert_eq!(world.entries("r", &SERVER).await, told);
    let before = world.store().room(&key("r")).await.expect("a room").expect("there");
    world.reopen();
    assert_eq!(world.entries("r", &SERVER).await, told);
    assert_eq!(world.store().room(&key("r")).await.expect("a room").expect("there"), before);
}

pub(crate) async fn replay_can_be_cut_anywhere<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    for round in 0..4 {
        world.write("r", &alice, say("m")).await;
        world.write("r", &alice, Write::SetTitle(Some(format!("title {round}").into()))).await;
    }
    for after in 0..10 {
        for limit in [0, 1, 2, 7, 8, 9] {
            let replay =
                world.store().entries(&key("r"), &SERVER, Seq(after), limit).await.expect("a replay");
            let seqs: Vec<_> = replay.entries.iter().map(|entry| entry.seq.0).collect();
            let all: Vec<_> = (after + 1..=8).collect();
            assert_eq!(seqs, all[..limit.min(all.len())], "after {after}, {limit} at most");
            assert_eq!(replay.more, all.len() > limit);
            assert_eq!((replay.head, replay.floor, replay.epoch), (Seq(8), Seq::ZERO, Epoch(7)));
        }
    }
    let end = world.store().entries(&key("r"), &SERVER, Seq(u64::MAX), 5).await.expect("a replay");
    assert!(end.entries.is_empty() && !end.more);
}

pub(crate) async fn a_deleted_room_comes_back_empty_in_another_epoch<E: Engine>(world: World<E>) {
    let (store, r) = (world.store(), key("r"));
    world.open_group("r", &["alice", "bob"]).await;
    world.open("other").await;
    let alice = owner("alice");
    let mut first = None;
    for number in 0..3 {
        let posted = world.write("r", &alice, say_once(&format!("c{number}"), "old words")).await;
        if let Event::MessagePosted(message) = &posted.event {
            first = Some(message.id);
        }
    }
    world.write("other", &alice, say("old words")).await;
    let first = first.expect("a message");
    store.mark_read(&r, &id("bob"), &Audience::Room, Seq(2)).await.expect("marked");
    assert!(!store.delete(&r, Epoch(6)).await.expect("an answer"), "that is another one");
    assert!(store.delete(&r, Epoch(7)).await.expect("deleted"));
    assert!(!store.delete(&r, Epoch(7)).await.expect("an answer"));
    assert_eq!(store.room(&r).await.expect("an answer"), None);
    assert_eq!(world.refused("r", &alice, say("late")).await, "room_gone");
    assert!(store.rooms_of(r.project, &id("bob"), at(9_000), None, 100).await.expect("a list").is_empty());
    let (made, new) = store.open(&r, &RoomSpec::default(), Epoch(8), at(3_000)).await.expect("opens");
    assert!(new && made.members.is_empty());
    assert!(!store.delete(&r, Epoch(7)).await.expect("an answer"), "it is gone already");
    assert_eq!((made.epoch, made.head), (Epoch(8), Seq::ZERO));
    world.set_clock(at(3_000));
    let posted = world.write("r", &alice, say_once("c0", "new")).await;
    assert_eq!(posted.seq, Seq(1));
    assert_eq!(world.history("r", &SERVER).await, "1 new");
    assert_eq!(store.message(&r, &SERVER, first).await.expect("an answer"), None);
    assert_eq!(world.found("r", &SERVER, "old").await, "");
    assert_eq!(world.found("other", &SERVER, "old").await, "1 old words");
    assert_eq!(world.unread("r", &eyes("bob", &[])).await, "room 0/1");
    let replay = store.entries(&r, &SERVER, Seq::ZERO, 10).await.expect("a replay");
    assert_eq!((replay.epoch, replay.head), (Epoch(8), Seq(1)));
}

pub(crate) async fn unread_messages_are_counted_up_to_a_bound<E: Engine>(world: World<E>) {
    world.open("r").await;
    let bob = eyes("bob", &["staff"]);
    assert_eq!(world.unread("r", &bob).await, "");
    world.write("r", &member("alice"), say("1")).await;
    world.write("r", &member("bob"), say("2")).await;
    world.write("r", &server(), say("3")).await;
    world.write("r", &server(), to(to_group("staff"), "4")).await;
    world.write("r", &server(), to(to_group("press"), "5")).await;
    world.write("r", &member("alice"), to(between(&["bob"]), "6")).await;
    let gone = world.write("r", &member("alice"), say("7")).await;
    let Event::MessagePosted(gone) = &gone.event else { panic!("not a post") };
    world.write("r", &member("alice"), Write::Delete { message: gone.id }).await;
    assert_eq!(world.unread("r", &bob).await, "#staff 0/1, alice+bob 0/1, room 0/2");
    let (store, r) = (world.store(), key("r"));
    let pair = between(&["alice", "bob"]);
    assert_eq!(store.mark_read(&r, &id("bob"), &pair, Seq(6)).await.expect("marked"), Seq(6));
    store.mark_read(&r, &id("bob"), &Audience::Room, Seq(1)).await.expect("marked");
    assert_eq!(world.unread("r", &bob).await, "#staff 0/1, alice+bob 6/0, room 1/1");
    let (alice, many) = (member("alice"), Unread::COUNT_MAX as usize + 20);
    join_all((0..many).map(|_| world.try_write("r", &alice, say("more")))).await;
    assert_eq!(world.unread("r", &bob).await, "#staff 0/1, alice+bob 6/0, room 1/1000");
}

pub(crate) async fn the_newest_conversations_are_told_if_there_are_many<E: Engine>(world: World<E>) {
    world.open("r").await;
    let bob = eyes("bob", &["staff"]);
    for (with, text) in [("carol", "1"), ("dora", "2"), ("alice", "3")] {
        world.write("r", &member(with), to(between(&["bob"]), text)).await;
    }
    let told = async |limit| {
        let told = world.store().unread(&key("r"), &bob, limit).await.expect("counts");
        let told = told.iter().map(|unread| crate::world::shown_audience(&unread.audience));
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(9).await, "alice+bob, bob+dora, bob+carol");
    world.write("r", &server(), to(to_group("staff"), "4")).await;
    world.write("r", &member("bob"), to(between(&["carol"]), "5")).await;
    assert_eq!(told(3).await, "bob+carol, #staff, alice+bob");
    // The whole room is told in any case.
    world.write("r", &member("alice"), say("6")).await;
    world.write("r", &member("dora"), to(between(&["bob"]), "7")).await;
    assert_eq!(told(3).await, "room, bob+dora, bob+carol");
    assert_eq!(told(1).await, "room");
}

pub(crate) async fn a_marker_only_goes_forward<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    for _ in 0..5 {
        world.write("r", &member("alice"), say("m")).await;
    }
    for (wish, stands) in [(3, 3), (1, 3), (0, 3), (4, 4), (99, 5), (u64::MAX, 5)] {
        let marked = world.store().mark_read(&key("r"), &id("bob"), &Audience::Room, Seq(wish)).await;
        assert_eq!(marked.expect("marked"), Seq(stands), "after a wish for {wish}");
    }
    world.reopen();
    let again = world.store().mark_read(&key("r"), &id("bob"), &Audience::Room, Seq(2)).await;
    assert_eq!(again.expect("marked"), Seq(5));
    let silent = world.store().mark_read(&key("r"), &id("bob"), &to_group("silent"), Seq(2)).await;
    assert_eq!(silent.expect("an answer"), Seq::ZERO, "there is nothing to mark");
    world.write("r", &member("alice"), to(between(&["carol"]), "private")).await;
    let others = world.store().mark_read(&key("r"), &id("bob"), &between(&["alice", "carol"]), Seq(6)).await;
    assert_eq!(others.expect_err("not bob's").code(), "not_found");
}

pub(crate) async fn search_finds_words<E: Engine>(world: World<E>) {
    world.open("r").await;
    world.open("other").await;
    world.write("other", &member("alice"), say("Grüße elsewhere")).await;
    let texts = [
        "Grüße aus Köln",
        "the quick brown fox",
        "Привет, мир",
        "你好世界，今天",
        "हिन्दी में संदेश",
        "naïve café e\u{301}te\u{301}",
        "https://example.com/some-page?q=1 ok",
        "สวัสดีครับ",
        "日本語のテキスト",
    ];
    for text in texts {
        world.write("r", &member("alice"), say(text)).await;
    }
    let cases = [
        ("grusse", ""),
        ("gruße", "1"),
        ("GRÜSSE", ""),
        ("köln", "1"),
        ("koln", "1"),
        ("kö", "1"),
        ("quick fox", "2"),
        ("fox quick", "2"),
        ("qui brown", ""),
        ("brown qui", "2"),
        ("мир", "3"),
        ("прив", "3"),
        ("世界", "4"),
        ("今", "4"),
        ("界世", ""),
        ("हिन्दी", "5"),
        ("cafe", "6"),
        ("ete", "6"),
        ("été", "6"),
        ("example.com", "7"),
        ("some-page", "7"),
        ("ครับ", "8"),
        ("テキ", "9"),
        ("", ""),
        ("   ", ""),
        ("…", ""),
    ];
    for (words, expected) in cases {
        let found = world.store().search(&key("r"), &SERVER, &search(words)).await.expect("a search");
        let seqs: Vec<_> = found.messages.iter().map(|message| message.seq.to_string()).collect();
        assert_eq!(seqs.join(" "), expected, "searching {words:?}");
    }
    let bounded = SearchRequest { limit: 2, ..search("e") };
    for number in 0..5 {
        world.write("r", &member(if number % 2 == 0 { "bob" } else { "carol" }), say("echo")).await;
    }
    let page = world.store().search(&key("r"), &SERVER, &bounded).await.expect("a search");
    assert_eq!(shown_page(&page), "… 14 echo, 13 echo", "newest first");
    let next = SearchRequest { before: Some(Seq(11)), sender: Some(id("bob")), ..search("echo") };
    let page = world.store().search(&key("r"), &SERVER, &next).await.expect("a search");
    assert_eq!(shown_page(&page), "10 echo");
}

/// Whatever somebody types is words, never a query language, and never an engine's error.
pub(crate) async fn search_takes_any_text<E: Engine>(world: World<E>) {
    world.open("r").await;
    world.write("r", &member("alice"), say("plain words here near text")).await;
    let odd = [
        "\"",
        "\"\"",
        "'",
        "*",
        "pl*",
        "plain OR nothing",
        "plain AND",
        "NOT plain",
        "plain NOT",
        "NEAR(plain words)",
        "text:plain",
        "-plain",
        "^plain",
        "(plain",
        "plain)",
        "{text}: plain",
        "plain + words",
        "a\u{0}b",
        "\u{0}",
        "plain\" OR \"1",
        "%",
        "_",
        "\\",
        ";",
        "--",
        "/* */",
        "😀",
        "\u{202e}plain",
        "\u{301}",
        "?1",
        ":a",
        "@b",
    ];
    for text in odd {
        let found = world.store().search(&key("r"), &SERVER, &search(text)).await;
        assert!(found.expect("an answer").messages.len() <= 1, "searching {text:?}");
    }
    assert_eq!(world.found("r", &SERVER, "\"plain\" (words").await, "1 plain words here near text");
    assert_eq!(world.found("r", &SERVER, "plain OR nothing").await, "");
    let long = "x".repeat(10_000);
    let refused = world.store().search(&key("r"), &SERVER, &search(&long)).await;
    assert_eq!(refused.expect_err("too long").code(), "too_large");
}

pub(crate) async fn search_follows_edits_and_deletions<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let alice = owner("alice");
    let mut ids = Vec::new();
    for word in ["alpha", "beta", "gamma"] {
        let posted = world.write("r", &alice, say(word)).await;
        let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
        ids.push(message.id);
    }
    let edit = |message, words: &str| Write::Edit { message, parts: text(words), mentions: Vec::new() };
    // Before and after the index has seen them.
    world.write("r", &alice, edit(ids[0], "delta")).await;
    assert_eq!(world.found("r", &SERVER, "alpha").await, "");
    assert_eq!(world.found("r", &SERVER, "delta").await, "1 delta");
    world.write("r", &alice, edit(ids[1], "epsilon")).await;
    world.write("r", &alice, Write::Delete { message: ids[2] }).await;
    for _ in 0..2 {
        assert_eq!(world.found("r", &SERVER, "beta").await, "");
        assert_eq!(world.found("r", &SERVER, "gamma").await, "");
        assert_eq!(world.found("r", &SERVER, "epsilon").await, "2 epsilon");
        world.reopen();
    }
    world.write("r", &alice, say("zeta")).await;
    assert_eq!(world.found("r", &SERVER, "zet").await, "7 zeta");
}

pub(crate) async fn retention_removes_the_old_and_says_so<E: Engine>(mut world: World<E>) {
    let project = project_with_retention(Some(Duration::from_secs(1_000)));
    world.store().put_project(&project).await.expect("stored");
    world.open("short").await;
    world.open("long").await;
    let alice = owner("alice");
    world.set_clock(at(2_000));
    let long = Write::SetRetention(Some(Duration::from_secs(100_000)));
    world.write("long", &alice, long).await;
    for room in ["short", "long"] {
        for (time, words) in [(2_001, "old"), (2_002, "old too"), (3_500, "new")] {
            world.set_clock(at(time));
            let posted = world.write(room, &alice, say_once(words, words)).await;
            let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
            world.write(room, &alice, Write::React { message: message.id, emoji: "👍".into() }).await;
        }
        world.set_clock(at(2_000));
    }
    assert_eq!(world.found("short", &SERVER, "old").await, "3 old too, 1 old");
    assert_eq!(world.store().purge(at(3_600)).await.expect("purged"), 2);
    assert_eq!(world.history("short", &SERVER).await, "5 new");
    assert_eq!(world.history("long", &SERVER).await, "2 old, 4 old too, 6 new");
    assert_eq!(world.found("short", &SERVER, "old").await, "");
    let replay = world.store().entries(&key("short"), &SERVER, Seq(2), 100).await.expect("a replay");
    assert_eq!((replay.floor, replay.head), (Seq(4), Seq(6)), "a position below the floor is too old");
    assert_eq!(replay.entries.len(), 2);
    // All of it, and the log goes on where it was.
    assert_eq!(world.store().purge(at(10_000)).await.expect("purged"), 1);
    world.reopen();
    let room = world.store().room(&key("short")).await.expect("a room").expect("there");
    assert_eq!((room.head, room.last_at > at(3_500)), (Seq(6), true));
    world.set_clock(at(100));
    let next = world.write("short", &alice, say("next")).await;
    assert_eq!((next.seq, next.at > room.last_at), (Seq(7), true));
    let replay = world.store().entries(&key("short"), &SERVER, Seq(6), 100).await.expect("a replay");
    assert_eq!((replay.floor, replay.entries.len()), (Seq(6), 1));
    // Many steps.
    world.open("busy").await;
    world.set_clock(at(20_000));
    join_all((0..1_234).map(|_| world.try_write("busy", &alice, say("m")))).await;
    world.set_clock(at(30_000));
    world.write("busy", &alice, say("kept")).await;
    assert_eq!(
        world.store().purge(at(30_001)).await.expect("purged"),
        1_235,
        "and the one of the other room"
    );
    assert_eq!(world.history("busy", &SERVER).await, "1235 kept");
    assert_eq!(world.store().purge(at(30_001)).await.expect("purged"), 0);
}

pub(crate) async fn an_erased_user_leaves_tombstones<E: Engine>(mut world: World<E>) {
    let r = key("r");
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    let profile = |name: &str| UserProfile {
        id: id(name),
        name: format!("{name}'s name").into(),
        avatar: None,
        created_at: at(1),
    };
    for name in ["alice", "bob"] {
        world.store().put_user(r.project, &profile(name)).await.expect("stored");
    }
    let kept = world.write("r", &alice, say("alice stays")).await;
    let Event::MessagePosted(kept) = &kept.event else { panic!("not a post") };
    world.write("r", &bob, say_once("c1", "bob goes")).await;
    world.write("r", &bob, to(between(&["alice"]), "bob privately")).await;
    world.write("r", &bob, Write::React { message: kept.id, emoji: "👍".into() }).await;
    world.store().mark_read(&r, &id("bob"), &Audience::Room, Seq(1)).await.expect("marked");
    assert_eq!(world.found("r", &SERVER, "bob").await, "3 bob privately, 2 bob goes");
    world.delete_messages_of("r", "bob").await;
    world.write("r", &bob, say("on its way")).await;
    world.set_clock(at(5_000));
    let wiped = world.store().erase_user(r.project, &id("bob"), at(5_000)).await.expect("erased");
    assert_eq!(wiped, 2);
    for _ in 0..2 {
        assert_eq!(world.history("r", &SERVER).await, "1 alice stays, 2 (gone), 3 (gone), 7 on its way");
        assert_eq!(world.found("r", &SERVER, "goes").await, "");
        for entry in world.entries("r", &SERVER).await.iter().filter(|entry| entry.seq < Seq(7)) {
            assert_ne!(entry.by.user, Some(id("bob")));
            assert!(!entry.by.name.contains("bob"), "{entry:?}");
        }
        let stays = world.message_at("r", Seq(1)).await.expect("a message");
        assert_eq!(stays.reactions[0].users.len(), 1);
        assert!(stays.reactions[0].users[0].as_str().starts_with("erased-"), "{:?}", stays.reactions);
        assert_eq!(world.store().user(r.project, &id("bob")).await.expect("an answer"), None);
        assert!(world.store().user(r.project, &id("alice")).await.expect("an answer").is_some());
        world.reopen();
    }
    let again = world.store().erase_user(r.project, &id("bob"), at(6_000)).await.expect("erased");
    assert_eq!(again, 0);
    assert_eq!(world.write("r", &alice, say("goes on")).await.seq, Seq(8));
}

pub(crate) async fn an_erased_user_is_named_nowhere<E: Engine>(mut world: World<E>) {
    let (alice, bob, namesake) = (owner("alice"), member("bob"), eyes("bob", &[]));
    world.open_group("r", &["alice", "bob", "bobby"]).await;
    let mut draft = Draft::text("to all");
    draft.mentions = vec![id("bob"), id("carol"), id("bob"), id("bobby")];
    world.write("r", &alice, Write::Post(draft)).await;
    world.write("r", &alice, to(between(&["bob", "carol"]), "a secret")).await;
    world.write("r", &alice, Write::Mute { user: id("bob"), duration: None }).await;
    world.write("r", &alice, Write::Unmute { user: id("bob") }).await;
    world.write("r", &alice, Write::SetRole { user: id("bob"), role: Some(Role::Moderator) }).await;
    world.write("r", &bob, to(between(&["alice"]), "an answer")).await;
    assert_eq!(world.history("r", &namesake).await, "1 to all, 2 a secret, 6 an answer");
    world.delete_messages_of("r", "bob").await;
    world.store().erase_user(key("r").project, &id("bob"), at(5_000)).await.expect("erased");
    for _ in 0..2 {
        let page = world.page("r", &SERVER, &request(PageAnchor::Newest, 9)).await;
        let room = world.store().room(&key("r")).await.expect("an answer").expect("a room");
        let all = format!("{:?} {page:?} {room:?}", world.entries("r", &SERVER).await);
        assert!(!all.contains(r#""bob""#) && all.contains(r#""bobby""#), "{all}");
        // Whoever gets the id later is somebody else.
        assert_eq!(world.history("r", &namesake).await, "1 to all");
        assert_eq!(world.history("r", &eyes("carol", &[])).await, "1 to all, 2 a secret");
        assert_eq!(world.history("r", &eyes("alice", &[])).await, "1 to all, 2 a secret, 6 (gone)");
        world.reopen();
    }
    assert_eq!(world.write("r", &alice, to(between(&["bob"]), "a fresh start")).await.seq, Seq(8));
    assert_eq!(world.history("r", &namesake).await, "1 to all, 8 a fresh start");
}

pub(crate) async fn a_ban_outlives_its_user<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    world.write("r", &alice, Write::SetRole { user: id("bob"), role: Some(Role::Moderator) }).await;
    world.write("r", &alice, Write::Ban { user: id("bob"), duration: None }).await;
    world.store().erase_user(key("r").project, &id("bob"), at(5_000)).await.expect("erased");
    for _ in 0..2 {
        assert_eq!(world.refused("r", &bob, say("I am back")).await, "banned");
        let room = world.store().room(&key("r")).await.expect("an answer").expect("a room");
        assert_eq!(room.members[&id("bob")].role, None, "only the ban is kept");
        world.reopen();
    }
}

pub(crate) async fn the_messages_of_a_user_are_found<E: Engine>(world: World<E>) {
    world.open("r").await;
    let (alice, bob) = (owner("alice"), member("bob"));
    let gone = world.write("r", &bob, say("one")).await;
    let Event::MessagePosted(gone) = &gone.event else { panic!("not a post") };
    world.write("r", &alice, say("two")).await;
    world.write("r", &bob, to(between(&["alice"]), "three")).await;
    world.write("r", &bob, say("four")).await;
    world.write("r", &bob, Write::Delete { message: gone.id }).await;
    let of = async |user: &str, after, limit| {
        let found = world.store().messages_of(&key("r"), &id(user), after, limit).await.expect("a list");
        found.iter().map(|message| message.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(of("bob", Seq::ZERO, 9).await, [3, 4]);
    assert_eq!(of("bob", Seq::ZERO, 1).await, [3]);
    assert_eq!(of("bob", Seq(3), 9).await, [4]);
    assert_eq!(of("bobby", Seq::ZERO, 9).await, [0; 0]);
}

pub(crate) async fn a_backup_is_a_store<E: Engine>(world: World<E>) {
    world.open("r").await;
    let alice = member("alice");
    for number in 0..50 {
        world.write("r", &alice, say(&format!("before {number}"))).await;
    }
    let target = world.engine.scratch();
    let backup = world.store().backup(&target);
    let writing = async {
        for number in 0..50 {
            world.write("r", &alice, say(&format!("during {number}"))).await;
        }
    };
    let (copied, ()) = tokio::join!(backup, writing);
    copied.expect("a backup");
    let copy = world.engine.open_backup(target.clone());
    let replay = copy.entries(&key("r"), &SERVER, Seq::ZERO, 1_000).await.expect("a replay");
    assert!(replay.entries.len() >= 50);
    let own = world.entries("r", &SERVER).await;
    assert_eq!(replay.entries, own[..replay.entries.len()], "the copy is a beginning of the log");
    let written = copy.write(&key("r"), world.submission(&alice, say("in the copy"))).await.expect("a write");
    assert_eq!(written.position().seq, replay.head.next());
    drop(copy);
    world.store().backup(&target).await.expect("a backup over the old one");
    let copy = world.engine.open_backup(target);
    let replay = copy.entries(&key("r"), &SERVER, Seq::ZERO, 1_000).await.expect("a replay");
    assert_eq!(replay.entries.len(), 100);
    let found = copy.search(&key("r"), &SERVER, &search("during")).await.expect("a search");
    assert_eq!(found.messages.len(), 50);
}

pub(crate) async fn the_sink_sees_every_commit_in_order<E: Engine>(world: World<E>) {
    const WRITERS: usize = 20;
    const EACH: usize = 50;
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    let rooms = ["a", "b", "c", "d"];
    for room in rooms {
        world.open(room).await;
    }
    let witness_ref = &witness;
    let writers = (0..WRITERS).map(|writer| {
        let world = &world;
        async move {
            let (me, room) = (member(&format!("user {writer}")), rooms[writer % rooms.len()]);
            for number in 0..EACH {
                let entry = world.write(room, &me, say(&format!("{writer}/{number}"))).await;
                let told = witness_ref.entries(room);
                assert!(told.iter().any(|other| other.seq == entry.seq), "told before the answer");
            }
        }
    });
    join_all(writers).await;
    for room in rooms {
        let told = witness.entries(room);
        let seqs: Vec<_> = told.iter().map(|entry| entry.seq.0).collect();
        let all: Vec<_> = (1..=(WRITERS / rooms.len() * EACH) as u64).collect();
        assert_eq!(seqs, all, "in order, each once");
        assert_eq!(world.entries(room, &SERVER).await, told);
        let mut last: HashMap<String, usize> = HashMap::new();
        for entry in told {
            let Event::MessagePosted(message) = &entry.event else { panic!("not a post") };
            let words = message.text();
            let (writer, number) = words.split_once('/').expect("writer/number");
            let number: usize = number.parse().expect("a number");
            assert_eq!(last.insert(writer.to_owned(), number).map_or(0, |last| last + 1), number);
        }
    }
}

pub(crate) async fn the_sink_is_told_the_members<E: Engine>(world: World<E>) {
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    world.open("session").await;
    world.open_group("group", &["alice", "bob"]).await;
    world.write("session", &member("alice"), say("hi")).await;
    assert_eq!(witness.members("session"), None);
    world.write("group", &member("alice"), say("hi")).await;
    assert_eq!(witness.members("group"), Some(vec!["alice".into(), "bob".into()]));
    world.write("group", &owner("alice"), Write::AddMember { user: id("carol") }).await;
    assert_eq!(witness.members("group"), Some(vec!["alice".into(), "bob".into(), "carol".into()]));
    world.write("group", &member("bob"), Write::LeaveRoom).await;
    assert_eq!(witness.members("group"), Some(vec!["alice".into(), "carol".into()]));
}

pub(crate) async fn the_sink_is_told_who_is_a_member_after_each_entry<E: Engine>(world: World<E>) {
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    world.open_group("r", &["alice", "bob"]).await;
    let server = server();
    for _ in 0..20 {
        let [bob, bob_again] = [id("bob"), id("bob")];
        let writes =
            [say("1"), Write::Kick { user: bob }, say("2"), Write::AddMember { user: bob_again }, say("3")];
        // At once, so that several of them share a commit.
        let written = join_all(writes.map(|write| world.try_write("r", &server, write))).await;
        assert!(written.iter().all(Result::is_ok), "{written:?}");
    }
    let mut has_bob = true;
    for committed in witness.committed("r") {
        let told = committed.members.expect("a group has members");
        for entry in &committed.entries {
            match &entry.event {
                Event::MemberKicked { .. } => has_bob = false,
                Event::MemberJoined { .. } => has_bob = true,
                _ => {}
            }
            let is_told = told.iter().any(|member| member.user == id("bob"));
            assert_eq!(is_told, has_bob, "at {}", entry.seq);
        }
    }
}

pub(crate) async fn a_room_is_the_same_after_reopening<E: Engine>(mut world: World<E>) {
    world.open_group("r", &["alice", "bob"]).await;
    let alice = owner("alice");
    let writes = [
        say("hi"),
        Write::SetTitle(Some("title".into())),
        Write::SetChatEnabled(false),
        Write::Mute { user: id("bob"), duration: None },
        Write::Ban { user: id("mallory"), duration: Some(Duration::from_secs(9)) },
        Write::SetRole { user: id("bob"), role: Some(Role::Moderator) },
        Write::SetGroups { user: id("bob"), groups: vec![group("staff")] },
        Write::Invite { user: id("carol") },
        Write::Unmute { user: id("nobody") },
    ];
    for write in writes {
        world.try_write("r", &alice, write).await.expect("a success");
    }
    let before = world.store().room(&key("r")).await.expect("a room").expect("there");
    let history = world.page("r", &SERVER, &request(PageAnchor::Newest, 100)).await;
    assert_eq!(before.members.len(), 4);
    world.reopen();
    assert_eq!(world.store().room(&key("r")).await.expect("a room").expect("there"), before);
    assert_eq!(world.page("r", &SERVER, &request(PageAnchor::Newest, 100)).await, history);
    let (opened, new) =
        world.store().open(&key("r"), &RoomSpec::default(), Epoch(99), at(1)).await.expect("opens");
    assert_eq!((opened, new), (before, false));
}

pub(crate) async fn rooms_are_listed_by_name<E: Engine>(world: World<E>) {
    let (store, project) = (world.store(), key("r").project);
    for room in ["beta", "Alpha", "alpha"] {
        world.open(room).await;
    }
    world.open_group("team", &["alice"]).await;
    let pair = vec![id("alice"), id("bob")];
    world.open_as("pair", RoomSpec { kind: RoomKind::Direct, members: pair, ..RoomSpec::default() }).await;
    world.write("team", &owner("alice"), Write::Invite { user: id("bob") }).await;
    let names = |list: Vec<sidetalk_core::ports::RoomSummary>| {
        let names =
            list.into_iter().map(|room| format!("{}{}", room.name, if room.invited { "?" } else { "" }));
        names.collect::<Vec<_>>().join(" ")
    };
    let all = store.rooms(project, None, 100).await.expect("a list");
    assert_eq!(all.iter().find(|room| room.name.as_str() == "team").expect("listed").head, Seq(1));
    assert_eq!(names(all), "Alpha alpha beta pair team");
    let after = key("alpha").name;
    assert_eq!(names(store.rooms(project, Some(&after), 2).await.expect("a list")), "beta pair");
    assert_eq!(
        names(store.rooms_of(project, &id("alice"), at(9_000), None, 100).await.expect("a list")),
        "pair team"
    );
    assert_eq!(
        names(store.rooms_of(project, &id("bob"), at(9_000), None, 100).await.expect("a list")),
        "pair team?"
    );
    let (bob, pair) = (id("bob"), key("pair").name);
    assert_eq!(names(store.rooms_of(project, &bob, at(9_000), None, 1).await.expect("a list")), "pair");
    assert_eq!(
        names(store.rooms_of(project, &bob, at(9_000), Some(&pair), 1).await.expect("a list")),
        "team?"
    );
    world.write("team", &member("alice"), Write::LeaveRoom).await;
    assert_eq!(
        names(store.rooms_of(project, &id("alice"), at(9_000), None, 100).await.expect("a list")),
        "pair"
    );
    assert!(store.rooms_of(project, &id("carol"), at(9_000), None, 100).await.expect("a list").is_empty());
    for (room, user, duration) in [("pair", "bob", Some(Duration::from_secs(1))), ("pair", "alice", None)] {
        world.write(room, &server(), Write::Ban { user: id(user), duration }).await;
    }
    let banned_at = world.now();
    for (user, now, rooms) in [
        ("bob", banned_at, "team?"),
        ("bob", banned_at.plus(Duration::from_secs(9)), "pair team?"),
        ("alice", banned_at.plus(Duration::from_secs(9)), ""),
    ] {
        let listed = store.rooms_of(project, &id(user), now, None, 100).await.expect("a list");
        assert_eq!(names(listed), rooms, "{user} at {now:?}");
    }
}

pub(crate) async fn projects_and_users_come_back_as_stored<E: Engine>(mut world: World<E>) {
    let mut project = project_with_retention(None);
    world.store().put_project(&project).await.expect("stored");
    project.previous_secret = Some(("old".into(), at(50)));
    project.settings.retention = Some(Duration::from_millis(1_500));
    project.settings.dialects = vec!["native".into()];
    project.settings.create_rooms_on_join = false;
    project.settings.chat_signal_types.clear();
    world.store().put_project(&project).await.expect("stored");
    let user = |name: &str| UserProfile {
        id: id(name),
        name: "a name".into(),
        avatar: Some("https://example.com/a.png".into()),
        created_at: at(3),
    };
    for name in ["carol", "alice", "bob"] {
        world.store().put_user(project.id, &user(name)).await.expect("stored");
    }
    let changed = UserProfile { name: "another".into(), avatar: None, ..user("bob") };
    world.store().put_user(project.id, &changed).await.expect("stored");
    world.reopen();
    let store = world.store();
    assert_eq!(store.project(project.id).await.expect("an answer").as_ref(), Some(&project));
    assert_eq!(store.projects().await.expect("a list"), [project.clone()]);
    assert_eq!(store.user(project.id, &id("bob")).await.expect("an answer"), Some(changed.clone()));
    assert_eq!(store.user(project.id, &id("dave")).await.expect("an answer"), None);
    let users = store.users(project.id, Some(&id("alice")), 1).await.expect("a list");
    assert_eq!(users, [changed]);
}

const LEFT: Dialect = Dialect::new("left");
const RIGHT: Dialect = Dialect::new("right");

pub(crate) async fn a_dialect_comes_back_with_what_came_by_it<E: Engine>(mut world: World<E>) {
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    world.open("r").await;
    let alice = by(LEFT, owner("alice"));
    let posted = world.write("r", &alice, say_once("c1", "findable")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let id = message.id;
    let edit = Write::Edit { message: id, parts: text("findable too"), mentions: Vec::new() };
    world.write("r", &by(RIGHT, owner("alice")), edit).await;
    world.write("r", &by(RIGHT, server()), Write::Pin { message: id }).await;
    world.write("r", &server(), Write::SetChatEnabled(false)).await;
    world.write("r", &by(LEFT, server()), Write::SetChatEnabled(true)).await;
    world.write("r", &member("bob"), to(between(&["alice"]), "by none")).await;
    let expected = [Some(LEFT), Some(RIGHT), Some(RIGHT), None, Some(LEFT), None];
    let dialects = |entries: Vec<Arc<sidetalk_core::event::Entry>>| {
        entries.iter().map(|entry| entry.by.dialect).collect::<Vec<_>>()
    };
    assert_eq!(dialects(witness.entries("r")), expected);
    for _ in 0..2 {
        assert_eq!(dialects(world.entries("r", &SERVER).await), expected);
        let page = world.page("r", &SERVER, &request(PageAnchor::Newest, 10)).await;
        let shown: Vec<_> = page.messages.iter().map(|message| message.sender.dialect).collect();
        assert_eq!(shown, [Some(LEFT), None], "an edit by another dialect does not change who posted");
        let read = world.store().message(&key("r"), &SERVER, id).await.expect("an answer").expect("there");
        assert_eq!(read.sender.dialect, Some(LEFT));
        let found = world.store().search(&key("r"), &SERVER, &search("findable")).await.expect("a search");
        assert_eq!(found.messages[0].sender.dialect, Some(LEFT));
        world.reopen();
    }
    // A retry by another dialect is the same send.
    let retry = world.try_write("r", &by(RIGHT, owner("alice")), say_once("c1", "findable")).await;
    assert!(matches!(retry.expect("a success").result, WriteResult::Repeated(sent) if sent.seq == Seq(1)));
}

pub(crate) async fn a_room_knows_under_which_types_each_dialect_chats<E: Engine>(mut world: World<E>) {
    world.open("r").await;
    world.open("other").await;
    let (alice, bob) = (by(LEFT, owner("alice")), by(RIGHT, member("bob")));
    let steps = [
        (&alice, say("no type"), ""),
        (&alice, say_as("chat", Audience::Room, "one"), "left=chat"),
        (&bob, say_as("\"msg\" ü%", Audience::Room, "two"), "left=chat right=\"msg\" ü%"),
        (&bob, say("no type"), "left=chat right=\"msg\" ü%"),
        (&alice, say_as("sly", between(&["bob"]), "private"), "left=chat right=\"msg\" ü%"),
        (&alice, say_as("text", Audience::Room, "aloud"), "left=text right=\"msg\" ü%"),
        (&server(), say_as("nobody's", Audience::Room, "by no dialect"), "left=text right=\"msg\" ü%"),
        (&alice, Write::SetTitle(Some("title".into())), "left=text right=\"msg\" ü%"),
        (&by(RIGHT, server()), say_as("chat", Audience::Room, "back"), "left=text right=chat"),
    ];
    for (who, write, expected) in steps {
        world.write("r", who, write).await;
        assert_eq!(labels(&world, "r").await, expected);
    }
    assert_eq!(labels(&world, "other").await, "");
    world.reopen();
    assert_eq!(labels(&world, "r").await, "left=text right=chat");
    // What is refused is not noted.
    world.write("r", &alice, Write::Ban { user: id("bob"), duration: None }).await;
    assert_eq!(world.refused("r", &bob, say_as("spam", Audience::Room, "hi")).await, "banned");
    world.write("r", &alice, Write::ClearHistory(Audience::Room)).await;
    assert_eq!(labels(&world, "r").await, "left=text right=chat");
    let room = world.store().room(&key("r")).await.expect("a room").expect("there");
    let known = [(RIGHT, "chat"), (LEFT, "text")];
    let known = known.map(|(dialect, label)| (dialect, SignalType::new(label).expect("a valid type")));
    assert_eq!(room.labels, Labels::new(known));
    // Another log under the same name knows nothing of it.
    assert!(world.store().delete(&key("r"), Epoch(7)).await.expect("deleted"));
    world.open("r").await;
    assert_eq!(labels(&world, "r").await, "");
}

/// `left=chat right=msg`.
async fn labels<E: Engine>(world: &World<E>, room: &str) -> String {
    let room = world.store().room(&key(room)).await.expect("a room").expect("there");
    let shown = room.labels.iter().map(|(dialect, label)| format!("{}={label}", dialect.as_str()));
    shown.collect::<Vec<_>>().join(" ")
}

const TOKEN: &str = "left.token";
const BOOK: &str = "left.book";

fn record(kind: &'static str, key: &str, value: &str) -> Record {
    let project = ProjectId::new(1).expect("a valid project");
    Record { kind, key: key.into(), project, value: value.into(), expires_at: None }
}

/// `a=1 b=2`.
fn shown_records(records: &[Record]) -> String {
    let shown = records.iter().map(|record| format!("{}={}", record.key, record.value));
    shown.collect::<Vec<_>>().join(" ")
}

async fn listed<E: Engine>(world: &World<E>, kind: &'static str, prefix: &str) -> String {
    shown_records(&world.store().records(kind, prefix, None, 100).await.expect("a list"))
}

pub(crate) async fn a_record_is_added_once_and_replaced_at_will<E: Engine>(mut world: World<E>) {
    let first = Record { expires_at: Some(at(5_000)), ..record(TOKEN, "k", "{\"first\":\"ä\"}") };
    assert_eq!(world.store().record(TOKEN, "k").await.expect("an answer"), None);
    assert!(world.store().add_record(first.clone()).await.expect("an answer"));
    assert!(!world.store().add_record(record(TOKEN, "k", "second")).await.expect("an answer"));
    for _ in 0..2 {
        assert_eq!(world.store().record(TOKEN, "k").await.expect("an answer").as_ref(), Some(&first));
        assert_eq!(world.store().record(BOOK, "k").await.expect("an answer"), None, "kinds are apart");
        assert_eq!(world.store().record(TOKEN, "K").await.expect("an answer"), None);
        world.reopen();
    }
    let other = ProjectId::new(2).expect("a valid project");
    let replaced = Record { project: other, ..record(TOKEN, "k", "") };
    let beside = record(BOOK, "k", "of another kind");
    let twice = [record(BOOK, "n", "early"), record(BOOK, "n", "late")];
    let all = [vec![replaced.clone(), beside.clone()], twice.to_vec()].concat();
    world.store().put_records(all).await.expect("stored");
    world.store().put_records(Vec::new()).await.expect("nothing is stored");
    assert_eq!(world.store().record(TOKEN, "k").await.expect("an answer"), Some(replaced));
    assert_eq!(world.store().record(BOOK, "k").await.expect("an answer"), Some(beside));
    assert_eq!(listed(&world, BOOK, "n").await, "n=late");
    // Of many that add one, one has added it.
    let store = world.store();
    let adds = (0..20).map(|number| store.add_record(record(TOKEN, "race", &number.to_string())));
    let added: Vec<_> = join_all(adds).await.into_iter().map(|added| added.expect("an answer")).collect();
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let winner = added.iter().position(|added| *added).expect("one");
    let kept = store.record(TOKEN, "race").await.expect("an answer").expect("there");
    assert_eq!(&*kept.value, winner.to_string());
}

pub(crate) async fn a_record_is_taken_once<E: Engine>(mut world: World<E>) {
    const TAKERS: usize = 16;
    const KEYS: usize = 50;
    let keys: Vec<_> = (0..KEYS).map(|number| format!("t{number}")).collect();
    let records = keys.iter().map(|key| record(TOKEN, key, "worth something"));
    world.store().put_records(records.collect()).await.expect("stored");
    world.store().put_records(vec![record(BOOK, "t0", "beside")]).await.expect("stored");
    let world_shared = Arc::new(world);
    let takers: Vec<_> = (0..TAKERS)
        .map(|_| {
            let (world, keys) = (world_shared.clone(), keys.clone());
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for key in &keys {
                    taken.extend(world.store().take_record(TOKEN, key).await.expect("an answer"));
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.expect("no panic"));
    }
    assert!(taken.iter().all(|record| record.kind == TOKEN && &*record.value == "worth something"));
    let distinct: HashSet<_> = taken.iter().map(|record| record.key.clone()).collect();
    assert_eq!((taken.len(), distinct.len()), (KEYS, KEYS), "each by exactly one");
    world = Arc::into_inner(world_shared).expect("all takers have ended");
    world.reopen();
    assert_eq!(listed(&world, TOKEN, "").await, "");
    assert_eq!(world.store().take_record(TOKEN, "t0").await.expect("an answer"), None);
    assert_eq!(listed(&world, BOOK, "").await, "t0=beside");
    // What was taken can be added anew.
    assert!(world.store().add_record(record(TOKEN, "t0", "again")).await.expect("an answer"));
}

/// Keys that are each other's beginnings, that mean something in patterns, and whose order in bytes is not that of words; the
/// first one is empty.
const AWKWARD_KEYS: &str = " % %a A B _ _a a a% a%b a*b a/ a/1 a/10 a/2 a_b aa axb a\0b ä äa \u{10ffff}x";

pub(crate) async fn records_are_listed_and_removed_by_exact_beginnings<E: Engine>(world: World<E>) {
    let mut keys: Vec<&str> = AWKWARD_KEYS.split(' ').collect();
    keys.sort_unstable();
    let records = || AWKWARD_KEYS.rsplit(' ').map(|key| record(BOOK, key, "v")).collect::<Vec<_>>();
    world.store().put_records(records()).await.expect("stored");
    world.store().put_records(vec![record(TOKEN, "a/3", "of another kind")]).await.expect("stored");
    for prefix in AWKWARD_KEYS.split(' ').chain(["a/1x", "\u{10ffff}", "z", "e\u{301}", "a\0"]) {
        let expected: Vec<_> = keys.iter().copied().filter(|key| key.starts_with(prefix)).collect();
        for limit in [1, 2, 3, 100] {
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = world.store().records(BOOK, prefix, after.as_deref(), limit).await;
                let page = page.expect("a list");
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.key.to_string());
                seen.extend(page.into_iter().map(|record| record.key.to_string()));
            }
            assert_eq!(seen, expected, "{prefix:?}, {limit} at a time");
        }
    }
    assert!(world.store().records(BOOK, "", None, 0).await.expect("a list").is_empty());
    // A place that is no key, before, among and behind those asked for.
    for (after, expected) in [("Z", "a/ a/1 a/10 a/2"), ("a/1x", "a/2"), ("b", "")] {
        let page = world.store().records(BOOK, "a/", Some(after), 100).await.expect("a list");
        let shown: Vec<_> = page.iter().map(|record| &*record.key).collect();
        assert_eq!(shown.join(" "), expected, "after {after}");
    }
    for prefix in AWKWARD_KEYS.split(' ') {
        let (gone, stay): (Vec<&str>, Vec<&str>) =
            keys.iter().copied().partition(|key| key.starts_with(prefix));
        let removed = world.store().remove_records(BOOK, prefix).await.expect("an answer");
        assert_eq!(removed, gone.len() as u64, "{prefix:?}");
        let left = world.store().records(BOOK, "", None, 100).await.expect("a list");
        assert_eq!(left.iter().map(|record| &*record.key).collect::<Vec<_>>(), stay, "without {prefix:?}");
        world.store().put_records(records()).await.expect("stored");
    }
    assert_eq!(listed(&world, TOKEN, "").await, "a/3=of another kind");
}

pub(crate) async fn a_record_ends_by_its_time_and_by_nothing_else<E: Engine>(mut world: World<E>) {
    world.store().put_project(&project_with_retention(Some(Duration::from_secs(1)))).await.expect("stored");
    let (r, bob) = (key("r"), by(LEFT, member("bob")));
    world.open("r").await;
    world.write("r", &bob, say("bob was here")).await;
    let ending = |key, seconds| Record { expires_at: Some(at(seconds)), ..record(TOKEN, key, "bob") };
    let records = vec![ending("r/early", 2_000), ending("r/late", 3_000), record(TOKEN, "r/never", "bob")];
    world.store().put_records(records).await.expect("stored");
    // An ended record is there until it is removed.
    assert_eq!(world.store().purge(at(1_999)).await.expect("purged"), 1, "a message, not a record");
    assert_eq!(listed(&world, TOKEN, "r/").await, "r/early=bob r/late=bob r/never=bob");
    assert_eq!(world.store().purge(at(2_001)).await.expect("purged"), 0);
    assert_eq!(listed(&world, TOKEN, "r/").await, "r/late=bob r/never=bob");
    world.store().erase_user(r.project, &id("bob"), at(2_002)).await.expect("erased");
    assert!(world.store().delete(&r, Epoch(7)).await.expect("deleted"));
    world.store().purge(at(2_003)).await.expect("purged");
    world.reopen();
    assert_eq!(listed(&world, TOKEN, "r/").await, "r/late=bob r/never=bob");
    // A longer life is a life.
    world.store().put_records(vec![ending("r/late", 9_000)]).await.expect("stored");
    world.store().purge(at(8_000)).await.expect("purged");
    assert_eq!(listed(&world, TOKEN, "r/").await, "r/late=bob r/never=bob");
    world.store().purge(at(i64::from(u32::MAX))).await.expect("purged");
    assert_eq!(listed(&world, TOKEN, "r/").await, "r/never=bob");
    let backup = world.engine.scratch();
    world.store().backup(&backup).await.expect("a backup");
    let copy = world.engine.open_backup(backup);
    assert_eq!(shown_records(&copy.records(TOKEN, "", None, 9).await.expect("a list")), "r/never=bob");
}

pub(crate) async fn check_writes<E: Engine>(world: World<E>) {
    world.store().check().await.expect("well");
    world.store().check().await.expect("still well");
}

fn project_with_retention(retention: Option<Duration>) -> Project {
    Project {
        id: key("r").project,
        name: "a project".into(),
        secret: "secret".into(),
        previous_secret: None,
        settings: ProjectSettings { retention, ..ProjectSettings::default() },
        created_at: Timestamp::from_micros(5),
    }
}

/// Polls all futures at once and waits for all.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().map(|(_, output)| output.expect("all are ready")).collect()
}
