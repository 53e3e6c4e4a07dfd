//! Calls at once, and a second connection.
//!
//! Calls at once are right if some order of them explains every answer.

use itertools::Itertools;

use super::{Branch, Expected, World, simple};
use crate::contract::Clause;
use crate::program::ops::Step;

/// The same rules, by another connection: it hears of what it starts, forks and resumes.
pub(super) fn second_client(world: &World, inner: &Step) -> Vec<Branch> {
    let mut branches = simple::predict(&World { joined: true, speaker: 1, ..world.clone() }, inner);
    for branch in &mut branches {
        branch.world.speaker = 0;
        branch.relies_on.push(Clause::O14);
    }
    branches
}

/// The first call is the first client's, the others are those of further ones.
pub(super) fn by_client(world: &World, step: &Step, lane: usize) -> Vec<Branch> {
    if lane == 0 { simple::predict(world, step) } else { second_client(world, step) }
}

/// Every order of the calls, each with what is expected of each call in the order of the step.
pub(super) fn parallel(world: &World, steps: &[Step]) -> Vec<Branch> {
    let orders = orders(steps.len());
    different(orders.flat_map(|order| in_order(world, steps, &order)))
}

pub(super) fn different(branches: impl IntoIterator<Item = Branch>) -> Vec<Branch> {
    let mut different: Vec<Branch> = Vec::new();
    for branch in branches {
        if !different.contains(&branch) {
            different.push(branch);
        }
    }
    different
}

/// No call of several was made yet.
pub(super) fn before_all(world: &World, steps: &[Step]) -> Branch {
    Branch {
        world: World { joined: true, ..world.clone() },
        due: Expected::All(vec![Expected::Nothing; steps.len()]),
        relies_on: vec![Clause::O14],
    }
}

/// The branch of one call of several, beside what is expected of those before it.
pub(super) fn beside(so_far: &Branch, lane: usize, branch: Branch) -> Branch {
    let Expected::All(dues) = &so_far.due else {
        unreachable!("several calls have several expectations");
    };
    let mut dues = dues.clone();
    dues[lane] = branch.due;
    let mut relies_on = so_far.relies_on.clone();
    relies_on.extend(branch.relies_on.into_iter().filter(|clause| *clause != Clause::O14));
    Branch { world: branch.world, due: Expected::All(dues), relies_on }
}

fn in_order(world: &World, steps: &[Step], order: &[usize]) -> Vec<Branch> {
    order.iter().fold(vec![before_all(world, steps)], |branches, lane| {
        let after = |branch: &Branch| {
            let next = by_client(&branch.world, &steps[*lane], *lane).into_iter();
            next.map(|next| beside(branch, *lane, next)).collect_vec()
        };
        branches.iter().flat_map(after).collect()
    })
}

/// Every order of so many calls, that of the step first: where several are equally wrong, it is
/// the one that is reported.
pub(super) fn orders(count: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..count).permutations(count)
}
