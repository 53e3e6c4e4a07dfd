//! Exported scripts on servers that are none: nothing is known of the bug, and nothing is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use heirloom::judge::judge;
use heirloom::report::export::form::Form;
use heirloom::report::export::subject::Exported;
use heirloom::trace::Trace;
use heirloom::transcript::{Entry, Transcript};

const TRACE: &str = include_str!("../traces/r4-ap-resume-never-config.trace");
const ENTRIES: &str = include_str!("../transcripts/r4-ap-resume-never-config.json");

/// The script of a stored finding.
fn script() -> String {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let entries: Vec<Entry> = serde_json::from_str(ENTRIES).expect("the stored run is one");
    let exported = Exported {
        id: "r4",
        finding: &finding,
        program: &trace.program,
        client: trace.client,
        transcript: &Transcript { entries },
        title: None,
        releases: None,
        confirmed: None,
        probe: None,
    };
    exported.text(Form::Sh).expect("a reply shows it")
}

/// Runs the script with these arguments; its exit code, its output, and what it left behind.
fn run(folder: &TempDir, arguments: &[&Path]) -> String {
    let path = folder.path().join("bug.sh");
    let temp = folder.path().join("temp");
    fs::write(&path, script()).expect("there is room");
    fs::create_dir_all(&temp).expect("there is room");
    let mut command = Command::new("/bin/sh");
    command.arg(&path).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.env("TMPDIR", &temp).output().expect("there is a shell");
    let left = temp.read_dir().expect("it is there").count();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let text = text.replace(&path.display().to_string(), "bug.sh");
    format!("exit code {:?}, {left} left behind: {text}", output.status.code().unwrap_or(-1))
}

/// Runs the script on a server that is this shell script.
fn check(server: &str, expected: Expect) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("server");
    fs::write(&path, format!("#!/bin/sh\n{server}\n")).expect("there is room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    expected.assert_eq(&run(&folder, &[&path]));
}

#[test]
fn a_server_that_ends_garbles_or_refuses_is_not_taken_for_one_without_the_bug() {
    check(
        "read hello",
        expect![[r#"
        exit code 2, 0 left behind: nothing is known of the bug: the server ended
    "#]],
    );
    check(
        "read hello; echo garbage",
        expect![[r#"
        exit code 2, 0 left behind: nothing is known of the bug: the server wrote a line that is not JSON: b'garbage\n'
    "#]],
    );
    check(
        r#"read hello; echo '{"id":1,"result":{}}'
           read done; read start; echo '{"id":2,"error":{"code":-1,"message":"no"}}'; read end"#,
        expect![[r#"
            exit code 2, 0 left behind: nothing is known of the bug: thread/start was refused: no
        "#]],
    );
}

#[test]
fn a_script_without_a_server_says_how_it_is_called() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    expect![[r#"
        exit code 2, 0 left behind: usage: bug.sh SERVER, the path of a codex executable
    "#]]
    .assert_eq(&run(&folder, &[]));
    expect![[r#"
        exit code 2, 0 left behind: usage: bug.sh SERVER, the path of a codex executable
    "#]]
    .assert_eq(&run(&folder, &[folder.path()]));
}
