//! The filters of the causes, which a script shows: without one they would do nothing.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::cause::words::dimension;
use crate::contract::Clause;
use crate::policy::Dimension;
use crate::report::results::{Entry, Results, status_words};

pub(super) fn form(results: &Results<'_>) -> Markup {
    let entries = results.entries();
    let statuses: BTreeSet<&str> =
        entries.iter().map(|entry| status_words(entry.status())).collect();
    let clauses: BTreeSet<Clause> = entries.iter().flat_map(Entry::clauses).collect();
    let dimensions: BTreeSet<Dimension> = entries.iter().flat_map(Entry::dimensions).collect();
    let clauses = clauses.into_iter().map(|clause| (clause.to_string(), clause.titled()));
    let dimensions = dimensions.into_iter().map(|one| (one.to_string(), words(one)));
    let statuses = statuses.into_iter().map(|status| (status.to_owned(), status.to_owned()));
    html! {
        section #filters aria-label="Filters" hidden {
            form {
                (select("status", "Status", &statuses.collect::<Vec<_>>()))
                (select("clause", "Clause", &clauses.collect::<Vec<_>>()))
                (select("setting", "Setting", &dimensions.collect::<Vec<_>>()))
                label {
                    "Text"
                    input #filter-text name="text" type="search" autocomplete="off";
                }
                label.check {
                    input #filter-widened name="widened" type="checkbox";
                    " only WIDENED"
                }
                button type="reset" { "Show all" }
            }
            p #filtered role="status" {}
        }
    }
}

fn select(name: &str, label: &str, options: &[(String, String)]) -> Markup {
    html! {
        label {
            (label)
            select name=(name) id={ "filter-" (name) } {
                option value="" { "any" }
                @for (value, words) in options { option value=(value) { (words) } }
            }
        }
    }
}

/// A setting with its code.
fn words(one: Dimension) -> String {
    format!("{} ({one})", dimension(one))
}
