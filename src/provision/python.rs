//! Finds a Python that the SDK can run on, and runs it and its pip.
//!
//! They keep the user's environment, as pip's settings live there.

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::child::{self, Failure};
use super::client::quote;
use super::sdk_error::{NoSdk, OLDEST, Problem};
use super::{OnProgress, Progress};

/// How long a Python may take to say something of itself.
const QUERY_DEADLINE: Duration = Duration::from_secs(60);

/// How long a download or an installation may take: 8 MB of wheels, on a slow line.
const FETCH_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// How many lines of pip's report are quoted.
const LINES: usize = 3;

/// Prints what is asked of a Python: its version and its executable.
const ABOUT: &str = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.executable)";

/// How Python is called, tried in order until one is new enough.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pythons(pub Vec<Vec<String>>);

/// A release of Python, as far as packages depend on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Release {
    pub major: u32,
    pub minor: u32,
}

/// A Python that is new enough.
#[derive(Clone, Debug)]
pub(super) struct Python {
    pub(super) executable: PathBuf,
    pub(super) release: Release,
}

impl Default for Pythons {
    fn default() -> Pythons {
        let names = ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
        Pythons(names.map(|name| vec![name.to_owned()]).to_vec())
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Python {
    /// The first Python that is new enough.
    pub(super) fn find(pythons: &Pythons) -> Result<Python, NoSdk> {
        let mut old = None;
        for words in &pythons.0 {
            let Some((version, executable)) = about(words) else { continue };
            let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
            let mut next = || numbers.next().unwrap_or(0);
            let release = Release { major: next(), minor: next() };
            if (release.major, release.minor) >= OLDEST {
                return Ok(Python { executable, release });
            }
            old = old.or(Some(version));
        }
        Err(old.map_or(NoSdk::NoPython, |version| NoSdk::OldPython { version }))
    }

    /// Asks pip which releases a package has.
    pub(super) fn published(
        &self,
        package: &str,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<String, NoSdk> {
        let arguments = ["index", "versions", "--retries=1", package];
        self.pip(&arguments.map(OsStr::new), QUERY_DEADLINE, &mut || {
            on_progress(&Progress::Asking { client: super::Client::Pip })
        })
    }

    /// Lets pip fetch or install packages.
    pub(super) fn fetch(
        &self,
        arguments: &[&OsStr],
        listen: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), NoSdk> {
        self.pip(arguments, FETCH_DEADLINE, listen).map(drop)
    }

    fn pip(
        &self,
        arguments: &[&OsStr],
        deadline: Duration,
        listen: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<String, NoSdk> {
        let mut command = Command::new(&self.executable);
        command.args(["-m", "pip"]).args(arguments);
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_PROGRESS_BAR", "off");
        let ended = run(&mut command, deadline, listen)?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        if ended.stderr.contains("No module named pip") {
            return Err(NoSdk::NoPip { python: self.release.to_string() });
        }
        Err(NoSdk::Pip(Problem::of(&ended.stderr), last_lines(&ended.stderr)))
    }

    /// Makes a virtual environment in a folder, with neither pip nor packages.
    pub(super) fn environment(&self, folder: &OsStr) -> Result<(), NoSdk> {
        let mut command = Command::new(&self.executable);
        command.args(["-m", "venv", "--without-pip"]).arg(folder);
        let listen = &mut || ControlFlow::Continue(());
        let ended = run(&mut command, QUERY_DEADLINE, listen)?;
        if ended.status.success() {
            return Ok(());
        }
        let said = if ended.stderr.trim().is_empty() { &ended.stdout } else { &ended.stderr };
        Err(NoSdk::NoEnvironment { said: last_lines(said) })
    }
}

/// What a program of these words prints when it is asked for a module.
pub(super) fn printed(executable: &OsStr, code: &str) -> Result<String, String> {
    let mut command = Command::new(executable);
    command.args(["-I", "-c", code]);
    let ended = child::run(&mut command, QUERY_DEADLINE, &mut || ControlFlow::Continue(()));
    match ended {
        Ok(ended) if ended.status.success() => Ok(ended.stdout.trim().to_owned()),
        Ok(ended) => Err(last_lines(&ended.stderr)),
        Err(failure) => Err(format!("{failure:?}")),
    }
}

/// The version and the executable of a Python, if it is one.
fn about(words: &[String]) -> Option<(String, PathBuf)> {
    let (program, first) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(first).args(["-I", "-c", ABOUT]);
    let listen = &mut || ControlFlow::Continue(());
    let ended = child::run(&mut command, QUERY_DEADLINE, listen).ok()?;
    let printed = ended.status.success().then_some(ended.stdout)?;
    let (version, executable) = printed.trim().split_once(' ')?;
    Some((version.to_owned(), executable.into()))
}

fn run(
    command: &mut Command,
    deadline: Duration,
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<child::Ended, NoSdk> {
    child::run(command, deadline, listen).map_err(|failure| match failure {
        Failure::Stopped => NoSdk::Other(super::Error::Stopped),
        Failure::Overrun => {
            let said = format!("it did not end within {} s", deadline.as_secs());
            NoSdk::Pip(Problem::Unclear, said)
        }
        Failure::Start(error) if error.kind() == io::ErrorKind::NotFound => NoSdk::NoPython,
        Failure::Start(error) => NoSdk::Pip(Problem::Unclear, error.to_string()),
    })
}

fn last_lines(report: &str) -> String {
    // pip says this of itself in every listing of versions.
    let is_telling = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("WARNING: pip index is currently")
    };
    let lines: Vec<_> = report.lines().filter(is_telling).collect();
    let last = lines.len().saturating_sub(LINES);
    quote(lines[last..].iter().map(|line| line.trim_start_matches("ERROR: ")))
}
