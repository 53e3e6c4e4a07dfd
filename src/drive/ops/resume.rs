//! `resume` is one request; only a thread with a history can be resumed.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadRef;

impl Perform for Resume {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        self.ask(run)?;
        if run.refused() {
            run.may_be_loaded(self.thread);
        }
        run.note_history(self.thread);
        Ok(())
    }

    fn gives_history(&self) -> Option<ThreadRef> {
        Some(self.thread)
    }
}
