//! One step as the judge sees it: what was asked, what was observed, what can be compared.
//!
//! The observations of a step are found here, by request and by thread. Requests that are sent at
//! once have a context each, with their own answers and notices.

use super::capabilities::Capabilities;
use super::comparison::{ExpectedPolicy, Topic};
use crate::contract::Clause;
use crate::model::Expected;
use crate::policy::model_context::StatedPolicy;
use crate::policy::{Policy, TurnOverrides};
use crate::program::operation::Operation;
use crate::program::ops::Step;
use crate::program::ops::begin::Begin;
use crate::program::ops::cold_read::ColdRead;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::reply::Consent;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::trace::view::View;
use crate::trace::{Observation, ThreadLabel};

#[derive(Clone)]
pub(super) struct StepContext<'a> {
    pub(super) step: &'a Step,
    /// The place of the step's request among those that are sent at once.
    pub(super) request: usize,
    pub(super) observations: Vec<&'a Observation>,
    pub(super) capabilities: &'a Capabilities,
}

/// How the server answered a request.
#[derive(Clone, Copy)]
pub(super) enum Answer<'a> {
    Refused(&'a str),
    Granted(StatedReply<'a>),
}

/// The thread that a reply is about and its policy, where the reply states them.
#[derive(Clone, Copy)]
pub(super) struct StatedReply<'a> {
    pub(super) thread: Option<ThreadLabel>,
    pub(super) policy: Option<&'a Policy>,
}

impl<'a> StepContext<'a> {
    pub(super) fn topic(&self, clause: Clause, view: View) -> Topic {
        Topic { clause, kind: self.step.kind(), view }
    }

    /// The step within a wrapper, with everything that was observed.
    pub(super) fn inner(&self, step: &'a Step) -> StepContext<'a> {
        StepContext { step, ..self.clone() }
    }

    /// One of several steps at once: of the answers its own, and of the settings notices those that
    /// state what it changes.
    pub(super) fn at_once(
        &self,
        request: usize,
        step: &'a Step,
        expected: &Expected,
    ) -> StepContext<'a> {
        let call = self.calls().nth(request);
        let change = ExpectedPolicy::of_change(expected);
        let is_own = |observation: &&&Observation| match observation {
            Observation::Settings { thread, policy } => change.is_some_and(|change| {
                *thread == ThreadLabel::Named(change.thread) && policy.agrees(change.policy)
            }),
            Observation::Answered { .. } | Observation::Refused { .. } => {
                call.is_some_and(|call| observation.answers(call))
            }
            // The requests of the others stay, so that this one keeps its place among them.
            _ => true,
        };
        let observations = self.observations.iter().filter(is_own).copied().collect();
        StepContext { step, request, observations, capabilities: self.capabilities }
    }

    /// The numbers of the requests that were sent, in order.
    fn calls(&self) -> impl Iterator<Item = u32> {
        self.observations.iter().filter_map(|observation| match observation {
            Observation::Sent { call, .. } => Some(*call),
            _ => None,
        })
    }

    /// The answer to the step's request; a cold read asks a second server, and has its answer.
    pub(super) fn answer(&self) -> Option<Answer<'a>> {
        let Some(own) = self.calls().nth(self.request) else {
            return self.observations.iter().copied().find_map(cold_answer);
        };
        self.observations.iter().find_map(|observation| match observation {
            Observation::Answered { call, thread, policy } if *call == own => {
                Some(Answer::Granted(StatedReply { thread: *thread, policy: policy.as_ref() }))
            }
            Observation::Refused { call, message, .. } if *call == own => {
                Some(Answer::Refused(message))
            }
            _ => None,
        })
    }

    pub(super) fn any(&self, is: impl Fn(&Observation) -> bool) -> bool {
        self.observations.iter().any(|observation| is(observation))
    }

    pub(super) fn is_granted(&self) -> bool {
        self.any(|observation| matches!(observation, Observation::Answered { .. }))
    }

    pub(super) fn is_refused(&self) -> bool {
        self.any(|observation| matches!(observation, Observation::Refused { .. }))
    }

    /// Every settings notice, with its thread.
    pub(super) fn notices(&self) -> impl Iterator<Item = (ThreadLabel, &'a Policy)> {
        self.observations.iter().filter_map(|observation| match observation {
            Observation::Settings { thread, policy } => Some((*thread, policy)),
            _ => None,
        })
    }

    /// The policies that settings notices state of a thread.
    pub(super) fn notices_of(&self, name: ThreadName) -> impl Iterator<Item = &'a Policy> {
        let own = move |(thread, _): &(ThreadLabel, _)| *thread == ThreadLabel::Named(name);
        self.notices().filter(own).map(|(_, policy)| policy)
    }

    /// The policies that were stated to the model in turns of a thread.
    pub(super) fn model_contexts(
        &self,
        name: ThreadName,
    ) -> impl Iterator<Item = &'a StatedPolicy> {
        self.observations.iter().filter_map(move |observation| match observation {
            Observation::ModelContext { thread, told } if *thread == ThreadLabel::Named(name) => {
                Some(told)
            }
            _ => None,
        })
    }

    /// Whether a turn of the thread was observed.
    pub(super) fn shows_turn(&self, name: ThreadName) -> bool {
        let started = |observation: &Observation| {
            matches!(observation, Observation::TurnStarted { thread, .. }
                if *thread == ThreadLabel::Named(name))
        };
        self.any(started) || self.model_contexts(name).next().is_some()
    }

    /// The threads that were reported as unloaded.
    pub(super) fn unloaded(&self) -> impl Iterator<Item = ThreadName> {
        self.observations.iter().filter_map(|observation| match observation {
            Observation::Closed { thread: ThreadLabel::Named(name) } => Some(*name),
            _ => None,
        })
    }

    /// The threads that may have been unloaded before the step: those reported as unloaded and,
    /// since no notification goes to a client that is not subscribed, those of a refused request.
    pub(super) fn perhaps_unloaded(&self) -> Vec<ThreadName> {
        let used =
            self.step.used().into_iter().filter_map(ThreadRef::name).filter(|_| self.is_refused());
        self.unloaded().chain(used).collect()
    }

    /// What the release lacks for this step, where the step was left out.
    pub(super) fn left_out(&self) -> Option<&'a str> {
        self.observations.iter().find_map(|observation| match observation {
            Observation::LeftOut { what } => Some(what.as_str()),
            _ => None,
        })
    }

    /// Whether the step is an action or a probe that could not be asked for.
    pub(super) fn is_impossible(&self) -> bool {
        !self.is_taken() && may_be_impossible(self.step)
    }

    /// Whether the step was performed at all: a read may not be possible, and a step that a kill
    /// interrupts may not have sent its request.
    pub(super) fn is_performed(&self) -> bool {
        let needs_request = matches!(self.step, Step::KillDuring(..));
        self.is_taken() && (!needs_request || self.calls().next().is_some())
    }

    fn is_taken(&self) -> bool {
        !self.any(|observation| matches!(observation, Observation::NotTaken { .. }))
    }

    /// The thread that the step resumes cold or reads in a second process.
    pub(super) fn cold_reads(&self) -> Option<ThreadName> {
        match without_client(self.step) {
            Step::Resume(Resume { thread, .. }) | Step::ColdRead(ColdRead { thread }) => {
                thread.name()
            }
            _ => None,
        }
    }

    /// The overrides of the turn that the step asks for.
    pub(super) fn turn_overrides(&self) -> Option<&'a TurnOverrides> {
        match without_client(self.step) {
            Step::Run(Run { overrides, .. }) | Step::Begin(Begin { overrides, .. }) => {
                Some(overrides)
            }
            _ => None,
        }
    }

    /// The approvals that the step gives where its turn is a probe.
    pub(super) fn probe_consent(&self) -> Option<Consent> {
        self.step.probe().map(|script| script.consent)
    }
}

fn cold_answer(observation: &Observation) -> Option<Answer<'_>> {
    match observation {
        Observation::ColdRead { thread, policy } => {
            Some(Answer::Granted(StatedReply { thread: Some(*thread), policy: policy.as_ref() }))
        }
        Observation::ColdReadRefused { message, .. } => Some(Answer::Refused(message)),
        _ => None,
    }
}

fn may_be_impossible(step: &Step) -> bool {
    match without_client(step) {
        Step::Action(_) => true,
        Step::Run(run) => run.probe().is_some(),
        _ => false,
    }
}

fn without_client(step: &Step) -> &Step {
    match step {
        Step::SecondClient(inner) => without_client(inner),
        step => step,
    }
}
