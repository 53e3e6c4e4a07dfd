//! The script of a night: which commands it runs, with a stub in place of cargo.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ci/nightly");

/// Prints what it is asked to run. The planted fault lives if the folder has a file `lives`; a
/// campaign on the newest release finds something.
const STUB: &str = r#"#!/bin/sh
shift 6
echo "heirloom $*"
case "$*" in
power*) ! [ -e "$HEIRLOOM_NIGHTS/lives" ] ;;
*"--server latest"*) exit 1 ;;
esac
"#;

/// A folder of nights, and a cargo that prints.
fn nights() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stub = folder.path().join("cargo");
    fs::write(&stub, STUB).expect("it can be written");
    fs::set_permissions(&stub, Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

fn night(nights: &Path, arguments: &[&str]) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(SCRIPT)
        .args(arguments)
        .env("PATH", format!("{}:{path}", nights.display()))
        .env("HEIRLOOM_NIGHTS", nights)
        .env("HEIRLOOM_SEED", "20261129")
        .env_remove("HEIRLOOM_BUDGET")
        .output()
        .expect("there is a shell");
    let printed = [output.stdout, output.stderr].concat();
    let text = format!("{}{}\n", String::from_utf8_lossy(&printed), output.status);
    text.replace(&nights.display().to_string(), "NIGHTS")
}

fn check(nights: &Path, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&night(nights, arguments));
}

/// Leaves the results of a night.
fn keep(nights: &Path, night: &str) {
    let folder = nights.join(night);
    fs::create_dir_all(&folder).expect("it can be made");
    fs::write(folder.join("summary.json"), "{}").expect("it can be written");
}

#[test]
fn a_night_looks_for_its_canary_and_checks_two_releases() {
    let nights = nights();
    keep(nights.path(), "20261128/pinned/whole");
    check(
        nights.path(),
        &[],
        expect![[r#"
        heirloom power --only fork-takes-config-approval --time 120s
        heirloom check --time 30m --seed 20261129 --out NIGHTS/20261129/pinned/whole --before NIGHTS/20261128/pinned/whole
        heirloom check --time 30m --seed 20261129 --server latest --out NIGHTS/20261129/latest/whole
        exit status: 1
    "#]],
    );
}

#[test]
fn a_planted_fault_that_lives_ends_the_night() {
    let nights = nights();
    fs::write(nights.path().join("lives"), "").expect("it can be written");
    check(
        nights.path(),
        &[],
        expect![[r#"
        heirloom power --only fork-takes-config-approval --time 120s
        nightly: a campaign did not find the planted fault fork-takes-config-approval; its silence says nothing
        exit status: 3
    "#]],
    );
}

#[test]
fn a_shard_is_one_part_and_the_parts_are_merged() {
    let nights = nights();
    check(
        nights.path(),
        &["shard", "pinned", "2/4"],
        expect![[r#"
        heirloom power --only fork-takes-config-approval --time 120s
        heirloom check --time 30m --seed 20261129 --shard 2/4 --out NIGHTS/20261129/pinned/shard-2
        exit status: 0
    "#]],
    );
    for shard in ["20261129/pinned/shard-1", "20261129/pinned/shard-2", "20261128/pinned/whole"] {
        keep(nights.path(), shard);
    }
    check(
        nights.path(),
        &["merge", "pinned"],
        expect![[r#"
        heirloom merge NIGHTS/20261129/pinned/shard-1 NIGHTS/20261129/pinned/shard-2 --out NIGHTS/20261129/pinned/whole --before NIGHTS/20261128/pinned/whole
        exit status: 0
    "#]],
    );
    check(
        nights.path(),
        &["shards"],
        expect![[r#"
        nightly: expected nothing, `shard SERVER K/N` or `merge SERVER`, not `shards`
        exit status: 2
    "#]],
    );
}
