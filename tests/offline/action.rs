//! The action for other repositories: its steps, with a stub in place of the campaign.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::{Expect, expect};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ci/action");

/// Prints its arguments, one in brackets each, and finds something.
const STUB: &str = "#!/bin/sh\nfor word; do printf '[%s]' \"$word\"; done; echo; exit 1\n";

/// What a step prints, its exit code and its outputs, with these inputs.
fn step(name: &str, inputs: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = folder.path().join("heirloom-action/target/release/heirloom");
    fs::create_dir_all(program.parent().expect("it is in a folder")).expect("it can be made");
    fs::write(&program, STUB).expect("it can be written");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    let outputs = folder.path().join("outputs");
    fs::write(&outputs, "").expect("it can be written");
    let inputs = inputs.iter().map(|(name, value)| (format!("HEIRLOOM_ACTION_{name}"), *value));
    let output = Command::new(SCRIPT)
        .arg(name)
        .envs(inputs)
        .env("RUNNER_TEMP", folder.path())
        .env("RUNNER_OS", "Linux")
        .env("RUNNER_ARCH", "X64")
        .env("GITHUB_OUTPUT", &outputs)
        .output()
        .expect("there is a shell");
    let outputs = fs::read_to_string(&outputs).expect("it is there");
    let printed = [output.stdout, output.stderr].concat();
    let text = format!("{}{}\n{outputs}", String::from_utf8_lossy(&printed), output.status);
    text.replace(&folder.path().display().to_string(), "TEMP")
}

fn check(name: &str, inputs: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&step(name, inputs));
}

#[test]
fn a_finding_is_an_exit_code_in_the_outputs_and_no_failure_of_the_step() {
    check(
        "check",
        &[("SEED", "7"), ("TIME", "10m")],
        expect![[r#"
        [check][--seed][7][--out][heirloom-results][--time][10m]
        exit status: 0
        exit-code=1
        results=heirloom-results
        sarif=heirloom-results/results.sarif
        junit=heirloom-results/junit.xml
        report=heirloom-results/report.html
        summary=heirloom-results/summary.md
    "#]],
    );
}

#[test]
fn each_input_is_one_argument_whatever_is_in_it() {
    let inputs = [
        ("SEED", "7"),
        ("TIME", "10m"),
        ("CASES", "3"),
        ("SERVER", "my server; true"),
        ("OTHER", "0.144.4"),
        ("KNOWN", "$(known).toml"),
        ("OUT", "some where"),
    ];
    check(
        "check",
        &inputs,
        expect![[r#"
        [check][--seed][7][--out][some where][--cases][3][--server][my server; true][--other][0.144.4][--known][$(known).toml]
        exit status: 0
        exit-code=1
        results=some where
        sarif=some where/results.sarif
        junit=some where/junit.xml
        report=some where/report.html
        summary=some where/summary.md
    "#]],
    );
}

#[test]
fn caches_depend_on_the_source_and_on_the_servers() {
    let keys = |server| {
        let lines = step("key", &[("SERVER", server)]);
        let keys = lines.lines().filter(|line| line.contains("heirloom-"));
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    let (pinned, again, latest) = (keys(""), keys(""), keys("latest"));
    assert_eq!(pinned, again);
    assert_eq!(pinned.len(), 4, "{pinned:?}");
    let differ = pinned.iter().zip(&latest).map(|(one, other)| one != other);
    assert_eq!(differ.collect::<Vec<_>>(), [false, false, false, true], "{latest:?}");
}
