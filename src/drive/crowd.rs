//! A second connection, calls at once, a second server.
//!
//! Each call of several has a client of its own, so that nothing but the server orders them: all
//! are sent before any answer is read. A second server runs on the same home for as long as it is
//! asked one thing, and what it has loaded is no matter of the first.

use crate::program::ops::fork::Fork;
use crate::program::ops::resume::Resume;
use crate::program::ops::settings::Settings;
use crate::program::ops::start::Start;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::session::Session;
use super::steps::{Aborted, Run};
use super::turns::{NO_NOTICE_DEADLINE, NOTICE_DEADLINE};
use crate::client::Lost;
use crate::policy::{CallOverrides, Policy, TurnOverrides};
use crate::program::ops::Step;
use crate::program::ops::restart::Stop;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::protocol::notifications;
use crate::protocol::policy::of_reply;
use crate::protocol::requests::{self, Call};
use crate::protocol::rpc::RpcError;
use crate::server::Cause;
use crate::trace::{Observation, ThreadLabel};

/// How long a further notice is waited for, after a first one and where it is open how many there
/// are: it follows within milliseconds, and within a second on a loaded machine.
const FURTHER_NOTICE_DEADLINE: Duration = Duration::from_secs(1);

/// One of several calls at once.
struct Lane {
    call: Call,
    unbound: bool,
    /// The name that the reply's thread is given.
    new: Option<ThreadName>,
}

/// The changes of one thread's settings that are asked for at once.
struct Changes<'a> {
    thread: ThreadName,
    /// The policy that was stated last, before any of them.
    stated: Option<Policy>,
    wanted: Vec<&'a TurnOverrides>,
}

impl Run<'_> {
    /// The step, by the second client.
    pub(super) fn second(&mut self, inner: &Step) -> Result<(), Aborted> {
        self.connect(1)?;
        self.speaks = 1;
        let done = self.step(inner);
        self.speaks = 0;
        done
    }

    /// All the calls, each by the client of its place, until they are answered.
    pub(super) fn together(&mut self, steps: &[Step]) -> Result<(), Aborted> {
        let stated = self.record.stated();
        let numbers = self.send_all(steps)?;
        for number in &numbers {
            let answers = |what: &Observation| what.answers(*number);
            self.until("the answers to calls at once", self.test_bed.timeouts.answer, answers)?;
        }
        let granted = self.all_begun(steps, &numbers);
        let changes = changes(&granted, &stated);
        changes.iter().try_for_each(|changes| self.all_heard(changes))
    }

    /// The same, and a kill of the server so long after the last was sent.
    pub(super) fn together_torn(&mut self, steps: &[Step], after: Duration) -> Result<(), Aborted> {
        let numbers = self.send_all(steps)?;
        if numbers.is_empty() {
            return Ok(());
        }
        self.within(after, |_| false)?;
        self.restart((Stop::Kill, false), None)?;
        self.all_begun(steps, &numbers);
        Ok(())
    }

    /// The numbers of the calls, in the order of the step; none where they were left out.
    fn send_all(&mut self, steps: &[Step]) -> Result<Vec<u32>, Aborted> {
        let mut lanes = Vec::new();
        for step in steps {
            match self.lane(step) {
                Some(lane) => lanes.push(lane),
                None => {
                    self.left_out("a step of more than one request, beside others")?;
                    return Ok(Vec::new());
                }
            }
        }
        if let Some(what) = lanes.iter().find_map(|lane| self.validity.lacks(&lane.call)) {
            self.left_out(&what)?;
            return Ok(Vec::new());
        }
        self.connect(lanes.len().saturating_sub(1))?;
        let mut numbers = Vec::new();
        for (place, Lane { call, unbound, new }) in lanes.into_iter().enumerate() {
            self.speaks = place;
            let sent = self.send(call, (unbound, new));
            self.speaks = 0;
            numbers.push(sent?);
        }
        Ok(numbers)
    }

    /// The steps whose calls were granted, each of which may have begun a history.
    fn all_begun<'s>(&mut self, steps: &'s [Step], numbers: &[u32]) -> Vec<&'s Step> {
        let mut granted = Vec::new();
        for (step, number) in steps.iter().zip(numbers) {
            if self.record.granted(*number) {
                self.lane_begun(step);
                granted.push(step);
            }
        }
        granted
    }

    /// The one request that a step consists of; none where it takes more than one.
    fn lane(&mut self, step: &Step) -> Option<Lane> {
        let (id, unbound) = self.id(step.uses().unwrap_or(ThreadRef::Unknown));
        let cut = match step {
            Step::Fork(Fork { source: from, cut: Some(cut), .. }) => Some(self.cut_at(*from, *cut)),
            _ => None,
        };
        let cut = cut.as_ref().map(|(key, turn)| (*key, turn.as_str()));
        let places = self.seat.home.places();
        let (call, new) = match step {
            Step::Start(Start { overrides, ephemeral, new }) => {
                (requests::start(overrides, *ephemeral, places), Some(*new))
            }
            Step::Fork(Fork { overrides, ephemeral, new, .. }) => {
                let fork = requests::Fork { thread: &id, overrides, cut, ephemeral: *ephemeral };
                (requests::fork(fork, places), Some(*new))
            }
            Step::Resume(Resume { overrides, .. }) => {
                (requests::resume(&id, overrides, places), None)
            }
            Step::Settings(Settings { overrides, .. }) => {
                (requests::settings(&id, overrides, places), None)
            }
            _ => return None,
        };
        let unbound = unbound && !matches!(step, Step::Start(_));
        Some(Lane { call, unbound, new })
    }

    /// A thread that a lane has forked or resumed has a history.
    fn lane_begun(&mut self, step: &Step) {
        let who = match step {
            Step::Fork(Fork { new, .. }) => ThreadRef::Thread(*new),
            Step::Resume(Resume { thread, .. }) => *thread,
            _ => return,
        };
        if let Some(known) = self.known(who) {
            known.begun = true;
        }
    }

    /// Waits for the notices of changes to a thread. A server may tell of several in one: what
    /// ends the wait is that what is left in the end is told, or as many notices as changes.
    fn all_heard(&mut self, changes: &Changes<'_>) -> Result<(), Aborted> {
        let known = self.record.threads.get(&changes.thread);
        if known.is_none_or(|known| !known.loaded || known.heard_by.is_empty()) {
            return Ok(());
        }
        let most = changes.wanted.len();
        let left = changes.left();
        let as_before = |left: &Policy| changes.stated.as_ref() == Some(left);
        let over = |heard: &[&Policy]| match (left.as_slice(), heard.last()) {
            ([only], Some(last)) => last.agrees(only),
            _ => heard.len() >= most,
        };
        let timeouts = match left.iter().any(as_before) {
            // Nothing is told of what is as it was in the end.
            true if left.len() == 1 => NO_NOTICE_DEADLINE,
            true => FURTHER_NOTICE_DEADLINE,
            false => NOTICE_DEADLINE,
        };
        match self.hears(changes.thread, timeouts, |heard| !heard.is_empty())? {
            true => self.hears(changes.thread, FURTHER_NOTICE_DEADLINE, over).map(drop),
            false => Ok(()),
        }
    }

    /// Records what arrives until the step's notices about the thread are these; whether they were
    /// when the time was over.
    fn hears(
        &mut self,
        name: ThreadName,
        timeouts: Duration,
        over: impl Fn(&[&Policy]) -> bool,
    ) -> Result<bool, Aborted> {
        let deadline = Instant::now() + timeouts;
        loop {
            let heard = self.record.of_step().filter_map(|what| match what {
                Observation::Settings { thread, policy } => {
                    (*thread == ThreadLabel::Named(name)).then_some(policy)
                }
                _ => None,
            });
            let done = over(&heard.collect::<Vec<_>>());
            if done || Instant::now() >= deadline {
                return Ok(done);
            }
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.next(deadline) {
                None => return Ok(false),
                Some(arrived) => self.arrived(arrived)?,
            }
        }
    }

    /// Connects clients until there is one with this number.
    fn connect(&mut self, number: usize) -> Result<(), Aborted> {
        let session = self.seat.session.as_mut().expect("a cut run asks nothing");
        match session.connect(self.test_bed.timeouts, number) {
            Ok(()) => Ok(()),
            Err(none) => self.no_session(none),
        }
    }

    /// A second server on the same home, over pipes, asked to resume the thread.
    pub(super) fn rival(&mut self, who: ThreadRef) -> Result<(), Aborted> {
        let (id, unbound) = self.id(who);
        let call = requests::resume(&id, &CallOverrides::default(), self.seat.home.places());
        let mut rival = match Session::start(self.site(&self.seat.home)) {
            Ok(session) => session,
            Err(none) => return self.no_session(none),
        };
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.seen(Observation::Sent { call: number, method, unbound });
        let deadline = Instant::now() + self.test_bed.timeouts.answer;
        let said = match rival.client.call(call.method, call.params, deadline) {
            Ok(Ok(reply)) => {
                let policy = of_reply(&reply, self.seat.home.places());
                let thread = notifications::thread_id(&reply).map(|id| self.record.whose(id));
                Observation::Answered { call: number, thread, policy }
            }
            Ok(Err(RpcError { code, message, .. })) => {
                let message = self.record.named(&message);
                Observation::Refused { call: number, code, message }
            }
            Err(lost) => return self.lost_rival(rival, &lost),
        };
        self.record.seen(said);
        let ended = rival.stop(self.test_bed);
        self.ended(&ended, ended.cause != Cause::Itself);
        match ended.cause {
            Cause::Itself => self.cut(),
            Cause::Asked | Cause::Killed => Ok(()),
        }
    }

    /// The second server gives no answer.
    fn lost_rival(&mut self, mut rival: Session, lost: &Lost) -> Result<(), Aborted> {
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

/// The changes of settings among these steps, thread by thread.
fn changes<'s>(steps: &[&'s Step], stated: &BTreeMap<ThreadName, Policy>) -> Vec<Changes<'s>> {
    let mut all: BTreeMap<ThreadName, Changes<'s>> = BTreeMap::new();
    for step in steps {
        if let Step::Settings(Settings { thread: ThreadRef::Thread(name), overrides }) = step {
            let stated = stated.get(name).cloned();
            let new = || Changes { thread: *name, stated, wanted: Vec::new() };
            all.entry(*name).or_insert_with(new).wanted.push(overrides);
        }
    }
    all.into_values().collect()
}

impl Changes<'_> {
    /// The policies that the changes may leave in the end, by their order; none where it is not
    /// known what they change.
    fn left(&self) -> Vec<Policy> {
        let mut all = Vec::new();
        if let Some(stated) = &self.stated {
            left(stated, &self.wanted, &mut all);
        }
        all
    }
}

fn left(before: &Policy, wanted: &[&TurnOverrides], all: &mut Vec<Policy>) {
    if wanted.is_empty() && !all.contains(before) {
        all.push(before.clone());
    }
    for (place, first) in wanted.iter().enumerate() {
        let mut others = wanted.to_vec();
        others.remove(place);
        left(&before.with(first), &others, all);
    }
}
