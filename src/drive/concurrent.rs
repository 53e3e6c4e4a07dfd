//! A second client, and calls at once.
//!
//! Each of several calls has a client of its own, so that nothing but the server orders them: all
//! are sent before any answer is read.

use std::collections::BTreeMap;
use std::time::Duration;

use itertools::Itertools;

use super::ops::{Perform, operation};
use super::recorder::Recorder;
use super::run::{Aborted, Runner};
use super::turns::{NO_NOTICE_DEADLINE, NOTICE_DEADLINE};
use crate::policy::{Policy, TurnOverrides};
use crate::program::ops::Step;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// How long the driver waits for a further notice, after a first one and where it is open how many
/// there are: it follows within milliseconds, and within a second on a loaded machine.
const FURTHER_NOTICE_DEADLINE: Duration = Duration::from_secs(1);

/// The changes of one thread's settings that are requested at once.
struct Changes<'a> {
    thread: ThreadName,
    /// The policy that was stated last before them.
    stated: Option<Policy>,
    wanted: Vec<&'a TurnOverrides>,
}

impl Runner<'_> {
    /// The step, by the second client.
    pub(super) fn second_client(&mut self, inner: &Step) -> Result<(), Aborted> {
        if self.test_bed.sdk.is_some() {
            return self.left_out("a second client, which the SDK's server has no place for");
        }
        self.connect(1)?;
        self.client = 1;
        let done = self.step(inner);
        self.client = 0;
        done
    }

    /// All lanes, each by the client of its place, until they are answered.
    pub(super) fn parallel(&mut self, lanes: &[Step]) -> Result<(), Aborted> {
        let stated = self.recorder.stated_policies();
        let numbers = self.send_all(lanes)?;
        let timeout = self.timeouts.reply;
        for number in &numbers {
            self.until("the answers to calls at once", timeout, |what| what.answers(*number))?;
        }
        let granted = self.note_granted(lanes, &numbers);
        let changes = changes(&granted, &stated);
        changes.iter().try_for_each(|changes| self.await_notices(changes))
    }

    /// Sends the requests of all lanes. Their numbers, in the order of the lanes; none where the
    /// step is left out.
    pub(super) fn send_all(&mut self, lanes: &[Step]) -> Result<Vec<u32>, Aborted> {
        let mut requests = Vec::new();
        for lane in lanes {
            let operation = operation(lane).filter(|_| lane.fits_parallel());
            let Some(request) = operation.and_then(|operation| operation.prepare(self)) else {
                self.left_out("a step of more than one request, beside others")?;
                return Ok(Vec::new());
            };
            requests.push(request);
        }
        let lacking = requests.iter().find_map(|request| self.lacks(&request.call));
        if let Some(what) = lacking {
            self.left_out(&what)?;
            return Ok(Vec::new());
        }
        // The SDK makes several calls at once on one client.
        let by_sdk = self.test_bed.sdk.is_some();
        if !by_sdk {
            self.connect(requests.len().saturating_sub(1))?;
        }
        let mut numbers = Vec::new();
        for (client, request) in requests.into_iter().enumerate() {
            self.client = if by_sdk { 0 } else { client };
            let sent = self.send(request);
            self.client = 0;
            numbers.push(sent?);
        }
        if self.is_left_out() {
            numbers.clear();
        }
        Ok(numbers)
    }

    /// The lanes whose requests were granted; their threads have a history.
    pub(super) fn note_granted<'s>(&mut self, lanes: &'s [Step], numbers: &[u32]) -> Vec<&'s Step> {
        let mut granted = Vec::new();
        for (lane, number) in lanes.iter().zip(numbers) {
            if self.recorder.granted(*number) {
                let thread = operation(lane).and_then(Perform::gives_history);
                if let Some(known) = thread.and_then(|thread| self.thread_mut(thread)) {
                    known.has_history = true;
                }
                granted.push(lane);
            }
        }
        granted
    }

    /// Waits for the notices of changes to a thread. A server may send one notice for several: the
    /// wait is over when the final policy is stated, or there are as many notices as changes.
    fn await_notices(&mut self, changes: &Changes<'_>) -> Result<(), Aborted> {
        let known = self.recorder.threads.get(&changes.thread);
        let clients = known.and_then(|known| known.subscribers());
        if clients.is_none_or(|clients| clients.is_empty()) {
            return Ok(());
        }
        let outcomes = changes.outcomes();
        let may_change_nothing =
            outcomes.iter().any(|policy| changes.stated.as_ref() == Some(policy));
        let timeout = if !may_change_nothing {
            NOTICE_DEADLINE
        } else if outcomes.len() == 1 {
            NO_NOTICE_DEADLINE
        } else {
            FURTHER_NOTICE_DEADLINE
        };
        let thread = ThreadLabel::Named(changes.thread);
        let any = self.wait(timeout, |recorder| !notices(recorder, thread).is_empty())?;
        if any {
            self.wait(FURTHER_NOTICE_DEADLINE, |recorder| {
                let notices = notices(recorder, thread);
                match (outcomes.as_slice(), notices.last()) {
                    ([only], Some(last)) => last.agrees(only),
                    _ => notices.len() >= changes.wanted.len(),
                }
            })?;
        }
        Ok(())
    }

    /// Connects clients until there is one with this number.
    fn connect(&mut self, number: usize) -> Result<(), Aborted> {
        let session = self.active.session.as_mut().expect("an aborted run connects nothing");
        match session.connect(number) {
            Ok(()) => Ok(()),
            Err(none) => self.no_session(none),
        }
    }
}

/// The policies that the step's notices state of a thread.
fn notices(recorder: &Recorder, label: ThreadLabel) -> Vec<&Policy> {
    let policies = recorder.in_step().filter_map(|what| match what {
        Observation::Settings { thread, policy } if *thread == label => Some(policy),
        _ => None,
    });
    policies.collect()
}

/// The changes of settings among these steps, thread by thread.
fn changes<'s>(steps: &[&'s Step], stated: &BTreeMap<ThreadName, Policy>) -> Vec<Changes<'s>> {
    let mut all: BTreeMap<ThreadName, Changes<'s>> = BTreeMap::new();
    for settings in steps.iter().filter_map(|step| operation(step)?.as_settings()) {
        let Some(thread) = settings.thread.name() else { continue };
        let stated = stated.get(&thread).cloned();
        let new = || Changes { thread, stated, wanted: Vec::new() };
        all.entry(thread).or_insert_with(new).wanted.push(&settings.overrides);
    }
    all.into_values().collect()
}

impl Changes<'_> {
    /// The policies that the changes may leave, by their order; none where it is not known what
    /// they change.
    fn outcomes(&self) -> Vec<Policy> {
        let Some(stated) = &self.stated else { return Vec::new() };
        let orders = self.wanted.iter().permutations(self.wanted.len());
        let outcome = |order: Vec<&&TurnOverrides>| {
            order.into_iter().fold(stated.clone(), |policy, change| policy.with(change))
        };
        orders.map(outcome).unique().collect()
    }
}
