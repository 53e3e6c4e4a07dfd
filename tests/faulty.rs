//! Servers that are ill: what they do ends in a trace and a verdict, never in a hang or a panic.
//!
//! Each is a name of one small script, `tests/faulty/server.sh`, and runs the same short plan. What
//! is told of it names the clause of the protocol that it breaks, and afterwards no process of it
//! is left.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use expect_test::{Expect, expect};
use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::home::FeatureSet;
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::report::words::ran_on;
use heirloom::trace::{Observation, Trace};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use semver::Version;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faulty/server.sh");

const PLAN: &str = "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"hello\"\naudit\n";

/// The same with a turn that is interrupted while the model is silent.
const HELD: &str =
    "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"hello\" <- interrupt\naudit\n";

/// How long a server that says nothing is waited for: long enough for a shell on a busy machine to
/// introduce itself, short enough for a test.
const SHORT: Duration = Duration::from_secs(3);

/// What a killed process may take to go.
const LEAVE_DEADLINE: Duration = Duration::from_secs(20);

/// Runs the plan on the server of this name, and compares what is told.
fn check(name: &str, expected: Expect) {
    check_within((PLAN, Timeouts::default()), name, expected);
}

/// The same with a server that is waited for in vain.
fn check_silent(name: &str, expected: Expect) {
    check_within((PLAN, Timeouts { reply: SHORT, turn: SHORT, stop: SHORT }), name, expected);
}

fn check_within((program, timeouts): (&str, Timeouts), name: &str, expected: Expect) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let server = folder.path().join(name);
    symlink(SCRIPT, &server).expect("a link can be made");
    let alive = alive(&server);
    let told = told(&server, (program, timeouts)).replace(&*server.to_string_lossy(), name);
    let left = if is_left_alone(alive) { "" } else { "a process of it is left\n" };
    expected.assert_eq(&format!("{told}{left}"));
}

/// The end of the pipe that is open as long as a process of the server lives.
fn alive(server: &Path) -> File {
    let path = server.with_extension("alive");
    mkfifo(&path, Mode::S_IRWXU).expect("a pipe can be made");
    let nonblocking = OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking.bits()).open(&path);
    let file = opened.expect("the pipe can be opened");
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).expect("a pipe can be made to wait");
    file
}

/// Whether every process that held the pipe is gone, or goes in time.
fn is_left_alone(mut alive: File) -> bool {
    let (gone, over) = channel();
    thread::spawn(move || {
        let ended = alive.read_to_end(&mut Vec::new());
        let _ = gone.send(ended.is_ok());
    });
    over.recv_timeout(LEAVE_DEADLINE).unwrap_or(false)
}

fn told(server: &Path, (program, timeouts): (&str, Timeouts)) -> String {
    let version = Some(Version::new(0, 169, 0));
    let test_bed = TestBed::prepare(server.to_owned(), version, FeatureSet::Default, timeouts);
    match test_bed {
        Err(error) => format!("{error}\n"),
        Ok(test_bed) => {
            let program: Program = program.parse().expect("the plan is one");
            let none =
                test_bed.main.no_schema.as_ref().map(|reason| format!("no schema: {reason}\n"));
            let told = verdict(&Worker::new(Arc::new(test_bed)).run(&program));
            format!("{}{told}", none.unwrap_or_default())
        }
    }
}

/// Runs a program on a server that is well, with one of this name beside it as release 0.144.4.
fn check_moved(program: &str, name: &str, expected: Expect) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [well, other] = ["well", name].map(|name| {
        let server = folder.path().join(name);
        symlink(SCRIPT, &server).expect("a link can be made");
        server
    });
    let left = [&well, &other].map(|server| alive(server));
    let version = Some(Version::new(0, 169, 0));
    let test_bed = TestBed::prepare(well, version, FeatureSet::Default, Timeouts::default());
    let mut test_bed = test_bed.expect("a server that is well is one");
    test_bed.add(other, Version::new(0, 144, 4)).expect("it is well on a home of its own");
    let program = format!("# heirloom case v1\nconfig\n{program}audit\n");
    let trace = Worker::new(Arc::new(test_bed)).run(&program.parse().expect("the plan is one"));
    let told = match judge(&trace).findings.first() {
        Some(finding) => format!("{}: {}", ran_on(&finding.home_history), verdict(&trace)),
        None => verdict(&trace),
    };
    let left = left.into_iter().all(is_left_alone);
    expected.assert_eq(&format!("{told}{}", if left { "" } else { "a process is left\n" }));
}

/// Runs a program on a server that lacks something, and compares what was left out for it.
fn check_left_out(program: &str, name: &str, expected: Expect) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let server = folder.path().join(name);
    symlink(SCRIPT, &server).expect("a link can be made");
    let left = alive(&server);
    let version = Some(Version::new(0, 169, 0));
    let test_bed = TestBed::prepare(server, version, FeatureSet::Default, Timeouts::default());
    let test_bed = Arc::new(test_bed.expect("a server that is well is one"));
    let program = format!("# heirloom case v1\nconfig\n{program}audit\n");
    let trace = Worker::new(test_bed).run(&program.parse().expect("the plan is one"));
    let sent =
        |step| trace.of_step(step).filter(|what| matches!(what, Observation::Sent { .. })).count();
    let lines = judge(&trace).left_out.into_iter().map(|(step, what)| {
        format!("step {step} lacks {what}, and {} of its requests were sent\n", sent(step))
    });
    let told = format!("{}{}", lines.collect::<String>(), verdict(&trace));
    let left = if is_left_alone(left) { "" } else { "a process of it is left\n" };
    expected.assert_eq(&format!("{told}{left}"));
}

/// Each finding, else how the server ended.
fn verdict(trace: &Trace) -> String {
    let verdict = judge(trace);
    if let Some(reason) = verdict.inconclusive {
        return format!("inconclusive: {reason}\n");
    }
    let findings = verdict.findings.iter();
    let findings: Vec<String> =
        findings.map(|finding| format!("{}: {}\n", finding.signature(), finding.seen)).collect();
    if !findings.is_empty() {
        return findings.concat();
    }
    let ends = trace.facts.iter().filter_map(|fact| match &fact.what {
        Observation::Ended { exit, .. } => Some(format!("no finding; {exit}\n")),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_server_that_is_well_has_no_finding() {
    check(
        "well",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_server_that_answers_garbage_is_none() {
    check_silent(
        "garbage",
        expect![[r#"
            garbage is no app-server: no answer to `initialize` before the deadline; look at its stderr, or wait longer; what it said is not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault"; it ended by signal 9, killed; last on its stderr: nothing; pass one with --server
        "#]],
    );
}

#[test]
fn a_server_that_never_introduces_itself_is_none() {
    check_silent(
        "never-introduces-itself",
        expect![[r#"
        never-introduces-itself is no app-server: no answer to `initialize` before the deadline; look at its stderr, or wait longer; it ended by signal 9, killed; last on its stderr: nothing; pass one with --server
    "#]],
    );
}

#[test]
fn a_server_that_ends_at_once_is_none() {
    check(
        "ends-at-once",
        expect![[r#"
            ends-at-once is no app-server: no answer to `initialize`: the process closed its stdout; look at how it ended; it ended with code 2 by itself; last on its stderr: no config; pass one with --server
        "#]],
    );
}

#[test]
fn garbage_after_the_introduction_is_a_finding() {
    check_silent(
        "garbage-after-initialize",
        expect![[r#"
        W2/-/start/json-rpc/unknown: not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault"
        W1/-/start/answer/unknown: nothing for 3 s, waiting for the answer to thread/start
    "#]],
    );
}

#[test]
fn a_server_that_hangs_after_the_introduction_is_waited_for_and_left() {
    check_silent(
        "hangs-after-initialize",
        expect![[r#"
            W1/-/start/answer/unknown: nothing for 3 s, waiting for the answer to thread/start
        "#]],
    );
}

#[test]
fn a_server_that_dies_in_a_turn_is_a_finding() {
    check(
        "dies-in-a-turn",
        expect![[r#"
        W3/-/run/alive/unknown: ended with code 3 by itself; last on stderr: it was too much
    "#]],
    );
}

#[test]
fn a_server_that_dies_in_a_turn_that_is_held_is_the_same_finding() {
    check_within(
        (HELD, Timeouts::default()),
        "dies-in-a-turn",
        expect![[r#"
        W3/-/run/alive/unknown: ended with code 3 by itself; last on stderr: it was too much
    "#]],
    );
}

#[test]
fn a_server_that_talks_on_and_on_is_left() {
    check_silent(
        "talks-on-and-on",
        expect![[r#"
            W2/-/start/json-rpc/unknown: not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault"
            W1/-/start/answer/unknown: nothing for 3 s, waiting for the answer to thread/start
        "#]],
    );
}

#[test]
fn a_server_that_closes_its_stdout_is_ended() {
    check(
        "closes-its-stdout",
        expect![[r#"
            W3/-/start/alive/unknown: it closed its stdout and went on; ended by signal 9, killed; last on stderr: nothing
        "#]],
    );
}

#[test]
fn a_turn_that_never_ends_is_a_finding() {
    check_silent(
        "hangs-in-a-turn",
        expect![[r#"
            W4/-/run/turn/unknown: nothing for 3 s, waiting for turn/completed
        "#]],
    );
}

#[test]
fn a_panic_is_a_finding_though_the_server_goes_on() {
    check(
        "panics-and-goes-on",
        expect![[r#"
        W3/-/restart/no-panic/unknown: a panic on stderr, ended with code 0 when asked, after a panic: thread 'main' panicked at src/main.rs:1:1
    "#]],
    );
}

#[test]
fn a_hundred_megabytes_on_stderr_hold_nothing_up() {
    check(
        "chatters",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_request_that_is_answered_twice_is_a_finding() {
    check(
        "answers-twice",
        expect![[r#"
            W1/-/run/answer/unknown: an answer to 2, which was never asked
        "#]],
    );
}

#[test]
fn a_server_that_outlives_its_stdin_is_killed() {
    check_silent(
        "outlives-its-stdin",
        expect![[r#"
        no finding; ended by signal 9, killed
    "#]],
    );
}

#[test]
fn a_line_that_breaks_the_servers_own_schema_is_told() {
    check(
        "breaks-its-schema",
        expect![[r#"
        W2/-/run/schema:turn.completed:params.turn.status/unknown: turn/completed params.turn.status: "completed" is not one of "done"
    "#]],
    );
}

#[test]
fn a_line_of_ours_that_breaks_the_servers_schema_is_our_own_trouble() {
    check(
        "takes-more-than-we-send",
        expect![[r#"
        inconclusive: heirloom's own line about turn/start is not valid by the server's schema: params: lacks "more"; this is a fault of heirloom's, report it
    "#]],
    );
}

#[test]
fn a_server_without_a_schema_is_judged_without_it() {
    check(
        "prints-no-schema",
        expect![[r#"
        no schema: it wrote none; last on its stderr: which schema?
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_schema_that_cannot_be_read_is_told() {
    check(
        "prints-half-a-schema",
        expect![[r#"
        no schema: the printed schema is not JSON: EOF while parsing a value at line 2 column 0
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_release_that_goes_on_with_the_home_of_another_is_well() {
    let there_and_back = "start -> t0\nrun t0 \"hello\"\nrestart graceful server=0.144.4\n\
                          restart kill server=main\n";
    check_moved(
        there_and_back,
        "well-too",
        expect![[r#"
        no finding; ended with code 0 when asked
        no finding; ended by signal 9, killed
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_release_that_refuses_the_home_of_another_is_told_by_its_own_name() {
    check_moved(
        "start -> t0\nrestart graceful server=0.144.4\nresume t0\n",
        "keeps-its-own-home",
        expect![[r#"
            codex 0.144.4, on a home that 0.169.0 had before: W3/-/restart/alive/unknown: ended with code 3 by itself; last on stderr: cannot migrate the home of well
        "#]],
    );
}

#[test]
fn a_release_has_no_trouble_with_a_home_that_was_never_another_ones() {
    let own = "restart graceful server=0.144.4\nstart -> t0\nrun t0 \"hello\"\n";
    check_moved(
        own,
        "keeps-its-own-home",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_release_that_nobody_made_ready_is_named_with_the_way_out() {
    check_moved(
        "restart graceful server=0.131.0\n",
        "well-too",
        expect![[r#"
        inconclusive: the program goes on with codex 0.131.0 (`server=0.131.0`), which was not made ready; give it with --other 0.131.0
    "#]],
    );
}

#[test]
fn a_torn_call_is_left_out_whole_where_the_release_lacks_its_method() {
    check_left_out(
        "start -> t0\nrun t0 \"hello\"\ntorn settings t0 approval=never\nrun t0 \"more\"\n",
        "well",
        expect![[r#"
            step 2 lacks thread/settings/update, and 0 of its requests were sent
            no finding; ended with code 0 when asked
        "#]],
    );
}

#[test]
fn a_torn_call_is_left_out_whole_where_the_release_lacks_a_field_of_it() {
    check_left_out(
        "start -> t0\nrun t0 \"hello\"\ntorn resume t0\ntorn resume t0 approval=never\n",
        "resumes-as-it-was",
        expect![[r#"
            step 3 lacks thread/resume approvalPolicy, and 0 of its requests were sent
            no finding; ended by signal 9, killed
            no finding; ended with code 0 when asked
        "#]],
    );
}
