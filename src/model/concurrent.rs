//! What races: calls at once, a second connection, a change that is perhaps made.
//!
//! Calls at once are right if some order of them explains every answer. A change that nobody
//! acknowledged is there afterwards or is not, never something third: it waits as a possible
//! policy until a cold read says which.

use std::collections::BTreeSet;

use super::rules::step;
use super::{Branch, Expected, World};
use crate::contract::Clause;
use crate::policy::Policy;
use crate::program::ops::Step;

/// The same rules, by another connection: it hears of what it starts, forks and resumes.
pub(super) fn second(world: &World, inner: &Step) -> Vec<Branch> {
    let mut branches = step(&World { joined: true, speaker: 1, ..world.clone() }, inner);
    for branch in &mut branches {
        branch.world.speaker = 0;
        branch.rests.push(Clause::O14);
    }
    branches
}

/// The world before a change that is perhaps made: what a cold read gives is open.
pub(super) fn perhaps(world: &World, after: &World) -> World {
    let mut left = world.clone();
    for (name, thread) in &mut left.threads {
        let Some(would) = after.threads.get(name) else { continue };
        for policy in std::iter::once(&would.stored).chain(&would.maybe) {
            maybe(&mut thread.maybe, &thread.stored, policy);
        }
        if thread.can_begin() && (would.materialised || would.uncertain) {
            thread.uncertain = true;
            thread.restored = would.restored;
        }
    }
    left
}

pub(super) fn maybe(to: &mut BTreeSet<Policy>, stored: &Policy, would: &Policy) {
    if stored != would {
        to.insert(would.clone());
    }
}

/// Every order of the calls, each with what is due to each call in the order of the step.
pub(super) fn together(world: &World, steps: &[Step]) -> Vec<Branch> {
    let mut all: Vec<Branch> = Vec::new();
    for order in orders(steps.len()) {
        for branch in in_order(world, steps, &order) {
            if !all.contains(&branch) {
                all.push(branch);
            }
        }
    }
    all
}

fn in_order(world: &World, steps: &[Step], order: &[usize]) -> Vec<Branch> {
    let nothing = Branch {
        world: World { joined: true, ..world.clone() },
        due: Expected::All(vec![Expected::Nothing; steps.len()]),
        rests: vec![Clause::O14],
    };
    order.iter().fold(vec![nothing], |branches, lane| {
        branches.iter().flat_map(|branch| after(branch, &steps[*lane], *lane)).collect()
    })
}

/// One more call after those that came before it.
fn after(so_far: &Branch, next: &Step, lane: usize) -> Vec<Branch> {
    let Expected::All(dues) = &so_far.due else {
        return Vec::new();
    };
    let joined = |branch: Branch| {
        let mut dues = dues.clone();
        dues[lane] = branch.due;
        let mut rests = so_far.rests.clone();
        rests.extend(branch.rests.into_iter().filter(|clause| *clause != Clause::O14));
        Branch { world: branch.world, due: Expected::All(dues), rests }
    };
    // The first call is the first client's, the others are those of further ones.
    let branches = match lane {
        0 => step(&so_far.world, next),
        _ => second(&so_far.world, next),
    };
    branches.into_iter().map(joined).collect()
}

/// Every order of so many calls, that of the step first: it is told where several are as wrong.
pub(super) fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |shorter, new| {
        let insert = |order: &Vec<usize>| {
            let places = (0..=order.len()).rev();
            let order = order.clone();
            places.map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, new);
                longer
            })
        };
        shorter.iter().flat_map(insert).collect()
    })
}
