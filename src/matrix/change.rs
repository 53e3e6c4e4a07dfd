//! The differences between two releases.
//!
//! A cause appears if the second release shows it and the first does not, and disappears the other
//! way round; one that either of them says nothing of is counted apart. A clause that was tested on both is a change if other signatures break it; one that only one of
//! them has the operations for is a change of its own kind. Clauses that one of them did not test
//! are counted apart, since nothing is known about them.

use super::{CauseCell, Cell, Matrix, Row, State};
use crate::judge::signature::Signature;

/// A difference in one clause and dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub place: Row,
    pub kind: Kind,
    /// Signatures that show on the second release only.
    pub gained: Vec<Signature>,
    /// Signatures that show on the first release only.
    pub lost: Vec<Signature>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It held, and is broken.
    Broken,
    /// It is broken on both, in another way.
    Otherwise,
    /// It was broken, and holds.
    Repaired,
    /// Only the second release has the operations for it.
    Testable,
    /// Only the first release has the operations for it.
    Untestable,
}

/// Two releases beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub causes: CauseChanges,
    /// Clauses that break come first.
    pub changes: Vec<Change>,
    pub still: Vec<Row>,
    /// The number of rows that hold on both.
    pub hold: usize,
    /// Not tested on at least one of them.
    pub unknown: Vec<Row>,
}

/// The causes on two releases, as indices of the matrix's causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CauseChanges {
    pub appear: Vec<usize>,
    pub disappear: Vec<usize>,
    /// On both.
    pub stay: Vec<usize>,
    /// One of them shows it, and nothing is known of the other.
    pub unknown: Vec<usize>,
}

impl Matrix {
    /// The difference between two columns, by their indices.
    pub fn difference(&self, from: usize, to: usize) -> Difference {
        let mut difference = Difference::default();
        for (place, cells) in &self.rows {
            difference.add(*place, &cells[from], &cells[to]);
        }
        for (number, cause) in self.causes.iter().enumerate() {
            difference.causes.add(number, &cause.cells[from], &cause.cells[to]);
        }
        difference.changes.sort_by_key(|change| (change.kind, change.place));
        difference
    }
}

impl CauseChanges {
    fn add(&mut self, number: usize, from: &CauseCell, to: &CauseCell) {
        let list = match (from, to) {
            (CauseCell::Shows(_), CauseCell::Shows(_)) => &mut self.stay,
            (CauseCell::Absent | CauseCell::Unsupported, CauseCell::Shows(_)) => &mut self.appear,
            (CauseCell::Shows(_), CauseCell::Absent | CauseCell::Unsupported) => {
                &mut self.disappear
            }
            (CauseCell::Shows(_), CauseCell::Unknown)
            | (CauseCell::Unknown, CauseCell::Shows(_)) => &mut self.unknown,
            _ => return,
        };
        list.push(number);
    }
}

impl Difference {
    fn add(&mut self, place: Row, from: &Cell, to: &Cell) {
        let (gained, lost) = (to.signatures_beyond(from), from.signatures_beyond(to));
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
            (State::Untestable | State::Untried | State::Unknown, _)
            | (_, State::Untried | State::Unknown) => {
                return self.unknown.push(place);
            }
        };
        self.changes.push(Change { place, kind, gained, lost });
    }
}
