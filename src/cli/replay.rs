//! `heirloom replay` and `heirloom judge`: one program, run anew or judged again.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::value_parser;
use itertools::Itertools;
use textwrap::{Options, fill};

use super::failure::Failure;
use super::known_flags;
use super::server_flags::{self, Ready};
use super::text::{read, refuse_existing, write_new};
use super::verdict::Runs;
use crate::campaign::token::{EXAMPLE, NoCase, Token};
use crate::drive::Worker;
use crate::judge::judge;
use crate::program::Program;
use crate::program::ops::help;
use crate::program::sdk::SdkClient;
use crate::program::text::Malformed;
use crate::report::download_progress::{DownloadProgress, Phase};
use crate::trace::Trace;
use crate::trace::text::NoTrace;

const TRACES: &str = "is not a trace; a campaign keeps one beside each case, as \
                      runs/latest/findings/ID.trace";

#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = lines())]
pub(super) struct Flags {
    /// A case file, or a token like rN-s42-c17-o12 that a campaign printed
    #[arg(value_name = "FILE|TOKEN")]
    case: String,
    /// How many times to run it, each time in fresh processes
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    #[arg(default_value_t = 1)]
    runs: u32,
    /// Keep the trace of the last run in a new file, whether it conforms or not
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    server: server_flags::ServerFlags,
    #[command(flatten)]
    known: known_flags::KnownFlags,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Judge {
    /// A trace; a campaign keeps one beside each case
    trace: PathBuf,
    #[command(flatten)]
    known: known_flags::KnownFlags,
}

/// The widest line of the help.
const WIDTH: usize = 78;

/// The lines of a case file, and what each does.
fn lines() -> String {
    let rows = help().into_iter().flat_map(|(line, does)| {
        let line = fill(&line, Options::new(WIDTH).initial_indent("  ").subsequent_indent("    "));
        let does =
            fill(does, Options::new(WIDTH).initial_indent("      ").subsequent_indent("      "));
        [line, does]
    });
    std::iter::once("The lines of a case file:".to_owned()).chain(rows).join("\n")
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    flags.trace.iter().try_for_each(|file| refuse_existing(file, "--trace"))?;
    let program = program_of(&flags.case, flags.server.client()?)?;
    let program = flags.server.features.applied(program);
    let known = flags.known.list()?;
    let Ready { test_bed, subject, stop, leases: _held } = flags.server.ready_for(&program)?;
    let mut worker = Worker::new(test_bed);
    let mut runs = Vec::new();
    let mut progress = DownloadProgress::new(flags.runs == 1);
    for run in 1..=flags.runs {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("run {run} of {}", flags.runs);
        progress.show(&Phase { name, bytes: None, total: None });
        let trace = worker.run_fresh(&program);
        let verdict = judge(&trace);
        runs.push((trace, verdict));
    }
    progress.end();
    if let Some((file, (trace, _))) = flags.trace.as_ref().zip(runs.last()) {
        write_new(file, &trace.to_string())?;
    }
    let interrupted = runs.len() < flags.runs as usize;
    Runs { known: &known, release: subject.version, runs, interrupted }.report()
}

pub(super) fn judge_again(flags: &Judge) -> Result<u8, Failure> {
    let known = flags.known.list()?;
    let text = read(&flags.trace)?;
    let no_trace = |error: NoTrace| match other_form(&text) {
        Some(problem) => Failure::Usage(format!("{} {problem}", flags.trace.display())),
        None => about(&flags.trace, &error),
    };
    let trace: Trace = text.parse().map_err(no_trace)?;
    let verdict = judge(&trace);
    let release = trace.server.clone();
    Runs { known: &known, release, runs: vec![(trace, verdict)], interrupted: false }.report()
}

/// What a text is that does not even begin like a trace, and where traces are.
fn other_form(text: &str) -> Option<&'static str> {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("# heirloom case") {
        Some("is a case and not a trace; `heirloom replay` runs it")
    } else if first.starts_with("{\"schema\":") {
        None
    } else {
        Some(TRACES)
    }
}

/// The program that a file or a token gives.
pub(super) fn program(case: &str) -> Result<Program, Failure> {
    program_of(case, None)
}

/// The program that a file gives, or a token for this client of the SDK.
fn program_of(case: &str, client: Option<SdkClient>) -> Result<Program, Failure> {
    let path = Path::new(case);
    if path.exists() {
        return file(path);
    }
    match case.parse::<Token>().and_then(|token| token.case_of(client)) {
        Ok(program) => Ok(program),
        Err(NoCase::Form(_)) => Err(Failure::Usage(format!(
            "`{case}` is neither a file nor a token; expected a case file, or a token like \
             {EXAMPLE} that a campaign printed"
        ))),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// The program in a case file.
pub(super) fn file(path: &Path) -> Result<Program, Failure> {
    let text = read(path)?;
    if text.starts_with("{\"schema\":\"heirloom trace") {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} is a trace; `heirloom judge {path}` judges it"
        )));
    }
    text.parse().map_err(|error: Malformed| about(path, &error))
}

fn about(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Usage(format!("cannot read {}: {error}", path.display()))
}
