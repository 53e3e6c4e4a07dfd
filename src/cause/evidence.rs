//! What runs say about known deviations: which releases were asked for which signature, and what
//! they showed.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::{Known, Row};
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

/// Findings that runs confirmed, and what was asked of the releases.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    asked: BTreeMap<Version, BTreeSet<Signature>>,
    findings: Vec<Sighting>,
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
    /// The finding on the first of the releases; its case becomes the row's.
    pub example: FindingRecord,
    pub seen: BTreeSet<String>,
    /// Whether one of them allows more than was expected.
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
        Evidence { asked, findings: sightings.collect() }
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
        self.asking(&row.signature).any(|release| row.releases.contains(release))
    }

    /// The range of a row as the runs support it: the whole, if every release that was asked shows
    /// it, else the last releases in succession that do.
    pub(super) fn supported(&self, row: &Row) -> Option<ReleaseRange> {
        let shown = self.shown().filter(|one| row.excuses(&one.record.finding));
        let shown: BTreeSet<&Version> = shown.map(|one| &one.release).collect();
        let (first, last) = self.successions(&row.signature, &shown).pop()?;
        let mut inside = self.asking(&row.signature).filter(|one| row.releases.contains(one));
        if inside.all(|release| shown.contains(release)) {
            return Some(row.releases.clone());
        }
        Some(ReleaseRange::between(&first, &last))
    }

    /// What is shown and not excused, a row for each succession of releases.
    pub(super) fn proposed(&self, known: &Known) -> Vec<Proposed> {
        let mut new: BTreeMap<Signature, Vec<&Sighting>> = BTreeMap::new();
        for one in self.shown().filter(|one| known.excuses(&one.record.finding).is_none()) {
            new.entry(one.record.finding.signature()).or_default().push(one);
        }
        let mut proposed = Vec::new();
        for (signature, shown) in new {
            let releases: BTreeSet<&Version> = shown.iter().map(|one| &one.release).collect();
            for (first, last) in self.successions(&signature, &releases) {
                let inside = |one: &&&Sighting| one.release >= first && one.release <= last;
                let mut inside: Vec<&&Sighting> = shown.iter().filter(inside).collect();
                inside.sort_by_key(|one| &one.release);
                proposed.push(Proposed {
                    example: inside[0].record.clone(),
                    seen: inside.iter().filter_map(|one| one.seen_form()).collect(),
                    widened: inside.iter().any(|one| one.record.finding.widened),
                    releases: ReleaseRange::between(&first, &last),
                    from: None,
                });
            }
        }
        proposed
    }

    /// The releases that were asked for a signature, in order.
    fn asking(&self, signature: &Signature) -> impl Iterator<Item = &Version> {
        let asked = self.asked.iter().filter(move |(_, signatures)| signatures.contains(signature));
        asked.map(|(release, _)| release)
    }

    /// The first and last of each succession of asked releases that show a signature.
    fn successions(
        &self,
        signature: &Signature,
        shown: &BTreeSet<&Version>,
    ) -> Vec<(Version, Version)> {
        let asked: Vec<&Version> = self.asking(signature).collect();
        let runs = asked.chunk_by(|one, other| shown.contains(one) == shown.contains(other));
        let runs = runs.filter(|run| shown.contains(run[0]));
        runs.map(|run| (run[0].clone(), run[run.len() - 1].clone())).collect()
    }
}

impl Sighting {
    pub(super) fn seen_form(&self) -> Option<String> {
        self.record.finding.seen_form.clone()
    }
}
