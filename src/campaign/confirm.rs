//! From a signature that showed once to a finding that can be reported.
//!
//! Reproduced in fresh processes, shrunk, and confirmed in fresh processes again. A finding that
//! cannot be reproduced is flaky and keeps both traces. A search that is stopped gives the smallest
//! program so far.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Event, FindingReport, probe};
use crate::cause::Known;
use crate::cause::explain::Widening;
use crate::drive::timeouts::Deadlines;
use crate::drive::{Recording, Worker};
use crate::judge::judge;
use crate::judge::record::{Confirmed, Status};
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::shrink::Search;
use crate::trace::Trace;
use crate::transcript::Transcript;

/// How long a finding that does not show in every run is shrunk and explained: it takes several
/// runs for each candidate, and a server that fails at random has many such findings.
pub(super) const RACY_TIME: Duration = Duration::from_secs(90);

/// A run that showed a signature.
pub(super) struct Reproduction {
    pub(super) finding: Finding,
    trace: Trace,
    transcript: Transcript,
    stderr: String,
}

/// Runs of a finding's program in fresh processes.
#[derive(Default)]
pub struct Runs {
    pub(super) confirmed: Confirmed,
    /// The first that showed the signature.
    shown: Option<Reproduction>,
    /// The last that did not.
    unlike: Option<Trace>,
    /// Whether one of them was inconclusive.
    troubled: bool,
}

impl Runs {
    fn add(&mut self, run: Result<Reproduction, Box<Trace>>) {
        self.confirmed.runs += 1;
        match run {
            Ok(shown) => {
                self.confirmed.shown += 1;
                self.shown.get_or_insert(shown);
            }
            Err(trace) => {
                self.troubled |= judge(&trace).inconclusive.is_some();
                self.unlike = Some(*trace);
            }
        }
    }
}

/// One worker confirming one finding.
pub struct Confirmation<'a> {
    pub worker: &'a mut Worker,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// Runs after which a finding that was not reproduced is flaky.
    pub reproductions: u32,
    /// Whether a finding that widens is followed by a probe.
    pub probes: bool,
    /// Deviations that are excused; they do not count as the finding.
    pub known: &'a Known,
    /// A program that showed the signature on another release.
    pub program: Option<&'a Program>,
    /// Set to end the search with the smallest program so far.
    pub stop: &'a AtomicBool,
    /// Receives every step of the search.
    pub on_event: &'a dyn Fn(Event),
    /// Runs so far.
    pub runs: u32,
    /// When to leave a finding as it is that does not show in every run, if at all.
    pub racy_until: Option<Instant>,
}

impl Confirmation<'_> {
    /// Turns a finding as a case showed it into one that can be reported. What reproduced it, where
    /// that was done ahead, is not done again.
    pub fn confirm(&mut self, found: FindingReport, reproduced: Option<Runs>) -> FindingReport {
        let mut report = self.shrunk(found, reproduced);
        if self.probes && report.status == Status::New && report.finding.widened {
            probe::run(self.worker, &mut report, self.stop);
        }
        report
    }

    /// Puts a program that widens in the place of the one that showed a finding, and probes it.
    pub(super) fn replace(&mut self, report: &mut FindingReport, widening: &Widening) {
        let Widening { program, finding } = widening;
        let runs = self.repeat(program, finding, Runs::default());
        let Some(shown) = runs.shown else { return };
        report.show(shown, runs.confirmed);
        let stem = report.finding.signature().file_stem();
        report.record.case = format!("findings/{stem}.case");
        report.record.id = stem;
        if self.probes {
            probe::run(self.worker, report, self.stop);
        }
    }

    fn shrunk(&mut self, mut report: FindingReport, reproduced: Option<Runs>) -> FindingReport {
        let mut runs = reproduced.unwrap_or_else(|| self.reproduce(&report));
        let Some(first) = runs.shown.take() else {
            if !self.stopped() && !runs.troubled {
                report.record.status = Status::Flaky;
            }
            report.record.confirmed = runs.confirmed;
            report.unlike = runs.unlike;
            return report;
        };
        if let Some((shown, confirmed)) = self.try_program(&report) {
            report.show(shown, confirmed);
            return report;
        }
        let attempts = if runs.confirmed.runs > 1 { self.confirmations } else { 1 };
        let search = self.shrink(&report, attempts);
        report.record.shrink_runs = search.runs();
        let smallest = self.repeat(search.best(), &report.finding, Runs::default());
        if let Some(shown) = smallest.shown {
            report.show(shown, smallest.confirmed);
            return report;
        }
        let runs = self.repeat(&report.trace.program, &report.finding, runs);
        report.stderr = first.stderr;
        report.record.confirmed = runs.confirmed;
        report.unlike = runs.unlike;
        report
    }

    /// The finding as the program shows it that showed it on another release: if it does, no
    /// smaller one is searched.
    fn try_program(&mut self, report: &FindingReport) -> Option<(Reproduction, Confirmed)> {
        let program = self.program.filter(|program| program.lines() <= report.steps)?;
        let first = self.run_like(program, &report.finding, Deadlines::ByPace).ok()?;
        let runs = self.repeat(program, &report.finding, Runs::default());
        Some((runs.shown.unwrap_or(first), runs.confirmed))
    }

    /// Runs until the signature shows, or as often as it takes to call it flaky.
    pub(super) fn reproduce(&mut self, report: &FindingReport) -> Runs {
        let mut runs = Runs::default();
        while runs.shown.is_none() && runs.confirmed.runs < self.reproductions && !self.stopped() {
            runs.add(self.run_like(&report.trace.program, &report.finding, Deadlines::Full));
        }
        runs
    }

    /// Adds the runs that confirm a finding.
    fn repeat(&mut self, program: &Program, wanted: &Finding, mut runs: Runs) -> Runs {
        // What the first run shows with the full deadlines, the others may show sooner.
        let shorter = std::iter::repeat(Deadlines::ByPace);
        let all = std::iter::once(Deadlines::Full).chain(shorter);
        for (done, deadlines) in (0..self.confirmations).zip(all) {
            if !self.stopped() {
                let (signature, runs_in_all) = (wanted.signature(), self.confirmations);
                (self.on_event)(Event::Confirming { signature, done, runs: runs_in_all });
                runs.add(self.run_like(program, wanted, deadlines));
            }
        }
        runs
    }

    /// One run of a candidate, which must show the same signature on the same release, and allow as
    /// much. What the known list excuses does not count. Where the server was silent for a short
    /// deadline, the full one decides in another run if it is wanted.
    fn run_like(
        &mut self,
        program: &Program,
        wanted: &Finding,
        deadlines: Deadlines,
    ) -> Result<Reproduction, Box<Trace>> {
        let signature = wanted.signature();
        let known = self.known;
        let is_wanted = |finding: &Finding| {
            finding.signature() == signature
                && finding.home_history.release == wanted.home_history.release
                && finding.widened >= wanted.widened
                && known.standing(finding, None).is_none()
        };
        let shown = self.run(program, Deadlines::ByPace, &is_wanted)?;
        match deadlines {
            Deadlines::Full if shown.trace.is_silent() => {
                self.run(program, Deadlines::Full, &is_wanted)
            }
            _ => Ok(shown),
        }
    }

    /// One run in fresh processes; the first finding that is wanted.
    pub(super) fn run(
        &mut self,
        program: &Program,
        deadlines: Deadlines,
        is_wanted: &dyn Fn(&Finding) -> bool,
    ) -> Result<Reproduction, Box<Trace>> {
        self.runs += 1;
        let Recording { trace, transcript } = self.worker.run_recorded(program, deadlines);
        let stderr = self.worker.stderr().to_owned();
        match judge(&trace).findings.into_iter().find(is_wanted) {
            Some(finding) => Ok(Reproduction { finding, trace, transcript, stderr }),
            None => Err(Box::new(trace)),
        }
    }

    pub(super) fn trace(&mut self, program: &Program, deadlines: Deadlines) -> Trace {
        self.runs += 1;
        self.worker.run_with(program, deadlines)
    }

    /// A racy finding's candidate is accepted when one of several attempts shows it.
    fn shrink(&mut self, report: &FindingReport, attempts: u32) -> Search {
        let signature = report.finding.signature();
        let mut search = Search::new(&report.trace.program, &report.finding);
        while !self.stopped()
            && !self.is_late(attempts)
            && let Some(program) = search.propose()
        {
            let shows = (0..attempts)
                .any(|_| self.run_like(&program, &report.finding, Deadlines::ByPace).is_ok());
            search.tell(shows);
            let (runs, lines) = (search.runs(), search.best().lines());
            (self.on_event)(Event::Shrinking { signature: signature.clone(), runs, lines });
        }
        search
    }

    /// Whether a finding that takes several attempts has had its time.
    pub(super) fn is_late(&self, attempts: u32) -> bool {
        is_late(attempts, self.racy_until, Instant::now())
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn is_late(attempts: u32, until: Option<Instant>, now: Instant) -> bool {
    attempts > 1 && until.is_some_and(|until| now >= until)
}

impl FindingReport {
    /// Puts another run in the place of the one that showed the finding.
    pub(super) fn show(&mut self, shown: Reproduction, confirmed: Confirmed) {
        self.record.steps = shown.trace.program.lines();
        self.record.finding = shown.finding;
        self.record.confirmed = confirmed;
        self.trace = shown.trace;
        self.transcript = Some(shown.transcript);
        self.stderr = shown.stderr;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::is_late;

    #[test]
    fn only_a_finding_that_takes_several_attempts_has_a_limited_time() {
        let (until, second) = (Instant::now(), Duration::from_secs(1));
        let late = |attempts, now| is_late(attempts, Some(until), now);
        let before = until.checked_sub(second).expect("the clock is older than a second");
        assert_eq!(
            [late(5, before), late(5, until), late(1, until + second)],
            [false, true, false]
        );
        assert!(!is_late(5, None, until + second));
    }
}
