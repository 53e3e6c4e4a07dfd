//! `heirloom shrink`: the shortest program for a case that came from elsewhere.
//!
//! The case is run until it shows something; the search keeps the signature that is named, else the
//! first that is not known, widened ones before others. Writes beside the file, and never over one.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::replay::file;
use super::server_flags::{self, Ready};
use super::verdict::Proof;
use super::{Failure, known_flags};
use crate::campaign::confirm::Confirmation;
use crate::campaign::{CONFIRMATIONS, Event, FindingReport};
use crate::drive::Worker;
use crate::judge::record::FindingRecord;
use crate::judge::signature::Signature;
use crate::judge::{Finding, judge};
use crate::known::Known;
use crate::program::Program;
use crate::report::finding::FindingText;
use crate::report::words;

/// What follows the flags.
const AFTER: &str = "\
Exit codes: 1 the case shows a finding that is not known, 0 it shows none, 2 wrong usage,
3 trouble of the suite itself.";

/// The flags of `heirloom shrink`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Flags {
    /// The case
    file: PathBuf,
    /// The finding to keep, such as R4/AP/resume/never/config [default: the first one that is not
    /// known]
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<Signature>,
    /// Where the smaller case is written [default: FILE with `.small.case` as its ending]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    subject: server_flags::ServerFlags,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
}

/// Shrinks a case.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let program = file(&flags.file)?;
    let out = flags.out.clone().unwrap_or_else(|| flags.file.with_extension("small.case"));
    if out.exists() {
        let problem = format!("cannot write {}: it is there already", out.display());
        return Err(Failure::Usage(format!("{problem}; name another with --out")));
    }
    let known = flags.excuses.list()?;
    let Ready { test_bed, subject, stop, leases: _held } = flags.subject.ready_for(&program)?;
    let mut worker = Worker::new(test_bed);
    let release = subject.version;
    let wanted = setting(flags, &known);
    let Some(found) = first(&mut worker, &program, &wanted) else {
        eprintln!("nothing to shrink: {} shows no such finding", flags.file.display());
        let trace = worker.run_fresh(&program);
        let verdict = judge(&trace);
        drop(wanted);
        return Proof { known: &known, release, runs: vec![(trace, verdict)] }.tell();
    };
    let signature = found.finding.signature();
    let mut on_event = |event| {
        if let Event::Shrinking { runs, lines, .. } = event {
            eprintln!("{signature}: {lines} lines after {runs} runs");
        }
    };
    let mut confirmation = Confirmation {
        worker: &mut worker,
        confirmations: CONFIRMATIONS,
        probes: true,
        known: &known,
        program: None,
        stop: &stop,
        on_event: &mut on_event,
    };
    let told = confirmation.confirm(found);
    write(&out, &told)?;
    eprintln!("{signature}: {} lines, written to {}", told.steps, out.display());
    let runs = vec![(told.trace.clone(), judge(&told.trace))];
    drop(wanted);
    Proof { known: &known, release, runs }.tell()
}

/// Which finding is wanted.
fn setting<'a>(flags: &'a Flags, known: &'a Known) -> impl Fn(&Finding) -> bool + 'a {
    move |finding| match &flags.signature {
        Some(wanted) => finding.signature() == *wanted,
        None => known.excuses(finding).is_none(),
    }
}

/// A run that shows a finding that is wanted, one that allows more before others.
fn first(
    worker: &mut Worker,
    program: &Program,
    wanted: &impl Fn(&Finding) -> bool,
) -> Option<FindingReport> {
    (0..CONFIRMATIONS).find_map(|_| {
        let trace = worker.run_fresh(program);
        let found = judge(&trace).findings.into_iter().filter(wanted);
        let finding = found.min_by_key(|finding| !finding.widened)?;
        Some(FindingReport::new(finding, trace))
    })
}

/// Writes the case with what explains it in comments.
fn write(out: &Path, told: &FindingReport) -> Result<(), Failure> {
    let FindingReport { record, trace, .. } = told;
    let FindingRecord { finding, confirmed, status, .. } = record;
    let before = vec![("confirmed", words::confirmed(*status, *confirmed))];
    let after = vec![("signature", finding.signature().to_string())];
    let text = FindingText {
        finding,
        program: &trace.program,
        trace: Some(trace),
        standing: "shrunk",
        before,
        after,
    }
    .case();
    let written = File::create_new(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Trouble(format!("cannot write {}: {error}", out.display())))
}
