//! What the server's files say of a policy, compared with what must be stored.
//!
//! A rollout or a row of the state database that disagrees makes a finding only when a later cold
//! read is wrong too; then it is a further view of that finding. Otherwise it is a notice, and
//! changes no exit code. Where a profile is expected, a file's sandbox is its projection, and is
//! not compared.

use std::collections::BTreeMap;

use super::verdict::Notice;
use super::view::View;
use crate::contract::Clause;
use crate::policy::{Dimension, Policy, Value};
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

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
        let (view, thread, values) = match observation {
            Observation::Rollout { thread, policy } => {
                let values = policy.as_ref()?.values().into_iter();
                (View::Rollout, thread, values.map(|(_, value)| value).collect())
            }
            Observation::Store { thread, approval, permissions } => {
                let approval = approval.clone().map(Value::Approval);
                let permissions = permissions.clone().map(Value::Permissions);
                (View::StateDb, thread, approval.into_iter().chain(permissions).collect())
            }
            _ => return None,
        };
        match thread {
            ThreadLabel::Named(name) => Some(Reading { view, thread: *name, values }),
            ThreadLabel::Unnamed(_) => None,
        }
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
            let file = match reading.view {
                View::StateDb => "the state database",
                _ => "the rollout",
            };
            let text = format!(
                "{file} says {dimension} {seen} where {expected} is due, and no cold read is wrong"
            );
            self.0.insert(key, Notice { clause: Clause::G10, step, text });
        }
        compared
    }

    /// The files that disagreed in the dimension in which a cold read is wrong now.
    pub(super) fn take_explained(&mut self, thread: ThreadName, dimension: Dimension) -> Vec<View> {
        let files = [View::Rollout, View::StateDb].into_iter();
        files.filter(|view| self.0.remove(&(thread, dimension, *view)).is_some()).collect()
    }

    /// The disagreements that no cold read has explained.
    pub(super) fn into_notices(self) -> impl Iterator<Item = Notice> {
        self.0.into_values()
    }
}
