//! A probe: an action that the model asks for, who is asked about it, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::program::reply::Probe;
use crate::protocol::model::ModelRequest;
use crate::protocol::notifications;
use crate::protocol::probe::{self, ProbeResultText, Question};

/// The probe of the present turn.
#[derive(Debug)]
pub(super) struct PendingProbe {
    /// The server's id of the thread.
    pub(super) thread: String,
    /// The id of the tool call.
    pub(super) call: String,
    pub(super) probe: Probe,
    /// Whether the client accepts it.
    pub(super) accepts: bool,
    /// The file that it would write, if it writes one.
    pub(super) target: Option<PathBuf>,
    /// What the client was asked for, if it was asked.
    pub(super) asked: Option<Question>,
    /// How many requests to the model came before it.
    pub(super) requests_before: usize,
}

impl PendingProbe {
    /// The client's consent to a request for approval; none where the request is about something
    /// else, or the program wants it declined.
    pub(super) fn consent(&mut self, method: &str, params: &Value) -> Option<Value> {
        if notifications::thread_of_request(params) != Some(&self.thread) {
            return None;
        }
        self.asked.get_or_insert(probe::question(method));
        probe::accept(method).filter(|_| self.accepts)
    }

    /// The result of the tool call, as these requests give it to the model.
    pub(super) fn result(&self, requests: &[Arc<ModelRequest>]) -> ProbeResultText {
        let own = requests.iter().filter(|request| request.thread.as_ref() == Some(&self.thread));
        let text = own.rev().find_map(|request| {
            let result = request.outputs().into_iter().find(|(call, _)| *call == self.call);
            result.map(|(_, text)| text)
        });
        text.map_or(ProbeResultText::Other, |text| probe::classify(&text))
    }

    /// Whether one of these requests asks the reviewing model about it.
    pub(super) fn was_reviewed(&self, requests: &[Arc<ModelRequest>]) -> bool {
        let mut reviews = requests.iter().filter(|request| request.is_review());
        reviews.any(|request| request.parent.as_ref().is_none_or(|id| *id == self.thread))
    }
}
