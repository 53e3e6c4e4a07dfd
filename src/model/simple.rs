//! What the contract allows a step that is not a wrapper, on a full disk too.

use super::branch::also_refused;
use super::rule::Rule;
use super::{Branch, Expected, Stage, World, full_disk};
use crate::contract::Clause;
use crate::program::ops::{Step, with_operation};

/// Evaluates an expression with the step's operation; wrappers are answered before.
macro_rules! with_rule {
    ($step:expr, $operation:ident => $body:expr) => {
        with_operation!($step, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => {
                unreachable!("wrappers never nest")
            },
        } $operation => $body)
    };
}

/// Every answer that the contract allows.
pub(super) fn predict(world: &World, step: &Step) -> Vec<Branch> {
    let branches = with_rule!(step, operation => operation.predict(world));
    let widened = world.full && with_rule!(step, operation => writes(operation));
    let branches = if widened {
        let half_done = with_rule!(step, operation => operation.half_done(world, &branches));
        full_disk::widened(world, step.uses(), branches, half_done)
    } else {
        branches
    };
    assert!(!branches.is_empty(), "every step has an answer");
    if in_lost_folder(world, step) { perhaps_refused(world, branches) } else { branches }
}

/// Whether the step is about a thread whose folder is gone.
fn in_lost_folder(world: &World, step: &Step) -> bool {
    let thread = step.uses().and_then(|thread| world.thread(thread));
    thread.is_some_and(|(_, thread)| {
        let policy = thread.live.as_ref().unwrap_or(&thread.stored);
        world.gone.iter().any(|folder| policy.works_in(folder))
    })
}

/// The contract does not say whether a release takes a thread whose folder is gone.
fn perhaps_refused(world: &World, branches: Vec<Branch>) -> Vec<Branch> {
    let granted = branches.iter().any(|branch| {
        matches!(
            branch.due,
            Expected::Policy(..)
                | Expected::Look(..)
                | Expected::Turn { .. }
                | Expected::Change { .. }
        )
    });
    if granted { also_refused(world, branches) } else { branches }
}

fn writes<T: Rule>(_: &T) -> bool {
    T::WRITES
}

/// How far the step can have come when the server is killed.
pub(super) fn stages(step: &Step) -> &'static [Stage] {
    with_rule!(step, operation => operation.stages())
}

/// The world before the step, once a kill may have broken it off.
pub(super) fn in_doubt(world: &World, step: &Step) -> World {
    with_rule!(step, operation => operation.in_doubt(world))
}

/// Whether a call that comes after it, and before it is acknowledged, meets what it changed.
pub(super) fn met_by_later_calls(step: &Step) -> bool {
    fn met<T: Rule>(_: &T) -> bool {
        T::MET_BY_LATER_CALLS
    }
    with_rule!(step, operation => met(operation))
}

/// The clause that lets the step leave a policy wider than was asked for (G12).
pub(super) fn permits_widening(world: &World, step: &Step) -> Option<Clause> {
    with_rule!(step, operation => operation.permits_widening(world))
}
