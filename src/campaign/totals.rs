//! What a campaign has seen so far.
//!
//! Takes verdicts in the order of their index and adds them up; knows which signatures are new.
//! Counts and remembers, decides nothing about a verdict.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::{FindingReport, Noticed, Stale};
use crate::contract::Clause;
use crate::judge::signature::Signature;
use crate::judge::{Cell, Finding, Tally, Verdict};
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::ops::fork::Fork;
use crate::program::ops::run::Run;
use crate::program::ops::start::Start;

/// The sums.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) cases: u64,
    pub(super) steps: u64,
    pub(super) tally: BTreeMap<Cell, Tally>,
    pub(super) inconclusive: BTreeMap<String, u64>,
    /// The lines that were performed, by their verbs.
    pub(super) performed: BTreeMap<String, u64>,
    /// What the release was not asked for, since it does not have it.
    pub(super) left_out: BTreeMap<String, u64>,
    /// The clauses that it was not asked about for that reason, at some time.
    pub(super) withheld: BTreeSet<Clause>,
    pub(super) told: Vec<FindingReport>,
    pub(super) stale: Vec<Stale>,
    /// Whether a signature on a release, excused or not, has shown with more allowed than was due.
    seen: BTreeMap<(Identity, bool), bool>,
    notices: BTreeMap<(Clause, String), (u64, String)>,
}

impl Totals {
    /// Lists what another release does by itself.
    pub(super) fn aside(&mut self, finding: &Finding, token: &str) {
        let release = finding.residence.release.as_ref().map(ToString::to_string);
        let release = release.unwrap_or_else(|| "another server".to_owned());
        let signature = finding.signature();
        let text = format!(
            "{release} shows {signature} by itself, on a home that no other release had; \
             `--server {release}` checks it"
        );
        let key = (finding.clause, text);
        self.notices.entry(key).or_insert((0, token.to_owned())).0 += 1;
    }

    /// Adds a case.
    pub(super) fn add(&mut self, token: &str, program: &Program, verdict: &Verdict) {
        self.cases += 1;
        for (index, step) in program.steps.iter().enumerate() {
            self.steps += 1;
            if verdict.performed.contains(&index) {
                *self.performed.entry(verb(step)).or_default() += 1;
            }
            if let Some(what) = verdict.left_out.get(&index) {
                *self.left_out.entry(what.clone()).or_default() += 1;
            }
        }
        self.withheld.extend(&verdict.withheld);
        for (cell, tally) in &verdict.tally {
            let sum = self.tally.entry(*cell).or_default();
            sum.fired += tally.fired;
            sum.held += tally.held;
            sum.broken += tally.broken;
        }
        let texts: BTreeSet<_> =
            verdict.notices.iter().map(|notice| (notice.clause, notice.text.clone())).collect();
        for key in texts {
            self.notices.entry(key).or_insert((0, token.to_owned())).0 += 1;
        }
        if let Some(reason) = &verdict.inconclusive {
            *self.inconclusive.entry(reason.clone()).or_default() += 1;
        }
    }

    /// Whether a signature shows on its release for the first time, or for the first time with more
    /// allowed than was due, which is the worse case and the one to tell. One wrong value may be
    /// excused and another of the same signature not: they are first each by itself.
    pub(super) fn is_first(&mut self, finding: &Finding, known: bool) -> bool {
        let (key, widened) = ((identity(finding), known), finding.widened);
        let before = self.seen.insert(key.clone(), widened);
        let worst = widened || before == Some(true);
        self.seen.insert(key, worst);
        before.is_none_or(|before| widened && !before)
    }

    /// Keeps the weightiest finding of a signature on a release: a confirmed one before a flaky
    /// one, then one that widens, then the one that showed first, in whatever order they are told.
    pub(super) fn keep(&mut self, told: FindingReport) {
        let weight = |told: &FindingReport| (told.status, !told.finding.widened, told.found_after);
        let same = identity(&told.finding);
        let same = self.told.iter_mut().find(|other| identity(&other.finding) == same);
        match same {
            None => self.told.push(told),
            Some(other) if weight(&told) < weight(other) => *other = told,
            Some(_) => {}
        }
    }

    /// Every notice with its count.
    pub(super) fn noticed(&self) -> Vec<Noticed> {
        let noticed = self.notices.iter().map(|((clause, text), (count, token))| Noticed {
            clause: *clause,
            text: text.clone(),
            count: *count,
            token: token.clone(),
        });
        noticed.collect()
    }

    /// The findings, widened first, then by clause.
    pub(super) fn findings(&mut self) -> Vec<FindingReport> {
        let mut told = std::mem::take(&mut self.told);
        told.sort_by_key(|told| {
            (told.status, !told.finding.widened, told.finding.signature().clone())
        });
        told
    }
}

/// What findings are told apart by: two releases that show the same are two findings.
type Identity = (Signature, Option<Version>);

fn identity(finding: &Finding) -> Identity {
    (finding.signature(), finding.residence.release.clone())
}

/// What a line does, in the words of the text form.
fn verb(step: &Step) -> String {
    let words = step.to_string();
    let mut words = words.split_whitespace();
    let first = words.next().unwrap_or_default();
    match step {
        Step::SecondClient(inner) | Step::KillDuring(inner, _) => {
            format!("{first} {}", verb(inner))
        }
        Step::Restart(_) => words.fold(first.to_owned(), |verb, word| format!("{verb} {word}")),
        Step::Start(Start { ephemeral: true, .. }) | Step::Fork(Fork { ephemeral: true, .. }) => {
            format!("{first} ephemeral")
        }
        Step::Fork(Fork { cut: Some(_), .. }) => format!("{first} cut"),
        Step::Run(Run { reply, flaw: None, .. }) => {
            let ending = reply.to_string();
            format!("{first} to {}", ending.split_whitespace().next().unwrap_or_default())
        }
        Step::Run(Run { flaw: Some(_), .. }) => format!("{first} refused"),
        _ => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use expect_test::expect;

    use super::Totals;
    use crate::campaign::confirm::Suspect;
    use crate::campaign::{FindingReport, Status};
    use crate::contract::{Clause, Strength};
    use crate::judge::origin::Origin;
    use crate::judge::releases::HomeHistory;
    use crate::judge::{Finding, Verdict};
    use crate::policy::{Defaults, Dimension};
    use crate::program::Program;
    use crate::program::operation::Operation;
    use crate::program::ops::resume::Resume;
    use crate::trace::Trace;

    fn told(status: Status, widened: bool, second: u64) -> FindingReport {
        let program = Program { defaults: Defaults::default(), steps: Vec::new() };
        let trace = Trace {
            program: program.clone(),
            server: None,
            facts: Vec::new(),
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
            widened,
            apart: None,
            residence: HomeHistory::default(),
        };
        let found_after = Duration::from_secs(second);
        Suspect { program, trace, finding, token: String::new(), found_after }.told(status)
    }

    /// The same is kept whichever of the two is told first.
    fn check(kept: &FindingReport, other: &FindingReport) {
        for pair in [[kept, other], [other, kept]] {
            let mut ledger = Totals::default();
            pair.into_iter().for_each(|told| ledger.keep(told.clone()));
            let left: Vec<_> =
                ledger.findings().iter().map(|told| (told.status, told.found_after)).collect();
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
        let mut ledger = Totals::default();
        ledger.add("a token", &program.parse().expect("it is a plan"), &verdict);
        let Totals { performed, left_out, withheld, .. } = ledger;
        expect![[r#"
            {"start": 1}
            {"thread/fork": 1}
            {F1}"#]]
        .assert_eq(&format!("{performed:?}\n{left_out:?}\n{withheld:?}"));
    }

    #[test]
    fn a_confirmed_finding_stays_when_a_wider_one_is_flaky() {
        check(&told(Status::New, false, 1), &told(Status::Flaky, true, 2));
    }

    #[test]
    fn a_wider_finding_takes_the_place_of_a_milder_one() {
        check(&told(Status::New, true, 2), &told(Status::New, false, 1));
    }

    #[test]
    fn of_two_alike_the_one_that_showed_first_stays() {
        check(&told(Status::New, true, 1), &told(Status::New, true, 2));
    }
}
