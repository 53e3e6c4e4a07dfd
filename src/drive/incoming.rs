//! What arrives, written down.
//!
//! Answers, notifications and questions of the server become facts, in the order in which they
//! arrive; ids become names on the way. Whatever the server asks, the answer is no, unless a deed
//! of the plan consents.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::session::Session;
use super::steps::{Aborted, Open, Run};
use crate::client::{Arrived, Client};
use crate::protocol::notifications::{self, Notification, Status};
use crate::protocol::policy::of_reply;
use crate::protocol::rpc::{Id, Message, RpcError};
use crate::trace::Observation;

/// The status of a turn that somebody has ended.
const INTERRUPTED: &str = "interrupted";

/// Between the end of a process and the end of what it wrote lie milliseconds.
const LAST_WORDS_DEADLINE: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// Writes down what a server that has ended had still said; nobody is left to be answered.
    pub(super) fn last_words(&mut self, session: Session) {
        let clients = std::iter::once(session.client).chain(session.others);
        clients.enumerate().for_each(|(from, mut client)| self.last_words_to(from, &mut client));
    }

    fn last_words_to(&mut self, from: usize, client: &mut Client) {
        let deadline = Instant::now() + LAST_WORDS_DEADLINE;
        while let Some(arrived) = client.next(deadline)
            && Instant::now() < deadline
        {
            if let Arrived::Message(message) = &arrived {
                self.record.all_seen(self.validity.heard(from, message));
            }
            match arrived {
                Arrived::Closed => return,
                Arrived::Garbage(line) => {
                    self.record.seen(Observation::Strange { line: line.to_string() })
                }
                Arrived::Message(Message::Answer { id, outcome }) => {
                    self.answer((from, id), outcome);
                }
                Arrived::Message(Message::Notification { method, params, .. }) => {
                    self.notification(from, method, &params);
                }
                Arrived::Message(Message::Request { id, method, params }) => {
                    if self.echoes.echoes((&id.to_string(), &method), from) {
                        continue;
                    }
                    let thread =
                        notifications::thread_of_request(&params).map(|id| self.record.whose(id));
                    self.record.seen(Observation::Asked { method, thread });
                }
            }
        }
    }

    /// Takes what arrived on the connection with this number.
    pub(super) fn arrived(&mut self, (from, arrived): (usize, Arrived)) -> Result<(), Aborted> {
        match arrived {
            Arrived::Closed => self.gone(),
            Arrived::Garbage(line) => {
                self.record.seen(Observation::Strange { line: line.to_string() });
                Ok(())
            }
            Arrived::Message(message) => self.message(from, message),
        }
    }

    fn message(&mut self, from: usize, message: Message) -> Result<(), Aborted> {
        self.record.all_seen(self.validity.heard(from, &message));
        match message {
            Message::Answer { id, outcome } => self.answer((from, id), outcome),
            Message::Notification { method, params, .. } => {
                self.notification(from, method, &params);
            }
            Message::Request { id, method, params } => {
                return self.asked((from, &id), method, &params);
            }
        }
        Ok(())
    }

    fn answer(&mut self, asked: (usize, Id), outcome: Result<Value, RpcError>) {
        let from = asked.0;
        let Some(Open { call, new }) = self.open.remove(&asked) else {
            self.record.seen(Observation::Unasked { id: asked.1.to_string() });
            return;
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(RpcError { code, message, .. }) => {
                let message = self.record.named(&message);
                self.record.seen(Observation::Refused { call, code, message });
                return;
            }
        };
        if let Some(turn) = notifications::turn_id(&reply) {
            self.turn = Some(self.record.turn(turn));
        }
        let id = notifications::thread_id(&reply).map(str::to_owned);
        if let (Some(name), Some(id)) = (new, &id) {
            self.record.bind(name, id, notifications::thread_path(&reply));
        }
        let policy = of_reply(&reply, self.seat.home.places());
        if let Some(id) = id.as_ref().filter(|_| policy.is_some()) {
            self.echoes.joins(id, from);
        }
        if let Some(thread) = id.as_ref().and_then(|id| self.record.thread(id)) {
            thread.heard_by.extend(policy.is_some().then_some(from));
            // What states no policy speaks of a thread and does not load it.
            if policy.is_some() {
                thread.loaded = true;
                thread.unsubscribed = false;
                thread.mute = false;
            }
            thread.path =
                notifications::thread_path(&reply).map(PathBuf::from).or(thread.path.take());
            thread.stated = policy.clone().or_else(|| thread.stated.take());
        }
        let thread = id.map(|id| self.record.whose(&id));
        self.record.seen(Observation::Answered { call, thread, policy });
    }

    fn notification(&mut self, from: usize, method: String, params: &Value) {
        let Some(read) = notifications::read(&method, params, self.seat.home.places()) else {
            return;
        };
        if self.is_echo(from, &method, &read) {
            return;
        }
        let what = match read {
            Notification::Settings { thread, policy: Some(policy) } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.stated = Some(policy.clone());
                }
                Observation::Settings { thread: self.record.whose(&thread), policy }
            }
            Notification::Settings { policy: None, .. } => {
                Observation::Strange { line: format!("{method} without a policy: {params}") }
            }
            Notification::TurnStarted { thread, turn } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.begun = true;
                }
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                Observation::TurnStarted { thread, turn }
            }
            Notification::TurnEnded { thread, turn, status } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.interrupted = status == INTERRUPTED;
                    known.running.take_if(|running| running.id == turn);
                }
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                Observation::TurnEnded { thread, turn, status }
            }
            Notification::Closed { thread } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.unload();
                }
                Observation::Closed { thread: self.record.whose(&thread) }
            }
            Notification::Status { thread, status } => {
                let Some(known) = self.record.thread(&thread) else { return };
                known.gone = status == Status::NotLoaded;
                // Whoever hears of a thread hears the end of its turns by themselves.
                known.failing = status == Status::Failed;
                let over = matches!(status, Status::Idle | Status::Failed);
                if !over || !known.unsubscribed {
                    return;
                }
                Observation::Idle { thread: self.record.whose(&thread) }
            }
            Notification::CommandEnded { thread, turn } => {
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                Observation::CommandEnded { thread, turn }
            }
            Notification::TurnEvent { thread, turn } => {
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                Observation::TurnEvent { thread, turn, method }
            }
        };
        self.record.seen(what);
    }

    /// Whether another connection has told the same already. What follows the end of a turn is a
    /// breach only where the same connection has told the end; a notice of a policy that nobody has
    /// told of is none of these.
    fn is_echo(&mut self, from: usize, method: &str, read: &Notification) -> bool {
        let echo = self.echoes.echoes((read.subject(), method), from);
        match read {
            Notification::TurnEvent { turn, .. } | Notification::CommandEnded { turn, .. } => {
                echo || self.echoes.awaits((turn, notifications::ENDED), from)
            }
            Notification::Settings { thread, policy: Some(policy) } => {
                let thread = self.record.whose(thread);
                let (thread, policy) = (thread, policy.clone());
                echo && self.record.has_seen(&Observation::Settings { thread, policy })
            }
            _ => echo,
        }
    }

    /// Whatever the server asks, the answer of a plan is no, but where a deed's says otherwise. A
    /// question to several clients has one answer.
    fn asked(
        &mut self,
        (from, id): (usize, &Id),
        method: String,
        params: &Value,
    ) -> Result<(), Aborted> {
        if self.echoes.echoes((&id.to_string(), &method), from) {
            return Ok(());
        }
        let answer = self.consent(&method, params);
        self.record.all_seen(self.validity.answer(&method, &answer));
        let thread = notifications::thread_of_request(params).map(|id| self.record.whose(id));
        self.record.seen(Observation::Asked { method, thread });
        let session = self.seat.session.as_mut().expect("it has just asked");
        match session.speaker(from).reply(id, answer) {
            Ok(()) => Ok(()),
            Err(lost) => self.lost(&lost),
        }
    }
}
