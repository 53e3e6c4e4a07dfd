//! `run`: a turn from its request to its end.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::operation::Operation;
use crate::program::ops::run::Run;
use crate::program::reply::Reply;
use crate::program::thread::ThreadRef;
use crate::protocol::notifications::Status;

impl Perform for Run {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        if self.probe().is_some() && run.unheard(self.thread).is_some() {
            return run.not_taken("no client is subscribed that a probe could ask");
        }
        run.granted_turn = None;
        let steers = run.running(self.thread).is_some();
        let requests = run.model.watch();
        run.probe = None;
        if !steers {
            run.script(self.thread, &self.reply)?;
        }
        run.sdk.whole_turn = !steers && self.reply != Reply::Hold;
        let asked = self.ask(run);
        run.sdk.whole_turn = false;
        asked?;
        if run.refused() {
            // The script of a turn that runs stays.
            if !steers {
                run.clear_script(&run.id(self.thread));
            }
            return Ok(());
        }
        if steers {
            return run.await_notice(self.thread, &self.overrides);
        }
        if self.reply == Reply::Hold {
            run.await_model(self.thread, &requests)?;
            run.await_start(self.thread)?;
            let turn = run.turn_id(self.thread).unwrap_or_default();
            run.interrupt(self.thread, &turn)?;
        }
        run.await_granted_end(self.thread)?;
        run.took_turn(self.thread);
        run.record_probe();
        await_failed_end(run, self.thread)
    }

    /// The command of a probe could still run after the kill, and would be taken for another one's.
    fn script_before_kill(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        if run.running(self.thread).is_some() {
            return Ok(());
        }
        run.probe = None;
        if self.probe().is_some() { Ok(()) } else { run.script(self.thread, &self.reply) }
    }
}

/// Waits until a failed turn is over. A failure is reported before the turn is over, and its end
/// only to subscribers; an interruption is answered once it is over.
fn await_failed_end(run: &mut Runner<'_>, thread: ThreadRef) -> Result<(), Aborted> {
    let status = run.thread(thread).and_then(|known| known.status);
    if status != Some(Status::Failed) || run.unheard(thread).is_none() {
        return Ok(());
    }
    let turn = run.turn_id(thread).unwrap_or_default();
    run.interrupt(thread, &turn)
}
