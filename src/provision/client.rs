//! Runs npm or pip.
//!
//! They keep the user's environment, since the user's settings live there; only their temporary
//! files go to a folder that is removed with the rest.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::provision::cache::size_of_tree;
use crate::provision::child::{self, Ended, Failure};
use crate::provision::package::Request;
use crate::provision::{Client, Clients, OnProgress, Progress};

/// How long a question may take: without a network npm takes 10 s to say so, with slow names more.
const QUERY_DEADLINE: Duration = Duration::from_secs(60);

/// How long a download may take: 170 MB take 11 minutes over 2 Mbit/s.
const FETCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What a shell answers when it finds no such program; a launcher of Python versions does too.
const NOT_FOUND: i32 = 127;

/// The longest line that is quoted: pip lists every version that it has in one.
const QUOTE_LENGTH_MAX: usize = 160;

/// Why a client brought nothing.
#[derive(Debug, strum::Display)]
pub(super) enum Refusal {
    #[strum(to_string = "not found")]
    Absent,
    /// It has no such version; its own words.
    #[strum(to_string = "{0}")]
    Unknown(String),
    #[strum(to_string = "{0}")]
    Failed(String),
    #[strum(to_string = "stopped")]
    Stopped,
}

/// A download into the scratch folder, which has the folders `out` for the package and `tmp` for
/// temporary files.
pub(super) struct Download<'a> {
    pub(super) client: Client,
    pub(super) arguments: Vec<OsString>,
    /// How the name of a package ends.
    pub(super) extension: &'a str,
    /// The size of the package, where it is known beforehand.
    pub(super) total: Option<u64>,
}

/// Asks a client a question, and returns what it printed on stdout.
pub(super) fn ask(
    client: Client,
    clients: &Clients,
    arguments: &[&str],
    on_progress: &mut OnProgress<'_>,
) -> Result<String, Refusal> {
    let prepare = |command: &mut Command| {
        command.args(arguments);
    };
    let listen = &mut || on_progress(&Progress::Asking { client });
    let ended = run_first_found(clients.commands(client), &prepare, QUERY_DEADLINE, listen)?;
    Ok(ended.stdout)
}

impl Download<'_> {
    /// Downloads, and returns the path of the package.
    pub(super) fn run(
        &self,
        request: &Request<'_>,
        scratch: &Path,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<PathBuf, Refusal> {
        let prepare = |command: &mut Command| {
            command.args(&self.arguments).env("TMPDIR", scratch.join("tmp"));
        };
        let listen = &mut || on_progress(&self.progress(request, scratch));
        let commands = request.clients.commands(self.client);
        run_first_found(commands, &prepare, FETCH_DEADLINE, listen)?;
        self.package(scratch)
    }

    fn progress(&self, request: &Request<'_>, scratch: &Path) -> Progress {
        let Download { client, total, .. } = *self;
        let arrived = arrived(scratch);
        // npm's cache keeps a little more than the package.
        let bytes = total.map_or(arrived, |total| arrived.min(total));
        Progress::Fetching { client, version: request.version.clone(), bytes, total }
    }

    /// The one file that the client left.
    fn package(&self, scratch: &Path) -> Result<PathBuf, Refusal> {
        let entries = scratch.join("out").read_dir().into_iter().flatten().flatten();
        let extension = Some(self.extension.as_ref());
        let mut found: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_file() && path.extension() == extension)
            .collect();
        match (found.pop(), found.len()) {
            (Some(package), 0) => Ok(package),
            _ => Err(Refusal::Failed(format!(
                "it did not leave exactly one .{} file",
                self.extension
            ))),
        }
    }
}

/// How much of a package has arrived: the size of the fullest folder, since a client moves or
/// copies the whole from one to the next.
fn arrived(scratch: &Path) -> u64 {
    let folders = scratch.read_dir().into_iter().flatten().flatten();
    folders.map(|folder| size_of_tree(&folder.path())).max().unwrap_or(0)
}

fn run_first_found(
    commands: &[Vec<String>],
    prepare: &dyn Fn(&mut Command),
    deadline: Duration,
    listen: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Ended, Refusal> {
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
    let cut = |line: &'a str| match line.char_indices().nth(QUOTE_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    let quoted: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).map(cut).collect();
    if quoted.is_empty() { "it failed and did not say why".to_owned() } else { quoted.join(" / ") }
}
