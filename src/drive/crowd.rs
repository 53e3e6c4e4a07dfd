//! [edge] Subagents, a second connection, a second server, calls at once.
//!
//! To be written.
//! …

use super::steps::{Cut, Run};
use crate::plan::Who;

impl Run<'_> {
    pub(super) fn spawn(&mut self, _: Who, _: crate::plan::Name) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn task(&mut self, _: Who) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn rival(&mut self, _: Who) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn second(&mut self, _: &crate::plan::Step) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn together(&mut self, _: &[crate::plan::Step]) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }
}
