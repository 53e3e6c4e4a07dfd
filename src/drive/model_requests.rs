//! What the model was told, written down.
//!
//! Hears every request to the model and keeps, of each thread, what it was last told: a request
//! without a block of permissions means as last told. A turn's telling stands once for each voice,
//! and once more where it changes. A subagent is a thread of its own, a review speaks for the
//! thread that it reviews, and a reviewing model's request tells nothing of the thread it helps.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::steps::Run;
use crate::policy::model_context::StatedPolicy;
use crate::protocol::model::ModelRequest;
use crate::protocol::model_context;
use crate::protocol::subagents;
use crate::trace::Observation;

/// The requests to come, and what each thread's developer told last, by the server's id.
pub(super) struct Heard {
    asked: Receiver<Arc<ModelRequest>>,
    last: BTreeMap<String, StatedPolicy>,
}

impl Heard {
    pub(super) fn new(asked: Receiver<Arc<ModelRequest>>) -> Heard {
        Heard { asked, last: BTreeMap::new() }
    }
}

impl Run<'_> {
    /// Writes down what the step's requests to the model told. Whoever has seen the end of a turn
    /// finds its requests here: they are remembered before they are answered.
    pub(super) fn write_told(&mut self) {
        while let Ok(request) = self.heard.asked.try_recv() {
            let of_review = request.subagent.as_deref() == Some(subagents::REVIEW);
            let of = if of_review { &request.parent } else { &request.thread };
            let Some(of) = of.as_ref().filter(|id| self.record.thread(id).is_some()) else {
                continue;
            };
            let (Some(said), Some(voice)) = (model_context::read(&request), &request.thread) else {
                continue;
            };
            if let Some(told) = said.developer {
                self.heard.last.insert(voice.clone(), told);
            }
            let developer = self.heard.last.get(voice).cloned();
            for told in developer.into_iter().chain(said.metadata) {
                self.write_once(of, told);
            }
        }
    }

    fn write_once(&mut self, id: &str, told: StatedPolicy) {
        let thread = self.record.whose(id);
        let last = self.record.of_step().rev().find_map(|what| match what {
            Observation::ModelContext { thread: whose, told: other } => {
                (*whose == thread && other.voice == told.voice).then_some(other)
            }
            _ => None,
        });
        if last != Some(&told) {
            self.record.seen(Observation::ModelContext { thread, told });
        }
    }
}
