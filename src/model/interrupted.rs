//! Calls that a kill breaks off: R17, and R16 where a turn was to begin.
//!
//! What the server acknowledged before the kill is kept; of what it did not, the result is before
//! or after. How far a call came is observed and not predicted: there is a branch for each stage,
//! and the trace says which one it was. Nothing is loaded afterwards.

use std::collections::BTreeSet;

use itertools::Itertools;

use super::branch::{perhaps, restored_after_kill};
use super::concurrent::{before_all, beside, by_client, different, orders};
use super::simple::{in_doubt, met_by_later_calls, predict, stages};
use super::{Branch, Expected, Stage, Thread, World};
use crate::contract::Clause;
use crate::policy::Policy;
use crate::program::ops::Step;
use crate::program::ops::restart::Stop;
use crate::program::thread::ThreadName;

#[cfg(test)]
mod tests;

/// Threads that one request moves, at the most: of each it is open whether it was moved.
const MOVED_MAX: usize = 3;

/// The answers to a call, by whether it is granted.
struct Answers {
    granted: Vec<Branch>,
    refused: Vec<Branch>,
}

impl From<Vec<Branch>> for Answers {
    fn from(branches: Vec<Branch>) -> Answers {
        let (granted, refused) = branches.into_iter().partition(is_granted);
        Answers { granted, refused }
    }
}

/// One call, and a kill.
pub(super) fn killed(world: &World, inner: &Step) -> Vec<Branch> {
    let answers = Answers::from(predict(world, inner));
    let before = in_doubt(world, inner);
    let mut all = Vec::new();
    for stage in stages(inner) {
        if stage.acknowledged() {
            all.extend(answers.granted.iter().map(|branch| kept(world, branch, *stage)));
        } else {
            all.extend(unacknowledged(&before, &answers, *stage));
        }
    }
    let refused = answers.refused.into_iter();
    all.extend(refused.map(|branch| Branch { world: after_kill(&branch.world), ..branch }));
    different(all)
}

/// Calls at once, and a kill: in every order of them, each was acknowledged or not.
pub(super) fn parallel(world: &World, steps: &[Step]) -> Vec<Branch> {
    let mut all = Vec::new();
    for order in orders(steps.len()) {
        let one_more = |so_far: Vec<Branch>, lane: usize| {
            let after = |branch: &Branch| one_of_several(branch, &steps[lane], lane);
            different(so_far.iter().flat_map(after))
        };
        all.extend(order.into_iter().fold(vec![before_all(world, steps)], one_more));
    }
    let ended = |branch: Branch| Branch { world: after_kill(&branch.world), ..branch };
    without_covered(&different(all.into_iter().map(ended)))
}

/// Without the branches that others cover; of two that allow the same the first stays.
fn without_covered(all: &[Branch]) -> Vec<Branch> {
    let covered = |place: usize| {
        let narrow = &all[place];
        all.iter().enumerate().any(|(other, wide)| {
            let first = || other < place || !covers(narrow, wide);
            other != place && covers(wide, narrow) && first()
        })
    };
    (0..all.len()).filter(|place| !covered(*place)).map(|place| all[place].clone()).collect()
}

/// Whether no call was heard of in either branch, and the first one allows afterwards all that the
/// second one does.
fn covers(wide: &Branch, narrow: &Branch) -> bool {
    let unheard = |branch: &Branch| match &branch.due {
        Expected::All(dues) => dues
            .iter()
            .all(|due| matches!(due, Expected::Interrupted { stage, .. } if !stage.acknowledged())),
        _ => false,
    };
    let threads = &narrow.world.threads;
    let each = |(name, narrow): (&ThreadName, &Thread)| {
        let Some(wide) = wide.world.threads.get(name) else { return false };
        let allows = |policy: &Policy| wide.stored == *policy || wide.maybe.contains(policy);
        let state = |thread: &Thread| (thread.materialised, thread.uncertain, thread.archived);
        let mut policies = std::iter::once(&narrow.stored).chain(&narrow.maybe);
        state(wide) == state(narrow) && policies.all(allows)
    };
    unheard(wide)
        && unheard(narrow)
        && threads.len() == wide.world.threads.len()
        && threads.iter().all(each)
}

/// One more call after those that came before it.
fn one_of_several(so_far: &Branch, next: &Step, lane: usize) -> Vec<Branch> {
    let world = &so_far.world;
    let Answers { granted, mut refused } = by_client(world, next, lane).into();
    refused.iter_mut().for_each(|branch| branch.relies_on.clear());
    let mut all = refused;
    for branch in &granted {
        all.push(at(Stage::Acknowledged, branch.world.clone(), &branch.due));
        // What comes after a call of which nothing was heard meets what that has made of the
        // thread.
        if met_by_later_calls(next) {
            all.push(at(Stage::Nothing, branch.world.clone(), &branch.due));
        }
    }
    if let Some(first) = granted.first() {
        let others = with_possible_changes(world, next);
        let others = others.iter().flat_map(|world| by_client(world, next, lane));
        let others: Vec<Branch> = others.filter(is_granted).collect();
        let afters = granted.iter().chain(&others);
        let left = afters.fold(world.clone(), |left, after| perhaps(&left, &after.world));
        all.push(at(Stage::Nothing, left, &first.due));
    }
    all.into_iter().map(|branch| beside(so_far, lane, branch)).collect()
}

/// The worlds in which the changes were made that a thread of this step perhaps has.
fn with_possible_changes(world: &World, next: &Step) -> Vec<World> {
    let Some((name, thread)) = next.uses().and_then(|thread| world.thread(thread)) else {
        return Vec::new();
    };
    let made = |policy: &Policy| {
        let live = thread.live.as_ref().map(|_| policy.clone());
        let maybe = BTreeSet::new();
        world.with(name, Thread { live, stored: policy.clone(), maybe, ..thread.clone() })
    };
    thread.maybe.iter().map(made).collect()
}

fn is_granted(branch: &Branch) -> bool {
    !matches!(branch.due, Expected::Refusal(_) | Expected::Answer { granted: false })
}

fn at(stage: Stage, world: World, due: &Expected) -> Branch {
    let due = match due {
        // Nothing waits until an idle thread is unloaded.
        Expected::Closing { .. } => Expected::Nothing,
        due => due.clone(),
    };
    let due = Expected::Interrupted { stage, due: Box::new(due) };
    Branch { world, due, relies_on: Vec::new() }
}

fn after_kill(world: &World) -> World {
    world.unloaded(Stop::Kill, false)
}

/// The worlds in which it is not known what the call has changed: a policy waits until a cold read
/// says which it is, and each thread that was to be moved was or was not.
fn unacknowledged(world: &World, answers: &Answers, stage: Stage) -> Vec<Branch> {
    let Some(first) = answers.granted.first() else {
        return Vec::new();
    };
    let begun = stage.started().then_some(&first.world);
    let branches = answers.granted.iter().chain(&answers.refused);
    let afters: Vec<&World> = branches.map(|branch| &branch.world).collect();
    let left = before_or_after(world, &afters, begun);
    let moved = afters.iter().flat_map(|after| archived_by(world, after)).unique();
    let worlds = choices(&moved.sorted().collect_vec()).into_iter();
    let worlds = worlds.map(|moved| with_moved(&left, &moved));
    worlds.map(|world| at(stage, after_kill(&world), &first.due)).collect()
}

fn before_or_after(world: &World, afters: &[&World], begun: Option<&World>) -> World {
    let mut left = afters.iter().fold(world.clone(), |left, after| perhaps(&left, after));
    for (name, thread) in &mut left.threads {
        let would = || afters.iter().filter_map(|after| after.threads.get(name));
        // A turn that began, or was taken back, cannot be cut at for certain.
        thread.broken_off |=
            would().any(|would| would.turns != thread.turns || would.running.is_some());
        if thread.live.is_none() && would().any(|would| would.live.is_some()) {
            thread.trail.insert(Clause::R17);
        }
        // R16: a turn that was heard to start gives a thread its history.
        if let Some(begun) = begun.and_then(|begun| begun.threads.get(name))
            && begun.materialised
            && !thread.materialised
        {
            thread.materialised = true;
        }
        if world.threads.get(name).is_some_and(Thread::can_begin) {
            thread.restored = restored_after_kill(thread.restored);
        }
    }
    left
}

/// The threads that are archived in one of the worlds and not in the other.
fn archived_by(before: &World, after: &World) -> Vec<ThreadName> {
    let other = |name: &ThreadName, archived: bool| {
        after.threads.get(name).is_some_and(|after| after.archived != archived)
    };
    let all = before.threads.iter();
    all.filter(|(name, thread)| other(name, thread.archived)).map(|(name, _)| *name).collect()
}

/// None, and every choice of these; past the bound, none of them and all.
fn choices(names: &[ThreadName]) -> Vec<Vec<ThreadName>> {
    if names.len() > MOVED_MAX {
        return vec![Vec::new(), names.to_vec()];
    }
    names.iter().copied().powerset().collect()
}

fn with_moved(left: &World, moved: &[ThreadName]) -> World {
    let mut world = left.clone();
    for name in moved {
        world.threads.entry(*name).and_modify(|thread| thread.archived = !thread.archived);
    }
    world
}

/// What was acknowledged is kept. Whether a thread has a history by a turn that was not heard to
/// start is left open (R16), and no fork is cut for certain at the turn that was broken off.
fn kept(world: &World, branch: &Branch, stage: Stage) -> Branch {
    let mut after = branch.world.clone();
    if let Expected::Turn { thread: name, .. } = &branch.due
        && let (Some(old), Some(new)) = (world.threads.get(name), after.threads.get_mut(name))
    {
        new.turns = old.turns.clone();
        new.broken_off = true;
        if !stage.started() && !old.materialised {
            new.materialised = false;
            new.uncertain = true;
        }
        if old.can_begin() {
            new.restored = restored_after_kill(new.restored);
        }
    }
    // A server that is killed may still owe these.
    let owed = |clause: &&Clause| matches!(clause, Clause::T9 | Clause::W4);
    let relies_on = branch.relies_on.iter().filter(|clause| !owed(clause)).copied().collect();
    Branch { relies_on, ..at(stage, after_kill(&after), &branch.due) }
}
