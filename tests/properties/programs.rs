//! Programs and the model are total.
//!
//! Every list of steps becomes a legal program, the model answers every step, and every program ends
//! with its audit.

use std::collections::BTreeSet;

use proptest::strategy::Strategy;

use super::drawn::{any_program, of_bytes, written_program};
use super::{check, same};
use heirloom::model::World;
use heirloom::model::step::step;
use heirloom::program::Program;
use heirloom::program::ops::Step;
use heirloom::program::ops::disk::Disk;
use heirloom::program::ops::restart::{Restart, Stop};
use heirloom::program::ops::resume::Resume;
use heirloom::program::thread::ThreadRef;

/// The worlds that are followed: they multiply where several answers are allowed at many steps.
const WORLDS_MAX: usize = 16;

/// Every step has an answer in every world that the contract allows, up to the bound.
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

/// A program uses only threads that it has named before, and names none twice.
fn in_order(program: &Program) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for each in &program.steps {
        let known = each.used().into_iter().all(|who| match who {
            ThreadRef::Thread(name) => named.contains(&name),
            ThreadRef::Unknown => true,
        });
        let unused = each.names().into_iter().all(|name| named.insert(name));
        if !known || !unused {
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
fn every_step_of_a_drawn_program_has_an_answer() {
    check(any_program(), |program| answered(&program));
}

#[test]
fn every_step_of_a_written_program_has_an_answer() {
    check(written_program(), |program| answered(&program));
}

#[test]
fn a_program_uses_only_threads_that_it_has_named() {
    check(any_program(), |program| in_order(&program));
}

#[test]
fn a_program_ends_with_a_cold_read_of_every_thread() {
    check(written_program(), |program| audited(&program));
}

#[test]
fn a_drawn_program_is_normalised() {
    check(any_program(), |program| same(&program.normalised(), &program));
}

#[test]
fn a_normalised_program_stays_as_it_is() {
    let programs = written_program().prop_map(|program| program.normalised());
    check(programs, |program| same(&program.normalised(), &program));
}

#[test]
fn a_normalised_program_has_as_many_lines() {
    check(written_program(), |program| same(&program.normalised().lines(), &program.lines()));
}

#[test]
fn no_bytes_zeros_and_ones_are_legal_programs() {
    for bytes in [&[][..], &[0; 4096], &[u8::MAX; 4096]] {
        let program = of_bytes(bytes);
        answered(&program).and_then(|()| in_order(&program)).expect("the program is legal");
    }
}
