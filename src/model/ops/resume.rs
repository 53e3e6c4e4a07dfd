//! `resume`: R1 to R18. A cold resume reads what is stored, a warm one changes nothing.

use crate::contract::Clause;
use crate::model::branch::{
    Revived, Target, also_refused, drops_model, exactly, faulty, general, own_profile, reachable,
    read_again, refused, revived, set_by,
};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Stage, Thread, World};
use crate::policy::order::{self, allows_more};
use crate::policy::{Dimension, Permissions, Policy, Profiles, TurnOverrides};
use crate::program::operation::Operation;
use crate::program::ops::resume::Resume;

impl Rule for Resume {
    const WRITES: bool = true;
    const MET_BY_LATER_CALLS: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let target = match reachable(world, self.thread) {
            Err(clause) => return refused(world, clause),
            Ok(target) => target,
        };
        let thread = target.thread;
        let fault = faulty(&world.defaults, &self.overrides);
        if let Some(live) = thread.live.as_ref().filter(|_| self.is_warm(thread)) {
            let warm = warm(self, world, target, live);
            // An override that is ignored may be refused all the same.
            let unsure = fault.is_some() || !thread.materialised;
            return if unsure { also_refused(world, warm) } else { warm };
        }
        if let Some(clause) = fault {
            return refused(world, clause);
        }
        let cold = cold(self, world, target);
        let own = own_profile(world, thread, &thread.stored).is_some()
            || self.overrides.defined_profile().is_some();
        let sure = thread.materialised && !thread.stuck && !own;
        if sure { cold } else { also_refused(world, cold) }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Acknowledged]
    }

    fn half_done(&self, world: &World, granted: &[Branch]) -> Vec<World> {
        let Some((name, _)) = world.thread(self.thread) else {
            return Vec::new();
        };
        let unheard = granted.iter().map(|branch| branch.world.without_listener(name));
        unheard.chain([world.with_unloaded(name)]).collect()
    }

    /// R2 for a warm resume whose override is ignored, R6 and R7 for a cold one.
    fn permits_widening(&self, world: &World) -> Option<Clause> {
        let (_, thread) = world.thread(self.thread)?;
        if !thread.materialised || thread.archived {
            return None;
        }
        match &thread.live {
            Some(live) => {
                let asked = live.with(&world.defaults.resolve(&self.overrides));
                let ignored = thread.running.is_some() || !thread.unheard();
                let wider = allows_more(live, &asked, &world.defaults.profiles);
                (ignored && wider).then_some(Clause::R2)
            }
            None => profile_widening(world, thread).filter(|_| !self.overrides.sets(Dimension::PP)),
        }
    }
}

impl Resume {
    /// A loaded thread is read warm, except that an override unloads it where it is idle and no
    /// client is subscribed (R3).
    fn is_warm(&self, thread: &Thread) -> bool {
        !self.overrides.sets_any() || thread.running.is_some() || !thread.unheard()
    }
}

fn warm(resume: &Resume, world: &World, target: Target<'_>, live: &Policy) -> Vec<Branch> {
    let Target { name, thread } = target;
    let clause = if resume.overrides.sets_any() { Clause::R2 } else { Clause::R1 };
    // What a resume loaded that a full disk broke off is stated now for the first time.
    let citations = if thread.stuck { thread.cited } else { Citations::all(Resume::KIND, clause) };
    let mut heard = thread.clone();
    heard.stuck = false;
    heard.heard_by[world.speaker] = true;
    heard.materialised = true;
    let mut relies_on = general(&resume.overrides);
    relies_on.extend(std::mem::take(&mut heard.trail));
    exactly(world.with(name, heard), Expected::Policy(name, live.clone(), citations), relies_on)
}

/// What is stored comes back, with the overrides laid over it; the same where a loaded thread is
/// unloaded first (R3).
fn cold(resume: &Resume, world: &World, target: Target<'_>) -> Vec<Branch> {
    let overrides = world.defaults.resolve(&resume.overrides);
    let bases = std::iter::once(&target.thread.stored).chain(&target.thread.maybe);
    let overrides = &overrides;
    let restore = |base| {
        let revived = if overrides.sets(Dimension::PP) {
            vec![Revived { policy: Policy::clone(base), clause: None, fell: false }]
        } else {
            revived(world, target.thread, base)
        };
        let of = |revived| restored(resume, world, target, Restore { base, revived, overrides });
        revived.into_iter().map(of).collect::<Vec<_>>()
    };
    bases.flat_map(restore).collect()
}

/// One policy that may be stored, and the overrides as config resolves them.
struct Restore<'a> {
    base: &'a Policy,
    /// What it comes back as.
    revived: Revived,
    overrides: &'a TurnOverrides,
}

fn restored(resume: &Resume, world: &World, target: Target<'_>, restore: Restore<'_>) -> Branch {
    let Target { name, thread } = target;
    let Restore { base, revived, overrides } = restore;
    let own = if thread.live.is_some() { Clause::R3 } else { Clause::R11 };
    let durable = if drops_model(overrides) {
        thread.restored.with(&[Dimension::M, Dimension::E], Clause::R9)
    } else {
        thread.restored
    };
    let citations = revived.cited(durable);
    let policy = read_again(world, &revived.policy, overrides);
    let set = set_by(&resume.overrides, own);
    let whole = if overrides.sets_any() { set } else { citations.main() };
    let citations = citations.where_set(set, overrides).cited_as(whole);
    let mut loaded = thread.moved(policy.clone(), citations);
    // R10: an explicit cwd wins and is not written down.
    let cwd = durable.of(Dimension::CWD);
    loaded.restored = durable.where_set(Clause::R11, overrides).with(&[Dimension::CWD], cwd);
    loaded.stored = read_again(world, &revived.policy, &elsewhere(overrides));
    loaded.maybe.clear();
    loaded.heard_by = world.only_speaker();
    loaded.materialised = true;
    loaded.meant = None;
    loaded.own_profile = resume.overrides.defined_profile().or(loaded.own_profile);
    loaded.kept_profile = !overrides.sets(Dimension::PP);
    let mut relies_on = general(&resume.overrides);
    relies_on.extend([Clause::S2, Clause::G11]);
    relies_on.extend(std::mem::take(&mut loaded.trail));
    // Whether the fall back is written down is left open: the profile may return.
    if revived.fell {
        loaded.maybe.insert(base.clone());
    }
    let due = Expected::Policy(name, policy, citations);
    Branch { world: world.with(name, loaded), due, relies_on }
}

/// The overrides without a folder.
fn elsewhere(overrides: &TurnOverrides) -> TurnOverrides {
    let mut others = overrides.others.clone();
    others.remove(&Dimension::CWD);
    TurnOverrides { others, ..overrides.clone() }
}

/// What became of the profile of a thread that is read again.
fn profile_widening(world: &World, thread: &Thread) -> Option<Clause> {
    let Permissions::Profile(id) = &thread.stored.permissions else {
        return None;
    };
    if !world.defaults.defines(id) {
        if own_profile(world, thread, &thread.stored).is_some() {
            return None;
        }
        let default = world.policy_in(thread.stored.folder());
        let fallen = Policy { permissions: default.permissions, ..thread.stored.clone() };
        let wider = allows_more(&fallen, &thread.stored, &world.defaults.profiles);
        return wider.then_some(Clause::R7);
    }
    let meant = Profiles::from([(id.clone(), thread.meant?)]);
    let now = &world.defaults.profiles;
    order::means_more(&thread.stored, now, &meant).then_some(Clause::R6)
}
