//! `second-server`: O14. It may be refused the thread, or has it as a cold read does.

use crate::contract::Clause;
use crate::model::branch::{also_refused, reachable, read_elsewhere, refused};
use crate::model::rule::Rule;
use crate::model::{Branch, Expected, World};
use crate::program::ops::second_server::SecondServer;

impl Rule for SecondServer {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let target = match reachable(world, self.thread) {
            Err(clause) => return refused(world, clause),
            Ok(target) => target,
        };
        let reads = read_elsewhere(world, target.thread).into_iter().map(|read| Branch {
            world: world.with(target.name, read.known),
            due: Expected::Policy(target.name, read.policy, read.citations),
            relies_on: vec![Clause::O14],
        });
        also_refused(world, reads.collect())
    }
}
