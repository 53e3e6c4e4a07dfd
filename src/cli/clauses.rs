//! [shell] `heirloom clauses`.
//!
//! Prints the contract, or one clause of it; an id that is none is answered with those near it.

use super::{Failure, said};
use crate::contract::Clause;
use crate::report::clauses;
use crate::report::paint::Paint;

/// Prints the clauses.
pub(super) fn run(id: Option<&str>) -> Result<u8, Failure> {
    let paint = Paint::stdout();
    let Some(id) = id else {
        return said(&clauses::list(&paint));
    };
    let clause: Clause = id.parse().map_err(Failure::usage)?;
    said(&clauses::one(clause, &paint))
}
