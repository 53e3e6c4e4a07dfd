//! Columns to cells: how each clause stands on each release, since when, and where it
//! turns.
//!
//! A release that did not try a clause says nothing of it, and is passed over. A clause that is
//! compared somewhere counts only where it is compared; one that answers merely rest on has a row
//! of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Cell, Column, Count, Matrix, Results, Row, Since, State, TurningPoint};
use crate::campaign::{FindingReport, Status};
use crate::contract::all;
use crate::judge::signature::Signature;
use crate::known::Known;

impl Matrix {
    /// The matrix of these columns; `known` says what is excused.
    pub fn new(columns: Vec<Column>, known: &Known) -> Matrix {
        let mut rows = BTreeMap::new();
        for place in places(&columns) {
            // Where it is compared on some release, resting on it says nothing on another.
            let compared = columns.iter().any(|column| count(place, column).compared > 0);
            let mut cells: Vec<Cell> = columns
                .iter()
                .map(|column| {
                    let Count { compared: times, rested } = count(place, column);
                    cell(place, column, if compared { times } else { rested }, known)
                })
                .collect();
            date(&mut cells, &columns);
            rows.insert(place, cells);
        }
        Matrix { columns, rows }
    }

    /// Every turn, in the order of the releases and then of the contract.
    pub fn turns(&self) -> Vec<TurningPoint> {
        let mut turns: Vec<TurningPoint> =
            self.rows.iter().flat_map(|(place, cells)| turns(*place, cells)).collect();
        turns.sort_by_key(|turn| (turn.to, turn.place));
        turns
    }

    /// The finding of a signature on a column.
    pub fn told(&self, column: usize, signature: &Signature) -> Option<&FindingReport> {
        let findings = &self.columns.get(column)?.results()?.findings;
        findings.iter().find(|told| told.finding.signature() == *signature)
    }

    /// Whether a release breaks a clause in a way that is not known.
    pub fn has_new(&self) -> bool {
        let mut cells = self.rows.values().flatten();
        cells.any(|cell| cell.breaches.iter().any(|breach| !breach.known))
    }
}

impl Cell {
    /// Whether the clause was tried.
    pub fn is_judged(&self) -> bool {
        matches!(self.state, State::Holds | State::Broken)
    }

    /// Whether something that breaks it allows more than was due.
    pub fn widened(&self) -> bool {
        self.breaches.iter().any(|breach| breach.widened)
    }

    /// Whether everything that breaks it is known.
    pub fn is_known(&self) -> bool {
        !self.breaches.is_empty() && self.breaches.iter().all(|breach| breach.known)
    }

    fn signatures(&self) -> BTreeSet<&Signature> {
        self.breaches.iter().map(|breach| &breach.signature).collect()
    }
}

/// Every clause, in each dimension in which some release tried or broke it.
fn places(columns: &[Column]) -> BTreeSet<Row> {
    let results = || columns.iter().filter_map(Column::results);
    let counts = results().flat_map(|results| &results.tally);
    let compared = counts.clone().filter(|(_, count)| count.compared > 0).map(|(place, _)| *place);
    let broken = results().flat_map(|results| &results.findings).map(place);
    let mut places: BTreeSet<Row> = compared.chain(broken).collect();
    let has = |clause, places: &BTreeSet<Row>| places.iter().any(|place| place.clause == clause);
    let rested: Vec<Row> =
        counts.map(|(place, _)| *place).filter(|place| !has(place.clause, &places)).collect();
    places.extend(rested);
    for row in all() {
        if !has(row.clause, &places) {
            places.insert(Row { clause: row.clause, dimension: None });
        }
    }
    places
}

fn place(told: &FindingReport) -> Row {
    Row { clause: told.finding.clause, dimension: told.finding.dimension }
}

fn count(place: Row, column: &Column) -> Count {
    let counts = column.results().map(|results| &results.tally);
    counts.and_then(|tally| tally.get(&place)).copied().unwrap_or_default()
}

fn cell(place: Row, column: &Column, fired: u64, known: &Known) -> Cell {
    let Some(results) = column.results() else {
        return Cell { state: State::Untried, fired: 0, breaches: Vec::new() };
    };
    let found = results.findings.iter().filter(|told| super::table::place(told) == place);
    let breaches: Vec<Breach> = found
        .filter(|told| told.status != Status::Flaky)
        .map(|told| Breach {
            signature: told.finding.signature(),
            id: told.id.clone(),
            widened: told.finding.widened,
            known: known.excuses(&told.finding).is_some(),
            since: Since::AtLeast { first: column.label.clone() },
        })
        .collect();
    let state = match () {
        () if !breaches.is_empty() => State::Broken,
        () if fired > 0 => State::Holds,
        () if cannot(place, results) => State::Untestable,
        () => State::Untried,
    };
    Cell { state, fired, breaches }
}

fn cannot(place: Row, results: &Results) -> bool {
    results.untestable.contains(&place.clause)
}

/// Says of every breach since when it shows.
fn date(cells: &mut [Cell], columns: &[Column]) {
    let judged: Vec<usize> = (0..cells.len()).filter(|at| cells[*at].is_judged()).collect();
    for (position, at) in judged.iter().enumerate() {
        for number in 0..cells[*at].breaches.len() {
            let signature = cells[*at].breaches[number].signature.clone();
            let shows = |at: &&usize| cells[**at].signatures().contains(&signature);
            let before = judged[..position].iter().rev();
            let run = before.clone().take_while(shows).count();
            let first = columns[judged[position - run]].label.clone();
            let last = before.clone().nth(run).map(|at| columns[*at].label.clone());
            cells[*at].breaches[number].since = match last {
                Some(last) => Since::After { first, last },
                None => Since::AtLeast { first },
            };
        }
    }
}

fn turns(place: Row, cells: &[Cell]) -> Vec<TurningPoint> {
    let judged: Vec<usize> = (0..cells.len()).filter(|at| cells[*at].is_judged()).collect();
    let turn = |pair: &[usize]| {
        let (from, to) = (pair[0], pair[1]);
        let (before, after) = (cells[from].signatures(), cells[to].signatures());
        let owned = |signature: &&Signature| (*signature).clone();
        let gained: Vec<Signature> = after.difference(&before).map(owned).collect();
        let lost: Vec<Signature> = before.difference(&after).map(owned).collect();
        (gained != lost).then_some(TurningPoint { place, from, to, gained, lost })
    };
    judged.windows(2).filter_map(turn).collect()
}
