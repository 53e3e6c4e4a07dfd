//! `invalid`: T5.

use crate::contract::Clause;
use crate::model::branch::refused;
use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::invalid::Invalid;

impl Rule for Invalid {
    fn predict(&self, world: &World) -> Vec<Branch> {
        refused(world, Clause::T5)
    }
}
