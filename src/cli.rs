//! Arguments to configuration, outcome to exit code.
//!
//! Alone reads arguments and the environment. Each command is a small file that makes a
//! configuration, hands it to a room and has the answer reported. What a person did wrong ends in
//! one line that says what to do instead, and nothing panics over it.

use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

mod bisect;
mod check;
mod clauses;
mod known_flags;
mod known;
mod matrix;
mod verdict;
mod replay;
mod servers;
mod shrink;
mod stop;
mod server_flags;
mod matrix_flags;

use crate::report::stdout::Out;

/// Finds threads of `codex app-server` whose policy is not what it must be.
///
/// Runs random sequences of operations against the real server, with only the model replaced, and
/// compares every thread's approval policy, reviewer and sandbox with what a reference model says.
/// What differs is shrunk to the shortest program that shows it.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What follows the list of commands.
const AFTER: &str = "\
Without a command: `heirloom check`, a campaign of two minutes against the pinned server.

Exit codes: 0 conforms, 1 new finding, 2 wrong usage, 3 trouble of the suite itself,
4 a known deviation is stale, 5 nothing ran.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a campaign: random cases until the budget is spent
    Check(check::Flags),
    /// Run one case, from a file or from the token that a campaign prints
    Replay(replay::Flags),
    /// Judge a stored trace again, without a server
    Judge(replay::Judge),
    /// Shrink a case that came from elsewhere
    Shrink(shrink::Flags),
    /// Run the same cases on several releases: a table of clause and release
    Matrix(matrix::Flags),
    /// Tell what changes for a client from one release to another
    Diff(matrix::Diff),
    /// Find the first release at which a case shows something else
    Bisect(bisect::Flags),
    /// Keep up the list of known deviations
    Known(known::Flags),
    /// List, fetch, locate or free servers
    Servers(servers::Flags),
    /// Print the contract, or one clause of it with what runs say of it
    Clauses(clauses::Flags),
}

/// Why a command did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The person asked for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// Something went wrong here.
    #[error("{0}")]
    Trouble(String),
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Trouble(_) => 3,
        }
    }

    /// A person's mistake, told by an error.
    fn usage(error: impl ToString) -> Failure {
        Failure::Usage(error.to_string())
    }

    /// Trouble, told by an error.
    fn trouble(error: impl ToString) -> Failure {
        Failure::Trouble(error.to_string())
    }
}

/// Does what the arguments say; gives the exit code.
///
/// # Errors
/// When it could not be done, in one line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<u8, Failure> {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error, &command(&words)),
    };
    match arguments.command {
        None => check::run(&check::Flags::none()?),
        Some(Command::Check(flags)) => check::run(&flags),
        Some(Command::Replay(flags)) => replay::run(&flags),
        Some(Command::Judge(flags)) => replay::judge_again(&flags),
        Some(Command::Shrink(flags)) => shrink::run(&flags),
        Some(Command::Matrix(flags)) => matrix::run(&flags),
        Some(Command::Diff(flags)) => matrix::diff(&flags),
        Some(Command::Bisect(flags)) => bisect::run(&flags),
        Some(Command::Known(flags)) => known::run(&flags),
        Some(Command::Servers(flags)) => servers::run(&flags),
        Some(Command::Clauses(flags)) => clauses::run(&flags),
    }
}

/// The command that the arguments begin with, as `heirloom servers prune`.
fn command(arguments: &[OsString]) -> String {
    let mut here = Arguments::command();
    let mut name = here.get_name().to_owned();
    for word in arguments.iter().skip(1) {
        let Some(found) = here.find_subcommand(word).cloned() else { break };
        name = format!("{name} {}", found.get_name());
        here = found;
    }
    name
}

/// Help and version are printed as they are; a mistake in a command becomes one line.
fn refused(error: &clap::Error, command: &str) -> Result<u8, Failure> {
    let helps = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    if helps.contains(&error.kind()) {
        return said(&error.to_string());
    }
    let text = error.to_string();
    let text = text.split("\nUsage:").next().unwrap_or_default();
    let text = text.split("\nFor more information").next().unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join("; ").replace(":; ", ": ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    Err(Failure::Usage(format!("{line}; `{command} --help` says more")))
}

/// Prints a text, and is done.
fn said(text: &str) -> Result<u8, Failure> {
    print(text)?;
    Ok(0)
}

fn print(text: &str) -> Result<(), Failure> {
    let said = Out::stdout().say(text);
    said.map_err(|error| Failure::Trouble(format!("cannot write to standard output: {error}")))
}

/// Reads a file that a person named.
fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is no text".to_owned()))
}
