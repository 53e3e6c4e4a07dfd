//! New findings that wait until their cause is looked for, in the order in which they showed.
//!
//! Causes are looked for one after another, so that they do not depend on the number of workers.
//! Whether a finding shows again depends on no cause: once no case is left to run, workers without
//! work reproduce the findings that wait.

use std::collections::VecDeque;

use super::FindingReport;
use super::confirm::Runs;
use crate::judge::verdict::Finding;

/// A finding that waits.
pub(super) struct Waiting {
    pub(super) report: FindingReport,
    pub(super) reproduction: Reproduction,
    number: u64,
}

/// Whether a finding that waits was run again.
pub(super) enum Reproduction {
    Untried,
    Running,
    Done(Box<Runs>),
}

impl Reproduction {
    /// The runs, if they are over.
    pub(super) fn runs(self) -> Option<Runs> {
        match self {
            Reproduction::Done(runs) => Some(*runs),
            Reproduction::Untried | Reproduction::Running => None,
        }
    }
}

#[derive(Default)]
pub(super) struct WaitingFindings {
    findings: VecDeque<Waiting>,
    count: u64,
}

impl WaitingFindings {
    pub(super) fn push(&mut self, report: FindingReport) {
        let number = self.count;
        self.count += 1;
        self.findings.push_back(Waiting { report, reproduction: Reproduction::Untried, number });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Keeps those of a condition.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&Finding) -> bool) {
        self.findings.retain(|waiting| keeps(&waiting.report.finding));
    }

    /// Takes the first one, unless it is being reproduced.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let first = self.findings.front()?;
        if first.is_running() { None } else { self.findings.pop_front() }
    }

    /// How many are being reproduced.
    pub(super) fn running(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_running()).count()
    }

    /// The next one to reproduce, with its number.
    pub(super) fn reproduce(&mut self) -> Option<(u64, FindingReport)> {
        let untried =
            |finding: &&mut Waiting| matches!(finding.reproduction, Reproduction::Untried);
        let next = self.findings.iter_mut().find(untried)?;
        next.reproduction = Reproduction::Running;
        Some((next.number, next.report.clone()))
    }

    /// Keeps what reproduced the finding of this number.
    pub(super) fn reproduced(&mut self, number: u64, runs: Runs) {
        // A cause may have explained it meanwhile.
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.number == number) {
            finding.reproduction = Reproduction::Done(Box::new(runs));
        }
    }
}

impl Waiting {
    fn is_running(&self) -> bool {
        matches!(self.reproduction, Reproduction::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reproduction, WaitingFindings};
    use crate::campaign::FindingReport;
    use crate::campaign::confirm::Runs;
    use crate::judge::judge;
    use crate::policy::Policy;
    use crate::testing::{at, policy, sent, stated, thread, trace};

    /// A finding of a start that states another policy than it was given.
    fn finding() -> FindingReport {
        let seen: Policy = policy("approval=never");
        let entries = at(0, vec![sent(1), stated(1, thread(0), seen)]);
        let trace = trace("config approval=on-request\nstart -> t0", entries);
        FindingReport::new(judge(&trace).findings.remove(0), trace)
    }

    fn waiting() -> WaitingFindings {
        let mut waiting = WaitingFindings::default();
        waiting.push(finding());
        waiting.push(finding());
        waiting
    }

    #[test]
    fn a_finding_is_taken_with_what_reproduced_it() {
        let mut waiting = waiting();
        let (number, _) = waiting.reproduce().expect("the first one waits");
        waiting.reproduced(number, Runs::default());
        let reproduced = |runs: Reproduction| runs.runs().is_some();
        let mut next = || waiting.pop().map(|found| reproduced(found.reproduction));
        assert_eq!([next(), next(), next()], [Some(true), Some(false), None]);
    }

    #[test]
    fn a_finding_that_is_being_reproduced_waits() {
        let mut waiting = waiting();
        let (first, _) = waiting.reproduce().expect("the first one waits");
        assert!(waiting.pop().is_none());
        waiting.reproduced(first, Runs::default());
        assert_eq!((waiting.running(), waiting.pop().is_some()), (0, true));
    }

    #[test]
    fn what_reproduced_a_finding_that_a_cause_explains_is_dropped() {
        let mut waiting = waiting();
        let (first, _) = waiting.reproduce().expect("the first one waits");
        waiting.retain(|_| false);
        waiting.reproduced(first, Runs::default());
        assert!(waiting.is_empty());
    }
}
