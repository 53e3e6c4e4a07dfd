//! What a client that goes from one release to another must know.
//!
//! What breaks stands first, each with its clause in words, what was due, what is seen and the
//! program that shows it; then what is repaired and what can be asked for only on one side. What is
//! alike on both, and what nobody knows, is named and no more.

use super::name;
use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::record::FindingRecord;
use crate::judge::signature::Signature;
use crate::matrix::change::{Change, Difference, Kind};
use crate::matrix::{Matrix, Row};
use crate::report::finding::FindingText;
use crate::report::style::{Color, Style};
use crate::report::words::{self, plural};

/// Two columns of a matrix, told as a difference.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    /// The matrix that has both.
    pub matrix: &'a Matrix,
    /// The column that a client leaves.
    pub from: usize,
    /// The column that it goes to.
    pub to: usize,
}

impl Upgrade<'_> {
    /// The text for a terminal.
    pub fn text(&self, paint: &Style) -> String {
        let difference = self.matrix.difference(self.from, self.to);
        let (from, to) = (self.label(self.from), self.label(self.to));
        let head = format!("From codex {from} to {to}");
        let mut text = format!("{}\n", paint.ink(Color::Strong, &head));
        if difference.changes.is_empty() {
            text.push_str("  no clause changes, as far as both were asked\n");
        }
        let mut kind = None;
        for change in &difference.changes {
            if kind.replace(change.kind) != Some(change.kind) {
                let same = difference.changes.iter().filter(|other| other.kind == change.kind);
                let heading = heading(change.kind, same.count());
                text.push_str(&format!("\n{}\n", paint.ink(ink(change.kind), &heading)));
            }
            text.push_str(&self.change(change, paint));
        }
        text.push_str(&remainder(&difference, paint));
        text
    }

    fn label(&self, column: usize) -> &str {
        &self.matrix.columns[column].label
    }

    fn change(&self, change: &Change, paint: &Style) -> String {
        let mut text = paint.row(&name(change.place), row(change.place.clause).text);
        for signature in &change.gained {
            text.push_str(&self.program(self.to, signature, paint));
        }
        for signature in &change.lost {
            text.push_str(&self.program(self.from, signature, paint));
        }
        text
    }

    /// What a column shows, and the program by which it does.
    fn program(&self, column: usize, signature: &Signature, paint: &Style) -> String {
        let Some(told) = self.matrix.told(column, signature) else {
            return String::new();
        };
        let FindingReport { record, trace, .. } = told;
        let FindingRecord { finding, status, .. } = record;
        let program = &trace.program;
        let (before, after) = (Vec::new(), Vec::new());
        let exhibit = FindingText {
            finding,
            program,
            trace: None,
            standing: words::status(*status),
            before,
            after,
        };
        let widened = if finding.widened { "; it allows MORE" } else { "" };
        let seen = format!("{}, where {} is due{widened}", words::seen(finding), finding.expected);
        let label = self.label(column);
        format!("{}\n{}\n", paint.row(&format!("on {label}"), &seen), exhibit.program(paint))
    }
}

fn heading(kind: Kind, count: usize) -> String {
    let verb = |one: &'static str, many: &'static str| if count == 1 { one } else { many };
    let rows = plural(count, "clause");
    match kind {
        Kind::Broken => format!("{rows} {}", verb("breaks", "break")),
        Kind::Otherwise => format!("{rows} {} broken otherwise than before", verb("is", "are")),
        Kind::Repaired => format!("{rows} {} repaired", verb("is", "are")),
        Kind::Testable => format!("{rows} can be asked for that could not before"),
        Kind::Untestable => format!("{rows} can no longer be asked for"),
    }
}

fn ink(kind: Kind) -> Color {
    match kind {
        Kind::Broken => Color::Bad,
        Kind::Repaired => Color::Good,
        _ => Color::Strong,
    }
}

fn remainder(difference: &Difference, paint: &Style) -> String {
    let list = |places: &[Row]| match places {
        [] => "nothing".to_owned(),
        places => places.iter().map(|place| name(*place)).collect::<Vec<_>>().join(", "),
    };
    let Difference { still, hold, unknown, .. } = difference;
    let rows = [
        ("still broken", format!("alike on both: {}", list(still))),
        ("holds", format!("on both: {}", plural(*hold, "clause"))),
        ("not known", format!("since it was not tried on both: {}", list(unknown))),
    ];
    let rows = rows.map(|(label, words)| paint.row(label, &words));
    format!("\n{}", rows.concat())
}
