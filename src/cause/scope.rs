//! The findings that one cause explains.
//!
//! A finding is explained if it breaks one of the cause's clauses in one of its dimensions, if the
//! facts of its thread hold, and if its wrong value is the one that the cause predicts. The same
//! wrong value for another reason is another cause.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::contract::Clause;
use crate::judge::origin::Origin;
use crate::judge::verdict::Finding;
use crate::model::life::Fact;
use crate::policy::Dimension;
use crate::program::operation::OpKind;

/// What a cause explains; of a set that is empty, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    pub clauses: BTreeSet<Clause>,
    /// The operations after which it shows.
    pub operations: BTreeSet<OpKind>,
    /// None for a cause that is not about a value.
    pub dimensions: BTreeSet<Dimension>,
    /// The forms of what was expected.
    pub expected: BTreeSet<String>,
    /// Where the wrong value comes from: one of these fits.
    pub wrong: BTreeSet<Origin>,
    /// The forms of the wrong value.
    pub seen: BTreeSet<String>,
    /// For each fact that matters, the words with which it shows.
    pub facts: BTreeMap<Fact, BTreeSet<String>>,
}

impl Scope {
    /// Whether the cause explains the finding, or what it would be if another branch had happened.
    pub fn explains(&self, finding: &Finding) -> bool {
        self.predicts(finding) || finding.otherwise.iter().any(|other| self.predicts(other))
    }

    fn predicts(&self, finding: &Finding) -> bool {
        fn fits<T: Ord>(all: &BTreeSet<T>, one: &T) -> bool {
            all.is_empty() || all.contains(one)
        }
        let dimension = match finding.dimension {
            None => self.dimensions.is_empty(),
            Some(dimension) => self.dimensions.contains(&dimension),
        };
        dimension
            && fits(&self.clauses, &finding.clause)
            && fits(&self.operations, &finding.kind)
            && fits(&self.expected, &finding.form)
            && finding.seen_form.as_ref().is_none_or(|form| fits(&self.seen, form))
            && (self.wrong.is_empty() || origins(finding).any(|one| self.wrong.contains(&one)))
            && self.holds(finding)
    }

    /// Whether the facts of the finding's thread are such as matter.
    pub fn holds(&self, finding: &Finding) -> bool {
        self.facts
            .iter()
            .all(|(fact, words)| finding.facts.word(*fact).is_some_and(|word| words.contains(word)))
    }
}

/// Every origin that fits the wrong value of a finding.
pub fn origins(finding: &Finding) -> impl Iterator<Item = Origin> {
    std::iter::once(finding.origin).chain(finding.also_fits.iter().copied())
}
