//! The rules of calls that a kill breaks off: R17, and R16 where a turn was to begin.
//!
//! What the server acknowledged before the kill is kept; of what it did not, the result is before
//! or after. Which of them it acknowledged is seen and not predicted: there is a branch for each
//! stage that a call can come to, and the trace says which one it came to. Nothing is loaded
//! afterwards.

use crate::program::ops::action::ThreadAction;
use std::collections::BTreeSet;

use super::concurrent::{orders, perhaps, second};
use super::rules::step;
use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::Policy;
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::ops::restart::Stop;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;

#[cfg(test)]
mod tests;

/// Threads that one request moves, at the most: of each it is open whether it was moved.
const MOVED_MAX: usize = 3;

/// How far a call has come: whether what it changes was acknowledged, and whether its turn was
/// heard to start.
type Stage = (bool, bool);

pub(super) fn torn(world: &World, inner: &Step) -> Vec<Branch> {
    if let Step::Parallel(steps) = inner {
        return at_once(world, steps);
    }
    let answers = step(world, inner);
    let (granted, refused): (Vec<Branch>, Vec<Branch>) = answers.into_iter().partition(is_granted);
    let before = in_doubt(world, inner);
    let stages = stages(inner).iter();
    let mut all: Vec<Branch> = stages
        .flat_map(|stage| match *stage {
            (false, started) => unacknowledged(&before, (&granted, &refused), started),
            (true, started) => granted.iter().map(|one| kept(world, one, started)).collect(),
        })
        .collect();
    all.extend(refused.iter().map(|one| Branch { world: killed(&one.world), ..one.clone() }));
    different(all)
}

fn different(all: Vec<Branch>) -> Vec<Branch> {
    let mut different: Vec<Branch> = Vec::new();
    for branch in all {
        if !different.contains(&branch) {
            different.push(branch);
        }
    }
    different
}

/// Calls at once, and a kill: in every order of them, each was acknowledged or not.
fn at_once(world: &World, steps: &[Step]) -> Vec<Branch> {
    let nothing = Branch {
        world: World { joined: true, ..world.clone() },
        due: Expected::All(vec![Expected::Nothing; steps.len()]),
        rests: vec![Clause::O14],
    };
    let mut all = Vec::new();
    for order in orders(steps.len()) {
        let one_more = |so_far: Vec<Branch>, lane: &usize| {
            let after = |branch: &Branch| one_of_several(branch, &steps[*lane], *lane);
            different(so_far.iter().flat_map(after).collect())
        };
        all.extend(order.iter().fold(vec![nothing.clone()], one_more));
    }
    let ended = |branch: Branch| Branch { world: killed(&branch.world), ..branch };
    let all = different(all.into_iter().map(ended).collect());
    // Of two that allow the same the first stays.
    let covered = |place: usize| {
        let covers = |(other, wide): (usize, &Branch)| {
            other != place
                && covers(wide, &all[place])
                && (other < place || !covers(&all[place], wide))
        };
        all.iter().enumerate().any(covers)
    };
    (0..all.len()).filter(|place| !covered(*place)).map(|place| all[place].clone()).collect()
}

/// Whether nobody heard of any call in either branch, and all that the second one allows afterwards
/// the first allows too.
fn covers(wide: &Branch, narrow: &Branch) -> bool {
    let unheard = |branch: &Branch| match &branch.due {
        Expected::All(dues) => {
            dues.iter().all(|due| matches!(due, Expected::Interrupted { acknowledged: false, .. }))
        }
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
    let Expected::All(dues) = &so_far.due else {
        return Vec::new();
    };
    // The first call is the first client's, the others are those of further ones.
    let answers = |world: &World| match lane {
        0 => step(world, next),
        _ => second(world, next),
    };
    let world = &so_far.world;
    let (granted, refused): (Vec<Branch>, Vec<Branch>) =
        answers(world).into_iter().partition(is_granted);
    let mut all = refused;
    for one in &granted {
        all.push(at((true, false), one.world.clone(), &one.due));
        // What comes after a call that nobody heard of meets what that has made of the thread.
        if matches!(next, Step::Resume(_) | Step::Settings(_)) {
            all.push(at((false, false), one.world.clone(), &one.due));
        }
    }
    if let Some(first) = granted.first() {
        let others = as_perhaps(world, next);
        let others: Vec<Branch> = others.iter().flat_map(answers).filter(is_granted).collect();
        let afters = granted.iter().chain(&others);
        let left = afters.fold(world.clone(), |left, after| perhaps(&left, &after.world));
        all.push(at((false, false), left, &first.due));
    }
    let joined = |branch: Branch| {
        let mut dues = dues.clone();
        dues[lane] = branch.due;
        Branch { world: branch.world, due: Expected::All(dues), rests: so_far.rests.clone() }
    };
    all.into_iter().map(joined).collect()
}

/// The worlds in which the changes were made that a thread of this step perhaps has.
fn as_perhaps(world: &World, next: &Step) -> Vec<World> {
    let Some((name, thread)) = next.uses().and_then(|who| world.thread(who)) else {
        return Vec::new();
    };
    let made = |policy: &Policy| {
        let live = thread.live.as_ref().map(|_| policy.clone());
        let maybe = BTreeSet::new();
        world.with(name, Thread { live, stored: policy.clone(), maybe, ..thread.clone() })
    };
    thread.maybe.iter().map(made).collect()
}

/// Every stage that a call can come to.
fn stages(inner: &Step) -> &'static [Stage] {
    match inner {
        Step::Start(_) | Step::Fork(_) | Step::Resume(_) | Step::Settings(_) => {
            &[(false, false), (true, false)]
        }
        Step::Run(_) | Step::Begin(_) => {
            &[(false, false), (false, true), (true, false), (true, true)]
        }
        Step::Action(ThreadAction { action: Action::Compact | Action::Review, .. }) => {
            &[(false, false), (false, true)]
        }
        _ => &[(false, false)],
    }
}

fn is_granted(branch: &Branch) -> bool {
    !matches!(branch.due, Expected::Refusal(_) | Expected::Answer { granted: false })
}

/// Nobody waits until an idle thread is unloaded.
fn comparable(due: &Expected) -> Expected {
    match due {
        Expected::Closing { .. } => Expected::Nothing,
        due => due.clone(),
    }
}

fn at(stage: Stage, world: World, due: &Expected) -> Branch {
    let (acknowledged, started) = stage;
    let due = Expected::Interrupted { acknowledged, started, due: Box::new(comparable(due)) };
    Branch { world, due, rests: Vec::new() }
}

fn killed(world: &World) -> World {
    world.unloaded(Stop::Kill, false)
}

/// The worlds in which nobody knows what the call has changed: a policy waits until a cold read
/// says which it is, and each thread that was to be moved was or was not.
fn unacknowledged(
    world: &World,
    (granted, refused): (&[Branch], &[Branch]),
    started: bool,
) -> Vec<Branch> {
    let Some(first) = granted.first() else {
        return Vec::new();
    };
    let begun = started.then_some(&first.world);
    let afters: Vec<&World> = granted.iter().chain(refused).map(|branch| &branch.world).collect();
    let left = before_or_after(world, &afters, begun);
    let moved: BTreeSet<ThreadName> =
        afters.iter().flat_map(|one| archived_by(world, one)).collect();
    let moved: Vec<ThreadName> = moved.into_iter().collect();
    let worlds = subsets(&moved).into_iter().map(|moved| with_moved(&left, &moved));
    worlds.map(|world| at((false, started), killed(&world), &first.due)).collect()
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
            thread.restored = begun_by(thread.restored);
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
fn subsets(names: &[ThreadName]) -> Vec<Vec<ThreadName>> {
    if names.len() > MOVED_MAX {
        return vec![Vec::new(), names.to_vec()];
    }
    names.iter().fold(vec![Vec::new()], |smaller, name| {
        let with = smaller.iter().map(|one| [one.clone(), vec![*name]].concat());
        smaller.iter().cloned().chain(with).collect()
    })
}

fn with_moved(left: &World, moved: &[ThreadName]) -> World {
    let mut world = left.clone();
    for name in moved {
        world.threads.entry(*name).and_modify(|thread| thread.archived = !thread.archived);
    }
    world
}

/// A thread that comes back with the history of a call that was broken off has the policy before
/// it or after it, never a third one.
fn begun_by(restored: Citations) -> Citations {
    match restored.main() {
        Clause::O3 | Clause::O7 | Clause::O8 => restored,
        _ => Citations::all(OpKind::Resume, Clause::R17),
    }
}

/// A history that is written anew may be broken off in the middle.
fn in_doubt(world: &World, inner: &Step) -> World {
    let mut before = world.clone();
    if let Step::Action(ThreadAction { action: Action::Revert, thread: ThreadRef::Thread(name) }) =
        inner
        && let Some(thread) = before.threads.get_mut(name)
    {
        thread.restored = begun_by(thread.restored);
    }
    before
}

/// What was acknowledged is kept. Whether a thread has a history by a turn that was not heard to
/// start is left open (R16), and no fork is cut for certain at the turn that was broken off.
fn kept(world: &World, branch: &Branch, started: bool) -> Branch {
    let mut after = branch.world.clone();
    if let Expected::Turn { thread: name, .. } = &branch.due
        && let (Some(old), Some(new)) = (world.threads.get(name), after.threads.get_mut(name))
    {
        new.turns = old.turns.clone();
        new.broken_off = true;
        if !started && !old.materialised {
            new.materialised = false;
            new.uncertain = true;
        }
        if old.can_begin() {
            new.restored = begun_by(new.restored);
        }
    }
    // What a server that is killed may still owe is nobody's to miss.
    let owed = |clause: &&Clause| matches!(clause, Clause::T9 | Clause::W4);
    let rests = branch.rests.iter().filter(|clause| !owed(clause)).copied().collect();
    Branch { rests, ..at((true, started), killed(&after), &branch.due) }
}
