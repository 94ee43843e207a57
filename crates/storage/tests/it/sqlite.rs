//! What only the embedded engine promises: failing statements, a full disk, files, locks.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::event::Event;
use sidetalk_core::model::{Audience, Dialect, Labels, PrivateChat, RoomSpec, Seq, Viewer};
use sidetalk_core::ports::{LogStore, PageAnchor, ProjectStore, RecordStore, RoomStore, Upkeep, UserProfile};
use sidetalk_core::refusal::Failure;
use sidetalk_core::transaction::{WriteResult, Written};
use sidetalk_storage::{OpenError, Sqlite, SqliteConfig};

use crate::world::{
    Embedded, Engine, Witness, World, at, between, by, id, key, member, owner, request, say, say_as,
    say_once, say_to, text, to,
};

const SERVER: Viewer = Viewer::Server;

/// Everything that can be read of a room.
async fn state(world: &World<Embedded>) -> String {
    let room = world.store().room(&key("r")).await.expect("a room").expect("there");
    let page = world.page("r", &SERVER, &request(PageAnchor::Newest, 1_000)).await;
    let entries = world.entries("r", &SERVER).await;
    let mut members: Vec<_> = room.members.iter().collect();
    members.sort_by_key(|(user, _)| user.as_str().to_owned());
    let (head, last_at, settings, labels) = (room.head, room.last_at, &room.settings, &room.labels);
    format!("{head:?} {last_at:?} {settings:?} {labels:?} {members:?} {page:?} {entries:?}")
}

/// Makes every statement of every kind of write fail in turn.
#[tokio::test]
async fn a_write_that_fails_at_any_step_leaves_nothing() {
    let world = World::new(Embedded::default());
    let witness = Arc::new(Witness::default());
    world.store().attach(witness.clone());
    world.open("r").await;
    let alice = by(Dialect::new("left"), owner("alice"));
    let posted = world.write("r", &alice, say("target")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let target = message.id;
    let edit = |words| Write::Edit { message: target, parts: text(words), mentions: Vec::new() };
    let writes = [
        say_once("c1", "post"),
        say_as("chat", Audience::Room, "post"),
        to(between(&["bob", "carol"]), "private"),
        edit("unindexed"),
        Write::React { message: target, emoji: "👍".into() },
        Write::Pin { message: target },
        Write::Mute { user: id("bob"), duration: None },
        Write::SetTitle(Some("title".into())),
        Write::Unreact { message: target, emoji: "👍".into() },
        Write::Delete { message: target },
        Write::ClearHistory(between(&["alice", "bob", "carol"])),
        Write::ClearHistory(Audience::Room),
    ];
    for write in writes {
        world.found("r", &SERVER, "target").await; // Brings the index up to date, so that edits touch it.
        let before = state(&world).await;
        let told = witness.entries("r").len();
        let mut failed = 0;
        for steps in 0..1_000 {
            world.store().inject_failure_after(steps);
            match world.try_write("r", &alice, write.clone()).await {
                Ok(written) => {
                    assert!(matches!(written.result, WriteResult::Appended(_)));
                    break;
                }
                Err(Failure::Refused(refusal)) => panic!("{write:?} was refused: {refusal}"),
                Err(Failure::Unavailable(_)) => failed += 1,
            }
            assert_eq!(state(&world).await, before, "{write:?} failed at step {steps}");
            assert_eq!(witness.entries("r").len(), told);
        }
        world.store().inject_failure_after(u32::MAX);
        assert!(failed >= 3, "{write:?} can fail at BEGIN, in the middle and at COMMIT");
        assert_eq!(world.entries("r", &SERVER).await.last(), witness.entries("r").last());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_failed_batch_nothing_is_stored_and_nothing_answered() {
    let world = Arc::new(World::new(Embedded::default()));
    world.open("r").await;
    let mut stored = Vec::new();
    let mut failures = 0;
    for round in 0..30 {
        world.store().inject_failure_after(round * 3);
        let posts: Vec<_> = (0..20)
            .map(|number| {
                let world = world.clone();
                let words = format!("{round}/{number}");
                tokio::spawn(async move {
                    let outcome = world.try_write("r", &member("alice"), say(&words)).await;
                    (words, outcome)
                })
            })
            .collect();
        for post in posts {
            match post.await.expect("no panic") {
                (words, Ok(written)) => stored.push((written.position().seq, words)),
                (_, Err(Failure::Unavailable(_))) => failures += 1,
                (words, Err(refused)) => panic!("{words} was refused: {refused}"),
            }
        }
    }
    world.store().inject_failure_after(u32::MAX);
    stored.sort();
    let page = world.page("r", &SERVER, &request(PageAnchor::Newest, 10_000)).await;
    let read: Vec<_> = page.messages.iter().map(|message| (message.seq, message.text())).collect();
    assert_eq!(read, stored);
    assert!((1..).zip(&stored).all(|(number, (seq, _))| *seq == Seq(number)), "no gap");
    assert!(failures > 0);
}

#[tokio::test]
async fn a_full_disk_stops_writes_only_and_passes() {
    let mut world = World::new(Embedded::default());
    world.open("r").await;
    let alice = member("alice");
    let words = "x".repeat(10_000);
    world.write("r", &alice, say(&words)).await;
    world.store().limit_growth(Some(8)).await.expect("limited");
    let mut kept = 1;
    let failure = loop {
        match world.try_write("r", &alice, say(&words)).await {
            Ok(_) => kept += 1,
            Err(failure) => break failure,
        }
        assert!(kept < 100, "the disk never gets full");
    };
    assert_eq!(failure.code(), "unavailable");
    assert_eq!(world.entries("r", &SERVER).await.len(), kept, "reads go on");
    for _ in 0..3 {
        assert!(world.try_write("r", &alice, say(&words)).await.is_err());
    }
    world.store().limit_growth(None).await.expect("space is back");
    let next = world.write("r", &alice, say("again")).await;
    assert_eq!(next.seq, Seq(kept as u64 + 1));
    world.reopen();
    assert_eq!(world.entries("r", &SERVER).await.len(), kept + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_ids_are_forgotten_after_their_time() {
    let world = Arc::new(World::new(Embedded::default()));
    world.open("r").await;
    world.set_clock(at(1_000));
    let posts: Vec<_> = (0..1_100)
        .map(|number| {
            let world = world.clone();
            let post = say_once(&format!("old{number}"), "old");
            tokio::spawn(async move { world.try_write("r", &member("alice"), post).await })
        })
        .collect();
    for post in posts {
        post.await.expect("no panic").expect("written");
    }
    let day = 24 * 60 * 60;
    world.set_clock(at(1_000 + day));
    let young = world.write("r", &member("alice"), say_once("young", "young")).await;
    world.store().purge(at(1_000 + 2 * day)).await.expect("purged");
    for number in [0, 499, 500, 1_099] {
        let post = say_once(&format!("old{number}"), "old");
        assert!(world.try_write("r", &member("alice"), post).await.is_ok_and(|written| repeated(&written)));
    }
    world.store().purge(at(1_010 + 2 * day)).await.expect("purged");
    for number in [0, 499, 500, 1_099] {
        world.write("r", &member("alice"), say_once(&format!("old{number}"), "another body")).await;
    }
    let again = world.try_write("r", &member("alice"), say_once("young", "young")).await.expect("known");
    assert!(repeated(&again) && again.position().seq == young.seq);
}

fn repeated(written: &Written) -> bool {
    matches!(written.result, WriteResult::Repeated(_))
}

/// Far more is written than the write-ahead log may hold, faster than it is copied on the side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_bounded() {
    let world = Arc::new(World::new(Embedded::default()));
    world.open("r").await;
    let words = Arc::new("x".repeat(16_000));
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let (world, words) = (world.clone(), words.clone());
            tokio::spawn(async move {
                for _ in 0..500 {
                    world.write("r", &member("alice"), say(&words)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
    let mut log = world.engine.path().into_os_string();
    log.push("-wal");
    let bytes = std::fs::metadata(log).expect("a file").len();
    assert!(bytes < 160 << 20, "the log has {bytes} bytes after 160 MB were written");
}

#[tokio::test]
async fn the_last_number_of_a_room_is_said_clearly() {
    let mut world = World::new(Embedded::default());
    world.open("r").await;
    world.open("other").await;
    world.close();
    let conn = rusqlite::Connection::open(world.engine.path()).expect("opens");
    conn.execute("UPDATE room SET head = 4294967294 WHERE name = 'r'", []).expect("updated");
    drop(conn);
    world.reopen();
    let last = world.write("r", &member("alice"), say("last")).await;
    assert_eq!(last.seq, Seq(u64::from(u32::MAX)));
    let alice = member("alice");
    let full = world.try_write("r", &alice, say("one too many"));
    let beside = world.try_write("other", &alice, say("beside"));
    let (full, beside) = tokio::join!(full, beside);
    let Err(Failure::Unavailable(full)) = full else { panic!("stored") };
    assert!(full.source.to_string().contains("last number"), "{full:?}");
    beside.expect("the other room goes on");
    assert_eq!(world.history("r", &SERVER).await, "4294967295 last");
}

/// The file is searched byte by byte for what must be gone.
#[tokio::test]
async fn an_erased_user_is_not_in_the_files() {
    let mut world = World::new(Embedded::default());
    let r = key("r");
    world.open("r").await;
    let bob = member("bob");
    let profile = UserProfile { id: id("bob"), name: "bob's name".into(), avatar: None, created_at: at(1) };
    world.store().put_user(r.project, &profile).await.expect("stored");
    for number in 0..400 {
        let filler = format!("xylophone{number} {}", "filler ".repeat(number % 40));
        world.write("r", &bob, say_once(&format!("client{number}"), &filler)).await;
        world.write("r", &member("alice"), say(&format!("kept{number}"))).await;
    }
    let posted = world.write("r", &bob, say("to be edited")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    let edit = Write::Edit { message: message.id, parts: text("xylophone edited"), mentions: Vec::new() };
    world.write("r", &bob, edit).await;
    assert_eq!(world.found("r", &SERVER, "xylophone17").await.matches("(gone)").count(), 0);
    assert!(holds(&world, "xylophone") && holds(&world, "bob's name"), "the search works at all");
    world.delete_messages_of("r", "bob").await;
    world.store().erase_user(r.project, &id("bob"), at(9_000)).await.expect("erased");
    assert!(holds(&world, "kept399"));
    for gone in ["xylophone", "bob's name", "to be edited", "client17"] {
        assert!(!holds(&world, gone), "{gone} is still in a file");
    }
    world.reopen();
    assert!(!holds(&world, "xylophone"));
    assert_eq!(world.found("r", &SERVER, "kept399").await.matches("kept399").count(), 1);
}

#[tokio::test]
async fn what_is_kept_is_readable_by_its_owner_alone() {
    let world = World::new(Embedded::default());
    world.open("r").await;
    world.write("r", &member("alice"), say("a secret")).await;
    world.store().backup(&world.engine.scratch()).await.expect("a backup");
    let path = world.engine.path();
    let files = std::fs::read_dir(path.parent().expect("a folder")).expect("a list");
    for file in
        files.map(|file| file.expect("a file")).filter(|file| !file.path().ends_with("sidetalk.db.lock"))
    {
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", file.path().display());
    }
}

#[tokio::test]
async fn what_was_readable_by_others_is_taken_from_them() {
    let engine = Embedded::default();
    let first = engine.open();
    for name in ["sidetalk.db", "sidetalk.db-wal", "sidetalk.db-shm"] {
        let file = engine.path().with_file_name(name);
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("it is ours");
    }
    // As after a crash: the log stays.
    let (path, kept) = (engine.path(), engine.path().with_file_name("kept-wal"));
    let wal = path.with_file_name("sidetalk.db-wal");
    std::fs::copy(&wal, &kept).expect("a copy");
    drop(first);
    std::fs::copy(&kept, &wal).expect("put back");
    let second = engine.open();
    for file in [path, wal] {
        let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", file.display());
    }
    drop(second);
}

#[tokio::test]
async fn what_was_deleted_leaves_the_log_before_long() {
    let engine = Embedded::default();
    let settings = SqliteConfig { removed_kept: Duration::ZERO, ..SqliteConfig::new(engine.path()) };
    let world = World::of(engine, Sqlite::open(settings).expect("opens"));
    world.open("r").await;
    let alice = member("alice");
    let posted = world.write("r", &alice, say("xylophone")).await;
    let Event::MessagePosted(message) = &posted.event else { panic!("not a post") };
    assert!(holds(&world, "xylophone"));
    world.write("r", &alice, Write::Delete { message: message.id }).await;
    for _ in 0..200 {
        if !holds(&world, "xylophone") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the deleted text is still in one of the files");
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing() {
    let world = World::new(Embedded::default());
    world.open("r").await;
    let target = world.engine.path().with_file_name("taken");
    std::fs::create_dir(&target).expect("a folder in the way");
    world.store().backup(&target).await.expect_err("a folder is no place for a backup");
    let files = std::fs::read_dir(target.parent().expect("a folder")).expect("a list");
    let left: Vec<_> = files.flatten().map(|file| file.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[tokio::test]
async fn a_restored_backup_is_kept_from_the_log_of_the_store_before() {
    let world = World::new(Embedded::default());
    world.open("r").await;
    world.write("r", &member("alice"), say("in the backup")).await;
    world.store().backup(&world.engine.scratch()).await.expect("a backup");
    world.write("r", &member("alice"), say("after it")).await;
    // As after a crash: the log of the store is left, and the backup takes the place of its file.
    let restored = Embedded::default();
    let log = |path: PathBuf| path.with_file_name("sidetalk.db-wal");
    std::fs::copy(log(world.engine.path()), log(restored.path())).expect("a copy");
    std::fs::copy(world.engine.scratch(), restored.path()).expect("a copy");
    let refused = Sqlite::open(SqliteConfig::new(restored.path())).err().expect("not with that log");
    assert!(matches!(refused, OpenError::ForeignLog { .. }), "{refused}");
    std::fs::remove_file(log(restored.path())).expect("as the refusal says");
    let world = World::new(restored);
    assert_eq!(world.found("r", &SERVER, "backup").await.matches("in the backup").count(), 1);
}

#[tokio::test]
async fn a_closed_store_is_copied_as_it_is() {
    let mut world = World::new(Embedded::default());
    world.open("r").await;
    world.write("r", &member("alice"), say("kept")).await;
    let (path, copy) = (world.engine.path(), world.engine.scratch());
    let held = Sqlite::copy(&path, &copy).expect_err("somebody has it");
    assert!(matches!(held, OpenError::Locked { .. }), "{held}");
    world.close();
    rusqlite::Connection::open(&path).expect("opens").pragma_update(None, "user_version", 1).expect("set");
    Sqlite::copy(&path, &copy).expect("a copy");
    let schema = |file: &PathBuf| -> i64 {
        let conn = rusqlite::Connection::open(file).expect("opens");
        conn.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number")
    };
    assert_eq!((schema(&path), schema(&copy)), (1, 1));
}

fn holds(world: &World<Embedded>, wanted: &str) -> bool {
    let path = world.engine.path();
    let files = std::fs::read_dir(path.parent().expect("a folder")).expect("a list");
    files.flatten().any(|file| {
        let bytes = std::fs::read(file.path()).expect("readable");
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    })
}

#[test]
fn a_store_is_opened_once() {
    let engine = Embedded::default();
    let first = engine.open();
    let second = Sqlite::open(SqliteConfig::new(engine.path()));
    let Err(error) = second else { panic!("opened twice") };
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    first.close();
    engine.open();
}

#[test]
fn other_schemas_are_refused() {
    let engine = Embedded::default();
    drop(engine.open());
    let alter = |sql: &str| {
        let conn = rusqlite::Connection::open(engine.path()).expect("opens");
        conn.execute_batch(sql).expect("altered");
    };
    let refused = || Sqlite::open(SqliteConfig::new(engine.path())).err().expect("a refusal");
    alter("PRAGMA user_version = 999");
    assert!(matches!(refused(), OpenError::Newer { found: 999, .. }), "{}", refused());
    alter("PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert!(matches!(refused(), OpenError::Foreign { .. }), "{}", refused());
    std::fs::write(engine.path(), "this is no database at all, and long enough to be looked at")
        .expect("written");
    assert!(matches!(refused(), OpenError::Engine { .. }), "{}", refused());
    let nowhere = Sqlite::open(SqliteConfig::new(Path::new("/proc/none/sidetalk.db")));
    assert!(matches!(nowhere.err(), Some(OpenError::Io { .. })));
}

/// A store that was made before dialects were kept.
#[tokio::test]
async fn a_store_of_the_first_schema_is_brought_up_to_date() {
    let engine = Embedded::default();
    let old = rusqlite::Connection::open(engine.path()).expect("opens");
    old.execute_batch(include_str!("../../migrations/sqlite/001_initial.sql")).expect("the first schema");
    old.execute_batch(
        "PRAGMA user_version = 1;
         PRAGMA application_id = 1399415909;
         INSERT INTO room VALUES (1, 1, 'r', 0, 7, 1000000, 'old room', 1, NULL, 2, NULL, 1, 0, 1000000, 0, 0);
         INSERT INTO message VALUES (4294967297, x'00000000000000000000000000000001', 'alice', 'Alice', NULL, 0,
           '[{\"text\":\"hello\"}]', NULL, NULL, 'chat', NULL, 2000000, NULL, NULL, NULL, NULL);
         INSERT INTO entry VALUES (4294967298, 3000000, NULL, 'server', NULL, 0, NULL, NULL,
           '{\"chat_enabled_set\":true}');",
    )
    .expect("old rows");
    drop(old);
    let mut world = World::new(engine);
    for _ in 0..2 {
        let room = world.store().room(&key("r")).await.expect("a room").expect("there");
        assert_eq!((room.head, &room.labels), (Seq(2), &Labels::default()));
        assert_eq!(room.settings.title.as_deref(), Some("old room"));
        assert_eq!(world.history("r", &SERVER).await, "1 hello");
        let entries = world.entries("r", &SERVER).await;
        assert_eq!(entries.len(), 2);
        assert!(entries.iter().all(|entry| entry.by.dialect.is_none()));
        world.reopen();
    }
    let alice = by(Dialect::new("left"), member("alice"));
    let posted = world.write("r", &alice, say_as("chat", Audience::Room, "new")).await;
    assert_eq!((posted.seq, posted.by.dialect), (Seq(3), Some(Dialect::new("left"))));
    let room = world.store().room(&key("r")).await.expect("a room").expect("there");
    assert_eq!(room.labels.iter().count(), 1);
    world.write("r", &owner("olga"), Write::SetPrivateChat(PrivateChat::Everyone)).await;
    let addressed = world.write("r", &alice, say_to(5, &["bob"])).await;
    assert_eq!(world.entries("r", &SERVER).await.last(), Some(&addressed));
    assert!(world.store().records("left.token", "", None, 9).await.expect("a list").is_empty());
}

/// What a client knows of the log from after the backup must not be taken for what is said after the restore.
#[tokio::test]
async fn each_restore_of_a_backup_begins_logs_of_its_own() {
    let world = World::new(Embedded::default());
    world.open("r").await;
    world.write("r", &member("alice"), say("before")).await;
    let first = world.engine.scratch();
    world.store().backup(&first).await.expect("a backup");
    let second = first.with_extension("again");
    std::fs::copy(&first, &second).expect("a copy of the backup");
    let epoch = async |store: &Sqlite| {
        let replay = store.entries(&key("r"), &SERVER, Seq::ZERO, 9).await.expect("a replay");
        assert_eq!(replay.entries.len(), 1);
        replay.epoch
    };
    let own = epoch(world.store()).await;
    let mut seen = vec![own];
    for path in [&first, &second] {
        let restored = epoch(&world.engine.open_backup(path.clone())).await;
        assert_eq!(epoch(&world.engine.open_backup(path.clone())).await, restored, "a restart is no restore");
        assert!(!seen.contains(&restored), "{restored:?} among {seen:?}");
        seen.push(restored);
    }
    assert_eq!(epoch(world.store()).await, own, "the original goes on");
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is() {
    let world = World::new(Embedded::default());
    world.open("r").await;
    let accepted = world.try_write("r", &member("alice"), say("before")).await;
    world.store().close();
    world.store().close();
    assert!(accepted.is_ok());
    assert_eq!(world.refused("r", &member("alice"), say("after")).await, "unavailable");
    let read = world.store().room(&key("r")).await;
    assert_eq!(read.expect_err("closed").code(), "unavailable");
    assert!(world.store().check().await.is_err());
    let opened =
        world.store().open(&key("new"), &RoomSpec::default(), sidetalk_core::model::Epoch(1), at(1)).await;
    assert_eq!(opened.expect_err("closed").code(), "unavailable");
}
