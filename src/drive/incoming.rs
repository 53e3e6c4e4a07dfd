//! Records what arrives.
//!
//! Answers, notifications and requests of the server become observations, in the order in which
//! they arrive, with names for ids. Every request of the server is declined, unless the program
//! consents to the probe that it is about.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::run::{Aborted, Open, Runner};
use super::session::Session;
use crate::client::{Arrived, Client};
use crate::policy::Policy;
use crate::protocol::notifications::{self, Notification, Status};
use crate::protocol::policy::of_reply;
use crate::protocol::rpc::{Id, Message, RpcError};
use crate::protocol::sdk;
use crate::trace::Observation;

/// The status of a turn that was interrupted.
const INTERRUPTED: &str = "interrupted";

/// The output of a process ends within milliseconds after the process.
const LAST_WORDS_DEADLINE: Duration = Duration::from_secs(2);

impl Runner<'_> {
    /// Records what a server that has ended had still written; its requests are not answered.
    pub(super) fn last_words(&mut self, session: Session) {
        let clients = std::iter::once(session.client).chain(session.others);
        clients.enumerate().for_each(|(number, mut client)| self.drain(number, &mut client));
    }

    fn drain(&mut self, from: usize, client: &mut Client) {
        let deadline = Instant::now() + LAST_WORDS_DEADLINE;
        while let Some(arrived) = client.next(deadline)
            && Instant::now() < deadline
        {
            let message = match arrived {
                Arrived::Closed => return,
                Arrived::Garbage(line) => {
                    self.recorder.record(Observation::Strange { line: line.to_string() });
                    continue;
                }
                Arrived::Message(message) => message,
            };
            self.recorder.record_all(self.schema_check.message(from, &message));
            match message {
                Message::Answer { id, outcome } => self.answer(from, id, outcome),
                Message::Notification { method, params, .. } => {
                    self.notification(from, method, &params);
                }
                Message::Request { id, method, params } => {
                    if !self.duplicates.is_duplicate(&id.to_string(), &method, from) {
                        self.record_question(method, &params);
                    }
                }
            }
        }
    }

    /// Takes what arrived at the client with this number.
    pub(super) fn arrived(&mut self, from: usize, arrived: Arrived) -> Result<(), Aborted> {
        match arrived {
            Arrived::Closed => self.gone(),
            Arrived::Garbage(line) => {
                self.recorder.record(Observation::Strange { line: line.to_string() });
                Ok(())
            }
            Arrived::Message(message) => self.message(from, message),
        }
    }

    fn message(&mut self, from: usize, message: Message) -> Result<(), Aborted> {
        if self.test_bed.sdk.is_some()
            && let Some(event) = sdk::event(&message)
        {
            return self.client_event(event);
        }
        self.recorder.record_all(self.schema_check.message(from, &message));
        match message {
            Message::Answer { id, outcome } => {
                let refusal = outcome.as_ref().err().map(|error| error.message.clone());
                self.answer(from, id, outcome);
                if let Some(reason) = refusal.and_then(|said| self.not_about_threads(&said)) {
                    return self.trouble(reason);
                }
            }
            Message::Notification { method, params, .. } => {
                self.notification(from, method, &params);
            }
            Message::Request { id, method, params } => {
                return self.question(from, &id, method, &params);
            }
        }
        Ok(())
    }

    fn answer(&mut self, from: usize, id: Id, outcome: Result<Value, RpcError>) {
        let Some(Open { call, new }) = self.open.remove(&(from, id.clone())) else {
            if self.sdk.own_requests.remove(&id) {
                return;
            }
            self.recorder.record(Observation::Unasked { id: id.to_string() });
            return;
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(RpcError { code, message, .. }) => {
                let message = self.active.home.places().in_text(&message);
                let message = self.recorder.with_names(&message);
                self.recorder.record(Observation::Refused { call, code, message });
                return;
            }
        };
        if let Some(turn) = notifications::turn_id(&reply) {
            self.granted_turn = Some(self.recorder.turn_number(turn));
        }
        if let Some(review) = notifications::review_thread(&reply) {
            self.recorder.note_review(review);
        }
        let id = notifications::thread_id(&reply);
        if let (Some(name), Some(id)) = (new, id) {
            self.recorder.bind(name, id, notifications::thread_path(&reply));
        }
        let policy = of_reply(&reply, self.active.home.places());
        if let Some(id) = id {
            self.note_reply(from, id, &reply, policy.as_ref());
        }
        let thread = id.map(|id| self.recorder.label(id));
        self.recorder.record(Observation::Answered { call, thread, policy });
    }

    /// Remembers what a reply says of a thread. A reply that states no policy does not load it.
    fn note_reply(&mut self, from: usize, id: &str, reply: &Value, policy: Option<&Policy>) {
        if policy.is_some() {
            self.duplicates.subscribe(id, from);
        }
        let Some(thread) = self.recorder.thread_with_id(id) else { return };
        if let Some(path) = notifications::thread_path(reply) {
            thread.path = Some(PathBuf::from(path));
        }
        if let Some(policy) = policy {
            thread.subscribe(from);
            thread.take(policy);
        }
    }

    fn notification(&mut self, from: usize, method: String, params: &Value) {
        let Some(news) = notifications::read(&method, params, self.active.home.places()) else {
            return;
        };
        if self.is_duplicate(from, &method, &news) {
            return;
        }
        let what = match news {
            Notification::Settings { thread, policy: Some(policy) } => {
                if let Some(known) = self.recorder.thread_with_id(&thread) {
                    known.take(&policy);
                }
                Observation::Settings { thread: self.recorder.label(&thread), policy }
            }
            Notification::Settings { policy: None, .. } => {
                Observation::Strange { line: format!("{method} without a policy: {params}") }
            }
            Notification::TurnStarted { thread, turn } => {
                if let Some(known) = self.recorder.thread_with_id(&thread) {
                    known.has_history = true;
                }
                let thread = self.recorder.label(&thread);
                Observation::TurnStarted { thread, turn: self.recorder.turn_number(&turn) }
            }
            Notification::TurnEnded { thread, turn, status } => {
                if let Some(known) = self.recorder.thread_with_id(&thread) {
                    known.interrupted = status == INTERRUPTED;
                    known.running.take_if(|running| running.id == turn);
                }
                let thread = self.recorder.label(&thread);
                Observation::TurnEnded { thread, turn: self.recorder.turn_number(&turn), status }
            }
            Notification::Closed { thread } => {
                if let Some(known) = self.recorder.thread_with_id(&thread) {
                    known.unload();
                }
                Observation::Closed { thread: self.recorder.label(&thread) }
            }
            Notification::Status { thread, status } => {
                let Some(known) = self.recorder.thread_with_id(&thread) else { return };
                known.status = Some(status);
                // A client that is subscribed gets the end of its turns anyway.
                let over = matches!(status, Status::Idle | Status::Failed);
                if !over || !known.is_unheard() {
                    return;
                }
                Observation::Idle { thread: self.recorder.label(&thread) }
            }
            Notification::CommandEnded { thread, turn } => {
                let thread = self.recorder.label(&thread);
                Observation::CommandEnded { thread, turn: self.recorder.turn_number(&turn) }
            }
            Notification::TurnEvent { thread, turn } => {
                let thread = self.recorder.label(&thread);
                Observation::TurnEvent { thread, turn: self.recorder.turn_number(&turn), method }
            }
        };
        self.recorder.record(what);
    }

    /// Whether another connection got the same before. An event after the end of its turn is a
    /// breach only on a connection that got the end. A policy that was not recorded yet is never a
    /// duplicate.
    fn is_duplicate(&mut self, from: usize, method: &str, news: &Notification) -> bool {
        let duplicate = self.duplicates.is_duplicate(news.subject(), method, from);
        match news {
            Notification::TurnEvent { turn, .. } | Notification::CommandEnded { turn, .. } => {
                duplicate || self.duplicates.is_due(turn, notifications::ENDED, from)
            }
            Notification::Settings { thread, policy: Some(policy) } => {
                let thread = self.recorder.label(thread);
                let same = Observation::Settings { thread, policy: policy.clone() };
                duplicate && self.recorder.observations().any(|what| *what == same)
            }
            _ => duplicate,
        }
    }

    /// A request of the server. One that reaches several clients has one answer.
    fn question(
        &mut self,
        from: usize,
        id: &Id,
        method: String,
        params: &Value,
    ) -> Result<(), Aborted> {
        if self.duplicates.is_duplicate(&id.to_string(), &method, from) {
            return Ok(());
        }
        let consent = self.probe.as_mut().and_then(|probe| probe.consent(&method, params));
        if self.test_bed.sdk.is_some() {
            // The SDK answers itself.
            self.sdk.questions.insert(id.clone(), method.clone());
            self.record_question(method, params);
            return Ok(());
        }
        let answer = consent.unwrap_or_else(|| notifications::decline(&method));
        self.recorder.record_all(self.schema_check.answer(&method, &answer));
        self.record_question(method, params);
        let session = self.active.session.as_mut().expect("it has just asked");
        match session.client(from).reply(id, answer) {
            Ok(()) => Ok(()),
            Err(lost) => self.lost(&lost),
        }
    }

    fn record_question(&mut self, method: String, params: &Value) {
        let thread = notifications::thread_of_request(params).map(|id| self.recorder.label(id));
        self.recorder.record(Observation::Asked { method, thread });
    }
}
