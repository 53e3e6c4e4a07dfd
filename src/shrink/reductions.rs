//! [core] Every way to make a plan smaller, the most promising first.
//!
//! Lines go in spans, longest first, with whatever depends on them; then forks give way to their
//! sources, resumes to turns, changes of config to other defaults, overrides and replies become
//! plain, values lose their fields, defaults become the plain ones, and threads are named lower. A
//! reduction never makes a plan longer.

use std::collections::BTreeSet;

use crate::op::Stop;
use crate::plan::{Name, Plan, Reply, Step, Who};
use crate::policy::{
    Approval, CallOverrides, Defaults, Granular, Overrides, Sandbox, TurnOverrides, Wish,
};

/// Large steps, made from the line and the thread at which a finding showed; smallest plan first.
pub fn guesses(plan: &Plan, step: usize, thread: Option<Name>) -> Vec<Plan> {
    let cut = Plan { steps: plan.steps[..plan.lines().min(step + 1)].to_vec(), ..plan.clone() };
    let Some(thread) = thread else {
        return vec![cut];
    };
    let line = lineage(&cut, thread);
    let aside = |step: &Step| match step {
        Step::Reread { .. }
        | Step::Fresh { .. }
        | Step::Restart { .. }
        | Step::Configure { .. } => true,
        Step::Run { flaw, .. } => flaw.is_some(),
        Step::Start { .. } | Step::Fork { .. } | Step::Resume { .. } => false,
    };
    let mut bare = line.clone();
    bare.steps.retain(|step| !aside(step));
    vec![last_of_each(&bare), bare, line, cut]
}

/// The steps that speak of a thread or of those it was forked from.
fn lineage(plan: &Plan, thread: Name) -> Plan {
    let mut names = BTreeSet::from([thread]);
    for step in plan.steps.iter().rev() {
        if let Step::Fork { from: Who::Thread(from), new, .. } = step
            && names.contains(new)
        {
            names.insert(*from);
        }
    }
    let about = |step: &Step| match (step.names(), step.uses()) {
        (Some(name), _) => names.contains(&name),
        (None, Some(Who::Thread(name))) => names.contains(&name),
        (None, Some(Who::Nobody)) => false,
        (None, None) => true,
    };
    Plan { steps: plan.steps.iter().filter(|step| about(step)).cloned().collect(), ..plan.clone() }
}

/// Of each thread's turns and resumes only the last one.
fn last_of_each(plan: &Plan) -> Plan {
    let mut seen = BTreeSet::new();
    let mut steps: Vec<Step> = plan.steps.clone();
    steps.reverse();
    steps.retain(|step| match (step.names(), step.uses()) {
        (None, Some(who)) => seen.insert(who),
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
        let orphan = matches!(step.uses(), Some(Who::Thread(name)) if gone.contains(&name));
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
        let Step::Fork { from: from @ Who::Thread(_), new, overrides } = step else { continue };
        let kept = overrides.sets_any().then(|| moved_to_turn(plan, index, overrides)).flatten();
        for mut plan in kept.into_iter().chain([plan.clone()]) {
            plan.steps.remove(index);
            plan.steps.iter_mut().for_each(|step| rename(step, Who::Thread(*new), *from));
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

/// The overrides that ask for `old` where `new` differs.
fn difference(old: &Defaults, new: &Defaults) -> CallOverrides {
    fn set<T: Clone + PartialEq>(old: &T, new: &T) -> Wish<T> {
        if old == new { Wish::Omit } else { Wish::Set(old.clone()) }
    }
    Overrides {
        approval: set(&old.approval, &new.approval),
        reviewer: set(&old.reviewer, &new.reviewer),
        sandbox: set(&old.sandbox, &new.sandbox),
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

fn rename(step: &mut Step, old: Who, new: Who) {
    let place = match step {
        Step::Run { thread, .. }
        | Step::Resume { thread, .. }
        | Step::Reread { thread }
        | Step::Fresh { thread } => thread,
        Step::Fork { from, .. } => from,
        Step::Start { .. } | Step::Restart { .. } | Step::Configure { .. } => return,
    };
    if *place == old {
        *place = new;
    }
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
            rename(&mut step, Who::Thread(used), Who::Thread(name));
            all.push(replaced(plan, index, step));
        }
    }
    all
}

/// The step with one thing about it made plain.
fn plainer(step: &Step) -> Vec<Step> {
    match step {
        Step::Start { overrides, new } => plainer_call(overrides)
            .into_iter()
            .map(|overrides| Step::Start { overrides, new: *new })
            .collect(),
        Step::Fork { from, overrides, new } => plainer_call(overrides)
            .into_iter()
            .map(|overrides| Step::Fork { from: *from, overrides, new: *new })
            .collect(),
        Step::Resume { thread, overrides } => plainer_call(overrides)
            .into_iter()
            .map(|overrides| Step::Resume { thread: *thread, overrides })
            .collect(),
        Step::Run { thread, prompt, overrides, flaw, reply } => {
            let plain = |overrides, flaw, reply| Step::Run {
                thread: *thread,
                prompt: prompt.clone(),
                overrides,
                flaw,
                reply,
            };
            let mut all = Vec::new();
            let text = Reply::Text("ok".to_owned());
            if flaw.is_some() || *reply != text {
                all.push(plain(overrides.clone(), None, text));
            }
            let fewer = plainer_turn(overrides).into_iter();
            all.extend(fewer.map(|overrides| plain(overrides, *flaw, reply.clone())));
            all
        }
        Step::Restart { stop: Stop::Kill } => vec![Step::Restart { stop: Stop::Graceful }],
        Step::Configure { defaults } => plainer_defaults(defaults)
            .into_iter()
            .map(|defaults| Step::Configure { defaults })
            .collect(),
        Step::Restart { stop: Stop::Graceful } | Step::Reread { .. } | Step::Fresh { .. } => {
            Vec::new()
        }
    }
}

fn plainer_call(overrides: &CallOverrides) -> Vec<CallOverrides> {
    let mut all = fewer(overrides);
    all.extend(plainer_approval(overrides));
    all
}

fn plainer_turn(overrides: &TurnOverrides) -> Vec<TurnOverrides> {
    let mut all = fewer(overrides);
    all.extend(plainer_approval(overrides));
    if let Wish::Set(sandbox) = &overrides.sandbox {
        let plainer = plainer_sandbox(sandbox).into_iter().map(Wish::Set);
        all.extend(plainer.map(|sandbox| Overrides { sandbox, ..overrides.clone() }));
    }
    all
}

/// None at all, then each one left out.
fn fewer<S: Clone + PartialEq>(overrides: &Overrides<S>) -> Vec<Overrides<S>> {
    let kept = || overrides.clone();
    let all = [
        Overrides::default(),
        Overrides { sandbox: Wish::Omit, ..kept() },
        Overrides { reviewer: Wish::Omit, ..kept() },
        Overrides { approval: Wish::Omit, ..kept() },
    ];
    all.into_iter().filter(|fewer| fewer != overrides).collect()
}

const NO_CATEGORY: Granular = Granular {
    sandbox_approval: false,
    rules: false,
    skill_approval: false,
    request_permissions: false,
    mcp_elicitations: false,
};

fn plainer_approval<S: Clone>(overrides: &Overrides<S>) -> Option<Overrides<S>> {
    match &overrides.approval {
        Wish::Set(Approval::Granular(granular)) if *granular != NO_CATEGORY => {
            let approval = Wish::Set(Approval::Granular(NO_CATEGORY));
            Some(Overrides { approval, ..overrides.clone() })
        }
        _ => None,
    }
}

fn plainer_sandbox(sandbox: &Sandbox) -> Vec<Sandbox> {
    match sandbox {
        Sandbox::ReadOnly { network: true } => vec![Sandbox::ReadOnly { network: false }],
        Sandbox::External { network: true } => vec![Sandbox::External { network: false }],
        Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => {
            let none = BTreeSet::new();
            let with = |marks: [bool; 3], roots: &BTreeSet<String>| {
                let [network, exclude_tmpdir, exclude_slash_tmp] = marks;
                let roots = roots.clone();
                Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
            };
            let (open, tmpdir, slash_tmp) = (*network, *exclude_tmpdir, *exclude_slash_tmp);
            let all = [
                with([false; 3], &none),
                with([open, tmpdir, slash_tmp], &none),
                with([false, tmpdir, slash_tmp], roots),
                with([open, false, slash_tmp], roots),
                with([open, tmpdir, false], roots),
            ];
            all.into_iter().filter(|plainer| plainer != sandbox).collect()
        }
        _ => Vec::new(),
    }
}

/// The plain defaults at once, then each by itself.
fn plainer_defaults(defaults: &Defaults) -> Vec<Defaults> {
    let plain = Defaults::default();
    let kept = || defaults.clone();
    let all = [
        plain.clone(),
        Defaults { network: plain.network, ..kept() },
        Defaults { sandbox: plain.sandbox, ..kept() },
        Defaults { reviewer: plain.reviewer.clone(), ..kept() },
        Defaults { approval: plain.approval.clone(), ..kept() },
    ];
    all.into_iter().filter(|plainer| plainer != defaults).collect()
}
