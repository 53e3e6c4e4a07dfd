//! Turns in which the model calls a tool for subagents.
//!
//! The model's next answer to the parent is held until the subagent's own turn is over, so that
//! both are over when the step ends.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::ops::Perform;
use super::run::{Aborted, Runner};
use super::turns::SILENT_TURN_DEADLINE;
use crate::client::ClientError;
use crate::mock_model::answer::{Answer, Gate};
use crate::policy::TurnOverrides;
use crate::program::ops::run::Run;
use crate::program::reply::Reply;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::protocol::model::ModelRequest;
use crate::protocol::subagents::{self, ToolCall};
use crate::trace::Observation;

/// A turn in which the model has called a tool and is held.
pub(super) struct CallingTurn {
    /// The id of the thread whose turn it is.
    pub(super) parent: String,
    /// The id of the call.
    call: String,
    requests: Receiver<Arc<ModelRequest>>,
    /// Lets the model go on after the call.
    gate: Gate,
}

impl Runner<'_> {
    /// Starts a turn whose model calls the tool and is then held; none where it is refused.
    pub(super) fn start_calling(
        &mut self,
        thread: ThreadRef,
        tool: ToolCall,
    ) -> Result<Option<CallingTurn>, Aborted> {
        let parent = self.id(thread);
        let call = format!("call-of-step-{}", self.recorder.step());
        let (requests, gate) = (self.model.watch(), Gate::new());
        let calls = Reply::Call { tool: tool.tool.to_owned(), arguments: tool.arguments };
        let calls = Answer::from(calls).with_call_id(&call).within(subagents::NAMESPACE);
        self.queue(&parent, calls);
        self.queue(&parent, Answer::from(Reply::ok()).behind(&gate));
        self.granted_turn = None;
        let turn = Run::plain(thread, TurnOverrides::default());
        Run { prompt: "delegate".to_owned(), ..turn }.ask(self)?;
        if self.refused() {
            self.clear_script(&parent);
            return Ok(None);
        }
        Ok(Some(CallingTurn { parent, call, requests, gate }))
    }

    /// Waits for the result of the call, as the server gives it to the model; none where the
    /// server is gone, which the next wait for it finds.
    pub(super) fn await_result(&mut self, turn: &CallingTurn) -> Result<Option<String>, Aborted> {
        let timeout = self.timeouts.turn;
        let deadline = Instant::now() + timeout;
        loop {
            let session = self.active.session.as_mut().expect("it has just answered");
            match session.client.wait_beside(&turn.requests, deadline) {
                Ok(request) if request.thread.as_ref() == Some(&turn.parent) => {
                    let mut outputs = request.outputs().into_iter();
                    if let Some((_, result)) = outputs.find(|(call, _)| *call == turn.call) {
                        self.record_model_request(&turn.parent);
                        return Ok(Some(result));
                    }
                }
                Ok(_) => {}
                Err(ClientError::Deadline { .. }) => {
                    self.silent("turn/started and its requests", timeout)?;
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// Waits for the end of the subagent's own turn. To a client that is not subscribed no
    /// notification is due, so none is missing there.
    pub(super) fn await_subagent(&mut self, subagent: ThreadName) -> Result<(), Aborted> {
        let thread = ThreadRef::Thread(subagent);
        let Some(unheard) = self.unheard(thread) else {
            return self.await_end(thread, |_| true);
        };
        self.within(
            SILENT_TURN_DEADLINE,
            |what| matches!(what, Observation::Idle { thread } if *thread == unheard),
        )
    }

    /// Lets the model go on, and waits for the end of the parent's turn.
    pub(super) fn finish_calling(
        &mut self,
        thread: ThreadRef,
        turn: &CallingTurn,
    ) -> Result<(), Aborted> {
        self.release(&turn.parent, &turn.gate);
        self.await_granted_end(thread)
    }
}
