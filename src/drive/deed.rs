//! Deeds: what the model asks for, who is asked about it, and what came of it.
//!
//! The model's script calls the tool that runs a command; the client's answer and the reviewing
//! model's are the plan's. Afterwards one fact says who was asked, what the model was told, and
//! whether the file is there, which the deed would have written.

use crate::program::ops::run::Run;
use std::path::PathBuf;

use serde_json::Value;

use super::steps::{Aborted, Run};
use crate::mock_model::Answer;
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::reply::Consent;
use crate::program::reply::Probe;
use crate::program::reply::Reply;
use crate::protocol::notifications;
use crate::protocol::probe::{self, ProbeResultText, Question};
use crate::trace::Observation;

/// A deed that the model asks for in the present turn.
#[derive(Debug)]
pub(super) struct PendingProbe {
    /// The server's id of the thread.
    thread: String,
    /// The id of the tool's call.
    call: String,
    probe: Probe,
    /// Whether the client accepts it.
    accepts: bool,
    /// The file that it would write, if it writes one.
    target: Option<PathBuf>,
    /// What the client was asked for, if it was asked.
    asked: Option<Question>,
    /// The requests to the model before it.
    before: usize,
}

impl Run<'_> {
    /// Says what the model answers in the thread's next turn.
    pub(super) fn script(&mut self, thread: &str, reply: &Reply) -> Result<(), Aborted> {
        match reply {
            Reply::Probe(probe, consent) => self.script_deed(thread, *probe, *consent),
            reply => {
                self.stage.queue(thread, reply.clone());
                Ok(())
            }
        }
    }

    fn script_deed(&mut self, thread: &str, probe: Probe, consent: Consent) -> Result<(), Aborted> {
        let inside = matches!(probe, Probe::WriteInside | Probe::PatchInside);
        let target = match self.seat.home.target(inside) {
            Ok(target) => target,
            Err(error) => return self.trouble(format!("cannot remove a deed's file: {error}")),
        };
        let call = format!("deed-{}", self.record.next_deed());
        let asks = Reply::Call {
            tool: probe::TOOL.to_owned(),
            arguments: probe::arguments(probe, &target),
        };
        self.stage.queue(thread, Answer::from(asks).with_call_id(&call));
        let said = probe::verdict(consent.review).map(|text| Reply::Text(text.to_owned()));
        self.stage.review(thread, said.unwrap_or(Reply::Drop));
        self.deed = Some(PendingProbe {
            thread: thread.to_owned(),
            call,
            probe,
            accepts: consent.client,
            target: (probe != Probe::Run).then_some(target),
            asked: None,
            before: self.stage.requests().len(),
        });
        Ok(())
    }

    /// The answer to a question of the server's: what the plan says of a deed's approval, else no.
    pub(super) fn consent(&mut self, method: &str, params: &Value) -> Value {
        let own = |deed: &&mut PendingProbe| notifications::asked_of(params) == Some(&deed.thread);
        let Some(deed) = self.deed.as_mut().filter(own) else {
            return notifications::no(method);
        };
        deed.asked.get_or_insert(probe::question(method));
        let yes = probe::yes(method).filter(|_| deed.accepts);
        yes.unwrap_or_else(|| notifications::no(method))
    }

    /// Writes down what came of the turn's deed, where its model asked for one.
    pub(super) fn write_deed(&mut self) {
        let Some(deed) = self.deed.take() else {
            return;
        };
        let requests = self.stage.requests().split_off(deed.before);
        let own = requests.iter().filter(|request| request.thread.as_ref() == Some(&deed.thread));
        let told = own.rev().find_map(|request| {
            let result = request.outputs().into_iter().find(|(call, _)| *call == deed.call);
            result.map(|(_, text)| text)
        });
        let reviews = |parent: &Option<String>| parent.as_ref().is_none_or(|id| *id == deed.thread);
        let mut helpers = requests.iter().filter(|request| request.is_review());
        let what = Observation::Probe {
            thread: self.record.whose(&deed.thread),
            probe: deed.probe,
            asked: deed.asked,
            reviewed: helpers.any(|request| reviews(&request.parent)),
            landed: deed.target.map(|target| self.seat.home.has_landed(&target)),
            upshot: told.map_or(ProbeResultText::Other, |text| probe::upshot(&text)),
            unsandboxed: self.test_bed.is_known_unsandboxed(),
        };
        self.record.seen(what);
    }
}

/// Whether a plan has a deed.
pub(super) fn is_in(program: &Program) -> bool {
    program.steps.iter().any(of_step)
}

fn of_step(step: &Step) -> bool {
    match step {
        Step::Run(Run { reply: Reply::Probe(..), .. }) => true,
        Step::SecondClient(inner) | Step::KillDuring(inner, _) => of_step(inner),
        Step::Parallel(steps) => steps.iter().any(of_step),
        _ => false,
    }
}
