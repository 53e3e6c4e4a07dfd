//! The results of further programs on a release, joined with those of its campaign.
//!
//! Both campaigns name their causes and findings without knowledge of the other. A cause of the
//! second that is one of the first takes its id; any other keeps its own, with a number where it is
//! taken.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Results;
use super::causes::CauseExample;
use crate::campaign::FindingReport;
use crate::cause::record::CauseRecord;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;

/// Which finding this is: two causes may show the same signature, and two releases.
type Identity = (Signature, Option<Version>, Option<String>);

fn identity(report: &FindingReport) -> Identity {
    let release = report.finding.home_history.release.clone();
    (report.finding.signature(), release, report.record.cause.clone())
}

/// The less, the more a finding says: a sure one before a flaky one, one that widens before others.
fn weight(report: &FindingReport) -> (Status, impl Ord + use<>) {
    (report.status, report.finding.rank())
}

impl Results {
    /// Adds the results of further programs on the same release.
    pub(super) fn add(&mut self, mut more: Results) {
        self.cases += more.cases;
        self.steps += more.steps;
        self.wall += more.wall;
        for (row, count) in std::mem::take(&mut more.tally) {
            *self.tally.entry(row).or_default() += count;
        }
        self.asked.append(&mut more.asked);
        self.programs.append(&mut more.programs);
        for (reason, cases) in std::mem::take(&mut more.inconclusive) {
            *self.inconclusive.entry(reason).or_default() += cases;
        }
        self.interrupted |= more.interrupted;
        let ids = self.ids_of(&more);
        for mut cause in more.causes {
            cause.id.clone_from(&ids[&cause.id]);
            self.add_cause(cause);
        }
        self.add_findings(more.findings, &ids);
    }

    /// The id that each cause of further results has here.
    fn ids_of(&self, more: &Results) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        let mut joined: BTreeSet<&str> = BTreeSet::new();
        for cause in &more.causes {
            let likeness = |own: &CauseRecord| {
                let example = CauseExample::of(cause, more)?;
                CauseExample::of(own, self)?.likeness(&example)
            };
            let own = self.causes.iter().filter(|own| !joined.contains(own.id.as_str()));
            let own = own.filter_map(|own| Some((likeness(own)?, own)));
            let id = if let Some((_, own)) = own.max_by_key(|(likeness, _)| *likeness) {
                joined.insert(&own.id);
                own.id.clone()
            } else {
                let other = |id: &str| more.causes.iter().any(|one| one.id == id && id != cause.id);
                unique(&cause.id, |id| other(id) || self.causes.iter().any(|own| own.id == id))
            };
            ids.insert(cause.id.clone(), id);
        }
        ids
    }

    /// Adds what a cause says to the one of the same id, if there is one.
    fn add_cause(&mut self, more: CauseRecord) {
        let Some(own) = self.causes.iter_mut().find(|own| own.id == more.id) else {
            self.causes.push(CauseRecord { findings: Vec::new(), ..more });
            return;
        };
        own.clauses.extend(more.clauses);
        own.operations.extend(more.operations);
        own.dimensions.extend(more.dimensions);
        own.widened |= more.widened;
        for value in more.values {
            if !own.values.contains(&value) {
                own.values.push(value);
            }
        }
        own.values.sort();
    }

    fn add_findings(&mut self, more: Vec<FindingReport>, ids: &BTreeMap<String, String>) {
        for mut report in more {
            report.record.cause = report.record.cause.and_then(|id| ids.get(&id).cloned());
            let same = |own: &&mut FindingReport| identity(own) == identity(&report);
            if let Some(own) = self.findings.iter_mut().find(same) {
                if weight(&report) < weight(own) {
                    let FindingRecord { id, case, .. } = own.record.clone();
                    report.record = FindingRecord { id, case, ..report.record };
                    *own = report;
                }
                continue;
            }
            let taken = |id: &str| self.findings.iter().any(|other| other.id == id);
            report.record.id = unique(&report.id, taken);
            let cause = report.record.cause.as_ref();
            let cause = self.causes.iter_mut().find(|own| Some(&own.id) == cause);
            if let Some(cause) = cause {
                cause.findings.push(report.id.clone());
            }
            self.findings.push(report);
        }
        self.findings.sort_by_key(|report| {
            (report.status, report.finding.rank(), report.finding.signature())
        });
    }
}

/// The name, or the first with a number that is not taken.
fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).expect("numbers do not end")
}
