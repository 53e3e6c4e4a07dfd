//! `subagent-turn`: a turn of the parent in which the model gives a subagent a task.

use super::Perform;
use crate::drive::recorder::Loading;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::thread::ThreadRef;
use crate::protocol::subagents;
use crate::trace::ThreadLabel;

impl Perform for SubagentTurn {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let Some(name) = self.thread.name() else {
            return run.not_taken("an unknown thread has no parent");
        };
        let child = run.thread(self.thread);
        let ids = child.and_then(|child| Some((child.id.clone(), child.parent.clone()?)));
        let Some((child, parent)) = ids else {
            return run.not_taken("the thread is not a subagent");
        };
        let ThreadLabel::Named(parent) = run.recorder.label(&parent) else {
            return run.not_taken("its parent has no name");
        };
        let parent = ThreadRef::Thread(parent);
        let both = [self.thread, parent];
        if both.iter().any(|thread| is_unloaded(run, *thread)) {
            return run.not_taken("the subagent or its parent is not loaded");
        }
        if both.iter().any(|thread| run.running(*thread).is_some()) {
            return run.not_taken("a turn runs already");
        }
        run.probe = None;
        if let Some(script) = run.heard_probe(self.thread, self) {
            run.script_probe(&child, script)?;
        }
        let Some(turn) = run.start_calling(parent, subagents::task(&child))? else {
            run.clear_script(&child);
            return Ok(());
        };
        if run.await_result(&turn)?.is_some_and(|result| subagents::has_accepted(&result)) {
            run.await_subagent(name)?;
        } else {
            run.clear_script(&child);
        }
        run.record_probe();
        run.finish_calling(parent, &turn)
    }
}

fn is_unloaded(run: &Runner<'_>, thread: ThreadRef) -> bool {
    run.thread(thread).is_none_or(|known| matches!(known.loading, Loading::Unloaded))
}
