//! Records the policy that each request to the model states.
//!
//! A request without a block of permissions leaves the last statement in force. Within a step, what
//! a thread's requests state is recorded once for each part of the context, and once more where it
//! changes. A subagent is a thread of its own, a review states the policy of the thread that it
//! reviews, and the reviewing model's requests say nothing about the thread whose action it judges.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::recorder::Recorder;
use crate::policy::model_context::StatedPolicy;
use crate::policy::{DEFAULT, Dimension};
use crate::protocol::model::ModelRequest;
use crate::protocol::policy::Places;
use crate::protocol::{model_context, subagents};
use crate::trace::Observation;

/// The requests that were not read yet, and what the developer messages stated last.
pub(super) struct ModelRequests {
    requests: Receiver<Arc<ModelRequest>>,
    /// By the server's id of the thread.
    last: BTreeMap<String, StatedPolicy>,
    /// Whether the release has stated a tier in this run. Only then is a request without one a
    /// statement: older releases take a tier and never state it.
    states_tiers: bool,
}

impl ModelRequests {
    pub(super) fn new(requests: Receiver<Arc<ModelRequest>>) -> ModelRequests {
        ModelRequests { requests, last: BTreeMap::new(), states_tiers: false }
    }

    /// Records what the step's requests state. After the end of a turn all its requests are here:
    /// the model remembers a request before it answers.
    pub(super) fn record(&mut self, recorder: &mut Recorder, places: &Places) {
        while let Ok(request) = self.requests.try_recv() {
            let is_review = request.subagent.as_deref() == Some(subagents::REVIEW);
            let subject = if is_review { &request.parent } else { &request.thread };
            let subject = subject.as_ref().map(|id| recorder.under_review(id).to_owned());
            let known = |id: &String| recorder.thread_with_id(id).is_some();
            let (Some(subject), Some(thread)) = (subject.filter(known), &request.thread) else {
                continue;
            };
            let Some(context) = model_context::read(&request, places) else {
                continue;
            };
            if let Some(stated) = context.developer {
                self.last.insert(thread.clone(), stated);
            }
            let developer = self.last.get(thread).cloned();
            let fields = self.with_tier(context.request);
            for stated in developer.into_iter().chain(context.metadata).chain([fields]) {
                record_change(recorder, &subject, stated);
            }
        }
    }

    fn with_tier(&mut self, mut stated: StatedPolicy) -> StatedPolicy {
        self.states_tiers |= stated.others.contains_key(&Dimension::T);
        if self.states_tiers {
            stated.others.entry(Dimension::T).or_insert_with(|| DEFAULT.to_owned());
        }
        stated
    }
}

/// Records a statement, unless the step's last one in the same part of the context is equal.
fn record_change(recorder: &mut Recorder, id: &str, told: StatedPolicy) {
    let label = recorder.label(id);
    let last = recorder.in_step().rev().find_map(|what| match what {
        Observation::ModelContext { thread, told: last } => {
            (*thread == label && last.voice == told.voice).then_some(last)
        }
        _ => None,
    });
    if last != Some(&told) {
        recorder.record(Observation::ModelContext { thread: label, told });
    }
}
