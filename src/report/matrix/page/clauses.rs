//! The clauses of the contract, to which the rows that no release breaks lead.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::cause::words::dimension;
use crate::contract::{Clause, all};
use crate::matrix::Matrix;
use crate::policy::Dimension;

/// The clauses that have a row, with what each demands.
pub(super) fn list(matrix: &Matrix) -> Markup {
    let rows: BTreeSet<Clause> = matrix.rows.keys().map(|row| row.clause).collect();
    let settings = Dimension::ALL.map(|about| format!("{about} {}", dimension(about)));
    html! {
        p.faint { "Settings have short names: " (settings.join(", ")) "." }
        dl.clauses {
            @for row in all().iter().filter(|row| rows.contains(&row.clause)) {
                dt id=(anchor(row.clause)) { (row.clause.titled()) }
                dd { (row.text) }
            }
        }
    }
}

pub(super) fn anchor(clause: Clause) -> String {
    format!("clause-{}", clause.to_string().to_lowercase())
}
