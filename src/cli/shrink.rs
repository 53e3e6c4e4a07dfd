//! [shell] `heirloom shrink`: the shortest program for a case that came from elsewhere.
//!
//! The case is run until it shows something; the search keeps the signature that is named, else the
//! first that is not known, widened ones before others. Writes beside the file, and never over one.

use super::proof::Proof;
use super::replay::file;
use super::subject::{self, Ready};
use super::{Failure, excuses};
use crate::campaign::CONFIRMATIONS;
use crate::drive::Worker;
use crate::judge::signature::Signature;
use crate::judge::{Finding, Verdict, judge};
use crate::known::Known;
use crate::plan::Plan;
use crate::report::exhibit::Exhibit;
use crate::shrink::Search;
use crate::trace::Trace;
use semver::Version;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The flags of `heirloom shrink`.
#[derive(Clone, Debug, clap::Args)]
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

/// A worker that runs programs until it is stopped.
struct Runner<'a> {
    worker: Worker,
    stop: &'a AtomicBool,
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
    let Ready { bench, subject, stop } = flags.subject.ready(false)?;
    let mut runner = Runner { worker: Worker::new(bench), stop: &stop };
    let release = subject.version;
    let Some((finding, runs)) = runner.first(&plan, &wish(flags, &known, release.as_ref())) else {
        eprintln!("nothing to shrink: {} shows no such finding", flags.file.display());
        let runs = vec![runner.run(&plan)];
        return Proof { known: &known, release, runs }.tell();
    };
    let smallest = runner.shrink(&plan, &finding, runs);
    let signature = finding.signature();
    let (trace, verdict) = runner.show(&smallest, &signature, runs);
    write(&out, &smallest, verdict.findings.iter().find(|one| one.signature() == signature))?;
    eprintln!("{signature}: {} lines, written to {}", smallest.lines(), out.display());
    Proof { known: &known, release, runs: vec![(trace, verdict)] }.tell()
}

/// Which finding is wanted.
fn wish<'a>(
    flags: &'a Flags,
    known: &'a Known,
    release: Option<&'a Version>,
) -> impl Fn(&Finding) -> bool + 'a {
    move |finding| {
        let signature = finding.signature();
        match &flags.signature {
            Some(wanted) => signature == *wanted,
            None => known.excuses(&signature, release).is_none(),
        }
    }
}

impl Runner<'_> {
    fn run(&mut self, plan: &Plan) -> (Trace, Verdict) {
        let trace = self.worker.run_fresh(plan);
        let verdict = judge(&trace);
        (trace, verdict)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The finding to keep, and how many runs a candidate has: one where the first run showed it.
    fn first(&mut self, plan: &Plan, wanted: &impl Fn(&Finding) -> bool) -> Option<(Finding, u32)> {
        for number in 1..=CONFIRMATIONS {
            let (_, verdict) = self.run(plan);
            let mut found: Vec<Finding> = verdict.findings.into_iter().filter(wanted).collect();
            found.sort_by_key(|finding| !finding.widened);
            if let Some(finding) = found.into_iter().next() {
                return Some((finding, if number == 1 { 1 } else { CONFIRMATIONS }));
            }
        }
        None
    }

    /// The smallest program that shows it; the smallest so far where it is stopped.
    fn shrink(&mut self, plan: &Plan, finding: &Finding, runs: u32) -> Plan {
        let signature = finding.signature();
        let mut search = Search::new(plan, finding);
        while !self.stopped()
            && let Some(candidate) = search.propose()
        {
            let shows = self.show(&candidate, &signature, runs).1.shows(&signature);
            search.tell(shows);
            let lines = search.best().lines();
            eprintln!("{signature}: {lines} lines after {} runs", search.runs());
        }
        search.best().clone()
    }

    /// Runs until the signature shows, at the most so many times; gives the last run.
    fn show(&mut self, plan: &Plan, signature: &Signature, runs: u32) -> (Trace, Verdict) {
        let mut last = self.run(plan);
        for _ in 1..runs {
            if last.1.shows(signature) || self.stopped() {
                break;
            }
            last = self.run(plan);
        }
        last
    }
}

fn write(out: &Path, plan: &Plan, finding: Option<&Finding>) -> Result<(), Failure> {
    let text = match finding {
        Some(finding) => {
            let (before, after) =
                (Vec::new(), vec![("signature", finding.signature().to_string())]);
            Exhibit { finding, plan, standing: "shrunk", before, after }.case()
        }
        None => plan.to_string(),
    };
    let written = File::create_new(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Trouble(format!("cannot write {}: {error}", out.display())))
}
