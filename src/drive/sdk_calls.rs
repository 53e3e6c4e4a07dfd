//! Requests by way of the SDK: a call, what the SDK sends for it, and how the call ends.
//!
//! The request that the SDK sends is the request of the step: its answer and what follows are
//! recorded as in any run. Beside them stand what the SDK was asked for and what it sent, and each
//! exception.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::run::{Aborted, Open, Prepared, Runner};
use super::sdk_process::ended_by;
use super::sdk_state::{SdkCalls, Unsent};
use crate::client::ClientError;
use crate::program::ops::restart::Stop;
use crate::protocol::requests::Call;
use crate::protocol::sdk::{self, Event, Line, Words};
use crate::server::{Cause, Ended};
use crate::trace::Observation;

/// How long a call may take to end once the server is gone: the SDK notices at once.
const GONE_DEADLINE: Duration = Duration::from_secs(5);

/// How much of an exception's message is kept.
const MESSAGE_MAX: usize = 160;

/// The number of the call that is made after the server was killed.
const AFTERWARDS: u32 = u32::MAX;

impl Runner<'_> {
    /// What the SDK has no word for, where it performs the program.
    pub(super) fn unsayable(&self, call: &Call) -> Option<String> {
        self.test_bed.sdk.as_ref()?;
        let what = sdk::words(call, self.sdk.whole_turn).err()?;
        Some(format!("{what} in the Python SDK"))
    }

    /// Lets the SDK make a call, and waits until it has sent the request; its number.
    pub(super) fn say(&mut self, request: Prepared) -> Result<u32, Aborted> {
        let Prepared { call, unbound, new } = request;
        let whole = self.sdk.whole_turn && call.method == "turn/start";
        let number = self.recorder.last_call() + 1;
        let words = match sdk::words(&call, whole) {
            Ok(words) => words,
            Err(what) => return self.left_out(&what).map(|()| number),
        };
        let asked = words.arguments.clone().into();
        let asked = sdk::wishes(&asked, self.active.home.places());
        let method = call.method;
        self.sdk.unsent = Some(Unsent { number, method, asked, unbound, new });
        let timeout = if whole { self.timeouts.turn } else { self.timeouts.reply };
        self.order(number, &words, timeout)?;
        let deadline = Instant::now() + self.timeouts.reply;
        while self.sdk.unsent.is_some() {
            self.take_next(deadline, "the SDK's request")?;
        }
        Ok(number)
    }

    fn order(&mut self, number: u32, words: &Words, timeout: Duration) -> Result<(), Aborted> {
        self.sdk.open.insert(number, words.function == "run");
        if words.function == "turn" {
            self.sdk.streams.insert(number);
        }
        let order = sdk::order(number, words, timeout.as_secs());
        let session = self.active.session.as_mut().expect("an aborted run calls nothing");
        match session.client.notify("call", order) {
            Ok(()) => Ok(()),
            Err(lost) => self.no_python(&lost),
        }
    }

    /// Takes what comes next.
    fn take_next(&mut self, deadline: Instant, awaited: &str) -> Result<(), Aborted> {
        let session = self.active.session.as_mut().expect("an aborted run does not wait");
        match session.next(deadline) {
            None => self.silent(awaited, self.timeouts.reply),
            Some((client, arrived)) => self.arrived(client, arrived),
        }
    }

    /// Waits until a call has ended, unless it runs a whole turn.
    pub(super) fn returned(&mut self, number: u32) -> Result<(), Aborted> {
        let whole = self.sdk.open.get(&number).copied().unwrap_or(true);
        if whole {
            return Ok(());
        }
        self.await_calls(self.timeouts.reply, |calls| !calls.open.contains_key(&number))
    }

    /// Waits until every call of the step has ended.
    pub(super) fn settle_calls(&mut self) -> Result<(), Aborted> {
        self.await_calls(self.timeouts.turn, |calls| calls.open.is_empty())
    }

    /// Takes what comes until this is so; a call that has not ended in time is recorded.
    fn await_calls(
        &mut self,
        timeout: Duration,
        is_done: impl Fn(&SdkCalls) -> bool,
    ) -> Result<(), Aborted> {
        let deadline = Instant::now() + timeout;
        while !is_done(&self.sdk) {
            let session = self.active.session.as_mut().expect("an aborted run does not wait");
            match session.next(deadline) {
                Some((client, arrived)) => self.arrived(client, arrived)?,
                None => {
                    self.record_overdue(timeout);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn record_overdue(&mut self, timeout: Duration) {
        let seconds = timeout.as_secs();
        let streams = std::mem::take(&mut self.sdk.streams);
        let calls: BTreeSet<u32> =
            std::mem::take(&mut self.sdk.open).into_keys().chain(streams).collect();
        for call in calls {
            let call = Some(call).filter(|call| *call != AFTERWARDS);
            self.recorder.record(Observation::ClientOverdue { call, seconds });
        }
    }

    /// What the process of the SDK reports.
    pub(super) fn client_event(&mut self, event: Event) -> Result<(), Aborted> {
        match event {
            Event::Hello => {}
            Event::Sent { line } => self.client_sent(&line),
            Event::Returned { call, thread } => {
                self.sdk.open.remove(&call);
                if let Some(thread) = thread {
                    let thread = self.recorder.label(&thread);
                    self.recorder.record(Observation::ClientReturned { call, thread });
                }
            }
            Event::Streamed { call } => drop(self.sdk.streams.remove(&call)),
            Event::Raised { call, error, sdk, message } => {
                self.raised(
                    call,
                    Observation::ClientRaised {
                        call: Some(call).filter(|call| *call != AFTERWARDS && *call != 0),
                        error,
                        sdk,
                        message: self.excerpt(&message),
                    },
                );
            }
            Event::Unsayable { call, what } => {
                self.forget(call);
                return self.left_out(&format!("{what} in the Python SDK"));
            }
            Event::Overdue { call, seconds } => {
                self.forget(call);
                let call = Some(call).filter(|call| *call != AFTERWARDS);
                self.recorder.record(Observation::ClientOverdue { call, seconds });
            }
            Event::Closed { left } => {
                self.sdk.closed = true;
                self.recorder.record(Observation::ClientClosed { left });
            }
            Event::Ended { code, stderr } => {
                let cause = if self.sdk.stopping { Cause::Asked } else { Cause::Itself };
                let ended = ended_by(code, stderr, cause);
                if !self.sdk.stopping {
                    self.active.session = None;
                    return self.ended_unasked(&ended);
                }
                self.sdk.ended = Some(ended);
            }
        }
        Ok(())
    }

    fn raised(&mut self, call: u32, what: Observation) {
        let before_it_sent = self.sdk.unsent.as_ref().is_some_and(|unsent| unsent.number == call);
        self.forget(call);
        self.recorder.record(what);
        if before_it_sent {
            let what = "a call that the SDK ends with an exception before it sends anything";
            self.recorder.record(Observation::LeftOut { what: what.to_owned() });
        }
    }

    fn forget(&mut self, call: u32) {
        self.sdk.open.remove(&call);
        self.sdk.streams.remove(&call);
        self.sdk.unsent.take_if(|unsent| unsent.number == call);
    }

    /// The first line of a message, without what another run would not show again.
    fn excerpt(&self, message: &str) -> String {
        let end = message.find(" stderr_tail=").unwrap_or(message.len());
        let line = message[..end].lines().next().unwrap_or_default();
        self.recorder.with_names(line).chars().take(MESSAGE_MAX).collect()
    }

    /// A line that the SDK wrote to the server.
    fn client_sent(&mut self, line: &str) {
        match sdk::line(line) {
            Some(Line::Request { id, method, params }) => {
                let sent = sdk::wishes(&params, self.active.home.places());
                let unsent = self.sdk.unsent.take_if(|unsent| unsent.method == method);
                let Some(Unsent { number, method, asked, unbound, new }) = unsent else {
                    self.sdk.own_requests.insert(id);
                    let asked = BTreeMap::new();
                    let what = Observation::ClientSent { call: None, method, asked, sent };
                    if !self.sdk.stopping {
                        self.recorder.record(what);
                    }
                    return;
                };
                let call = Call { method, params };
                self.recorder.record_all(self.schema_check.request(&call));
                self.recorder.sent(method, unbound);
                self.schema_check.sent(0, id.clone(), method);
                self.open.insert((0, id), Open { call: number, new });
                let (call, method) = (Some(number), method.to_owned());
                self.recorder.record(Observation::ClientSent { call, method, asked, sent });
            }
            Some(Line::Answer { id, approves }) => {
                if let Some(method) = self.sdk.questions.remove(&id) {
                    self.recorder.record(Observation::ClientAnswered { method, approves });
                }
            }
            Some(Line::Notification) => {}
            None => self.recorder.record(Observation::Strange { line: line.to_owned() }),
        }
    }

    /// Closes the client, or kills its server and looks what the SDK makes of that.
    pub(super) fn close_client(&mut self, stop: Stop) {
        self.sdk.stopping = true;
        // What the calls end with is recorded; there is nothing that could be aborted.
        drop(match stop {
            Stop::Graceful => self.close_gracefully(),
            Stop::Kill => self.kill_and_call(),
        });
        let ended = self.sdk.ended.take();
        let session = self.active.session.take();
        self.sdk = SdkCalls::default();
        let by_us = session.map(|mut session| session.kill());
        if let Some(ended) = ended.or(by_us) {
            let cause = if stop == Stop::Kill { Cause::Killed } else { Cause::Asked };
            self.ended(&Ended { cause, ..ended });
        }
    }

    fn close_gracefully(&mut self) -> Result<(), Aborted> {
        let timeout = self.timeouts.stop;
        self.tell("close")?;
        self.await_calls(timeout, |calls| calls.closed && calls.ended.is_some())
    }

    /// Calls that are open when the server is killed end, and so does one that is made then.
    fn kill_and_call(&mut self) -> Result<(), Aborted> {
        self.tell("kill")?;
        self.await_calls(GONE_DEADLINE, |calls| {
            calls.ended.is_some() && calls.open.is_empty() && calls.streams.is_empty()
        })?;
        let params = serde_json::json!({});
        let words = sdk::words(&Call { method: "thread/list", params }, false);
        let words = words.expect("the SDK lists threads");
        self.order(AFTERWARDS, &words, GONE_DEADLINE)?;
        self.await_calls(GONE_DEADLINE, |calls| calls.open.is_empty())?;
        self.tell("close")?;
        self.await_calls(GONE_DEADLINE, |calls| calls.closed)
    }

    fn tell(&mut self, order: &str) -> Result<(), Aborted> {
        let session = self.active.session.as_mut().expect("a client that runs is closed");
        match session.client.notify(order, serde_json::json!({})) {
            Ok(()) => Ok(()),
            Err(lost) => self.no_python(&lost),
        }
    }

    fn no_python(&mut self, lost: &ClientError) -> Result<(), Aborted> {
        self.trouble(format!("the Python process of the SDK is gone: {lost}; run it again"))
    }
}
