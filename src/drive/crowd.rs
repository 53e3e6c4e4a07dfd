//! [edge] A second connection, calls at once, a second server.
//!
//! Each call of several has a client of its own, so that nothing but the server orders them: all
//! are sent before any answer is read. A second server runs on the same home for as long as it is
//! asked one thing, and what it has loaded is no matter of the first.

use std::time::Instant;

use super::session::Session;
use super::steps::{Cut, Run};
use super::turns::{NO_NOTICE_DEADLINE, NOTICE_DEADLINE};
use crate::client::Lost;
use crate::plan::{Name, Step, Who};
use crate::policy::{CallOverrides, Policy, TurnOverrides};
use crate::server::Cause;
use crate::trace::{What, Whose};
use crate::wire::call::{self, Call};
use crate::wire::news;
use crate::wire::policy::of_reply;
use crate::wire::rpc::RpcError;

/// One of several calls at once.
struct Lane {
    call: Call,
    unbound: bool,
    /// The name that the reply's thread is given.
    new: Option<Name>,
}

/// The changes of one thread's settings that are asked for at once.
struct Changes<'a> {
    thread: Name,
    /// The policy that was stated last, before any of them.
    stated: Option<Policy>,
    wanted: Vec<&'a TurnOverrides>,
}

impl Run<'_> {
    /// The step, by the second client.
    pub(super) fn second(&mut self, inner: &Step) -> Result<(), Cut> {
        self.connect(1)?;
        self.speaks = 1;
        let done = self.step(inner);
        self.speaks = 0;
        done
    }

    /// All the calls, each by the client of its place.
    pub(super) fn together(&mut self, steps: &[Step]) -> Result<(), Cut> {
        let mut lanes = Vec::new();
        for step in steps {
            match self.lane(step) {
                Some(lane) => lanes.push(lane),
                None => return self.left_out("a step of more than one request, beside others"),
            }
        }
        self.connect(lanes.len().saturating_sub(1))?;
        let changes = self.changes(steps);
        let mut numbers = Vec::new();
        for (place, Lane { call, unbound, new }) in lanes.into_iter().enumerate() {
            self.speaks = place;
            let sent = self.send(call, (unbound, new));
            self.speaks = 0;
            numbers.push(sent?);
        }
        for number in &numbers {
            let answers = |what: &What| what.answers(*number);
            self.until("the answers to calls at once", self.bench.patience.answer, answers)?;
        }
        for (step, number) in steps.iter().zip(&numbers) {
            self.lane_begun(step, *number);
        }
        changes.iter().try_for_each(|changes| self.all_heard(changes))
    }

    /// The one request that a step consists of; none where it takes more than one.
    fn lane(&mut self, step: &Step) -> Option<Lane> {
        let (id, unbound) = self.id(step.uses().unwrap_or(Who::Nobody));
        let cut = match step {
            Step::Fork { from, cut: Some(cut), .. } => Some(self.cut_at(*from, *cut)),
            _ => None,
        };
        let cut = cut.as_ref().map(|(key, turn)| (*key, turn.as_str()));
        let places = self.seat.home.places();
        let (call, new) = match step {
            Step::Start { overrides, ephemeral, new } => {
                (call::start(overrides, *ephemeral, places), Some(*new))
            }
            Step::Fork { overrides, ephemeral, new, .. } => {
                let fork = call::Fork { thread: &id, overrides, cut, ephemeral: *ephemeral };
                (call::fork(fork, places), Some(*new))
            }
            Step::Resume { overrides, .. } => (call::resume(&id, overrides, places), None),
            Step::Settings { overrides, .. } => (call::settings(&id, overrides, places), None),
            _ => return None,
        };
        let unbound = unbound && !matches!(step, Step::Start { .. });
        Some(Lane { call, unbound, new })
    }

    /// A thread that a lane has forked or resumed has a history.
    fn lane_begun(&mut self, step: &Step, number: u32) {
        let granted = |what: &What| matches!(what, What::Answered { call, .. } if *call == number);
        let who = match step {
            Step::Fork { new, .. } => Who::Thread(*new),
            Step::Resume { thread, .. } => *thread,
            _ => return,
        };
        let granted = self.record.of_step().any(granted);
        if let Some(known) = self.known(who) {
            known.begun |= granted;
        }
    }

    /// The changes of settings among these steps, thread by thread.
    fn changes<'s>(&self, steps: &'s [Step]) -> Vec<Changes<'s>> {
        let mut all: Vec<Changes<'s>> = Vec::new();
        for step in steps {
            let Step::Settings { thread: Who::Thread(name), overrides } = step else {
                continue;
            };
            let known = self.record.threads.get(name);
            let stated = known.and_then(|known| known.stated.clone());
            match all.iter_mut().find(|changes| changes.thread == *name) {
                Some(changes) => changes.wanted.push(overrides),
                None => all.push(Changes { thread: *name, stated, wanted: vec![overrides] }),
            }
        }
        all
    }

    /// Waits for the notices of a thread's changes: for as many as any order of them brings as for
    /// those of one change, and for more of them only as long as for one that is not expected.
    fn all_heard(&mut self, changes: &Changes<'_>) -> Result<(), Cut> {
        let known = self.record.threads.get(&changes.thread);
        if known.is_none_or(|known| !known.loaded || known.heard_by.is_empty()) {
            return Ok(());
        }
        let most = changes.wanted.len();
        let fewest = changes.stated.as_ref().map_or(most, |stated| fewest(stated, &changes.wanted));
        self.heard_times(changes.thread, fewest, Instant::now() + NOTICE_DEADLINE)?;
        self.heard_times(changes.thread, most, Instant::now() + NO_NOTICE_DEADLINE)
    }

    fn heard_times(&mut self, name: Name, times: usize, deadline: Instant) -> Result<(), Cut> {
        let own = |what: &&What| matches!(what, What::Settings { thread, .. } if *thread == Whose::Named(name));
        while self.record.of_step().filter(own).count() < times && Instant::now() < deadline {
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.next(deadline) {
                None => return Ok(()),
                Some(arrived) => self.arrived(arrived)?,
            }
        }
        Ok(())
    }

    /// Connects clients until there is one with this number.
    fn connect(&mut self, number: usize) -> Result<(), Cut> {
        let session = self.seat.session.as_mut().expect("a cut run asks nothing");
        match session.connect(self.bench, number) {
            Ok(()) => Ok(()),
            Err(none) => self.no_session(none),
        }
    }

    /// A second server on the same home, over pipes, asked to resume the thread.
    pub(super) fn rival(&mut self, who: Who) -> Result<(), Cut> {
        let (id, unbound) = self.id(who);
        let call = call::resume(&id, &CallOverrides::default(), self.seat.home.places());
        let mut rival = match Session::start(self.bench, &self.seat.home) {
            Ok(session) => session,
            Err(none) => return self.no_session(none),
        };
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.seen(What::Sent { call: number, method, unbound });
        let deadline = Instant::now() + self.bench.patience.answer;
        let said = match rival.client.call(call.method, call.params, deadline) {
            Ok(Ok(reply)) => {
                let policy = of_reply(&reply, self.seat.home.places());
                let thread = news::thread_id(&reply).map(|id| self.record.whose(id));
                What::Answered { call: number, thread, policy }
            }
            Ok(Err(RpcError { code, message, .. })) => {
                let message = self.record.named(&message);
                What::Refused { call: number, code, message }
            }
            Err(lost) => return self.lost_rival(rival, &lost),
        };
        self.record.seen(said);
        let ended = rival.stop(self.bench);
        self.ended(&ended, ended.cause != Cause::Itself);
        match ended.cause {
            Cause::Itself => self.cut(),
            Cause::Asked | Cause::Killed => Ok(()),
        }
    }

    /// The second server gives no answer.
    fn lost_rival(&mut self, mut rival: Session, lost: &Lost) -> Result<(), Cut> {
        match lost {
            Lost::Closed { .. } | Lost::Broken { .. } => {
                let ended = rival.reap();
                self.ended(&ended, false);
                self.cut()
            }
            Lost::Deadline { .. } | Lost::Unread { .. } => {
                drop(rival.kill());
                self.lost(lost)
            }
        }
    }
}

/// The notices that these changes bring at the least, whatever their order.
fn fewest(stated: &Policy, wanted: &[&TurnOverrides]) -> usize {
    let each = wanted.iter().enumerate().map(|(place, first)| {
        let then = stated.with(*first);
        let mut left = wanted.to_vec();
        left.remove(place);
        usize::from(then != *stated) + fewest(&then, &left)
    });
    each.min().unwrap_or(0)
}
