//! Every way to make a plan smaller, the most promising first.
//!
//! Lines go in spans, longest first, with whatever depends on them; then forks give way to their
//! sources, resumes to turns, changes of config to other defaults; a home that moves begins where
//! it goes; overrides and replies become plain, values lose their fields, defaults become the plain
//! ones, and threads are named lower. A reduction never makes a plan longer.

use std::collections::BTreeSet;

use crate::policy::{CallOverrides, Defaults, Overrides, Setting};
use crate::program::ops::Step;
use crate::program::ops::configure::Configure;
use crate::program::ops::fork::Fork;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::start::Start;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::program::{Program, simplify};

/// Large steps, made from the line and the thread at which a finding showed; smallest plan first.
pub fn guesses(program: &Program, step: usize, thread: Option<ThreadName>) -> Vec<Program> {
    let cut = Program {
        steps: program.steps[..program.lines().min(step + 1)].to_vec(),
        ..program.clone()
    };
    let Some(thread) = thread else {
        return vec![cut];
    };
    let line = lineage(&cut, thread);
    let mut bare = line.clone();
    bare.steps.retain(Step::changes_policy);
    vec![last_of_each(&bare), bare, line, cut]
}

/// The steps that speak of a thread or of those it was forked from.
fn lineage(program: &Program, thread: ThreadName) -> Program {
    let mut names = BTreeSet::from([thread]);
    for step in program.steps.iter().rev() {
        if step.names().iter().any(|name| names.contains(name)) {
            names.extend(step.used().into_iter().filter_map(ThreadRef::name));
        }
    }
    let about = |step: &Step| {
        let (given, used) = (step.names(), step.used());
        let touched = given.iter().copied().chain(used.iter().copied().filter_map(ThreadRef::name));
        given.is_empty() && used.is_empty() || touched.into_iter().any(|name| names.contains(&name))
    };
    Program {
        steps: program.steps.iter().filter(|step| about(step)).cloned().collect(),
        ..program.clone()
    }
}

/// Of each thread's turns and resumes only the last one.
fn last_of_each(program: &Program) -> Program {
    let mut seen = BTreeSet::new();
    let mut steps: Vec<Step> = program.steps.clone();
    steps.reverse();
    steps.retain(|step| match (step.names().is_empty(), step.uses()) {
        (true, Some(who)) => seen.insert(who),
        _ => true,
    });
    steps.reverse();
    Program { steps, ..program.clone() }
}

/// Every plan that is one reduction smaller.
pub fn reductions(program: &Program) -> Vec<Program> {
    let mut all = spans(program);
    all.extend(unforked(program));
    all.extend(unresumed(program));
    all.extend(hoisted(program));
    all.extend(begun_elsewhere(program));
    for index in 0..program.lines() {
        let with = |step| replaced(program, index, step);
        all.extend(program.steps[index].simpler().into_iter().map(with));
    }
    let defaults = simplify::defaults(&program.defaults).into_iter();
    all.extend(defaults.map(|defaults| Program { defaults, ..program.clone() }));
    all.extend(lowered(program));
    all
}

fn replaced(program: &Program, index: usize, step: Step) -> Program {
    let mut program = program.clone();
    program.steps[index] = step;
    program
}

/// Without each span of lines, longest first, down to single lines.
fn spans(program: &Program) -> Vec<Program> {
    let lines = program.lines();
    let mut all = Vec::new();
    let mut length = lines / 2;
    while length > 1 {
        let starts = (0..=lines - length).step_by(length);
        all.extend(starts.map(|start| without(program, start..start + length)));
        length /= 2;
    }
    all.extend((0..lines).rev().map(|start| without(program, start..start + 1)));
    all
}

/// Without these lines, and without those that speak of a thread that they named.
fn without(program: &Program, span: std::ops::Range<usize>) -> Program {
    let mut gone: BTreeSet<ThreadName> = BTreeSet::new();
    let mut steps = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let mut used = step.used().into_iter().filter_map(ThreadRef::name);
        let orphan = used.any(|name| gone.contains(&name));
        if span.contains(&index) || orphan {
            gone.extend(step.names());
        } else {
            steps.push(step.clone());
        }
    }
    Program { steps, ..program.clone() }
}

/// With a fork taken out, its source in its place; once with its overrides kept on the source's
/// last turn, once without.
fn unforked(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let Step::Fork(Fork { source: from @ ThreadRef::Thread(_), new, overrides, .. }) = step
        else {
            continue;
        };
        let kept = overrides.sets_any().then(|| moved_to_turn(program, index, overrides)).flatten();
        for mut program in kept.into_iter().chain([program.clone()]) {
            program.steps.remove(index);
            program.steps.iter_mut().for_each(|step| step.rename(ThreadRef::Thread(*new), *from));
            all.push(program);
        }
    }
    all
}

/// With a change of the defaults made where the plan begins; once with the starts before it asking
/// for what they had by default, once without.
fn hoisted(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let Step::Configure(Configure { defaults }) = step else { continue };
        let mut steps = program.steps.clone();
        steps.remove(index);
        let dropped = Program { defaults: defaults.clone(), steps };
        let mut pinned = dropped.clone();
        for step in &mut pinned.steps[..index] {
            if let Step::Start(Start { overrides, .. }) = step {
                *overrides =
                    difference(&program.defaults, defaults).overridden_by(overrides.clone());
            }
        }
        all.extend([pinned, dropped]);
    }
    all
}

/// With the first move of the home made where the plan begins, on a home of that server's own.
fn begun_elsewhere(program: &Program) -> Option<Program> {
    let place = program.steps.iter().position(|step| step.moves_to().is_some())?;
    let mut program = program.clone();
    program.steps[..=place].rotate_right(1);
    (place > 0).then_some(program)
}

/// The overrides that ask for `old` where `new` differs.
fn difference(old: &Defaults, new: &Defaults) -> CallOverrides {
    fn set<T: Clone + PartialEq>(old: &Option<T>, new: &Option<T>) -> Setting<T> {
        match old {
            Some(value) if old != new => Setting::Set(value.clone()),
            _ => Setting::Omit,
        }
    }
    let (old, new) = (&old.user, &new.user);
    Overrides {
        approval: set(&old.approval, &new.approval),
        reviewer: set(&old.reviewer, &new.reviewer),
        sandbox: set(&old.sandbox, &new.sandbox),
        ..Overrides::default()
    }
}

/// With a resume taken out and its overrides laid over those of the thread's last turn before it,
/// and with the restart before it taken out too.
fn unresumed(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let Step::Resume(Resume { overrides, .. }) = step else { continue };
        let Some(mut moved) = moved_to_turn(program, index, overrides) else { continue };
        moved.steps.remove(index);
        if index > 0 && matches!(moved.steps[index - 1], Step::Restart(_)) {
            moved.steps.remove(index - 1);
        }
        all.push(moved);
    }
    all
}

/// The overrides of a fork or a resume laid over those of its thread's last turn before it.
fn moved_to_turn(program: &Program, call: usize, overrides: &CallOverrides) -> Option<Program> {
    let thread = program.steps[call].uses();
    let is_turn = |step: &Step| matches!(step, Step::Run(_)) && step.uses() == thread;
    let place = program.steps[..call].iter().rposition(is_turn)?;
    let mut program = program.clone();
    let asked = program.defaults.resolve(overrides);
    if let Step::Run(Run { overrides, .. }) = &mut program.steps[place] {
        *overrides = overrides.clone().overridden_by(asked);
    }
    Some(program)
}

/// With one use of a thread moved to one that was named earlier.
fn lowered(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let Some(ThreadRef::Thread(used)) = step.uses() else {
            continue;
        };
        let lower = program.names().into_iter().take_while(|name| *name != used);
        for name in lower {
            let mut step = step.clone();
            step.rename(ThreadRef::Thread(used), ThreadRef::Thread(name));
            all.push(replaced(program, index, step));
        }
    }
    all
}
