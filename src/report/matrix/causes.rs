//! The causes of a matrix for a terminal: which release shows which, since when and until when.
//!
//! A cause has a line for each part of its title, its cells on the first, and below it the releases
//! between which it shows. Releases that do not fit beside each other follow below, under the
//! beginnings of the titles.

use itertools::Itertools;

use crate::judge::record::Status;
use crate::matrix::{CauseCell, Column, Matrix, MatrixCause, Period};
use crate::report::style::{Color, Style};
use crate::report::words::plural;

/// Columns of a cell at least: `(WIDENED 99)` and a gap.
const CELL: usize = 13;

/// Columns of a title at least: narrower ones take too many lines.
const TITLE_MIN: usize = 28;

/// Columns of a title at most, so that its cells are not far from it.
const TITLE_MAX: usize = 52;

/// Stands in place of the causes where there are none.
pub const NONE: &str = "no release shows one";

/// The table of the causes, ending its last line.
pub fn text(matrix: &Matrix, style: &Style) -> String {
    if matrix.causes.is_empty() {
        return format!("{}  {NONE}\n{}", style.heading("Causes"), without_cause(matrix, style));
    }
    let widest = matrix.columns.iter().map(|column| column.label.len() + 2).max().unwrap_or(0);
    let cell_width = widest.max(CELL);
    let room = style.width.saturating_sub(TITLE_MIN) / cell_width;
    let columns: Vec<usize> = (0..matrix.columns.len()).collect();
    let fit = room.clamp(1, columns.len().max(1));
    let title_width = style.width.saturating_sub(fit * cell_width).clamp(TITLE_MIN, TITLE_MAX);
    let table = Table { matrix, style, title_width, cell_width };
    let blocks = columns.chunks(fit).enumerate();
    let blocks = blocks.map(|(number, columns)| table.block(columns, number == 0));
    format!("{}{}", blocks.collect::<String>(), without_cause(matrix, style))
}

/// How a cause stands on a release, in a word; a known deviation in brackets.
pub fn word(cell: &CauseCell) -> String {
    match cell {
        CauseCell::Shows(showing) => {
            let word = if showing.widened { "WIDENED" } else { "shows" };
            let word = format!("{word} {}", showing.findings.len());
            if showing.known { format!("({word})") } else { word }
        }
        CauseCell::Absent => "no".to_owned(),
        CauseCell::Unsupported => "-".to_owned(),
        CauseCell::Unknown => "?".to_owned(),
    }
}

/// Since and until when a cause shows; with several clients of the SDK, for those alike at once.
pub fn dates(matrix: &Matrix, cause: &MatrixCause) -> String {
    let client = |at: usize| matrix.columns[at].client().unwrap_or_default();
    let mut alike: Vec<(String, Vec<&str>)> = Vec::new();
    for periods in cause.periods.chunk_by(|one, next| client(one.first) == client(next.first)) {
        let dates = periods.iter().map(|period| dates_of(matrix, period)).join("; again ");
        let client = client(periods[0].first);
        match alike.iter_mut().find(|(other, _)| *other == dates) {
            Some((_, clients)) => clients.push(client),
            None => alike.push((dates, vec![client])),
        }
    }
    let all = (0..matrix.columns.len()).map(client).unique().count();
    let named = |(dates, clients): (String, Vec<&str>)| {
        if clients.len() == all { dates } else { format!("{}: {dates}", clients.join(", ")) }
    };
    alike.into_iter().map(named).join("; ")
}

fn dates_of(matrix: &Matrix, period: &Period) -> String {
    let label = |at: usize| matrix.columns[at].server();
    let first = label(period.first);
    let since = period.before.map(|before| format!("since {first} (not {})", label(before)));
    let until =
        period.after.map(|after| format!("until {} (not {})", label(period.last), label(after)));
    match (since, until) {
        (Some(since), Some(until)) => format!("{since}, {until}"),
        (Some(since), None) => since,
        (None, Some(until)) if period.first == period.last => until,
        (None, Some(until)) => format!("since {first} at least, {until}"),
        (None, None) => format!("since {first} at least"),
    }
}

/// The findings that are confirmed and have no cause, by release; none where all have one.
pub fn unexplained(matrix: &Matrix) -> Option<String> {
    let of = |(at, column): (usize, &Column)| {
        let results = column.results()?;
        let in_table = |number: &usize| {
            let mut cells = matrix.causes.iter().filter_map(|cause| cause.cells[at].shows());
            cells.any(|showing| showing.findings.contains(number))
        };
        let sure = |number: &usize| results.findings[*number].status != Status::Flaky;
        let all = 0..results.findings.len();
        let count = all.filter(sure).filter(|number| !in_table(number)).count();
        (count > 0).then(|| format!("{} on {}", plural(count, "finding"), column.label))
    };
    let parts = matrix.columns.iter().enumerate().filter_map(of).join(", ");
    (!parts.is_empty()).then(|| format!("{parts}; see the clauses"))
}

fn without_cause(matrix: &Matrix, style: &Style) -> String {
    let row = |parts: String| style.row_in(Color::Doubtful, "unexplained", &parts);
    unexplained(matrix).map(row).unwrap_or_default()
}

struct Table<'a> {
    matrix: &'a Matrix,
    style: &'a Style,
    title_width: usize,
    cell_width: usize,
}

impl Table<'_> {
    /// The table of some columns, with whole titles in the first.
    fn block(&self, columns: &[usize], is_first: bool) -> String {
        let Table { matrix, style, title_width, .. } = self;
        let labels = columns.iter().map(|at| matrix.columns[*at].label.as_str());
        let head = if is_first { "Cause" } else { "" };
        let mut text = style.heading(&format!("{head:title_width$}{}", self.line(labels)));
        for cause in &matrix.causes {
            let cells = columns.iter().map(|at| self.cell(&cause.cells[*at])).collect::<String>();
            let title = self.title(cause);
            let (first, more) = title
                .split_first()
                .map_or(("", [].as_slice()), |(first, more)| (first.as_str(), more));
            if is_first {
                text.push_str(&format!("{first:title_width$}{cells}\n"));
                more.iter().for_each(|line| text.push_str(&format!("{line}\n")));
                let dates = style.wrap("    ", "    ", &dates(matrix, cause));
                dates.lines().for_each(|line| {
                    text.push_str(&format!("{}\n", style.paint(Color::Faint, line)));
                });
            } else {
                let end = if more.is_empty() { "" } else { " …" };
                let first = format!("{first}{end}");
                text.push_str(&format!("{first:title_width$}{cells}\n"));
            }
        }
        text.push('\n');
        text
    }

    /// The lines of a title, which leave room for a gap and for ` …`.
    fn title(&self, cause: &MatrixCause) -> Vec<String> {
        let narrow = Style { width: self.title_width - 2, ..*self.style };
        narrow.wrap("", "  ", &cause.title).lines().map(str::to_owned).collect()
    }

    fn line<'a>(&self, words: impl Iterator<Item = &'a str>) -> String {
        words.map(|word| format!("{word:>width$}", width = self.cell_width)).collect()
    }

    fn cell(&self, cell: &CauseCell) -> String {
        let word = word(cell);
        self.style.paint(color(cell), &self.line(std::iter::once(word.as_str())))
    }
}

fn color(cell: &CauseCell) -> Color {
    match cell {
        CauseCell::Shows(showing) if showing.known => Color::Doubtful,
        CauseCell::Shows(_) => Color::Bad,
        CauseCell::Absent => Color::Good,
        CauseCell::Unsupported | CauseCell::Unknown => Color::Faint,
    }
}
