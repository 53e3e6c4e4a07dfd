//! What the hand knows while it performs a plan, and what it writes down.
//!
//! The same rules as on a real server: a name is bound by the first answer about it, a look is
//! taken only at a thread that this connection has loaded and that has a history, and what comes
//! after the end of a step is written down in the next one that waits for something.

use std::collections::BTreeMap;

use heirloom::program::Program;
use heirloom::program::ops::Step;
use heirloom::program::thread::ThreadName;
use heirloom::program::thread::ThreadRef;
use heirloom::trace::{Entry, Observation, ThreadLabel, Trace};
use semver::Version;

/// What the simulated server says its version is: one that sends every notice.
const VERSION: Version = Version::new(0, 169, 0);

/// Facts so far, and the threads by the plan's names.
#[derive(Default)]
pub(super) struct Hand {
    step: usize,
    facts: Vec<Entry>,
    late: Vec<Observation>,
    calls: u32,
    turns: u32,
    threads: BTreeMap<ThreadName, Known>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    loaded: bool,
    begun: bool,
    running: Option<u32>,
}

impl Hand {
    /// Goes on to a step.
    pub(super) fn go_to(&mut self, step: usize) {
        self.step = step;
    }

    /// Writes a fact down.
    pub(super) fn seen(&mut self, what: Observation) {
        self.facts.push(Entry { step: self.step, what });
    }

    /// A fact that arrives when nobody waits for it.
    pub(super) fn later(&mut self, what: Observation) {
        self.late.push(what);
    }

    /// Writes a request down, with what arrived before it, and gives its number.
    pub(super) fn send(&mut self, method: &str, unbound: bool) -> u32 {
        self.calls += 1;
        let method = method.to_owned();
        self.seen(Observation::Sent { call: self.calls, method, unbound });
        for what in std::mem::take(&mut self.late) {
            self.seen(what);
        }
        self.calls
    }

    /// The number of a turn that starts.
    pub(super) fn next_turn(&mut self) -> u32 {
        self.turns += 1;
        self.turns
    }

    /// Whether the step's thread has a name of the plan's and no id.
    pub(super) fn unbound(&self, step: &Step) -> bool {
        matches!(step.uses(), Some(ThreadRef::Thread(name)) if !self.threads.contains_key(&name))
    }

    /// Why a look at the thread cannot be taken, if it cannot.
    pub(super) fn why_not(&self, who: ThreadRef) -> Option<String> {
        match self.known(who) {
            Some(Known { loaded: false, .. }) => Some("the thread is not loaded".to_owned()),
            _ => self.why_no_copy(who),
        }
    }

    /// Why a look at a copy of the home cannot be taken, if it cannot.
    pub(super) fn why_no_copy(&self, who: ThreadRef) -> Option<String> {
        match self.known(who) {
            None => Some("the thread does not exist".to_owned()),
            Some(Known { begun: false, .. }) => Some("the thread has no history yet".to_owned()),
            Some(_) => None,
        }
    }

    /// The trace's name of a thread that is known.
    pub(super) fn whose(&self, who: ThreadRef) -> ThreadLabel {
        match who {
            ThreadRef::Thread(name) => ThreadLabel::Named(name),
            ThreadRef::Unknown => unreachable!("nobody is not known"),
        }
    }

    fn known(&self, who: ThreadRef) -> Option<Known> {
        match who {
            ThreadRef::Thread(name) => self.threads.get(&name).copied(),
            ThreadRef::Unknown => None,
        }
    }

    /// An answer about a thread came: it has an id and is loaded.
    pub(super) fn load(&mut self, name: ThreadName, begun: bool) {
        let known = self.threads.entry(name).or_default();
        known.loaded = true;
        known.begun |= begun;
    }

    /// A turn of the thread started.
    pub(super) fn begin(&mut self, name: ThreadName) {
        self.threads.entry(name).or_default().begun = true;
    }

    /// A turn of the thread runs on.
    pub(super) fn run_on(&mut self, name: ThreadName, turn: u32) {
        self.threads.entry(name).or_default().running = Some(turn);
    }

    /// The turn of the thread that runs, which ends.
    pub(super) fn end(&mut self, name: ThreadName) -> Option<u32> {
        self.threads.get_mut(&name).and_then(|known| known.running.take())
    }

    /// The server has unloaded the thread.
    pub(super) fn forget(&mut self, name: ThreadName) {
        if let Some(known) = self.threads.get_mut(&name) {
            known.loaded = false;
        }
    }

    /// The server ended; gives the threads whose files can be read now.
    pub(super) fn unload(&mut self) -> Vec<ThreadName> {
        for known in self.threads.values_mut() {
            known.loaded = false;
            known.running = None;
        }
        self.threads.keys().copied().collect()
    }

    /// The trace, whole.
    pub(super) fn trace(self, program: &Program) -> Trace {
        let times_us = (0..).take(self.facts.len()).collect();
        Trace { program: program.clone(), server: Some(VERSION), facts: self.facts, times_us }
    }
}
