//! Columns to cells: how each clause stands on each release, since when, and where it changes.
//!
//! A release that did not test a clause says nothing about it, and is passed over. The same holds
//! for one that was not asked for a signature that breaks it elsewhere. A clause that some release
//! compares counts only where it is compared; one that answers merely rest on has a row without a
//! dimension.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Cell, Column, Matrix, Row, Since, State, TurningPoint, causes};
use crate::campaign::FindingReport;
use crate::cause::Known;
use crate::contract::all;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::judge::verdict::Count;

impl Matrix {
    /// The matrix of these columns; `known` says what is excused.
    pub fn new(columns: Vec<Column>, known: &Known) -> Matrix {
        let mut rows = BTreeMap::new();
        for row in rows_of(&columns) {
            // Where it is compared on some release, resting on it says nothing on another.
            let compared = columns.iter().any(|column| count(row, column).compared > 0);
            let cells = columns.iter().map(|column| {
                let Count { tested, compared: times, .. } = count(row, column);
                cell(row, column, if compared { times } else { tested }, known)
            });
            let mut cells: Vec<Cell> = cells.collect();
            doubt(&mut cells, &columns);
            date(&mut cells, &columns);
            rows.insert(row, cells);
        }
        let causes = causes::merged(&columns, known);
        Matrix { columns, causes, rows }
    }

    /// In the order of the releases, then of the contract.
    pub fn turns(&self) -> Vec<TurningPoint> {
        let mut turns: Vec<TurningPoint> =
            self.rows.iter().flat_map(|(row, cells)| turns(*row, cells)).collect();
        turns.sort_by_key(|turn| (turn.to, turn.place));
        turns
    }

    /// The finding with a signature on a column.
    pub fn told(&self, column: usize, signature: &Signature) -> Option<&FindingReport> {
        let findings = &self.columns.get(column)?.results()?.findings;
        findings.iter().find(|report| report.finding.signature() == *signature)
    }

    /// Whether a release breaks a clause in a way that is not known.
    pub fn has_new(&self) -> bool {
        let mut cells = self.rows.values().flatten();
        cells.any(|cell| cell.breaches.iter().any(|breach| !breach.known))
    }
}

impl Cell {
    pub fn is_judged(&self) -> bool {
        matches!(self.state, State::Holds | State::Broken)
    }

    /// Whether one of its breaches allows more than was expected.
    pub fn widened(&self) -> bool {
        self.breaches.iter().any(|breach| breach.widened)
    }

    /// Whether it has breaches and all of them are known.
    pub fn is_known(&self) -> bool {
        !self.breaches.is_empty() && self.breaches.iter().all(|breach| breach.known)
    }

    fn shows(&self, signature: &Signature) -> bool {
        self.breaches.iter().any(|breach| breach.signature == *signature)
    }

    /// The signatures that it shows and the other does not.
    pub(super) fn signatures_beyond(&self, other: &Cell) -> Vec<Signature> {
        let shown = self.breaches.iter().map(|breach| &breach.signature);
        shown.filter(|signature| !other.shows(signature)).cloned().collect()
    }
}

/// Every clause, in each dimension in which some release compared or broke it.
fn rows_of(columns: &[Column]) -> BTreeSet<Row> {
    let results = || columns.iter().filter_map(Column::results);
    let counts = results().flat_map(|results| &results.tally);
    let compared = counts.clone().filter(|(_, count)| count.compared > 0).map(|(row, _)| *row);
    let broken = results().flat_map(|results| &results.findings).map(row_of);
    let mut rows: BTreeSet<Row> = compared.chain(broken).collect();
    let has = |clause, rows: &BTreeSet<Row>| rows.iter().any(|row| row.clause == clause);
    let rested: Vec<Row> =
        counts.map(|(row, _)| *row).filter(|row| !has(row.clause, &rows)).collect();
    rows.extend(rested);
    for clause in all().iter().map(|row| row.clause) {
        // Without a client of the SDK its clauses could not be tested, which says nothing.
        if !has(clause, &rows) && !clause.is_about_sdk() {
            rows.insert(Row { clause, dimension: None });
        }
    }
    rows
}

fn row_of(report: &FindingReport) -> Row {
    Row { clause: report.finding.clause, dimension: report.finding.dimension }
}

fn count(row: Row, column: &Column) -> Count {
    let counts = column.results().map(|results| &results.tally);
    counts.and_then(|tally| tally.get(&row)).copied().unwrap_or_default()
}

fn cell(row: Row, column: &Column, tested: u64, known: &Known) -> Cell {
    let Some(results) = column.results() else {
        return Cell { state: State::Unknown, tested: 0, breaches: Vec::new() };
    };
    let sure = results.findings.iter().filter(|report| report.status != Status::Flaky);
    let breaches = sure.filter(|report| row_of(report) == row).map(|report| Breach {
        signature: report.finding.signature(),
        id: report.id.clone(),
        widened: report.finding.widened,
        known: known.excuses(&report.finding).is_some(),
        since: Since::AtLeast { first: column.label.clone() },
    });
    let breaches: Vec<Breach> = breaches.collect();
    // A breach that nobody looked into before the stop.
    let is_open = results.interrupted && count(row, column).broken > 0;
    let state = if !breaches.is_empty() {
        State::Broken
    } else if tested > 0 && !is_open {
        State::Holds
    } else if results.untestable.contains(&row.clause) {
        State::Untestable
    } else if results.interrupted {
        State::Unknown
    } else {
        State::Untried
    };
    Cell { state, tested, breaches }
}

/// A release does not hold a clause as long as it was not asked for a signature by which another
/// release breaks it.
fn doubt(cells: &mut [Cell], columns: &[Column]) {
    let breaches = cells.iter().flat_map(|cell| &cell.breaches);
    let shown: BTreeSet<Signature> = breaches.map(|breach| breach.signature.clone()).collect();
    for (cell, column) in cells.iter_mut().zip(columns) {
        let asked = column.results().is_some_and(|results| shown.is_subset(&results.asked));
        if cell.state == State::Holds && !asked {
            cell.state = State::Unknown;
        }
    }
}

/// The indices of the releases on which a row was tested.
fn judged(cells: &[Cell]) -> Vec<usize> {
    (0..cells.len()).filter(|at| cells[*at].is_judged()).collect()
}

/// Says of every breach since when it shows.
fn date(cells: &mut [Cell], columns: &[Column]) {
    let judged = judged(cells);
    for (position, at) in judged.iter().enumerate() {
        for number in 0..cells[*at].breaches.len() {
            let signature = cells[*at].breaches[number].signature.clone();
            let shows = |at: &&usize| cells[**at].shows(&signature);
            let run = judged[..position].iter().rev().take_while(shows).count();
            let first = columns[judged[position - run]].label.clone();
            let last = (position - run).checked_sub(1).map(|before| judged[before]);
            cells[*at].breaches[number].since = match last {
                Some(last) => Since::After { first, last: columns[last].label.clone() },
                None => Since::AtLeast { first },
            };
        }
    }
}

fn turns(row: Row, cells: &[Cell]) -> Vec<TurningPoint> {
    let judged = judged(cells);
    let turn = |pair: &[usize]| {
        let (from, to) = (pair[0], pair[1]);
        let mut gained = cells[to].signatures_beyond(&cells[from]);
        let mut lost = cells[from].signatures_beyond(&cells[to]);
        gained.sort();
        lost.sort();
        let changes = !gained.is_empty() || !lost.is_empty();
        changes.then_some(TurningPoint { place: row, from, to, gained, lost })
    };
    judged.windows(2).filter_map(turn).collect()
}
