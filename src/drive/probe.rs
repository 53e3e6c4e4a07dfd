//! A probe: an action that the model asks for, who is asked about it, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::listener::Listener;
use crate::program::reply::ProbeScript;
use crate::protocol::model::ModelRequest;
use crate::protocol::notifications;
use crate::protocol::probe::{self, ProbeResultText, Question};

/// The probe of the present turn.
#[derive(Debug)]
pub(super) struct PendingProbe {
    /// The server's id of the thread; empty until the server has named a thread that it creates.
    pub(super) thread: String,
    /// The id of the tool call.
    pub(super) call: String,
    pub(super) script: ProbeScript,
    pub(super) target: Target,
    /// What the client was asked for, if it was asked.
    pub(super) asked: Option<Question>,
    /// How many requests to the model came before it.
    pub(super) requests_before: usize,
}

/// Where the probe shows whether it was done.
#[derive(Debug)]
pub(super) enum Target {
    /// In the result of the call alone.
    Nothing,
    /// In this file.
    File(PathBuf),
    /// At this listener.
    Listener(Listener),
}

impl PendingProbe {
    /// The client's consent to a request for approval; none where the request is about something
    /// else, or the program wants it declined.
    pub(super) fn consent(&mut self, method: &str, params: &Value) -> Option<Value> {
        if notifications::thread_of_request(params) != Some(&self.thread) {
            return None;
        }
        self.asked.get_or_insert(probe::question(method));
        probe::accept(method, params).filter(|_| self.script.consent.client)
    }

    /// The result of the tool call, as these requests give it to the model.
    pub(super) fn result(&self, requests: &[Arc<ModelRequest>]) -> ProbeResultText {
        let text = requests.iter().rev().find_map(|request| {
            let result = request.outputs().into_iter().find(|(call, _)| *call == self.call);
            result.map(|(_, text)| text)
        });
        text.map_or(ProbeResultText::Unfinished, |text| probe::classify(&text))
    }

    /// Whether one of these requests asks the reviewing model about it.
    pub(super) fn was_reviewed(&self, requests: &[Arc<ModelRequest>]) -> bool {
        let mut reviews = requests.iter().filter(|request| request.is_review());
        reviews.any(|request| request.parent.as_ref().is_none_or(|id| *id == self.thread))
    }
}
