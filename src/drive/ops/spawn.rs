//! `spawn`: a turn in which the model spawns a subagent.
//!
//! The subagent gets the program's name once the result of the call states its id. Where the
//! release returns none, the name stays unbound.

use super::Perform;
use crate::drive::recorder::Loading;
use crate::drive::run::{Aborted, Runner};
use crate::mock_model::answer::Gate;
use crate::program::ops::spawn::Spawn;
use crate::protocol::subagents;

impl Perform for Spawn {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        if run.running(self.thread).is_some() {
            return run.not_taken("a turn runs already");
        }
        let gate = self.script_first_turn(run)?;
        let Some(turn) = run.start_calling(self.thread, subagents::spawn())? else {
            run.model.clear_any();
            return Ok(());
        };
        let result = run.await_result(&turn)?;
        if let Some(id) = result.and_then(|result| subagents::spawned_id(&result)) {
            self.bind(run, &turn.parent, &id);
            run.attach_probe(&id);
            gate.release();
            run.await_subagent(self.new)?;
            run.record_probe();
        }
        gate.release();
        run.model.clear_any();
        run.finish_calling(self.thread, &turn)?;
        run.took_turn(self.thread);
        Ok(())
    }
}

impl Spawn {
    /// Queues the probe of the subagent's first turn for the one thread that has no script, behind
    /// a gate that opens when the subagent has its name.
    fn script_first_turn(&self, run: &mut Runner<'_>) -> Result<Gate, Aborted> {
        run.probe = None;
        let gate = Gate::new();
        if let Some(script) = run.heard_probe(self.thread, self) {
            let call = run.probe_answer(script)?;
            run.model.queue_any(call.behind(&gate));
        }
        Ok(gate)
    }

    fn bind(&self, run: &mut Runner<'_>, parent: &str, id: &str) {
        let stated = run.recorder.thread_with_id(parent).and_then(|parent| parent.stated.clone());
        let clients = run.active.session.as_ref().map_or(1, |session| 1 + session.others.len());
        run.recorder.bind(self.new, id, None);
        let Some(child) = run.recorder.thread_with_id(id) else { return };
        child.parent = Some(parent.to_owned());
        // Every connected client is subscribed to it without a request.
        if let Loading::Subscribed(subscribers) = &mut child.loading {
            *subscribers = (0..clients).collect();
        }
        child.stated = stated;
        child.has_history = true;
    }
}
