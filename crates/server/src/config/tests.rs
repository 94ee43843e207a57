use expect_test::{Expect, expect};

use super::setting::{Rate, Setting as _};
use super::*;

fn sources(
    toml: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str, &str)],
) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("sidetalk.toml");
    std::fs::write(&file, toml).expect("the folder is ours");
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags =
        flags.iter().map(|(flag, key, value)| ((*flag).to_owned(), (*key).to_owned(), (*value).to_owned()));
    let sources = Sources { file: Some(file), environment, flags: flags.collect() };
    (folder, sources)
}

#[track_caller]
fn load(toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> Config {
    let (_folder, sources) = sources(toml, environment, flags);
    Config::load(&sources).expect("a good configuration")
}

/// What is said about a bad configuration.
#[track_caller]
fn check(toml: &str, environment: &[(&str, &str)], expected: &Expect) {
    let (folder, sources) = sources(toml, environment, &[]);
    let problems = Config::load(&sources).expect_err("a bad configuration").to_string();
    expected.assert_eq(&problems.replace(&format!("{}/", folder.path().display()), ""));
}

#[test]
fn the_defaults_are_safe_and_on_loopback() {
    let config = load("", &[], &[]);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8190");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8191");
    assert!(config.warnings().is_empty());
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file =
        "[http]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:2\"\n[log]\nlevel = \"debug\"";
    let environment = [
        ("SIDETALK_HTTP__LISTEN", "127.0.0.1:3"),
        ("SIDETALK_ADMIN__LISTEN", "127.0.0.1:4"),
        ("SIDETALK_PORT", "tcp://1"),
    ];
    let config = load(file, &environment, &[("--listen", "http.listen", "127.0.0.1:5")]);
    assert_eq!(config.http.listen.port(), 5);
    assert_eq!(config.admin.listen.port(), 4);
    assert_eq!(config.log.level, "debug");
}

#[test]
fn unknown_keys_are_errors_with_a_hint() {
    check(
        "[http]\nlisten = \"127.0.0.1:1\"\nlisten_adress = 1\n\n[socket]\npong_timout = \"8s\"\nlevel = 1\n[clutser]\n[[project_key]]\nisuer = \"x\"\n",
        &[("SIDETALK_HTTP__BASEPATH", "/"), ("SIDETALK_STORE__SHARDS", "4")],
        &expect![[r#"
            sidetalk.toml:3: there is no key http.listen_adress; did you mean http.listen?
            sidetalk.toml:6: there is no key socket.pong_timout; did you mean socket.pong_timeout?
            sidetalk.toml:7: there is no key socket.level; did you mean log.level?
            sidetalk.toml:8: there is no section [clutser]; `sidetalk config example` lists all
            sidetalk.toml:10: there is no key project_key.isuer; did you mean issuer?
            SIDETALK_HTTP__BASEPATH: there is no key http.basepath; did you mean http.base_path?
            SIDETALK_STORE__SHARDS: there is no key store.shards; `sidetalk config example` lists all"#]],
    );
}

#[test]
fn bad_values_say_what_is_right() {
    check(
        "[http]\nlisten = 8190\ntrusted_proxies = \"10.0.0.0/8;\"\nhead_max = \"lots\"\n[socket]\nping_interval = 25\n[limits]\npage_max = -3\n[rates]\nsends_per_user = \"five\"\n[http.tls]\n",
        &[("SIDETALK_LOG__FORMAT", "xml")],
        &expect![[r#"
            sidetalk.toml:2: http.listen must be an address and a port like "127.0.0.1:8190" or "[::1]:8190"
            sidetalk.toml:3: http.trusted_proxies must be a list like ["one", "two"]
            sidetalk.toml:4: http.head_max must be a size like "10MiB", "64KiB" or "512B"
            sidetalk.toml:11: there is no key http.tls; did you mean http.tls_certificate_file?
            sidetalk.toml:6: socket.ping_interval must be a duration like "30s", "500ms", "5m" or "24h"
            sidetalk.toml:8: limits.page_max must be a whole number
            sidetalk.toml:10: rates.sends_per_user must be a rate like "5/s burst 20" or "10/m", or "off"
            SIDETALK_LOG__FORMAT: log.format must be one of "auto" "text" "json""#]],
    );
    check("[http\nlisten=", &[], &expect!["sidetalk.toml:1: is not TOML: unclosed table, expected `]`"]);
    check(
        "http = 3\n[project]\nkey = 1",
        &[],
        &expect![[r#"
            sidetalk.toml:1: http is a section: write [http] above its keys
            sidetalk.toml:2: [project] may stand several times: write [[project]]"#]],
    );
    check(
        "[[http]]\nlisten = \"127.0.0.1:1\"",
        &[("SIDETALK_PROJECT__KEY", "7")],
        &expect![[r#"
            sidetalk.toml:1: http is a section: write [http] above its keys
            SIDETALK_PROJECT__KEY: [[project]] can stand in the file only"#]],
    );
}

#[test]
fn what_does_not_fit_together_or_is_not_safe_is_refused() {
    check(
        r#"
[http]
listen = "0.0.0.0:8190"
trusted_proxies = ["0.0.0.0/0"]
tls_key_file = "key.pem"
base_path = "chat"
[admin]
listen = "0.0.0.0:8190"
[socket]
pong_timeout = "30s"
message_max = "8KiB"
[[project]]
key = 0
[[project]]
key = 7
secret = "short"
[[project_key]]
project = 7
issuer = "https://id.example.org"
jwks_url = "http://id.example.org/keys"
jwks_file = "keys.json"
[opentok]
type_max = "129B"
[[opentok_application]]
id = "my application"
"#,
        &[],
        &expect![[r#"
            http: tls_certificate_file and tls_key_file belong together: set both or none
            http.listen: would carry tokens and messages in the clear on 0.0.0.0:8190; set tls_certificate_file and tls_key_file, or behind_proxy = true if a proxy adds TLS
            admin.listen: must differ from http.listen: metrics are not for the public
            http.trusted_proxies: 0.0.0.0/0 trusts everybody's word about addresses
            http.base_path: must begin with a slash, like "/chat"
            socket.pong_timeout: must be below socket.ping_interval
            limits.text_max: must be below socket.message_max, or it cannot be sent
            limits.signal_max: must be below socket.message_max, or it cannot be sent
            project: key 0 is not a number from 1 to 2147483647
            project 0: has no secret: set secret_file or secret
            project 7: has a secret below 32 characters: `openssl rand -hex 32`
            project_key https://id.example.org: takes exactly one of public_key_file, jwks_file and jwks_url
            project_key https://id.example.org: jwks_url must begin with https:// (http:// only to a loopback address)
            opentok.type_max: must be at most 128B
            opentok.data_max: must be below socket.message_max, or it cannot be sent
            opentok_application my application: has no project: set the project's key
            opentok_application my application: has no id: set the application's UUID
            opentok_application my application: has no public_key_file"#]],
    );
}

#[test]
fn what_a_server_could_not_start_with_is_said_before() {
    check(
        r#"
[http]
allowed_origins = ["https://app.example.org", "app.example.org", "https://app.example.org/chat"]
[openvidu]
chat_type = ""
unused_session_kept = "0s"
[opentalk]
enabled = true
chunked_prefix = "chunked"
livekit_url = "wss://media.example.org"
"#,
        &[],
        &expect![[r#"
            http.allowed_origins: "app.example.org" is not an origin like https://chat.example.org or http://localhost:8080
            http.allowed_origins: "https://app.example.org/chat" is not an origin like https://chat.example.org or http://localhost:8080
            openvidu.unused_session_kept: must be at least "10ms"
            openvidu.chat_type: is empty
            opentalk: livekit_url and livekit_token belong together: set both or none
            opentalk.project: must be the key of a project: its rooms are served
            opentalk.oidc_url: must be the `iss` of your tokens, or nobody can log in
            opentalk.chunked_prefix: must be a path like "/chunked" of letters, digits and -._~, or "" for none"#]],
    );
    for prefix in ["/", "//", "/a/", "/a//b", "/{a}", "/*a", "/a b", "/a?b", "/ä"] {
        let mut config = Config::default();
        config.opentalk.enabled = true;
        config.opentalk.chunked_prefix = prefix.to_owned();
        let problems = config.problems();
        assert!(problems.iter().any(|problem| problem.at == "opentalk.chunked_prefix"), "{prefix}");
    }
    // What is not spoken may be half done.
    load("[openvidu]\nenabled = false\nchat_type = \"\"\n[opentalk]\nchunked_prefix = \"chunked\"", &[], &[]);
}

#[test]
fn a_base_path_is_plain_and_no_proxy_is_everybody() {
    for path in ["/a b", "/a?b", "/ä", "/{x}", "/a//b"] {
        let problem = expect![[r#"http.base_path: must be a path like "/chat" of letters, digits and -._~"#]];
        check(&format!("[http]\nbase_path = {path:?}"), &[], &problem);
    }
    let blocks = r#"["0.0.0.0/00", "::ffff:0.0.0.0/96", "128.0.0.0/1", "10.0.0.0/8"]"#;
    check(
        &format!("[http]\nbase_path = \"/chat/\"\ntrusted_proxies = {blocks}"),
        &[],
        &expect![[r#"
            http.trusted_proxies: 0.0.0.0/00 trusts everybody's word about addresses
            http.trusted_proxies: ::ffff:0.0.0.0/96 trusts everybody's word about addresses
            http.trusted_proxies: 128.0.0.0/1 trusts everybody's word about addresses"#]],
    );
}

#[test]
fn what_cannot_work_is_refused() {
    check(
        r#"
[http]
public_url = "chat.example.org"
frame_ancestors = ["x", "*", "https://*.example.org", "https://app.example.org; script-src *"]
[store]
size_max = "1B"
readers = 5000
[limits]
dedup_window = "59s"
[runtime]
worker_threads = 50000
[[project]]
key = 7
secret = "0123456789abcdef0123456789abcdef"
[[project]]
key = 7
secret = "0123456789abcdef0123456789abcdef"
"#,
        &[],
        &expect![[r#"
            http.frame_ancestors: "x" is not an origin like "https://app.example.org", or "*"
            http.frame_ancestors: "https://app.example.org; script-src *" is not an origin like "https://app.example.org", or "*"
            http.public_url: must be an address like "https://chat.example.org/chat"
            limits.dedup_window: must be at least "1m", or what is sent again is there twice
            store.size_max: must be at least "1MiB", or "0B" for as the disk allows
            store.readers: must be at most 64
            runtime.worker_threads: must be at most 1024
            project 7: is there twice: give each a key of its own"#]],
    );
}

#[test]
fn opentalk_wants_the_key_of_its_issuer_for_its_project() {
    let file = |project: u32, issuer: &str| {
        format!(
            "[opentalk]\nenabled = true\nproject = 7\noidc_url = \"https://id.example.org\"\nchunked_prefix = \"\"\n\
             [[project_key]]\nproject = {project}\nissuer = {issuer:?}\njwks_file = \"keys.json\"\n"
        )
    };
    load(&file(7, "https://id.example.org"), &[], &[]);
    for (project, issuer) in [(8, "https://id.example.org"), (7, "https://id.example.org/")] {
        check(
            &file(project, issuer),
            &[],
            &expect![
                "opentalk.oidc_url: has no key, so nobody can log in: add a [[project_key]] with this project and issuer"
            ],
        );
    }
}

#[test]
fn without_rates_nobody_is_limited_in_any_section() {
    let rates = |config: &Config| -> Vec<(String, Rate)> {
        let keys = config.sections().into_iter().flat_map(|(name, section)| {
            section.keys().into_iter().map(move |key| (format!("{name}.{}", key.name), key.value))
        });
        keys.filter_map(|(key, value)| Some((key, Rate::from_text(value?.trim_matches('"')).ok()?))).collect()
    };
    let mut config = Config::default();
    let before = rates(&config);
    assert!(before.len() >= 18 && before.iter().all(|(_, rate)| *rate != Rate::OFF), "{before:?}");
    config.switch_rates_off();
    let off: Vec<_> = before.into_iter().map(|(key, _)| (key, Rate::OFF)).collect();
    assert_eq!(rates(&config), off);
    // Nothing else has changed.
    let mut defaults = Config::default();
    for (key, _) in &off {
        let (section, key) = key.split_once('.').expect("a section and a key");
        let section = defaults.section_mut(section).expect("it was listed");
        assert!(section.set(key, &sections::Given::Text("off")).is_some_and(|set| set.is_ok()));
    }
    assert_eq!(config.print(), defaults.print());
}

#[test]
fn secrets_come_from_files_and_are_not_printed() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").expect("the folder is ours");
    let config =
        load(&format!("[[project]]\nkey = 7\nsecret_file = {:?}", file.display().to_string()), &[], &[]);
    let secret = config.projects[0].secret.as_ref().expect("read from the file");
    assert_eq!(&**secret.reveal(), "0123456789abcdef0123456789abcdef");
    let shown = format!("{}{config:?}", config.print());
    assert!(!shown.contains("0123456789abcdef"), "{shown}");
    let config = load("[opentalk]\nlivekit_url = \"wss://media\"\nlivekit_token = \"hunter2\"", &[], &[]);
    let shown = format!("{}{config:?}", config.print());
    assert!(!shown.contains("hunter2") && shown.contains("livekit_token = \"<hidden>\""), "{shown}");
}

#[test]
fn the_example_says_the_defaults() {
    let example = Config::example();
    let uncommented: String = example
        .lines()
        .take_while(|line| !line.contains("[[project]]"))
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|line| line.contains(" = ") && !line.contains(". "))
                .unwrap_or(line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let config = load(&uncommented, &[], &[]);
    assert_eq!(config.print(), Config::default().print());
    assert!(example.lines().all(|line| line.len() <= 120), "a line is too long");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let config = load("[http]\nlisten = \"127.0.0.1:1\"\n[rates]\nsignals_per_user = \"off\"", &[], &[]);
    assert_eq!(load(&config.print(), &[], &[]).print(), config.print());
}
