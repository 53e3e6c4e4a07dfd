//! `start`: S1, S7. What start resolves is the thread's own from then on (S2).

use crate::contract::Clause;
use crate::model::branch::{also_refused, faulty, general, refused, set_by};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Stage, Thread, World};
use crate::policy::{ApprovalMode, DEFAULT, Dimension, Policy, Setting, TurnOverrides, Value};
use crate::program::operation::Operation;
use crate::program::ops::start::Start;

impl Rule for Start {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let sent = as_sent(self, world);
        let start = &sent;
        if let Some(clause) = faulty(&world.defaults, &start.overrides) {
            return refused(world, clause);
        }
        let overrides = world.defaults.resolve(&start.overrides);
        let citations = citations(start, world, &overrides);
        let branch = |Tier { stated, kept }: Tier| {
            let heard_by = world.only_speaker();
            let own_profile = start.overrides.defined_profile();
            let new = Thread::new(kept, citations);
            let thread = Thread { ephemeral: start.ephemeral, heard_by, own_profile, ..new };
            let mut relies_on = general(&start.overrides);
            relies_on.extend(start.ephemeral.then_some(Clause::S7));
            let mut world = world.with(start.new, thread);
            world.tiers.extend(stated.others.get(&Dimension::T).cloned());
            Branch { world, due: Expected::Policy(start.new, stated, citations), relies_on }
        };
        let branches = tiers(world, &overrides).into_iter().map(branch).collect();
        if start.overrides.defined_profile().is_some() {
            also_refused(world, branches)
        } else {
            branches
        }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Acknowledged]
    }
}

/// The start as the client sends it: the SDK sends auto_review where it is given no mode, and a
/// field of the request's own comes before its `config` (K1, L1).
fn as_sent(start: &Start, world: &World) -> Start {
    let mut start = start.clone();
    let overrides = &mut start.overrides;
    let states = overrides.sets(Dimension::AP) || overrides.sets(Dimension::RV);
    if world.client.is_some() && (overrides.by_config || !states) {
        let mode = ApprovalMode::AutoReview.on_call();
        (overrides.approval, overrides.reviewer) = (mode.approval, mode.reviewer);
    }
    start
}

fn citations(start: &Start, world: &World, overrides: &TurnOverrides) -> Citations {
    let default = world.defaults.policy_in(folder(overrides));
    let policy = default.with(overrides);
    let set = set_by(&start.overrides, Clause::S1);
    let clause = |dimension| match policy.value(dimension) {
        None => Clause::L3,
        Some(_) if world.defaults.project.states(dimension) => Clause::L1,
        Some(Value::Permissions(permissions)) if permissions.has_roots() => Clause::L6,
        Some(_) if overrides.sets(dimension) => set,
        Some(_) => Clause::S1,
    };
    let citations = Citations::all(Start::KIND, Clause::S1).where_set(set, overrides);
    let primary = Dimension::PRIMARY.into_iter();
    primary
        .fold(citations, |all, dimension| all.with(&[dimension], clause(dimension)))
        .with(&[Dimension::T], Clause::T8)
}

/// The folder that a start is made in.
fn folder(overrides: &TurnOverrides) -> &str {
    overrides.others.get(&Dimension::CWD).and_then(Setting::value).map_or("WS", String::as_str)
}

/// The policy that a start may state, and the one that is known from then on.
struct Tier {
    stated: Policy,
    kept: Policy,
}

/// T8: a tier that the server does not take is none, and that thread's tier is not judged.
fn tiers(world: &World, overrides: &TurnOverrides) -> Vec<Tier> {
    let mut without = world.policy_in(folder(overrides)).with(overrides);
    let config = without.others.remove(&Dimension::T);
    let setting = overrides.others.get(&Dimension::T).and_then(|setting| setting.value().cloned());
    let with = |tier: &str| {
        let mut policy = without.clone();
        policy.others.insert(Dimension::T, tier.to_owned());
        policy
    };
    match setting.or(config) {
        Some(tier) if tier != DEFAULT => vec![
            Tier { stated: with(&tier), kept: with(&tier) },
            Tier { stated: with(DEFAULT), kept: without.clone() },
        ],
        _ => vec![Tier { stated: without.clone(), kept: without }],
    }
}
