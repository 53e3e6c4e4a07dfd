//! `cold-read`: R4 to R10, from a copy of the home.

use crate::contract::Clause;
use crate::model::branch::{also_refused, no_expectation, reachable, read_elsewhere};
use crate::model::rule::Rule;
use crate::model::{Branch, Expected, World};
use crate::program::ops::cold_read::ColdRead;

impl Rule for ColdRead {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let Ok(target) = reachable(world, self.thread) else {
            return no_expectation(world.clone());
        };
        let reads = read_elsewhere(world, target.thread).into_iter().map(|read| Branch {
            world: world.with(target.name, read.known),
            due: Expected::ColdRead(target.name, read.policy, read.citations),
            relies_on: vec![Clause::G10],
        });
        let branches = reads.collect();
        if target.thread.materialised { branches } else { also_refused(world, branches) }
    }
}
