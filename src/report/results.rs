//! The results of a campaign, so far or whole: every file and page of it is made from them.
//!
//! Nothing is decided here. Statuses, causes and the conclusion are the campaign's.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{FindingText, ReplayCommands};
use super::invocation::Invocation;
use super::words;
use crate::campaign::{FindingReport, Outcome};
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::record::Status;
use crate::judge::verdict::Count;
use crate::matrix::Row;
use crate::policy::Dimension;

/// Results, and how heirloom was called.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    pub outcome: &'a Outcome,
    pub invocation: &'a Invocation,
    pub commands: &'a ReplayCommands,
    /// The command that runs the campaign again.
    pub again: &'a str,
}

/// A cause with its findings, or a finding that has no cause.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub cause: Option<&'a CauseRecord>,
    /// The one that the cause was explained from comes first.
    pub findings: Vec<&'a FindingReport>,
}

/// A wrong value of a cause or a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRow {
    pub dimension: Option<Dimension>,
    pub clause: Clause,
    pub operation: String,
    pub expected: String,
    pub seen: String,
}

impl<'a> Results<'a> {
    /// The server's shortest name.
    pub fn server(&self) -> String {
        words::name(&self.outcome.subject)
    }

    /// The causes in the campaign's order, then the findings without one.
    pub fn entries(&self) -> Vec<Entry<'a>> {
        let Outcome { causes, findings, .. } = self.outcome;
        let of_causes = causes.iter().map(|cause| {
            let is_own = |report: &&FindingReport| report.cause.as_ref() == Some(&cause.id);
            let mut own: Vec<&FindingReport> = findings.iter().filter(is_own).collect();
            own.sort_by_key(|report| (report.record.case != cause.case, !report.finding.widened));
            Entry { cause: Some(cause), findings: own }
        });
        let alone = findings.iter().filter(|report| report.cause.is_none());
        let alone = alone.map(|report| Entry { cause: None, findings: vec![report] });
        of_causes.chain(alone).collect()
    }

    /// How often each clause was tested in each dimension, whatever the view.
    pub fn counts(&self) -> BTreeMap<Row, Count> {
        let mut counts: BTreeMap<Row, Count> = BTreeMap::new();
        for (cell, count) in &self.outcome.tally {
            let row = Row { clause: cell.clause, dimension: cell.dimension };
            *counts.entry(row).or_default() += *count;
        }
        counts
    }

    /// The clauses that nothing tested. One that is only ever noticed counts where it was.
    pub fn untested(&self) -> Vec<Clause> {
        let tested = self.outcome.tally.keys().map(|cell| cell.clause);
        let noticed = self.outcome.notices.iter().map(|notice| notice.clause);
        let tested: BTreeSet<Clause> = tested.chain(noticed).collect();
        let testable = words::testable(&self.outcome.subject).into_iter();
        testable.filter(|clause| !tested.contains(clause)).collect()
    }

    /// The command that replays a finding.
    pub fn replay(&self, report: &FindingReport) -> String {
        let file = self.commands.folder.join(&report.record.case).display().to_string();
        self.commands.replay(&self.invocation.program, &file)
    }
}

impl<'a> Entry<'a> {
    /// The finding whose program stands for all of them.
    pub fn example(&self) -> Option<&'a FindingReport> {
        self.findings.first().copied()
    }

    /// Unique in its results.
    pub fn id(&self) -> String {
        match (self.cause, self.example()) {
            (Some(cause), _) => cause.id.clone(),
            (None, Some(report)) => report.id.clone(),
            (None, None) => String::new(),
        }
    }

    pub fn title(&self) -> String {
        match (self.cause, self.example()) {
            (Some(cause), _) => cause.title.clone(),
            (None, Some(report)) => words::signature(&report.finding.signature()),
            (None, None) => String::new(),
        }
    }

    pub fn status(&self) -> Status {
        let of_cause = self.cause.map(|cause| cause.status);
        let of_finding = self.example().map(|report| report.status);
        of_cause.or(of_finding).unwrap_or(Status::Flaky)
    }

    pub fn widened(&self) -> bool {
        let of_cause = self.cause.is_some_and(|cause| cause.widened);
        of_cause || self.findings.iter().any(|report| report.finding.widened)
    }

    /// The clauses that it breaks, that of the example first.
    pub fn clauses(&self) -> Vec<Clause> {
        let first = self.example().map(|report| report.finding.clause);
        let of_cause = self.cause.into_iter().flat_map(|cause| cause.clauses.iter().copied());
        let others = of_cause.filter(|clause| Some(*clause) != first);
        first.into_iter().chain(others).collect()
    }

    pub fn dimensions(&self) -> BTreeSet<Dimension> {
        let of_cause = self.cause.into_iter().flat_map(|cause| cause.dimensions.iter().copied());
        of_cause.chain(self.findings.iter().filter_map(|report| report.finding.dimension)).collect()
    }

    /// Why the list of known deviations excuses it.
    pub fn excuse(&self) -> Option<&'a str> {
        let mut excuses = self.findings.iter().filter_map(|report| report.record.excuse.as_ref());
        excuses.next().map(|excuse| excuse.reason.as_str())
    }

    /// The values that were wrong.
    pub fn values(&self) -> Vec<ValueRow> {
        if let Some(cause) = self.cause {
            let values = cause.values.iter().map(|value| ValueRow {
                dimension: value.dimension,
                clause: value.clause,
                operation: value.operation.to_string(),
                expected: value.expected.clone(),
                seen: words::brief(&value.seen),
            });
            return values.collect();
        }
        let findings = self.findings.iter().map(|report| ValueRow {
            dimension: report.finding.dimension,
            clause: report.finding.clause,
            operation: report.finding.kind.to_string(),
            expected: report.finding.expected.clone(),
            seen: words::seen(&report.finding),
        });
        findings.collect()
    }
}

/// The line of a finding's case file at which it shows, counted from 1.
pub fn case_line(report: &FindingReport, commands: &ReplayCommands) -> usize {
    let text = FindingText::for_file(report, commands).case();
    let program = &report.trace.program;
    // The file ends with config's line, a line for each step, and the audit's.
    let after = program.lines().saturating_sub(report.finding.step.min(program.lines()));
    text.lines().count() - after
}

/// A status in words.
pub fn status_words(status: Status) -> &'static str {
    match status {
        Status::New => "new",
        Status::Known => "known",
        Status::Carried => "carried over",
        Status::Flaky => "flaky",
    }
}
