//! Records what the simulated server answers.
//!
//! The rules are those of the real driver: the first answer about a thread binds its name, a warm
//! read is made only of a thread that this connection has loaded and that has a history, and a
//! notification after the end of a step is recorded in the next step that waits for something.

use std::collections::BTreeMap;

use semver::Version;

use heirloom::program::Program;
use heirloom::program::ops::Step;
use heirloom::program::thread::{ThreadName, ThreadRef};
use heirloom::trace::{Entry, Observation, ThreadLabel, Trace};

/// The version that the simulated server states: one that sends every notice.
const VERSION: Version = Version::new(0, 169, 0);

/// The entries so far, and the threads by their names in the program.
#[derive(Default)]
pub(super) struct Recorder {
    step: usize,
    entries: Vec<Entry>,
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

impl Recorder {
    pub(super) fn go_to(&mut self, step: usize) {
        self.step = step;
    }

    pub(super) fn record(&mut self, what: Observation) {
        self.entries.push(Entry { step: self.step, observation: what });
    }

    /// Records an observation at the next request.
    pub(super) fn record_later(&mut self, what: Observation) {
        self.late.push(what);
    }

    /// Records a request, and what arrived before it; returns its number.
    pub(super) fn send(&mut self, method: &str, unbound: bool) -> u32 {
        self.calls += 1;
        let method = method.to_owned();
        self.record(Observation::Sent { call: self.calls, method, unbound });
        for what in std::mem::take(&mut self.late) {
            self.record(what);
        }
        self.calls
    }

    pub(super) fn next_turn(&mut self) -> u32 {
        self.turns += 1;
        self.turns
    }

    /// Whether the step's thread has a name and no id yet.
    pub(super) fn is_unbound(&self, step: &Step) -> bool {
        matches!(step.uses(), Some(ThreadRef::Thread(name)) if !self.threads.contains_key(&name))
    }

    /// Why a warm read cannot be made, if it cannot.
    pub(super) fn no_warm_read(&self, who: ThreadRef) -> Option<String> {
        match self.known(who) {
            Some(Known { loaded: false, .. }) => Some("the thread is not loaded".to_owned()),
            _ => self.no_cold_read(who),
        }
    }

    /// Why a cold read cannot be made, if it cannot.
    pub(super) fn no_cold_read(&self, who: ThreadRef) -> Option<String> {
        match self.known(who) {
            None => Some("the thread does not exist".to_owned()),
            Some(Known { begun: false, .. }) => Some("the thread has no history yet".to_owned()),
            Some(_) => None,
        }
    }

    /// The label of a thread that exists.
    pub(super) fn label(&self, who: ThreadRef) -> ThreadLabel {
        match who {
            ThreadRef::Thread(name) => ThreadLabel::Named(name),
            ThreadRef::Unknown => unreachable!("the unknown thread does not exist"),
        }
    }

    fn known(&self, who: ThreadRef) -> Option<Known> {
        match who {
            ThreadRef::Thread(name) => self.threads.get(&name).copied(),
            ThreadRef::Unknown => None,
        }
    }

    /// An answer about a thread: it has an id and is loaded.
    pub(super) fn load(&mut self, name: ThreadName, begun: bool) {
        let known = self.threads.entry(name).or_default();
        known.loaded = true;
        known.begun |= begun;
    }

    pub(super) fn start_history(&mut self, name: ThreadName) {
        self.threads.entry(name).or_default().begun = true;
    }

    /// The thread's turn does not end in this step.
    pub(super) fn keep_running(&mut self, name: ThreadName, turn: u32) {
        self.threads.entry(name).or_default().running = Some(turn);
    }

    /// Ends the thread's running turn, if there is one.
    pub(super) fn end_turn(&mut self, name: ThreadName) -> Option<u32> {
        self.threads.get_mut(&name).and_then(|known| known.running.take())
    }

    pub(super) fn unload(&mut self, name: ThreadName) {
        if let Some(known) = self.threads.get_mut(&name) {
            known.loaded = false;
        }
    }

    /// The server ended; returns the threads whose files can be read now.
    pub(super) fn unload_all(&mut self) -> Vec<ThreadName> {
        for known in self.threads.values_mut() {
            known.loaded = false;
            known.running = None;
        }
        self.threads.keys().copied().collect()
    }

    pub(super) fn trace(self, program: &Program) -> Trace {
        let times_us = (0..).take(self.entries.len()).collect();
        let (program, server) = (program.clone(), Some(VERSION));
        Trace { program, server, client: None, entries: self.entries, times_us }
    }
}
