//! The deviations of a matrix, a card each.
//!
//! A signature has one card for all releases that show it. Where the program or the values differ
//! between releases, the card has each of them.

use std::collections::BTreeMap;

use itertools::Itertools;
use maud::{Markup, html};

use super::phrases;
use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::matrix::{Breach, Column, Matrix, Row, Since};
use crate::report::matrix::name;
use crate::report::words;

/// A finding that is the same on some releases.
struct Alike<'a> {
    report: &'a FindingReport,
    releases: Vec<&'a str>,
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
        h3.clause { (name(place)) }
        p { (row.text) }
        p.faint { "Strength " (strength) ", a " (strength.verdict()) ": " (strength.meaning()) "." }
        @for card in cards { (card.html(matrix)) }
    }
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
        let label = |shown: &Shown<'_>| matrix.columns[shown.column].label.as_str();
        let alike = self.alike(matrix);
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
                    dd { (self.shown.iter().map(label).unique().join(", ")) }
                    dt { "Since" }
                    dd { (since(&breaches)) }
                    @if finding.dimension.is_some() {
                        dt { "Origin" }
                        dd { (words::origin(finding)) }
                    }
                    dt { "Signature" }
                    dd { code { (self.signature) } }
                }
                @for one in &alike { (program(one, alike.len() == 1)) }
            }
        }
    }

    fn breach<'a>(&self, matrix: &'a Matrix, row: Row, column: usize) -> Option<&'a Breach> {
        let cell = matrix.rows.get(&row)?.get(column)?;
        cell.breaches.iter().find(|breach| breach.signature == self.signature)
    }

    /// The findings, those together that show the same in the same program.
    fn alike<'a>(&'a self, matrix: &'a Matrix) -> Vec<Alike<'a>> {
        let mut all: Vec<Alike<'_>> = Vec::new();
        for Shown { column, report } in &self.shown {
            let label = matrix.columns[*column].label.as_str();
            match all.iter_mut().find(|other| is_alike(other.report, report)) {
                Some(alike) => alike.releases.push(label),
                None => all.push(Alike { report, releases: vec![label] }),
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
fn program(alike: &Alike<'_>, alone: bool) -> Markup {
    let FindingReport { record, trace, .. } = alike.report;
    let (finding, program) = (&record.finding, &trace.program);
    html! {
        dl {
            @if !alone {
                dt { "On" }
                dd { (alike.releases.join(", ")) }
            }
            dt { "Expected" }
            dd { code { (finding.expected) } }
            dt { "Seen" }
            dd { code { (words::seen(finding)) } ", " (words::confirmed(alike.report)) }
        }
        (phrases::program(program, finding))
    }
}
