//! What the server's files say of a policy, compared with what must be stored.
//!
//! A rollout or a row of the state database that disagrees makes a finding only when a later cold
//! read is wrong too; then it is a further view of that finding. Otherwise it is a notice, and
//! changes no exit code. Where a profile is expected, a file's sandbox is its projection, and is
//! not compared.

use std::collections::BTreeMap;

use super::verdict::Notice;
use crate::contract::Clause;
use crate::policy::{Dimension, Policy, Value};
use crate::program::thread::ThreadName;
use crate::trace::view::{EVIDENCE, View};
use crate::trace::{Evidence, Observation, ThreadLabel};

/// What one file says of one thread.
pub(super) struct Reading {
    pub(super) view: View,
    pub(super) thread: ThreadName,
    values: Vec<Value>,
}

/// Disagreements that no cold read has explained yet.
#[derive(Default)]
pub(super) struct FileReadings(BTreeMap<(ThreadName, Dimension, View), Notice>);

impl Reading {
    pub(super) fn of(observation: &Observation) -> Option<Reading> {
        let Observation::Evidence(Evidence { view, thread, policy }) = observation else {
            return None;
        };
        let ThreadLabel::Named(name) = *thread else { return None };
        let values = policy.as_ref()?.values().into_iter().map(|(_, value)| value).collect();
        Some(Reading { view: *view, thread: name, values })
    }
}

impl FileReadings {
    /// Takes a reading; says of each dimension whether it agrees.
    pub(super) fn compare(
        &mut self,
        step: usize,
        expected: &Policy,
        reading: &Reading,
    ) -> Vec<(Dimension, bool)> {
        let mut compared = Vec::new();
        for seen in &reading.values {
            let Some((expected, seen)) = &expected.beside(seen) else { continue };
            let dimension = expected.dimension();
            if (dimension, seen.dimension()) == (Dimension::PP, Dimension::SB) {
                continue;
            }
            let key = (reading.thread, dimension, reading.view);
            compared.push((dimension, expected == seen));
            if expected == seen {
                self.0.remove(&key);
                continue;
            }
            let text = format!(
                "{} says {dimension} {seen} where {expected} is due, and no cold read is wrong",
                words(reading.view)
            );
            self.0.insert(key, Notice { clause: Clause::G10, step, text });
        }
        compared
    }

    /// The files that disagreed in the dimension in which a cold read is wrong now.
    pub(super) fn take_explained(&mut self, thread: ThreadName, dimension: Dimension) -> Vec<View> {
        let files = EVIDENCE.iter().map(|(view, _)| *view);
        files.filter(|view| self.0.remove(&(thread, dimension, *view)).is_some()).collect()
    }

    /// The disagreements that no cold read has explained.
    pub(super) fn into_notices(self) -> impl Iterator<Item = Notice> {
        self.0.into_values()
    }
}

/// The file of a view, as a sentence names it.
fn words(view: View) -> &'static str {
    EVIDENCE.iter().find(|(each, _)| *each == view).map_or("the file", |(_, words)| words)
}
