//! Faulty servers: whatever they do ends in a trace and a verdict, never in a hang or a panic.
//!
//! Each is a name of one small script, `tests/faulty/server.sh`, and runs the same short program. A
//! finding names the clause of the protocol that the server breaks, and no process is left.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use expect_test::{Expect, expect};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use semver::Version;
use tempfile::TempDir;

use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::report::words::ran_on;
use heirloom::trace::{Observation, Trace};

use crate::command::{EXE, within};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faulty/server.sh");

const PROGRAM: &str = "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"hello\"\naudit\n";

/// The same with a turn that is interrupted while the model is silent.
const HELD: &str =
    "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"hello\" <- interrupt\naudit\n";

/// The deadline for a silent server: long enough for a shell on a busy machine to start, short enough
/// for a test.
const SHORT: Duration = Duration::from_secs(3);

/// The time in which a killed process must be gone.
const LEAVE_DEADLINE: Duration = Duration::from_secs(20);

/// A script of this name in a folder of its own, and the pipe that its processes hold.
struct Script {
    path: PathBuf,
    alive: File,
    _folder: TempDir,
}

impl Script {
    fn new(name: &str) -> Script {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join(name);
        symlink(SCRIPT, &path).expect("a link can be made");
        Script { alive: alive(&path), path, _folder: folder }
    }

    fn test_bed(&self, timeouts: Timeouts) -> Result<TestBed, String> {
        let version = Some(Version::new(0, 169, 0));
        TestBed::prepare(self.path.clone(), version, timeouts).map_err(|error| error.to_string())
    }

    /// Says so if a process of the script is left.
    fn leftovers(self) -> &'static str {
        if is_left_alone(self.alive) { "" } else { "a process of it is left\n" }
    }
}

/// Runs the program on the server of this name, and compares its report.
fn check(name: &str, expected: Expect) {
    check_with(PROGRAM, name, Timeouts::default(), expected);
}

/// The same with a server that does not answer in time.
fn check_silent(name: &str, expected: Expect) {
    check_with(PROGRAM, name, Timeouts { reply: SHORT, turn: SHORT, stop: SHORT }, expected);
}

fn check_with(program: &str, name: &str, timeouts: Timeouts, expected: Expect) {
    let script = Script::new(name);
    let report = match script.test_bed(timeouts) {
        Err(error) => format!("{error}\n"),
        Ok(test_bed) => {
            let no_schema = test_bed.main.no_schema.as_ref();
            let no_schema = no_schema.map(|reason| format!("no schema: {reason}\n"));
            let verdict = verdict(&run(test_bed, program));
            format!("{}{verdict}", no_schema.unwrap_or_default())
        }
    };
    let report = report.replace(&*script.path.to_string_lossy(), name);
    expected.assert_eq(&format!("{report}{}", script.leftovers()));
}

fn run(test_bed: TestBed, program: &str) -> Trace {
    let program: Program = program.parse().expect("the text is a program");
    Worker::new(Arc::new(test_bed)).run(&program)
}

/// The end of a pipe that is open as long as a process of the server lives.
fn alive(server: &Path) -> File {
    let path = server.with_extension("alive");
    mkfifo(&path, Mode::S_IRWXU).expect("a pipe can be made");
    let nonblocking = OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking.bits()).open(&path);
    let file = opened.expect("the pipe can be opened");
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).expect("a pipe can be made to wait");
    file
}

/// Whether every process that held the pipe is gone in time.
fn is_left_alone(mut alive: File) -> bool {
    let (gone, over) = channel();
    thread::spawn(move || {
        let ended = alive.read_to_end(&mut Vec::new());
        let _ = gone.send(ended.is_ok());
    });
    over.recv_timeout(LEAVE_DEADLINE).unwrap_or(false)
}

/// Runs a program on a correct server, with one of this name beside it as release 0.144.4.
fn check_moved(steps: &str, name: &str, expected: Expect) {
    let (main, other) = (Script::new("well"), Script::new(name));
    let mut test_bed = main.test_bed(Timeouts::default()).expect("the server is correct");
    let added = test_bed.add(other.path.clone(), Version::new(0, 144, 4));
    added.expect("the server is correct on its own home");
    let trace = run(test_bed, &format!("# heirloom case v1\nconfig\n{steps}audit\n"));
    let server = judge(&trace).findings.first().map(|finding| ran_on(&finding.home_history));
    let server = server.map(|server| format!("{server}: ")).unwrap_or_default();
    let verdict = verdict(&trace);
    let leftovers = [main.leftovers(), other.leftovers()].concat();
    expected.assert_eq(&format!("{server}{verdict}{leftovers}"));
}

/// Runs a program on a server that lacks something, and compares what was left out because of it.
fn check_left_out(steps: &str, name: &str, expected: Expect) {
    let script = Script::new(name);
    let test_bed = script.test_bed(Timeouts::default()).expect("the server is correct");
    let trace = run(test_bed, &format!("# heirloom case v1\nconfig\n{steps}audit\n"));
    let requests =
        |step| trace.of_step(step).filter(|what| matches!(what, Observation::Sent { .. })).count();
    let lines = judge(&trace).left_out.into_iter().map(|(step, lacking)| {
        format!("step {step} lacks {lacking}, and {} of its requests were sent\n", requests(step))
    });
    let report = format!("{}{}", lines.collect::<String>(), verdict(&trace));
    expected.assert_eq(&format!("{report}{}", script.leftovers()));
}

/// Each finding, or how the server ended.
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
    let ends = trace.entries.iter().filter_map(|fact| match &fact.observation {
        Observation::Ended { exit, .. } => Some(format!("no finding; {exit}\n")),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_correct_server_has_no_finding() {
    check(
        "well",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_server_has_one_certificate_and_cannot_ask_for_the_name_of_the_system() {
    check(
        "wastes-time",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_program_that_answers_garbage_is_not_a_server() {
    check_silent(
        "garbage",
        expect![[r#"
            garbage is not an app-server: its output is not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault", and it ended by signal 9, killed; last on its stderr: nothing; pass one with --server
        "#]],
    );
}

#[test]
fn a_program_that_never_answers_initialize_is_not_a_server() {
    check_silent(
        "never-introduces-itself",
        expect![[r#"
            never-introduces-itself is not an app-server: it did not answer `initialize` within 3 s; last on its stderr: nothing; pass one with --server
        "#]],
    );
}

#[test]
fn a_program_that_ends_at_once_is_not_a_server() {
    check(
        "ends-at-once",
        expect![[r#"
            ends-at-once is not an app-server: it ended with code 2 by itself without an answer to `initialize`; last on its stderr: no config; pass one with --server
        "#]],
    );
}

#[test]
fn garbage_after_initialize_is_a_finding() {
    check_silent(
        "garbage-after-initialize",
        expect![[r#"
        W2/-/start/json-rpc/unknown: not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault"
        W1/-/start/answer/unknown: nothing for 3 s, waiting for the answer to thread/start
    "#]],
    );
}

#[test]
fn a_server_that_hangs_after_initialize_is_a_finding() {
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
fn a_server_that_dies_in_an_interrupted_turn_is_the_same_finding() {
    check_with(
        HELD,
        "dies-in-a-turn",
        Timeouts::default(),
        expect![[r#"
        W3/-/run/alive/unknown: ended with code 3 by itself; last on stderr: it was too much
    "#]],
    );
}

#[test]
fn a_server_that_never_stops_talking_is_a_finding() {
    check_silent(
        "talks-on-and-on",
        expect![[r#"
            W2/-/start/json-rpc/unknown: not a message: not JSON (expected value at line 1 column 1), in "Segmentation fault"
            W1/-/start/answer/unknown: nothing for 3 s, waiting for the answer to thread/start
        "#]],
    );
}

#[test]
fn a_server_that_closes_its_stdout_is_killed() {
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
        W3/-/restart/no-panic/unknown: a panic on stderr, ended with code 0 when asked, after a panic: panicked at src/main.rs:1:1
    "#]],
    );
}

#[test]
fn a_hundred_megabytes_on_stderr_do_not_block_the_run() {
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
fn a_line_that_breaks_the_servers_own_schema_is_a_finding() {
    check(
        "breaks-its-schema",
        expect![[r#"
        W2/-/run/schema:turn.completed:params.turn.status/unknown: turn/completed params.turn.status: "completed" is not one of "done"
    "#]],
    );
}

#[test]
fn a_line_of_heirloom_that_breaks_the_servers_schema_is_inconclusive() {
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
fn a_schema_that_cannot_be_read_is_reported() {
    check(
        "prints-half-a-schema",
        expect![[r#"
        no schema: the printed schema is not JSON: EOF while parsing a value at line 2 column 0
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_release_can_use_the_home_of_another_release() {
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
fn a_finding_on_the_home_of_another_release_names_both() {
    check_moved(
        "start -> t0\nrestart graceful server=0.144.4\nresume t0\n",
        "keeps-its-own-home",
        expect![[r#"
            codex 0.144.4, on a home that 0.169.0 used before: W3/-/restart/alive/unknown: ended with code 3 by itself; last on stderr: cannot migrate the home of well
        "#]],
    );
}

#[test]
fn a_release_on_its_own_home_has_no_finding() {
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
fn a_release_that_was_not_prepared_is_named_with_the_way_out() {
    check_moved(
        "restart graceful server=0.131.0\n",
        "well-too",
        expect![[r#"
            inconclusive: the program restarts with codex 0.131.0 (`release=0.131.0`), which was not made ready; give it with --other 0.131.0
        "#]],
    );
}

#[test]
fn an_interrupted_call_is_left_out_where_the_release_lacks_its_method() {
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
fn an_interrupted_call_is_left_out_where_the_release_lacks_a_field_of_it() {
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

#[test]
fn a_config_that_a_release_refuses_is_not_a_finding() {
    let program = "# heirloom case v2\nconfig approval=untrusted\nstart -> t0\naudit\n";
    check_with(
        program,
        "refuses-a-config",
        Timeouts::default(),
        expect![[r#"
        inconclusive: codex 0.169.0 does not start with this config.toml, on a new home either: it ended with code 1 by itself; last on stderr: Error: approval_policy = "untrusted" is no longer supported; change the program's `config`
    "#]],
    );
    let later = "# heirloom case v2\nconfig\nstart -> t0\nconfigure approval=untrusted\naudit\n";
    check_with(
        later,
        "refuses-a-config",
        Timeouts::default(),
        expect![[r#"
        inconclusive: codex 0.169.0 does not start with this config.toml, on a new home either: it ended with code 1 by itself; last on stderr: Error: approval_policy = "untrusted" is no longer supported; change the program's `config`
    "#]],
    );
}

#[test]
fn a_config_that_a_release_cannot_read_is_not_a_finding() {
    let program = "# heirloom case v2\nconfig\nstart -> t0\nconfigure approval=untrusted\nrestart graceful\n\
                   resume t0\naudit\n";
    check_with(
        program,
        "cannot-load-a-config",
        Timeouts::default(),
        expect![[r#"
        inconclusive: codex 0.169.0 cannot read this config.toml, on a new home either: config.toml:3:1: unknown variant; change the program's `config`
    "#]],
    );
}

#[test]
fn a_program_whose_sandbox_met_another_is_run_again() {
    check(
        "sandboxes-when-tried-again",
        expect![[r#"
        no finding; ended with code 0 when asked
    "#]],
    );
}

#[test]
fn a_sandbox_that_cannot_begin_is_not_a_finding() {
    check(
        "cannot-sandbox",
        expect![[r#"
        inconclusive: a command could not be sandboxed: a folder went that it shares with other servers; run it again
    "#]],
    );
}

#[test]
fn turns_that_fail_before_the_model_was_asked_are_not_a_finding() {
    check(
        "fails-its-turns",
        expect![[r#"
        inconclusive: turns fail, and no request has reached the stand-in for the model on 127.0.0.1; look for what keeps the server from it, such as a firewall
    "#]],
    );
}

#[test]
fn a_notification_that_is_due_to_nobody_is_not_missing() {
    let program = "# heirloom case v2\nconfig\nstart -> t0\nrun t0 \"one\"\nunsubscribe t0\n\
                   run t0 \"two\"\naudit\n";
    let timeouts = Timeouts { reply: SHORT, turn: SHORT, stop: SHORT };
    check_with(
        program,
        "never-says-idle",
        timeouts,
        expect![[r#"
            inconclusive: t0 has no subscriber, and within 3 s the server has not said that its turn is over; run it again
        "#]],
    );
}

/// The lines on stderr of a command that runs on a correct server.
fn stderr_of_a_correct_server(arguments: &[&str]) -> Vec<String> {
    let script = Script::new("well");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let case = folder.path().join("hello.case");
    fs::write(&case, "# heirloom case v2\nconfig\nstart -> t0\nrun t0 \"hello\"\naudit\n")
        .expect("it can be written");
    let mut command = within(folder.path(), folder.path());
    let output = command.args(arguments).arg("--server").arg(&script.path).output().expect(EXE);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(script.leftovers(), "");
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

#[test]
fn each_run_of_a_replay_is_counted() {
    let case = ["replay", "hello.case"];
    assert_eq!(stderr_of_a_correct_server(&case), [""; 0]);
    let lines = stderr_of_a_correct_server(&[&case[..], &["--runs", "3"]].concat());
    assert_eq!(lines, ["run 1 of 3", "run 2 of 3", "run 3 of 3"]);
}

#[test]
fn a_program_whose_review_may_take_an_earlier_config_has_a_server_of_its_own() {
    let script = Script::new("well");
    let test_bed = script.test_bed(Timeouts::default()).expect("it is a server");
    let mut worker = Worker::new(Arc::new(test_bed));
    let log = script.path.with_extension("starts");
    let starts = || fs::read_to_string(&log).expect("it was started").lines().count();
    let begin = "# heirloom case v2\nconfig\nstart -> t0\n";
    let programs = ["", "", "detached-review t0\n", ""].map(|step| {
        let program: Program = format!("{begin}{step}audit\n").parse().expect("it is a program");
        let before = starts();
        worker.run(&program);
        starts() - before
    });
    worker.finish();
    // A program's audit starts the server again.
    assert_eq!(programs, [2, 1, 2, 1]);
    assert_eq!(script.leftovers(), "");
}
