//! `spawn`: a turn in which the model spawns a subagent.
//!
//! The subagent gets the program's name once the result of the call states its id. Where the
//! release returns none, the name stays unbound.

use super::Perform;
use crate::drive::recorder::Loading;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::spawn::Spawn;
use crate::protocol::subagents;

impl Perform for Spawn {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        if run.running(self.thread).is_some() {
            return run.not_taken("a turn runs already");
        }
        let Some(turn) = run.start_calling(self.thread, subagents::spawn())? else {
            return Ok(());
        };
        let result = run.await_result(&turn)?;
        if let Some(id) = result.and_then(|result| subagents::spawned_id(&result)) {
            self.bind(run, &turn.parent, &id);
            run.await_subagent(self.new)?;
        }
        run.finish_calling(self.thread, &turn)?;
        run.took_turn(self.thread);
        Ok(())
    }
}

impl Spawn {
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
