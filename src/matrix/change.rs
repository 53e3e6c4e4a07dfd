//! What is different between two releases.
//!
//! A clause that both tried changes where other signatures break it; one that only one of them
//! could try is told apart. What neither tried is no change, and is counted, since nothing is known
//! of it.

use super::{Cell, Matrix, Row, State};
use crate::judge::signature::Signature;

/// A difference in one clause and dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The clause and dimension.
    pub place: Row,
    /// What kind of difference it is.
    pub kind: Kind,
    /// What shows on the second release only.
    pub gained: Vec<Signature>,
    /// What shows on the first release only.
    pub lost: Vec<Signature>,
}

/// A kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It held, and is broken.
    Broken,
    /// It is broken on both, in another way.
    Otherwise,
    /// It was broken, and holds.
    Repaired,
    /// Only the second release can be asked for it.
    Testable,
    /// Only the first release can be asked for it.
    Untestable,
}

/// Two releases beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What changes, what breaks first.
    pub changes: Vec<Change>,
    /// What is broken alike on both.
    pub still: Vec<Row>,
    /// What holds on both.
    pub hold: usize,
    /// What at least one of them did not try, and so nothing is known of.
    pub unknown: Vec<Row>,
}

impl Matrix {
    /// The difference between two columns, by their indices.
    pub fn difference(&self, from: usize, to: usize) -> Difference {
        let mut difference = Difference::default();
        for (place, cells) in &self.rows {
            difference.add(*place, &cells[from], &cells[to]);
        }
        difference.changes.sort_by_key(|change| (change.kind, change.place));
        difference
    }
}

impl Difference {
    fn add(&mut self, place: Row, from: &Cell, to: &Cell) {
        let only = |one: &Cell, other: &Cell| -> Vec<Signature> {
            let has = |signature: &Signature| {
                other.breaches.iter().any(|breach| breach.signature == *signature)
            };
            let own = one.breaches.iter().map(|breach| breach.signature.clone());
            own.filter(|signature| !has(signature)).collect()
        };
        let (gained, lost) = (only(to, from), only(from, to));
        let kind = match (from.state, to.state) {
            (State::Holds, State::Holds) => return self.hold += 1,
            (State::Broken, State::Broken) if gained.is_empty() && lost.is_empty() => {
                return self.still.push(place);
            }
            (State::Holds, State::Broken) => Kind::Broken,
            (State::Broken, State::Broken) => Kind::Otherwise,
            (State::Broken, State::Holds) => Kind::Repaired,
            (State::Untestable, State::Holds | State::Broken) => Kind::Testable,
            (State::Holds | State::Broken, State::Untestable) => Kind::Untestable,
            (State::Untestable | State::Untried, _) | (_, State::Untried) => {
                return self.unknown.push(place);
            }
        };
        self.changes.push(Change { place, kind, gained, lost });
    }
}
