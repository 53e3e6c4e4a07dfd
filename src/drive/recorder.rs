//! The trace in the making: names for ids, numbers for turns and calls, the clock.
//!
//! Ids are renamed on entry, so that two equal runs give equal facts. Times stand beside the facts
//! and never in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use semver::Version;

use super::turns::Running;
use crate::policy::Policy;
use crate::program::Program;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

/// What a run has learned of a thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// The server's id.
    pub(super) id: String,
    /// Its rollout file, where the server says one.
    pub(super) path: Option<PathBuf>,
    /// Whether this connection loaded it into the running server.
    pub(super) loaded: bool,
    /// The connections that were told of it by a start, a fork or a resume of theirs.
    pub(super) heard_by: BTreeSet<usize>,
    /// The id of the thread that spawned it, where it is a subagent.
    pub(super) parent: Option<String>,
    /// Whether this connection has asked to hear no more of it while it is loaded.
    pub(super) unsubscribed: bool,
    /// Whether it may be loaded with nothing at all to be heard of it, not even that it is idle.
    pub(super) mute: bool,
    /// Whether the server said last that something of it has failed.
    pub(super) failing: bool,
    /// Whether the server said last that it is not loaded.
    pub(super) gone: bool,
    /// Whether its last turn was interrupted: what is queued then waits.
    pub(super) interrupted: bool,
    /// Whether it has shown a history: a turn, a fork's, a resume's.
    pub(super) begun: bool,
    /// The policy that the server stated last.
    pub(super) stated: Option<Policy>,
    /// The ids of its own turns, in order.
    pub(super) turns: Vec<String>,
    /// The turn that the model holds.
    pub(super) running: Option<Running>,
}

/// Facts so far, and what the server's ids stand for.
#[derive(Debug)]
pub(super) struct Recorder {
    begun: Instant,
    step: usize,
    step_start: usize,
    facts: Vec<Entry>,
    times_us: Vec<u64>,
    calls: u32,
    deeds: u32,
    /// The threads by the plan's names.
    pub(super) threads: BTreeMap<ThreadName, Thread>,
    strangers: Vec<String>,
    turns: Vec<String>,
}

impl Thread {
    /// It is not loaded any more, and nothing of it runs.
    pub(super) fn unload(&mut self) {
        self.loaded = false;
        self.unsubscribed = false;
        self.mute = false;
        self.heard_by.clear();
        self.running = None;
    }
}

impl Recorder {
    pub(super) fn new() -> Recorder {
        Recorder {
            begun: Instant::now(),
            step: 0,
            step_start: 0,
            facts: Vec::new(),
            times_us: Vec::new(),
            calls: 0,
            deeds: 0,
            threads: BTreeMap::new(),
            strangers: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// Goes on to a step.
    pub(super) fn step(&mut self, step: usize) {
        self.step = step;
        self.step_start = self.facts.len();
    }

    /// The number of the present step.
    pub(super) fn at(&self) -> usize {
        self.step
    }

    /// Writes down what was seen just now.
    pub(super) fn seen(&mut self, what: Observation) {
        let us = self.begun.elapsed().as_micros();
        self.times_us.push(u64::try_from(us).expect("a run is shorter than 500,000 years"));
        self.facts.push(Entry { step: self.step, what });
    }

    /// Writes several down, in order.
    pub(super) fn all_seen(&mut self, all: impl IntoIterator<Item = Observation>) {
        all.into_iter().for_each(|what| self.seen(what));
    }

    /// Writes down the harness's own trouble.
    pub(super) fn trouble(&mut self, reason: String) {
        self.seen(Observation::Trouble { reason });
    }

    /// Everything that was seen so far.
    pub(super) fn all(&self) -> impl Iterator<Item = &Observation> {
        self.facts.iter().map(|fact| &fact.what)
    }

    /// What the present step has shown so far.
    pub(super) fn of_step(&self) -> impl DoubleEndedIterator<Item = &Observation> {
        self.facts[self.step_start..].iter().map(|fact| &fact.what)
    }

    /// Whether the run has shown this.
    pub(super) fn has_seen(&self, what: &Observation) -> bool {
        self.facts.iter().any(|fact| fact.what == *what)
    }

    /// How many requests have numbers.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether the request with this number was granted.
    pub(super) fn granted(&self, number: u32) -> bool {
        let grants = |what: &Observation| matches!(what, Observation::Answered { call, .. } if *call == number);
        self.of_step().any(grants)
    }

    /// The policy of each thread that was stated last.
    pub(super) fn stated(&self) -> BTreeMap<ThreadName, Policy> {
        let all = self.threads.iter();
        all.filter_map(|(name, thread)| Some((*name, thread.stated.clone()?))).collect()
    }

    /// The next number of a request.
    pub(super) fn next_call(&mut self) -> u32 {
        self.calls += 1;
        self.calls
    }

    /// The next number of a deed.
    pub(super) fn next_deed(&mut self) -> u32 {
        self.deeds += 1;
        self.deeds
    }

    /// Gives a new thread its name, unless its id has one.
    pub(super) fn bind(&mut self, name: ThreadName, id: &str, path: Option<&str>) {
        if self.threads.values().all(|thread| thread.id != id) {
            let path = path.map(PathBuf::from);
            let thread = Thread {
                id: id.to_owned(),
                path,
                loaded: true,
                heard_by: BTreeSet::new(),
                parent: None,
                unsubscribed: false,
                mute: false,
                failing: false,
                gone: false,
                interrupted: false,
                begun: false,
                stated: None,
                turns: Vec::new(),
                running: None,
            };
            self.threads.insert(name, thread);
        }
    }

    /// The name of the thread with this id.
    pub(super) fn whose(&mut self, id: &str) -> ThreadLabel {
        if let Some((name, _)) = self.threads.iter().find(|(_, thread)| thread.id == id) {
            return ThreadLabel::Named(*name);
        }
        ThreadLabel::Unnamed(place(&mut self.strangers, id))
    }

    /// The thread with this id, if the plan names it.
    pub(super) fn thread(&mut self, id: &str) -> Option<&mut Thread> {
        self.threads.values_mut().find(|thread| thread.id == id)
    }

    /// The name of a thread and the number of a turn of it.
    pub(super) fn turn_of(&mut self, thread: &str, turn: &str) -> (ThreadLabel, u32) {
        (self.whose(thread), self.turn(turn))
    }

    /// The number of a turn.
    pub(super) fn turn(&mut self, turn: &str) -> u32 {
        u32::from(place(&mut self.turns, turn))
    }

    /// The id of the turn with this number.
    pub(super) fn turn_id(&self, turn: u32) -> Option<&str> {
        let place = usize::try_from(turn).ok()?.checked_sub(1)?;
        self.turns.get(place).map(String::as_str)
    }

    /// The id of the thread's turn that was started last in this step.
    pub(super) fn last_turn(&self, of: ThreadRef) -> Option<&str> {
        let own = |whose: &ThreadLabel| matches!(of, ThreadRef::Thread(name) if *whose == ThreadLabel::Named(name));
        let started = self.of_step().rev().find_map(|what| match what {
            Observation::TurnStarted { thread, turn } if own(thread) => Some(*turn),
            _ => None,
        })?;
        self.turn_id(started)
    }

    /// A text of the server's with the plan's names for its ids.
    pub(super) fn named(&self, text: &str) -> String {
        let names = self.threads.iter();
        names.fold(text.to_owned(), |text, (name, thread)| {
            text.replace(&thread.id, &name.to_string())
        })
    }

    /// The trace, whole.
    pub(super) fn trace(self, program: &Program, server: Option<Version>) -> Trace {
        Trace { program: program.clone(), server, facts: self.facts, times_us: self.times_us }
    }
}

/// Where an id stands in order of appearance, from 1; past what a sane run sees, all stand last.
fn place(ids: &mut Vec<String>, id: &str) -> u16 {
    let found = ids.iter().position(|known| known == id);
    let place = found.unwrap_or_else(|| {
        ids.push(id.to_owned());
        ids.len() - 1
    });
    u16::try_from(place + 1).unwrap_or(u16::MAX)
}
