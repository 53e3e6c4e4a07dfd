//! `steer`: T6. It changes no policy.

use crate::contract::Clause;
use crate::model::branch::{granted_or_refused, loaded, refused};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, World};
use crate::program::operation::Operation;
use crate::program::ops::steer::Steer;

impl Rule for Steer {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let Some(target) = loaded(world, self.thread) else {
            return refused(world, Clause::R0);
        };
        let mut steered = target.thread.clone();
        if steered.running.is_some() {
            steered.cited = Citations::all(Steer::KIND, Clause::T6);
        }
        granted_or_refused(world, world.with(target.name, steered))
    }
}
