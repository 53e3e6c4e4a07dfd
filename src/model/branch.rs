//! Branches and what rules have in common.

use std::collections::BTreeSet;

use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::order::allows_more;
use crate::policy::{Defaults, Dimension, Overrides, Permissions, Policy, Profile, TurnOverrides};
use crate::program::thread::{ThreadName, ThreadRef};

/// A thread that exists, with its name.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) name: ThreadName,
    pub(super) thread: &'a Thread,
}

/// The request is refused under this clause, and changes nothing.
pub(super) fn refused(world: &World, clause: Clause) -> Vec<Branch> {
    vec![Branch { world: world.clone(), due: Expected::Refusal(clause), relies_on: vec![clause] }]
}

/// The contract does not say what the server answers.
pub(super) fn no_expectation(world: World) -> Vec<Branch> {
    vec![Branch { world, due: Expected::Nothing, relies_on: Vec::new() }]
}

pub(super) fn exactly(world: World, due: Expected, relies_on: Vec<Clause>) -> Vec<Branch> {
    vec![Branch { world, due, relies_on }]
}

/// The request may be granted, with this world after it, or refused, and then changes nothing.
pub(super) fn granted_or_refused(world: &World, after: World) -> Vec<Branch> {
    vec![granted(after), refused_freely(world)]
}

/// These branches, or a refusal that changes nothing.
pub(super) fn also_refused(world: &World, mut branches: Vec<Branch>) -> Vec<Branch> {
    branches.push(refused_freely(world));
    branches
}

/// The request is granted, and nothing more is expected of the answer.
pub(super) fn granted(after: World) -> Branch {
    Branch { world: after, due: Expected::Answer { granted: true }, relies_on: Vec::new() }
}

/// The request is refused, which the contract allows and does not demand.
pub(super) fn refused_freely(world: &World) -> Branch {
    Branch { world: world.clone(), due: Expected::Answer { granted: false }, relies_on: Vec::new() }
}

/// The thread is unloaded by idleness, or not yet.
pub(super) fn closed_or_not(world: &World, name: ThreadName, thread: Thread) -> Vec<Branch> {
    let still = world.with(name, thread);
    let gone = still.closed(name).expect("it is idle, and no client is subscribed");
    let branch = |world, closed| {
        let due = Expected::Closing { thread: name, closed };
        Branch { world, due, relies_on: Vec::new() }
    };
    vec![branch(gone, true), branch(still, false)]
}

/// The thread, if it is loaded.
pub(super) fn loaded(world: &World, thread: ThreadRef) -> Option<Target<'_>> {
    let (name, thread) = world.thread(thread)?;
    thread.live.is_some().then_some(Target { name, thread })
}

/// The thread, if it can be resumed and forked; else the clause by which it cannot.
pub(super) fn reachable(world: &World, thread: ThreadRef) -> Result<Target<'_>, Clause> {
    match world.thread(thread) {
        None => Err(Clause::R16),
        Some((_, thread)) if thread.ephemeral => Err(Clause::S7),
        Some((_, thread)) if thread.archived => Err(Clause::R16),
        Some((_, thread)) if !thread.may_have_history() => Err(Clause::R16),
        Some((name, thread)) => Ok(Target { name, thread }),
    }
}

/// The clause by which overrides must be refused, if they must.
pub(super) fn faulty<S>(defaults: &Defaults, overrides: &Overrides<S>) -> Option<Clause> {
    let both = overrides.sandbox.value().is_some() && overrides.profile.value().is_some();
    match overrides.profile.value() {
        _ if both && !overrides.by_config => Some(Clause::G5),
        Some(_) if overrides.defined_profile().is_some() => None,
        Some(id) if !defaults.defines(id) => Some(Clause::T5),
        _ => None,
    }
}

/// The general clauses that a call with these overrides relies on.
pub(super) fn general<S>(overrides: &Overrides<S>) -> Vec<Clause> {
    let about = overrides.dimensions();
    let set = about.iter().filter(|(_, set, _)| *set).count();
    let mut relies_on = vec![Clause::G1];
    relies_on.extend(about.iter().any(|(_, _, null)| *null).then_some(Clause::G2));
    relies_on.extend((set > 0 && set < 3).then_some(Clause::G4));
    relies_on.extend(overrides.sets(Dimension::SB).then_some(Clause::G6));
    relies_on.extend((overrides.by_config && set > 0).then_some(Clause::R12));
    relies_on
}

/// The clause that a set value rests on: the call's own, or R12 where it goes through `config`.
pub(super) fn set_by<S>(overrides: &Overrides<S>, own: Clause) -> Clause {
    if overrides.by_config { Clause::R12 } else { own }
}

/// R7: the policy with config's permissions, where its profile no longer exists.
pub(super) fn without_lost_profile(world: &World, policy: &Policy) -> Option<Policy> {
    match &policy.permissions {
        Permissions::Profile(id) if !world.defaults.defines(id) => {
            let default = world.policy_in(policy.folder());
            Some(Policy { permissions: default.permissions, ..policy.clone() })
        }
        _ => None,
    }
}

/// What a thread's policy may be read as where config does not have its profile any more.
pub(super) struct Revived {
    pub(super) policy: Policy,
    /// The clause of the permissions, where they are another matter than what was stored.
    pub(super) clause: Option<Clause>,
    /// Whether the profile gave way.
    pub(super) fell: bool,
}

/// L4: a profile that only a request's `config` defined is there, or gives way to something that is
/// not wider. R7: another one that is gone gives way to config's permissions.
pub(super) fn revived(world: &World, thread: &Thread, policy: &Policy) -> Vec<Revived> {
    let kept = |clause| Revived { policy: policy.clone(), clause, fell: false };
    let Some(fallen) = without_lost_profile(world, policy) else { return vec![kept(None)] };
    let fallen = |clause| Revived { policy: fallen.clone(), clause: Some(clause), fell: true };
    let Some(own) = own_profile(world, thread, policy) else { return vec![fallen(Clause::R7)] };
    let profiles = world.defaults.profiles.clone().into_iter().chain([own]).collect();
    let narrower = Some(fallen(Clause::L4));
    let narrower = narrower.filter(|it| !allows_more(&it.policy, policy, &profiles));
    std::iter::once(kept(Some(Clause::L4))).chain(narrower).collect()
}

/// The profile of a policy, where only a request's `config` has defined it.
pub(super) fn own_profile(
    world: &World,
    thread: &Thread,
    policy: &Policy,
) -> Option<(String, Profile)> {
    let Permissions::Profile(id) = &policy.permissions else { return None };
    let own = thread.own_profile.clone().filter(|(own, _)| own == id);
    own.filter(|_| !world.defaults.defines(id))
}

/// Whether a resume with these overrides drops the stored model and effort (R9).
pub(super) fn drops_model(overrides: &TurnOverrides) -> bool {
    overrides.sets(Dimension::M) || overrides.sets(Dimension::E)
}

/// A stored policy read again: model and effort come back together or not at all (R9).
pub(super) fn read_again(world: &World, base: &Policy, overrides: &TurnOverrides) -> Policy {
    let mut base = base.clone();
    if drops_model(overrides) {
        let config = world.defaults.policy();
        for dropped in [Dimension::M, Dimension::E] {
            base.others.remove(&dropped);
            base.others.extend(config.others.get(&dropped).map(|word| (dropped, word.clone())));
        }
    }
    world.judged(base.with(overrides))
}

/// What a cold read by another server may state.
pub(super) struct ColdPolicy {
    pub(super) policy: Policy,
    pub(super) citations: Citations,
    /// The thread as it is known after the read.
    pub(super) known: Thread,
}

impl Revived {
    /// Where the permissions rest on a clause of their own.
    pub(super) fn cited(&self, citations: Citations) -> Citations {
        match self.clause {
            Some(clause) => citations.with(&[Dimension::SB, Dimension::PP], clause),
            None => citations,
        }
    }
}

/// What a cold read by another server may state. Of a thread that is not loaded nothing is written
/// any more, so what is read there is what is stored.
pub(super) fn read_elsewhere(world: &World, thread: &Thread) -> Vec<ColdPolicy> {
    let stored = std::iter::once(&thread.stored).chain(&thread.maybe);
    let read = |base: &Policy| {
        let of = |revived: Revived| {
            let mut known = thread.clone();
            if thread.live.is_none() && !revived.fell {
                known.stored = base.clone();
                known.maybe.clear();
            }
            let policy = read_again(world, &revived.policy, &TurnOverrides::default());
            ColdPolicy { policy, citations: revived.cited(thread.restored), known }
        };
        revived(world, thread, base).into_iter().map(of).collect::<Vec<_>>()
    };
    stored.flat_map(read).collect()
}

/// The world before a change that is perhaps made: what a cold read gives is open.
pub(super) fn perhaps(world: &World, after: &World) -> World {
    let mut left = world.clone();
    for (name, thread) in &mut left.threads {
        let Some(would) = after.threads.get(name) else { continue };
        for policy in std::iter::once(&would.stored).chain(&would.maybe) {
            perhaps_stored(&mut thread.maybe, &thread.stored, policy);
        }
        if thread.can_begin() && would.may_have_history() {
            thread.uncertain = true;
            thread.restored = would.restored;
        }
    }
    left
}

/// Adds a policy that may be stored instead of this one.
pub(super) fn perhaps_stored(to: &mut BTreeSet<Policy>, stored: &Policy, would: &Policy) {
    if stored != would {
        to.insert(would.clone());
    }
}

/// What restores a thread whose history a broken-off call began: the policy before that call or
/// after it, never a third one.
pub(super) fn restored_after_kill(restored: Citations) -> Citations {
    match restored.main() {
        Clause::O3 | Clause::O7 | Clause::O8 => restored,
        _ => Citations::all(OpKind("resume"), Clause::R17),
    }
}

/// The thread has a history from now on.
pub(super) fn begun(mut thread: Thread) -> Thread {
    thread.materialised |= !thread.ephemeral;
    thread
}

/// The same by a turn. Where a cold resume chose its folder, either that one or the one before may
/// come back from then on (R10).
pub(super) fn after_turn(thread: Thread) -> Thread {
    let mut after = begun(thread);
    if let Some(live) = after.live.clone().filter(|live| live.folder() != after.stored.folder()) {
        after.maybe.insert(live);
    }
    after
}
