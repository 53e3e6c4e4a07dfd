//! The matrix as a page: one HTML file, with no script and nothing loaded from elsewhere.
//!
//! It reads well on paper and on a phone, in light and dark, and without colours: every state has a
//! sign. The causes come first; a cause and a broken cell link to their programs.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::phrases::{UNKNOWN, sentence};
use super::{Quiet, name, names, tells};
use crate::contract::row;
use crate::matrix::record::Key;
use crate::matrix::{Cell, Column, Matrix, Outcome, Row, State, TurningPoint};
use crate::report::words::{self, plural};

mod cards;
mod causes;
pub(crate) mod phrases;

const STYLE: &str = include_str!("page.css");

pub fn html(matrix: &Matrix, key: &Key) -> String {
    let title = title(matrix);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (introduction(matrix, key))
                h2 { "Cause by release" }
                (legend())
                (causes::table(matrix))
                @if !matrix.causes.is_empty() {
                    h2 { "Causes" }
                    (causes::cards(matrix))
                }
                h2 { "Clause by release" }
                (grid(matrix, "Clauses that some release breaks", &tells))
                (others(matrix))
                (remainder(matrix))
                h2 { "What changed when" }
                (turns(matrix))
                h2 { "Deviations" }
                (cards::cards(matrix))
                h2 { "Releases" }
                (releases(matrix))
                (how(key))
            }
        }
    }
    .into_string()
}

fn title(matrix: &Matrix) -> String {
    let subject = "policy inheritance in codex app-server";
    match matrix.columns.as_slice() {
        [] => format!("No release: {subject}"),
        [one] => format!("{}: {subject}", one.label),
        [first, .., last] => format!("{} to {}: {subject}", first.label, last.label),
    }
}

fn introduction(matrix: &Matrix, key: &Key) -> Markup {
    let count = |fits: &dyn Fn(&Cell) -> bool| {
        let rows = matrix.rows.values();
        rows.filter(|cells| cells.iter().any(fits)).count()
    };
    let broken = count(&|cell| cell.state == State::Broken);
    let widened = count(&|cell| cell.widened());
    let gaps = super::gaps(matrix);
    let each = match &gaps {
        None => format!("each of {}", plural(matrix.columns.len(), "release")),
        Some(_) => "each release that ran".to_owned(),
    };
    let widening = matrix.causes.iter().filter(|cause| cause.widened()).count();
    html! {
        p {
            "Does a thread keep the policy that it was given: through turns, forks, restarts and \
             resumes? The same " (key.cases) " random programs were run on " (each)
            ", and every answer was compared with the contract of heirloom. Each difference was \
             reduced to a short program, confirmed in fresh processes, and that program was run on \
             every other release."
        }
        @if let Some(gaps) = gaps {
            p { strong { (gaps) } ": the reasons are below. The others are left out here." }
        }
        p {
            strong { (plural(matrix.causes.len(), "cause")) }
            @if widening > 0 { ", " (widening) " of which let a release allow more than it should" }
            ". They break " (plural(broken, "row")) " of the table of clauses, " (widened)
            " of them with more allowed."
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { b.holds { "✓" } "holds, or does not show it" }
            li { b.broken { "✗" } "broken, or shows it by so many findings" }
            li { b.widened { "▲" } "the same, and allows more than it should" }
            li { b.broken.known { "✗" } "known deviation" }
            li { b.none { "–" } "not supported by that release" }
            li { b.none { "·" } "not tested" }
            li { b.none { "?" } "not known: not run to the end, or not asked" }
        }
    }
}

/// The rows that are of a kind, as a table.
fn grid(matrix: &Matrix, title: &str, kind: &dyn Fn(&[Cell]) -> bool) -> Markup {
    let rows: Vec<(&Row, &Vec<Cell>)> =
        matrix.rows.iter().filter(|(_, cells)| kind(cells)).collect();
    let section = |at: usize| row(rows[at].0.clause).section;
    let begins = |at: usize| at == 0 || section(at) != section(at - 1);
    html! {
        div.box tabindex="0" role="region" aria-label=(title) {
            table.grid {
                thead {
                    tr {
                        th scope="col" { "Clause" }
                        @for column in &matrix.columns {
                            th scope="col" { span { (column.label) } }
                        }
                    }
                }
                tbody {
                    @for (at, (place, cells)) in rows.iter().enumerate() {
                        @if begins(at) {
                            tr.section { th colspan=(matrix.columns.len() + 1) { (section(at)) } }
                        }
                        tr {
                            th scope="row" title=(row(place.clause).text) { (name(**place)) }
                            @for (column, cell) in matrix.columns.iter().zip(*cells) {
                                td { (sign(**place, column, cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The rows that hold wherever they were tested, folded away.
fn others(matrix: &Matrix) -> Markup {
    let holds = |cells: &[Cell]| !tells(cells) && cells.iter().any(Cell::is_judged);
    let holding = Quiet::of(matrix).holding;
    let count = holding.len();
    html! {
        @if count > 0 {
            // A folded part cannot be opened on paper.
            p.paper { "These hold wherever they were tested: " (names(holding)) "." }
            details {
                summary { (plural(count, "row")) " of clauses that hold wherever they were tested" }
                (grid(matrix, "Clauses that hold wherever they were tested", &holds))
            }
        }
    }
}

/// A cell: a sign, which leads to the program where there is one.
fn sign(place: Row, column: &Column, cell: &Cell) -> Markup {
    let about = |says: &str| format!("{} on {}: {says}", name(place), column.label);
    let plain = |sign: &str, class: &str, says: &str| {
        html! { span class=(class) title=(about(says)) { (sign) } }
    };
    if let Outcome::NotRun(reason) = &column.outcome {
        return plain("?", "none", &format!("not run: {reason}"));
    }
    let Some(breach) = cell.breaches.first() else {
        let tested = format!("holds, tested {}", plural(cell.tested, "time"));
        return match cell.state {
            State::Untestable => plain("–", "none", "this release does not support it"),
            State::Untried => plain("·", "none", "not tested"),
            State::Unknown => plain("?", "none", UNKNOWN),
            State::Holds | State::Broken => plain("✓", "holds", &tested),
        };
    };
    let known = if cell.is_known() { " known" } else { "" };
    let (sign, class, says) = if cell.widened() {
        ("▲", "widened", "broken, and allows more than it should")
    } else {
        ("✗", "broken", "broken")
    };
    let known_says = if cell.is_known() { ", a known deviation" } else { "" };
    let says = about(&format!("{says}{known_says}; see the program"));
    html! { a class={ (class) (known) } href={ "#" (breach.signature.file_stem()) } title=(says) { (sign) } }
}

/// The clauses that no release was tested for.
fn remainder(matrix: &Matrix) -> Markup {
    let untested = Quiet::of(matrix).untested;
    html! {
        @if !untested.is_empty() {
            p.faint {
                "Not tested is not green. These clauses were not tested on any release: "
                (names(untested)) "."
            }
        }
    }
}

fn turns(matrix: &Matrix) -> Markup {
    let turns = matrix.turns();
    let at = |column: usize| turns.iter().filter(move |turn| turn.to == column);
    let columns = (0..matrix.columns.len()).filter(|column| at(*column).next().is_some());
    html! {
        @if turns.is_empty() { p { (sentence(super::unchanged(matrix))) } }
        ul.turns {
            @for column in columns {
                li {
                    strong { (matrix.columns[column].label) }
                    ul {
                        @for turn in at(column) {
                            li {
                                (super::turn(matrix, turn))
                                @if let Some((id, what)) = program(matrix, turn) {
                                    ": " a href={ "#" (id) } { (what) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The program that shows a turn, and on which side of it.
fn program(matrix: &Matrix, turn: &TurningPoint) -> Option<(String, &'static str)> {
    let told = |column, signatures: &[_]| {
        let first = signatures.first()?;
        matrix.told(column, first)?;
        Some(first.file_stem())
    };
    let gained = told(turn.to, &turn.gained).map(|id| (id, "the program that shows it"));
    gained.or_else(|| told(turn.from, &turn.lost).map(|id| (id, "the program that showed it")))
}

fn releases(matrix: &Matrix) -> Markup {
    html! {
        div.box tabindex="0" role="region" aria-label="Releases" {
            table.releases {
                thead {
                    tr {
                        @for head in ["Release", "Cases", "Steps", "Took", "Findings"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for column in &matrix.columns {
                        tr {
                            th scope="row" { (column.label) }
                            @match &column.outcome {
                                Outcome::Ran(results) => {
                                    td {
                                        (results.cases)
                                        @if results.interrupted { ", stopped early" }
                                    }
                                    td { (results.steps) }
                                    td { (words::time(results.wall)) }
                                    td { (results.findings.len()) }
                                }
                                Outcome::NotRun(reason) => {
                                    td colspan="4" { "not run: " (reason) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn how(key: &Key) -> Markup {
    html! {
        p.faint {
            "Made by heirloom " (env!("CARGO_PKG_VERSION")) ", model revision " (key.revision)
            ", seed " (key.seed) ", " (key.cases) " cases of at most " (key.max_ops)
            " operations on each release, servers in the state " (key.profile) "."
        }
    }
}
