//! What an upgrade from one release to another changes for a client.
//!
//! Causes stand first: those that appear, each with a program that shows it, those that disappear
//! and those that stay. Then come clauses: those that break, each with the program that shows it; then those that are
//! repaired, or that only one of the releases supports. The rest is listed below.

use super::{name, names};
use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::signature::Signature;
use crate::matrix::change::{CauseChanges, Change, Difference, Kind};
use crate::matrix::{Matrix, MatrixCause};
use crate::report::listing;
use crate::report::style::{Color, Style};
use crate::report::words::{self, plural};

/// Two columns of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    pub matrix: &'a Matrix,
    /// The column that a client leaves.
    pub from: usize,
    /// The column that it goes to.
    pub to: usize,
}

impl Upgrade<'_> {
    /// The text for a terminal.
    pub fn text(&self, style: &Style) -> String {
        let difference = self.matrix.difference(self.from, self.to);
        let (from, to) = (self.label(self.from), self.label(self.to));
        let mut text = style.heading(&format!("From codex {from} to {to}"));
        text.push_str(&self.causes(&difference.causes, style));
        if difference.changes.is_empty() {
            text.push_str("\n  no clause changes among those that were tested on both\n");
        }
        for changes in difference.changes.chunk_by(|one, next| one.kind == next.kind) {
            let kind = changes[0].kind;
            let heading = style.paint(color(kind), &heading(kind, changes.len()));
            text.push_str(&format!("\n{heading}\n"));
            changes.iter().for_each(|change| text.push_str(&self.change(change, style)));
        }
        text + &remainder(&difference, style)
    }

    /// The causes that appear, disappear and stay.
    fn causes(&self, changes: &CauseChanges, style: &Style) -> String {
        let CauseChanges { appear, disappear, stay, unknown } = changes;
        let lists = [
            (Color::Bad, appear, self.to, "appears", "appear"),
            (Color::Good, disappear, self.from, "disappears", "disappear"),
            (Color::Strong, stay, self.to, "stays", "stay"),
            (Color::Doubtful, unknown, self.to, "is not known", "are not known"),
        ];
        let mut text = String::new();
        for (color, numbers, column, verb, verbs) in lists {
            if numbers.is_empty() {
                continue;
            }
            let verb = if numbers.len() == 1 { verb } else { verbs };
            let heading = format!("{} {verb}", plural(numbers.len(), "cause"));
            text.push_str(&format!("\n{}\n", style.paint(color, &heading)));
            for number in numbers {
                text.push_str(&self.cause(&self.matrix.causes[*number], column, style));
                if std::ptr::eq(numbers, appear) {
                    text.push_str(&self.example(&self.matrix.causes[*number], style));
                }
            }
        }
        text
    }

    /// The title of a cause, and how it stands on a release.
    fn cause(&self, cause: &MatrixCause, column: usize, style: &Style) -> String {
        let showing = cause.cells[column].shows();
        let mut marks = showing.map_or_else(Vec::new, |showing| {
            let widened = showing.widened.then(|| "WIDENED".to_owned());
            let known = showing.known.then(|| "known".to_owned());
            let count = plural(showing.findings.len(), "finding");
            [widened, known, Some(count)].into_iter().flatten().collect()
        });
        marks.extend(cause.clauses.iter().map(|clause| words::unbroken(&clause.titled())));
        let line = format!("{} ({})", cause.title, marks.join(", "));
        style.paragraph(Color::Plain, "  ", &line)
    }

    fn example(&self, cause: &MatrixCause, style: &Style) -> String {
        let cell = &cause.cells[self.to];
        let Some(report) = cell.findings(&self.matrix.columns[self.to]).next() else {
            return String::new();
        };
        format!("\n{}\n", listing::text(&report.trace.program, &report.finding, style))
    }

    fn label(&self, column: usize) -> &str {
        &self.matrix.columns[column].label
    }

    fn change(&self, change: &Change, style: &Style) -> String {
        let clause = row(change.place.clause).text;
        let mut text = style.paragraph(Color::Strong, "  ", &name(change.place));
        text.push_str(&format!("{}\n", style.wrap("    ", "    ", clause)));
        for signature in &change.gained {
            text.push_str(&self.program(self.to, signature, style));
        }
        for signature in &change.lost {
            text.push_str(&self.program(self.from, signature, style));
        }
        text
    }

    /// What a column shows, and the program that shows it.
    fn program(&self, column: usize, signature: &Signature, style: &Style) -> String {
        let Some(report) = self.matrix.told(column, signature) else {
            return String::new();
        };
        let FindingReport { record, trace, .. } = report;
        let (finding, program) = (&record.finding, &trace.program);
        let widened = if finding.widened { "; it allows MORE than it should" } else { "" };
        let seen = words::seen(finding);
        let seen = format!("expected {}, seen {seen}{widened}", finding.expected);
        let row = style.row(&format!("on {}", self.label(column)), &seen);
        format!("{row}\n{}\n", listing::text(program, finding, style))
    }
}

fn heading(kind: Kind, count: usize) -> String {
    let (clauses, is) = (plural(count, "clause"), if count == 1 { "is" } else { "are" });
    match kind {
        Kind::Broken => format!("{clauses} {is} newly broken"),
        Kind::Otherwise => format!("{clauses} {is} broken in another way than before"),
        Kind::Repaired => format!("{clauses} {is} repaired"),
        Kind::Testable => format!("{clauses} can be tested that could not before"),
        Kind::Untestable => format!("{clauses} can no longer be tested"),
    }
}

fn color(kind: Kind) -> Color {
    match kind {
        Kind::Broken => Color::Bad,
        Kind::Repaired => Color::Good,
        _ => Color::Strong,
    }
}

fn remainder(difference: &Difference, style: &Style) -> String {
    let Difference { still, hold, unknown, .. } = difference;
    let rows = [
        style.row("still broken", &format!("in the same way on both: {}", names(still))),
        style.row("holds", &format!("on both: {}", plural(*hold, "clause"))),
        style.row("not known", &format!("not tested on both: {}", names(unknown))),
    ];
    format!("\n{}", rows.concat())
}
