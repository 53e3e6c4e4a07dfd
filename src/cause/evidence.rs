//! What runs say about known deviations: which releases were asked for which signature, and what
//! they showed.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::record::CauseRecord;
use super::scope::Scope;
use super::{Known, Row, old_form};
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

/// Findings that runs confirmed, and what was asked of the releases.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    asked: BTreeMap<Version, BTreeSet<Signature>>,
    /// The ids of rows whose case did not show them, by the release that ran it.
    stale: BTreeMap<Version, BTreeSet<String>>,
    findings: Vec<Sighting>,
    causes: Vec<CauseRecord>,
}

/// A finding and the release that showed it.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) release: Version,
    pub(super) record: FindingRecord,
}

/// A row that is proposed.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub id: String,
    /// None where the run has no causes: the example says what happens.
    pub title: Option<String>,
    pub scope: Scope,
    /// Its finding on the first of the releases.
    pub example: FindingRecord,
    /// The case that becomes the row's, below the folder of the run.
    pub case: String,
    /// Whether one of its findings allows more than was expected.
    pub widened: bool,
    pub releases: ReleaseRange,
    /// The release that used the home before, where it shows only on upgraded homes.
    pub from: Option<Version>,
}

impl Evidence {
    /// Leaves out flaky findings, and those on a server that does not say its release.
    ///
    /// `asked` has for each release the signatures that it was asked for, by a case that shows them
    /// somewhere.
    pub fn new(
        asked: BTreeMap<Version, BTreeSet<Signature>>,
        findings: impl IntoIterator<Item = FindingRecord>,
    ) -> Evidence {
        let sure = findings.into_iter().filter(|record| record.status != Status::Flaky);
        let sightings = sure.filter_map(|record| {
            let release = record.finding.home_history.release.clone()?;
            Some(Sighting { release, record })
        });
        Evidence { asked, findings: sightings.collect(), ..Evidence::default() }
    }

    /// The same with the causes of the findings.
    pub fn with_causes(self, causes: Vec<CauseRecord>) -> Evidence {
        Evidence { causes, ..self }
    }

    /// The same with the rows that a release was asked for and does not show, by their ids.
    pub fn with_stale(mut self, release: Version, rows: BTreeSet<String>) -> Evidence {
        self.stale.entry(release).or_default().extend(rows);
        self
    }

    /// What showed on homes that only one release has used.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Sighting> {
        self.findings.iter().filter(|one| one.record.finding.home_history.before.is_empty())
    }

    /// What showed on homes that another release had used before.
    pub(super) fn on_upgraded_homes(&self) -> impl Iterator<Item = &Sighting> {
        self.findings.iter().filter(|one| !one.record.finding.home_history.before.is_empty())
    }

    /// Whether a release of a row's range was asked for it.
    pub(super) fn asks(&self, row: &Row) -> bool {
        self.asked_for(row).iter().any(|release| row.releases.contains(release))
    }

    /// The range of a row as the runs support it: the whole, if every release that was asked shows
    /// it, else the last releases in succession that do.
    pub(super) fn supported(&self, row: &Row) -> Option<ReleaseRange> {
        let asked = self.asked_for(row);
        let shown = self.shown().filter(|one| row.excuses(&one.record.finding));
        let shown: BTreeSet<&Version> = shown.map(|one| &one.release).collect();
        let (first, last) = successions(&asked, &shown).pop()?;
        let mut inside = asked.iter().filter(|one| row.releases.contains(one));
        if inside.all(|release| shown.contains(release)) {
            return Some(row.releases.clone());
        }
        Some(ReleaseRange::between(&first, &last))
    }

    /// The range of a row with the newer releases in succession that show it too.
    pub(super) fn carried(&self, row: &Row) -> Option<ReleaseRange> {
        let shown = self.findings.iter().filter(|one| row.shows_in(&one.record.finding));
        let shown: BTreeSet<&Version> = shown.map(|one| &one.release).collect();
        let asked = self.asked_for(row);
        let newer: BTreeSet<&Version> = asked.iter().chain(shown.iter().copied()).collect();
        let mut newer = newer.into_iter().filter(|release| row.carries_to(release));
        let last = newer.by_ref().take_while(|release| shown.contains(release)).last()?;
        Some(row.releases.until(last))
    }

    /// What is shown and not excused: a row for each cause, or where a run has none a row for each
    /// signature and succession of releases.
    pub(super) fn proposed(&self, known: &Known) -> Vec<Proposed> {
        let mut new: BTreeMap<Signature, Vec<&Sighting>> = BTreeMap::new();
        for one in self.shown().filter(|one| !self.has_cause(one)) {
            if known.excuses(&one.record.finding).is_none() {
                new.entry(one.record.finding.signature()).or_default().push(one);
            }
        }
        let mut proposed: Vec<Proposed> =
            self.causes.iter().filter_map(|cause| self.of_cause(cause, known)).collect();
        for (signature, shown) in new {
            let releases: BTreeSet<&Version> = shown.iter().map(|one| &one.release).collect();
            let asked = self.asking(&signature).cloned().collect();
            for (first, last) in successions(&asked, &releases) {
                let inside = |one: &&&Sighting| one.release >= first && one.release <= last;
                let mut inside: Vec<&Sighting> = shown.iter().filter(inside).copied().collect();
                inside.sort_by_key(|one| &one.release);
                let releases = ReleaseRange::between(&first, &last);
                proposed.push(Proposed::of_signature(&inside, releases));
            }
        }
        proposed
    }

    /// Whether a cause of the run has this finding.
    pub(super) fn has_cause(&self, one: &Sighting) -> bool {
        self.causes.iter().any(|cause| cause.findings.contains(&one.record.id))
    }

    /// The row of a cause with a finding that no row excuses.
    fn of_cause(&self, cause: &CauseRecord, known: &Known) -> Option<Proposed> {
        let of_cause = |one: &&Sighting| cause.findings.contains(&one.record.id);
        let findings: Vec<&Sighting> = self.findings.iter().filter(of_cause).collect();
        let new = |one: &&&Sighting| known.excuses(&one.record.finding).is_none();
        let example = findings.iter().find(new)?;
        let (first, last) = (
            findings.iter().map(|one| &one.release).min()?,
            findings.iter().map(|one| &one.release).max()?,
        );
        let before = |one: &&Sighting| one.record.finding.home_history.before.last().cloned();
        let on_own_home = findings.iter().any(|one| before(one).is_none());
        Some(Proposed {
            id: cause.id.clone(),
            title: Some(cause.title.clone()),
            scope: cause.scope.clone(),
            example: example.record.clone(),
            case: if cause.case.is_empty() {
                example.record.case.clone()
            } else {
                cause.case.clone()
            },
            widened: findings.iter().any(|one| one.record.finding.widened),
            releases: ReleaseRange::between(first, last),
            from: if on_own_home { None } else { findings.iter().filter_map(before).max() },
        })
    }

    /// The releases that were asked for a row: by the case of a finding that it explains, or where
    /// no release shows such a finding by a case for a signature in its scope.
    fn asked_for(&self, row: &Row) -> BTreeSet<Version> {
        let about = |signature: &Signature| {
            let mut shown = self.findings.iter().map(|one| &one.record.finding);
            let mut shown = shown.by_ref().filter(|one| one.signature() == *signature).peekable();
            if shown.peek().is_some() {
                return shown.any(|one| row.shows_in(one));
            }
            covers(&row.scope, signature)
        };
        let by_case = self.asked.iter().filter(|(_, signatures)| signatures.iter().any(about));
        let stale = self.stale.iter().filter(|(_, rows)| rows.contains(&row.id));
        let stale = stale.map(|(release, _)| release);
        by_case.map(|(release, _)| release).chain(stale).cloned().collect()
    }

    /// The releases that were asked for a signature, in order.
    fn asking(&self, signature: &Signature) -> impl Iterator<Item = &Version> {
        let asked = self.asked.iter().filter(move |(_, signatures)| signatures.contains(signature));
        asked.map(|(release, _)| release)
    }
}

/// Whether a cause can show with a signature, whatever the facts.
fn covers(scope: &Scope, signature: &Signature) -> bool {
    fn fits<T: Ord>(all: &BTreeSet<T>, one: &T) -> bool {
        all.is_empty() || all.contains(one)
    }
    let dimension = match signature.dimension {
        None => scope.dimensions.is_empty(),
        Some(dimension) => scope.dimensions.contains(&dimension),
    };
    dimension
        && fits(&scope.clauses, &signature.clause)
        && fits(&scope.operations, &signature.kind)
        && fits(&scope.expected, &signature.form)
        && fits(&scope.wrong, &signature.origin)
}

/// The first and last of each succession of asked releases that show something.
fn successions(asked: &BTreeSet<Version>, shown: &BTreeSet<&Version>) -> Vec<(Version, Version)> {
    let asked: Vec<&Version> = asked.iter().collect();
    let runs = asked.chunk_by(|one, other| shown.contains(one) == shown.contains(other));
    let runs = runs.filter(|run| shown.contains(run[0]));
    runs.map(|run| (run[0].clone(), run[run.len() - 1].clone())).collect()
}

impl Proposed {
    /// A row for one signature, from where it showed, the first release first.
    pub(super) fn of_signature(shown: &[&Sighting], releases: ReleaseRange) -> Proposed {
        let example = shown[0].record.clone();
        let seen = shown.iter().filter_map(|one| one.record.finding.seen_form.clone());
        let mut proposed = Proposed {
            id: example.finding.signature().file_stem(),
            title: None,
            scope: old_form::scope(example.finding.signature(), seen.collect()),
            case: example.case.clone(),
            widened: shown.iter().any(|one| one.record.finding.widened),
            releases,
            from: None,
            example,
        };
        if !proposed.scope.dimensions.is_empty() {
            proposed.scope.wrong = [proposed.example.finding.origin].into();
        }
        proposed
    }
}
