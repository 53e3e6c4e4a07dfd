//! Rulings and kinds: which clause a value rests on, and what an operation is called.
//!
//! A ruling has a clause for every dimension, and one for the operation as a whole. The name of a
//! kind stands in signatures and reports.

use super::{Citations, OpKind};
use crate::contract::Clause;
use crate::policy::{Dimension, Overrides, Value};
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::ops::action::ThreadAction;

impl Citations {
    /// What a cold read restores once a turn has run.
    pub const RESTORED: Citations = Citations {
        kind: OpKind::Resume,
        own: Clause::R4,
        clauses: [
            Clause::R4,
            Clause::R5,
            Clause::R8,
            Clause::R6,
            Clause::R9,
            Clause::R9,
            Clause::G1,
            Clause::R10,
            Clause::R13,
            Clause::R13,
        ],
    };

    /// The same clause for every value.
    pub fn all(kind: OpKind, clause: Clause) -> Citations {
        Citations { kind, own: clause, clauses: [clause; 10] }
    }

    /// The clause of a value.
    pub fn clause(&self, value: &Value) -> Clause {
        self.of(value.dimension())
    }

    /// The clause of a dimension.
    pub fn of(&self, dimension: Dimension) -> Clause {
        self.clauses[dimension as usize]
    }

    /// The clause that the operation is told under as a whole.
    pub fn main(&self) -> Clause {
        self.own
    }

    /// This ruling with another clause for the operation as a whole.
    pub fn under(self, own: Clause) -> Citations {
        Citations { own, ..self }
    }

    /// This ruling with another clause for these dimensions.
    pub fn with(mut self, dimensions: &[Dimension], clause: Clause) -> Citations {
        for dimension in dimensions {
            self.clauses[*dimension as usize] = clause;
        }
        self
    }

    /// `set` where the overrides set a value, this ruling's clause elsewhere.
    pub fn where_set<S>(self, set: Clause, overrides: &Overrides<S>) -> Citations {
        let dimensions: Vec<Dimension> =
            Dimension::ALL.into_iter().filter(|one| overrides.sets(*one)).collect();
        self.with(&dimensions, set)
    }
}
