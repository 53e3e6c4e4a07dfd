//! `configure`: S2 is judged at the next read.

use crate::model::branch::no_expectation;
use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::configure::Configure;

impl Rule for Configure {
    fn predict(&self, world: &World) -> Vec<Branch> {
        no_expectation(world.configured(&self.defaults))
    }
}
