//! What turns and settings have in common: T1 to T9 and U0 to U4.
//!
//! A turn runs with the thread's policy and what it overrides itself, and leaves it behind for the
//! turns that follow. While a turn runs nothing reaches it: what is asked for then is the next
//! turn's.

use super::branch::{Target, also_refused, exactly, faulty, general, refused};
use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::{DEFAULT, Dimension, Policy, Sandbox, Setting, TurnOverrides, Value};
use crate::program::operation::Operation;
use crate::program::ops::run::Run;
use crate::program::ops::settings::Settings;

/// What a change is cited as.
#[derive(Clone, Copy)]
pub(super) struct Cited {
    pub(super) kind: OpKind,
    pub(super) clause: Clause,
}

/// A turn with these overrides; `set` is the clause of a value that it sets.
pub(super) fn turn(
    world: &World,
    target: Target<'_>,
    overrides: &TurnOverrides,
    set: Clause,
) -> Vec<Branch> {
    let Target { name, thread } = target;
    if let Some(clause) = faulty(&world.defaults, overrides) {
        return refused(world, clause);
    }
    if thread.running.is_some() {
        return change(world, target, overrides, Cited { kind: Run::KIND, clause: Clause::T6 });
    }
    let live = thread.live.as_ref().expect("the thread is loaded");
    let policy = world.judged(live.with(overrides));
    let kept = if thread.materialised { Clause::T2 } else { first_turn(thread) };
    let own = if overrides.sets_any() { set } else { kept };
    let kept_profile = if world.keeps_tables(thread, live) { Clause::L5 } else { kept };
    let citations = Citations::all(Run::KIND, kept)
        .with(&[Dimension::PP], kept_profile)
        .with(&[Dimension::WR], Clause::WR1)
        .where_set(set, overrides)
        .cited_as(own);
    let mut citations = with_own_roots(world, overrides, citations);
    if overrides.tier_once.is_some() && !overrides.sets(Dimension::T) {
        citations = citations.with(&[Dimension::T], Clause::T8);
    }
    let notice = notice(thread, &policy, overrides);
    let mut next = thread.moved(policy.clone(), citations);
    next.materialised = true;
    next.kept_profile &= !overrides.sets(Dimension::PP);
    next.restored = Citations::RESTORED;
    next.turns.push(policy.clone());
    let mut relies_on = general(overrides);
    relies_on.extend([Clause::T9, Clause::W4, Clause::G9]);
    relies_on.extend(overrides.sets_any().then_some(Clause::G3));
    relies_on.extend(thread.ephemeral.then_some(Clause::S7));
    relies_on.extend(overrides.sets(Dimension::T).then_some(Clause::T8));
    let due = Expected::Turn { thread: name, policy, citations, notice };
    new_profile(world, overrides, exactly(world.with(name, next), due, relies_on))
}

/// What is asked for is the next turn's; no turn starts by it.
pub(super) fn change(
    world: &World,
    target: Target<'_>,
    overrides: &TurnOverrides,
    cited: Cited,
) -> Vec<Branch> {
    let Target { name, thread } = target;
    let Cited { kind, clause } = cited;
    let live = thread.live.as_ref().expect("the thread is loaded");
    let policy = world.judged(live.with(overrides));
    let citations =
        Citations { kind, ..thread.cited }.where_set(clause, overrides).cited_as(clause);
    let citations = with_own_roots(world, overrides, citations);
    let notice = notice(thread, &policy, overrides);
    let mut next = thread.moved(policy.clone(), citations);
    next.kept_profile &= !overrides.sets(Dimension::PP);
    let durable = if thread.materialised { Clause::U3 } else { Clause::U4 };
    next.restored = thread.restored.where_set(durable, overrides);
    let mut relies_on = general(overrides);
    relies_on.extend([clause, Clause::T9]);
    relies_on.extend(thread.running.is_some().then_some(Clause::U1));
    let due = Expected::Change { thread: name, policy, citations, notice };
    new_profile(world, overrides, exactly(world.with(name, next), due, relies_on))
}

/// L6: a workspace that a turn asks for has its own roots, where config has others or had them.
fn with_own_roots(world: &World, overrides: &TurnOverrides, citations: Citations) -> Citations {
    let workspace = matches!(overrides.sandbox.value(), Some(Sandbox::WorkspaceWrite { .. }));
    if workspace && (world.had_roots || !world.defaults.roots.is_empty()) {
        citations.with(&[Dimension::SB, Dimension::PP], Clause::L6)
    } else {
        citations
    }
}

/// The contract does not say whether a loaded thread knows a profile that config gained under it.
fn new_profile(world: &World, overrides: &TurnOverrides, branches: Vec<Branch>) -> Vec<Branch> {
    match overrides.profile.value() {
        Some(id) if world.gained.contains(id) => also_refused(world, branches),
        _ => branches,
    }
}

/// What a first turn's values rest on: settings that came before it (U4), else T2.
fn first_turn(thread: &Thread) -> Clause {
    if thread.cited.kind == Settings::KIND { Clause::U4 } else { Clause::T2 }
}

/// Whether a notice is due (T9): an effective change is noticed to every subscriber. None where it
/// is open whether the change is effective.
fn notice(thread: &Thread, after: &Policy, overrides: &TurnOverrides) -> Option<bool> {
    let before = thread.live.as_ref().expect("the thread is loaded");
    if !thread.heard_by[0] {
        return None;
    }
    // A value of before that was never stated.
    if overrides.dimensions().iter().any(|(dimension, ..)| before.value(*dimension).is_none()) {
        return None;
    }
    // A tier that no start's reply took (T8).
    if overrides.sets(Dimension::T) && !after.others.contains_key(&Dimension::T) {
        return None;
    }
    if before != after {
        // Not every release states the roots in a notice.
        let same = Value::Other(Dimension::WR, String::new());
        let elsewhere = before.replaced(same.clone()) != after.replaced(same);
        return elsewhere.then_some(true);
    }
    // The same profile may mean something else now.
    let profile = Value::Permissions(after.permissions.clone()).dimension() == Dimension::PP;
    let resolved = profile && overrides.profile.value().is_some();
    // The same mode may have had other instructions.
    let instructed = overrides.sets(Dimension::CM);
    // No tier may be the tier `default`.
    let tier = match overrides.others.get(&Dimension::T) {
        Some(Setting::Null) => true,
        Some(Setting::Set(tier)) => tier == DEFAULT,
        Some(Setting::Omit) | None => false,
    };
    (!resolved && !instructed && !tier).then_some(false)
}
