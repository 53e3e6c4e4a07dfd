//! What a plan can show: the comparisons that its steps call for, were all well.
//!
//! A smaller case is worth a run only if the comparison that failed is still among these. A
//! prediction after a finding may differ, so this is a filter for effort and never a verdict.

use std::collections::BTreeSet;

use super::probes::{Demand, cited, demands};
use super::step::step;
use super::{Branch, Citations, Expected, World};
use crate::contract::Clause;
use crate::policy::{Defaults, Dimension, Policy, Value};
use crate::program::Program;
use crate::program::operation::{OpKind, Operation};
use crate::program::ops::configure::Configure;
use crate::program::ops::run::Run;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::ops::{PARALLEL, Step};
use crate::program::reply::ProbeScript;

/// One comparison that a plan calls for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expectation {
    /// The clause it would break.
    pub clause: Clause,
    /// The dimension of the value, where it is one.
    pub dimension: Option<Dimension>,
    pub kind: OpKind,
    /// The form of the value that is due.
    pub form: &'static str,
    /// Whether the value in config differs, so that a fall back to it would show.
    pub config_differs: bool,
}

/// The form of a refusal that is due.
pub const REFUSED: &str = "refused";

/// The form of a success that is due.
pub const ACCEPTED: &str = "accepted";

/// The form of a settings notice that is due.
pub const NOTICE: &str = "notice";

/// The form of no settings notice being due.
pub const NO_NOTICE: &str = "no-notice";

/// The form of a thread that stays loaded.
pub const LOADED: &str = "loaded";

/// The worlds that are followed after calls that are torn off: it is a filter for effort.
const WORLDS_MAX: usize = 8;

/// Every comparison of the plan, its audit's included, beside every config that there has been: a
/// wrong value may come from an earlier one.
pub fn expectations(program: &Program) -> BTreeSet<Expectation> {
    let mut worlds = vec![World::new(program.defaults.clone())];
    let mut configs = vec![program.defaults.clone()];
    let mut fires = BTreeSet::new();
    for each in program.with_audit() {
        let mut next = Vec::new();
        for world in &worlds {
            let branches = step(world, &each);
            for defaults in &configs {
                let under = World { defaults: defaults.clone(), ..world.clone() };
                fires.extend(branches.iter().flat_map(|branch| of_branch(&under, branch, &each)));
            }
            // A program does not say how far an interrupted call comes, nor what a full disk lets
            // through.
            let open = world.full || matches!(each, Step::KillDuring(..));
            let worth = if open { branches.len() } else { 1 };
            next.extend(branches.into_iter().take(worth).map(|branch| branch.world));
        }
        if let Step::Configure(Configure { defaults }) = &each {
            configs.push(defaults.clone());
        }
        next.truncate(WORLDS_MAX);
        worlds = next;
    }
    fires
}

/// The clauses that a step in this world calls for or relies on.
pub fn clauses(world: &World, each: &Step) -> BTreeSet<Clause> {
    let of = |branch: &Branch| {
        let fires = of_branch(world, branch, each).into_iter().map(|fire| fire.clause);
        fires.chain(branch.relies_on.clone()).collect::<Vec<_>>()
    };
    step(world, each).iter().flat_map(of).collect()
}

pub(super) fn of_branch(world: &World, branch: &Branch, each: &Step) -> Vec<Expectation> {
    let mut fires = match (&branch.due, each) {
        (Expected::All(dues), Step::Parallel(steps)) => at_once(dues, steps, &world.defaults),
        (due, _) => of(due, &world.defaults, each.kind()),
    };
    if !world.full {
        fires.extend(of_probe(&branch.due, &world.defaults, each));
    }
    fires
}

/// Of calls at once: what each calls for, and what their notices do.
fn at_once(dues: &[Expected], steps: &[Step], defaults: &Defaults) -> Vec<Expectation> {
    let lanes = dues.iter().zip(steps);
    let mut fires: Vec<Expectation> =
        lanes.flat_map(|(due, step)| of(due, defaults, step.kind())).collect();
    for form in [NOTICE, NO_NOTICE] {
        let (clause, kind) = (Clause::T9, PARALLEL);
        fires.push(Expectation { clause, dimension: None, kind, form, config_differs: false });
    }
    for due in dues {
        if let Expected::Change { policy, .. } = due {
            let citations = Citations::all(PARALLEL, Clause::O14);
            fires.extend(values(policy, &citations, defaults));
        }
    }
    fires
}

fn of(due: &Expected, defaults: &Defaults, kind: OpKind) -> Vec<Expectation> {
    let plain =
        |clause, form| Expectation { clause, dimension: None, kind, form, config_differs: false };
    match due {
        Expected::Answer { granted: false } => vec![plain(Clause::T5, LOADED)],
        Expected::Nothing | Expected::Answer { granted: true } | Expected::Closing { .. } => {
            Vec::new()
        }
        Expected::All(dues) => dues.iter().flat_map(|due| of(due, defaults, kind)).collect(),
        Expected::Interrupted { due, .. } => {
            let mut fires = of(due, defaults, kind);
            fires.retain(|fire| !matches!(fire.clause, Clause::T9 | Clause::W4));
            fires
        }
        Expected::Refusal(clause) => vec![plain(*clause, REFUSED)],
        Expected::Policy(_, policy, citations)
        | Expected::Look(_, policy, citations)
        | Expected::ColdRead(_, policy, citations) => {
            let mut fires = values(policy, citations, defaults);
            fires.push(plain(citations.main(), ACCEPTED));
            fires
        }
        Expected::Turn { policy, citations, notice, .. }
        | Expected::Change { policy, citations, notice, .. } => {
            let mut fires = values(policy, citations, defaults);
            if matches!(due, Expected::Turn { .. }) {
                let stated = Citations::in_model_context(Run::KIND, Clause::G9);
                fires.extend(values(policy, &stated, defaults));
            }
            let form = |due: bool| if due { NOTICE } else { NO_NOTICE };
            fires.extend(notice.map(|due| plain(Clause::T9, form(due))));
            fires.push(plain(Clause::W4, ACCEPTED));
            fires.push(plain(citations.main(), ACCEPTED));
            fires
        }
        Expected::ModelContext { policy, citations, .. } => values(policy, citations, defaults),
        Expected::Within { bound, .. } => {
            values(bound, &Citations::all(SubagentTurn::KIND, Clause::O10), defaults)
        }
    }
}

/// What the contract demands of the step's probe, where it has one.
fn of_probe(due: &Expected, defaults: &Defaults, step: &Step) -> Vec<Expectation> {
    match (due, step) {
        (_, Step::SecondClient(inner)) => of_probe(due, defaults, inner),
        (Expected::All(dues), Step::Parallel(steps)) => {
            let lanes = dues.iter().zip(steps);
            lanes.flat_map(|(due, step)| of_probe(due, defaults, step)).collect()
        }
        (_, Step::KillDuring(..)) => Vec::new(),
        (
            Expected::Turn { policy, .. }
            | Expected::ModelContext { policy, .. }
            | Expected::Within { policy, .. },
            operation,
        ) => {
            let Some(ProbeScript { probe, .. }) = operation.probe() else {
                return Vec::new();
            };
            let citations = match due {
                Expected::Turn { citations, .. } => *citations,
                _ => Citations::all(step.kind(), Clause::E8),
            };
            let demands = demands(policy, probe, &defaults.profiles).into_iter();
            let expectation = |demand: Demand| {
                let form = demand.form();
                let clause = cited(&demand, step, &citations);
                let Demand { value, .. } = demand;
                Expectation {
                    clause,
                    dimension: Some(value.dimension()),
                    kind: step.kind(),
                    form,
                    config_differs: differs(defaults, &value),
                }
            };
            demands.map(expectation).collect()
        }
        _ => Vec::new(),
    }
}

fn values(policy: &Policy, citations: &Citations, defaults: &Defaults) -> Vec<Expectation> {
    let fire = |(dimension, value): (Dimension, Value)| Expectation {
        clause: citations.clause(&value),
        dimension: Some(dimension),
        kind: citations.kind,
        form: value.form(),
        config_differs: differs(defaults, &value),
    };
    let mut fires: Vec<Expectation> = policy.values().into_iter().map(fire).collect();
    for dimension in Dimension::PRIMARY {
        if policy.value(dimension).is_none() {
            let (clause, kind) = (citations.of(dimension), citations.kind);
            let forms = dimension.forms().iter().copied();
            fires.extend(forms.map(|form| Expectation {
                clause,
                dimension: Some(dimension),
                kind,
                form,
                config_differs: true,
            }));
        }
    }
    fires
}

/// Whether config, or one of its files alone, has another value. One that config does not state is
/// not known (L3).
fn differs(defaults: &Defaults, value: &Value) -> bool {
    let dimension = value.dimension();
    let differs = |other: Value| other != *value;
    let layers = defaults.stated();
    let mut stated = layers.iter().filter_map(|layer| layer.value(dimension));
    match defaults.policy().value(dimension) {
        Some(other) => differs(other) || stated.any(differs),
        None => dimension.is_primary(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Dimension, Operation, Program, expectations};
    use crate::contract::Clause;
    use crate::program::ops::resume::Resume;

    #[test]
    fn config_differs_where_an_earlier_one_does() {
        let program = "# heirloom case v1\nconfig sandbox=danger-full-access\n\
                    start sandbox=read-only -> t0\nrun t0 \"one\"\n\
                    configure sandbox=read-only\nreread t0\naudit\n";
        let program: Program = program.parse().expect("the plan is one");
        let mut looks = expectations(&program).into_iter().filter(|fire| fire.clause == Clause::S2);
        assert!(looks.any(|fire| fire.dimension == Some(Dimension::SB) && fire.config_differs));
    }

    #[test]
    fn an_override_at_a_resume_rules_its_own_dimension_alone() {
        let program = "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"one\"\nrestart graceful\n\
                    resume t0 approval=never\naudit\n";
        let program: Program = program.parse().expect("the plan is one");
        let cited: Vec<Clause> = expectations(&program)
            .into_iter()
            .filter(|fire| fire.kind == Resume::KIND && fire.dimension == Some(Dimension::SB))
            .map(|fire| fire.clause)
            .collect();
        assert_eq!(cited, [Clause::R8]);
    }
}
