//! Which branch of which world happened: those that are nearest to what was observed.

use std::cmp::Reverse;

use itertools::Itertools;

use super::comparison::{Comparison, Mismatch, Resync};
use crate::contract::{Strength, row};
use crate::model::expectations::{ACCEPTED, REFUSED};
use crate::model::{Branch, World};
use crate::policy::Policy;
use crate::program::thread::ThreadName;

/// A branch that may have happened, and how it compares with what was observed.
pub(super) struct Candidate {
    pub(super) before: World,
    pub(super) branch: Branch,
    pub(super) comparisons: Vec<Comparison>,
}

/// How far a branch is from what was observed; the first count weighs most.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Distance {
    /// Comparisons that say that another branch happened.
    other_branch: usize,
    /// Requests that were granted and not refused, or refused and not granted.
    answers: usize,
    mismatches: usize,
}

/// The candidates that are nearest to what was observed.
pub(super) struct Nearest {
    /// Those with the mildest accusation, all wrong in the same points; at least one.
    pub(super) chosen: Vec<Candidate>,
    /// Those that are wrong in other points: no observation says that they did not happen.
    pub(super) others: Vec<Candidate>,
}

/// Chooses the nearest. A branch that did not happen does not come nearer by fewer mismatches.
pub(super) fn nearest(mut candidates: Vec<Candidate>) -> Nearest {
    let least = candidates.iter().map(Candidate::distance).min().unwrap_or_default();
    candidates.retain(|candidate| candidate.distance() == least);
    candidates.sort_by_key(|candidate| Reverse(candidate.gravest()));
    // A change that was not acknowledged comes after the value before it. Where neither is seen, the
    // change was perhaps stored and then lost: a report names that.
    let mildest = candidates.first().expect("a step has an answer");
    let latest = candidates.iter().rposition(|other| other.expects_another_value(mildest));
    let first = candidates.remove(latest.unwrap_or(0));
    let (same, others): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|other| other.is_wrong_in_the_same(&first));
    Nearest { chosen: std::iter::once(first).chain(same).collect(), others }
}

impl Nearest {
    /// The policy that a thread must have in its file, where every chosen candidate says the same.
    pub(super) fn certainly_stored(&self, thread: ThreadName) -> Option<&Policy> {
        let all: Option<Vec<&Policy>> =
            self.chosen.iter().map(|one| one.certainly_stored(thread)).collect();
        all?.into_iter().all_equal_value().ok()
    }
}

impl Candidate {
    pub(super) fn is_without_mismatch(&self) -> bool {
        self.mismatches().next().is_none()
    }

    pub(super) fn mismatches(&self) -> impl Iterator<Item = &Mismatch> {
        self.comparisons.iter().filter_map(|comparison| comparison.mismatch.as_ref())
    }

    fn certainly_stored(&self, thread: ThreadName) -> Option<&Policy> {
        let world = &self.branch.world;
        let thread = world.threads.get(&thread)?;
        (thread.maybe.is_empty() && !world.full).then_some(&thread.stored)
    }

    fn distance(&self) -> Distance {
        let count = |is: fn(&&Mismatch) -> bool| self.mismatches().filter(is).count();
        Distance {
            other_branch: count(|mismatch| matches!(mismatch.resync, Resync::OtherBranch)),
            answers: count(|mismatch| [REFUSED, ACCEPTED].contains(&mismatch.form.as_ref())),
            mismatches: self.mismatches().count(),
        }
    }

    /// The strength of the gravest breach.
    fn gravest(&self) -> Option<Strength> {
        let strength = |one: &Mismatch| row(one.topic.clause).strength(one.dimension);
        self.mismatches().map(strength).min()
    }

    /// Whether the same world has this branch as well, wrong in the same value and as grave, with
    /// another one due.
    fn expects_another_value(&self, other: &Candidate) -> bool {
        let same = |(one, other): (&Mismatch, &Mismatch)| {
            let is_value = one.dimension.is_some() && one.dimension == other.dimension;
            is_value && one.thread == other.thread && one.seen == other.seen
        };
        let differs = |(one, other): (&Mismatch, &Mismatch)| one.expected != other.expected;
        self.before == other.before
            && self.gravest() == other.gravest()
            && self.mismatches().count() == other.mismatches().count()
            && self.mismatches().zip(other.mismatches()).all(same)
            && self.mismatches().zip(other.mismatches()).any(differs)
    }

    fn is_wrong_in_the_same(&self, other: &Candidate) -> bool {
        let same = |(one, other): (&Mismatch, &Mismatch)| one.is_like(other);
        self.mismatches().count() == other.mismatches().count()
            && self.mismatches().zip(other.mismatches()).all(same)
    }
}
