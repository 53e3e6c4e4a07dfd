//! Runs one helper program to its end.
//!
//! It gets no stdin and a process group of its own. Past its deadline, or when the listener breaks
//! off, the whole group is killed. Keeps the end of what it prints, never all of it.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select, tick};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How often the listener hears: often enough for a progress line that moves smoothly.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How much of each stream is kept, its end: more than any client's error report has.
const KEPT: usize = 64 * 1024;

/// How long the streams may stay open after the program has ended: what it wrote is in the pipe by
/// then, so only something that it left running holds them longer.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// How a program ended, and the end of what it said.
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
    /// It did not end by itself in time.
    Overrun,
    /// The listener broke off.
    Stopped,
}

/// What arrives from the threads that wait.
enum News {
    Out(Vec<u8>),
    Err(Vec<u8>),
    Ended(io::Result<ExitStatus>),
}

/// A process group that does not outlive this value unless it is released.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The group may have ended in this moment; there is nothing else that can fail.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Starts the command and waits for its end.
pub(super) fn run(
    command: &mut Command,
    deadline: Duration,
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Ended, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(Failure::Start)?;
    let pid = i32::try_from(child.id()).expect("a process id is a positive i32");
    let mut group = Group(Some(Pid::from_raw(pid)));
    // Bounded, so that a program which floods its streams is slowed down and not remembered.
    let (send, news) = bounded(16);
    listen_to(child.stdout.take(), News::Out, send.clone());
    listen_to(child.stderr.take(), News::Err, send.clone());
    thread::spawn(move || send.send(News::Ended(child.wait())));

    let mut said = (Vec::new(), Vec::new());
    let ended = await_end(&news, deadline, &mut said, listen)?;
    group.0 = None;
    drain(&news, &mut said);
    let status = ended.map_err(Failure::Start)?;
    Ok(Ended { status, stdout: text(&said.0), stderr: text(&said.1) })
}

/// Collects what is said until the program has ended.
fn await_end(
    news: &Receiver<News>,
    deadline: Duration,
    said: &mut (Vec<u8>, Vec<u8>),
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<io::Result<ExitStatus>, Failure> {
    let (over, ticks) = (after(deadline), tick(TICK));
    loop {
        select! {
            recv(over) -> _ => return Err(Failure::Overrun),
            recv(ticks) -> _ => if listen().is_break() {
                return Err(Failure::Stopped);
            },
            recv(news) -> next => match next.expect("the waiting thread sends before it ends") {
                News::Ended(status) => return Ok(status),
                said_now => keep(said, said_now),
            },
        }
    }
}

/// Collects what is still in the pipes of a program that has ended.
fn drain(news: &Receiver<News>, said: &mut (Vec<u8>, Vec<u8>)) {
    let over = after(PIPE_GRACE);
    loop {
        select! {
            recv(over) -> _ => return,
            recv(news) -> next => match next {
                Ok(said_now) => keep(said, said_now),
                Err(_) => return,
            },
        }
    }
}

/// Sends what a stream says, until its end or until nobody listens.
fn listen_to(
    stream: Option<impl Read + Send + 'static>,
    wrap: fn(Vec<u8>) -> News,
    send: Sender<News>,
) {
    let mut stream = stream.expect("the stream is piped");
    thread::spawn(move || {
        let mut buffer = [0; 8 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if send.send(wrap(buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Appends, and forgets the beginning when there is too much.
fn keep(said: &mut (Vec<u8>, Vec<u8>), news: News) {
    let (kept, bytes) = match news {
        News::Out(bytes) => (&mut said.0, bytes),
        News::Err(bytes) => (&mut said.1, bytes),
        News::Ended(_) => return,
    };
    kept.extend(bytes);
    let surplus = kept.len().saturating_sub(KEPT);
    kept.drain(..surplus);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
    fn a_program_is_heard_to_its_end() {
        let script = "echo out; echo err >&2; exit 3";
        check(script, Duration::from_secs(60), expect![[r#"exit status: 3 "out\n" "err\n""#]]);
    }

    #[test]
    fn a_program_that_does_not_end_is_an_overrun() {
        check("sleep 60", Duration::from_millis(20), expect!["Overrun"]);
    }

    #[test]
    fn a_listener_can_break_off() {
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
