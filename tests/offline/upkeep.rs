//! The commands that read results again: `known update`, and `clauses ID`.
//!
//! The run is a folder with a hand-written summary of version 1; no server is needed.

use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use crate::command::{EXE, seen, within};

/// A folder in which a campaign of 0.144.4 has left what it found, and a list that is stale.
fn after_a_run() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    };
    let stale = "R5/RV/resume/user/config";
    let found = r#"{"signature":"R4/AP/resume/never/config","status":"new","expected":"never",
        "seen":"on-request","seen_form":"on-request","widened":true,"case":"findings/r4-ap.case"}"#;
    let summary = format!(
        r#"{{"schema":"heirloom summary v1","server":{{"version":"0.144.4"}},"findings":[{found}],
        "clauses":[{{"id":"R4","fired":12,"broken":5}},{{"id":"R5","fired":7,"broken":0}}],
        "stale":[{{"signature":"{stale}","case":"r5.case","line":2,"why":"x"}}]}}"#
    );
    let case = "# heirloom case v1\nconfig\naudit\n";
    write("runs/latest/summary.json", &summary);
    write("runs/latest/findings/r4-ap.case", case);
    write("cases/r5.case", case);
    let row = format!(
        "# Ours.\n[[deviation]]\nsignature = \"{stale}\"\nseen = \"auto_review\"\n\
         releases = \"=0.144.4\"\nreason = \"x\"\ncase = \"cases/r5.case\"\n"
    );
    write("known.toml", &row);
    folder
}

/// The output of a command in that folder.
fn output_after(folder: &TempDir, arguments: &[&str]) -> String {
    let output = within(folder.path(), folder.path()).args(arguments).output().expect(EXE);
    seen(&output).replace(EXE, "heirloom")
}

/// What an update prints, what it prints with `--write`, the list after it, and a second update.
fn updates(folder: &TempDir) -> String {
    let update = ["known", "update", "--known", "known.toml"];
    let mut output = output_after(folder, &update);
    output.push_str(&output_after(folder, &[update.as_slice(), &["--write"]].concat()));
    output.push_str(&fs::read_to_string(folder.path().join("known.toml")).expect("it is there"));
    output.push_str(&output_after(folder, &update));
    output
}

#[test]
fn a_run_proposes_what_it_would_change_in_a_list_and_changes_it_with_write() {
    let folder = after_a_run();
    let output = updates(&folder);
    assert!(folder.path().join("cases/r4-ap-resume-never-config.case").exists(), "it is copied");
    expect![[r#"
          remove        line 2, r5-rv-resume-user-config: no release that was tested for
                        it shows it
          add           R4 cold resume · approval policy, which no row excuses; WIDENED,
                        may be a vulnerability:
        # WIDENED: see SECURITY.md before publishing
        [[cause]]
        id = "r4-ap-resume-never-config"
        title = "resume gives the wrong approval policy: on-request (the default in config.toml) instead of never (R4)"
        clauses = "R4"
        operations = "resume"
        dimensions = "AP"
        expected = "never"
        wrong = "config"
        seen = "on-request"
        releases = "0.144.4"
        reason = "not looked into yet"
        case = "cases/r4-ap-resume-never-config.case"


        2 changes; --write makes them in known.toml
        exit 1
          remove        line 2, r5-rv-resume-user-config: no release that was tested for
                        it shows it
          add           R4 cold resume · approval policy, which no row excuses; WIDENED,
                        may be a vulnerability:
        # WIDENED: see SECURITY.md before publishing
        [[cause]]
        id = "r4-ap-resume-never-config"
        title = "resume gives the wrong approval policy: on-request (the default in config.toml) instead of never (R4)"
        clauses = "R4"
        operations = "resume"
        dimensions = "AP"
        expected = "never"
        wrong = "config"
        seen = "on-request"
        releases = "0.144.4"
        reason = "not looked into yet"
        case = "cases/r4-ap-resume-never-config.case"


        written to known.toml
        1 new row is WIDENED: see SECURITY.md before you publish the list or its cases
        # Ours.

        # WIDENED: see SECURITY.md before publishing
        [[cause]]
        id = "r4-ap-resume-never-config"
        title = "resume gives the wrong approval policy: on-request (the default in config.toml) instead of never (R4)"
        clauses = "R4"
        operations = "resume"
        dimensions = "AP"
        expected = "never"
        wrong = "config"
        seen = "on-request"
        releases = "0.144.4"
        reason = "not looked into yet"
        case = "cases/r4-ap-resume-never-config.case"
        known.toml agrees with runs/latest: nothing to change
    "#]].assert_eq(&output);
}

#[test]
fn an_update_refuses_a_folder_without_results() {
    let folder = after_a_run();
    let lost = ["known", "update", "cases", "--known", "known.toml"];
    let none = ["known", "update", "known.toml", "--known", "known.toml"];
    let list = ["known", "update", "--known", "lost.toml"];
    let output = [lost, none].map(|arguments| output_after(&folder, &arguments)).concat();
    expect![[r#"
        ! heirloom: cases is neither a run's nor a matrix's folder: it has no summary.json and no matrix.json
        exit 2
        ! heirloom: cannot read known.toml: it is not the summary of a run; name the folder of a run, with its summary.json
        exit 2
        ! heirloom: lost.toml is not there; name a list with --known
        exit 2
    "#]].assert_eq(&format!("{output}{}", output_after(&folder, &list)));
}

#[test]
fn an_update_refuses_a_run_that_was_interrupted() {
    let folder = after_a_run();
    let path = folder.path().join("runs/latest/summary.json");
    let summary = fs::read_to_string(&path).expect("it is there");
    let interrupted = summary.replacen('{', "{\"interrupted\":true,", 1);
    fs::write(&path, interrupted).expect("it can be written");
    expect![[r#"
        ! heirloom: the run in runs/latest was interrupted, so it shows nothing; run it again
        exit 2
    "#]]
    .assert_eq(&output_after(&folder, &["known", "update", "--known", "known.toml"]));
}

#[test]
fn a_list_of_the_old_form_is_converted_and_a_second_time_stays_as_it_is() {
    let folder = after_a_run();
    let convert = ["known", "convert", "--known", "known.toml"];
    let printed = output_after(&folder, &convert);
    let written = output_after(&folder, &[convert.as_slice(), &["--write"]].concat());
    assert_eq!(output_after(&folder, &convert), printed);
    expect![[r##"
        # Ours.

        [[cause]]
        id = "r5-rv-resume-user-config"
        title = "x"
        clauses = "R5"
        operations = "resume"
        dimensions = "RV"
        expected = "user"
        wrong = "config"
        seen = "auto_review"
        releases = "0.144.4"
        reason = "x"
        case = "cases/r5.case"
        1 row became 1 cause in known.toml
    "##]]
    .assert_eq(&format!("{printed}{written}"));
}

#[test]
fn a_clause_says_how_often_the_last_run_tested_it_and_how_to_see_it() {
    let folder = after_a_run();
    let output = ["R4", "R5", "R6"].map(|clause| {
        let output = output_after(&folder, &["clauses", clause, "--known", "known.toml"]);
        format!("{clause}\n{}", output.split("\nRuns\n").nth(1).unwrap_or_default())
    });
    expect![[r#"
        R4
          last run      tested 12 times, broken 5 times on codex 0.144.4
                        runs/latest
          see it        heirloom replay runs/latest/findings/r4-ap.case --server 0.144.4
          releases      there is no matrix here; `heirloom matrix` makes one

        R5
          last run      tested 7 times, held each time on codex 0.144.4
                        runs/latest
          releases      there is no matrix here; `heirloom matrix` makes one
          known         x (in 0.144.4)
                        its case is cases/r5.case

        R6
          last run      not tested on codex 0.144.4
                        runs/latest
          releases      there is no matrix here; `heirloom matrix` makes one
    "#]]
    .assert_eq(&output.join("\n"));
}

/// The output of a command where nothing was run.
fn check_alone(arguments: &[&str], expected: Expect) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let empty = within(folder.path(), folder.path()).args(arguments).output().expect(EXE);
    expected.assert_eq(&seen(&empty));
}

#[test]
fn a_clause_is_printed_in_full() {
    check_alone(
        &["clauses", "R4"],
        expect![[r#"
            R4 cold resume  (Resume)

              A cold resume (after a restart or an unload) restores the approval policy
              (AP).

            Strength: how firmly the sources stand behind it
              everywhere    N: an upstream test or a published schema text asserts it (a
                            finding is a conformance failure)

            Sources
              T-resume: codex-rs/app-server/tests/suite/v2/thread_resume.rs in openai/codex

            Runs
              last run      there is none here; `heirloom check` makes one
              releases      there is no matrix here; `heirloom matrix` makes one
              known         0.144.4 refuses to resume and to fork what 0.169.0 has written
                            (in 0.144.4, on homes from 0.169.0)
                            its case is moved-home-is-refused.case
              known         a thread whose first event is a compaction that is interrupted
                            comes back with config's policy, and so do its forks (in
                            0.163.0..0.171.0)
                            its case is r4-interrupted-compaction.case
              known         a thread that begins with a review has config's policy after a
                            restart, and so do its forks (in 0.131.0..0.163.0)
                            its case is r4-review-began.case
        "#]],
    );
}

#[test]
fn strengths_that_differ_by_dimension_are_listed_one_by_one() {
    check_alone(
        &["clauses", "F1"],
        expect![[r#"
            F1 fork  (Fork)

              A fork without an override has the source's approval policy (AP), reviewer
              (RV) and permissions, the source loaded or cold, the fork durable or
              ephemeral; the source is never ephemeral (S7).

            Strength: how firmly the sources stand behind it
              otherwise     N: an upstream test or a published schema text asserts it (a
                            finding is a conformance failure)
              sandbox       S: sources are silent or disagree, and this is the stance of the
                            suite (a finding is a departure from a stance)

            Sources
              SEED 2: the six approval tests of the Python SDK upstream, by their number
              T-fork: codex-rs/app-server/tests/suite/v2/thread_fork.rs in openai/codex

            Runs
              last run      there is none here; `heirloom check` makes one
              releases      there is no matrix here; `heirloom matrix` makes one
              known         a thread whose first history a kill broke off comes back with
                            config's policy, and so do its forks (in 0.163.0..0.169.0)
                            its case is r17-killed-wide.case
              known         workspace-write and external sandboxes are lost where a thread
                            is read from its file: by a cold resume and by a fork (in
                            0.163.0..0.169.0)
                            its case is r8-sb-resume-workspace-write-config.case
              known         a sandbox that a turn chose in the place of a profile that
                            allows the same comes back as that profile after a revert (in
                            0.163.0..0.169.0)
                            its case is r8-revert-restores-profile.case
              known         a cold resume and a fork read config's sandbox where an older
                            release has written read-only or full access (in 0.169.0, on
                            homes from 0.131.0..0.156.1)
                            its case is moved-home-widens-fork.case
              known         a named profile that an older release has written is lost by a
                            cold resume and by a fork (in 0.169.0, on homes from
                            0.131.0..0.148.0)
                            its case is moved-home-loses-profile.case
              known         auto_review that an older release has written is lost by a cold
                            resume and by a fork (in 0.169.0, on homes from
                            0.131.0..0.141.0)
                            its case is moved-home-loses-reviewer.case
              known         0.144.4 refuses to resume and to fork what 0.169.0 has written
                            (in 0.144.4, on homes from 0.169.0)
                            its case is moved-home-is-refused.case
              known         a thread whose first event is a compaction that is interrupted
                            comes back with config's policy, and so do its forks (in
                            0.163.0..0.171.0)
                            its case is r4-interrupted-compaction.case
              known         full access comes back as a workspace of the whole disk where
                            config's default profile, or an earlier one of the thread,
                            denies a folder (in 0.163.0..0.171.0)
                            its case is r8-denied-by-default.case
              known         a fork or a cold resume of a thread with a named profile has
                            config's permissions (in 0.131.0..0.148.0)
                            its case is r6-profile-of-a-start.case
              known         a fork takes config's sandbox where its source was given
                            read-only or full access (in 0.163.0..0.165.0)
                            its case is f1-fork-of-a-sandbox.case
        "#]],
    );
}
