//! The sums of a campaign so far.
//!
//! Takes verdicts in the order of their index and adds them up; knows which signatures are new.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::{FindingReport, Gone, InvestigationRuns, Noticed, Stale};
use crate::cause::Row;
use crate::cause::record::CauseRecord;
use crate::cause::scope::Scope;
use crate::contract::Clause;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::judge::verdict::{Cell, Count, Finding, Verdict};
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::ops::fork::Fork;
use crate::program::ops::run::Run;
use crate::program::ops::start::Start;

#[derive(Default)]
pub(super) struct Totals {
    pub(super) cases: u64,
    pub(super) steps: u64,
    pub(super) tally: BTreeMap<Cell, Count>,
    pub(super) inconclusive: BTreeMap<String, u64>,
    /// How often each kind of line was performed.
    pub(super) performed: BTreeMap<String, u64>,
    /// How many steps needed each method or field that the release does not have.
    pub(super) left_out: BTreeMap<String, u64>,
    /// The clauses that these steps would have tested.
    pub(super) withheld: BTreeSet<Clause>,
    pub(super) stale: Vec<Stale>,
    pub(super) gone: Vec<Gone>,
    reports: Vec<FindingReport>,
    /// Whether a finding, excused or not, has widened so far.
    seen: BTreeMap<(Identity, String), bool>,
    causes: Vec<CauseRecord>,
    pub(super) investigation: InvestigationRuns,
    notices: BTreeMap<(Clause, String), Sightings>,
}

/// How often a notice showed, and the token of the first case.
struct Sightings {
    count: u64,
    token: String,
}

/// Two releases that show the same signature are two findings, and so are two causes.
type Identity = (Signature, Option<Version>);

fn identity(finding: &Finding) -> Identity {
    (finding.signature(), finding.home_history.release.clone())
}

impl Totals {
    /// Lists a finding of another release, on a home that no other has used, as a notice.
    pub(super) fn notice_other_release(&mut self, finding: &Finding, token: &str) {
        let release = finding.home_history.release.as_ref().map(ToString::to_string);
        let release = release.unwrap_or_else(|| "another server".to_owned());
        let signature = finding.signature();
        let text = format!(
            "{release} shows {signature} on a home that no other release has used; \
             `--server {release}` checks it"
        );
        self.notice(finding.clause, text, token);
    }

    fn notice(&mut self, clause: Clause, text: String, token: &str) {
        let first = || Sightings { count: 0, token: token.to_owned() };
        self.notices.entry((clause, text)).or_insert_with(first).count += 1;
    }

    pub(super) fn add_case(&mut self, token: &str, program: &Program, verdict: &Verdict) {
        self.cases += 1;
        for (index, step) in program.steps.iter().enumerate() {
            self.steps += 1;
            if verdict.performed.contains(&index) {
                *self.performed.entry(kind_of_line(step)).or_default() += 1;
            }
            if let Some(missing) = verdict.left_out.get(&index) {
                *self.left_out.entry(missing.clone()).or_default() += 1;
            }
        }
        self.withheld.extend(&verdict.withheld);
        for (cell, count) in &verdict.tally {
            *self.tally.entry(*cell).or_default() += *count;
        }
        let notices: BTreeSet<_> =
            verdict.notices.iter().map(|notice| (notice.clause, notice.text.clone())).collect();
        for (clause, text) in notices {
            self.notice(clause, text, token);
        }
        if let Some(reason) = &verdict.inconclusive {
            *self.inconclusive.entry(reason.clone()).or_default() += 1;
        }
    }

    /// Whether a finding is to be looked into: its signature shows on its release for the first
    /// time, or widens for the first time. A new one is first with each set of facts, an excused one
    /// once for each row.
    pub(super) fn is_first(&mut self, finding: &Finding, row: Option<&str>) -> bool {
        let apart = row.map_or_else(|| finding.facts.to_string(), str::to_owned);
        let widened = finding.widened;
        match self.seen.get_mut(&(identity(finding), apart.clone())) {
            None => {
                self.seen.insert((identity(finding), apart), widened);
                true
            }
            Some(before) => {
                let is_worse = widened && !*before;
                *before |= widened;
                is_worse
            }
        }
    }

    /// Adds a finding that a row of the known list excuses.
    pub(super) fn add_known(&mut self, row: &Row, finding: &FindingRecord) {
        let record = || CauseRecord {
            id: row.id.clone(),
            title: row.title.clone(),
            case: row.case.clone(),
            scope: row.scope.clone(),
            ..CauseRecord::empty(finding.status)
        };
        if !self.causes.iter().any(|cause| cause.id == row.id) {
            self.causes.push(record());
        }
        self.join(&row.id, &row.scope, finding);
    }

    pub(super) fn add_cause(&mut self, cause: CauseRecord) {
        self.investigation.per_cause.push(cause.shrink_runs + cause.explain_runs);
        self.causes.push(cause);
    }

    /// Adds a cause that was explained on another release.
    pub(super) fn adopt(&mut self, cause: CauseRecord) {
        self.causes.push(cause);
    }

    /// Adds a finding to the cause that explains it.
    pub(super) fn join(&mut self, id: &str, scope: &Scope, finding: &FindingRecord) {
        let Some(cause) = self.causes.iter_mut().find(|cause| cause.id == id) else { return };
        cause.scope.clone_from(scope);
        cause.add_value(&finding.finding);
        if !cause.findings.contains(&finding.id) {
            cause.findings.push(finding.id.clone());
        }
    }

    /// Whether a cause explains a finding and has shown its signature already, and its widening.
    pub(super) fn is_explained(&self, finding: &Finding) -> bool {
        let explains =
            |cause: &&CauseRecord| cause.status == Status::New && cause.scope.explains(finding);
        self.causes.iter().find(explains).is_some_and(|cause| {
            let is_same = |report: &FindingReport| {
                report.cause.as_ref() == Some(&cause.id)
                    && identity(&report.finding) == identity(finding)
                    && report.finding.widened >= finding.widened
            };
            self.reports.iter().any(is_same)
        })
    }

    /// Gives a finding a name that no finding of another cause has.
    pub(super) fn name(&self, record: &mut FindingRecord) {
        let taken = |id: &str| {
            self.reports.iter().any(|other| other.id == id && other.cause != record.cause)
        };
        let numbered = (2..).map(|number| format!("{}-{number}", record.id));
        let mut ids = std::iter::once(record.id.clone()).chain(numbered);
        record.id = ids.find(|id| !taken(id)).expect("numbers do not end");
        record.case = format!("findings/{}.case", record.id);
    }

    /// An id that no other cause has.
    pub(super) fn unique(&self, id: &str) -> String {
        let taken = |id: &str| self.causes.iter().any(|cause| cause.id == id);
        let numbered = (2..).map(|number| format!("{id}-{number}"));
        let mut ids = std::iter::once(id.to_owned()).chain(numbered);
        ids.find(|id| !taken(id)).expect("numbers do not end")
    }

    /// Takes the causes: new ones first, then those that widen, in the order in which they showed.
    pub(super) fn take_causes(&mut self) -> Vec<CauseRecord> {
        let mut causes = std::mem::take(&mut self.causes);
        causes.sort_by_key(|cause| (cause.status, !cause.widened));
        causes
    }

    /// Keeps the weightiest finding of a signature on a release, in whatever order they come: a
    /// confirmed one before a flaky one, then one that widens, then the one that showed first.
    pub(super) fn keep(&mut self, report: FindingReport) {
        let weight =
            |report: &FindingReport| (report.status, report.finding.rank(), report.found_after);
        let same = identity(&report.finding);
        let is_same = |kept: &&mut FindingReport| {
            identity(&kept.finding) == same && kept.cause == report.cause
        };
        let kept = self.reports.iter_mut().find(is_same);
        match kept {
            None => self.reports.push(report),
            Some(kept) if weight(&report) < weight(kept) => *kept = report,
            Some(_) => {}
        }
    }

    pub(super) fn noticed(&self) -> Vec<Noticed> {
        let noticed = self.notices.iter().map(|((clause, text), sightings)| Noticed {
            clause: *clause,
            text: text.clone(),
            count: sightings.count,
            token: sightings.token.clone(),
        });
        noticed.collect()
    }

    /// Takes the findings: confirmed ones first, then those that widen, then by signature.
    pub(super) fn take_findings(&mut self) -> Vec<FindingReport> {
        let mut reports = std::mem::take(&mut self.reports);
        reports.sort_by_key(|report| {
            (report.status, report.finding.rank(), report.finding.signature())
        });
        reports
    }
}

/// The verb of a line, and the variants that matter for coverage.
fn kind_of_line(step: &Step) -> String {
    let verb = step.verb();
    match step {
        Step::SecondClient(inner) | Step::KillDuring(inner, _) => {
            format!("{verb} {}", kind_of_line(inner))
        }
        // All of its line is a variant: how the server ends and which release comes next.
        Step::Restart(_) => step.to_string(),
        Step::Start(Start { ephemeral: true, .. }) | Step::Fork(Fork { ephemeral: true, .. }) => {
            format!("{verb} ephemeral")
        }
        Step::Fork(Fork { cut: Some(_), .. }) => format!("{verb} cut"),
        Step::Run(Run { flaw: Some(_), .. }) => format!("{verb} refused"),
        Step::Run(Run { reply, .. }) => format!("{verb} to {}", <&str>::from(reply)),
        _ => verb.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use expect_test::expect;

    use super::Totals;
    use crate::campaign::FindingReport;
    use crate::contract::{Clause, Strength};
    use crate::judge::origin::Origin;
    use crate::judge::record::Status;
    use crate::judge::releases::HomeHistory;
    use crate::judge::verdict::{Finding, Verdict};
    use crate::model::life::Facts;
    use crate::policy::{Defaults, Dimension};
    use crate::program::Program;
    use crate::program::operation::Operation;
    use crate::program::ops::resume::Resume;
    use crate::trace::Trace;

    fn report(status: Status, widened: bool, second: u64) -> FindingReport {
        let trace = Trace {
            program: Program { defaults: Defaults::default(), steps: Vec::new() },
            server: None,
            client: None,
            entries: Vec::new(),
            times_us: Vec::new(),
        };
        let finding = Finding {
            clause: Clause::R4,
            strength: Strength::N,
            dimension: Some(Dimension::AP),
            step: 0,
            kind: Resume::KIND,
            thread: None,
            views: BTreeSet::new(),
            form: "never".to_owned(),
            expected: "never".to_owned(),
            seen: "on-request".to_owned(),
            seen_form: Some("on-request".to_owned()),
            origin: Origin::Config,
            also_fits: Vec::new(),
            facts: Facts::default(),
            widened,
            both_ways: false,
            otherwise: Vec::new(),
            policies: None,
            home_history: HomeHistory::default(),
        };
        let mut report = FindingReport::new(finding, trace);
        report.record.status = status;
        report.record.found_after = Duration::from_secs(second);
        report
    }

    /// The same is kept whichever of the two comes first.
    fn check(kept: &FindingReport, other: &FindingReport) {
        for pair in [[kept, other], [other, kept]] {
            let mut totals = Totals::default();
            pair.into_iter().for_each(|report| totals.keep(report.clone()));
            let left: Vec<_> = totals
                .take_findings()
                .iter()
                .map(|report| (report.status, report.found_after))
                .collect();
            assert_eq!(left, [(kept.status, kept.found_after)]);
        }
    }

    #[test]
    fn a_line_counts_as_performed_or_as_left_out_or_not_at_all() {
        let program = "# heirloom case v1\nconfig\nstart -> t0\nreread t0\nfork t0 -> t1\naudit\n";
        let verdict = Verdict {
            performed: BTreeSet::from([0]),
            left_out: BTreeMap::from([(2, "thread/fork".to_owned())]),
            withheld: BTreeSet::from([Clause::F1]),
            ..Verdict::default()
        };
        let mut totals = Totals::default();
        totals.add_case("a token", &program.parse().expect("it is a program"), &verdict);
        let Totals { performed, left_out, withheld, .. } = totals;
        expect![[r#"
            {"start": 1}
            {"thread/fork": 1}
            {F1}"#]]
        .assert_eq(&format!("{performed:?}\n{left_out:?}\n{withheld:?}"));
    }

    #[test]
    fn a_confirmed_finding_stays_when_a_wider_one_is_flaky() {
        check(&report(Status::New, false, 1), &report(Status::Flaky, true, 2));
    }

    #[test]
    fn a_wider_finding_takes_the_place_of_a_milder_one() {
        check(&report(Status::New, true, 2), &report(Status::New, false, 1));
    }

    #[test]
    fn of_two_alike_the_one_that_showed_first_stays() {
        check(&report(Status::New, true, 1), &report(Status::New, true, 2));
    }
}
