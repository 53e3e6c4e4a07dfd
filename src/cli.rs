//! The command line: arguments to a configuration, outcome to an exit code.
//!
//! The only room that reads arguments, and the environment but for HEIRLOOM_CACHE. A mistake in a
//! command ends in one line that says how to mend it.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

mod bisect;
mod check;
mod earlier_run;
mod clauses;
mod clients;
mod export;
pub mod failure;
mod known_flags;
mod known;
mod man;
mod matrix;
mod merge;
#[cfg(feature = "power")]
mod power;
mod verdict;
mod replay;
mod servers;
mod shrink;
mod stop;
mod text;
mod server_flags;
mod matrix_flags;

use self::check::EXIT_CODES;
use self::failure::Failure;
use self::text::done;

/// Finds threads of `codex app-server` that run with the wrong policy.
///
/// Runs random sequences of operations against the real server, with only the model replaced, and
/// compares every thread's approval policy, reviewer and sandbox with a reference model. Each
/// difference is shrunk to the shortest program that shows it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 78)]
#[command(after_help = format!("{DEFAULT}\n\n{EXIT_CODES}"))]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const DEFAULT: &str = "\
Without a command: `heirloom check`, a campaign of two minutes
against the pinned server.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a campaign: random cases until the time or number given is reached
    Check(check::Flags),
    /// Run one case, from a file or from a token that a campaign printed
    Replay(replay::Flags),
    /// Judge a stored trace again, without a server
    Judge(replay::Judge),
    /// Shrink a case to the shortest program that shows the same finding
    Shrink(shrink::Flags),
    /// Write a finding as a script, a test or a report that needs no heirloom
    Export(export::Flags),
    /// Make one result of the shards of a campaign
    Merge(merge::Flags),
    /// Compare releases: run the same cases on each and print a table
    Matrix(matrix::Flags),
    /// Show what an upgrade from one release to another changes
    Diff(matrix::Diff),
    /// Find the release at which the result of a case changes
    Bisect(bisect::Flags),
    /// Update the list of known deviations
    Known(known::Flags),
    /// List, fetch, locate or remove servers
    Servers(servers::Flags),
    /// List or fetch releases of the Python SDK, which `--client` runs
    Clients(clients::Flags),
    /// Print the contract, or one clause and what runs say of it
    Clauses(clauses::Flags),
    /// Print a script that completes the commands and flags in a shell
    ///
    /// For bash:
    /// `heirloom completions bash >~/.local/share/bash-completion/completions/heirloom`
    Completions(man::Completions),
    /// Print the manual, or write its pages to a folder
    ///
    /// `heirloom man | man -l -` shows it.
    Man(man::Flags),
    /// Plant faults in a server, and measure which of them campaigns find
    #[cfg(feature = "power")]
    Power(power::Flags),
    #[cfg(feature = "power")]
    #[command(hide = true)]
    StandIn(power::StandIn),
}

/// Runs a command; gives the exit code.
///
/// # Errors
/// In one line, when it failed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<u8, Failure> {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return not_parsed(&error, &command(&words)),
    };
    match arguments.command {
        None => run(["heirloom", "check"].map(OsString::from)),
        Some(Command::Check(flags)) => check::run(&flags),
        Some(Command::Replay(flags)) => replay::run(&flags),
        Some(Command::Judge(flags)) => replay::judge_again(&flags),
        Some(Command::Shrink(flags)) => shrink::run(&flags),
        Some(Command::Export(flags)) => export::run(&flags),
        Some(Command::Merge(flags)) => merge::run(&flags),
        Some(Command::Matrix(flags)) => matrix::run(&flags),
        Some(Command::Diff(flags)) => matrix::diff(&flags),
        Some(Command::Bisect(flags)) => bisect::run(&flags),
        Some(Command::Known(flags)) => known::run(&flags),
        Some(Command::Servers(flags)) => servers::run(&flags),
        Some(Command::Clients(flags)) => clients::run(&flags),
        Some(Command::Clauses(flags)) => clauses::run(&flags),
        Some(Command::Completions(flags)) => man::complete(&flags, Arguments::command()),
        Some(Command::Man(flags)) => man::run(&flags, Arguments::command()),
        #[cfg(feature = "power")]
        Some(Command::Power(flags)) => power::run(&flags),
        #[cfg(feature = "power")]
        Some(Command::StandIn(flags)) => power::stand_in(&flags),
    }
}

/// The command at the beginning of the arguments, as `heirloom servers prune`.
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

/// Help and version are printed; a mistake in a command becomes one line.
fn not_parsed(error: &clap::Error, command: &str) -> Result<u8, Failure> {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return done(&text),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let problem = format!("`{command}` needs a command; `{command} --help` lists them");
            return Err(Failure::Usage(problem));
        }
        _ => {}
    }
    let text = text.split("\nUsage:").next().unwrap_or_default();
    let text = text.split("\nFor more information").next().unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join("; ").replace(":; ", ": ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let line = line.replace("invalid digit found in string", "expected a whole number");
    Err(Failure::Usage(format!("{line}; see `{command} --help`")))
}
