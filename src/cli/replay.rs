//! [shell] `heirloom replay` and `heirloom judge`: one program, run anew or judged again.
//!
//! A case comes from a file or from a token. Each run has processes of its own.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::check::runs;
use super::proof::Proof;
use super::subject::{self, Ready};
use super::{Failure, excuses, read};
use crate::campaign::token::{EXAMPLE, NoCase, Token};
use crate::drive::Worker;
use crate::judge::judge;
use crate::plan::Plan;
use crate::plan::text::Malformed;
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
    subject: subject::ServerFlags,
    #[command(flatten)]
    excuses: excuses::KnownFlags,
}

/// The flags of `heirloom judge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Judge {
    /// A trace, as a campaign keeps it beside each case
    trace: PathBuf,
    #[command(flatten)]
    excuses: excuses::KnownFlags,
}

/// Runs one case.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let plan = plan(&flags.case)?;
    let known = flags.excuses.list()?;
    let Ready { bench, subject, stop, leases: _held } = flags.subject.ready_for(&plan)?;
    let mut worker = Worker::new(bench);
    let mut runs = Vec::new();
    for _ in 0..flags.runs.get() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let trace = worker.run_fresh(&plan);
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
pub(super) fn plan(case: &str) -> Result<Plan, Failure> {
    let path = Path::new(case);
    if path.exists() {
        return file(path);
    }
    match case.parse::<Token>().and_then(Token::case) {
        Ok(case) => Ok(Plan::from(&case)),
        Err(NoCase::Form(_)) => Err(Failure::Usage(format!(
            "`{case}` is neither a file nor a token; expected a case file, or a token like \
             {EXAMPLE} as a campaign prints it"
        ))),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// The program in a case file.
pub(super) fn file(path: &Path) -> Result<Plan, Failure> {
    let text = read(path)?;
    text.parse().map_err(|error: Malformed| about(path, &error))
}

fn about(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Usage(format!("cannot read {}: {error}", path.display()))
}
