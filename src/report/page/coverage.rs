//! The table of what was compared: clauses by settings.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::cause::words::dimension;
use crate::contract::{Clause, all, row};
use crate::judge::record::Status;
use crate::judge::verdict::{Count, Finding};
use crate::matrix::Row;
use crate::policy::Dimension;
use crate::report::results::Results;
use crate::report::words::{self, plural};

pub(super) fn section(results: &Results<'_>) -> Markup {
    let counts = results.counts();
    let columns: BTreeSet<Option<Dimension>> = counts.keys().map(|row| row.dimension).collect();
    let tested: BTreeSet<Clause> = counts.keys().map(|row| row.clause).collect();
    let testable = words::testable(&results.outcome.subject).len();
    html! {
        section #coverage aria-labelledby="coverage-head" {
            h2 #coverage-head { "What was compared" }
            p.faint {
                (tested.len()) " of " (plural(testable, "clause")) " were tested. Not tested is \
                 not green."
            }
            @if !counts.is_empty() {
                (legend())
                (table(&Table { counts, columns, breaks: breaks(results) }))
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { b.holds { "✓ 12" } "compared 12 times, and agreed" }
            li { b.broken { "✗ 2/12" } "compared 12 times, 2 of them disagreed" }
            li { b.broken.known { "✗ 2/12" } "the same, a known deviation" }
            li { b.none { "∴ 3" } "an answer relied on it 3 times; not compared itself" }
            li { b.none { "·" } "not tested" }
        }
    }
}

struct Table {
    counts: BTreeMap<Row, Count>,
    columns: BTreeSet<Option<Dimension>>,
    breaks: BTreeMap<Row, Break>,
}

/// The cause of a finding in a cell.
struct Break {
    cause: String,
    is_known: bool,
}

/// For each cell that a finding is about, its first cause.
fn breaks(results: &Results<'_>) -> BTreeMap<Row, Break> {
    let mut breaks = BTreeMap::new();
    for entry in results.entries() {
        let is_known = matches!(entry.status(), Status::Known | Status::Carried);
        for report in &entry.findings {
            let Finding { clause, dimension, .. } = report.record.finding;
            let cause = entry.id();
            let row = Row { clause, dimension };
            // New causes come first.
            breaks.entry(row).or_insert(Break { cause, is_known });
        }
    }
    breaks
}

fn table(table: &Table) -> Markup {
    let Table { counts, columns, .. } = table;
    let clauses = all().iter().map(|row| row.clause);
    let clauses: Vec<Clause> =
        clauses.filter(|clause| counts.keys().any(|row| row.clause == *clause)).collect();
    let begins = |at: usize| at == 0 || row(clauses[at]).section != row(clauses[at - 1]).section;
    html! {
        div.box tabindex="0" role="region" aria-label="Clauses by settings" {
            table.grid.coverage {
                thead {
                    tr {
                        th scope="col" { "Clause" }
                        @for column in columns { th scope="col" { span { (words(*column)) } } }
                    }
                }
                tbody {
                    @for (at, clause) in clauses.iter().enumerate() {
                        @if begins(at) {
                            tr.section { th colspan=(columns.len() + 1) { (row(*clause).section) } }
                        }
                        tr {
                            th scope="row" { (clause.titled()) }
                            @for dimension in columns {
                                td { (table.cell(Row { clause: *clause, dimension: *dimension })) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A setting with its code.
fn words(column: Option<Dimension>) -> String {
    match column {
        Some(one) => format!("{} ({one})", dimension(one)),
        None => "the clause itself".to_owned(),
    }
}

impl Table {
    fn cell(&self, row: Row) -> Markup {
        let Some(Count { tested, compared, broken, .. }) = self.counts.get(&row) else {
            return html! { span.none { "·" } };
        };
        match (compared, broken, self.breaks.get(&row)) {
            (0, ..) => html! { span.none { "∴ " (tested) } },
            (_, 0, _) => html! { span.holds { "✓ " (compared) } },
            (_, _, None) => html! { span.broken { "✗ " (broken) "/" (compared) } },
            (_, _, Some(Break { cause, is_known })) => html! {
                a.broken.known[*is_known] href={ "#cause-" (cause) } {
                    "✗ " (broken) "/" (compared)
                }
            },
        }
    }
}
