//! The trace in the making: names for ids, numbers for turns and calls, the clock.
//!
//! Ids are renamed on entry, so that two equal runs have equal observations. Times stand beside the
//! observations and never in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use semver::Version;

use crate::client::tape::Tape;
use crate::mock_model::answer::Gate;
use crate::policy::{Dimension, Policy};
use crate::program::Program;
use crate::program::reply::TurnEnd;
use crate::program::sdk::SdkClient;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::protocol::notifications::Status;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};
use crate::transcript::{self, Placeholder};

/// What a run has learned of a thread.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) id: String,
    /// Its rollout file, where the server names one.
    pub(super) path: Option<PathBuf>,
    pub(super) loading: Loading,
    /// The id of the thread that spawned it, where it is a subagent.
    pub(super) parent: Option<String>,
    /// Its last status, where the server has sent one.
    pub(super) status: Option<Status>,
    /// Whether its last turn was interrupted: queued messages then wait.
    pub(super) interrupted: bool,
    /// Whether it is known to have a history: of a turn, a fork or a resume.
    pub(super) has_history: bool,
    /// The policy that the server stated last.
    pub(super) stated: Option<Policy>,
    /// The collaboration mode that the server stated last.
    mode: Option<String>,
    /// The ids of its own turns, in order.
    pub(super) turns: Vec<String>,
    /// The turn that the model holds.
    pub(super) running: Option<RunningTurn>,
}

/// Whether the running server has a thread loaded, and which clients are subscribed to it.
#[derive(Debug)]
pub(super) enum Loading {
    Unloaded,
    /// Loaded by these connections; none yet where the reply states no policy.
    Subscribed(BTreeSet<usize>),
    /// Loaded, and no client is subscribed.
    Unsubscribed,
    /// Perhaps loaded by a request that was refused; the server then sends nothing at all about it.
    Silent,
}

/// A turn that the model holds.
#[derive(Debug)]
pub(super) struct RunningTurn {
    /// The server's id of the turn.
    pub(super) id: String,
    /// Lets the model go on.
    pub(super) gate: Gate,
}

/// The observations so far, and what the server's ids stand for.
#[derive(Debug)]
pub(super) struct Recorder {
    start: Instant,
    step: usize,
    /// The first observation of the present step.
    step_start: usize,
    entries: Vec<Entry>,
    times_us: Vec<u64>,
    calls: u32,
    probes: u32,
    /// The threads by the program's names.
    pub(super) threads: BTreeMap<ThreadName, Thread>,
    /// The ids of threads that the program does not name, in order of appearance.
    unnamed: Vec<String>,
    turns: Vec<String>,
    /// The id of the thread whose detached review is asked for now.
    pub(super) reviewed: Option<String>,
    /// The threads of detached reviews, each with the thread under review.
    reviews: BTreeMap<String, String>,
    /// What was done and what came, where somebody listens.
    pub(super) tape: Tape,
}

impl Thread {
    fn new(id: &str, path: Option<&str>) -> Thread {
        Thread {
            id: id.to_owned(),
            path: path.map(PathBuf::from),
            loading: Loading::Subscribed(BTreeSet::new()),
            parent: None,
            status: None,
            interrupted: false,
            has_history: false,
            stated: None,
            mode: None,
            turns: Vec::new(),
            running: None,
        }
    }

    /// Takes what the server states of it; a reply is silent about the mode.
    pub(super) fn take(&mut self, stated: &Policy) {
        if let Some(mode) = stated.others.get(&Dimension::CM) {
            self.mode = Some(mode.clone());
        }
        self.stated = Some(stated.clone());
    }

    /// Whether it is in the mode in which a goal begins no turn.
    pub(super) fn is_planning(&self) -> bool {
        self.mode.as_deref() == Some("plan")
    }

    /// Whether one of our clients loaded it and may still be subscribed.
    pub(super) fn is_loaded(&self) -> bool {
        matches!(self.loading, Loading::Subscribed(_))
    }

    /// Whether it is loaded, or may be, and no client is subscribed.
    pub(super) fn is_unheard(&self) -> bool {
        matches!(self.loading, Loading::Unsubscribed | Loading::Silent)
    }

    /// Whether the server sends nothing about it, though it may be loaded.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.loading, Loading::Silent)
    }

    /// The connections that are subscribed to it.
    pub(super) fn subscribers(&self) -> Option<&BTreeSet<usize>> {
        match &self.loading {
            Loading::Subscribed(clients) => Some(clients),
            Loading::Unloaded | Loading::Unsubscribed | Loading::Silent => None,
        }
    }

    /// A client has loaded it, or subscribed to it.
    pub(super) fn subscribe(&mut self, client: usize) {
        if let Loading::Subscribed(clients) = &mut self.loading {
            clients.insert(client);
        } else {
            self.loading = Loading::Subscribed(BTreeSet::from([client]));
        }
    }

    /// A client has unsubscribed; others stay subscribed.
    pub(super) fn unsubscribe(&mut self, client: usize) {
        if let Loading::Subscribed(clients) = &mut self.loading {
            clients.remove(&client);
            if clients.is_empty() {
                self.loading = Loading::Unsubscribed;
            }
        }
    }

    /// It is not loaded any more, and no turn of it runs.
    pub(super) fn unload(&mut self) {
        self.loading = Loading::Unloaded;
        self.running = None;
    }
}

impl Recorder {
    pub(super) fn new(tape: Tape) -> Recorder {
        Recorder {
            start: Instant::now(),
            step: 0,
            step_start: 0,
            entries: Vec::new(),
            times_us: Vec::new(),
            calls: 0,
            probes: 0,
            threads: BTreeMap::new(),
            unnamed: Vec::new(),
            turns: Vec::new(),
            reviewed: None,
            reviews: BTreeMap::new(),
            tape,
        }
    }

    pub(super) fn begin_step(&mut self, step: usize) {
        self.step = step;
        self.step_start = self.entries.len();
        self.tape.record(|| transcript::Entry::Step(step));
    }

    /// The number of the present step.
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// Records an observation, with the present time.
    pub(super) fn record(&mut self, what: Observation) {
        let us = self.start.elapsed().as_micros();
        self.times_us.push(u64::try_from(us).expect("a run is shorter than 500,000 years"));
        self.entries.push(Entry { step: self.step, observation: what });
    }

    pub(super) fn record_all(&mut self, all: impl IntoIterator<Item = Observation>) {
        all.into_iter().for_each(|what| self.record(what));
    }

    /// Records that the suite itself cannot go on.
    pub(super) fn trouble(&mut self, reason: String) {
        self.record(Observation::Trouble { reason });
    }

    /// Drops everything that was observed, and records why it says nothing.
    pub(super) fn discard(&mut self, reason: String) {
        self.entries.clear();
        self.times_us.clear();
        self.begin_step(0);
        self.trouble(reason);
    }

    /// Whether a turn has failed, though the server goes on.
    pub(super) fn has_failed_turns(&self) -> bool {
        let failed = TurnEnd::Failed.to_string();
        self.observations()
            .any(|what| matches!(what, Observation::TurnEnded { status, .. } if *status == failed))
    }

    /// Everything that was observed so far.
    pub(super) fn observations(&self) -> impl Iterator<Item = &Observation> {
        self.entries.iter().map(|fact| &fact.observation)
    }

    /// What was observed in the present step so far.
    pub(super) fn in_step(&self) -> impl DoubleEndedIterator<Item = &Observation> {
        self.entries[self.step_start..].iter().map(|fact| &fact.observation)
    }

    /// Whether a request of the present step was granted.
    pub(super) fn has_granted(&self) -> bool {
        self.in_step().any(|what| matches!(what, Observation::Answered { .. }))
    }

    /// Whether the request with this number was granted.
    pub(super) fn granted(&self, number: u32) -> bool {
        self.in_step().any(|what| match what {
            Observation::Answered { call, .. } => *call == number,
            _ => false,
        })
    }

    /// The last policy that was stated of each thread.
    pub(super) fn stated_policies(&self) -> BTreeMap<ThreadName, Policy> {
        let threads = self.threads.iter();
        threads.filter_map(|(name, thread)| Some((*name, thread.stated.clone()?))).collect()
    }

    /// The number of the last request.
    pub(super) fn last_call(&self) -> u32 {
        self.calls
    }

    /// Numbers a request, and records that it is sent.
    pub(super) fn sent(&mut self, method: &str, unbound: bool) -> u32 {
        self.calls += 1;
        let (call, method) = (self.calls, method.to_owned());
        self.record(Observation::Sent { call, method, unbound });
        call
    }

    /// The next number of a probe.
    pub(super) fn next_probe(&mut self) -> u32 {
        self.probes += 1;
        self.probes
    }

    /// Gives a new thread its name, unless its id has one.
    pub(super) fn bind(&mut self, name: ThreadName, id: &str, path: Option<&str>) {
        if self.threads.values().all(|thread| thread.id != id) {
            self.threads.insert(name, Thread::new(id, path));
        }
    }

    /// The name of the thread with this id.
    pub(super) fn label(&mut self, id: &str) -> ThreadLabel {
        if let Some((name, _)) = self.threads.iter().find(|(_, thread)| thread.id == id) {
            return ThreadLabel::Named(*name);
        }
        ThreadLabel::Unnamed(place(&mut self.unnamed, id))
    }

    /// What is known of a thread.
    pub(super) fn thread(&self, thread: ThreadRef) -> Option<&Thread> {
        self.threads.get(&thread.name()?)
    }

    pub(super) fn thread_mut(&mut self, thread: ThreadRef) -> Option<&mut Thread> {
        self.threads.get_mut(&thread.name()?)
    }

    /// The subagents of a thread may be unloaded with it, and the server need not say so.
    pub(super) fn lose_subagents(&mut self, parent: &str) {
        let is_child = |thread: &&mut Thread| thread.parent.as_deref() == Some(parent);
        let children = self.threads.values_mut().filter(is_child).filter(|child| child.is_loaded());
        let lose = |child: &mut Thread| {
            child.loading = Loading::Unsubscribed;
            child.id.clone()
        };
        let lost: Vec<String> = children.map(lose).collect();
        lost.iter().for_each(|child| self.lose_subagents(child));
    }

    /// The thread with this id, if the program names it.
    pub(super) fn thread_with_id(&mut self, id: &str) -> Option<&mut Thread> {
        self.threads.values_mut().find(|thread| thread.id == id)
    }

    /// Remembers on which thread the review that was asked for runs.
    pub(super) fn note_review(&mut self, review: &str) {
        if let Some(reviewed) = self.reviewed.take() {
            self.reviews.insert(review.to_owned(), reviewed);
        }
    }

    /// The thread under review, where this is the thread of a detached review, or the thread itself.
    pub(super) fn under_review<'a>(&'a self, id: &'a str) -> &'a str {
        self.reviews.get(id).map_or(id, String::as_str)
    }

    /// The number of a turn.
    pub(super) fn turn_number(&mut self, id: &str) -> u32 {
        u32::from(place(&mut self.turns, id))
    }

    /// The id of the turn with this number.
    pub(super) fn turn_id(&self, number: u32) -> Option<&str> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.turns.get(place).map(String::as_str)
    }

    /// The id of the thread's turn that started last in this step.
    pub(super) fn last_started(&self, thread: ThreadRef) -> Option<&str> {
        let label = ThreadLabel::Named(thread.name()?);
        let started = self.in_step().rev().find_map(|what| match what {
            Observation::TurnStarted { thread, turn } if *thread == label => Some(*turn),
            _ => None,
        })?;
        self.turn_id(started)
    }

    /// A text of the server with the program's names for its ids.
    pub(super) fn with_names(&self, text: &str) -> String {
        let threads = self.threads.iter();
        threads.fold(text.to_owned(), |text, (name, thread)| {
            text.replace(&thread.id, &name.to_string())
        })
    }

    /// The placeholders for ids of threads and turns.
    pub(super) fn placeholders(&self) -> Vec<Placeholder> {
        let named = self.threads.iter().map(|(name, thread)| (thread.id.clone(), name.to_string()));
        let numbered = |word: &'static str| {
            move |(number, id): (usize, &String)| (id.clone(), format!("{word}{}", number + 1))
        };
        let unnamed = self.unnamed.iter().enumerate().map(numbered("thread"));
        let turns = self.turns.iter().enumerate().map(numbered("turn"));
        let ids = named.chain(unnamed).chain(turns);
        ids.map(|(real, name)| Placeholder { real, name }).collect()
    }

    pub(super) fn trace(
        self,
        program: &Program,
        installed: (Option<Version>, Option<SdkClient>),
    ) -> Trace {
        let (program, server, client) = (program.clone(), installed.0, installed.1);
        Trace { program, server, client, entries: self.entries, times_us: self.times_us }
    }
}

/// The place of an id in the order of appearance, from 1. Past 65535, which no sane run reaches,
/// all have the last place.
fn place(ids: &mut Vec<String>, id: &str) -> u16 {
    let known = ids.iter().position(|known| known == id);
    let place = known.unwrap_or_else(|| {
        ids.push(id.to_owned());
        ids.len() - 1
    });
    u16::try_from(place + 1).unwrap_or(u16::MAX)
}
