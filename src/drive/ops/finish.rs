//! `finish` ends a turn that the model holds: the model goes on, or the client interrupts it.
//!
//! A step of a turn that the model has been asked about keeps the reviewer that it had then (T7). So
//! a probe comes in the next one.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::finish::{End, Finish};
use crate::program::reply::Reply;

impl Perform for Finish {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let probe = run.heard_probe(self.thread, self);
        let Some(running) = run.thread_mut(self.thread).and_then(|known| known.running.take())
        else {
            return run.not_taken("no turn runs");
        };
        match self.end {
            End::Complete => {
                let id = run.id(self.thread);
                run.probe = None;
                if let Some(script) = probe {
                    running.gate.answer_instead(Reply::next_step());
                    run.script_probe(&id, script)?;
                }
                run.release(&id, &running.gate);
            }
            End::Interrupt => run.interrupt(self.thread, &running.id)?,
        }
        let number = run.recorder.turn_number(&running.id);
        run.await_end(self.thread, |turn| turn == number)?;
        run.record_probe();
        run.await_unload(self.thread)
    }
}
