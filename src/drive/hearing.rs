//! [edge] What arrives, written down.
//!
//! Answers, notifications and questions of the server become facts, in the order in which they
//! arrive; ids become names on the way. Whatever the server asks, the answer of a plan is no.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::steps::{Cut, Open, Run};
use crate::client::{Arrived, Client};
use crate::trace::What;
use crate::wire::news::{self, News, Status};
use crate::wire::policy::of_reply;
use crate::wire::rpc::{Id, Message, RpcError};

/// Between the end of a process and the end of what it wrote lie milliseconds.
const LAST_WORDS_DEADLINE: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// Writes down what a server that has ended had still said; nobody is left to be answered.
    pub(super) fn last_words(&mut self, client: &mut Client) {
        let deadline = Instant::now() + LAST_WORDS_DEADLINE;
        while let Some(arrived) = client.next(deadline)
            && Instant::now() < deadline
        {
            match arrived {
                Arrived::Closed => return,
                Arrived::Garbage(line) => {
                    self.record.seen(What::Strange { line: line.to_string() })
                }
                Arrived::Message(Message::Answer { id, outcome }) => self.answer(&id, outcome),
                Arrived::Message(Message::Notification { method, params }) => {
                    self.notification(method, &params);
                }
                Arrived::Message(Message::Request { method, params, .. }) => {
                    let thread = news::asked_of(&params).map(|id| self.record.whose(id));
                    self.record.seen(What::Asked { method, thread });
                }
            }
        }
    }

    pub(super) fn message(&mut self, message: Message) -> Result<(), Cut> {
        match message {
            Message::Answer { id, outcome } => self.answer(&id, outcome),
            Message::Notification { method, params } => self.notification(method, &params),
            Message::Request { id, method, params } => return self.asked(&id, method, &params),
        }
        Ok(())
    }

    fn answer(&mut self, id: &Id, outcome: Result<Value, RpcError>) {
        let Some(Open { call, new }) = self.open.remove(id) else {
            self.record.seen(What::Unasked { id: id.to_string() });
            return;
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(RpcError { code, message, .. }) => {
                let message = self.record.named(&message);
                self.record.seen(What::Refused { call, code, message });
                return;
            }
        };
        if let Some(turn) = news::turn_id(&reply) {
            self.turn = Some(self.record.turn(turn));
        }
        let id = news::thread_id(&reply).map(str::to_owned);
        if let (Some(name), Some(id)) = (new, &id) {
            self.record.bind(name, id, news::thread_path(&reply));
        }
        let policy = of_reply(&reply, self.seat.home.places());
        if let Some(thread) = id.as_ref().and_then(|id| self.record.thread(id)) {
            // What states no policy speaks of a thread and does not load it.
            if policy.is_some() {
                thread.loaded = true;
                thread.unsubscribed = false;
                thread.mute = false;
            }
            thread.path = news::thread_path(&reply).map(PathBuf::from).or(thread.path.take());
            thread.stated = policy.clone().or_else(|| thread.stated.take());
        }
        let thread = id.map(|id| self.record.whose(&id));
        self.record.seen(What::Answered { call, thread, policy });
    }

    fn notification(&mut self, method: String, params: &Value) {
        let Some(read) = news::read(&method, params, self.seat.home.places()) else {
            return;
        };
        let what = match read {
            News::Settings { thread, policy: Some(policy) } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.stated = Some(policy.clone());
                }
                What::Settings { thread: self.record.whose(&thread), policy }
            }
            News::Settings { policy: None, .. } => {
                What::Strange { line: format!("{method} without a policy: {params}") }
            }
            News::TurnStarted { thread, turn } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.begun = true;
                }
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                What::TurnStarted { thread, turn }
            }
            News::TurnEnded { thread, turn, status } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.running.take_if(|running| running.id == turn);
                }
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                What::TurnEnded { thread, turn, status }
            }
            News::Closed { thread } => {
                if let Some(known) = self.record.thread(&thread) {
                    known.unload();
                }
                What::Closed { thread: self.record.whose(&thread) }
            }
            News::Status { thread, status } => {
                let Some(known) = self.record.thread(&thread) else { return };
                known.gone = status == Status::NotLoaded;
                // Whoever hears of a thread hears the end of its turns by themselves.
                if status != Status::Idle || !known.unsubscribed {
                    return;
                }
                What::Idle { thread: self.record.whose(&thread) }
            }
            News::CommandEnded { thread, turn } => {
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                What::CommandEnded { thread, turn }
            }
            News::TurnEvent { thread, turn } => {
                let (thread, turn) = self.record.turn_of(&thread, &turn);
                What::TurnEvent { thread, turn, method }
            }
        };
        self.record.seen(what);
    }

    /// Whatever the server asks, the answer of a plan is no.
    fn asked(&mut self, id: &Id, method: String, params: &Value) -> Result<(), Cut> {
        let no = news::no(&method);
        let thread = news::asked_of(params).map(|id| self.record.whose(id));
        self.record.seen(What::Asked { method, thread });
        let session = self.seat.session.as_mut().expect("it has just asked");
        match session.client.reply(id, no) {
            Ok(()) => Ok(()),
            Err(lost) => self.lost(&lost),
        }
    }
}
