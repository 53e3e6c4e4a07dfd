//! What the contract allows next.

use super::{Branch, World, concurrent, facts, interrupted, simple};
use crate::program::ops::Step;

/// Every answer that the contract allows, in no order of preference.
pub fn step(world: &World, step: &Step) -> Vec<Branch> {
    let mut branches = allowed(world, step);
    facts::follow(world, step, &mut branches);
    branches
}

fn allowed(world: &World, step: &Step) -> Vec<Branch> {
    match step {
        Step::SecondClient(inner) => concurrent::second_client(world, inner),
        Step::KillDuring(inner, _) => match &**inner {
            Step::Parallel(steps) => interrupted::parallel(world, steps),
            inner => interrupted::killed(world, inner),
        },
        Step::Parallel(steps) => concurrent::parallel(world, steps),
        operation => simple::predict(world, operation),
    }
}
