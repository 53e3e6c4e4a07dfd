//! The causes on the page: a table of cause by release, and a card for each with its program.

use maud::{Markup, html};

use super::super::causes::{NONE, dates, unexplained};
use super::phrases::{self, sentence};
use crate::matrix::{CauseCell, Matrix, MatrixCause, Row};
use crate::report::matrix::name;
use crate::report::words;

/// The table of cause by release, which leads to the cards.
pub(super) fn table(matrix: &Matrix) -> Markup {
    html! {
        @if matrix.causes.is_empty() {
            p { (sentence(NONE)) }
        } @else {
            div.box tabindex="0" role="region" aria-label="Causes by release" {
                table.grid.causes {
                    thead {
                        tr {
                            th scope="col" { "Cause" }
                            @for column in &matrix.columns {
                                th scope="col" { span { (column.label) } }
                            }
                            th.dates scope="col" { "Since, until" }
                        }
                    }
                    tbody { @for cause in &matrix.causes { (row(matrix, cause)) } }
                }
            }
        }
        @if let Some(unexplained) = unexplained(matrix) {
            p { "Without a cause: " (unexplained) "." }
        }
    }
}

fn row(matrix: &Matrix, cause: &MatrixCause) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href={ "#" (anchor(cause)) } { (title(cause)) }
                (tags(cause))
            }
            @for cell in &cause.cells { (sign(cause, cell)) }
            td.dates { (dates(matrix, cause)) }
        }
    }
}

/// The title, its words between backticks as code.
fn title(cause: &MatrixCause) -> Markup {
    html! {
        @for (number, words) in cause.title.split('`').enumerate() {
            @if number % 2 == 1 { code { (words) } } @else { (words) }
        }
    }
}

fn anchor(cause: &MatrixCause) -> String {
    format!("cause-{}", cause.id)
}

fn tags(cause: &MatrixCause) -> Markup {
    html! {
        @if cause.widened() { span.tag.widened { "allows more" } }
        @if cause.is_known() { span.tag.known { "known" } }
    }
}

/// A cell: a sign and the number of findings.
fn sign(cause: &MatrixCause, cell: &CauseCell) -> Markup {
    match cell {
        CauseCell::Absent => html! { td.holds { "✓" } },
        CauseCell::Unsupported => html! { td.none { "–" } },
        CauseCell::Unknown => html! { td.none { "?" } },
        CauseCell::Shows(showing) => {
            let (sign, class) =
                if showing.widened { ("▲", "widened") } else { ("✗", "broken") };
            let class = if showing.known { "known" } else { class };
            let count = showing.findings.len();
            html! { td class=(class) { a href={ "#" (anchor(cause)) } { (sign) " " (count) } } }
        }
    }
}

/// A card for each cause.
pub(super) fn cards(matrix: &Matrix) -> Markup {
    html! { @for cause in &matrix.causes { (card(matrix, cause)) } }
}

fn card(matrix: &Matrix, cause: &MatrixCause) -> Markup {
    let lists = [
        ("Matters", &cause.record.matters),
        ("No matter", &cause.record.does_not_matter),
        ("Not tried", &cause.record.not_tried),
    ];
    html! {
        section.card id=(anchor(cause)) {
            h4 { (title(cause)) (tags(cause)) }
            dl {
                dt { "Shows" }
                dd { (dates(matrix, cause)) }
                dt { "Breaks" }
                dd { (words::clauses(&cause.clauses.iter().copied().collect::<Vec<_>>())) }
                @for (label, items) in lists {
                    @if !items.is_empty() {
                        dt { (label) }
                        dd { (items.join("; ")) }
                    }
                }
            }
            (program(matrix, cause))
        }
    }
}

/// The example of the last release that shows it, and links to all that it shows there.
fn program(matrix: &Matrix, cause: &MatrixCause) -> Markup {
    let shown = cause.cells.iter().zip(&matrix.columns).rev();
    let shown = shown.map(|(cell, column)| (column, cell.findings(column).collect::<Vec<_>>()));
    let Some((column, findings)) = shown.into_iter().find(|(_, findings)| !findings.is_empty())
    else {
        return html! {};
    };
    let first = findings[0];
    html! {
        dl {
            dt { "Seen on" }
            dd { (column.label) ", " (words::confirmed(first)) }
            dt { "Findings" }
            dd {
                @for (number, report) in findings.iter().enumerate() {
                    @let finding = &report.finding;
                    @let place =
                        Row { clause: finding.clause, dimension: finding.dimension };
                    @if number > 0 { "; " }
                    a href={ "#" (finding.signature().file_stem()) } { (name(place)) }
                    ": " code { (words::seen(finding)) } " instead of "
                    code { (finding.expected) }
                }
            }
        }
        (phrases::program(&first.trace.program, &first.finding))
    }
}
