//! Subagents: a model spawns one, and gives it another task.
//!
//! The model's next words to the parent are held until the subagent's own turn is over, so that
//! both are over when the step ends. The subagent is named once the result of the call says its id;
//! where the release gives it none, the plan's name stays unbound.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::steps::{Aborted, Run};
use crate::client::Lost;
use crate::mock_model::{Answer, Gate};
use crate::policy::TurnOverrides;
use crate::program::reply::Reply;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::protocol::model::ModelRequest;
use crate::protocol::requests;
use crate::protocol::subagents::{self, ToolCall};
use crate::trace::{Observation, ThreadLabel};

/// A turn in which the model calls one tool.
struct Calling {
    /// The id of the thread whose turn it is.
    thread: String,
    /// The id of the call.
    call: String,
    /// The requests to the model.
    asked: Receiver<Arc<ModelRequest>>,
    /// Lets the model go on after the call.
    gate: Gate,
}

impl Run<'_> {
    /// A turn in whose course the model spawns a subagent.
    pub(super) fn spawn(&mut self, who: ThreadRef, new: ThreadName) -> Result<(), Aborted> {
        if self.running(who).is_some() {
            return self.not_taken("a turn runs already");
        }
        let Some(turn) = self.calling(who, subagents::spawn())? else {
            return Ok(());
        };
        if let Some(id) = self.result(&turn)?.and_then(|result| subagents::spawned(&result)) {
            let parent = self.record.thread(&turn.thread);
            let stated = parent.and_then(|parent| parent.stated.clone());
            let clients = self.seat.session.as_ref().map_or(1, |session| 1 + session.others.len());
            self.record.bind(new, &id, None);
            if let Some(child) = self.record.thread(&id) {
                child.parent = Some(turn.thread.clone());
                // Whoever is connected hears of it, without asking.
                child.heard_by = (0..clients).collect();
                child.stated = stated;
                child.begun = true;
            }
            self.task_over(new)?;
        }
        self.called(who, &turn)?;
        self.took_a_turn(who);
        Ok(())
    }

    /// A turn of the parent in whose course the model gives the subagent another task.
    pub(super) fn task(&mut self, who: ThreadRef) -> Result<(), Aborted> {
        let ThreadRef::Thread(name) = who else {
            return self.not_taken("nobody has no parent");
        };
        let child = self.record.threads.get(&name);
        let known = child.and_then(|child| Some((child.id.clone(), child.parent.clone()?)));
        let Some((child, parent)) = known else {
            return self.not_taken("the thread is no subagent");
        };
        let ThreadLabel::Named(parent) = self.record.whose(&parent) else {
            return self.not_taken("its parent has no name");
        };
        let parent = ThreadRef::Thread(parent);
        let loaded = |run: &mut Self, who| {
            run.known(who).is_some_and(|known| known.loaded || known.unsubscribed)
        };
        if !loaded(self, who) || !loaded(self, parent) {
            return self.not_taken("the subagent or its parent is not loaded");
        }
        if self.running(who).is_some() || self.running(parent).is_some() {
            return self.not_taken("a turn runs already");
        }
        let Some(turn) = self.calling(parent, subagents::task(&child))? else {
            return Ok(());
        };
        if self.result(&turn)?.is_some_and(|result| subagents::took(&result)) {
            self.task_over(name)?;
        }
        self.called(parent, &turn)
    }

    /// Starts a turn whose model calls the tool and is then held; none where it is refused.
    fn calling(
        &mut self,
        who: ThreadRef,
        ToolCall { tool, arguments }: ToolCall,
    ) -> Result<Option<Calling>, Aborted> {
        let (thread, unbound) = self.id(who);
        let call = format!("call-of-step-{}", self.record.at());
        let (asked, gate) = (self.stage.watch(), Gate::new());
        let first = Reply::Call { tool: tool.to_owned(), arguments };
        let first = Answer::from(first).with_call_id(&call).within(subagents::NAMESPACE);
        self.stage.queue(&thread, first);
        self.stage.queue(&thread, Answer::from(Reply::Text("ok".to_owned())).behind(&gate));
        self.turn = None;
        let overrides = TurnOverrides::default();
        let turn = requests::Turn {
            thread: &thread,
            prompt: "delegate",
            overrides: &overrides,
            flaw: None,
        };
        self.ask(requests::turn(turn, self.seat.home.places()), (unbound, None))?;
        if self.refused() {
            self.stage.forget_script(&thread);
            return Ok(None);
        }
        Ok(Some(Calling { thread, call, asked, gate }))
    }

    /// The result of the call, as the server tells it to the model; none where its end is found
    /// elsewhere.
    fn result(&mut self, turn: &Calling) -> Result<Option<String>, Aborted> {
        let deadline = Instant::now() + self.test_bed.timeouts.turn;
        loop {
            let session = self.seat.session.as_mut().expect("it has just answered");
            match session.client.beside(&turn.asked, deadline) {
                Ok(request) if request.thread.as_deref() == Some(&turn.thread) => {
                    let mut outputs = request.outputs().into_iter();
                    if let Some((_, result)) = outputs.find(|(call, _)| *call == turn.call) {
                        return Ok(Some(result));
                    }
                }
                Ok(_) => {}
                Err(Lost::Deadline { .. }) => {
                    self.silent("turn/started and its requests", self.test_bed.timeouts.turn)?;
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// Waits for the end of the subagent's own turn.
    fn task_over(&mut self, child: ThreadName) -> Result<(), Aborted> {
        let child = ThreadLabel::Named(child);
        self.until(
            "turn/completed of a subagent",
            self.test_bed.timeouts.turn,
            |what| matches!(what, Observation::TurnEnded { thread, .. } if *thread == child),
        )
    }

    /// Lets the model go on, and waits for the end of the turn.
    fn called(&mut self, who: ThreadRef, turn: &Calling) -> Result<(), Aborted> {
        turn.gate.release();
        let granted = self.turn;
        self.over(who, |turn| granted.is_none_or(|granted| turn == granted))
    }
}
