//! Calls a package client.
//!
//! It keeps the environment of the person who calls, since their settings live there; only its
//! temporary files go where they are removed with the rest. Says why a client brought nothing.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::provision::child::{self, Ended, Failure};
use crate::provision::{Progress, Tell, tree};

/// How long a question may take: without a network npm takes 10 s to say so, with slow names more.
const QUERY_DEADLINE: Duration = Duration::from_secs(60);

/// How long a download may take: 170 MB take 11 minutes over 2 Mbit/s.
pub(super) const FETCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What a shell answers when it finds no such program; a launcher of Python versions does too.
const NOT_FOUND: i32 = 127;

/// The longest line that is quoted: pip lists every version that it has in one.
const QUOTED: usize = 160;

/// Why a client brought nothing.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not here.
    Absent,
    /// It says that there is no such version, and this.
    Unknown(String),
    /// It failed and said this.
    Failed(String),
    /// The listener broke off.
    Stopped,
}

/// One question to a client.
pub(super) struct Query<'a> {
    pub(super) commands: &'a [Vec<String>],
    pub(super) arguments: &'a [&'a str],
    pub(super) progress: Progress,
}

/// One download by a client into a directory that is ours.
pub(super) struct Download<'a> {
    pub(super) commands: &'a [Vec<String>],
    pub(super) arguments: Vec<OsString>,
    /// It has the directories `out` for the package and `tmp` for what is temporary.
    pub(super) room: &'a Path,
    /// How the name of a package ends.
    pub(super) extension: &'a str,
    pub(super) progress: &'a dyn Fn(u64) -> Progress,
}

impl Query<'_> {
    /// Asks, and returns what was said on stdout.
    pub(super) fn ask(&self, tell: &mut Tell<'_>) -> Result<String, Refusal> {
        let prepare = |command: &mut Command| {
            command.args(self.arguments);
        };
        let listen = &mut || tell(&self.progress);
        call(self.commands, &prepare, QUERY_DEADLINE, listen).map(|ended| ended.stdout)
    }
}

impl Download<'_> {
    /// Downloads, telling how much has arrived, and returns the package.
    pub(super) fn fetch(&self, tell: &mut Tell<'_>) -> Result<PathBuf, Refusal> {
        let prepare = |command: &mut Command| {
            command.args(&self.arguments).env("TMPDIR", self.room.join("tmp"));
        };
        call(self.commands, &prepare, FETCH_DEADLINE, &mut || {
            tell(&(self.progress)(arrived(self.room)))
        })?;
        self.package()
    }

    /// The one file that the client left.
    fn package(&self) -> Result<PathBuf, Refusal> {
        let entries = self.room.join("out").read_dir().into_iter().flatten().flatten();
        let extension = Some(self.extension.as_ref());
        let mut found: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_file() && path.extension() == extension)
            .collect();
        match (found.pop(), found.len()) {
            (Some(package), 0) => Ok(package),
            _ => Err(Refusal::Failed(format!("it left not one .{} file", self.extension))),
        }
    }
}

/// How much of a package lies in the room: the fullest of its directories, since a client moves or
/// copies the whole from one to the next.
fn arrived(room: &Path) -> u64 {
    let directories = room.read_dir().into_iter().flatten().flatten();
    directories.map(|directory| tree::bytes(&directory.path())).max().unwrap_or(0)
}

/// Runs the first of the commands that is here.
fn call(
    commands: &[Vec<String>],
    prepare: &dyn Fn(&mut Command),
    deadline: Duration,
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Ended, Refusal> {
    if listen().is_break() {
        return Err(Refusal::Stopped);
    }
    for words in commands {
        let [program, first @ ..] = words.as_slice() else {
            continue;
        };
        let mut command = Command::new(program);
        prepare(command.args(first));
        match child::run(&mut command, deadline, listen) {
            Ok(ended) if ended.status.code() == Some(NOT_FOUND) => {}
            Ok(ended) if ended.status.success() => return Ok(ended),
            Ok(ended) => return Err(Refusal::Failed(ended.stderr)),
            Err(Failure::Start(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(Failure::Start(error)) => return Err(Refusal::Failed(error.to_string())),
            Err(Failure::Overrun) => {
                let seconds = deadline.as_secs();
                return Err(Refusal::Failed(format!("it did not end within {seconds} s")));
            }
            Err(Failure::Stopped) => return Err(Refusal::Stopped),
        }
    }
    Err(Refusal::Absent)
}

/// A few lines as one, each cut where it gets long.
pub(super) fn quote<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let cut = |line: &'a str| match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    let quoted: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).map(cut).collect();
    if quoted.is_empty() { "it failed and did not say why".to_owned() } else { quoted.join(" / ") }
}
