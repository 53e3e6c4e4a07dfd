//! `disk`: what a full disk leaves open stands in `full_disk`.

use crate::model::branch::no_expectation;
use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::disk::Disk;

impl Rule for Disk {
    fn predict(&self, world: &World) -> Vec<Branch> {
        no_expectation(World { full: self.full, ..world.clone() })
    }
}
