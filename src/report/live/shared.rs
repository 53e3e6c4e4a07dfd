//! What the campaign and the pages share: the state, its token, and who has got which state.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::so_far::SoFar;
use crate::campaign::Event;
use crate::report::finding::ReplayCommands;
use crate::report::invocation::Invocation;
use crate::report::page;
use crate::report::page::stage::Stage;
use crate::report::results::Results;

/// A state by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) is_last: bool,
}

#[derive(Debug)]
pub(super) struct Shared {
    token: String,
    invocation: Invocation,
    commands: ReplayCommands,
    state: Mutex<State>,
    version: watch::Sender<Version>,
}

#[derive(Debug, Default)]
struct State {
    so_far: SoFar,
    again: String,
    is_over: bool,
    /// Pages that were opened before the end.
    pages: usize,
}

impl Shared {
    pub(super) fn new(token: String, invocation: Invocation, commands: ReplayCommands) -> Shared {
        let version = watch::Sender::new(Version::default());
        Shared { token, invocation, commands, state: Mutex::default(), version }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn on_event(&self, event: &Event, elapsed: Duration) {
        self.lock().so_far.on_event(event, elapsed);
        self.version.send_modify(|version| version.number += 1);
    }

    /// Takes the results of the whole campaign; gives the number of pages that wait for them.
    pub(super) fn end(&self, results: &Results<'_>) -> usize {
        let mut state = self.lock();
        state.so_far.outcome = results.outcome.clone();
        state.again = results.again.to_owned();
        state.is_over = true;
        let pages = state.pages;
        drop(state);
        self.version.send_modify(|version| {
            version.number += 1;
            version.is_last = true;
        });
        pages
    }

    pub(super) fn versions(&self) -> watch::Receiver<Version> {
        self.version.subscribe()
    }

    /// The whole page, for one more reader.
    pub(super) fn page(&self) -> String {
        let mut state = self.lock();
        state.pages += usize::from(!state.is_over);
        self.rendered(&state, page::served)
    }

    /// The part that changes, and whether it is the last.
    pub(super) fn fragment(&self) -> (String, bool) {
        let state = self.lock();
        (self.rendered(&state, page::fragment), state.is_over)
    }

    fn rendered(&self, state: &State, render: fn(Results<'_>, &Stage) -> String) -> String {
        let Shared { invocation, commands, .. } = self;
        let outcome = &state.so_far.outcome;
        let results = Results { outcome, invocation, commands, again: &state.again };
        let number = self.version.borrow().number;
        let stage = if state.is_over { Stage::Over } else { state.so_far.stage(number) };
        render(results, &stage)
    }

    /// A thread that panicked has left a state that is only old.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
