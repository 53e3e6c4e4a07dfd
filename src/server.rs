//! One child: process group, pipes, how it ended.
//!
//! Starts an executable with a scrubbed environment in a process group of its own, hands out its
//! pipes, and tells how it ended: by itself, when asked, or killed. Whatever is left of the group
//! goes with it, and on Linux the child goes with this process, however that ends. Reads no
//! message and touches no home: the folders of a [`Launch`] must exist.

mod input;
mod reaper;
mod limit;
mod spawner;
mod stderr;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reaper::Reaper;
use stderr::Stderr;

/// The time a graceful stop may take: releases 0.156 to 0.163 need 5 s by themselves, and a loaded
/// machine three times that.
pub const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// The time a killed process may take to go: only one stuck inside the kernel takes longer.
pub const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// Where a server finds programs: the standard folders, never the person's own.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// What to start, and with which folders.
///
/// ```
/// use std::time::Instant;
/// use heirloom::server::{Launch, STOP_DEADLINE, Server};
///
/// let folder = tempfile::tempdir()?;
/// let mut launch = Launch::new("/bin/sh", folder.path());
/// launch.arguments = vec!["-c".into(), "cat; echo bye >&2; exit 3".into()];
/// let mut server = Server::start(&launch)?;
/// let ended = server.stop(Instant::now() + STOP_DEADLINE);
/// assert_eq!(ended.to_string(), "ended with code 3 when asked");
/// assert_eq!(ended.stderr_tail, "bye\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub executable: PathBuf,
    /// Its arguments, `app-server` unless set.
    pub arguments: Vec<String>,
    /// `CODEX_HOME`.
    pub home: PathBuf,
    /// `HOME`, where nothing of the person's lies.
    pub scratch: PathBuf,
    /// `TMPDIR`.
    pub temp: PathBuf,
    /// The working directory.
    pub directory: PathBuf,
    /// Where to keep the start of what it says on stderr, if anywhere.
    pub stderr_file: Option<PathBuf>,
}

/// A running child, or one that has ended. Dropping it kills what still runs.
#[derive(Debug)]
pub struct Server {
    leash: Reaper,
    input: Input,
    output: Option<ChildStdout>,
    stderr: Stderr,
    cause: Option<Cause>,
}

/// The two ends a client talks through.
#[derive(Debug)]
pub struct Pipes {
    /// What the child writes to its stdout.
    pub output: ChildStdout,
    /// What the child reads from its stdin.
    pub input: Input,
}

/// The writing end of a child's stdin. Dropping it closes it.
#[derive(Debug)]
pub struct Input {
    shared: Arc<input::Shared>,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What the operating system says.
    pub exit: Exit,
    /// What brought it about.
    pub cause: Cause,
    /// The last words on stderr, at most 64 KiB.
    pub stderr_tail: String,
    /// How many bytes it wrote to stderr in all.
    pub stderr_bytes: u64,
    /// Whether a Rust panic was announced on stderr at any time.
    pub panicked: bool,
}

/// What the operating system says about an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It left with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It did not go even when killed, or somebody else took the answer.
    Unknown,
}

/// What brought an end about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing from here.
    Itself,
    /// The end of its stdin, or SIGTERM.
    Asked,
    /// SIGKILL: it was wanted dead, or did not go when asked.
    Killed,
}

/// A child that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `{command}`: {source}; {advice}")]
pub struct Error {
    command: String,
    advice: String,
    source: io::Error,
}

impl Launch {
    /// An app-server with every folder in one, until the fields say otherwise.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>, folder: &Path) -> Launch {
        Launch {
            executable: executable.into(),
            arguments: vec!["app-server".to_owned()],
            home: folder.to_owned(),
            scratch: folder.to_owned(),
            temp: folder.to_owned(),
            directory: folder.to_owned(),
            stderr_file: None,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).current_dir(&self.directory).env_clear();
        command.env("PATH", PATH).env("LANG", "C.UTF-8").env("RUST_LOG", "warn");
        command.env("HOME", &self.scratch).env("CODEX_HOME", &self.home);
        command.env("TMPDIR", &self.temp);
        command.env("CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn failed(&self, source: io::Error) -> Error {
        let command = format!("{} {}", self.executable.display(), self.arguments.join(" "));
        let advice = if !self.directory.is_dir() {
            format!("make its working directory {}", self.directory.display())
        } else if source.kind() == io::ErrorKind::PermissionDenied {
            "make it executable or choose another server".to_owned()
        } else {
            "check the path or choose another server".to_owned()
        };
        Error { command: command.trim_end().to_owned(), advice, source }
    }
}

impl Server {
    /// Starts the child.
    ///
    /// # Errors
    /// When the executable cannot be run, or a folder or the file for stderr is not there.
    pub fn start(launch: &Launch) -> Result<Server, Error> {
        let tee = launch.stderr_file.as_ref().map(File::create).transpose();
        let tee = tee.map_err(|source| launch.failed(source))?;
        let started = spawner::spawn(launch.command());
        let mut child = started.map_err(|source| launch.failed(source))?;
        let input = child.stdin.take().expect("stdin was asked to be a pipe");
        let stderr = child.stderr.take().expect("stderr was asked to be a pipe");
        Ok(Server {
            input: Input::new(input),
            output: child.stdout.take(),
            stderr: Stderr::follow(stderr, tee),
            leash: Reaper::hold(child),
            cause: None,
        })
    }

    /// The process id, which is also the group's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.leash.pid()
    }

    /// The pipes to talk through; `None` after the first time.
    pub fn pipes(&mut self) -> Option<Pipes> {
        let output = self.output.take()?;
        Some(Pipes { output, input: self.input.share() })
    }

    /// Lets its writes to files fail from now on, or succeed again: a stand-in for a full disk,
    /// which needs no file system of its own. A write to a file fails with EFBIG, where a full disk
    /// says ENOSPC; pipes and sockets, and what other processes write, are not touched.
    ///
    /// # Errors
    /// `Unsupported` where the system cannot limit another process; a process that is gone.
    pub fn limit_files(&self, full: bool) -> io::Result<()> {
        limit::files(self.pid(), full)
    }

    /// How it ended, if it has. Does not wait for the end, only for the last words after one.
    pub fn ended(&mut self) -> Option<Ended> {
        let exit = self.leash.exit_now()?;
        Some(self.tell(exit, Cause::Itself))
    }

    /// How it ended by itself; `None` when it has not at the deadline.
    ///
    /// A closed stdout comes some time before the end: ask here before asking it to stop, or the
    /// end counts as asked for.
    pub fn ended_by(&mut self, deadline: Instant) -> Option<Ended> {
        let exit = self.leash.exit_by(deadline)?;
        Some(self.tell(exit, Cause::Itself))
    }

    /// Ends its stdin, waits for it to go, and kills it if it does not.
    pub fn stop(&mut self, deadline: Instant) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.input.close();
        match self.leash.exit_by(deadline) {
            Some(exit) => self.tell(exit, Cause::Asked),
            None => self.kill(),
        }
    }

    /// Asks it to end by SIGTERM, waits for it to go, and kills it if it does not.
    ///
    /// For a server that reads no stdin. It lets running turns come to their end first, and one
    /// that has not gone after `grace` is asked once more, which it takes for at once.
    pub fn terminate(&mut self, grace: Duration, deadline: Instant) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.leash.ask();
        if self.leash.exit_within(grace).is_none() {
            self.leash.ask();
        }
        match self.leash.exit_by(deadline) {
            Some(exit) => self.tell(exit, Cause::Asked),
            None => self.kill(),
        }
    }

    /// Kills its whole group.
    pub fn kill(&mut self) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.leash.kill();
        let exit = self.leash.exit_within(KILL_DEADLINE).unwrap_or(Exit::Unknown);
        self.tell(exit, Cause::Killed)
    }

    fn tell(&mut self, exit: Exit, cause: Cause) -> Ended {
        let cause = *self.cause.get_or_insert(cause);
        let said = self.stderr.said();
        Ended {
            exit,
            cause,
            stderr_tail: said.tail,
            stderr_bytes: said.bytes,
            panicked: said.panicked,
        }
    }
}

impl Drop for Server {
    /// Waits for the end too: whoever removes its folders next must be the last who touches them.
    fn drop(&mut self) {
        self.leash.kill();
        self.leash.exit_within(KILL_DEADLINE);
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exit {
            Exit::Code(code) => write!(out, "ended with code {code}")?,
            Exit::Signal(signal) => write!(out, "ended by signal {signal}")?,
            Exit::Unknown => write!(out, "ended in an unknown way")?,
        }
        match self.cause {
            Cause::Itself => write!(out, " by itself")?,
            Cause::Asked => write!(out, " when asked")?,
            Cause::Killed => write!(out, ", killed")?,
        }
        if self.panicked { write!(out, ", after a panic") } else { Ok(()) }
    }
}
