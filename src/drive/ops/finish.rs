//! `finish` ends a turn that the model holds: the model goes on, or the client interrupts it.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::finish::{End, Finish};

impl Perform for Finish {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let Some(running) = run.thread_mut(self.thread).and_then(|known| known.running.take())
        else {
            return run.not_taken("no turn runs");
        };
        match self.end {
            End::Complete => run.release(&run.id(self.thread), &running.gate),
            End::Interrupt => run.interrupt(self.thread, &running.id)?,
        }
        let number = run.recorder.turn_number(&running.id);
        run.await_end(self.thread, |turn| turn == number)?;
        run.await_unload(self.thread)
    }
}
