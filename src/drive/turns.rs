//! Turns and settings: what begins, runs on, is steered and ends.
//!
//! A turn that is to run on is held by the model, and the step ends when the model has been asked.
//! What is said to a running turn waits for the next request of the same turn. A change of settings
//! is waited for by its notice, up to a named deadline: its answer says only that it arrived.

use crate::program::ops::run::Run;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::steps::{Aborted, Run};
use crate::client::Lost;
use crate::mock_model::{Answer, Gate};
use crate::policy::{Reviewer, TurnOverrides};
use crate::program::ops::Step;
use crate::program::ops::finish::End;
use crate::program::reply::Reply;
use crate::program::thread::ThreadRef;
use crate::protocol::model::ModelRequest;
use crate::protocol::requests::{self, BEFORE_TURN, LAST_TURN, NEVER_ISSUED};
use crate::trace::{Observation, ThreadLabel};

/// How long a notice of changed settings is waited for: it comes within 10 ms, and within a second
/// on a loaded machine.
pub(super) const NOTICE_DEADLINE: Duration = Duration::from_secs(5);

/// How long it is waited for where the values asked for are those that were stated last, and none
/// is expected.
pub(super) const NO_NOTICE_DEADLINE: Duration = Duration::from_millis(100);

/// How long the end of a turn is waited for that perhaps nobody tells: longer than most take.
const MUTE_DEADLINE: Duration = Duration::from_secs(1);

/// A turn that the model holds.
#[derive(Debug)]
pub(super) struct Running {
    /// The server's id of the turn.
    pub(super) id: String,
    /// Lets the model go on.
    pub(super) gate: Gate,
}

impl Run<'_> {
    pub(super) fn turn(&mut self, step: &Step) -> Result<(), Aborted> {
        let Step::Run(Run { thread, prompt, overrides, flaw, reply }) = step else {
            return Ok(());
        };
        if matches!(reply, Reply::Probe(..)) && self.unheard(*thread).is_some() {
            return self.not_taken("nobody would hear what is asked in a deed");
        }
        let (id, unbound) = self.id(*thread);
        self.turn = None;
        let steers = self.running(*thread).is_some();
        let asked = self.stage.watch();
        self.deed = None;
        if !steers {
            self.script(&id, reply)?;
        }
        let turn = requests::Turn { thread: &id, prompt, overrides, flaw: *flaw };
        let call = requests::turn(turn, self.seat.home.places());
        self.ask(call, (unbound, None))?;
        if self.refused() {
            // A held turn's own script stays.
            if !steers {
                self.stage.forget_script(&id);
            }
            return Ok(());
        }
        if steers {
            return self.heard(*thread, overrides);
        }
        if *reply == Reply::Hold {
            self.interrupt((*thread, &id), &asked)?;
        }
        let granted = self.turn;
        self.over(*thread, |turn| granted.is_none_or(|granted| turn == granted))?;
        self.took_a_turn(*thread);
        self.write_deed();
        self.settle(*thread)
    }

    /// A turn that fails is told before it is over, and its end only to whoever hears of it. An
    /// interruption is answered when it is over, whichever comes first.
    fn settle(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let failing = self.known(thread).is_some_and(|known| known.failing);
        if !failing || self.unheard(thread).is_none() {
            return Ok(());
        }
        let (id, _) = self.id(thread);
        let turn = self.granted(thread).unwrap_or_default();
        self.ask(requests::interrupt(&id, &turn), (false, None))
    }

    /// Waits for the end of a turn. Of a thread that is not subscribed to no turn is heard, and
    /// its end is that it is active no more.
    pub(super) fn over(&mut self, who: ThreadRef, is: impl Fn(u32) -> bool) -> Result<(), Aborted> {
        let unheard = self.unheard(who);
        let over = |what: &Observation| match what {
            Observation::TurnEnded { turn, .. } => is(*turn),
            Observation::Idle { thread } => unheard == Some(*thread),
            _ => false,
        };
        match self.known(who).is_some_and(|known| known.mute) {
            true => self.within(MUTE_DEADLINE, over),
            false => self.until("turn/completed", self.test_bed.timeouts.turn, over),
        }
    }

    /// The thread, where it is loaded and this connection is not subscribed to it.
    pub(super) fn unheard(&mut self, who: ThreadRef) -> Option<ThreadLabel> {
        let unsubscribed = self.known(who).is_some_and(|known| known.unsubscribed);
        match who {
            ThreadRef::Thread(name) if unsubscribed => Some(ThreadLabel::Named(name)),
            _ => None,
        }
    }

    /// A turn that runs on when the step ends.
    pub(super) fn begin(
        &mut self,
        thread: ThreadRef,
        overrides: &TurnOverrides,
    ) -> Result<(), Aborted> {
        let (id, unbound) = self.id(thread);
        self.turn = None;
        let steers = self.running(thread).is_some();
        let asked = self.stage.watch();
        let gate = Gate::new();
        if !steers {
            // Before its first byte: a stream that has begun is dropped where the turn is steered,
            // and the model asked once more.
            let answer = Answer::from(Reply::Text("ok".to_owned())).behind(&gate);
            self.stage.queue(&id, answer);
        }
        let turn = requests::Turn { thread: &id, prompt: "go on", overrides, flaw: None };
        self.ask(requests::turn(turn, self.seat.home.places()), (unbound, None))?;
        if self.refused() {
            if !steers {
                self.stage.forget_script(&id);
            }
            return Ok(());
        }
        if steers {
            return self.heard(thread, overrides);
        }
        self.asked_for(&id, &asked)?;
        self.started(thread)?;
        self.took_a_turn(thread);
        let turn = self.granted(thread).unwrap_or_default();
        if let Some(known) = self.known(thread) {
            known.running = Some(Running { id: turn, gate });
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, thread: ThreadRef, finish: Finish) -> Result<(), Aborted> {
        let (id, _) = self.id(thread);
        let Some(running) = self.known(thread).and_then(|known| known.running.take()) else {
            return self.not_taken("no turn runs");
        };
        match finish {
            End::Complete => running.gate.release(),
            End::Interrupt => self.ask(requests::interrupt(&id, &running.id), (false, None))?,
        }
        let number = self.record.turn(&running.id);
        self.over(thread, |turn| turn == number)?;
        self.unloaded(thread)
    }

    pub(super) fn steer(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let (id, unbound) = self.id(thread);
        let turn = self.running(thread).unwrap_or(NEVER_ISSUED.to_owned());
        self.ask(requests::steer(&id, &turn), (unbound, None))
    }

    pub(super) fn retune(&mut self, thread: ThreadRef, reviewer: &Reviewer) -> Result<(), Aborted> {
        let (id, unbound) = self.id(thread);
        let turn = self.running(thread).unwrap_or(NEVER_ISSUED.to_owned());
        self.ask(requests::retune(&id, &turn, reviewer), (unbound, None))
    }

    pub(super) fn settings(
        &mut self,
        thread: ThreadRef,
        overrides: &TurnOverrides,
    ) -> Result<(), Aborted> {
        let (id, unbound) = self.id(thread);
        let call = requests::settings(&id, overrides, self.seat.home.places());
        self.ask(call, (unbound, None))?;
        if self.refused() {
            return Ok(());
        }
        self.heard(thread, &overrides.clone().cleared())
    }

    /// Waits for the notice of a change; without one the step ends all the same, and what is
    /// missing is the judge's to tell.
    fn heard(&mut self, thread: ThreadRef, overrides: &TurnOverrides) -> Result<(), Aborted> {
        let ThreadRef::Thread(name) = thread else {
            return Ok(());
        };
        let stated = self.record.threads.get(&name).and_then(|known| known.stated.clone());
        let equal = stated.is_some_and(|stated| stated.with(overrides) == stated);
        let known = self.record.threads.get(&name);
        let hears = known
            .is_some_and(|known| known.loaded && !known.unsubscribed && !known.heard_by.is_empty());
        let timeouts = if equal || !hears { NO_NOTICE_DEADLINE } else { NOTICE_DEADLINE };
        let named = ThreadLabel::Named(name);
        let own = |what: &Observation| matches!(what, Observation::Settings { thread, .. } if *thread == named);
        self.within(timeouts, own)
    }

    /// Whether the step's request was refused, or never sent.
    pub(super) fn refused(&self) -> bool {
        let not = |what: &Observation| {
            matches!(what, Observation::Refused { .. } | Observation::LeftOut { .. })
        };
        self.record.of_step().any(not)
    }

    /// The id of the thread's turn that runs.
    pub(super) fn running(&mut self, thread: ThreadRef) -> Option<String> {
        let known = self.known(thread)?;
        known.running.as_ref().map(|running| running.id.clone())
    }

    /// Remembers the turn that the step granted as one of the thread's own.
    pub(super) fn took_a_turn(&mut self, thread: ThreadRef) {
        let turn = self.granted(thread);
        if let Some(known) = self.known(thread) {
            known.begun = true;
            known.turns.extend(turn);
        }
    }

    /// The id of the step's turn: as it started, or where that was not heard, as it was granted.
    fn granted(&self, thread: ThreadRef) -> Option<String> {
        let granted = self.turn.and_then(|turn| self.record.turn_id(turn));
        self.record.last_turn(thread).or(granted).map(str::to_owned)
    }

    /// The key of a cut, and the id of the turn that it names.
    pub(super) fn cut_at(&mut self, from: ThreadRef, cut: op::Cut) -> (&'static str, String) {
        let (key, number) = match cut {
            op::Cut::Last(number) => (LAST_TURN, number),
            op::Cut::Before(number) => (BEFORE_TURN, number),
        };
        let turns = self.known(from).map(|known| known.turns.clone()).unwrap_or_default();
        let place = usize::from(number).checked_rem(turns.len());
        let turn = place.and_then(|place| turns.get(place).cloned());
        (key, turn.unwrap_or(NEVER_ISSUED.to_owned()))
    }

    /// Waits until the model is asked, and then interrupts the turn that asks it.
    fn interrupt(
        &mut self,
        (thread, id): (ThreadRef, &str),
        asked: &Receiver<Arc<ModelRequest>>,
    ) -> Result<(), Aborted> {
        self.asked_for(id, asked)?;
        self.started(thread)?;
        let turn = self.granted(thread).unwrap_or_default();
        self.ask(requests::interrupt(id, &turn), (false, None))
    }

    fn started(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        if self.unheard(thread).is_some() {
            return Ok(());
        }
        self.until("turn/started", self.test_bed.timeouts.turn, |what| {
            matches!(what, Observation::TurnStarted { .. } | Observation::TurnEnded { .. })
        })
    }

    /// Waits until the model is asked on behalf of this thread.
    fn asked_for(&mut self, id: &str, asked: &Receiver<Arc<ModelRequest>>) -> Result<(), Aborted> {
        let deadline = Instant::now() + self.test_bed.timeouts.turn;
        let of_thread = |request: &ModelRequest| request.thread.as_deref() == Some(id);
        loop {
            let session = self.seat.session.as_mut().expect("it has just answered");
            match session.client.beside(asked, deadline) {
                Ok(request) if !of_thread(&request) => {}
                Err(Lost::Deadline { .. }) => {
                    return self
                        .silent("turn/started and its request", self.test_bed.timeouts.turn);
                }
                // The end of a server that is gone is found where its last words are read.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }
}
