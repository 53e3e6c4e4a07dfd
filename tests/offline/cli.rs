//! The command line, as far as it needs no server.
//!
//! Runs the built binary. A person's mistake ends in one line on stderr that says what to do.

use std::process::{Output, Stdio};
use std::{fs, path::Path};

use expect_test::{Expect, expect};

use crate::command::{EXE, seen, within};

/// Runs the binary from the package's folder, with an empty cache and nothing of the person's.
fn heirloom(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().expect("a folder can be made");
    within(Path::new(env!("CARGO_MANIFEST_DIR")), empty.path()).args(arguments).output().expect(EXE)
}

fn check(arguments: &[&str], expected: Expect) {
    expected.assert_eq(&seen(&heirloom(arguments)));
}

#[test]
fn help_says_what_the_commands_are() {
    check(
        &["-h"],
        expect![[r#"
            Finds threads of `codex app-server` that run with the wrong policy

            Usage: heirloom [COMMAND]

            Commands:
              check        Run a campaign: random cases until the time or number given is
                           reached
              replay       Run one case, from a file or from a token that a campaign
                           printed
              judge        Judge a stored trace again, without a server
              shrink       Shrink a case to the shortest program that shows the same
                           finding
              export       Write a finding as a script, a test or a report that needs no
                           heirloom
              merge        Make one result of the shards of a campaign
              matrix       Compare releases: run the same cases on each and print a table
              diff         Show what an upgrade from one release to another changes
              bisect       Find the release at which the result of a case changes
              known        Update the list of known deviations
              servers      List, fetch, locate or remove servers
              clients      List or fetch releases of the Python SDK, which `--client` runs
              clauses      Print the contract, or one clause and what runs say of it
              completions  Print a script that completes the commands and flags in a shell
              man          Print the manual, or write its pages to a folder
              help         Print this message or the help of the given subcommand(s)

            Options:
              -h, --help     Print help (see more with '--help')
              -V, --version  Print version

            Without a command: `heirloom check`, a campaign of two minutes
            against the pinned server.

            Exit codes:
              0  the server conforms, apart from known deviations
              1  a new finding
              2  wrong usage
              3  heirloom itself had trouble
              4  a known deviation no longer shows: the list is stale
              5  nothing ran
              130  stopped by Ctrl-C or SIGTERM before its end, with nothing new by then
        "#]],
    );
}

#[test]
fn help_of_check_says_what_the_flags_are() {
    check(&["check", "--help"], help_of_check());
}

#[expect(clippy::too_many_lines, reason = "all of it is the expected text")]
fn help_of_check() -> Expect {
    expect![[r#"
        Run a campaign: random cases until the time or number given is reached

        Usage: heirloom check [OPTIONS]

        Options:
              --cases <N>          How many cases to run; without --time, however long
                                   they take
              --time <TIME>        Stop starting cases after this long (90s, 10m);
                                   findings are still shrunk [default: 2m, unless
                                   --cases is given]
              --seed <SEED>        What the cases are drawn from: a number, or the
                                   token of a case of the same campaign [default: a
                                   new number each time]
              --jobs <N>           How many servers to run at once [default: one for
                                   each core]
              --max-ops <N>        At most so many operations in a case [default: 12]
              --focus <AREA>       The area that cases lean to [default: all]
                                   [possible values: all, core, config, modes,
                                   profiles, folders, enforcement, running, subagents,
                                   clients, crashes]
              --server <SPEC>      The server: a release, `latest`, or a path to an
                                   executable [default: HEIRLOOM_SERVER, else 0.169.0]
              --as <VERSION>       The release that the server stands for, where its
                                   `--version` says none or another: a build from
                                   source says 0.0.0
              --client <CLIENT>    Let the Python SDK perform the cases: `python` or
                                   `python-async`, or a release as `python=0.154.0`
              --features <NAME>    The server's features: `full`, as released, `lean`,
                                   without those that play no part in policy, which
                                   takes a sixth less CPU, or `mixed`, three of four
                                   drawn cases lean [default: mixed, or what the case
                                   says]
              --other <SPEC>       Other releases to upgrade to and downgrade from
                                   within a case, separated by commas: releases,
                                   `latest` or paths
              --known <FILE|none>  Known deviations to excuse: a file like
                                   ci/known.toml, or `none` [default: the built-in
                                   list]
              --no-stale-check     Do not replay the cases of known deviations at the
                                   end
              --shard <K/N>        Run a part of the cases, such as 2/4: the second of
                                   four machines; `heirloom merge` makes one result of
                                   all
              --before <DIR>       Say which causes an earlier run did not show, and
                                   which only it showed
              --out <DIR>          The folder for results, new or empty [default:
                                   runs/TIME-SEED, with the link runs/latest]
              --serve [<ADDR>]     Show the running campaign in a browser on this
                                   machine; the address to open is printed [default: a
                                   free port of 127.0.0.1]
              --json               Print events on stdout, one JSON object a line, and
                                   nothing else there
              --quiet              Print only findings and the summary
              --coverage           Print also what was compared: clause and dimension
                                   by view
          -h, --help               Print help

        Exit codes:
          0  the server conforms, apart from known deviations
          1  a new finding
          2  wrong usage
          3  heirloom itself had trouble
          4  a known deviation no longer shows: the list is stale
          5  nothing ran
          130  stopped by Ctrl-C or SIGTERM before its end, with nothing new by then
    "#]]
}

#[test]
fn every_help_fits_78_columns() {
    let commands = [
        "",
        "check",
        "replay",
        "judge",
        "shrink",
        "matrix",
        "diff",
        "bisect",
        "known",
        "known update",
        "servers",
        "servers fetch",
        "servers path",
        "servers prune",
        "clauses",
    ];
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let text = seen(&heirloom(&words));
        assert!(text.contains("Usage: heirloom"), "{text}");
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 78).collect();
        assert!(wide.is_empty(), "{command}: {wide:#?}");
    }
}

#[test]
fn a_command_without_its_own_command_is_one_line() {
    check(
        &["known"],
        expect![[r#"
        ! heirloom: `heirloom known` needs a command; `heirloom known --help` lists them
        exit 2
    "#]],
    );
}

#[test]
fn a_release_that_is_named_twice_and_an_unknown_area_are_one_line() {
    let mistakes: [&[&str]; 2] =
        [&["check", "--other", "0.131.0,0.131.0"], &["check", "--focus", "forks"]];
    let lines = mistakes.map(|arguments| seen(&heirloom(arguments)));
    expect![[r#"
        ! heirloom: --other names 0.131.0 twice; name others
        exit 2
        ! heirloom: invalid value 'forks' for '--focus <AREA>'; [possible values: all, core, config, modes, profiles, folders, enforcement, running, subagents, clients, crashes]; see `heirloom check --help`
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn a_mistake_in_a_flag_is_one_line() {
    let mistakes: [&[&str]; 18] = [
        &["chek"],
        &["check", "--case", "3"],
        &["check", "--cases", "0"],
        &["check", "--jobs", "10000"],
        &["check", "--time", "soon"],
        &["check", "--time", "0s"],
        &["check", "--seed", "x"],
        &["check", "--seed", "r1-s42-c17-o12"],
        &["check", "--serve", "0.0.0.0:8080"],
        &["check", "--serve", "8080"],
        &["check", "--features", "fast"],
        &["check", "--server", ""],
        // Its old name is still read.
        &["check", "--profile", "fast"],
        &["replay"],
        &["replay", "x.case", "--runs", "0"],
        &["servers", "prune", "--keep", "x"],
        &["bisect", "x.case", "--good", "0.169", "--bad", "0.170.0"],
        &["matrix", "0.169.0", "--seed", "x"],
    ];
    let lines = mistakes.map(|arguments| seen(&heirloom(arguments)));
    expect![[r#"
        ! heirloom: unrecognized subcommand 'chek'; tip: a similar subcommand exists: 'check'; see `heirloom --help`
        exit 2
        ! heirloom: unexpected argument '--case' found; tip: a similar argument exists: '--cases'; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value '0' for '--cases <N>': 0 is not in 1..18446744073709551615; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value '10000' for '--jobs <N>': 10000 is not in 1..=256; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value 'soon' for '--time <TIME>': expected a time like 90s, 10m or 1h 30m; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value '0s' for '--time <TIME>': expected a time above 0; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value 'x' for '--seed <SEED>': expected a number from 0 to 2^64 - 1, or a token like rN-s42-c17-o12; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value 'r1-s42-c17-o12' for '--seed <SEED>': r1-s42-c17-o12 was drawn by model revision 1, and this heirloom is at revision 17, which draws another case; replay the case file instead, or use the heirloom that printed the token; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value '0.0.0.0:8080' for '--serve [<ADDR>]': 0.0.0.0 is reached from other machines; expected a loopback address like 127.0.0.1:8080 or [::1]:8080; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value '8080' for '--serve [<ADDR>]': expected a loopback address like 127.0.0.1:8080 or [::1]:8080; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value 'fast' for '--features <NAME>'; [possible values: mixed, full, lean]; see `heirloom check --help`
        exit 2
        ! heirloom: a value is required for '--server <SPEC>' but none was supplied; see `heirloom check --help`
        exit 2
        ! heirloom: invalid value 'fast' for '--features <NAME>'; [possible values: mixed, full, lean]; see `heirloom check --help`
        exit 2
        ! heirloom: the following required arguments were not provided: <FILE|TOKEN>; see `heirloom replay --help`
        exit 2
        ! heirloom: invalid value '0' for '--runs <N>': 0 is not in 1..=4294967295; see `heirloom replay --help`
        exit 2
        ! heirloom: invalid value 'x' for '--keep <N>': expected a whole number; see `heirloom servers prune --help`
        exit 2
        ! heirloom: invalid value '0.169' for '--good <RELEASE>': expected a release such as 0.169.0; see `heirloom bisect --help`
        exit 2
        ! heirloom: invalid value 'x' for '--seed <N>': expected a whole number; see `heirloom matrix --help`
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn a_server_that_cannot_be_is_one_line() {
    let out = tempfile::tempdir().expect("a folder can be made");
    let run = |server: &str| {
        let folder = env!("CARGO_MANIFEST_DIR");
        let mut command = within(Path::new(folder), out.path());
        let output =
            command.args(["check", "--out"]).arg(out.path()).env("HEIRLOOM_SERVER", server);
        seen(&output.output().expect(EXE))
    };
    let lines = ["none", "0.169", "./no-such-server", "Cargo.toml"].map(run);
    expect![[r#"
        ! heirloom: HEIRLOOM_SERVER=none skips the live tests of `cargo test`, and leaves nothing to do here; unset it, or pass --server
        exit 2
        ! heirloom: `0.169` does not name a server: it is not a version, `latest` or a file; give a release such as 0.169.0, or a path
        exit 2
        ! heirloom: cannot use ./no-such-server as the server: there is no such file; check the path
        exit 2
        ! heirloom: cannot use Cargo.toml as the server: permission denied; make it executable or name another
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn an_executable_that_is_no_app_server_is_one_line() {
    let out = tempfile::tempdir().expect("a folder can be made");
    let out = out.path().join("results");
    let text = out.to_str().expect("it is a text");
    let output = heirloom(&["check", "--server", EXE, "--out", text]);
    // It ends at once, and whether a request or its answer is lost first is a race.
    let line = seen(&output).replace(EXE, "EXE");
    let (first, last) = (line.split(": ").nth(1), line.rsplit("; ").next());
    let ends = format!("{} … {}", first.unwrap_or_default(), last.unwrap_or_default());
    expect![[r#"
        EXE is not an app-server … pass one with --server
        exit 2
    "#]]
    .assert_eq(&ends);
    assert_eq!(line.lines().count(), 2, "{line}");
    assert!(!out.exists(), "the folder of a run that never began is taken back");
}

#[test]
fn a_folder_for_results_that_holds_something_is_refused() {
    check(
        &["check", "--out", "tests"],
        expect![[r#"
            ! heirloom: cannot write results to tests: the folder is not empty; name another with --out
            exit 2
        "#]],
    );
}

#[test]
fn a_list_of_known_deviations_that_cannot_be_used_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let list = folder.path().join("known.toml");
    let row = "[[deviation]]\nsignature = \"R4/AP/resume/never/config\"\nseen = \"odd\"\n\
               releases = \"=0.144.4\"\nreason = \"it is so\"\ncase = \"lost.case\"\n";
    fs::write(&list, row).expect("it can be written");
    let list = list.to_str().expect("it is a text");
    let folder = folder.path().to_str().expect("it is a text").to_owned();
    let lines = [list, "no-such-list.toml", "rustfmt.toml"]
        .map(|list| seen(&heirloom(&["check", "--known", list])).replace(&folder, "FOLDER"));
    expect![[r#"
        ! heirloom: cannot use FOLDER/known.toml: line 6: cannot read FOLDER/lost.case: No such file or directory (os error 2)
        exit 2
        ! heirloom: cannot read no-such-list.toml: No such file or directory (os error 2)
        exit 2
        ! heirloom: cannot use rustfmt.toml: line 1: unknown field `max_width`, expected `cause` or `deviation`
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn a_case_that_cannot_be_replayed_is_one_line() {
    let trace = "tests/traces/r4-ap-resume-never-config.trace";
    let cases = ["no-such.case", "r1-s42", "r1-s42-c17-o12", "Cargo.toml", "src", trace];
    let lines = cases.map(|case| seen(&heirloom(&["replay", case])));
    expect![[r#"
        ! heirloom: `no-such.case` is neither a file nor a token; expected a case file, or a token like rN-s42-c17-o12 that a campaign printed
        exit 2
        ! heirloom: `r1-s42` is neither a file nor a token; expected a case file, or a token like rN-s42-c17-o12 that a campaign printed
        exit 2
        ! heirloom: r1-s42-c17-o12 was drawn by model revision 1, and this heirloom is at revision 17, which draws another case; replay the case file instead, or use the heirloom that printed the token
        exit 2
        ! heirloom: cannot read Cargo.toml: line 1: `[package]` is not `# heirloom case v2`, the first line of a case
        exit 2
        ! heirloom: cannot read src: Is a directory (os error 21)
        exit 2
        ! heirloom: tests/traces/r4-ap-resume-never-config.trace is a trace; `heirloom judge tests/traces/r4-ap-resume-never-config.trace` judges it
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn a_trace_that_cannot_be_judged_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let other = folder.path().join("other.trace");
    fs::write(&other, "{\"schema\":\"heirloom trace v9\",\"plan\":\"\"}\n").expect("it is written");
    let other = other.to_str().expect("it is a text");
    let folder = folder.path().to_str().expect("it is a text").to_owned();
    let case = "tests/cases/r8-sb-resume-workspace-write-config.case";
    let lines = ["no-such.trace", "Cargo.toml", other, case]
        .map(|trace| seen(&heirloom(&["judge", trace])).replace(&folder, "FOLDER"));
    expect![[r#"
        ! heirloom: cannot read no-such.trace: No such file or directory (os error 2)
        exit 2
        ! heirloom: Cargo.toml is not a trace; a campaign keeps one beside each case, as runs/latest/findings/ID.trace
        exit 2
        ! heirloom: cannot read FOLDER/other.trace: `heirloom trace v9` is not `heirloom trace v2`, the schema that this heirloom reads
        exit 2
        ! heirloom: tests/cases/r8-sb-resume-workspace-write-config.case is a case and not a trace; `heirloom replay` runs it
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn a_stored_trace_is_judged_again_and_printed_as_a_program() {
    let trace = "tests/traces/r4-ap-resume-never-config.trace";
    check(
        &["judge", trace, "--known", "none"],
        expect![[r#"
            --------------------------------------------------------------------------------
            R4 cold resume · approval policy: finding, WIDENED
            t0 has the wrong approval policy after `resume`
            --------------------------------------------------------------------------------
              clause        R4 cold resume: A cold resume (after a restart or an unload)
                            restores the approval policy (AP).
              strength      N, a conformance failure: an upstream test or a published schema
                            text asserts it
              expected      never
              seen          on-request
              WIDENED       the server allows MORE than it should
              origin        the value seen is the default in config.toml
              seen in       reply (the server's answer to the request)
              server        codex 0.144.4
              shown         in 1 of 1 run

              The program; > marks the step that shows it:

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -> t0
                run     t0 "turn 1"                   <- text "ok"
                audit
              >   resume  t0
                  ^ R4: expected never, seen on-request; the audit restarts the server and
                    resumes t0 from disk

              signature     R4/AP/resume/never/config

              compared      approval policy, reviewer, sandbox: reply, rollout
            this program on codex 0.144.4, 1 run: does not conform (exit code 1)
            exit 1
        "#]],
    );
}

#[test]
fn a_known_deviation_in_a_stored_trace_is_excused() {
    let trace = "tests/traces/r8-sb-resume-workspace-write-config.trace";
    check(
        &["judge", trace],
        expect![[r#"
            --------------------------------------------------------------------------------
            R8 cold resume · sandbox: known deviation
            t0 has the wrong sandbox after `resume`
            --------------------------------------------------------------------------------
              clause        R8 cold resume: A cold resume (after a restart or an unload)
                            restores the sandbox (SB) with all its fields.
              strength      S, a departure from a stance: sources are silent or disagree,
                            and this is the stance of the suite
              expected      workspace-write
              seen          read-only
              origin        the value seen is the default in config.toml; it is also one
                            that the thread had before
              seen in       reply (the server's answer to the request)
              server        codex 0.169.0
              shown         in 1 of 1 run
              excused       lost-sandbox: the rollout file has the sandbox right, and the
                            reader takes config's instead (releases 0.163.0..0.169.0)

              The program; > marks the step that shows it:

                config  approval=on-request reviewer=user sandbox=read-only
                start                                 -> t0
                run     t0 "turn 1" sandbox=workspace-write <- text "ok"
                audit
              >   resume  t0
                  ^ R8: expected workspace-write, seen read-only; the audit restarts the
                    server and resumes t0 from disk

              signature     R8/SB/resume/workspace-write/config

              compared      approval policy, reviewer, sandbox: reply, notice, rollout
            this program on codex 0.169.0, 1 run: shows known deviations only (exit code 0)
        "#]],
    );
}

#[test]
fn a_shrunk_case_is_never_written_over_a_file() {
    let case = "tests/cases/r8-sb-resume-workspace-write-config.case";
    check(
        &["shrink", case, "--out", "Cargo.toml"],
        expect![[r#"
            ! heirloom: cannot write Cargo.toml: the file exists; name another with --out
            exit 2
        "#]],
    );
}

#[test]
fn a_clause_that_is_none_is_answered_with_those_near_it() {
    check(
        &["clauses", "R99"],
        expect![[r#"
        ! heirloom: no clause `R99` in the contract; near it stand R18, R17, R16, R13; `heirloom clauses` lists them all
        exit 2
    "#]],
    );
}

#[test]
fn a_clause_may_be_spelled_small_and_a_folder_without_a_run_is_refused() {
    let small = seen(&heirloom(&["clauses", "r99"]));
    let same = seen(&heirloom(&["clauses", "r8"])) == seen(&heirloom(&["clauses", "R8"]));
    let told = [
        small,
        format!("{same}\n"),
        seen(&heirloom(&["clauses", "R8", "--run", "src"])),
        seen(&heirloom(&["known", "update", "src"])),
        seen(&heirloom(&["known", "update", "Cargo.toml"])),
    ];
    expect![[r#"
        ! heirloom: no clause `r99` in the contract; near it stand R18, R17, R16, R13; `heirloom clauses` lists them all
        exit 2
        true
        ! heirloom: src is neither a run's nor a matrix's folder: it has no summary.json and no matrix.json
        exit 2
        ! heirloom: src is neither a run's nor a matrix's folder: it has no summary.json and no matrix.json
        exit 2
        ! heirloom: cannot read Cargo.toml: it is not the summary of a run; name the folder of a run, with its summary.json
        exit 2
    "#]].assert_eq(&told.concat());
}

#[test]
fn the_contract_fits_eighty_columns_and_names_every_clause() {
    let text = seen(&heirloom(&["clauses"]));
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let named = |id: &str| text.lines().any(|line| line.starts_with(&format!("  {id} ")));
    let ids = heirloom::contract::all().iter().map(|row| row.clause.to_string());
    let missing: Vec<String> = ids.filter(|id| !named(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_reader_who_leaves_ends_nothing() {
    let cache = tempfile::tempdir().expect("a folder can be made");
    let mut command = within(Path::new(env!("CARGO_MANIFEST_DIR")), cache.path());
    command.arg("clauses").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect(EXE);
    drop(child.stdout.take());
    expect![[""]].assert_eq(&seen(&child.wait_with_output().expect(EXE)));
}

#[test]
fn a_case_of_a_newer_heirloom_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let texts = [
        "# heirloom case v9\nconfig\naudit\n",
        "# heirloom case v1\nconfig\ntransmute t0\naudit\n",
    ];
    let lines = texts.map(|text| {
        let path = folder.path().join("new.case");
        fs::write(&path, text).expect("it can be written");
        let told = seen(&heirloom(&["replay", path.to_str().expect("it is a text")]));
        told.replace(&folder.path().display().to_string(), "FOLDER")
    });
    expect![[r#"
        ! heirloom: cannot read FOLDER/new.case: line 1: the case is of form 9, and heirloom VERSION reads forms up to 2: a newer heirloom wrote it, and reads it
        exit 2
        ! heirloom: cannot read FOLDER/new.case: line 3: `transmute` is not a step that heirloom VERSION knows, though a newer one may; expected start, run, begin, finish, steer, turn-settings, settings, fork, resume, warm-read, cold-read, interrupt, spawn, subagent-turn, second-server, invalid, restart, configure, disk, remove-folder, name, read, list, archive, unarchive, unsubscribe, unload, revert, compact, shell, review, detached-review, goal, queue, inject, client2, kill-during, parallel or audit
        exit 2
    "#]].assert_eq(&lines.concat().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}
