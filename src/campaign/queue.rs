//! The queue of a campaign's work.
//!
//! Work that was put into it goes first, then the next case while the budget lasts. A worker that
//! finds it empty waits until something is put into it or it is closed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::FindingReport;
use super::investigate::FoundCause;
use super::waiting::Waiting;
use crate::cause::Row;

pub(super) enum Work {
    /// Run the case of this index.
    Case(u64),
    /// Run the program of the finding of this number again.
    Reproduce(u64, Box<FindingReport>),
    /// Look for the cause of a finding, with those that are there.
    Investigate(Box<Waiting>, Arc<Vec<FoundCause>>),
    /// Replay the case of this row of the known list.
    Replay(Box<Row>),
}

pub(super) struct Queue {
    cases: Option<u64>,
    deadline: Option<Instant>,
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    urgent: VecDeque<Work>,
    drawn: u64,
    closed: bool,
}

impl Queue {
    /// A queue with a budget of cases, of time, or of both.
    pub(super) fn new(cases: Option<u64>, deadline: Option<Instant>) -> Queue {
        Queue { cases, deadline, state: Mutex::default(), changed: Condvar::new() }
    }

    /// The next piece of work; waits while one may still come.
    pub(super) fn take(&self, stop: &AtomicBool) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.urgent.pop_front() {
                return Some(work);
            }
            if state.closed {
                return None;
            }
            if self.may_draw(&state, stop) {
                state.drawn += 1;
                return Some(Work::Case(state.drawn - 1));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn push(&self, work: Work) {
        self.lock().urgent.push_back(work);
        self.changed.notify_all();
    }

    /// The number of cases that were drawn, once it is final.
    pub(super) fn drawn_all(&self, stop: &AtomicBool) -> Option<u64> {
        let state = self.lock();
        (!self.may_draw(&state, stop)).then_some(state.drawn)
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn may_draw(&self, state: &QueueState, stop: &AtomicBool) -> bool {
        let cases_left = self.cases.is_none_or(|cases| state.drawn < cases);
        let time_left = self.deadline.is_none_or(|deadline| Instant::now() < deadline);
        cases_left && time_left && !stop.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
