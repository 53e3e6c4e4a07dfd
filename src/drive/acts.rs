//! [edge] What a client does with a thread and that is no matter of policy.
//!
//! To be written.
//! …

use super::steps::{Cut, Run};
use crate::plan::Who;

impl Run<'_> {
    pub(super) fn act(&mut self, _: Who, _: crate::op::Act) -> Result<(), Cut> {
        self.left_out("not performed yet")
    }
}
