//! The deviations of a matrix, a card each.
//!
//! A signature has one card, whatever the number of releases that show it; where the program or
//! the values differ between releases, each of them stands in it. A card says what is demanded, by
//! whom, what is seen instead, where and since when.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::matrix::{Breach, Column, Matrix, Row, Since};
use crate::report::finding::{FindingText, origin};
use crate::report::words;

/// A finding on some releases, alike on all of them.
struct Alike<'a> {
    told: &'a FindingReport,
    releases: Vec<&'a str>,
}

/// A signature, and the columns that show it with what they show.
type Card<'a> = (Signature, Vec<(usize, &'a FindingReport)>);

/// Every card.
pub(super) fn all(matrix: &Matrix) -> Markup {
    let mut signatures: BTreeMap<Signature, Vec<(usize, &FindingReport)>> = BTreeMap::new();
    for (at, column) in matrix.columns.iter().enumerate() {
        for told in findings(column) {
            signatures.entry(told.finding.signature()).or_default().push((at, told));
        }
    }
    let widens =
        |shown: &[(usize, &FindingReport)]| shown.iter().any(|(_, told)| told.finding.widened);
    let mut places: BTreeMap<Row, Vec<Card<'_>>> = BTreeMap::new();
    for (signature, shown) in signatures {
        let place = Row { clause: signature.clause, dimension: signature.dimension };
        places.entry(place).or_default().push((signature, shown));
    }
    for cards in places.values_mut() {
        cards.sort_by_key(|(signature, shown)| (!widens(shown), signature.clone()));
    }
    html! {
        @if places.is_empty() { p { "None." } }
        @for (place, cards) in places { (clause(matrix, place, &cards)) }
    }
}

/// A clause in a dimension, with a card for each signature that breaks it.
fn clause(matrix: &Matrix, place: Row, cards: &[Card<'_>]) -> Markup {
    let row = row(place.clause);
    let strength = row.strength(place.dimension);
    html! {
        h3.clause { (super::name(place)) }
        p { (row.text) }
        p.faint { "Strength " (strength) ", a " (strength.verdict()) ": " (strength.meaning()) "." }
        @for (signature, shown) in cards { (card(matrix, signature, shown)) }
    }
}

fn findings(column: &Column) -> impl Iterator<Item = &FindingReport> {
    let findings = column.results().into_iter().flat_map(|results| &results.findings);
    findings.filter(|told| told.status != Status::Flaky)
}

fn card(matrix: &Matrix, signature: &Signature, shown: &[(usize, &FindingReport)]) -> Markup {
    let Some((_, first)) = shown.first() else { return html! {} };
    let finding = &first.finding;
    let place = Row { clause: finding.clause, dimension: finding.dimension };
    let widened = shown.iter().any(|(_, told)| told.finding.widened);
    let breaches: Vec<&Breach> =
        shown.iter().filter_map(|(at, _)| breach(matrix, place, *at, signature)).collect();
    let known = breaches.iter().all(|breach| breach.known);
    let alike = alike(matrix, shown);
    html! {
        section.card id=(first.id) {
            h4 {
                (super::name(place)) ": " (words::subject(finding))
                ", where " (finding.form) " is due"
                @if widened { span.tag.widened { "allows more" } }
                @if known { span.tag.known { "known" } }
            }
            dl {
                dt { "Shown by" }
                dd { (labels(matrix, shown).join(", ")) }
                dt { "Since" }
                dd { (since(&breaches).join("; ")) }
                @if finding.dimension.is_some() {
                    dt { "Origin" }
                    dd { (origin(finding)) }
                }
                dt { "Signature" }
                dd { code { (signature) } }
            }
            @for one in &alike { (program(one, alike.len() == 1)) }
        }
    }
}

fn breach<'a>(
    matrix: &'a Matrix,
    place: Row,
    at: usize,
    signature: &Signature,
) -> Option<&'a Breach> {
    let cell = matrix.rows.get(&place)?.get(at)?;
    cell.breaches.iter().find(|breach| breach.signature == *signature)
}

fn labels<'a>(matrix: &'a Matrix, shown: &[(usize, &FindingReport)]) -> Vec<&'a str> {
    shown.iter().map(|(at, _)| matrix.columns[*at].label.as_str()).collect()
}

/// Each unbroken row of releases, by its beginning.
fn since(breaches: &[&Breach]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for breach in breaches {
        let words = match &breach.since {
            Since::After { first, last } => format!("{first} ({last} does not show it)"),
            Since::AtLeast { first } => format!("{first} at least, the first that was tried"),
        };
        if !told.contains(&words) {
            told.push(words);
        }
    }
    told
}

/// The findings, those together that show the same in the same program.
fn alike<'a>(matrix: &'a Matrix, shown: &[(usize, &'a FindingReport)]) -> Vec<Alike<'a>> {
    let mut all: Vec<Alike> = Vec::new();
    for (at, told) in shown {
        let label = matrix.columns[*at].label.as_str();
        let same = |other: &&mut Alike| {
            let (one, other) = (&told.finding, &other.told.finding);
            let values = (&one.expected, &one.seen) == (&other.expected, &other.seen);
            values && one.step == other.step
        };
        match all
            .iter_mut()
            .filter(|other| other.told.trace.program == told.trace.program)
            .find(same)
        {
            Some(alike) => alike.releases.push(label),
            None => all.push(Alike { told, releases: vec![label] }),
        }
    }
    all
}

/// The program, and what it shows; on which releases too, where there are several.
fn program(alike: &Alike<'_>, alone: bool) -> Markup {
    let FindingReport { record, trace, .. } = alike.told;
    let FindingRecord { finding, confirmed, status, .. } = record;
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
    html! {
        dl {
            @if !alone {
                dt { "On" }
                dd { (alike.releases.join(", ")) }
            }
            dt { "Expected" }
            dd { code { (finding.expected) } }
            dt { "Seen" }
            dd { code { (words::seen(finding)) } ", " (words::confirmed(*status, *confirmed)) }
        }
        pre {
            @for line in exhibit.lines() {
                @match &line.says {
                    None => { "  " (line.text) "\n" }
                    Some(says) => {
                        mark { "> " (line.indent) (line.text) } "\n"
                        "  " (line.indent) "^ " (says) "\n"
                    }
                }
            }
        }
    }
}
