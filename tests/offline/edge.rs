//! Server and client with children that misbehave.
//!
//! The children are small shell scripts; nothing here needs the real server. A deadline that must
//! not pass is long, one that must pass is short, and no assertion looks at a clock.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

use heirloom::client::{Arrived, Client};
use heirloom::protocol::rpc::{Message, Surface};
use heirloom::server::{Launch, Pipes, Server};

/// For what must happen, also on a loaded machine.
const LONG: Duration = Duration::from_secs(60);

/// For what must not happen.
const SHORT: Duration = Duration::from_millis(50);

/// Makes this test binary the harness that is killed.
const HARNESS: &str = "HEIRLOOM_EDGE_HARNESS";

fn soon() -> Instant {
    Instant::now() + LONG
}

fn at_once() -> Instant {
    Instant::now() + SHORT
}

fn check(seen: impl AsRef<str>, expected: Expect) {
    expected.assert_eq(seen.as_ref());
}

struct Fake {
    server: Server,
    client: Client,
    folder: TempDir,
}

fn launch(script: &str, folder: &Path) -> Launch {
    let file = folder.join("fake");
    std::fs::write(&file, script).expect("a script can be written");
    let mut launch = Launch::new("/bin/sh", folder);
    launch.arguments = vec![file.display().to_string()];
    launch
}

fn fake(script: &str) -> Fake {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut launch = launch(script, folder.path());
    launch.stderr_file = Some(folder.path().join("stderr"));
    let mut server = Server::start(&launch).expect("a shell can be started");
    let pipes = server.pipes().expect("this is the first call");
    Fake { server, client: Client::over(pipes.output, pipes.input), folder }
}

impl Fake {
    /// Everything that arrives until the end, one line each.
    fn all(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let arrived = self.client.next(soon());
            let over = matches!(arrived, None | Some(Arrived::Closed));
            lines.push(arrived.map_or("deadline".to_owned(), spell));
            if over {
                return lines.join("\n");
            }
        }
    }
}

fn spell(arrived: Arrived) -> String {
    match arrived {
        Arrived::Closed => "closed".to_owned(),
        Arrived::Garbage(line) => format!("garbage, {}: {:.20}", line.reason, line.excerpt),
        Arrived::Message(Message::Notification { method, .. }) => format!("notification {method}"),
        Arrived::Message(Message::Request { id, method, .. }) => format!("request {id} {method}"),
        Arrived::Message(Message::Answer { id, outcome }) => format!("answer {id} {outcome:?}"),
    }
}

#[test]
fn garbage_arrives_in_its_place() {
    let script = r#"echo hello; echo; echo '{"method":"a"}'; printf '\377\n'; printf '{"id":1'"#;
    check(
        fake(script).all(),
        expect![[r#"
        garbage, not JSON (expected value at line 1 column 1): hello
        garbage, not JSON (EOF while parsing a value at line 1 column 0): 
        notification a
        garbage, not UTF-8: �

        garbage, not JSON (EOF while parsing an object at line 1 column 7): {"id":1
        closed"#]],
    );
}

#[test]
fn a_line_without_end_is_skipped() {
    let script = r#"head -c 67108900 /dev/zero | tr '\0' x; echo; echo '{"method":"after"}'"#;
    check(
        fake(script).all(),
        expect![[r#"
        garbage, longer than 67108864 bytes: xxxxxxxxxxxxxxxxxxxx
        notification after
        closed"#]],
    );
}

#[test]
fn answers_find_their_calls_and_leave_the_rest_in_order() {
    let mut fake = fake(
        r#"read a; read b; echo '{"method":"x"}'; echo '{"id":2,"result":"two"}'
           echo '{"method":"y"}'; echo '{"id":1,"error":{"code":-1,"message":"no"}}'"#,
    );
    let first = fake.client.send("one", Value::Null).expect("it reads");
    let second = fake.client.send("two", Value::Null).expect("it reads");
    let first = fake.client.answer_to(first, soon()).expect("it answers");
    let second = fake.client.answer_to(second, soon()).expect("it answers");
    check(
        format!("{first:?}\n{second:?}\n{}", fake.all()),
        expect![[r#"
            Err(RpcError { code: -1, message: "no", data: None })
            Ok(String("two"))
            notification x
            notification y
            closed"#]],
    );
}

#[test]
fn a_request_of_the_server_is_answered() {
    let mut fake = fake(
        r#"echo '{"id":"q","method":"may/i"}'; read answer; echo "$answer"; read no; echo "$no""#,
    );
    let asks = |message: &Message| matches!(message, Message::Request { .. });
    let Ok(Message::Request { id, .. }) = fake.client.wait(soon(), asks) else {
        panic!("only a request fits");
    };
    fake.client.reply(&id, json!("accept")).expect("it reads");
    fake.client.refuse(&id, -32601, "unknown").expect("it reads");
    check(
        fake.all(),
        expect![[r#"
        answer "q" Ok(String("accept"))
        answer "q" Err(RpcError { code: -32601, message: "unknown", data: None })
        closed"#]],
    );
}

#[test]
fn a_hang_after_initialize_ends_at_the_deadline() {
    let mut fake = fake(r#"read hello; echo '{"id":1,"result":{}}'; cat >rest"#);
    let hello = fake.client.initialize("lab", Surface::Experimental, soon());
    let error = fake.client.call("thread/start", json!({}), at_once()).expect_err("it hangs");
    let ended = fake.server.stop(soon());
    let read = std::fs::read_to_string(fake.folder.path().join("rest")).expect("cat wrote it");
    check(
        format!("{hello:?}\n{error}\n{ended}\n{read}"),
        expect![[r#"
            Ok(Ok(Object {}))
            no answer to `thread/start` before the deadline; look at its stderr, or wait longer
            ended with code 0 when asked
            {"method":"initialized"}
            {"id":2,"method":"thread/start","params":{}}
        "#]],
    );
}

#[test]
fn a_death_in_the_middle_of_a_line_is_reported() {
    let mut fake = fake(r#"read ask; printf '{"id":1,"res'; kill -9 $$"#);
    let error = fake.client.call("turn/start", json!({}), soon()).expect_err("it dies");
    let ended = fake.server.ended_by(soon()).expect("it is dead");
    let sent = fake.client.send("turn/start", json!({})).is_ok();
    check(
        format!("{error}\n{ended}\nsent again: {sent}\n{}", fake.all()),
        expect![[r#"
            no answer to `turn/start`: the process closed its stdout; look at how it ended
            ended by signal 9 by itself
            sent again: false
            garbage, not JSON (EOF while parsing a string at line 1 column 12): {"id":1,"res
            closed"#]],
    );
}

#[test]
fn a_flood_on_stderr_does_not_block_the_child() {
    let mut fake = fake(
        r#"echo "thread 'main' panicked at src/x.rs" >&2
           head -c 100000000 /dev/zero | tr '\0' x >&2; echo '{"method":"done"}'"#,
    );
    let arrived = fake.all();
    let ended = fake.server.ended_by(soon()).expect("it is done");
    let file = std::fs::metadata(fake.folder.path().join("stderr")).expect("it was asked for");
    let (kept, bytes) = (ended.stderr_tail.len(), ended.stderr_bytes);
    let sizes = format!("{bytes} bytes, {kept} kept, {} in the file", file.len());
    check(
        format!("{arrived}\n{ended}\n{sizes}"),
        expect![[r#"
        notification done
        closed
        ended with code 0 by itself, after a panic
        100000035 bytes, 65536 kept, 1048603 in the file"#]],
    );
}

#[test]
fn a_child_that_ignores_the_end_of_its_stdin_is_killed() {
    let mut fake = fake("exec tail -f /dev/null");
    check(fake.server.stop(at_once()).to_string(), expect!["ended by signal 9, killed"]);
}

/// A child that does not read stdin, and ends at the SIGTERM with the number `when`.
fn terminated(when: u32) -> String {
    let mut fake = fake(&format!(
        r#"trap 'n=$((n + 1)); [ $n -ge {when} ] && exit 7' TERM
           echo '{{"method":"ready"}}'; while :; do sleep 60 & wait $!; done"#
    ));
    let ready = fake.client.next(soon()).map_or("deadline".to_owned(), spell);
    let ended = fake.server.terminate(4 * SHORT, soon());
    format!("{ready}; {ended}; {}", fake.all())
}

#[test]
fn a_child_that_does_not_read_stdin_gets_a_signal() {
    check(terminated(1), expect!["notification ready; ended with code 7 when asked; closed"]);
}

#[test]
fn a_child_that_finishes_its_work_first_gets_a_second_signal() {
    check(terminated(2), expect!["notification ready; ended with code 7 when asked; closed"]);
}

#[test]
fn a_grandchild_is_killed_with_its_group() {
    // It holds stdout open, which therefore ends with it.
    let mut fake = fake(r#"tail -f /dev/null & echo '{"method":"left"}'"#);
    check(
        fake.all(),
        expect![[r#"
        notification left
        closed"#]],
    );
}

#[test]
fn a_child_sees_nothing_of_the_users_environment() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut launch = Launch::new("/usr/bin/env", folder.path());
    launch.arguments.clear();
    launch.programs = Some(folder.path().join("programs"));
    launch.certificates = Some(folder.path().join("certificate.pem"));
    let mut server = Server::start(&launch).expect("env can be started");
    let mut output = server.pipes().expect("this is the first call").output;
    let mut seen = String::new();
    output.read_to_string(&mut seen).expect("env writes text");
    let seen = seen.replace(&folder.path().display().to_string(), "FOLDER");
    let mut seen: Vec<&str> = seen.lines().collect();
    seen.sort_unstable();
    check(
        seen.join("\n"),
        expect![[r#"
        CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG=1
        CODEX_HOME=FOLDER
        HOME=FOLDER
        LANG=C.UTF-8
        PATH=FOLDER/programs:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
        RUST_LOG=warn
        SSL_CERT_FILE=FOLDER/certificate.pem
        TMPDIR=FOLDER"#]],
    );
}

#[test]
fn a_missing_executable_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let failed = Server::start(&Launch::new("/nowhere/codex", folder.path()));
    check(
        failed.expect_err("there is none").to_string().replace("; ", ";\n"),
        expect![[r#"
            cannot start `/nowhere/codex app-server`: No such file or directory (os error 2);
            check the path or choose another server"#]],
    );
}

#[test]
fn a_killed_harness_leaves_no_server() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let pipe = folder.path().join("pipe");
    let mode = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&pipe, mode).expect("a named pipe can be made");
    // The server holds the writing end: the pipe ends with the server.
    let (send, reads) = bounded(2);
    thread::spawn(move || {
        let mut pipe = std::fs::File::open(pipe).expect("the pipe can be opened");
        let up = pipe.read(&mut [0; 3]).map_err(|error| error.to_string());
        send.send(up).expect("the test waits");
        let gone = pipe.read(&mut [0; 3]).map_err(|error| error.to_string());
        send.send(gone).expect("the test waits");
    });
    let mut harness = Command::new(std::env::current_exe().expect("this test is a program"))
        .args(["--exact", "edge::the_harness_that_is_killed"])
        .env(HARNESS, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("this test can be started");
    let up = reads.recv_timeout(LONG);
    harness.kill().expect("a child can be killed");
    let gone = reads.recv_timeout(LONG);
    harness.wait().expect("a child can be waited for");
    check(format!("up: {up:?}, gone: {gone:?}"), expect!["up: Ok(Ok(3)), gone: Ok(Ok(0))"]);
}

/// Does nothing unless the test above runs it.
#[test]
fn the_harness_that_is_killed() {
    let Some(folder) = std::env::var_os(HARNESS) else {
        return;
    };
    // Opening a pipe without a writer blocks, whatever happens to stdin and stdout.
    let script = "exec 3>pipe; echo up >&3; mkfifo never; exec cat never";
    let launch = launch(script, Path::new(&folder));
    let mut server = Server::start(&launch).expect("a shell can be started");
    server.ended_by(soon());
}

/// A wrapper that starts the server as a child, which writes a file for each line that it reads.
#[cfg(target_os = "linux")]
const WRAPPER: &str = "
/bin/sh -c '
while read -r line; do
    if { echo \"$line\" >file; } 2>/dev/null; then echo written; else echo failed; fi
done'
exit 0
";

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_reaches_a_server_behind_a_wrapper() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut server =
        Server::start(&launch(WRAPPER, folder.path())).expect("a shell can be started");
    let Pipes { output, mut input } = server.pipes().expect("this is the first call");
    let mut lines = BufReader::new(output).lines();
    let mut write = || {
        input.write_all(b"line\n").expect("the wrapper reads");
        lines.next().expect("it answers").expect("it is text")
    };
    let mut seen = vec![write()];
    for full in [true, false] {
        server.limit_files(full).expect("the group can be limited");
        seen.push(write());
    }
    server.kill();
    assert_eq!(seen, ["written", "failed", "written"]);
}
