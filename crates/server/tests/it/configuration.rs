use std::fs;

use crate::server::{complains, prints, sidetalk};

#[test]
fn the_committed_example_is_fresh() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
    let committed = fs::read_to_string(root).unwrap_or_default();
    let printed = prints(&["config", "example"]);
    assert_eq!(
        committed.trim_end(),
        printed.trim_end(),
        "fix: cargo xtask codegen, and commit config.example.toml"
    );
}

#[test]
fn a_bad_file_is_refused_with_lines_and_hints() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("sidetalk.toml");
    fs::write(&file, "[http]\nlisten = \"127.0.0.1:0\"\nbase_pth = \"/chat\"\n").expect("the folder is ours");
    let name = file.display().to_string();
    for command in ["serve", "doctor"] {
        let output = sidetalk().args([command, "--config", &name]).output().expect("the binary can be run");
        let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        assert!(said.contains(":3: there is no key http.base_pth; did you mean http.base_path?"), "{said}");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
    }
    let said = complains(2, &["config", "check", "--config", &name]);
    assert_eq!(said.lines().count(), 1, "one line says it: {said}");
}

#[test]
fn the_environment_and_flags_are_read() {
    let print = |arguments: &[&str]| {
        let output = sidetalk()
            .env("SIDETALK_LOG__LEVEL", "warn")
            .env("SIDETALK_SERVICE_HOST", "10.0.0.1")
            .args(["config", "print"])
            .args(arguments)
            .output()
            .expect("the binary can be run");
        String::from_utf8(output.stdout).expect("the output is UTF-8")
    };
    assert!(print(&[]).contains("level = \"warn\""));
    assert!(print(&["--set", "log.level=debug"]).contains("level = \"debug\""));
    let said = complains(2, &["config", "print", "--set", "log.levle=debug"]);
    assert!(said.contains("did you mean log.level?"), "{said}");
    let said = complains(2, &["config", "print", "--set", "log.levle=debug", "--set", "project.key=7"]);
    assert!(said.lines().count() == 2 && said.lines().all(|line| line.starts_with("sidetalk: ")), "{said}");
    let unset = sidetalk().env("SIDETALK_CONFIG", "").args(["config", "check"]).output();
    assert!(unset.expect("the binary can be run").status.success(), "a variable set to nothing is not set");
}

#[test]
fn what_a_server_could_not_start_with_is_refused_for_good_and_said_by_every_command() {
    let (_folder, data) = crate::server::scratch();
    let data = data.display().to_string();
    for (setting, key) in [
        ("opentalk.enabled=true", "opentalk.project"),
        ("openvidu.chat_type=", "openvidu.chat_type"),
        ("http.allowed_origins=app.example.org", "http.allowed_origins"),
        ("opentalk.livekit_token=secret", "opentalk"),
        ("log.level=infoo", "log.level"),
        ("openvidu.unused_session_kept=0s", "openvidu.unused_session_kept"),
    ] {
        for command in [&["serve"][..], &["config", "check"], &["migrate", "status"]] {
            // With another code than 2 the service manager would start it again and again.
            let said = complains(2, &[command, &["--data", &data, "--set", setting]].concat());
            assert!(said.contains(&format!("{key}: ")), "{said}");
        }
        let output = sidetalk().args(["doctor", "--data", &data, "--set", setting]).output();
        let said = String::from_utf8(output.expect("the binary can be run").stdout).expect("it is UTF-8");
        assert!(said.contains(&format!("\u{2717} {key}: ")), "{said}");
    }
    let said = complains(2, &["serve", "--data", &data, "--set", "http.demo=true"]);
    assert!(said.contains("there is no key http.demo"), "the demo is only there in `sidetalk dev`: {said}");
}

/// `config check` was content with files that `serve` could not use, and the service manager started it for ever.
#[test]
fn files_that_a_server_could_not_use_are_told_before() {
    let (folder, data) = crate::server::scratch();
    let file = folder.path().join("sidetalk.toml");
    let garbage = folder.path().join("garbage.pem").display().to_string();
    fs::write(&garbage, "-----BEGIN PUBLIC KEY-----\n").expect("the folder is ours");
    let (name, data) = (file.display().to_string(), data.display().to_string());
    let key = "[[project_key]]\nproject = 7\nissuer = \"https://id.example.org\"\n";
    let application = "[[opentok_application]]\nproject = 7\nid = \"78d335fa-323d-0114-9c3d-d6f0d48968cf\"\n";
    for (text, at) in [
        (format!("{key}public_key_file = \"/nonexistent\""), "project_key https://id.example.org: "),
        (format!("{key}public_key_file = {garbage:?}"), "project_key https://id.example.org: "),
        (format!("{application}public_key_file = {garbage:?}"), "opentok_application 78d335fa"),
        (format!("[http]\ntls_certificate_file = {garbage:?}\ntls_key_file = {garbage:?}"), "http: "),
    ] {
        fs::write(&file, text).expect("the folder is ours");
        for command in [&["serve"][..], &["config", "check"]] {
            let said = complains(2, &[command, &["--data", &data, "--config", &name]].concat());
            assert!(said.contains(at), "{said}");
        }
        let output = sidetalk().args(["doctor", "--data", &data, "--config", &name]).output();
        let said = String::from_utf8(output.expect("the binary can be run").stdout).expect("it is UTF-8");
        assert!(said.contains(&format!("\u{2717} {at}")), "{said}");
    }
    fs::write(&file, format!("{key}jwks_file = \"/nonexistent\"")).expect("the folder is ours");
    let said = prints(&["config", "check", "--config", &name]);
    assert!(said.starts_with("warning: project_key https://id.example.org: "), "it may come later: {said}");
}

#[test]
fn unsafe_settings_are_refused_with_what_to_do() {
    let said = complains(2, &["serve", "--listen", "0.0.0.0:0", "--data", "/nonexistent"]);
    assert!(said.contains("in the clear") && said.contains("behind_proxy"), "{said}");
}
