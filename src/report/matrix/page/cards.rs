//! The deviations of a matrix, a card each.
//!
//! A signature has one card for all releases that show it. Where the program or the values differ
//! between releases, the card has the first few of them.

use std::collections::BTreeMap;

use itertools::Itertools;
use maud::{Markup, html};

use super::phrases;
use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::matrix::{Breach, Column, Matrix, Row, Since};
use crate::report::matrix::{name, releases};
use crate::report::words;

/// Most programs on a card: with more, the page of forty releases is too long to load and to read.
const PROGRAMS_MAX: usize = 2;

/// A finding that is the same on some releases.
struct Alike<'a> {
    report: &'a FindingReport,
    columns: Vec<usize>,
}

/// A finding on a release.
#[derive(Clone, Copy)]
struct Shown<'a> {
    column: usize,
    report: &'a FindingReport,
}

/// A signature on the releases that show it.
struct Card<'a> {
    signature: Signature,
    shown: Vec<Shown<'a>>,
}

pub(super) fn cards(matrix: &Matrix) -> Markup {
    let mut signatures: BTreeMap<Signature, Vec<Shown<'_>>> = BTreeMap::new();
    for (at, column) in matrix.columns.iter().enumerate() {
        for report in findings(column) {
            let shown = Shown { column: at, report };
            signatures.entry(report.finding.signature()).or_default().push(shown);
        }
    }
    let mut rows: BTreeMap<Row, Vec<Card<'_>>> = BTreeMap::new();
    for (signature, shown) in signatures {
        let row = Row { clause: signature.clause, dimension: signature.dimension };
        rows.entry(row).or_default().push(Card { signature, shown });
    }
    for cards in rows.values_mut() {
        cards.sort_by_key(|card| (!card.widened(), card.signature.clone()));
    }
    html! {
        @if rows.is_empty() { p { "None." } }
        @for (row, cards) in rows { (clause(matrix, row, &cards)) }
    }
}

/// A clause in a dimension, with a card for each signature that breaks it.
fn clause(matrix: &Matrix, place: Row, cards: &[Card<'_>]) -> Markup {
    let row = row(place.clause);
    let strength = row.strength(place.dimension);
    html! {
        section.clause id=(anchor(place)) {
            h3 { (name(place)) }
            p { (row.text) }
            p.faint {
                "Strength " (strength) ", a " (strength.verdict()) ": " (strength.meaning()) "."
            }
            @for card in cards { (card.html(matrix)) }
        }
    }
}

/// The id of the part about a row.
pub(super) fn anchor(place: Row) -> String {
    let clause = place.clause.to_string();
    let about = place.dimension.map(|dimension| format!("-{dimension}")).unwrap_or_default();
    format!("row-{clause}{about}").to_lowercase()
}

fn findings(column: &Column) -> impl Iterator<Item = &FindingReport> {
    let findings = column.results().into_iter().flat_map(|results| &results.findings);
    findings.filter(|report| report.status != Status::Flaky)
}

impl Card<'_> {
    fn widened(&self) -> bool {
        self.shown.iter().any(|shown| shown.report.finding.widened)
    }

    fn html(&self, matrix: &Matrix) -> Markup {
        let Some(Shown { report: first, .. }) = self.shown.first() else { return html! {} };
        let finding = &first.finding;
        let row = Row { clause: finding.clause, dimension: finding.dimension };
        let breaches: Vec<&Breach> =
            self.shown.iter().filter_map(|shown| self.breach(matrix, row, shown.column)).collect();
        let known = breaches.iter().all(|breach| breach.known);
        let columns: Vec<usize> = self.shown.iter().map(|shown| shown.column).dedup().collect();
        let alike = self.alike();
        let left_out = alike.iter().skip(PROGRAMS_MAX).flat_map(|one| one.columns.iter().copied());
        let left_out: Vec<usize> = left_out.sorted().dedup().collect();
        html! {
            section.card id=(self.signature.file_stem()) {
                h4 {
                    (name(row)) ": " (words::subject(finding))
                    ", expected " (finding.form)
                    @if self.widened() { span.tag.widened { "allows more" } }
                    @if known { span.tag.known { "known" } }
                }
                dl {
                    dt { "Shown by" }
                    dd { (releases(matrix, &columns)) }
                    dt { "Since" }
                    dd { (since(&breaches)) }
                    @if finding.dimension.is_some() {
                        dt { "Origin" }
                        dd { (words::origin(finding)) }
                    }
                    dt { "Signature" }
                    dd { code { (self.signature) } }
                }
                @for one in alike.iter().take(PROGRAMS_MAX) {
                    (program(matrix, one, alike.len() == 1))
                }
                @if !left_out.is_empty() {
                    p.faint {
                        "Other programs show it on " (releases(matrix, &left_out)) ": `heirloom matrix` keeps "
                        "them in " code { "cases" } "."
                    }
                }
            }
        }
    }

    fn breach<'a>(&self, matrix: &'a Matrix, row: Row, column: usize) -> Option<&'a Breach> {
        let cell = matrix.rows.get(&row)?.get(column)?;
        cell.breaches.iter().find(|breach| breach.signature == self.signature)
    }

    /// The findings, those together that show the same in the same program.
    fn alike(&self) -> Vec<Alike<'_>> {
        let mut all: Vec<Alike<'_>> = Vec::new();
        for Shown { column, report } in &self.shown {
            match all.iter_mut().find(|other| is_alike(other.report, report)) {
                Some(alike) => alike.columns.push(*column),
                None => all.push(Alike { report, columns: vec![*column] }),
            }
        }
        all
    }
}

fn is_alike(one: &FindingReport, other: &FindingReport) -> bool {
    let (a, b) = (&one.finding, &other.finding);
    let same_values = (&a.expected, &a.seen) == (&b.expected, &b.seen);
    same_values && a.step == b.step && one.trace.program == other.trace.program
}

/// The first release of each unbroken row of releases.
fn since(breaches: &[&Breach]) -> String {
    let since = breaches.iter().map(|breach| match &breach.since {
        Since::After { first, last } => format!("{first} ({last} does not show it)"),
        Since::AtLeast { first } => format!("{first} at least, the first that was tested"),
    });
    since.unique().join("; ")
}

/// The program, and what it shows; on which releases too, where there are several.
fn program(matrix: &Matrix, alike: &Alike<'_>, alone: bool) -> Markup {
    let FindingReport { record, trace, .. } = alike.report;
    let (finding, program) = (&record.finding, &trace.program);
    html! {
        dl {
            @if !alone {
                dt { "On" }
                dd { (releases(matrix, &alike.columns)) }
            }
            dt { "Expected" }
            dd { code { (finding.expected) } }
            dt { "Seen" }
            dd { code { (words::seen(finding)) } ", " (words::confirmed(alike.report)) }
        }
        (phrases::program(program, finding))
    }
}
