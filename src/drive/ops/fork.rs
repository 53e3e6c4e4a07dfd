//! `fork` is one request; the fork has the history of its source.

use super::Perform;
use crate::program::ops::fork::Fork;
use crate::program::thread::ThreadRef;

impl Perform for Fork {
    fn gives_history(&self) -> Option<ThreadRef> {
        Some(ThreadRef::Thread(self.new))
    }
}
