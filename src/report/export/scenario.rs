//! What a script does to see a finding again: the actions of a run, up to the message that shows it.
//!
//! Made from the run's transcript. A script waits for every answer and for the ends of turns, as the
//! run did, and takes the ids of threads and turns from what the server sends.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde_json::Value;

use super::ids::{Binding, Births};
use super::lines::{message, name, places};
use super::shown::{Exhibit, Exhibited};
use super::subject::NoExport;
use super::text::plain;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::ops::Step;
use crate::protocol::notifications::{self, Notification, Status};
use crate::protocol::rpc::{self, Id, Message};
use crate::transcript::{Entry, ModelAnswer, Process, Transcript};

/// The actions in order; the last one shows the finding.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) actions: Vec<Action>,
    pub(super) exhibit: Exhibit,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    /// A line of the program begins, or the SDK makes a call.
    Line(String),
    Config(String),
    Process(Process),
    RemoveDatabases,
    /// The model answers the thread's next request with this. A thread is the name of its id.
    Answer {
        thread: String,
        answer: ModelAnswer,
    },
    Release(String),
    Forget(String),
    AwaitModel {
        thread: String,
        requests: usize,
    },
    Request(Request),
    Await(Notice),
    /// No turn of the thread runs any more, and no client is subscribed that would get its end.
    AwaitIdle(String),
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) params: Value,
    /// Whether the server granted it.
    pub(super) granted: bool,
    pub(super) bindings: Vec<Binding>,
}

/// A notification to wait for.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) method: String,
    /// The name of the thread's id, once that is known.
    pub(super) thread: Option<String>,
    /// Whether nothing can go on without it.
    pub(super) required: bool,
    pub(super) bindings: Vec<Binding>,
}

impl Scenario {
    pub(super) fn new(
        finding: &Finding,
        program: &Program,
        transcript: &Transcript,
    ) -> Result<Scenario, NoExport> {
        if finding.clause.is_about_sdk() {
            return Err(NoExport::Client);
        }
        let steps = program.with_audit();
        let within = |step: usize| match steps.iter().take(step + 1).find_map(beyond) {
            Some(reason) => Err(NoExport::Step(reason)),
            None => Ok(()),
        };
        within(finding.step)?;
        let Exhibited { step, entry, exhibit } = Exhibited::find(finding, transcript)?;
        within(step)?;
        let entries = &transcript.entries[..=entry];
        let mut actions = Actions::new(&steps, Births::of(entries)?);
        for (at, entry) in entries.iter().enumerate() {
            actions.add(at, entry);
        }
        let mut actions = actions.done;
        let shows = |action: &Action| match exhibit {
            Exhibit::Notice(_) => matches!(action, Action::Await(_)),
            Exhibit::Reply(_) | Exhibit::Outcome { .. } => matches!(action, Action::Request(_)),
        };
        let end = actions.iter().rposition(shows).ok_or(NoExport::Unanswered)?;
        actions.truncate(end + 1);
        Ok(Scenario { actions, exhibit })
    }
}

/// Why a script cannot repeat a step, if it cannot.
fn beyond(step: &Step) -> Option<&'static str> {
    match step {
        Step::SecondClient(_) | Step::Parallel(_) => Some("has several clients"),
        Step::KillDuring(..) => Some("kills the server in the middle of a call"),
        Step::SecondServer(_) => Some("has two servers on one home"),
        Step::Disk(_) => Some("fills the disk"),
        Step::Restart(restart) if restart.release.is_some() => {
            Some("moves the home between releases")
        }
        step => step.probe().map(|_| "runs a probe"),
    }
}

/// The actions so far.
struct Actions<'a> {
    steps: &'a [Step],
    births: Births,
    /// The requests without an answer, by id.
    open: BTreeMap<Id, usize>,
    /// The thread whose turn has begun since the last request, and was not reported as ended.
    active: Option<String>,
    done: Vec<Action>,
}

impl<'a> Actions<'a> {
    fn new(steps: &'a [Step], births: Births) -> Actions<'a> {
        Actions { steps, births, open: BTreeMap::new(), active: None, done: Vec::new() }
    }

    fn add(&mut self, at: usize, entry: &Entry) {
        let action = match entry {
            Entry::Step(step) => match self.steps.get(*step) {
                Some(step) => Action::Line(step.to_string().split_whitespace().join(" ")),
                None => return,
            },
            Entry::Called(call) => Action::Line(plain(call)),
            Entry::Config(text) => Action::Config(text.clone()),
            Entry::Process(process) => Action::Process(*process),
            Entry::DatabasesRemoved => Action::RemoveDatabases,
            Entry::Answer { thread, answer } => {
                Action::Answer { thread: name(thread), answer: answer.clone() }
            }
            Entry::Release(thread) => Action::Release(name(thread)),
            Entry::Forget(thread) => Action::Forget(name(thread)),
            Entry::AwaitModel { thread, requests } => {
                Action::AwaitModel { thread: name(thread), requests: *requests }
            }
            Entry::Sent(line) => return self.sent(line),
            Entry::Received(line) => return self.received(at, line),
        };
        self.done.push(action);
    }

    fn sent(&mut self, line: &Value) {
        // The client's own handshake, and its answers to the server, belong to the harness.
        let Some(Message::Request { id, method, params }) = message(line) else { return };
        if method == rpc::initialize("", rpc::Surface::Stable).0 {
            return;
        }
        self.active = None;
        self.open.insert(id, self.done.len());
        let (granted, bindings) = (false, Vec::new());
        self.done.push(Action::Request(Request { method, params, granted, bindings }));
    }

    fn received(&mut self, at: usize, line: &Value) {
        match message(line) {
            Some(Message::Answer { id, outcome }) => {
                let Some(request) = self.open.remove(&id) else { return };
                if let Some(Action::Request(request)) = self.done.get_mut(request) {
                    request.granted = outcome.is_ok();
                    request.bindings = self.births.at(at);
                }
            }
            Some(Message::Notification { method, params, .. }) => {
                self.notified(at, method, &params);
            }
            Some(Message::Request { .. }) | None => {}
        }
    }

    fn notified(&mut self, at: usize, method: String, params: &Value) {
        let bindings = self.births.at(at);
        let news = notifications::read(&method, params, &places());
        let wait = |thread: &str, required: bool| Notice {
            method: method.clone(),
            thread: Some(name(thread)).filter(|name| self.births.is_known(name, at)),
            required,
            bindings: bindings.clone(),
        };
        let notice = match &news {
            Some(Notification::TurnEnded { thread, .. }) => wait(thread, true),
            Some(Notification::Settings { thread, .. } | Notification::Closed { thread }) => {
                wait(thread, false)
            }
            Some(Notification::Status { thread, status }) => {
                return self.changed(name(thread), *status);
            }
            _ if !bindings.is_empty() => {
                Notice { method: method.clone(), thread: None, required: true, bindings }
            }
            _ => return,
        };
        if let Some(Notification::TurnEnded { thread, .. }) = &news {
            self.ended(&name(thread));
        }
        self.done.push(Action::Await(notice));
    }

    /// The end of a turn that is reported needs no other sign.
    fn ended(&mut self, thread: &str) {
        self.active.take_if(|active| active == thread);
        let idle = |action: &Action| matches!(action, Action::AwaitIdle(idle) if idle == thread);
        if self.done.last().is_some_and(idle) {
            self.done.pop();
        }
    }

    /// A thread that becomes idle while its turn is not reported has no subscriber.
    fn changed(&mut self, thread: String, status: Status) {
        match status {
            Status::Active => self.active = Some(thread),
            Status::Idle if self.active.as_ref() == Some(&thread) => {
                self.done.push(Action::AwaitIdle(thread));
            }
            Status::Idle | Status::Failed | Status::NotLoaded => {}
        }
    }
}
