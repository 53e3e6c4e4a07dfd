//! `begin`: a turn that the model holds; the step ends when the model has got its request.

use super::Perform;
use crate::drive::recorder::RunningTurn;
use crate::drive::run::{Aborted, Runner};
use crate::mock_model::answer::{Answer, Gate};
use crate::program::ops::begin::Begin;
use crate::program::reply::Reply;

impl Perform for Begin {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let id = run.id(self.thread);
        run.granted_turn = None;
        let steers = run.running(self.thread).is_some();
        let requests = run.model.watch();
        let gate = Gate::new();
        if !steers {
            // Held before its first byte: when a turn is steered, the server drops a stream that
            // has begun and sends the request again.
            run.queue(&id, Answer::from(Reply::ok()).behind(&gate));
        }
        self.ask(run)?;
        if run.refused() {
            if !steers {
                run.clear_script(&id);
            }
            return Ok(());
        }
        if steers {
            return run.await_notice(self.thread, &self.overrides);
        }
        run.await_model(self.thread, &requests)?;
        run.await_start(self.thread)?;
        run.took_turn(self.thread);
        let id = run.turn_id(self.thread).unwrap_or_default();
        if let Some(known) = run.thread_mut(self.thread) {
            known.running = Some(RunningTurn { id, gate });
        }
        Ok(())
    }

    fn script_before_kill(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        if run.running(self.thread).is_none() {
            run.probe = None;
            run.queue(&run.id(self.thread), Reply::Hold);
        }
        Ok(())
    }
}
