//! `restart`: R4 to R18 are judged at the next read. The contract is the same for every release
//! that runs on the home.

use crate::model::branch::no_expectation;
use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::restart::Restart;

impl Rule for Restart {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let mut world = world.unloaded(self.stop, self.drop_db);
        if self.release.is_some() {
            // Another release may have other defaults of its own (L3).
            world.unstated.clear();
        }
        no_expectation(world)
    }
}
