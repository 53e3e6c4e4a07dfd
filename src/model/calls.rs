//! The rules of start, fork, resume and the looks: S1, S7, F1 to F8, R1 to R18.
//!
//! A start resolves against config, a fork against its source, a cold resume against what is
//! stored, and a warm one against nothing. Whoever asks for what cannot be granted is refused, and
//! nothing changes.

use super::rules::{faulty, general, or_refused, quiet, refused, set_by, stated};
use super::{Branch, Citations, Expected, OpKind, Thread, World};
use crate::contract::Clause;
use crate::policy::{CallOverrides, DEFAULT, Dimension, Permissions, Policy, TurnOverrides};
use crate::program::request::Cut;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;

/// What a fork asks for beside its overrides.
pub(super) struct Fork {
    pub(super) cut: Option<Cut>,
    pub(super) ephemeral: bool,
    pub(super) new: ThreadName,
}

pub(super) fn start(
    world: &World,
    overrides: &CallOverrides,
    (ephemeral, new): (bool, ThreadName),
) -> Vec<Branch> {
    if let Some(clause) = faulty(&world.defaults, overrides) {
        return refused(world, clause);
    }
    let wished = world.defaults.resolve(overrides);
    let ruling = Citations::all(OpKind::Start, Clause::S1)
        .where_set(set_by(overrides, Clause::S1), &wished)
        .with(&[Dimension::T], Clause::T8);
    let branch = |(due, kept): (Policy, Policy)| {
        let heard_by = world.only_speaker();
        let thread = Thread { ephemeral, heard_by, ..Thread::new(kept, ruling) };
        let mut rests = general(overrides);
        rests.extend(ephemeral.then_some(Clause::S7));
        let mut world = world.with(new, thread);
        world.tiers.extend(due.others.get(&Dimension::T).cloned());
        Branch { world, due: Expected::Policy(new, due, ruling), rests }
    };
    tiers(world, &wished).into_iter().map(branch).collect()
}

/// The policies that a start may state, each with the one that is known from then on. T8: a tier
/// that the server does not take is none, and of that thread's tier nothing is judged.
fn tiers(world: &World, wished: &TurnOverrides) -> Vec<(Policy, Policy)> {
    let mut without = world.defaults.policy().with(wished);
    let config = without.others.remove(&Dimension::T);
    let setting = wished.others.get(&Dimension::T).and_then(|setting| setting.value().cloned());
    let with = |tier: &str| {
        let mut policy = without.clone();
        policy.others.insert(Dimension::T, tier.to_owned());
        policy
    };
    match setting.or(config) {
        Some(tier) if tier != DEFAULT => {
            vec![(with(&tier), with(&tier)), (with(DEFAULT), without.clone())]
        }
        _ => vec![(without.clone(), without)],
    }
}

/// A fork takes the source's latest policy, whether the source is loaded or not.
pub(super) fn fork(
    world: &World,
    from: ThreadRef,
    overrides: &CallOverrides,
    fork: Fork,
) -> Vec<Branch> {
    let source = match reachable(world, from) {
        Err(clause) => return refused(world, clause),
        Ok((_, source)) => source,
    };
    if let Some(clause) = faulty(&world.defaults, overrides) {
        return refused(world, clause);
    }
    let mut branches: Vec<Branch> = bases(world, source)
        .into_iter()
        .map(|base| forked(world, (source, base), overrides, &fork))
        .collect();
    // Whether a turn that was never taken, or is not over, can be cut at is nobody's rule.
    let open = source.turns.is_empty() || source.running.is_some() || source.broken_off;
    let unsure = fork.cut.is_some() && open;
    if unsure || !source.materialised || source.stuck {
        branches = or_refused(world, branches);
    }
    branches
}

fn forked(
    world: &World,
    (source, base): (&Thread, Policy),
    overrides: &CallOverrides,
    fork: &Fork,
) -> Branch {
    let mut inherited = base.clone();
    inherited.others = world.defaults.policy().others;
    for kept in [Dimension::CWD, Dimension::DP] {
        inherited.others.remove(&kept);
        inherited.others.extend(base.others.get(&kept).map(|word| (kept, word.clone())));
    }
    match base.others.contains_key(&Dimension::T) {
        true => drop(inherited.others.entry(Dimension::T).or_insert_with(|| DEFAULT.to_owned())),
        false => drop(inherited.others.remove(&Dimension::T)),
    }
    let wished = world.defaults.resolve(overrides);
    let policy = world.judged(inherited.with(&wished));
    let own = match (fork.cut, fork.ephemeral) {
        (Some(_), _) => Clause::F2,
        (None, true) => Clause::F8,
        (None, false) => Clause::F1,
    };
    let ruling = Citations::all(OpKind::Fork, own)
        .with(&[Dimension::CWD, Dimension::DP], Clause::F6)
        .with(&[Dimension::M, Dimension::E, Dimension::T, Dimension::CM], Clause::F7)
        .where_set(set_by(overrides, Clause::F3), &wished)
        .under(if wished.sets_any() { set_by(overrides, Clause::F3) } else { own });
    let lost = began_otherwise(source.restored);
    let ruling = match source.live.is_none() && lost {
        // What a thread loses that began without a turn, it lost before the fork.
        true => Citations { kind: OpKind::Fork, ..source.restored }.where_set(Clause::F3, &wished),
        false => ruling,
    };
    let primary = [Dimension::AP, Dimension::RV, Dimension::SB, Dimension::PP];
    let thread = Thread {
        materialised: !fork.ephemeral,
        ephemeral: fork.ephemeral,
        restored: Citations::RESTORED.with(&primary, Clause::F4),
        source: Some(base),
        heard_by: world.only_speaker(),
        ..Thread::new(policy.clone(), ruling)
    };
    let mut rests = general(overrides);
    rests.push(Clause::G11);
    rests.extend(fork.ephemeral.then_some(Clause::F8));
    rests.extend(source.trail.iter().copied());
    let due = Expected::Policy(fork.new, policy, ruling);
    Branch { world: world.with(fork.new, thread), due, rests }
}

/// The policies that a fork may start from: the latest, and where its profile is gone from config
/// while the source is loaded, config's permissions too.
fn bases(world: &World, source: &Thread) -> Vec<Policy> {
    match &source.live {
        Some(live) => {
            let fallen = fallen(world, live);
            std::iter::once(live.clone()).chain(fallen).collect()
        }
        None => {
            let all = std::iter::once(&source.stored).chain(&source.maybe);
            all.map(|stored| fallen(world, stored).unwrap_or_else(|| stored.clone())).collect()
        }
    }
}

/// Whether the thread's history begins with no turn, or with one that was broken off.
fn began_otherwise(restored: Citations) -> bool {
    matches!(restored.main(), Clause::O3 | Clause::O8 | Clause::R17)
}

/// R7: the policy with config's permissions, where its profile no longer exists.
fn fallen(world: &World, policy: &Policy) -> Option<Policy> {
    match &policy.permissions {
        Permissions::Profile(id) if !world.defaults.defines(id) => {
            Some(Policy { permissions: world.defaults.permissions(), ..policy.clone() })
        }
        _ => None,
    }
}

/// The thread, if it can be resumed and forked; else why it cannot.
fn reachable(world: &World, who: ThreadRef) -> Result<(ThreadName, &Thread), Clause> {
    match world.thread(who) {
        None => Err(Clause::R16),
        Some((_, thread)) if thread.ephemeral => Err(Clause::S7),
        Some((_, thread)) if thread.archived => Err(Clause::R16),
        Some((_, thread)) if !thread.materialised && !thread.uncertain => Err(Clause::R16),
        Some(found) => Ok(found),
    }
}

pub(super) fn resume(world: &World, who: ThreadRef, overrides: &CallOverrides) -> Vec<Branch> {
    let (name, thread) = match reachable(world, who) {
        Err(clause) => return refused(world, clause),
        Ok(found) => found,
    };
    let fault = faulty(&world.defaults, overrides);
    let branches = match &thread.live {
        Some(live) if !overrides.sets_any() || thread.running.is_some() || !thread.unheard() => {
            let warm = warm(world, (name, thread, live), overrides);
            // An override that is ignored may be refused all the same.
            let either = fault.is_some() || !thread.materialised;
            return if either { or_refused(world, warm) } else { warm };
        }
        _ if fault.is_some() => return refused(world, fault.expect("the guard saw it")),
        _ => cold(world, (name, thread), overrides),
    };
    let sure = thread.materialised && !thread.stuck;
    if sure { branches } else { or_refused(world, branches) }
}

fn warm(
    world: &World,
    (name, thread, live): (ThreadName, &Thread, &Policy),
    overrides: &CallOverrides,
) -> Vec<Branch> {
    let clause = if overrides.sets_any() { Clause::R2 } else { Clause::R1 };
    // What a resume loaded that a full disk broke off is stated now for the first time.
    let ruling = if thread.stuck { thread.ruled } else { Citations::all(OpKind::Resume, clause) };
    let mut heard = thread.clone();
    heard.stuck = false;
    heard.heard_by[world.speaker] = true;
    heard.materialised = true;
    let mut rests = general(overrides);
    rests.extend(std::mem::take(&mut heard.trail));
    stated(world.with(name, heard), Expected::Policy(name, live.clone(), ruling), rests)
}

/// What is stored comes back, with the overrides laid over it; of a loaded thread that nobody
/// hears, the same (R3).
fn cold(
    world: &World,
    (name, thread): (ThreadName, &Thread),
    overrides: &CallOverrides,
) -> Vec<Branch> {
    let wished = world.defaults.resolve(overrides);
    let own = if thread.live.is_some() { Clause::R3 } else { Clause::R11 };
    let bases = std::iter::once(&thread.stored).chain(&thread.maybe);
    let durable = match drops(&wished) {
        true => thread.restored.with(&[Dimension::M, Dimension::E], Clause::R9),
        false => thread.restored,
    };
    let mut branches = Vec::new();
    for base in bases {
        let gone = fallen(world, base).filter(|_| !wished.sets(Dimension::PP));
        let mut restored = durable;
        if gone.is_some() {
            restored = restored.with(&[Dimension::SB, Dimension::PP], Clause::R7);
        }
        let policy = again(world, gone.as_ref().unwrap_or(base), &wished);
        let set = set_by(overrides, own);
        let whole = if wished.sets_any() { set } else { restored.main() };
        let ruling = restored.where_set(set, &wished).under(whole);
        let mut loaded = thread.moved(policy.clone(), ruling);
        // R10: an explicit cwd wins and is not written down.
        let cwd = durable.of(Dimension::CWD);
        loaded.restored = durable.where_set(Clause::R11, &wished).with(&[Dimension::CWD], cwd);
        loaded.stored = policy.clone().in_folder_of(base);
        loaded.maybe.clear();
        loaded.heard_by = world.only_speaker();
        loaded.materialised = true;
        loaded.meant = None;
        let mut rests = general(overrides);
        rests.extend([Clause::S2, Clause::G11]);
        rests.extend(std::mem::take(&mut loaded.trail));
        // Whether the fall back is written down is left open: the profile may return.
        if gone.is_some() {
            loaded.maybe.insert(base.clone());
        }
        let due = Expected::Policy(name, policy, ruling);
        branches.push(Branch { world: world.with(name, loaded), due, rests });
    }
    branches
}

/// Whether a resume with these overrides drops the stored model and effort (R9).
fn drops(wished: &TurnOverrides) -> bool {
    wished.sets(Dimension::M) || wished.sets(Dimension::E)
}

/// A policy read again: model and effort come back together or not at all (R9).
fn again(world: &World, base: &Policy, wished: &TurnOverrides) -> Policy {
    let mut base = base.clone();
    if drops(wished) {
        let config = world.defaults.policy();
        for dropped in [Dimension::M, Dimension::E] {
            base.others.remove(&dropped);
            base.others.extend(config.others.get(&dropped).map(|word| (dropped, word.clone())));
        }
    }
    world.judged(base.with(wished))
}

/// A look is taken only at a thread that is loaded and can be resumed.
pub(super) fn reread(world: &World, who: ThreadRef) -> Vec<Branch> {
    match reachable(world, who) {
        Ok((name, thread)) if thread.live.is_some() && thread.heard_by[0] => {
            let live = thread.live.clone().expect("the guard saw it");
            let mut seen = thread.clone();
            let mut rests = vec![Clause::G8, Clause::G11];
            rests.extend(std::mem::take(&mut seen.trail));
            let due = Expected::Look(name, live, thread.ruled);
            let look = stated(world.with(name, seen), due, rests);
            if thread.materialised { look } else { or_refused(world, look) }
        }
        _ => quiet(world.clone()),
    }
}

/// A look from a copy of the home shows what a cold read would.
pub(super) fn fresh(world: &World, who: ThreadRef) -> Vec<Branch> {
    let Ok((name, thread)) = reachable(world, who) else {
        return quiet(world.clone());
    };
    let look = |(policy, ruling, known)| {
        let due = Expected::ColdRead(name, policy, ruling);
        Branch { world: world.with(name, known), due, rests: vec![Clause::G10] }
    };
    let branches = read_elsewhere(world, thread).map(look).collect();
    if thread.materialised { branches } else { or_refused(world, branches) }
}

/// A second server may be refused the thread, or has it as a cold read does.
pub(super) fn rival(world: &World, who: ThreadRef) -> Vec<Branch> {
    let (name, thread) = match reachable(world, who) {
        Err(clause) => return refused(world, clause),
        Ok(found) => found,
    };
    let read = |(policy, ruling, known)| {
        let due = Expected::Policy(name, policy, ruling);
        Branch { world: world.with(name, known), due, rests: vec![Clause::O14] }
    };
    or_refused(world, read_elsewhere(world, thread).map(read).collect())
}

/// What a cold read in another server may state, and the thread as it is known from then on: of one
/// that is not loaded nothing is written any more, so what is read there is what is stored.
fn read_elsewhere(
    world: &World,
    thread: &Thread,
) -> impl Iterator<Item = (Policy, Citations, Thread)> {
    std::iter::once(&thread.stored).chain(&thread.maybe).map(|base| {
        let gone = fallen(world, base);
        let ruling = match &gone {
            Some(_) => thread.restored.with(&[Dimension::SB, Dimension::PP], Clause::R7),
            None => thread.restored,
        };
        let mut known = thread.clone();
        if thread.live.is_none() && gone.is_none() {
            known.stored = base.clone();
            known.maybe.clear();
        }
        let base = gone.as_ref().unwrap_or(base);
        (again(world, base, &TurnOverrides::default()), ruling, known)
    })
}
