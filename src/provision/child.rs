//! Runs one helper program to its end.
//!
//! It gets no stdin and a process group of its own. Past its deadline, or when the listener asks to
//! stop, the whole group is killed. Only the end of what it prints is kept.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, after, bounded, select, tick};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How often the listener is called: often enough for a progress line that moves smoothly.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How much of each stream is kept: more than any client's error report has.
const TAIL_BYTES: usize = 64 * 1024;

/// How long the streams may stay open after the program has ended: what it wrote is in the pipe by
/// then, so only something that it left running holds them longer.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// How a program ended, and the end of what it printed.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Why a program did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be started.
    Start(io::Error),
    /// It did not end before the deadline.
    Overrun,
    /// The listener asked to stop.
    Stopped,
}

/// Kills the process group when dropped.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // The group may have ended in this moment; there is nothing else that can fail.
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// The end of a stream that a thread reads.
struct Tail(Arc<Mutex<Vec<u8>>>);

/// Starts the command and waits for its end.
pub(super) fn run(
    command: &mut Command,
    deadline: Duration,
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Ended, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(Failure::Start)?;
    let pid = i32::try_from(child.id()).expect("a process id is a positive i32");
    let group = Group(Pid::from_raw(pid));
    if listen().is_break() {
        return Err(Failure::Stopped);
    }
    // Nothing is ever sent: the channel ends when both streams have.
    let (open, streams_end) = bounded(0);
    let stdout = Tail::of(child.stdout.take(), open.clone());
    let stderr = Tail::of(child.stderr.take(), open);
    let (send, exit) = bounded(1);
    thread::spawn(move || send.send(child.wait()));
    let (over, ticks) = (after(deadline), tick(TICK));
    let status = loop {
        select! {
            recv(over) -> _ => return Err(Failure::Overrun),
            recv(ticks) -> _ => if listen().is_break() {
                return Err(Failure::Stopped);
            },
            recv(exit) -> status => break status.expect("the waiting thread sends before it ends"),
        }
    };
    // What the program left running may go on.
    std::mem::forget(group);
    let _ = streams_end.recv_timeout(PIPE_GRACE);
    let status = status.map_err(Failure::Start)?;
    Ok(Ended { status, stdout: stdout.text(), stderr: stderr.text() })
}

impl Tail {
    fn of(stream: Option<impl Read + Send + 'static>, open: Sender<()>) -> Tail {
        let mut stream = stream.expect("the stream is piped");
        let tail = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&tail);
        thread::spawn(move || {
            let mut buffer = [0; 8 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                let mut tail = shared.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend_from_slice(&buffer[..length]);
                let surplus = tail.len().saturating_sub(TAIL_BYTES);
                tail.drain(..surplus);
            }
            drop(open);
        });
        Tail(tail)
    }

    fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::process::Command;
    use std::time::Duration;

    use expect_test::{Expect, expect};

    fn check(script: &str, deadline: Duration, expect: Expect) {
        let mut ticks = 0;
        let end = super::run(Command::new("/bin/sh").args(["-c", script]), deadline, &mut || {
            ticks += 1;
            if ticks < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        expect.assert_eq(&match end {
            Ok(ended) => format!("{} {:?} {:?}", ended.status, ended.stdout, ended.stderr),
            Err(failure) => format!("{failure:?}"),
        });
    }

    #[test]
    fn what_a_program_prints_is_kept_to_its_end() {
        let script = "echo out; echo err >&2; exit 3";
        check(script, Duration::from_secs(60), expect![[r#"exit status: 3 "out\n" "err\n""#]]);
    }

    #[test]
    fn a_program_that_does_not_end_is_an_overrun() {
        check("sleep 60", Duration::from_millis(20), expect!["Overrun"]);
    }

    #[test]
    fn a_listener_can_stop_it() {
        check("sleep 60", Duration::from_secs(60), expect!["Stopped"]);
    }

    #[test]
    fn what_a_program_leaves_running_is_not_waited_for_long() {
        let script = "sleep 5 & echo out";
        check(script, Duration::from_secs(60), expect![[r#"exit status: 0 "out\n" """#]]);
    }

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo end"]);
        let go_on = &mut || ControlFlow::Continue(());
        let ended = super::run(&mut command, Duration::from_secs(60), go_on).expect("it ends");
        expect!["65536 true"].assert_eq(&format!(
            "{} {}",
            ended.stdout.len(),
            ended.stdout.ends_with("xend\n")
        ));
    }
}
