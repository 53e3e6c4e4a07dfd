//! [core] Every way to make a plan smaller, the most promising first.
//!
//! Lines go in spans, longest first, with whatever depends on them; then forks give way to their
//! sources, resumes to turns, changes of config to other defaults; a home that moves begins where
//! it goes; overrides and replies become plain, values lose their fields, defaults become the plain
//! ones, and threads are named lower. A reduction never makes a plan longer.

use std::collections::BTreeSet;

use super::plainer::{plainer, plainer_defaults};
use crate::plan::{Name, Plan, Step, Who};
use crate::policy::{CallOverrides, Defaults, Overrides, Wish};

/// Large steps, made from the line and the thread at which a finding showed; smallest plan first.
pub fn guesses(plan: &Plan, step: usize, thread: Option<Name>) -> Vec<Plan> {
    let cut = Plan { steps: plan.steps[..plan.lines().min(step + 1)].to_vec(), ..plan.clone() };
    let Some(thread) = thread else {
        return vec![cut];
    };
    let line = lineage(&cut, thread);
    let aside = |step: &Step| match step {
        Step::Run { flaw, .. } => flaw.is_some(),
        Step::Start { .. } | Step::Fork { .. } | Step::Resume { .. } | Step::Settings { .. } => {
            false
        }
        Step::Spawn { .. } | Step::Second(_) | Step::Torn(..) | Step::Together(_) => false,
        _ => true,
    };
    let mut bare = line.clone();
    bare.steps.retain(|step| !aside(step));
    vec![last_of_each(&bare), bare, line, cut]
}

/// The steps that speak of a thread or of those it was forked from.
fn lineage(plan: &Plan, thread: Name) -> Plan {
    let mut names = BTreeSet::from([thread]);
    for step in plan.steps.iter().rev() {
        if step.names().iter().any(|name| names.contains(name)) {
            names.extend(step.used().into_iter().filter_map(named));
        }
    }
    let about = |step: &Step| {
        let (given, used) = (step.names(), step.used());
        let touched = given.iter().copied().chain(used.iter().copied().filter_map(named));
        given.is_empty() && used.is_empty() || touched.into_iter().any(|name| names.contains(&name))
    };
    Plan { steps: plan.steps.iter().filter(|step| about(step)).cloned().collect(), ..plan.clone() }
}

fn named(who: Who) -> Option<Name> {
    match who {
        Who::Thread(name) => Some(name),
        Who::Nobody => None,
    }
}

/// Of each thread's turns and resumes only the last one.
fn last_of_each(plan: &Plan) -> Plan {
    let mut seen = BTreeSet::new();
    let mut steps: Vec<Step> = plan.steps.clone();
    steps.reverse();
    steps.retain(|step| match (step.names().is_empty(), step.uses()) {
        (true, Some(who)) => seen.insert(who),
        _ => true,
    });
    steps.reverse();
    Plan { steps, ..plan.clone() }
}

/// Every plan that is one reduction smaller.
pub fn reductions(plan: &Plan) -> Vec<Plan> {
    let mut all = spans(plan);
    all.extend(unforked(plan));
    all.extend(unresumed(plan));
    all.extend(hoisted(plan));
    all.extend(begun_elsewhere(plan));
    for index in 0..plan.lines() {
        let with = |step| replaced(plan, index, step);
        all.extend(plainer(&plan.steps[index]).into_iter().map(with));
    }
    let defaults = plainer_defaults(&plan.defaults).into_iter();
    all.extend(defaults.map(|defaults| Plan { defaults, ..plan.clone() }));
    all.extend(lowered(plan));
    all
}

fn replaced(plan: &Plan, index: usize, step: Step) -> Plan {
    let mut plan = plan.clone();
    plan.steps[index] = step;
    plan
}

/// Without each span of lines, longest first, down to single lines.
fn spans(plan: &Plan) -> Vec<Plan> {
    let lines = plan.lines();
    let mut all = Vec::new();
    let mut length = lines / 2;
    while length > 1 {
        let starts = (0..=lines - length).step_by(length);
        all.extend(starts.map(|start| without(plan, start..start + length)));
        length /= 2;
    }
    all.extend((0..lines).rev().map(|start| without(plan, start..start + 1)));
    all
}

/// Without these lines, and without those that speak of a thread that they named.
fn without(plan: &Plan, span: std::ops::Range<usize>) -> Plan {
    let mut gone: BTreeSet<Name> = BTreeSet::new();
    let mut steps = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let mut used = step.used().into_iter().filter_map(named);
        let orphan = used.any(|name| gone.contains(&name));
        match span.contains(&index) || orphan {
            true => gone.extend(step.names()),
            false => steps.push(step.clone()),
        }
    }
    Plan { steps, ..plan.clone() }
}

/// With a fork taken out, its source in its place; once with its overrides kept on the source's
/// last turn, once without.
fn unforked(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Step::Fork { from: from @ Who::Thread(_), new, overrides, .. } = step else { continue };
        let kept = overrides.sets_any().then(|| moved_to_turn(plan, index, overrides)).flatten();
        for mut plan in kept.into_iter().chain([plan.clone()]) {
            plan.steps.remove(index);
            plan.steps.iter_mut().for_each(|step| step.rename(Who::Thread(*new), *from));
            all.push(plan);
        }
    }
    all
}

/// With a change of the defaults made where the plan begins; once with the starts before it asking
/// for what they had by default, once without.
fn hoisted(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Step::Configure { defaults } = step else { continue };
        let mut steps = plan.steps.clone();
        steps.remove(index);
        let dropped = Plan { defaults: defaults.clone(), steps };
        let mut pinned = dropped.clone();
        for step in &mut pinned.steps[..index] {
            if let Step::Start { overrides, .. } = step {
                *overrides = difference(&plan.defaults, defaults).under(overrides.clone());
            }
        }
        all.extend([pinned, dropped]);
    }
    all
}

/// With the first move of the home made where the plan begins, on a home of that server's own.
fn begun_elsewhere(plan: &Plan) -> Option<Plan> {
    let place = plan.steps.iter().position(|step| step.moves_to().is_some())?;
    let mut plan = plan.clone();
    plan.steps[..=place].rotate_right(1);
    (place > 0).then_some(plan)
}

/// The overrides that ask for `old` where `new` differs.
fn difference(old: &Defaults, new: &Defaults) -> CallOverrides {
    fn set<T: Clone + PartialEq>(old: &T, new: &T) -> Wish<T> {
        if old == new { Wish::Omit } else { Wish::Set(old.clone()) }
    }
    Overrides {
        approval: set(&old.approval, &new.approval),
        reviewer: set(&old.reviewer, &new.reviewer),
        sandbox: set(&old.sandbox, &new.sandbox),
        ..Overrides::default()
    }
}

/// With a resume taken out and its overrides laid over those of the thread's last turn before it,
/// and with the restart before it taken out too.
fn unresumed(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Step::Resume { overrides, .. } = step else { continue };
        let Some(mut moved) = moved_to_turn(plan, index, overrides) else { continue };
        moved.steps.remove(index);
        if index > 0 && matches!(moved.steps[index - 1], Step::Restart { .. }) {
            moved.steps.remove(index - 1);
        }
        all.push(moved);
    }
    all
}

/// The overrides of a fork or a resume laid over those of its thread's last turn before it.
fn moved_to_turn(plan: &Plan, call: usize, overrides: &CallOverrides) -> Option<Plan> {
    let thread = plan.steps[call].uses();
    let is_turn = |step: &Step| matches!(step, Step::Run { .. }) && step.uses() == thread;
    let place = plan.steps[..call].iter().rposition(is_turn)?;
    let mut plan = plan.clone();
    let asked = plan.defaults.resolve(overrides);
    if let Step::Run { overrides, .. } = &mut plan.steps[place] {
        *overrides = overrides.clone().under(asked);
    }
    Some(plan)
}

/// With one use of a thread moved to one that was named earlier.
fn lowered(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let Some(Who::Thread(used)) = step.uses() else {
            continue;
        };
        let lower = plan.names().into_iter().take_while(|name| *name != used);
        for name in lower {
            let mut step = step.clone();
            step.rename(Who::Thread(used), Who::Thread(name));
            all.push(replaced(plan, index, step));
        }
    }
    all
}
