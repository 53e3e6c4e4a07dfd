//! The rules of what is no matter of policy: O1 to O10.
//!
//! Whether the server grants such a request is nobody's rule; that it leaves policy as it was is.
//! The next look says so under the act's own clause, and the next cold read relies on it.

use super::rules::{either, loaded, or_refused, quiet, refused, stated};
use super::turns::closing;
use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::{Approval, Dimension, Policy};
use crate::program::ops::action::Action;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;

pub(super) fn act(world: &World, who: ThreadRef, act: Action) -> Vec<Branch> {
    let Some((name, thread)) = world.thread(who) else {
        return either(world, world.clone());
    };
    let found = (name, thread);
    match act {
        Action::Name | Action::Shell => either(
            world,
            world.with(name, perhaps_begun(under(thread, act, Clause::O8), Clause::O8)),
        ),
        Action::Read | Action::List => {
            either(world, world.with(name, under(thread, act, Clause::O8)))
        }
        Action::Revert => reverted(world, found),
        Action::Archive => archived(world, found, true),
        Action::Unarchive => archived(world, found, false),
        Action::Unsubscribe | Action::Unload => unsubscribed(world, found),
        Action::Inject => either(world, world.with(name, begun(thread.clone()))),
        Action::Compact => own_turn(world, found, (act, Clause::O4)),
        Action::Review => review(world, found),
        Action::Goal | Action::Queue => own_turn(world, found, (act, Clause::O6)),
    }
}

/// The thread as it was, and the next look at it under this clause.
fn under(thread: &Thread, act: Action, clause: Clause) -> Thread {
    let mut after = thread.clone();
    after.ruled = Citations::all(OpKind::Action(act), clause);
    after.trail.insert(clause);
    after
}

/// The thread has a history from now on.
fn begun(mut thread: Thread) -> Thread {
    thread.materialised |= !thread.ephemeral;
    thread
}

/// Whether the thread has a history from now on is open; if it has, its policy is its own (R16).
fn perhaps_begun(mut thread: Thread, clause: Clause) -> Thread {
    if !thread.materialised {
        thread.uncertain = true;
        thread.restored = Citations::all(OpKind::Resume, clause);
    }
    thread
}

/// Turns are taken back, one that runs with them. Which are left is nobody's rule, and whether
/// one that runs goes on when the request is refused.
fn reverted(world: &World, (name, thread): (ThreadName, &Thread)) -> Vec<Branch> {
    let mut after = under(thread, Action::Revert, Clause::O1);
    after.running = None;
    after.turns.clear();
    let branches = either(world, world.with(name, after));
    match thread.running.is_some() {
        true => {
            let stopped = Thread { running: None, ..thread.clone() };
            let due = Expected::Answer { granted: false };
            let refused = Branch { world: world.with(name, stopped), due, rests: Vec::new() };
            branches.into_iter().chain([refused]).collect()
        }
        false => branches,
    }
}

fn archived(world: &World, (name, thread): (ThreadName, &Thread), archive: bool) -> Vec<Branch> {
    if thread.archived == archive || thread.ephemeral {
        return either(world, world.clone());
    }
    let alone = world.with(name, moved_away(thread, archive));
    let mut all = alone.clone();
    for name in world.spawned_by(name) {
        all.threads.entry(name).and_modify(|child| *child = moved_away(child, archive));
    }
    // Whether its subagents go and come with it is nobody's rule.
    let mut branches = either(world, alone.clone());
    branches.extend((all != alone).then(|| either(world, all).swap_remove(0)));
    branches
}

fn moved_away(thread: &Thread, archive: bool) -> Thread {
    let mut after = perhaps_begun(thread.clone(), Clause::O3);
    after.unload();
    after.archived = archive;
    after.trail.insert(Clause::O3);
    after
}

fn unsubscribed(world: &World, (name, thread): (ThreadName, &Thread)) -> Vec<Branch> {
    if thread.live.is_none() {
        return either(world, world.clone());
    }
    let mut after = thread.clone();
    after.heard_by[world.speaker] = false;
    match after.unheard() && after.running.is_none() {
        true => closing(world, (name, after)),
        false => either(world, world.with(name, after)),
    }
}

/// A turn of the server's own, with the thread's policy of this moment. It may have interrupted the
/// one that ran. A request that the server takes for a thread that is not loaded waits for it, and
/// a resume starts its turn.
fn own_turn(
    world: &World,
    (name, thread): (ThreadName, &Thread),
    (act, clause): (Action, Clause),
) -> Vec<Branch> {
    let Some(live) = thread.live.clone() else {
        return either(world, world.with(name, begun(thread.clone())));
    };
    let first = !thread.materialised;
    let mut after = begun(under(thread, act, clause));
    after.running = None;
    // A turn that is not heard has no name by which a fork could be cut.
    after.turns.extend(thread.heard_by[0].then(|| live.clone()));
    if first && act == Action::Goal {
        after.restored = Citations::all(OpKind::Resume, Clause::O7);
    }
    let ruling = Citations::all(OpKind::Action(act), clause);
    let due = Expected::ModelContext { thread: name, policy: live, ruling };
    let mut rests = vec![clause];
    rests.extend((first && act == Action::Goal).then_some(Clause::O7));
    or_refused(world, stated(world.with(name, after), due, rests))
}

/// O5: never, and the thread's permissions.
fn review(world: &World, (name, thread): (ThreadName, &Thread)) -> Vec<Branch> {
    let Some(live) = thread.live.clone() else {
        return either(world, world.with(name, begun(thread.clone())));
    };
    let mut after = begun(under(thread, Action::Review, Clause::O5));
    after.running = None;
    let mut policy = live;
    policy.approval = Approval::Never;
    let ruling = Citations::all(OpKind::Action(Action::Review), Clause::O5);
    let due = Expected::ModelContext { thread: name, policy, ruling };
    or_refused(world, stated(world.with(name, after), due, vec![Clause::O5]))
}

/// O9: a subagent starts with its parent's policy. Whether the model can spawn one is the
/// release's matter.
pub(super) fn spawn(world: &World, who: ThreadRef, new: ThreadName) -> Vec<Branch> {
    let Some((parent, thread)) = loaded(world, who) else {
        return refused(world, Clause::R0);
    };
    let live = thread.live.clone().expect("the thread is loaded");
    if thread.running.is_some() {
        return quiet(world.clone());
    }
    let mut next = begun(thread.clone());
    next.turns.push(live.clone());
    next.restored = Citations::RESTORED;
    let mut policy = live;
    policy.others.retain(|dimension, _| *dimension == Dimension::CWD);
    let ruling = Citations::all(OpKind::Spawn, Clause::O9);
    let child = Thread {
        parent: Some(parent),
        materialised: !thread.ephemeral,
        ephemeral: thread.ephemeral,
        // Whoever is connected hears of it, without asking.
        heard_by: [true, world.joined],
        ..Thread::new(policy.clone(), ruling)
    };
    let without = world.with(parent, next);
    let with = without.with(new, child);
    let due = Expected::ModelContext { thread: new, policy, ruling };
    let mut branches = stated(with, due, vec![Clause::O9, Clause::W4]);
    branches.extend(either(&without, without.clone()).into_iter().take(1));
    branches
}

/// O10: a later turn of a subagent is not wider than its parent's present policy.
pub(super) fn task(world: &World, who: ThreadRef) -> Vec<Branch> {
    let child = loaded(world, who);
    let parent = child.and_then(|(_, child)| loaded(world, ThreadRef::Thread(child.parent?)));
    match (child, parent) {
        (Some((name, thread)), Some((_, parent))) => {
            let own = thread.live.clone().expect("the subagent is loaded");
            let bound = parent.live.clone().expect("the parent is loaded");
            // Whether the subagent is held to it for that turn alone is nobody's rule.
            let (approval, reviewer) = (bound.approval.clone(), bound.reviewer.clone());
            let held = Policy { approval, reviewer, permissions: bound.permissions.clone(), ..own };
            let ruling = Citations::all(OpKind::SubagentTurn, Clause::O10);
            let worlds = [world.clone(), world.with(name, thread.moved(held, ruling))];
            let due = Expected::Within { thread: name, bound };
            let branch = |world| stated(world, due.clone(), vec![Clause::O10]);
            worlds.into_iter().flat_map(branch).collect()
        }
        _ => quiet(world.clone()),
    }
}
