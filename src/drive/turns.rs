//! What operations on turns have in common: scripts for the model, and waits for what turns do.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::listener::Listener;
use super::probe::{PendingProbe, Target};
use super::run::{Aborted, Prepared, Runner};
use crate::client::ClientError;
use crate::mock_model::answer::{Answer, Gate};
use crate::policy::TurnOverrides;
use crate::program::ops::finish;
use crate::program::reply::{Probe, ProbeScript, Reply};
use crate::program::thread::ThreadRef;
use crate::protocol::model::ModelRequest;
use crate::protocol::probe::{self, Targets};
use crate::protocol::requests::{self, Ids};
use crate::trace::{Observation, ThreadLabel};
use crate::transcript::Entry;

/// How long the driver waits for the notice of changed settings: it comes within 10 ms, and within
/// a second on a loaded machine.
pub(super) const NOTICE_DEADLINE: Duration = Duration::from_secs(5);

/// How long it waits where the values asked for are those that were stated last, and no notice is
/// expected.
pub(super) const NO_NOTICE_DEADLINE: Duration = Duration::from_millis(100);

/// How long it waits for the end of a turn that the server perhaps does not report at all: longer
/// than most turns take.
pub(super) const SILENT_TURN_DEADLINE: Duration = Duration::from_secs(1);

/// How long an idle thread may take to be unloaded: one second by config, and a little more on a
/// loaded machine. A release that does not know that key does not unload within this time.
const UNLOAD_DEADLINE: Duration = Duration::from_secs(3);

impl Runner<'_> {
    /// The id of the thread in scripts for the model.
    pub(super) fn id(&self, thread: ThreadRef) -> String {
        self.ids(thread).thread().to_owned()
    }

    /// Queues an answer of the model for the thread with this id.
    pub(super) fn queue(&self, thread: &str, answer: impl Into<Answer>) {
        let answer = answer.into();
        let entry = || Entry::Answer { thread: thread.to_owned(), answer: (&answer).into() };
        self.recorder.tape.record(entry);
        self.model.queue(thread, answer);
    }

    /// Drops the answers that are queued for the thread with this id.
    pub(super) fn clear_script(&self, thread: &str) {
        self.recorder.tape.record(|| Entry::Forget(thread.to_owned()));
        self.model.clear_script(thread);
    }

    /// Lets the model go on in the thread with this id.
    pub(super) fn release(&self, thread: &str, gate: &Gate) {
        self.recorder.tape.record(|| Entry::Release(thread.to_owned()));
        gate.release();
    }

    /// Records that the model has a request of the thread with this id.
    pub(super) fn record_model_request(&self, thread: &str) {
        self.recorder.tape.record(|| {
            let of_thread = |id: &Option<String>| id.as_deref() == Some(thread);
            let requests = self.model.requests();
            let requests = requests.iter().filter(|request| of_thread(&request.thread)).count();
            Entry::AwaitModel { thread: thread.to_owned(), requests }
        });
    }

    /// Queues what the model answers in the thread's next turn.
    pub(super) fn script(&mut self, thread: ThreadRef, reply: &Reply) -> Result<(), Aborted> {
        let id = self.id(thread);
        if let Reply::Probe(script) = reply {
            return self.script_probe(&id, *script);
        }
        self.queue(&id, reply.clone());
        Ok(())
    }

    /// Queues the call of a probe for the thread with this id.
    pub(super) fn script_probe(
        &mut self,
        thread: &str,
        script: ProbeScript,
    ) -> Result<(), Aborted> {
        let answer = self.probe_answer(script)?;
        self.queue(thread, answer);
        self.attach_probe(thread);
        Ok(())
    }

    /// Queues the call of a probe for a review of the thread with this id. A review asks the model
    /// under an id that only its first request shows, and no other thread is without a script.
    pub(super) fn script_review_probe(
        &mut self,
        thread: &str,
        script: ProbeScript,
    ) -> Result<(), Aborted> {
        let answer = self.probe_answer(script)?;
        self.model.queue_any(answer);
        self.attach_probe(thread);
        Ok(())
    }

    /// The call of a probe, as the model's answer. No thread has the probe yet.
    pub(super) fn probe_answer(&mut self, script: ProbeScript) -> Result<Answer, Aborted> {
        let (target, arguments) =
            self.probe_target(script.probe).map_err(|error| self.no_room(&error))?;
        let call = format!("probe-{}", self.recorder.next_probe());
        let calls = Reply::Call { tool: probe::tool(script.probe).to_owned(), arguments };
        let answer = Answer::from(calls).with_call_id(&call);
        let answer = match probe::namespace(script.probe) {
            Some(namespace) => answer.within(namespace),
            None => answer,
        };
        let requests_before = self.model.requests().len();
        let thread = String::new();
        self.probe =
            Some(PendingProbe { thread, call, script, target, asked: None, requests_before });
        Ok(answer)
    }

    /// Makes the present probe that of the thread with this id.
    pub(super) fn attach_probe(&mut self, thread: &str) {
        let Some(pending) = &mut self.probe else { return };
        thread.clone_into(&mut pending.thread);
        let text = probe::review_text(pending.script.consent.review);
        self.model.review(thread, text.map_or(Reply::Drop, |text| Reply::Text(text.to_owned())));
    }

    pub(super) fn no_room(&mut self, error: &io::Error) -> Aborted {
        let reason = "cannot make room for a probe's file or connection";
        drop(self.trouble(format!("{reason}: {error}; run it again")));
        Aborted
    }

    /// Where a probe shows whether it was done, and the arguments of its call.
    fn probe_target(&mut self, probe: Probe) -> io::Result<(Target, String)> {
        let inside = matches!(probe, Probe::WriteInside | Probe::PatchInside);
        let file = match probe {
            Probe::ReadSecret => self.active.home.secret_file()?,
            _ => self.active.home.probe_target(inside)?,
        };
        let listener = (probe == Probe::Connect).then(Listener::new).transpose()?;
        let port = listener.as_ref().map_or(0, Listener::port);
        let arguments = probe::arguments(probe, Targets { file: &file, port });
        let target = match (probe, listener) {
            (_, Some(listener)) => Target::Listener(listener),
            (probe, None) if probe.leaves_file() => Target::File(file),
            (_, None) => Target::Nothing,
        };
        Ok((target, arguments))
    }

    /// Records what came of the turn's probe, if it had one. A turn that ended before the model was
    /// asked leaves nothing behind for the next.
    pub(super) fn record_probe(&mut self) {
        let Some(pending) = self.probe.take() else { return };
        self.model.clear_script(&pending.thread);
        self.model.clear_any();
        let requests = self.model.requests().split_off(pending.requests_before);
        let what = Observation::Probe {
            thread: self.recorder.label(&pending.thread),
            probe: pending.script.probe,
            asked: pending.asked,
            reviewed: pending.was_reviewed(&requests),
            upshot: pending.result(&requests),
            landed: match pending.target {
                Target::Nothing => None,
                Target::File(file) => Some(self.active.home.take_probe_file(&file)),
                Target::Listener(listener) => Some(listener.was_reached()),
            },
            unsandboxed: self.test_bed.is_known_unsandboxed(),
        };
        self.recorder.record(what);
    }

    /// Interrupts this turn of a thread.
    pub(super) fn interrupt(&mut self, thread: ThreadRef, turn: &str) -> Result<(), Aborted> {
        let ids = Ids { running: Some(turn.to_owned()), ..self.ids(thread) };
        let call = requests::call(&finish::interrupt(), &ids, self.active.home.places());
        self.ask(Prepared { call, unbound: false, new: None })
    }

    /// Waits for the end of a turn. Where no client is subscribed, no turn is reported, and its end
    /// is that the thread becomes idle.
    pub(super) fn await_end(
        &mut self,
        thread: ThreadRef,
        is: impl Fn(u32) -> bool,
    ) -> Result<(), Aborted> {
        let unheard = self.unheard(thread);
        let over = |what: &Observation| match what {
            Observation::TurnEnded { turn, .. } => is(*turn),
            Observation::Idle { thread } => unheard == Some(*thread),
            _ => false,
        };
        if self.thread(thread).is_some_and(|known| known.is_silent()) {
            return self.within(SILENT_TURN_DEADLINE, over);
        }
        // No notification is due to a client that is not subscribed, so none is missing.
        if let Some(unheard) = unheard {
            return self.await_idle(unheard, over);
        }
        self.until("turn/completed", self.timeouts.turn, over)
    }

    /// Waits until a thread without subscribers is idle. If the server does not say so, what comes
    /// next would meet a turn that perhaps runs still.
    fn await_idle(
        &mut self,
        thread: ThreadLabel,
        is: impl Fn(&Observation) -> bool,
    ) -> Result<(), Aborted> {
        let timeout = self.timeouts.turn;
        if self.wait(timeout, |recorder| recorder.in_step().any(&is))? {
            return Ok(());
        }
        self.trouble(format!(
            "{thread} has no subscriber, and within {} s the server has not said that its turn is \
             over; run it again",
            timeout.as_secs()
        ))
    }

    /// Waits for the end of the turn that was granted last, or of any where none was.
    pub(super) fn await_granted_end(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let granted = self.granted_turn;
        self.await_end(thread, |turn| granted.is_none_or(|granted| turn == granted))
    }

    /// Waits until the turn has started, where a client is subscribed.
    pub(super) fn await_start(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        if self.unheard(thread).is_some() {
            return Ok(());
        }
        self.until("turn/started", self.timeouts.turn, |what| {
            matches!(what, Observation::TurnStarted { .. } | Observation::TurnEnded { .. })
        })
    }

    /// Waits until the model gets a request of this thread.
    pub(super) fn await_model(
        &mut self,
        thread: ThreadRef,
        requests: &Receiver<Arc<ModelRequest>>,
    ) -> Result<(), Aborted> {
        let id = self.id(thread);
        let timeout = self.timeouts.turn;
        let deadline = Instant::now() + timeout;
        loop {
            let session = self.active.session.as_mut().expect("it has just answered");
            match session.client.wait_beside(requests, deadline) {
                Ok(request) if request.thread.as_ref() != Some(&id) => {}
                Err(ClientError::Deadline { .. }) => {
                    return self.silent("turn/started and its request", timeout);
                }
                Ok(_) => {
                    self.record_model_request(&id);
                    return Ok(());
                }
                // The end of a server that is gone is found at the next wait for it.
                Err(_) => return Ok(()),
            }
        }
    }

    /// Waits for the notice of a change of settings. The step ends without one, too: the judge
    /// reports that it is missing.
    pub(super) fn await_notice(
        &mut self,
        thread: ThreadRef,
        overrides: &TurnOverrides,
    ) -> Result<(), Aborted> {
        let Some(name) = thread.name() else { return Ok(()) };
        let known = self.thread(thread);
        let stated = known.and_then(|known| known.stated.as_ref());
        let equal = stated.is_some_and(|stated| stated.with(overrides) == *stated);
        let clients = known.and_then(|known| known.subscribers());
        let expected = !equal && clients.is_some_and(|clients| !clients.is_empty());
        let timeout = if expected { NOTICE_DEADLINE } else { NO_NOTICE_DEADLINE };
        let label = ThreadLabel::Named(name);
        self.within(
            timeout,
            |what| matches!(what, Observation::Settings { thread, .. } if *thread == label),
        )
    }

    /// Waits until an idle thread without subscribers is unloaded, where the program needs that.
    pub(super) fn await_unload(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let running = self.running(thread).is_some();
        let Some(unheard) = self.unheard(thread).filter(|_| self.unloads_idle && !running) else {
            return Ok(());
        };
        self.within(
            UNLOAD_DEADLINE,
            |what| matches!(what, Observation::Closed { thread } if *thread == unheard),
        )
    }

    /// Remembers the step's turn as one of the thread's own.
    pub(super) fn took_turn(&mut self, thread: ThreadRef) {
        let turn = self.turn_id(thread);
        if let Some(known) = self.thread_mut(thread) {
            known.has_history = true;
            known.turns.extend(turn);
        }
    }

    /// The id of the step's turn: as it started, or where its start was not reported, as granted.
    pub(super) fn turn_id(&self, thread: ThreadRef) -> Option<String> {
        let granted = self.granted_turn.and_then(|turn| self.recorder.turn_id(turn));
        self.recorder.last_started(thread).or(granted).map(str::to_owned)
    }
}
