//! [core] Evidence: what a rollout file holds, beside what must be stored.
//!
//! A rollout that disagrees makes a finding only when a later cold read is wrong too; then it is a
//! further view of that finding. Else it is a notice, and changes no exit code. A sandbox beside a
//! profile that is due is its projection, and says nothing.

use std::collections::BTreeMap;

use super::Notice;
use crate::contract::Clause;
use crate::plan::Name;
use crate::policy::{Dimension, Policy};

/// Disagreements that no cold read has explained yet.
#[derive(Default)]
pub struct Evidence(BTreeMap<(Name, Dimension), Notice>);

impl Evidence {
    /// Takes a reading; says of each dimension whether it agrees.
    pub fn add(
        &mut self,
        step: usize,
        name: Name,
        due: &Policy,
        seen: &Policy,
    ) -> Vec<(Dimension, bool)> {
        let mut agreed = Vec::new();
        for (due, seen) in due.beside(seen) {
            let dimension = due.dimension();
            if (dimension, seen.dimension()) == (Dimension::PP, Dimension::SB) {
                continue;
            }
            agreed.push((dimension, due == seen));
            if due == seen {
                self.0.remove(&(name, dimension));
                continue;
            }
            let text = format!(
                "the rollout says {dimension} {} where {} is due, and no cold read is wrong",
                seen.form(),
                due.form()
            );
            let notice = Notice { clause: Clause::G10, step, text };
            self.0.insert((name, dimension), notice);
        }
        agreed
    }

    /// Whether a reading disagreed in the dimension in which a cold read is wrong now.
    pub fn explains(&mut self, name: Name, dimension: Dimension) -> bool {
        self.0.remove(&(name, dimension)).is_some()
    }

    /// The disagreements that stay notices.
    pub fn left(self) -> Vec<Notice> {
        self.0.into_values().collect()
    }
}
