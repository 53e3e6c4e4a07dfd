//! The causes of all columns, merged: which release shows which, and since when.
//!
//! A cause of one release and one of another are the same if one's scope explains the finding from
//! which the other was explained, or if they have the same id. Where several are like one, each
//! takes the one that is most like it, since a campaign that tells two causes apart has a reason.
//! A release whose only cause is broader shows both. A release does not show a cause if it ran to
//! its end, the program of one of its findings among its cases.

use std::collections::BTreeSet;

use super::{CauseCell, Column, MatrixCause, Period, Results, Showing};
use crate::campaign::FindingReport;
use crate::cause::Known;
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::record::Status;

/// A cause of a release, and the finding from which it was explained.
#[derive(Clone, Copy, Debug)]
pub(super) struct CauseExample<'a> {
    pub(super) record: &'a CauseRecord,
    pub(super) finding: &'a FindingReport,
    results: &'a Results,
    /// Whether its id got a number because another cause of the release has the id.
    numbered: bool,
}

/// Why two causes are the same; the greater, the surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    Id,
    /// One of them explains the finding of the other.
    OneWay,
    Mutual,
}

/// A cause of a column.
#[derive(Clone, Copy, Debug)]
struct Member<'a> {
    column: usize,
    example: CauseExample<'a>,
}

/// Causes of several columns that are the same, at most one of each column.
#[derive(Default)]
struct Group<'a> {
    members: Vec<Member<'a>>,
}

/// The causes of these columns; `known` says what is excused.
pub(super) fn merged(columns: &[Column], known: &Known) -> Vec<MatrixCause> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (column, results) in results_of(columns) {
        for example in CauseExample::all(results) {
            let member = Member { column, example };
            let free = groups.iter_mut().filter(|group| group.of_column(column).is_none());
            let like = free.filter_map(|group| Some((group.likeness(&example)?, group)));
            // The first of those that are most like it.
            let like = like.reduce(|best, next| if next.0 > best.0 { next } else { best });
            match like {
                Some((_, group)) => group.members.push(member),
                None => groups.push(Group { members: vec![member] }),
            }
        }
    }
    let mut causes: Vec<MatrixCause> =
        groups.iter().map(|group| group.cause(columns, known)).collect();
    causes.sort_by_key(|cause| (cause.is_known(), !cause.widened(), cause.periods[0].first));
    number(&mut causes);
    causes
}

fn results_of(columns: &[Column]) -> impl Iterator<Item = (usize, &Results)> {
    let columns = columns.iter().enumerate();
    columns.filter_map(|(at, column)| Some((at, column.results()?)))
}

fn findings_of<'a>(
    record: &'a CauseRecord,
    results: &'a Results,
) -> impl Iterator<Item = &'a FindingReport> {
    results.findings.iter().filter(|report| report.cause.as_ref() == Some(&record.id))
}

/// Gives causes that share an id a number each.
fn number(causes: &mut [MatrixCause]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for cause in causes {
        let numbered = (2..).map(|number| format!("{}-{number}", cause.id));
        let mut ids = std::iter::once(cause.id.clone()).chain(numbered);
        let id = ids.find(|id| !taken.contains(id)).expect("numbers do not end");
        taken.insert(id.clone());
        cause.id = id;
    }
}

impl<'a> CauseExample<'a> {
    /// None for a cause of which the results have no finding.
    pub(super) fn of(record: &'a CauseRecord, results: &'a Results) -> Option<CauseExample<'a>> {
        let findings = || findings_of(record, results);
        let first = findings().find(|report| report.record.case == record.case);
        let stem = record.id.rsplit_once('-').filter(|(_, end)| end.parse::<u32>().is_ok());
        let stem = stem.map(|(stem, _)| stem);
        let numbered = results.causes.iter().any(|other| Some(other.id.as_str()) == stem);
        let finding = first.or_else(|| findings().next())?;
        Some(CauseExample { record, finding, results, numbered })
    }

    pub(super) fn all(results: &'a Results) -> impl Iterator<Item = CauseExample<'a>> {
        results.causes.iter().filter_map(|record| CauseExample::of(record, results))
    }

    pub(super) fn likeness(&self, other: &CauseExample<'_>) -> Option<Likeness> {
        let explains = self.record.scope.explains(&other.finding.finding);
        let explained = other.record.scope.explains(&self.finding.finding);
        let same_id = self.record.id == other.record.id && !self.numbered && !other.numbered;
        if explains && explained {
            Some(Likeness::Mutual)
        } else if explains || explained {
            Some(Likeness::OneWay)
        } else {
            same_id.then_some(Likeness::Id)
        }
    }
}

impl<'a> Group<'a> {
    fn of_column(&self, column: usize) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.column == column)
    }

    fn likeness(&self, example: &CauseExample<'_>) -> Option<Likeness> {
        self.members.iter().filter_map(|member| member.example.likeness(example)).max()
    }

    /// The cause that explains the most of the others' findings, the newest of several.
    fn broadest(&self) -> &CauseExample<'a> {
        let explained = |member: &&Member<'a>| {
            let scope = &member.example.record.scope;
            let findings = self.members.iter().map(|other| &other.example.finding.finding);
            findings.filter(|finding| scope.explains(finding)).count()
        };
        let broadest = self.members.iter().max_by_key(explained);
        &broadest.expect("a group begins with a member").example
    }

    fn cause(&self, columns: &[Column], known: &Known) -> MatrixCause {
        let cells: Vec<CauseCell> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| match column.results() {
                Some(results) => self.cell(at, results, known),
                None => CauseCell::Unknown,
            })
            .collect();
        let records = || self.members.iter().map(|member| member.example.record);
        let record = self.broadest().record.clone();
        MatrixCause {
            id: record.id.clone(),
            title: self.title(columns, &cells, known).unwrap_or_else(|| record.title.clone()),
            record,
            clauses: records().flat_map(|record| record.clauses.iter().copied()).collect(),
            dimensions: records().flat_map(|record| record.dimensions.iter().copied()).collect(),
            periods: periods(&cells, columns),
            cells,
        }
    }

    /// The title of the row that excuses all of it, where one row does.
    fn title(&self, columns: &[Column], cells: &[CauseCell], known: &Known) -> Option<String> {
        let mut titles = BTreeSet::new();
        for (cell, column) in cells.iter().zip(columns) {
            for report in cell.findings(column) {
                titles.insert(&known.excuses(&report.finding)?.title);
            }
        }
        let only = titles.pop_first().filter(|title| !title.is_empty())?;
        titles.is_empty().then(|| only.clone())
    }

    fn cell(&self, column: usize, results: &Results, known: &Known) -> CauseCell {
        let findings = self.findings(column, results);
        if !findings.is_empty() {
            let reports = || findings.iter().map(|at| &results.findings[*at].finding);
            let widened = reports().any(|finding| finding.widened);
            let known = reports().all(|finding| known.excuses(finding).is_some());
            return CauseCell::Shows(Showing { findings, widened, known });
        }
        let clauses: BTreeSet<Clause> = self
            .members
            .iter()
            .flat_map(|member| &member.example.record.clauses)
            .copied()
            .collect();
        if !clauses.is_empty() && clauses.is_subset(&results.untestable) {
            CauseCell::Unsupported
        } else if !results.interrupted && self.was_asked(results) {
            CauseCell::Absent
        } else {
            CauseCell::Unknown
        }
    }

    /// Indices of the findings of a column that show it: those of its cause there, else those of
    /// its causes that are like it, else those without a cause that it explains.
    fn findings(&self, column: usize, results: &Results) -> Vec<usize> {
        let of_column = self.of_column(column).map(|member| member.example);
        let causes: Vec<CauseExample<'_>> = match of_column {
            Some(example) => vec![example],
            None => CauseExample::all(results).filter(|one| self.likeness(one).is_some()).collect(),
        };
        let explains = |report: &FindingReport| {
            let mut scopes = self.members.iter().map(|member| &member.example.record.scope);
            report.cause.is_none() && scopes.any(|scope| scope.explains(&report.finding))
        };
        let shows = |report: &FindingReport| {
            let of_cause =
                |cause: &CauseExample<'_>| report.cause.as_ref() == Some(&cause.record.id);
            report.status != Status::Flaky && (causes.iter().any(of_cause) || explains(report))
        };
        let sure = (0..results.findings.len()).filter(|at| shows(&results.findings[*at]));
        let mut findings: Vec<usize> = sure.collect();
        let is_example = |at: usize| {
            causes.iter().any(|cause| std::ptr::eq(cause.finding, &results.findings[at]))
        };
        findings.sort_by_key(|at| !is_example(*at));
        findings
    }

    /// Whether the program of one of its findings was run on a release.
    fn was_asked(&self, results: &Results) -> bool {
        let examples = self.members.iter().map(|member| &member.example);
        let mut findings =
            examples.flat_map(|example| findings_of(example.record, example.results));
        findings.any(|report| results.programs.contains(&report.trace.program.to_string()))
    }
}

impl CauseCell {
    pub fn shows(&self) -> Option<&Showing> {
        match self {
            CauseCell::Shows(showing) => Some(showing),
            _ => None,
        }
    }

    /// What a release shows of the cause, the best example first.
    pub fn findings<'a>(&'a self, column: &'a Column) -> impl Iterator<Item = &'a FindingReport> {
        let findings = self.shows().into_iter().flat_map(|showing| &showing.findings);
        findings.filter_map(|at| column.results()?.findings.get(*at))
    }
}

impl MatrixCause {
    /// Whether it lets some release allow more than it should.
    pub fn widened(&self) -> bool {
        self.showings().any(|showing| showing.widened)
    }

    /// Whether the list of known deviations excuses all of it.
    pub fn is_known(&self) -> bool {
        self.showings().all(|showing| showing.known)
    }

    fn showings(&self) -> impl Iterator<Item = &Showing> {
        self.cells.iter().filter_map(CauseCell::shows)
    }
}

/// The releases in succession that show a cause, for each client. Only a release that was asked ends
/// one.
fn periods(cells: &[CauseCell], columns: &[Column]) -> Vec<Period> {
    let is_judged = |cell: &CauseCell| matches!(cell, CauseCell::Shows(_) | CauseCell::Absent);
    let judged: Vec<usize> = (0..cells.len()).filter(|at| is_judged(&cells[*at])).collect();
    let by_client = judged.chunk_by(|one, next| columns[*one].client() == columns[*next].client());
    by_client.flat_map(|judged| periods_of(cells, judged)).collect()
}

/// The same of the columns of one client.
fn periods_of(cells: &[CauseCell], judged: &[usize]) -> Vec<Period> {
    let shows = |at: usize| cells[at].shows().is_some();
    let runs: Vec<&[usize]> = judged.chunk_by(|one, next| shows(*one) == shows(*next)).collect();
    let of_run = |at: usize| {
        let run = runs[at];
        let before = at.checked_sub(1).and_then(|before| runs[before].last().copied());
        let after = runs.get(at + 1).map(|after| after[0]);
        shows(run[0]).then(|| Period { first: run[0], last: run[run.len() - 1], before, after })
    };
    (0..runs.len()).filter_map(of_run).collect()
}
