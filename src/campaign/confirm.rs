//! From a signature that showed once to a finding that can be told.
//!
//! Reproduced in fresh processes, shrunk, and confirmed in fresh processes again. What never shows
//! again is flaky and keeps both traces. A search that is stopped tells the smallest it has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Event, FindingReport, Status, probe};
use crate::drive::Worker;
use crate::judge::signature::Signature;
use crate::judge::{Finding, judge};
use crate::known::Known;
use crate::program::Program;
use crate::shrink::Search;
use crate::trace::Trace;

/// A signature that showed, and the run that showed it.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The plan.
    pub program: Program,
    /// What was seen.
    pub trace: Trace,
    /// What was found in it.
    pub finding: Finding,
    /// The token of the case; empty for a case that was not drawn.
    pub token: String,
    /// Since the search for findings began.
    pub found_after: Duration,
}

/// A run that showed a signature.
struct Reproduction {
    finding: Finding,
    trace: Trace,
    stderr: String,
}

/// Runs of one plan.
#[derive(Default)]
struct Runs {
    runs: u32,
    times: u32,
    /// The first that showed the signature.
    shown: Option<Reproduction>,
    /// The last that did not.
    unlike: Option<Trace>,
    /// Whether one of them could not say, by trouble of our own.
    troubled: bool,
}

impl Runs {
    fn add(&mut self, run: Result<Reproduction, Box<Trace>>) {
        self.runs += 1;
        match run {
            Ok(shown) => {
                self.times += 1;
                self.shown.get_or_insert(shown);
            }
            Err(trace) => {
                self.troubled |= judge(&trace).inconclusive.is_some();
                self.unlike = Some(*trace);
            }
        }
    }
}

/// One worker looking into one suspect.
pub struct Confirmation<'a> {
    /// Who runs the plans.
    pub worker: &'a mut Worker,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// Whether a finding that widens gets a deed of its own.
    pub deeds: bool,
    /// What is excused, and so is not what is looked for.
    pub known: &'a Known,
    /// A program that showed the signature elsewhere.
    pub program: Option<&'a Program>,
    /// Set when the search is to end with what it has.
    pub stop: &'a AtomicBool,
    /// Hears of every step of the search.
    pub tell: &'a mut dyn FnMut(Event),
}

impl Suspect {
    /// The finding as it stands, with nothing looked into.
    pub fn told(self, status: Status) -> FindingReport {
        FindingReport {
            id: of_release(&self.finding, &self.trace),
            status,
            finding: self.finding,
            program: self.program,
            trace: self.trace,
            unlike: None,
            stderr: String::new(),
            token: self.token,
            confirmed: (0, 0),
            shrink_runs: 0,
            found_after: self.found_after,
            excuse: None,
            deed: None,
        }
    }
}

impl Confirmation<'_> {
    /// Looks into a suspect until it can be told; what allows more than was due is proved by a
    /// deed.
    pub fn examine(&mut self, suspect: Suspect) -> FindingReport {
        let mut told = self.confirmed(suspect);
        if self.deeds && told.status == Status::New && told.finding.widened {
            told.deed = Some(probe::of(self.worker, (&told.program, &told.finding), self.stop));
        }
        told
    }

    fn confirmed(&mut self, suspect: Suspect) -> FindingReport {
        let reproduced = self.reproduce(&suspect);
        let Some(shown) = reproduced.shown else {
            let (unlike, confirmed) = (reproduced.unlike, (0, reproduced.runs));
            let undecided = self.stopped() || reproduced.troubled;
            let status = if undecided { Status::New } else { Status::Flaky };
            return FindingReport { unlike, confirmed, ..suspect.told(status) };
        };
        if let Some(told) = self.elsewhere(&suspect) {
            return told;
        }
        let attempts = if reproduced.runs > 1 { self.confirmations } else { 1 };
        let search = self.shrink(&suspect, attempts);
        let shrink_runs = search.runs();
        let nothing = Runs::default();
        let smallest = self.confirm(search.best(), &suspect.finding, nothing);
        if let Some(Reproduction { finding, trace, stderr }) = smallest.shown {
            let (program, confirmed) = (search.best().clone(), (smallest.times, smallest.runs));
            let told = suspect.told(Status::New);
            return FindingReport {
                finding,
                program,
                trace,
                stderr,
                confirmed,
                shrink_runs,
                ..told
            };
        }
        let stderr = shown.stderr.clone();
        let before = Runs { shown: Some(shown), times: 1, ..reproduced };
        let original = self.confirm(&suspect.program, &suspect.finding, before);
        let (unlike, confirmed) = (original.unlike, (original.times, original.runs));
        FindingReport { unlike, stderr, confirmed, shrink_runs, ..suspect.told(Status::New) }
    }

    /// What the program shows that showed the signature elsewhere: where it does so here too, no
    /// smaller one is searched.
    fn elsewhere(&mut self, suspect: &Suspect) -> Option<FindingReport> {
        let program = self.program.filter(|program| program.lines() <= suspect.program.lines())?;
        let first = self.run(program, &suspect.finding).ok()?;
        let runs = self.confirm(program, &suspect.finding, Runs::default());
        let (program, confirmed) = (program.clone(), (runs.times, runs.runs));
        let Reproduction { finding, trace, stderr } = runs.shown.unwrap_or(first);
        let told = suspect.clone().told(Status::New);
        Some(FindingReport { finding, program, trace, stderr, confirmed, ..told })
    }

    /// Runs until the signature shows, or as often as it takes to call it flaky.
    fn reproduce(&mut self, suspect: &Suspect) -> Runs {
        let mut runs = Runs::default();
        while runs.shown.is_none() && runs.runs < self.confirmations && !self.stopped() {
            runs.add(self.run(&suspect.program, &suspect.finding));
        }
        runs
    }

    /// As many more runs as confirm a finding.
    fn confirm(&mut self, program: &Program, wanted: &Finding, before: Runs) -> Runs {
        let mut runs = before;
        for _ in 0..self.confirmations {
            if !self.stopped() {
                runs.add(self.run(program, wanted));
            }
        }
        runs
    }

    /// A run of a suspect that allowed more than was due counts only if this one does too.
    fn run(&mut self, program: &Program, wanted: &Finding) -> Result<Reproduction, Box<Trace>> {
        let trace = self.worker.run_fresh(program);
        let stderr = self.worker.stderr().to_owned();
        let signature = wanted.signature();
        let excused = |finding: &Finding| {
            let other = finding.seen_form != wanted.seen_form
                || finding.residence.before != wanted.residence.before;
            other && self.known.excuses(finding).is_some()
        };
        let same = |finding: &Finding| {
            let worse = finding.widened >= wanted.widened;
            let here = finding.residence.release == wanted.residence.release;
            finding.signature() == signature && here && worse && !excused(finding)
        };
        match judge(&trace).findings.into_iter().find(same) {
            Some(finding) => Ok(Reproduction { finding, trace, stderr }),
            None => Err(Box::new(trace)),
        }
    }

    /// A racy finding's candidate is accepted when one of several attempts shows it.
    fn shrink(&mut self, suspect: &Suspect, attempts: u32) -> Search {
        let signature = suspect.finding.signature();
        let mut search = Search::new(&suspect.program, &suspect.finding);
        while !self.stopped()
            && let Some(program) = search.propose()
        {
            let shows = (0..attempts).any(|_| self.run(&program, &suspect.finding).is_ok());
            search.tell(shows);
            let (runs, lines) = (search.runs(), search.best().lines());
            (self.tell)(Event::Shrinking { signature: signature.clone(), runs, lines });
        }
        search
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The name of the files of a finding; of another release than the one that is checked, with that
/// release.
fn of_release(finding: &Finding, trace: &Trace) -> String {
    let name = id(&finding.signature());
    match &finding.residence.release {
        Some(release) if trace.server.as_ref() != Some(release) => {
            format!("{name}-on-{}", release.to_string().replace('.', "-"))
        }
        _ => name,
    }
}

/// A signature as the name of a file.
pub fn id(signature: &Signature) -> String {
    let text = signature.to_string().to_lowercase();
    text.replace("/-/", "/").replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}
