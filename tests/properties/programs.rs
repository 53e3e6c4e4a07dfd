//! Cases, plans and what the model allows: all of it total.
//!
//! Every case has a plan, every plan lifts back to a case, every step has an answer, and every plan
//! ends with its audit. No case is refused, whoever made it.

use heirloom::program::ops::disk::Disk;
use heirloom::program::ops::restart::Restart;
use heirloom::program::ops::resume::Resume;
use std::collections::BTreeSet;

use heirloom::model::World;
use heirloom::model::step::step;
use heirloom::program::Program;
use heirloom::program::lift::canonical;
use heirloom::program::ops::Step;
use heirloom::program::ops::restart::Stop;
use heirloom::program::thread::ThreadRef;
use proptest::strategy::Strategy;

use super::drawn::{any_case, any_plan, of_bytes, written_plan};
use super::{check, same};

/// Worlds that are followed: where several answers are allowed at many steps, they multiply.
const WORLDS_MAX: usize = 16;

/// The worlds that the contract allows, step after step, up to the bound.
fn answered(program: &Program) -> Result<(), String> {
    let mut worlds = BTreeSet::from([World::new(program.defaults.clone())]);
    for each in program.with_audit() {
        let mut next = BTreeSet::new();
        for world in &worlds {
            let branches = step(world, &each);
            if branches.is_empty() {
                return Err(format!("`{each}` has no answer in\n{program}"));
            }
            next.extend(branches.into_iter().map(|branch| branch.world));
        }
        worlds = next.into_iter().take(WORLDS_MAX).collect();
    }
    Ok(())
}

/// A plan speaks only of threads that it named before, and names none twice.
fn in_order(program: &Program) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for each in &program.steps {
        let known = each.used().into_iter().all(|who| match who {
            ThreadRef::Thread(name) => named.contains(&name),
            ThreadRef::Unknown => true,
        });
        let fresh = each.names().into_iter().all(|name| named.insert(name));
        if !known || !fresh {
            return Err(format!("`{each}` stands at the wrong place in\n{program}"));
        }
    }
    Ok(())
}

/// The audit is a restart and a cold read of every thread, on a disk that has room.
fn audited(program: &Program) -> Result<(), String> {
    let full = program.steps.contains(&Step::Disk(Disk { full: true }));
    let mut due: Vec<Step> = full.then_some(Step::Disk(Disk { full: false })).into_iter().collect();
    due.push(Step::Restart(Restart { stop: Stop::Graceful, drop_db: false, release: None }));
    due.extend(program.names().into_iter().map(|name| {
        Step::Resume(Resume { thread: ThreadRef::Thread(name), overrides: Default::default() })
    }));
    same(&program.audit(), &due)
}

#[test]
fn every_step_of_every_plan_has_an_answer() {
    check(any_plan(), |program| answered(&program));
}

#[test]
fn every_step_of_every_written_plan_has_an_answer() {
    check(written_plan(), |program| answered(&program));
}

#[test]
fn a_plan_speaks_of_threads_that_it_has_named() {
    check(any_plan(), |program| in_order(&program));
}

#[test]
fn a_plan_ends_with_a_cold_read_of_every_thread() {
    check(written_plan(), |program| audited(&program));
}

#[test]
fn a_plan_has_a_step_for_each_op() {
    check(any_case(), |case| same(&Program::from(&case).lines(), &case.ops.len()));
}

#[test]
fn a_drawn_plan_is_lifted_to_a_case_and_back() {
    check(any_plan(), |program| same(&Program::from(&Case::from(&program)), &program));
}

#[test]
fn a_canonical_plan_is_canonical() {
    let programs = written_plan().prop_map(|program| canonical(&program));
    check(programs, |program| same(&canonical(&program), &program));
}

#[test]
fn a_canonical_plan_has_the_same_lines() {
    check(written_plan(), |program| same(&canonical(&program).lines(), &program.lines()));
}

#[test]
fn no_bytes_and_zeros_are_cases() {
    for bytes in [&[][..], &[0; 4096], &[u8::MAX; 4096]] {
        let program = Program::from(&of_bytes(bytes));
        answered(&program).and_then(|()| in_order(&program)).expect("the plan is legal");
    }
}
