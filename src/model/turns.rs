//! The rules of turns and of settings: T1 to T9 and U0 to U4.
//!
//! A turn runs with the thread's policy and what it overrides itself, and leaves it behind for
//! those that follow. While a turn runs nothing reaches it: what is asked for then is the next
//! turn's. A thread that is not loaded takes neither (R0).

use super::rules::{either, faulty, general, loaded, or_refused, quiet, refused, stated};
use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::{DEFAULT, Dimension, Policy, Reviewer, Setting, TurnOverrides, Value};
use crate::program::ops::run::Flaw;
use crate::program::reply::Reply;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;

/// T3 is the stance on a turn that fails or is interrupted: it did start, so its override holds.
pub(super) fn run(
    world: &World,
    who: ThreadRef,
    overrides: &TurnOverrides,
    (flaw, reply): (Option<Flaw>, &Reply),
) -> Vec<Branch> {
    let set = match reply {
        Reply::Text(_) | Reply::Call { .. } | Reply::Probe(..) => Clause::T1,
        Reply::Fail | Reply::Status(_) | Reply::Drop | Reply::Hold => Clause::T3,
    };
    match (loaded(world, who), flaw) {
        (None, _) => refused(world, Clause::R0),
        (Some(_), Some(Flaw::ProfileWithSandbox)) => refused(world, Clause::G5),
        (Some(_), Some(_)) => refused(world, Clause::T5),
        (Some(found), None) => turn(world, found, overrides, set),
    }
}

/// The turn runs on; nobody knows yet how it ends.
pub(super) fn begin(world: &World, who: ThreadRef, overrides: &TurnOverrides) -> Vec<Branch> {
    let Some((name, thread)) = loaded(world, who) else {
        return refused(world, Clause::R0);
    };
    let steered = thread.running.is_some();
    let mut branches = turn(world, (name, thread), overrides, Clause::T1);
    for branch in &mut branches {
        if let (false, Expected::Turn { policy, .. }) = (steered, &branch.due) {
            let begun = branch.world.threads.get_mut(&name).expect("a turn was granted");
            begun.running = Some(policy.clone());
        }
    }
    branches
}

fn turn(
    world: &World,
    (name, thread): (ThreadName, &Thread),
    overrides: &TurnOverrides,
    set: Clause,
) -> Vec<Branch> {
    if let Some(clause) = faulty(&world.defaults, overrides) {
        return refused(world, clause);
    }
    if thread.running.is_some() {
        return change(world, (name, thread), overrides, (OpKind::Run, Clause::T6));
    }
    let live = thread.live.as_ref().expect("the thread is loaded");
    let policy = world.judged(live.with(overrides));
    let kept = if thread.materialised { Clause::T2 } else { unstarted(thread) };
    let own = if overrides.sets_any() { set } else { kept };
    let mut ruling = Citations::all(OpKind::Run, kept).where_set(set, overrides).under(own);
    if overrides.tier_once.is_some() && !overrides.sets(Dimension::T) {
        ruling = ruling.with(&[Dimension::T], Clause::T8);
    }
    let notice = noticed(thread, live, &policy, overrides);
    let mut next = thread.moved(policy.clone(), ruling);
    next.materialised = true;
    next.restored = Citations::RESTORED;
    next.turns.push(policy.clone());
    let mut rests = general(overrides);
    rests.extend([Clause::T9, Clause::W4, Clause::G9]);
    rests.extend(overrides.sets_any().then_some(Clause::G3));
    rests.extend(thread.ephemeral.then_some(Clause::S7));
    rests.extend(overrides.sets(Dimension::T).then_some(Clause::T8));
    let due = Expected::Turn { thread: name, policy, ruling, notice };
    gained(world, overrides, stated(world.with(name, next), due, rests))
}

/// Whether a loaded thread knows a profile that config gained under it is nobody's rule.
fn gained(world: &World, overrides: &TurnOverrides, branches: Vec<Branch>) -> Vec<Branch> {
    match overrides.profile.value() {
        Some(id) if world.gained.contains(id) => or_refused(world, branches),
        _ => branches,
    }
}

/// What a first turn's values rest on: settings that came before it (U4), else T2.
fn unstarted(thread: &Thread) -> Clause {
    if thread.ruled.kind == OpKind::Settings { Clause::U4 } else { Clause::T2 }
}

/// What was asked for is the next turn's; no turn starts by it.
fn change(
    world: &World,
    (name, thread): (ThreadName, &Thread),
    overrides: &TurnOverrides,
    (kind, clause): (OpKind, Clause),
) -> Vec<Branch> {
    let live = thread.live.as_ref().expect("the thread is loaded");
    let policy = world.judged(live.with(overrides));
    let ruling = Citations { kind, ..thread.ruled }.where_set(clause, overrides).under(clause);
    let notice = noticed(thread, live, &policy, overrides);
    let mut next = thread.moved(policy.clone(), ruling);
    let durable = if thread.materialised { Clause::U3 } else { Clause::U4 };
    next.restored = thread.restored.where_set(durable, overrides);
    let mut rests = general(overrides);
    rests.extend([clause, Clause::T9]);
    rests.extend(thread.running.is_some().then_some(Clause::U1));
    let due = Expected::Change { thread: name, policy, ruling, notice };
    gained(world, overrides, stated(world.with(name, next), due, rests))
}

/// Whether a notice is due: an effective change is noticed to whoever hears of the thread. What
/// the same profile means now, what a value was that nobody stated, which instructions the same
/// mode had and whether no tier is the tier `default` is not known.
fn noticed(
    thread: &Thread,
    before: &Policy,
    after: &Policy,
    overrides: &TurnOverrides,
) -> Option<bool> {
    let unknown = overrides.others.keys().any(|one| !before.others.contains_key(one));
    let profile = Value::Permissions(after.permissions.clone()).dimension() == Dimension::PP;
    let resolved = profile && overrides.profile.value().is_some();
    let instructed = overrides.sets(Dimension::CM);
    let tier = match overrides.others.get(&Dimension::T) {
        Some(Setting::Null) => true,
        Some(Setting::Set(tier)) => tier == DEFAULT,
        Some(Setting::Omit) | None => false,
    };
    let untold = overrides.sets(Dimension::T) && !after.others.contains_key(&Dimension::T);
    let open = unknown || untold || before == after && (resolved || instructed || tier);
    (thread.heard_by[0] && !open).then_some(before != after)
}

pub(super) fn settings(world: &World, who: ThreadRef, overrides: &TurnOverrides) -> Vec<Branch> {
    let overrides = &overrides.clone().cleared();
    let Some((name, thread)) = loaded(world, who) else {
        return refused(world, Clause::R0);
    };
    if let Some(clause) = faulty(&world.defaults, overrides) {
        return refused(world, clause);
    }
    let clause = if thread.materialised { Clause::U1 } else { Clause::U4 };
    let mut branches = change(world, (name, thread), overrides, (OpKind::Settings, clause));
    branches.iter_mut().for_each(|branch| branch.rests.push(Clause::U0));
    branches
}

/// The end of a turn leaves the policy as it is, and the turn goes on to it with its own, whatever
/// was said meanwhile; a thread that nobody hears may be unloaded then.
pub(super) fn finish(world: &World, who: ThreadRef) -> Vec<Branch> {
    let Some((name, thread)) = world.thread(who) else {
        return quiet(world.clone());
    };
    let idle = Thread { running: None, ..thread.clone() };
    match &thread.running {
        Some(_) if thread.unheard() => closing(world, (name, idle)),
        Some(running) => {
            let clause = match thread.ruled.main() {
                said @ (Clause::T6 | Clause::T7 | Clause::U1) => said,
                _ => Clause::T1,
            };
            let ruling = Citations::all(OpKind::Run, clause);
            let due = Expected::ModelContext { thread: name, policy: running.clone(), ruling };
            stated(world.with(name, idle), due, Vec::new())
        }
        None => quiet(world.with(name, idle)),
    }
}

/// The thread is unloaded, or not yet.
pub(super) fn closing(world: &World, (name, thread): (ThreadName, Thread)) -> Vec<Branch> {
    let still = world.with(name, thread);
    let gone = still.closed(name).expect("it is idle, and nobody hears it");
    let branch = |world, closed| {
        let due = Expected::Closing { thread: name, closed };
        Branch { world, due, rests: Vec::new() }
    };
    vec![branch(gone, true), branch(still, false)]
}

/// Steering says something to the running turn, and changes no policy.
pub(super) fn steer(world: &World, who: ThreadRef) -> Vec<Branch> {
    match loaded(world, who) {
        None => refused(world, Clause::R0),
        Some((name, thread)) => {
            let mut steered = thread.clone();
            if thread.running.is_some() {
                steered.ruled = Citations::all(OpKind::Steer, Clause::T6);
            }
            either(world, world.with(name, steered))
        }
    }
}

/// T7: one running turn alone; the thread's own policy stays.
pub(super) fn retune(world: &World, who: ThreadRef, reviewer: &Reviewer) -> Vec<Branch> {
    match loaded(world, who) {
        Some((name, thread)) if thread.running.is_some() => {
            let ruled = Citations::all(OpKind::TurnSettings, Clause::T7);
            let mut tuned = Thread { ruled, ..thread.clone() };
            tuned.running.iter_mut().for_each(|turn| turn.reviewer = reviewer.clone());
            either(world, world.with(name, tuned))
        }
        _ => either(world, world.clone()),
    }
}
