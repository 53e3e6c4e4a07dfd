//! The table of what was compared: clauses by settings.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::cause::words::dimension;
use crate::contract::{Clause, all, row};
use crate::judge::verdict::Count;
use crate::matrix::Row;
use crate::policy::Dimension;
use crate::report::results::Results;
use crate::report::words::plural;

pub(super) fn section(results: &Results<'_>) -> Markup {
    let counts = results.counts();
    let columns: BTreeSet<Option<Dimension>> = counts.keys().map(|row| row.dimension).collect();
    let tested: BTreeSet<Clause> = counts.keys().map(|row| row.clause).collect();
    html! {
        section #coverage aria-labelledby="coverage-head" {
            h2 #coverage-head { "What was compared" }
            p.faint {
                (tested.len()) " of " (plural(all().len(), "clause")) " were tested. Not tested is \
                 not green."
            }
            @if !counts.is_empty() {
                (legend())
                (table(&counts, &columns))
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { b.holds { "✓ 12" } "compared 12 times, and agreed" }
            li { b.broken { "✗ 2/12" } "compared 12 times, 2 of them disagreed" }
            li { b.none { "∴ 3" } "an answer relied on it 3 times; not compared itself" }
            li { b.none { "·" } "not tested" }
        }
    }
}

fn table(counts: &BTreeMap<Row, Count>, columns: &BTreeSet<Option<Dimension>>) -> Markup {
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
                                @let place = Row { clause: *clause, dimension: *dimension };
                                td { (cell(counts.get(&place))) }
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

fn cell(count: Option<&Count>) -> Markup {
    let Some(Count { tested, compared, broken, .. }) = count else {
        return html! { span.none { "·" } };
    };
    match (compared, broken) {
        (0, _) => html! { span.none { "∴ " (tested) } },
        (_, 0) => html! { span.holds { "✓ " (compared) } },
        (_, broken) => html! { span.broken { "✗ " (broken) "/" (compared) } },
    }
}
