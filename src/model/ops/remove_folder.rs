//! `remove-folder`: no policy changes by it, and what is asked of a thread whose folder is gone may
//! be refused.

use crate::model::branch::no_expectation;
use crate::model::rule::Rule;
use crate::model::{Branch, World};
use crate::program::ops::remove_folder::RemoveFolder;

impl Rule for RemoveFolder {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let mut after = world.clone();
        after.gone.insert(self.folder.clone());
        no_expectation(after)
    }
}
