//! [shell] `heirloom shrink`: the shortest program for a case that came from elsewhere.
//!
//! The case is run until it shows something; the search keeps the signature that is named, else the
//! first that is not known, widened ones before others. Writes beside the file, and never over one.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::proof::Proof;
use super::replay::file;
use super::subject::{self, Ready};
use super::{Failure, excuses};
use crate::campaign::examine::{Examination, Suspect};
use crate::campaign::{CONFIRMATIONS, Event, Told};
use crate::drive::Worker;
use crate::judge::signature::Signature;
use crate::judge::{Finding, judge};
use crate::known::Known;
use crate::plan::Plan;
use crate::report::exhibit::Exhibit;
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
    subject: subject::ServerFlags,
    #[command(flatten)]
    excuses: excuses::KnownFlags,
}

/// Shrinks a case.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let plan = file(&flags.file)?;
    let out = flags.out.clone().unwrap_or_else(|| flags.file.with_extension("small.case"));
    if out.exists() {
        let problem = format!("cannot write {}: it is there already", out.display());
        return Err(Failure::Usage(format!("{problem}; name another with --out")));
    }
    let known = flags.excuses.list()?;
    let Ready { bench, subject, stop, leases: _held } = flags.subject.ready_for(&plan)?;
    let mut worker = Worker::new(bench);
    let release = subject.version;
    let wanted = wish(flags, &known);
    let Some(suspect) = first(&mut worker, &plan, &wanted) else {
        eprintln!("nothing to shrink: {} shows no such finding", flags.file.display());
        let trace = worker.run_fresh(&plan);
        let verdict = judge(&trace);
        drop(wanted);
        return Proof { known: &known, release, runs: vec![(trace, verdict)] }.tell();
    };
    let signature = suspect.finding.signature();
    let mut tell = |event| {
        if let Event::Shrinking { runs, lines, .. } = event {
            eprintln!("{signature}: {lines} lines after {runs} runs");
        }
    };
    let (worker, tell) = (&mut worker, &mut tell);
    let (confirmations, known_list, program) = (CONFIRMATIONS, &known, None);
    let mut examination = Examination {
        worker,
        confirmations,
        deeds: true,
        known: known_list,
        program,
        stop: &stop,
        tell,
    };
    let told = examination.examine(suspect);
    write(&out, &told)?;
    eprintln!("{signature}: {} lines, written to {}", told.plan.lines(), out.display());
    let runs = vec![(told.trace.clone(), judge(&told.trace))];
    drop(wanted);
    Proof { known: &known, release, runs }.tell()
}

/// Which finding is wanted.
fn wish<'a>(flags: &'a Flags, known: &'a Known) -> impl Fn(&Finding) -> bool + 'a {
    move |finding| match &flags.signature {
        Some(wanted) => finding.signature() == *wanted,
        None => known.excuses(finding).is_none(),
    }
}

/// A run that shows a finding that is wanted, one that allows more before others.
fn first(worker: &mut Worker, plan: &Plan, wanted: &impl Fn(&Finding) -> bool) -> Option<Suspect> {
    (0..CONFIRMATIONS).find_map(|_| {
        let trace = worker.run_fresh(plan);
        let found = judge(&trace).findings.into_iter().filter(wanted);
        let finding = found.min_by_key(|finding| !finding.widened)?;
        let (token, found_after) = (String::new(), Duration::ZERO);
        Some(Suspect { plan: plan.clone(), trace, finding, token, found_after })
    })
}

/// Writes the case with what explains it in comments.
fn write(out: &Path, told: &Told) -> Result<(), Failure> {
    let Told { finding, plan, confirmed, status, .. } = told;
    let before = vec![("confirmed", words::confirmed(*status, *confirmed))];
    let after = vec![("signature", finding.signature().to_string())];
    let text =
        Exhibit { finding, plan, trace: Some(&told.trace), standing: "shrunk", before, after }
            .case();
    let written = File::create_new(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Trouble(format!("cannot write {}: {error}", out.display())))
}
