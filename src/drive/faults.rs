//! [edge] Requests that must be refused, calls that are torn off, a disk that is full.
//!
//! To be written.
//! …

use super::steps::{Cut, Run};
use crate::plan::Who;

impl Run<'_> {
    pub(super) fn invalid(
        &mut self,
        _: Who,
        _: crate::op::Method,
        _: crate::op::Wrong,
    ) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn disk(&mut self, _: bool) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }

    pub(super) fn torn(&mut self, _: &crate::plan::Step) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }
}
