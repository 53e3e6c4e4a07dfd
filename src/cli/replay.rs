//! `heirloom replay` and `heirloom judge`: one program, run anew or judged again.
//!
//! A case comes from a file or from a token. Each run has processes of its own.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::check::runs;
use super::server_flags::{self, Ready};
use super::verdict::Proof;
use super::{Failure, known_flags, read};
use crate::campaign::token::{EXAMPLE, NoCase, Token};
use crate::drive::Worker;
use crate::judge::judge;
use crate::program::Program;
use crate::program::text::Malformed;
use crate::trace::Trace;
use crate::trace::text::NoTrace;

/// What is said of a case where a trace is wanted.
const CASE: &str = "is a case and no trace; `heirloom replay` runs it";

/// What is said of anything else that is no trace.
const TRACES: &str = "is no trace; a campaign keeps one beside each case, as \
                      runs/latest/findings/ID.trace";

/// The flags of `heirloom replay`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// A case file, or a token like rN-s42-c17-o12 as a campaign prints it
    #[arg(value_name = "FILE|TOKEN")]
    case: String,
    /// How many times it is run
    #[arg(long, value_name = "N", value_parser = runs, default_value = "1")]
    runs: NonZeroU32,
    #[command(flatten)]
    subject: server_flags::ServerFlags,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
}

/// The flags of `heirloom judge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Judge {
    /// A trace, as a campaign keeps it beside each case
    trace: PathBuf,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
}

/// Runs one case.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let program = program(&flags.case)?;
    let known = flags.excuses.list()?;
    let Ready { test_bed, subject, stop, leases: _held } = flags.subject.ready_for(&program)?;
    let mut worker = Worker::new(test_bed);
    let mut runs = Vec::new();
    for _ in 0..flags.runs.get() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let trace = worker.run_fresh(&program);
        let verdict = judge(&trace);
        runs.push((trace, verdict));
    }
    Proof { known: &known, release: subject.version, runs }.tell()
}

/// Judges a stored trace.
pub(super) fn judge_again(flags: &Judge) -> Result<u8, Failure> {
    let known = flags.excuses.list()?;
    let text = read(&flags.trace)?;
    let no_trace = |error: NoTrace| match stray(&text) {
        Some(problem) => Failure::Usage(format!("{} {problem}", flags.trace.display())),
        None => about(&flags.trace, &error),
    };
    let trace: Trace = text.parse().map_err(no_trace)?;
    let verdict = judge(&trace);
    let release = trace.server.clone();
    Proof { known: &known, release, runs: vec![(trace, verdict)] }.tell()
}

/// What a text is that is no trace at all, and where traces are.
fn stray(text: &str) -> Option<&'static str> {
    let first = text.lines().next().unwrap_or_default();
    match () {
        () if first.starts_with("# heirloom case") => Some(CASE),
        () if !first.starts_with("{\"schema\":") => Some(TRACES),
        () => None,
    }
}

/// The program that a file or a token gives.
pub(super) fn program(case: &str) -> Result<Program, Failure> {
    let path = Path::new(case);
    if path.exists() {
        return file(path);
    }
    match case.parse::<Token>().and_then(Token::case) {
        Ok(program) => Ok(program),
        Err(NoCase::Form(_)) => Err(Failure::Usage(format!(
            "`{case}` is neither a file nor a token; expected a case file, or a token like \
             {EXAMPLE} as a campaign prints it"
        ))),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// The program in a case file.
pub(super) fn file(path: &Path) -> Result<Program, Failure> {
    let text = read(path)?;
    text.parse().map_err(|error: Malformed| about(path, &error))
}

fn about(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Usage(format!("cannot read {}: {error}", path.display()))
}
