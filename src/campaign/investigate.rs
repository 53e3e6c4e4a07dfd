//! From a finding to its cause.
//!
//! A finding is first tried in the programs of the causes that are there, and then of those that
//! other releases have shown. What none of them explains is reproduced, shrunk and confirmed, tried
//! once more, and then explained: its program is varied in one point at a time. Where that shows a
//! cause that explains the finding too, the finding joins it.

use itertools::Itertools;

use super::confirm::{Confirmation, Runs};
use super::{CauseReport, Event, FindingReport};
use crate::cause::explain::{Explaining, Explanation};
use crate::cause::record::CauseRecord;
use crate::cause::scope::Scope;
use crate::drive::timeouts::Deadlines;
use crate::judge::judge;
use crate::judge::record::{Confirmed, Status};
use crate::judge::verdict::Finding;
use crate::program::Program;

/// Most runs that are spent on what a finding depends on: there are about so many variations. A
/// finding that does not always show takes several runs for each, and has fewer tried.
const RUNS_MAX: u32 = 24;

/// A cause of this campaign, as further findings are compared with it.
#[derive(Clone, Debug)]
pub(super) struct FoundCause {
    pub(super) id: String,
    pub(super) explanation: Explanation,
    /// Runs in which it may show once, where it does not always show.
    pub(super) attempts: u32,
    /// Of a cause that another release has shown and this one has not: what was found out there.
    pub(super) elsewhere: Option<Box<CauseRecord>>,
}

impl FoundCause {
    /// A cause of another release, which this one may show too.
    pub(super) fn of_another_release(cause: &CauseReport, confirmations: u32) -> FoundCause {
        let CauseReport { record, finding } = cause;
        FoundCause {
            id: record.id.clone(),
            explanation: Explanation::elsewhere(
                &record.scope,
                &finding.trace.program,
                &finding.finding,
            ),
            attempts: attempts(finding.confirmed, confirmations),
            elsewhere: Some(Box::new(record.clone())),
        }
    }

    /// Whether a finding of a trial is the one that was to be shown. It becomes the first example
    /// of a cause of another release, and shows the same clause then.
    fn is_shown(&self, wanted: &Finding, finding: &Finding) -> bool {
        let same = || finding.signature() == wanted.signature();
        Explanation::is_shown(wanted, finding) && (self.elsewhere.is_none() || same())
    }
}

/// Runs in which a finding may show once that was confirmed like this.
fn attempts(confirmed: Confirmed, confirmations: u32) -> u32 {
    if confirmed.shown < confirmed.runs { confirmations.max(1) } else { 1 }
}

/// What became of a finding.
pub(super) enum Investigated {
    /// The cause of this number explains it.
    Joined { cause: usize, report: Box<FindingReport> },
    /// It has a cause of its own.
    Explained { found: Box<FoundCause>, report: Box<CauseReport> },
    /// It is flaky or excused, or the campaign was stopped before.
    Unexplained(Box<FindingReport>),
}

/// Runs that were spent on one finding.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) trials: u32,
    pub(super) all: u32,
}

/// One worker looking for the cause of one finding.
pub(super) struct Investigation<'a> {
    pub(super) confirmation: Confirmation<'a>,
    pub(super) causes: &'a [FoundCause],
    pub(super) spent: Spent,
}

impl Investigation<'_> {
    pub(super) fn investigate(
        &mut self,
        found: FindingReport,
        reproduced: Option<Runs>,
    ) -> Investigated {
        let (found, joined) = self.tried(found);
        if let Some(cause) = joined {
            return Investigated::Joined { cause, report: Box::new(found) };
        }
        let report = self.confirmation.confirm(found, reproduced);
        if report.status != Status::New || self.confirmation.stopped() {
            return self.ended(Investigated::Unexplained(Box::new(report)));
        }
        // A shorter program may be without what kept the finding apart.
        let (report, joined) = self.tried(report);
        let ended = match joined {
            Some(cause) => Investigated::Joined { cause, report: Box::new(report) },
            None => self.explained(report),
        };
        self.ended(ended)
    }

    fn ended(&mut self, investigated: Investigated) -> Investigated {
        self.spent.all = self.confirmation.runs;
        investigated
    }

    /// Tries a finding in the programs of the causes that may explain it, those first that this
    /// release has shown.
    fn tried(&mut self, mut report: FindingReport) -> (FindingReport, Option<usize>) {
        let causes = self.causes.iter().enumerate();
        for (number, cause) in causes.sorted_by_key(|(_, cause)| cause.elsewhere.is_some()) {
            let Some(program) = cause.explanation.trial(&report.finding) else { continue };
            let wanted = report.finding.clone();
            for _ in 0..cause.attempts {
                if self.confirmation.stopped() || self.confirmation.is_late(cause.attempts) {
                    break;
                }
                self.spent.trials += 1;
                let shows = |finding: &Finding| cause.is_shown(&wanted, finding);
                let run = self.confirmation.run(&program, Deadlines::ByPace, &shows);
                self.spent.all = self.confirmation.runs;
                let Ok(shown) = run else { continue };
                let confirmed = Confirmed { shown: 1, runs: 1 };
                // Where the cause's program shows it by another clause, its own program stays.
                if shown.finding.signature() == wanted.signature() {
                    report.show(shown, confirmed);
                }
                report.record.confirmed = confirmed;
                return (report, Some(number));
            }
        }
        (report, None)
    }

    fn explained(&mut self, mut report: FindingReport) -> Investigated {
        let attempts = attempts(report.confirmed, self.confirmation.confirmations);
        let mut explaining = Explaining::new(&report.trace.program, &report.finding);
        let before = self.confirmation.runs;
        while !self.confirmation.stopped()
            && !self.confirmation.is_late(attempts)
            && self.confirmation.runs - before < RUNS_MAX
            && let Some(program) = explaining.propose().cloned()
        {
            let findings = self.findings(&program, attempts, &explaining);
            if let Some(cause) = self.joins(&explaining, &findings) {
                return Investigated::Joined { cause, report: Box::new(report) };
            }
            explaining.tell(&self.unexplained(findings));
            let signature = report.finding.signature();
            let runs = self.confirmation.runs - before;
            (self.confirmation.on_event)(Event::Explaining { signature, runs, most: RUNS_MAX });
        }
        let runs = self.confirmation.runs - before;
        // A cause that widens is shown by a program that does.
        if let Some(widening) = explaining.widening().filter(|_| !report.finding.widened) {
            self.confirmation.replace(&mut report, widening);
        }
        let explanation = explaining.explanation();
        let mut record = CauseRecord::new(&explanation, &report.finding);
        record.shrink_runs = report.record.shrink_runs;
        record.explain_runs = runs;
        record.case.clone_from(&report.record.case);
        let id = record.id.clone();
        let found = FoundCause { id, explanation, attempts, elsewhere: None };
        let report = CauseReport { record, finding: report };
        Investigated::Explained { found: Box::new(found), report: Box::new(report) }
    }

    /// What a varied program shows, but for what the known list excuses.
    fn findings(
        &mut self,
        program: &Program,
        attempts: u32,
        explaining: &Explaining,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for _ in 0..attempts {
            let trace = self.confirmation.trace(program, Deadlines::ByPace);
            findings = judge(&trace).findings;
            findings.retain(|one| self.confirmation.known.standing(one, None).is_none());
            if explaining.is_shown(&findings) {
                break;
            }
        }
        findings
    }

    /// The number of a cause of this release that explains the finding after all.
    fn joins(&self, explaining: &Explaining, findings: &[Finding]) -> Option<usize> {
        let own = self.own_causes();
        let (numbers, scopes): (Vec<_>, Vec<_>) = own.unzip();
        explaining.joins(scopes.into_iter(), findings).map(|place| numbers[place])
    }

    /// Those that no other cause of this release explains.
    fn unexplained(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        findings.retain(|one| !self.own_causes().any(|(_, scope)| scope.explains(one)));
        findings
    }

    /// The causes that this release has shown, by their numbers.
    fn own_causes(&self) -> impl Iterator<Item = (usize, &Scope)> {
        let causes = self.causes.iter().enumerate();
        let own = causes.filter(|(_, cause)| cause.elsewhere.is_none());
        own.map(|(number, cause)| (number, &cause.explanation.scope))
    }
}
