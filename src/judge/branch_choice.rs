//! Which branch happened, where the contract allows several.
//!
//! A request may be granted or refused, an idle thread unloaded or not, a subagent spawned or none:
//! a branch that has it otherwise is not the one that happened, however little else is wrong in it.

use super::View;
use super::compare::{Adopt, Comparison, Mismatch, Outcome, broken, plain};
use super::model_context;
use crate::contract::Clause;
use crate::contract::{Strength, row};
use crate::model::expectations::{ACCEPTED, LOADED, REFUSED};
use crate::model::{Branch, Expected};
use crate::program::operation::OpKind;
use crate::program::operation::Operation;
use crate::program::ops::Step;
use crate::program::ops::spawn::Spawn;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// How far a branch is from what was seen: what says that another one happened, then requests that
/// were answered otherwise, then everything that is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Distance {
    elsewhere: usize,
    answers: usize,
    wrong: usize,
}

/// The distance of no branch that agrees with what was seen.
pub(super) const NONE: Distance = Distance { elsewhere: 0, answers: 0, wrong: 0 };

pub(super) fn distance(compared: &[Comparison]) -> Distance {
    let count = |is: fn(&&Mismatch) -> bool| mismatches(compared).filter(is).count();
    Distance {
        elsewhere: count(|mismatch| matches!(mismatch.adopt, Adopt::Elsewhere)),
        answers: count(|mismatch| [REFUSED, ACCEPTED].contains(&mismatch.form.as_ref())),
        wrong: mismatches(compared).count(),
    }
}

fn mismatches(compared: &[Comparison]) -> impl Iterator<Item = &Mismatch> {
    compared.iter().filter_map(|comparison| comparison.mismatch.as_ref())
}

/// The strength of the gravest breach: of explanations that are as far, the mildest is told.
pub(super) fn gravest(compared: &[Comparison]) -> Option<Strength> {
    mismatches(compared).map(|one| row(one.clause).strength(one.dimension)).min()
}

/// Whether two branches are wrong in the same things.
pub(super) fn same(one: &[Comparison], other: &[Comparison]) -> bool {
    let key = |one: &Mismatch| {
        (one.clause, one.dimension, one.kind, one.form.clone(), one.thread, one.seen.clone())
    };
    mismatches(one).map(key).eq(mismatches(other).map(key))
}

/// One of two answers that are both allowed: the branch of the other one is wrong, and is dropped.
pub(super) fn allowed(kind: OpKind, granted: bool, outcome: &Outcome<'_>) -> Vec<Comparison> {
    let (expected, seen) = match outcome {
        Outcome::Granted(..) => ("a refusal", "it was granted".to_owned()),
        Outcome::Refused(why) => ("it is granted", format!("refused: {why}")),
    };
    match granted == matches!(outcome, Outcome::Granted(..)) {
        true => Vec::new(),
        false => {
            let about = plain((Clause::R16, kind), ACCEPTED, View::Reply, (expected, seen));
            vec![broken(Mismatch { adopt: Adopt::Elsewhere, ..about })]
        }
    }
}

/// One of two outcomes that are both allowed: whether the thread is unloaded now.
pub(super) fn closing(
    kind: OpKind,
    (thread, closed): (ThreadName, bool),
    facts: &[&Observation],
) -> Vec<Comparison> {
    let own = ThreadLabel::Named(thread);
    let own = |what: &&Observation| matches!(what, Observation::Closed { thread: whose } if *whose == own);
    match facts.iter().any(own) == closed {
        true => Vec::new(),
        false => {
            let words = ("another end", "this".to_owned());
            let about = plain((Clause::R18, kind), ACCEPTED, View::Notice, words);
            vec![broken(Mismatch { adopt: Adopt::Elsewhere, ..about })]
        }
    }
}

/// Whether there is a subagent is the release's matter; a branch that has it otherwise is not the
/// one that happened.
pub(super) fn unspawned(
    (due, step): (&Expected, &Step),
    facts: &[&Observation],
) -> Option<Comparison> {
    let Step::Spawn(Spawn { new, .. }) = step else {
        return None;
    };
    let (due, seen) = match (due, model_context::shows(*new, facts)) {
        (Expected::ModelContext { .. }, false) => ("a subagent", "none"),
        (Expected::Answer { granted: true }, true) => ("no subagent", "one"),
        _ => return None,
    };
    let words = (due, seen.to_owned());
    let about = plain((Clause::O9, Spawn::KIND), ACCEPTED, View::Reply, words);
    Some(broken(Mismatch { adopt: Adopt::Elsewhere, ..about }))
}

/// A refused request changes nothing: no thread is unloaded by it that must be loaded after it.
pub(super) fn unloaded(
    kind: OpKind,
    branch: &Branch,
    facts: &[&Observation],
) -> Option<Comparison> {
    let refused = facts.iter().any(|what| matches!(what, Observation::Refused { .. }));
    if !refused || !matches!(branch.due, Expected::Answer { granted: false } | Expected::Refusal(_))
    {
        return None;
    }
    let name = facts.iter().find_map(|what| match what {
        Observation::Closed { thread: ThreadLabel::Named(name) } => Some(*name),
        _ => None,
    })?;
    let thread = branch.world.threads.get(&name)?;
    if thread.live.is_none() || !thread.heard_by[0] {
        return None;
    }
    let words = ("the thread stays loaded", "it is unloaded".to_owned());
    let about = plain((Clause::T5, kind), LOADED, View::Wire, words);
    Some(broken(Mismatch { thread: Some(name), adopt: Adopt::Unloaded, ..about }))
}
