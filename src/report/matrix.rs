//! A matrix for a terminal.
//!
//! Every clause that some release breaks, or cannot be asked for, has a line; those that hold
//! everywhere and those that nobody tried are named together. Releases that do not fit beside each
//! other follow below.

use super::style::{Color, Style};
use super::words::{self, plural};
use crate::contract::row;
use crate::matrix::{Cell, Column, Matrix, Outcome, Row, State, TurningPoint};

pub mod changes;
pub mod json;
pub mod progress;
pub mod page;
pub mod files;
#[cfg(test)]
mod tests;

/// Columns that a line's name takes: an id of three letters and a dimension of three.
const NAME: usize = 11;

/// Columns that a cell takes at the least: the longest of its words, and a gap.
const CELL: usize = 9;

/// The matrix, ending its last line.
pub fn text(matrix: &Matrix, paint: &Style) -> String {
    let mut text = String::new();
    let widest = matrix.columns.iter().map(|column| column.label.len() + 2).max().unwrap_or(0);
    let cell = widest.max(CELL);
    let fit = (paint.width.saturating_sub(NAME) / cell).max(1);
    let columns: Vec<usize> = (0..matrix.columns.len()).collect();
    for columns in columns.chunks(fit) {
        text.push_str(&block(matrix, columns, cell, paint));
        text.push('\n');
    }
    text.push_str(&remainder(matrix, paint));
    text.push_str(&turns(matrix, paint));
    text
}

/// How a cell stands, in a word.
pub fn word(cell: &Cell) -> &'static str {
    match cell.state {
        State::Holds => "holds",
        State::Broken if cell.widened() => "WIDENED",
        State::Broken => "broken",
        State::Untestable => "-",
        State::Untried => ".",
    }
}

/// A clause and its dimension, as `R4 AP`.
pub fn name(place: Row) -> String {
    let dimension = place.dimension.map_or(String::new(), |dimension| format!(" {dimension}"));
    format!("{}{dimension}", place.clause)
}

/// A turn in a line: what breaks or is repaired, and against which release before.
pub fn turn(matrix: &Matrix, turn: &TurningPoint) -> String {
    let from = &matrix.columns[turn.from].label;
    let cells = &matrix.rows[&turn.place];
    let now = match (cells[turn.from].state, cells[turn.to].state) {
        (State::Broken, State::Holds) => "is repaired",
        (State::Broken, _) if turn.gained.is_empty() => "is broken in fewer ways",
        (State::Broken, _) => "is broken in other ways",
        _ if cells[turn.to].widened() => "breaks, and allows more than is due",
        _ => "breaks",
    };
    format!("{} {now} (compared with {from})", name(turn.place))
}

/// How many releases ran, where it was not each of them to the end.
pub fn gaps(matrix: &Matrix) -> Option<String> {
    let (ran, all) = (count_of_ran(matrix), matrix.columns.len());
    let stopped = matrix.columns.iter().filter_map(Column::results);
    let stopped = stopped.filter(|results| results.interrupted).count();
    let stopped = match stopped {
        0 if ran == all => return None,
        0 => String::new(),
        count => format!(", {count} of them not to the end"),
    };
    Some(format!("{ran} of {} ran{stopped}", plural(all, "release")))
}

fn count_of_ran(matrix: &Matrix) -> usize {
    matrix.columns.iter().filter(|column| column.results().is_some()).count()
}

/// What is said of changes where none is to be told.
pub fn unchanged(matrix: &Matrix) -> &'static str {
    match count_of_ran(matrix) {
        0 => "not known, since no release ran",
        1 => "not known, since only one release ran",
        _ => "nothing that these releases show",
    }
}

/// Whether a row says more than that it holds, or that nobody tried.
pub fn tells(cells: &[Cell]) -> bool {
    let has = |state: State| cells.iter().any(|cell| cell.state == state);
    has(State::Broken) || (has(State::Untestable) && has(State::Holds))
}

fn block(matrix: &Matrix, columns: &[usize], width: usize, paint: &Style) -> String {
    let label = |at: &usize| format!("{:>width$}", matrix.columns[*at].label);
    let labels: Vec<String> = columns.iter().map(label).collect();
    let mut text =
        format!("{}\n", paint.ink(Color::Strong, &format!("{:NAME$}{}", "", labels.concat())));
    for (place, cells) in matrix.rows.iter().filter(|(_, cells)| tells(cells)) {
        let cells: Vec<String> = columns
            .iter()
            .map(|at| match matrix.columns[*at].outcome {
                Outcome::Ran(_) => {
                    paint.ink(ink(&cells[*at]), &format!("{:>width$}", word(&cells[*at])))
                }
                Outcome::NotRun(_) => format!("{:>width$}", "?"),
            })
            .collect();
        let name = format!("{:<5}{}", place.clause, dimension(*place));
        text.push_str(&format!("{name:NAME$}{}\n", cells.concat()));
    }
    text
}

fn dimension(place: Row) -> String {
    place.dimension.map_or(String::new(), |dimension| dimension.to_string())
}

fn ink(cell: &Cell) -> Color {
    match cell.state {
        State::Holds => Color::Good,
        State::Broken if cell.is_known() => Color::Doubtful,
        State::Broken => Color::Bad,
        State::Untestable | State::Untried => Color::Faint,
    }
}

/// What has no line, and what the signs mean.
fn remainder(matrix: &Matrix, paint: &Style) -> String {
    let with = |fits: &dyn Fn(&[Cell]) -> bool| -> Vec<String> {
        let rows = matrix.rows.iter().filter(|(_, cells)| !tells(cells) && fits(cells));
        rows.map(|(place, _)| name(*place)).collect()
    };
    let judged = |cells: &[Cell]| cells.iter().any(Cell::is_judged);
    let holds = with(&judged);
    let silent = with(&|cells| !judged(cells));
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let mut text = String::new();
    text.push_str(&paint.row("holds", &format!("wherever it was tried: {}", list(&holds))));
    text.push_str(&paint.row("not tried", &format!("on any release: {}", list(&silent))));
    text.push_str(&paint.row(
        "signs",
        "WIDENED: broken, and the release allows more than is due; -: the release cannot be asked \
         for it; .: no case asked; ?: the release was not run",
    ));
    for column in &matrix.columns {
        text.push_str(&standing(column, paint));
    }
    if let Some(gaps) = gaps(matrix) {
        text.push_str(&paint.row_in(Color::Doubtful, "not all", &gaps));
    }
    text
}

/// What became of a release, in a line.
fn standing(column: &Column, paint: &Style) -> String {
    match &column.outcome {
        Outcome::NotRun(reason) => {
            paint.row_in(Color::Doubtful, &column.label, &format!("not run: {reason}"))
        }
        Outcome::Ran(results) => {
            let stored = if results.stored { ", run before" } else { "" };
            let stopped = if results.interrupted { ", stopped before its time" } else { "" };
            let inconclusive: u64 = results.inconclusive.values().sum();
            let silent = match inconclusive {
                0 => String::new(),
                cases => format!(", {} inconclusive", plural(cases, "case")),
            };
            let found = plural(results.findings.len(), "finding");
            let line = format!(
                "{}, {found}{silent}, {}{stored}{stopped}",
                plural(results.cases, "case"),
                words::time(results.wall),
            );
            paint.row(&column.label, &line)
        }
    }
}

fn turns(matrix: &Matrix, paint: &Style) -> String {
    let turns = matrix.turns();
    let mut text = format!("\n{}\n", paint.ink(Color::Strong, "What changed when"));
    if turns.is_empty() {
        text.push_str(&format!("  {}\n", unchanged(matrix)));
    }
    for one in &turns {
        let line = turn(matrix, one);
        let meaning = row(one.place.clause).text;
        text.push_str(&paint.row(&matrix.columns[one.to].label, &format!("{line}: {meaning}")));
    }
    text
}
