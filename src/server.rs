//! One child process, such as `codex app-server`: its process group, its pipes, and how it ended.
//!
//! The child gets a clean environment and a process group of its own. Whatever is left of the group
//! is killed when the child ends, and on Linux the child is killed when this process ends, however
//! that happens. The folders of a [`Launch`] must exist.

pub mod exit;
pub mod input;
mod limit;
mod reaper;
mod spawner;
mod stderr;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, io};
use stderr::{Finished, Stderr};

use exit::Exit;
use input::Input;
use reaper::Reaper;

/// The time a graceful stop may take: releases 0.156 to 0.163 need 5 s, and a loaded machine three
/// times that.
pub const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// The time a killed process may take to end: only one stuck inside the kernel takes longer.
pub const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// Where a server finds programs: the standard folders, never the user's own.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// A program to start, and its folders.
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
    /// `HOME`, where nothing of the user's lies.
    pub scratch: PathBuf,
    /// `TMPDIR`.
    pub temp: PathBuf,
    /// The working directory.
    pub directory: PathBuf,
    /// Where it searches for programs before the standard folders.
    pub programs: Option<PathBuf>,
    /// `SSL_CERT_FILE`: the certificate authorities to trust; the system's if there is none.
    pub certificates: Option<PathBuf>,
    /// Where to keep the start of its stderr, if anywhere.
    pub stderr_file: Option<PathBuf>,
}

/// A running child, or one that has ended. Dropping it kills what still runs.
#[derive(Debug)]
pub struct Server {
    reaper: Reaper,
    input: Input,
    output: Option<ChildStdout>,
    stderr: Stderr,
    cause: Option<Cause>,
}

/// The two ends a client talks through.
#[derive(Debug)]
pub struct Pipes {
    /// The child's stdout.
    pub output: ChildStdout,
    /// The child's stdin.
    pub input: Input,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit status.
    pub exit: Exit,
    /// Why it ended.
    pub cause: Cause,
    /// The end of its stderr, at most 64 KiB.
    pub stderr_tail: String,
    /// How many bytes it wrote to stderr in all.
    pub stderr_bytes: u64,
    /// Whether stderr reported a Rust panic at any time.
    pub panicked: bool,
}

/// Why a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Cause {
    /// It ended without being asked to.
    #[strum(to_string = " by itself")]
    Itself,
    /// Its stdin was closed, or it got SIGTERM.
    #[strum(to_string = " when asked")]
    Asked,
    /// It got SIGKILL, at once or since it did not end when asked.
    #[strum(to_string = ", killed")]
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
    /// An app-server that has `folder` for each of its folders, until the fields say otherwise.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>, folder: &Path) -> Launch {
        Launch {
            executable: executable.into(),
            arguments: vec!["app-server".to_owned()],
            home: folder.to_owned(),
            scratch: folder.to_owned(),
            temp: folder.to_owned(),
            directory: folder.to_owned(),
            programs: None,
            certificates: None,
            stderr_file: None,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).current_dir(&self.directory).env_clear();
        command.envs(self.variables());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Its whole environment, as text.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |value: OsString| value.to_string_lossy().into_owned();
        self.variables().into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut all: Vec<(&'static str, OsString)> = vec![
            ("PATH", self.search_path()),
            ("LANG", "C.UTF-8".into()),
            ("RUST_LOG", "warn".into()),
            ("HOME", self.scratch.clone().into()),
            ("CODEX_HOME", self.home.clone().into()),
            ("TMPDIR", self.temp.clone().into()),
            ("CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG", "1".into()),
        ];
        all.extend(self.certificates.iter().map(|file| ("SSL_CERT_FILE", file.clone().into())));
        all
    }

    fn search_path(&self) -> OsString {
        let mut path = OsString::new();
        if let Some(folder) = &self.programs {
            path.push(folder);
            path.push(":");
        }
        path.push(PATH);
        path
    }

    fn error(&self, source: io::Error) -> Error {
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
        let tee = tee.map_err(|source| launch.error(source))?;
        let started = spawner::spawn(launch.command());
        let mut child = started.map_err(|source| launch.error(source))?;
        let input = child.stdin.take().expect("stdin was asked to be a pipe");
        let stderr = child.stderr.take().expect("stderr was asked to be a pipe");
        Ok(Server {
            input: Input::new(input),
            output: child.stdout.take(),
            stderr: Stderr::follow(stderr, tee),
            reaper: Reaper::new(child),
            cause: None,
        })
    }

    /// The process id, which is also the id of the group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.reaper.pid()
    }

    /// The pipes to talk through; `None` from the second call on.
    pub fn pipes(&mut self) -> Option<Pipes> {
        let output = self.output.take()?;
        Some(Pipes { output, input: self.input.share() })
    }

    /// Lets its writes to files fail from now on, or succeed again. This simulates a full disk
    /// without a file system of its own: a write fails with EFBIG, where a full disk gives ENOSPC.
    /// Pipes, sockets and other processes are not affected.
    ///
    /// # Errors
    /// `Unsupported` where the system cannot limit another process; a process that is gone.
    pub fn limit_files(&self, full: bool) -> io::Result<()> {
        limit::files(self.pid(), full)
    }

    /// How it ended, if it has. Does not wait for the end, only for the rest of its stderr.
    pub fn ended(&mut self) -> Option<Ended> {
        let exit = self.reaper.exit_now()?;
        Some(self.report(exit, Cause::Itself))
    }

    /// Waits for it to end by itself; `None` at the deadline.
    ///
    /// Stdout closes some time before the process ends. Call this before [`Server::stop`], or the
    /// end counts as asked for.
    pub fn ended_by(&mut self, deadline: Instant) -> Option<Ended> {
        let exit = self.reaper.exit_by(deadline)?;
        Some(self.report(exit, Cause::Itself))
    }

    /// Closes its stdin, waits for it to end, and kills it at the deadline.
    pub fn stop(&mut self, deadline: Instant) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.input.close();
        match self.reaper.exit_by(deadline) {
            Some(exit) => self.report(exit, Cause::Asked),
            None => self.kill(),
        }
    }

    /// Sends SIGTERM, waits for it to end, and kills it at the deadline.
    ///
    /// For a server that does not read stdin. It lets running turns finish first. If it has not
    /// exited after `grace`, a second SIGTERM forces an immediate exit.
    pub fn terminate(&mut self, grace: Duration, deadline: Instant) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.reaper.terminate();
        if self.reaper.exit_within(grace).is_none() {
            self.reaper.terminate();
        }
        match self.reaper.exit_by(deadline) {
            Some(exit) => self.report(exit, Cause::Asked),
            None => self.kill(),
        }
    }

    /// Kills its whole group.
    pub fn kill(&mut self) -> Ended {
        if let Some(ended) = self.ended() {
            return ended;
        }
        self.reaper.kill();
        let exit = self.reaper.exit_within(KILL_DEADLINE).unwrap_or(Exit::Unknown);
        self.report(exit, Cause::Killed)
    }

    /// The first cause stays: a child that was asked to end has not ended by itself.
    fn report(&mut self, exit: Exit, cause: Cause) -> Ended {
        let cause = *self.cause.get_or_insert(cause);
        let Finished { tail, bytes, panicked } = self.stderr.finish();
        Ended { exit, cause, stderr_tail: tail, stderr_bytes: bytes, panicked }
    }
}

impl Drop for Server {
    /// Waits for the end too: the folders may be removed next, and nothing may write to them then.
    fn drop(&mut self) {
        self.reaper.kill();
        self.reaper.exit_within(KILL_DEADLINE);
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panic = if self.panicked { ", after a panic" } else { "" };
        write!(out, "{}{}{panic}", self.exit, self.cause)
    }
}
