//! Evidence: what the server's files hold, beside what must be stored.
//!
//! A rollout or a row of the state database that disagrees makes a finding only when a later cold
//! read is wrong too; then it is a further view of that finding. Else it is a notice, and changes
//! no exit code. A sandbox beside a profile that is due is its projection, and says nothing.

use std::collections::BTreeMap;

use super::compare::Comparison;
use super::{Cell, Judging, Notice, View};
use crate::contract::Clause;
use crate::model::World;
use crate::policy::{Dimension, Policy, Value};
use crate::program::ops::Step;
use crate::program::ops::cold_read::ColdRead;
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::trace::{Observation, ThreadLabel};

/// What one file says of one thread.
pub struct Reading {
    /// Which file.
    pub view: View,
    /// The thread.
    pub name: ThreadName,
    values: Vec<Value>,
}

/// Disagreements that no cold read has explained yet.
#[derive(Default)]
pub struct FileReadings(BTreeMap<(ThreadName, Dimension, View), Notice>);

/// The reading that a fact is, if it is one.
pub fn reading(what: &Observation) -> Option<Reading> {
    let (view, whose, values) = match what {
        Observation::Rollout { thread, policy } => {
            let values = policy.as_ref()?.values().into_iter();
            (View::Rollout, thread, values.map(|(_, value)| value).collect())
        }
        Observation::Store { thread, approval, permissions } => {
            let approval = approval.clone().map(Value::Approval);
            let permissions = permissions.clone().map(Value::Permissions);
            (View::Store, thread, approval.into_iter().chain(permissions).collect())
        }
        _ => return None,
    };
    match whose {
        ThreadLabel::Named(name) => Some(Reading { view, name: *name, values }),
        ThreadLabel::Unnamed(_) => None,
    }
}

impl FileReadings {
    /// Takes a reading; says of each dimension whether it agrees.
    pub fn add(&mut self, step: usize, due: &Policy, reading: &Reading) -> Vec<(Dimension, bool)> {
        let mut agreed = Vec::new();
        for seen in &reading.values {
            let Some(due) = due.value(seen.dimension()) else { continue };
            if (due.dimension(), seen.dimension()) == (Dimension::PP, Dimension::SB) {
                continue;
            }
            let (dimension, key) = (due.dimension(), (reading.name, due.dimension(), reading.view));
            agreed.push((dimension, due == *seen));
            if due == *seen {
                self.0.remove(&key);
                continue;
            }
            let file = match reading.view {
                View::Store => "the state database",
                _ => "the rollout",
            };
            let text = format!(
                "{file} says {dimension} {} where {} is due, and no cold read is wrong",
                seen.form(),
                due.form()
            );
            self.0.insert(key, Notice { clause: Clause::G10, step, text });
        }
        agreed
    }

    /// The files that disagreed in the dimension in which a cold read is wrong now.
    pub fn explains(&mut self, name: ThreadName, dimension: Dimension) -> Vec<View> {
        let files = [View::Rollout, View::Store].into_iter();
        files.filter(|view| self.0.remove(&(name, dimension, *view)).is_some()).collect()
    }

    /// The disagreements that stay notices.
    pub fn left(self) -> Vec<Notice> {
        self.0.into_values().collect()
    }
}

impl Judging<'_> {
    /// Evidence is read at a restart; a cold read afterwards says whether they made a finding.
    pub(super) fn look_at_evidence(
        &mut self,
        index: usize,
        world: &World,
        facts: &[&Observation],
        compared: &[Comparison],
    ) {
        for what in facts {
            if let Some(reading) = reading(what)
                && let Some(thread) = world.threads.get(&reading.name)
                && thread.maybe.is_empty()
                && !world.full
            {
                self.take_evidence(index, &thread.stored, &reading);
            }
        }
        let step = match &self.steps[index] {
            Step::SecondClient(inner) => inner,
            step => step,
        };
        let (Step::Resume(Resume { thread: ThreadRef::Thread(name), .. })
        | Step::ColdRead(ColdRead { thread: ThreadRef::Thread(name) })) = *step
        else {
            return;
        };
        for mismatch in compared.iter().filter_map(|comparison| comparison.mismatch.as_ref()) {
            let Some(dimension) = mismatch.dimension else {
                continue;
            };
            let views = self.evidence.explains(name, dimension);
            if let Some(found) = self.adopted.get(&(name, dimension)) {
                self.verdict.findings[*found].views.extend(views);
            }
        }
    }

    /// Evidence beside an adopted value says nothing: the value was wrong already.
    fn take_evidence(&mut self, index: usize, due: &Policy, reading: &Reading) {
        for (dimension, held) in self.evidence.add(index, due, reading) {
            if self.adopted.contains_key(&(reading.name, dimension)) {
                self.evidence.explains(reading.name, dimension);
                continue;
            }
            let (clause, dimension) = (Clause::G10, Some(dimension));
            let cell = Cell { clause, view: Some(reading.view), dimension };
            let tally = self.verdict.tally.entry(cell).or_default();
            tally.fired += 1;
            tally.held += u64::from(held);
        }
    }
}
