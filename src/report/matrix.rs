//! A matrix for a terminal: its causes, then a line for each clause that some release breaks or does
//! not support.
//!
//! Clauses that hold everywhere and those that were never tested are listed together. Releases that
//! do not fit beside each other follow below.

use itertools::Itertools;

use super::style::{Color, Style};
use super::words::{self, plural};
use crate::cause::words as cause_words;
use crate::contract::row;
use crate::matrix::{Cell, Column, Matrix, Outcome, Row, State, TurningPoint};

pub mod causes;
pub mod changes;
pub mod json;
pub mod progress;
pub mod page;
pub mod files;
#[cfg(test)]
mod tests;

/// Columns of a cell at least: its longest word, and a gap.
const CELL: usize = 11;

/// The matrix, ending its last line.
pub fn text(matrix: &Matrix, style: &Style) -> String {
    let rows = matrix.rows.iter().filter(|(_, cells)| tells(cells));
    let name_width = rows.map(|(row, _)| name(*row).chars().count()).max().unwrap_or(0);
    let widest = matrix.columns.iter().map(|column| column.label.len() + 2).max().unwrap_or(0);
    let table = Table { matrix, style, name_width, cell_width: widest.max(CELL) };
    let fit = (style.width.saturating_sub(name_width) / table.cell_width).max(1);
    let columns: Vec<usize> = (0..matrix.columns.len()).collect();
    let blocks = columns.chunks(fit).map(|columns| format!("{}\n", table.block(columns)));
    let (causes, blocks) = (causes::text(matrix, style), blocks.collect::<String>());
    let (remainder, turns) = (remainder(matrix, style), turns(matrix, style));
    format!("{causes}{blocks}{remainder}{turns}")
}

/// How a cell stands, in a word; a known deviation in brackets.
pub fn word(cell: &Cell) -> String {
    let word = match cell.state {
        State::Holds => "holds",
        State::Broken if cell.widened() => "WIDENED",
        State::Broken => "broken",
        State::Untestable => "-",
        State::Untried => ".",
        State::Unknown => "?",
    };
    if cell.is_known() { format!("({word})") } else { word.to_owned() }
}

/// A row's clause and setting, as `R4 cold resume · approval policy`.
pub fn name(row: Row) -> String {
    words::clause(row.clause, row.dimension)
}

/// Rows as a list, each clause once with its settings.
pub fn names<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let by_clause = rows.into_iter().chunk_by(|row| row.clause);
    let clauses = by_clause.into_iter().map(|(clause, rows)| {
        let settings = rows.filter_map(|row| row.dimension.map(cause_words::dimension)).join(", ");
        let settings = if settings.is_empty() { settings } else { format!(" ({settings})") };
        words::unbroken(&format!("{}{settings}", clause.titled()))
    });
    let clauses = clauses.collect::<Vec<_>>();
    if clauses.is_empty() { "none".to_owned() } else { clauses.join(", ") }
}

/// A turning point in a line: what breaks or is repaired, compared with which release before.
pub fn turn(matrix: &Matrix, turn: &TurningPoint) -> String {
    format!("{} {}", name(turn.place), turned(matrix, turn))
}

/// A turning point without the name of its row.
pub fn turned(matrix: &Matrix, turn: &TurningPoint) -> String {
    let from = &matrix.columns[turn.from].label;
    let cells = &matrix.rows[&turn.place];
    let now = match (cells[turn.from].state, cells[turn.to].state) {
        (State::Broken, State::Holds) => "is repaired",
        (State::Broken, _) if turn.gained.is_empty() => "is broken in fewer ways",
        (State::Broken, _) => "is broken in other ways",
        _ if cells[turn.to].widened() => "breaks, and the release allows more than it should",
        _ => "breaks",
    };
    format!("{now} (compared with {from})")
}

/// The releases that were not run, or not to the end; none where all were.
pub fn gaps(matrix: &Matrix) -> Option<String> {
    let labels = |is_meant: fn(&Column) -> bool| {
        let columns = matrix.columns.iter().filter(|column| is_meant(column));
        columns.map(|column| column.label.as_str()).collect::<Vec<_>>()
    };
    let missing = labels(|column| column.results().is_none());
    let stopped = labels(|column| column.results().is_some_and(|results| results.interrupted));
    let all = plural(matrix.columns.len(), "release");
    let part = |labels: &[&str], what: &str| {
        let list = labels.join(", ");
        (!labels.is_empty()).then(|| format!("{} of {all} {what}: {list}", labels.len()))
    };
    let parts = [part(&missing, "not run"), part(&stopped, "stopped early")];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Columns in words, those in succession as a range.
pub fn releases(matrix: &Matrix, columns: &[usize]) -> String {
    let label = |at: usize| matrix.columns[at].label.as_str();
    let runs = columns.chunk_by(|one, next| one + 1 == *next);
    let runs = runs.map(|run| match run {
        [first, .., last] if run.len() > 2 => format!("{} to {}", label(*first), label(*last)),
        few => few.iter().map(|at| label(*at)).join(", "),
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn count_of_ran(matrix: &Matrix) -> usize {
    matrix.columns.iter().filter(|column| column.results().is_some()).count()
}

/// Stands in place of the changes where there are none.
pub fn unchanged(matrix: &Matrix) -> &'static str {
    match count_of_ran(matrix) {
        0 => "not known, because no release ran",
        1 => "not known, because only one release ran",
        _ => "no change between these releases",
    }
}

/// Whether a row needs a line: it does not merely hold everywhere or nowhere get tested.
pub fn tells(cells: &[Cell]) -> bool {
    let has = |state: State| cells.iter().any(|cell| cell.state == state);
    has(State::Broken) || (has(State::Untestable) && has(State::Holds))
}

/// The rows without a line of their own: those that hold wherever they were tested, and those that
/// were not tested.
pub struct Quiet<'a> {
    pub holding: Vec<&'a Row>,
    pub untested: Vec<&'a Row>,
}

impl<'a> Quiet<'a> {
    pub fn of(matrix: &'a Matrix) -> Quiet<'a> {
        let rows = matrix.rows.iter().filter(|(_, cells)| !tells(cells));
        let (holding, untested): (Vec<_>, Vec<_>) =
            rows.partition(|(_, cells)| cells.iter().any(Cell::is_judged));
        let [holding, untested] =
            [holding, untested].map(|rows| rows.into_iter().map(|(row, _)| row).collect());
        Quiet { holding, untested }
    }
}

struct Table<'a> {
    matrix: &'a Matrix,
    style: &'a Style,
    name_width: usize,
    cell_width: usize,
}

impl Table<'_> {
    /// The table of some columns.
    fn block(&self, columns: &[usize]) -> String {
        let Table { matrix, name_width, cell_width, .. } = self;
        let labels = columns.iter().map(|at| format!("{:>cell_width$}", matrix.columns[*at].label));
        let head = format!("{:name_width$}{}", "", labels.collect::<String>());
        let mut text = self.style.heading(&head);
        for (row, cells) in matrix.rows.iter().filter(|(_, cells)| tells(cells)) {
            let cells = columns.iter().map(|at| self.cell(&cells[*at])).collect::<String>();
            text.push_str(&format!("{:name_width$}{cells}\n", name(*row)));
        }
        text
    }

    fn cell(&self, cell: &Cell) -> String {
        let width = self.cell_width;
        self.style.paint(color(cell), &format!("{:>width$}", word(cell)))
    }
}

fn color(cell: &Cell) -> Color {
    match cell.state {
        State::Holds => Color::Good,
        State::Broken if cell.is_known() => Color::Doubtful,
        State::Broken => Color::Bad,
        State::Untestable | State::Untried | State::Unknown => Color::Faint,
    }
}

/// The rows without a line, the meaning of the signs, and how each release fared.
fn remainder(matrix: &Matrix, style: &Style) -> String {
    let Quiet { holding, untested } = Quiet::of(matrix);
    let mut text = style.row("holds", &format!("wherever it was tested: {}", names(holding)));
    text.push_str(&style.row("not tested", &format!("on any release: {}", names(untested))));
    text.push_str(&style.row(
        "signs",
        "WIDENED: broken, and the release allows more than it should; a number: by so many \
         findings; in brackets: a known deviation; no: the release does not show it; -: the \
         release does not support it; .: not tested; ?: not known (the release was not run to \
         its end, or was not asked)",
    ));
    for column in &matrix.columns {
        text.push_str(&standing(column, style));
    }
    if let Some(gaps) = gaps(matrix) {
        text.push_str(&style.row_in(Color::Doubtful, "incomplete", &gaps));
    }
    text
}

/// How a release fared, in a line.
fn standing(column: &Column, style: &Style) -> String {
    match &column.outcome {
        Outcome::NotRun(reason) => {
            style.row_in(Color::Doubtful, &column.label, &format!("not run: {reason}"))
        }
        Outcome::Ran(results) => {
            let stored = if results.stored { ", run before" } else { "" };
            let stopped = if results.interrupted { ", stopped early" } else { "" };
            let inconclusive: u64 = results.inconclusive.values().sum();
            let inconclusive = match inconclusive {
                0 => String::new(),
                cases => format!(", {} inconclusive", plural(cases, "case")),
            };
            let found = plural(results.findings.len(), "finding");
            let line = format!(
                "{}, {found}{inconclusive}, {}{stored}{stopped}",
                plural(results.cases, "case"),
                words::time(results.wall),
            );
            style.row(&column.label, &line)
        }
    }
}

fn turns(matrix: &Matrix, style: &Style) -> String {
    let turns = matrix.turns();
    let mut text = format!("\n{}", style.heading("What changed when"));
    if turns.is_empty() {
        text.push_str(&format!("  {}\n", unchanged(matrix)));
    }
    for point in &turns {
        let line = format!("{}: {}", turn(matrix, point), row(point.place.clause).text);
        text.push_str(&style.row(&matrix.columns[point.to].label, &line));
    }
    text
}
