//! `interrupt` starts the turn of an action and interrupts it as soon as it is reported. The model
//! is silent meanwhile; a review's own thread is not known, so that its turn may end before.

use super::Perform;
use super::action::PLANNING;
use crate::drive::recorder::Thread;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::action::{self, End};
use crate::program::ops::interrupt::Interrupt;
use crate::program::reply::Reply;
use crate::trace::Observation;

impl Perform for Interrupt {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let thread = self.thread;
        if run.test_bed.sdk.is_some() {
            return run.left_out("turn/interrupt of a turn that the SDK did not start");
        }
        if run.running(thread).is_some() {
            return run.not_taken("a turn runs");
        }
        if run.thread(thread).is_some_and(|known| !known.is_loaded()) {
            return run.not_taken("no client is subscribed that could interrupt its turn");
        }
        let planning = run.thread(thread).is_some_and(Thread::is_planning);
        if planning && self.action.end() == End::Goal {
            return run.not_taken(PLANNING);
        }
        let id = run.id(thread);
        run.queue(&id, Reply::Hold);
        run.granted_turn = None;
        self.action().ask(run)?;
        if run.refused() {
            run.clear_script(&id);
            return Ok(());
        }
        let begun = |what: &Observation| {
            matches!(what, Observation::TurnStarted { .. } | Observation::TurnEnded { .. })
        };
        run.until("turn/started", run.timeouts.turn, begun)?;
        let turn = run.turn_id(thread).unwrap_or_default();
        run.interrupt(thread, &turn)?;
        run.await_end(thread, |_| true)?;
        run.clear_script(&id);
        match self.action.end() {
            End::Review => {
                run.note_history(thread);
                Ok(())
            }
            End::Goal => {
                run.took_turn(thread);
                run.ask(run.prepared(&action::clear_goal(), Some(thread)))
            }
            _ => {
                run.took_turn(thread);
                Ok(())
            }
        }
    }

    fn is_sent_before_kill(&self) -> bool {
        false
    }
}
