use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::server::{Server, complains, prints, run, scratch, sidetalk};

#[test]
fn help_and_version_are_there() {
    assert!(prints(&["--help"]).contains("sidetalk dev"));
    assert!(prints(&["--version"]).starts_with("sidetalk "));
    assert_eq!(run(&["serve", "--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
    assert!(prints(&["completions", "bash"]).contains("sidetalk"));
}

#[test]
fn projects_are_made_listed_shown_and_rotated_without_a_server() {
    let (_folder, data) = scratch();
    let data = data.display().to_string();
    let said = complains(1, &["project", "list", "--data", &data]);
    assert!(said.contains("there is no store"), "{said}");
    let made: Value = json(&["project", "create", "--name", "school", "--data", &data, "--json"]);
    assert_eq!((made["key"].as_u64(), made["name"].as_str()), (Some(100_001), Some("school")));
    assert_eq!(made["secret"].as_str().map(str::len), Some(64));
    let second = json(&["project", "create", "--key", "7", "--data", &data, "--json"]);
    assert_eq!(second["key"], 7);
    let said = complains(1, &["project", "create", "--key", "7", "--data", &data]);
    assert!(said.contains("project 7 exists already"), "{said}");
    assert!(prints(&["project", "list", "--data", &data]).contains("school"));
    let shown = json(&["project", "show", "100001", "--data", &data, "--json"]);
    assert_eq!(shown["secret"], Value::Null, "the secret is shown only when it is asked for");
    let rotate = ["project", "rotate", "100001", "--data", &data, "--json"];
    let rotated = json(&rotate);
    assert_ne!(rotated["secret"], made["secret"]);
    // A second one would end the tokens to which the first has promised a day.
    let said = complains(1, &rotate);
    assert!(said.contains("--drop-previous"), "{said}");
    assert_ne!(json(&[&rotate[..], &["--drop-previous"]].concat())["secret"], rotated["secret"]);
    json(&["project", "create", "--key", "2147483647", "--data", &data, "--json"]);
    let next = json(&["project", "create", "--data", &data, "--json"]);
    assert_eq!(next["key"], 100_002, "the first gap is taken");
    complains(2, &["project", "create", "--key", "0", "--data", &data]);
    complains(2, &["healthcheck", "--admin", "foo"]);
    let rooms = ["room", "list", "--project", "7", "--data", &data, "--limit"];
    assert_eq!(prints(&[&rooms[..], &["1000"]].concat()).trim(), "(none)");
    complains(2, &[&rooms[..], &["0"]].concat());
    complains(2, &[&rooms[..], &["1001"]].concat());
    let said = prints(&["user", "erase", "nobody", "--yes", "--project", "7", "--data", &data]);
    assert!(said.contains("no profile and no message of user nobody was found"), "{said}");
    let said = complains(1, &["project", "show", "5", "--data", &data]);
    assert!(said.contains("there is no project 5"), "{said}");
    assert!(prints(&["migrate", "status", "--data", &data]).contains("up to date"));
    assert!(prints(&["migrate", "up", "--data", &data]).contains("up to date"));
}

/// Every command of a newer version migrated the store that it looked at, the backup before the upgrade included: there was
/// no way back left.
#[test]
fn only_who_is_asked_to_migrates_a_store_of_an_earlier_version() {
    let (folder, data) = scratch();
    let file = data.join("sidetalk.db");
    let data = data.display().to_string();
    prints(&["project", "create", "--data", &data]);
    let mut older = fs::read(&file).expect("the store was closed");
    older[60..64].copy_from_slice(&1_u32.to_be_bytes());
    fs::write(&file, &older).expect("the folder is ours");
    let copy = folder.path().join("copy.db").display().to_string();
    for command in [
        &["project", "list"][..],
        &["project", "create"],
        &["token", "mint", "--project", "100001", "--server"],
        &["user", "erase", "bob", "--yes", "--project", "100001"],
    ] {
        let said = complains(1, &[command, &["--data", &data]].concat());
        assert!(said.contains("has schema 1, this version needs ") && said.contains("migrate up"), "{said}");
        assert!(fs::read(&file).expect("it is still there") == older, "{command:?} has changed the store");
    }
    prints(&["backup", &copy, "--data", &data]);
    assert!(fs::read(&file).expect("it is still there") == older, "the backup has changed the store");
    assert_eq!(
        fs::read(&copy).expect("a copy")[60..64],
        1_u32.to_be_bytes(),
        "a copy has the schema of the store"
    );
    assert!(prints(&["migrate", "status", "--data", &data]).contains("older: `sidetalk migrate up`"));
}

#[test]
fn the_state_of_what_is_no_store_is_told() {
    let (_folder, data) = scratch();
    let file = data.join("sidetalk.db");
    let data = data.display().to_string();
    prints(&["project", "create", "--data", &data]);
    let whole = fs::read(&file).expect("the store was closed");
    let foreign = [&whole[..68], b"mine", &whole[72..]].concat();
    for (content, what) in [
        (&whole[..whole.len() / 2], "is cut short"),
        (&foreign, "is a database of another program"),
        (&[7; 8_192], "is no database"),
    ] {
        fs::write(&file, content).expect("the folder is ours");
        let said = complains(1, &["migrate", "status", "--data", &data]);
        assert!(said.contains(what), "{said}");
    }
    fs::write(&file, "").expect("the folder is ours");
    assert!(prints(&["migrate", "status", "--data", &data]).contains("empty: a store is made in it"));
}

#[test]
fn tokens_are_minted_and_looked_into() {
    let (_folder, data) = scratch();
    let data = data.display().to_string();
    prints(&["project", "create", "--data", &data]);
    let mint = ["token", "mint", "--project", "100001", "--data", &data];
    let token = prints(&[&mint[..], &["--user", "alice", "--room", "lobby", "--role", "moderator"]].concat());
    let seen = json(&["token", "inspect", token.trim(), "--json"]);
    assert_eq!(seen["claims"]["sub"], "alice");
    assert_eq!(seen["claims"]["iss"], "100001");
    assert_eq!(seen["claims"]["role"], "moderator");
    assert!(seen["state"].as_str().is_some_and(|state| state.starts_with("its times hold")), "{seen}");
    let token = prints(&[&mint[..], &["--server", "--ttl", "10m"]].concat());
    assert_eq!(json(&["token", "inspect", token.trim(), "--json"])["claims"]["scope"], "server");
    assert!(complains(1, &["token", "inspect", "no-token"]).starts_with("sidetalk: "));
    let said = complains(2, &[&mint[..], &["--user", "alice", "--role", "king"]].concat());
    assert!(said.contains("none of viewer"), "{said}");
    let (long, rooms) = ("x".repeat(256), ["--room", "lobby"].repeat(101));
    for wrong in [
        &["--name", &long][..],
        &rooms,
        &["--ttl", "0s"],
        &["--ttl", "500ms"],
        &["--ttl", "31d"],
        &["--group", ""],
    ] {
        complains(2, &[&mint[..], &["--user", "alice"], wrong].concat());
    }
    complains(2, &[&mint[..], &["--user", ""]].concat());
    // {"alg":"HS256"}.{"exp":"x"}
    let said = prints(&["token", "inspect", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOiJ4In0.AA"]);
    assert!(said.contains("its exp is not a whole number") && said.contains("kid "), "{said}");
}

#[test]
fn commands_reach_a_running_server_and_a_second_one_is_kept_out() {
    let (folder, data) = scratch();
    let server = Server::start(&data);
    let data = data.display().to_string();
    let made = json(&["project", "create", "--name", "second", "--data", &data, "--json"]);
    assert_eq!(made["key"], 100_002);
    let keys = std::thread::scope(|scope| {
        let create = ["project", "create", "--data", &data, "--json"];
        let creating: Vec<_> = (0..4).map(|_| scope.spawn(move || json(&create)["key"].as_u64())).collect();
        creating.into_iter().map(|one| one.join().expect("created")).collect::<BTreeSet<_>>()
    });
    assert_eq!(keys, (100_003..100_007).map(Some).collect(), "of several at once each has its own");
    assert!(prints(&["project", "list", "--data", &data]).contains("second"));
    let said =
        complains(1, &["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", &data]);
    assert!(said.contains("in use by another sidetalk"), "{said}");
    let said = complains(1, &["dev", "--listen", server.address(), "--data", ":temp:"]);
    assert!(said.contains("is taken by another program; choose another port with --listen"), "{said}");
    for line in said.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "the log is JSON to its last line: {line}");
    }

    let said = complains(1, &["migrate", "up", "--data", &data]);
    assert!(said.contains("stop it first"), "{said}");
    let copy = folder.path().join("copy/sidetalk.db");
    fs::create_dir(folder.path().join("copy")).expect("the folder is ours");
    prints(&["backup", &copy.display().to_string(), "--data", &data]);
    let said = complains(1, &["backup", &copy.display().to_string(), "--data", &data]);
    assert!(said.contains("exists already"), "{said}");
    let copy_data = folder.path().join("copy").display().to_string();
    assert!(
        prints(&["project", "list", "--data", &copy_data]).contains("second"),
        "a backup opens as a store"
    );

    let said = complains(1, &["room", "delete", "lobby", "--project", "100001", "--data", &data]);
    assert!(said.contains("add --yes"), "{said}");
    let said = complains(1, &["room", "show", "lobby", "--project", "100001", "--data", &data]);
    assert!(said.contains("has no room lobby"), "{said}");
    assert_eq!(prints(&["room", "list", "--project", "100001", "--data", &data]).trim(), "(none)");
    assert!(
        prints(&["user", "erase", "bob", "--yes", "--project", "100001", "--data", &data]).contains("bob")
    );
}

/// The new secret of a project that stands in the file was gone at the next start.
#[test]
fn a_secret_of_the_configuration_is_changed_there() {
    let (folder, data) = scratch();
    let file = folder.path().join("sidetalk.toml");
    let project = "[[project]]\nkey = 7\nsecret = \"0123456789abcdef0123456789abcdef\"\n";
    fs::write(&file, project).expect("the folder is ours");
    let (file, data) = (file.display().to_string(), data.display().to_string());
    prints(&["project", "create", "--key", "7", "--data", &data]);
    let said = complains(1, &["project", "rotate", "7", "--data", &data, "--config", &file]);
    assert!(said.contains("comes from the configuration: change it there"), "{said}");
    let _server = Server::start_with(data.as_ref(), &["--config", &file]);
    let said = complains(1, &["project", "rotate", "7", "--data", &data]);
    assert!(said.contains("comes from the configuration: change it there"), "{said}");
}

/// A command whose output nobody takes panicked.
#[test]
fn output_that_nobody_takes_is_no_bug() {
    let (_folder, data) = scratch();
    let data = data.display().to_string();
    prints(&["project", "create", "--data", &data]);
    let status = ["migrate", "status", "--data", &data];
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended = sidetalk().args(status).stdout(full).output().expect("the binary can be run");
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = sidetalk().args(status).stdout(writer).output().expect("the binary can be run");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn the_doctor_finds_what_is_ill() {
    let (_folder, data) = scratch();
    let data = data.display().to_string();
    let well =
        ["doctor", "--data", &data, "--set", "http.listen=127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"];
    let said = prints(&well);
    assert!(said.contains("\u{2713} data folder") && said.contains("a sync takes"), "{said}");
    assert!(!said.contains('\u{2717}'), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let listen = format!("http.listen={}", taken.local_addr().expect("it is bound"));
    let ill = run(&["doctor", "--data", &data, "--set", &listen, "--set", "admin.listen=127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&ill.stdout);
    assert_eq!(ill.status.code(), Some(1), "{said}");
    assert!(said.contains("\u{2717} http.listen"), "{said}");
}

/// It was content with random bytes in the place of the store.
#[test]
fn the_doctor_looks_at_the_store() {
    let (_folder, data) = scratch();
    let file = data.join("sidetalk.db");
    let folder = data.clone();
    let data = data.display().to_string();
    prints(&["project", "create", "--data", &data]);
    let whole = fs::read(&file).expect("the store was closed");
    let says = || {
        let ports = ["--set", "http.listen=127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"];
        let output = run(&[&["doctor", "--data", &data][..], &ports].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("it is UTF-8"))
    };
    let (code, said) = says();
    assert!(code == Some(0) && said.contains("\u{2713} store: schema "), "{said}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let (code, said) = says();
    assert!(code == Some(0) && said.contains("! the data folder ") && said.contains("(mode 755)"), "{said}");
    let mut other = whole.clone();
    other[60..64].copy_from_slice(&1_u32.to_be_bytes());
    fs::write(&file, &other).expect("it is ours");
    assert!(says().1.contains("! store: schema 1; a start migrates it"));
    other[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&file, &other).expect("it is ours");
    assert!(says().1.contains("\u{2717} store: schema 99"));
    fs::write(&file, [7; 8_192]).expect("it is ours");
    let (code, said) = says();
    assert!(code == Some(1) && said.contains("is no database"), "{said}");
}

#[test]
fn the_api_describes_itself() {
    assert!(json(&["openapi"])["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(
        json(&["openapi", "--asyncapi"])["asyncapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&prints(arguments)).expect("the output is JSON")
}
