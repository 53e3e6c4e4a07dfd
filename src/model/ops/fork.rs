//! `fork`: F1 to F8. A fork takes the source's latest policy, whether the source is loaded or not.

use crate::contract::Clause;
use crate::model::branch::{
    Revived, also_refused, faulty, general, own_profile, reachable, refused, revived, set_by,
};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Stage, Thread, World};
use crate::policy::order::allows_more;
use crate::policy::{DEFAULT, Dimension, Policy, TurnOverrides};
use crate::program::operation::Operation;
use crate::program::ops::fork::Fork;
use crate::program::request::Cut;

impl Rule for Fork {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let source = match reachable(world, self.source) {
            Err(clause) => return refused(world, clause),
            Ok(target) => target.thread,
        };
        if let Some(clause) = faulty(&world.defaults, &self.overrides) {
            return refused(world, clause);
        }
        let bases = bases(world, source);
        let own = bases.iter().any(|base| own_profile(world, source, &base.policy).is_some())
            || self.overrides.defined_profile().is_some();
        let branches = bases.into_iter().map(|base| forked(self, world, source, base)).collect();
        // The contract does not say whether one can fork at a turn that never started, or is not
        // over.
        let open = source.turns.is_empty() || source.running.is_some() || source.broken_off;
        let unsure = self.cut.is_some() && open;
        if unsure || !source.materialised || source.stuck || own {
            also_refused(world, branches)
        } else {
            branches
        }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Acknowledged]
    }

    /// F2: the fork may be wider than the policy that stood at the cut.
    fn permits_widening(&self, world: &World) -> Option<Clause> {
        let cut = self.cut.filter(|_| !self.overrides.sets_any())?;
        let (_, source) = world.thread(self.source)?;
        let (Cut::Last(turn) | Cut::Before(turn)) = cut;
        let then = source.turns.get(usize::from(turn).checked_rem(source.turns.len())?)?;
        let latest = source.live.as_ref().unwrap_or(&source.stored);
        allows_more(latest, then, &world.defaults.profiles).then_some(Clause::F2)
    }
}

fn forked(fork: &Fork, world: &World, source: &Thread, base: Revived) -> Branch {
    let overrides = world.defaults.resolve(&fork.overrides);
    let policy = world.judged(inherited(world, &base.policy).with(&overrides));
    let mut citations = citations(fork, source, &overrides);
    if base.clause == Some(Clause::L4) && !overrides.sets(Dimension::PP) {
        citations = base.cited(citations);
    }
    let thread = Thread {
        materialised: !fork.ephemeral,
        ephemeral: fork.ephemeral,
        restored: Citations::RESTORED.with(&Dimension::PRIMARY, Clause::F4),
        source: Some(base.policy),
        own_profile: fork.overrides.defined_profile().or(source.own_profile.clone()),
        kept_profile: !overrides.sets(Dimension::PP),
        heard_by: world.only_speaker(),
        ..Thread::new(policy.clone(), citations)
    };
    let mut relies_on = general(&fork.overrides);
    relies_on.push(Clause::G11);
    relies_on.extend(fork.ephemeral.then_some(Clause::F8));
    relies_on.extend(source.trail.iter().copied());
    let due = Expected::Policy(fork.new, policy, citations);
    Branch { world: world.with(fork.new, thread), due, relies_on }
}

/// What a fork without overrides has: F6 and F7 say which secondary values come along.
fn inherited(world: &World, base: &Policy) -> Policy {
    let mut inherited = base.clone();
    inherited.others = world.defaults.policy().others;
    for kept in [Dimension::CWD, Dimension::DP, Dimension::WR] {
        inherited.others.remove(&kept);
        inherited.others.extend(base.others.get(&kept).map(|word| (kept, word.clone())));
    }
    if base.others.contains_key(&Dimension::T) {
        inherited.others.entry(Dimension::T).or_insert_with(|| DEFAULT.to_owned());
    } else {
        inherited.others.remove(&Dimension::T);
    }
    inherited
}

fn citations(fork: &Fork, source: &Thread, overrides: &TurnOverrides) -> Citations {
    // Such a thread lost before the fork what it loses.
    let began_otherwise = matches!(source.restored.main(), Clause::O3 | Clause::O8 | Clause::R17);
    if source.live.is_none() && began_otherwise {
        let inherited = Citations { kind: Fork::KIND, ..source.restored };
        return inherited.where_set(Clause::F3, overrides);
    }
    let own = match (fork.cut, fork.ephemeral) {
        (Some(_), _) => Clause::F2,
        (None, true) => Clause::F8,
        (None, false) => Clause::F1,
    };
    let set = set_by(&fork.overrides, Clause::F3);
    Citations::all(Fork::KIND, own)
        .with(&[Dimension::CWD, Dimension::DP], Clause::F6)
        .with(&[Dimension::WR], Clause::WR1)
        .with(&[Dimension::M, Dimension::E, Dimension::T, Dimension::CM], Clause::F7)
        .where_set(set, overrides)
        .cited_as(if overrides.sets_any() { set } else { own })
}

/// The policies that a fork may start from: the latest, and where its profile is gone from config
/// while the source is loaded, config's permissions too.
fn bases(world: &World, source: &Thread) -> Vec<Revived> {
    let Some(live) = &source.live else {
        let all = std::iter::once(&source.stored).chain(&source.maybe);
        return all.flat_map(|stored| revived(world, source, stored)).collect();
    };
    let mut all = revived(world, source, live);
    if all.iter().all(|base| base.fell) {
        all.insert(0, Revived { policy: live.clone(), clause: None, fell: false });
    }
    all
}
