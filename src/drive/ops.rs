//! How each operation is performed, one file each.
//!
//! Most operations are one request and a wait for what it sets off.

use super::run::{Aborted, Prepared, Runner};
use crate::program::operation::Operation;
use crate::program::ops::settings::Settings;
use crate::program::ops::{Step, operation_files, with_operation};
use crate::program::thread::ThreadRef;

operation_files!();

/// An operation's request with the server's ids in it.
pub(super) trait Prepare {
    /// None where the operation does not send a single request.
    fn prepare(&self, run: &Runner<'_>) -> Option<Prepared>;
}

impl<T: Operation> Prepare for T {
    fn prepare(&self, run: &Runner<'_>) -> Option<Prepared> {
        let mut operation = self.clone();
        let request = operation.request(run.request_context())?;
        let prepared = run.prepared(&request, operation.thread().copied());
        Some(Prepared { new: operation.creates().copied(), ..prepared })
    }
}

/// How an operation is performed.
pub(super) trait Perform: Prepare {
    /// Does what the step says, and waits until the trace holds what ends it.
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        self.ask(run)?;
        if let Some(thread) = self.gives_history() {
            run.note_history(thread);
        }
        Ok(())
    }

    /// Sends the operation's request and waits for the answer.
    fn ask(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        match self.prepare(run) {
            Some(request) => run.ask(request),
            None => Ok(()),
        }
    }

    /// The thread that has a history once the operation's request is granted.
    fn gives_history(&self) -> Option<ThreadRef> {
        None
    }

    /// Itself, where it is a change of settings; a notice follows its answer.
    fn as_settings(&self) -> Option<&Settings> {
        None
    }

    /// Whether a release may do it by the config that its process began with, which a process that
    /// served other cases read from another file.
    fn needs_own_process(&self) -> bool {
        false
    }

    /// Whether `kill-during` sends the request; if not, the server is just killed.
    fn is_sent_before_kill(&self) -> bool {
        true
    }

    /// Queues what the model answers, should it get a request before the server is killed.
    fn script_before_kill(&self, _: &mut Runner<'_>) -> Result<(), Aborted> {
        Ok(())
    }

    /// Whether its home is not to be used for another case.
    fn spends_home(&self) -> bool {
        false
    }

    /// Whether it waits until the server unloads an idle thread.
    fn awaits_unload(&self) -> bool {
        false
    }
}

/// The operation of a step; none of a wrapper.
pub(super) fn operation(step: &Step) -> Option<&dyn Perform> {
    with_operation!(step, {
        Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
    } operation => Some(operation))
}

/// The operations of a step, those within wrappers too.
pub(super) fn operations(step: &Step) -> impl Iterator<Item = &dyn Perform> {
    step.leaves().into_iter().filter_map(operation)
}
