//! `interrupt`: an action that is broken off leaves policy as one that is not (O4, O5, O6).

use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::interrupt::Interrupt;

impl Rule for Interrupt {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        self.action().predict(world)
    }
}
