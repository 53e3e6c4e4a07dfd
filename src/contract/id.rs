//! Ids to text and back.
//!
//! An id is written as its letter and number, exactly; what is no id is answered with the clauses
//! of the same letter whose numbers stand nearest, so that a slip is mended without the table.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Clause, all};

/// How many ids an unknown one is answered with: enough to show the mistake, still one line.
const NEAR_LIMIT: usize = 4;

/// A text that names no clause.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no clause `{given}` in the contract; {}", near_text(near))]
pub struct UnknownClause {
    pub given: String,
    /// Clauses of the same letter, the nearest number first; empty where no clause has that letter.
    pub near: Vec<Clause>,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

impl FromStr for Clause {
    type Err = UnknownClause;

    fn from_str(given: &str) -> Result<Clause, UnknownClause> {
        all()
            .iter()
            .map(|row| row.clause)
            .find(|clause| clause.to_string() == given)
            .ok_or_else(|| UnknownClause { given: given.to_owned(), near: near(given) })
    }
}

/// The clauses of the same letter, in either case, whose number is nearest to the one given.
fn near(given: &str) -> Vec<Clause> {
    let wanted = given.trim().to_ascii_uppercase();
    let number = number_of(&wanted);
    let mut clauses: Vec<Clause> = all()
        .iter()
        .map(|row| row.clause)
        .filter(|clause| wanted.chars().next() == clause.to_string().chars().next())
        .collect();
    clauses.sort_by_key(|clause| number.abs_diff(number_of(&clause.to_string())));
    clauses.truncate(NEAR_LIMIT);
    clauses
}

/// The number in an id; 0 where there is none.
fn number_of(id: &str) -> u32 {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The part of the error that shows the way out.
fn near_text(near: &[Clause]) -> String {
    if near.is_empty() {
        return "`heirloom clauses` lists them all".to_owned();
    }
    let ids: Vec<String> = near.iter().map(Clause::to_string).collect();
    format!("near it stand {}; `heirloom clauses` lists them all", ids.join(", "))
}
