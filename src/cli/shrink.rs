//! `heirloom shrink`: the shortest program for a case that came from elsewhere.
//!
//! The case is run until it shows a finding. The search keeps the signature that is given, else the
//! first that is not known, widened ones first. Nothing is written over.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::failure::Failure;
use super::known_flags;
use super::replay::file;
use super::server_flags::{self, Ready};
use super::text::{refuse_existing, write_new};
use super::verdict::Runs;
use crate::campaign::confirm::Confirmation;
use crate::campaign::{CONFIRMATIONS, Event, FindingReport};
use crate::cause::Known;
use crate::drive::Worker;
use crate::judge::judge;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::report::finding::{Details, FindingText, Standing};
use crate::report::words;

const EXIT_CODES: &str = "\
Exit codes:
  0  the case shows no new finding
  1  the case shows a new finding
  2  wrong usage
  3  heirloom itself had trouble
  130  interrupted";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Flags {
    file: PathBuf,
    /// The finding to keep, such as R4/AP/resume/never/config
    /// [default: the first one that is not known]
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<Signature>,
    /// Where to write the smaller case [default: FILE ending in `.small.case`]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: server_flags::ServerFlags,
    #[command(flatten)]
    known: known_flags::KnownFlags,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let program = flags.server.features.applied(file(&flags.file)?);
    let out = flags.out.clone().unwrap_or_else(|| flags.file.with_extension("small.case"));
    refuse_existing(&out, "--out")?;
    let known = flags.known.list()?;
    let Ready { test_bed, subject, stop, leases: _held } = flags.server.ready_for(&program)?;
    let mut worker = Worker::new(test_bed);
    let release = subject.version;
    let wanted = |finding: &Finding| flags.wants(finding, &known);
    let Some(found) = first(&mut worker, &program, &wanted) else {
        eprintln!("nothing to shrink: {} shows no such finding", flags.file.display());
        let trace = worker.run_fresh(&program);
        let verdict = judge(&trace);
        let runs = vec![(trace, verdict)];
        return Runs { known: &known, release, runs, interrupted: false }.report();
    };
    let finding = words::signature(&found.finding.signature());
    let on_event = |event| {
        if let Event::Shrinking { runs, lines, .. } = event {
            eprintln!("{lines} lines after {} ({finding})", words::plural(runs, "run"));
        }
    };
    let mut confirmation = Confirmation {
        worker: &mut worker,
        confirmations: CONFIRMATIONS,
        reproductions: CONFIRMATIONS,
        probes: true,
        known: &known,
        program: None,
        stop: &stop,
        on_event: &on_event,
        runs: 0,
        racy_until: None,
    };
    let report = confirmation.confirm(found, None);
    write(&out, &report)?;
    let lines = words::plural(report.steps, "line");
    eprintln!("{lines}, written to {} ({finding})", out.display());
    let verdict = judge(&report.trace);
    let runs = vec![(report.trace, verdict)];
    Runs { known: &known, release, runs, interrupted: stop.load(Ordering::Relaxed) }.report()
}

impl Flags {
    fn wants(&self, finding: &Finding, known: &Known) -> bool {
        match &self.signature {
            Some(wanted) => finding.signature() == *wanted,
            None => known.excuses(finding).is_none(),
        }
    }
}

/// A run that shows a wanted finding, one that allows more before others.
fn first(
    worker: &mut Worker,
    program: &Program,
    wanted: &impl Fn(&Finding) -> bool,
) -> Option<FindingReport> {
    (0..CONFIRMATIONS).find_map(|_| {
        let trace = worker.run_fresh(program);
        let found = judge(&trace).findings.into_iter().filter(wanted);
        let finding = found.min_by_key(Finding::rank)?;
        Some(FindingReport::new(finding, trace))
    })
}

/// Writes the case with its explanation in comments.
fn write(out: &Path, report: &FindingReport) -> Result<(), Failure> {
    let FindingReport { record, trace, .. } = report;
    let (finding, program) = (&record.finding, &trace.program);
    let confirmed = Some(words::confirmed(record));
    let (trace, standing) = (Some(trace), Standing::Finding);
    let details = Details { confirmed, ..Details::default() };
    let text = FindingText { finding, program, trace, standing, details }.case();
    write_new(out, &text)
}
