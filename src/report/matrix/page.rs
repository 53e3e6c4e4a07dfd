//! The matrix as a page: one HTML file, with no script and nothing loaded from elsewhere.
//!
//! It reads well on paper and on a phone, in light and dark, and without colours: every state has a
//! sign, and nothing has to be hovered over. The causes come first; a cause and a broken cell link
//! to their programs, a row to its clause. Paper has the tables and what changed; a card is printed
//! if the address names it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::phrases::{capitalised, sentence};
use super::{Quiet, name, names, tells};
use crate::contract::row;
use crate::matrix::record::Key;
use crate::matrix::{Cell, Column, Matrix, Outcome, Results, Row, State, TurningPoint};
use crate::report::words::{self, plural};

mod cards;
mod causes;
mod clauses;
pub(crate) mod phrases;
#[cfg(test)]
mod tests;

const STYLE: &str = include_str!("page.css");

/// A part of the page, which the contents lead to.
struct Part {
    id: &'static str,
    title: &'static str,
    body: Markup,
    /// Whether paper has it only where the address names something within it.
    is_on_demand: bool,
}

pub fn html(matrix: &Matrix, key: &Key) -> String {
    let title = title(matrix);
    let parts = parts(matrix, key);
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
                header {
                    h1 { (title) }
                    (introduction(matrix, key))
                    nav aria-label="Contents" {
                        ul { @for part in &parts { li { a href={ "#" (part.id) } { (part.title) } } } }
                    }
                }
                main { @for part in &parts { (part.html()) } }
            }
        }
    }
    .into_string()
}

/// The parts in their order.
fn parts(matrix: &Matrix, key: &Key) -> Vec<Part> {
    let read = |id, title, body| Part { id, title, body, is_on_demand: false };
    let on_demand = |id, title, body| Part { id, title, body, is_on_demand: true };
    let mut parts = vec![read(
        "cause-by-release",
        "Cause by release",
        html! { (legend()) (causes::table(matrix)) },
    )];
    if !matrix.causes.is_empty() {
        parts.push(on_demand("causes", "Causes", causes::cards(matrix)));
    }
    let clauses = html! {
        (grid(matrix, "Clauses that some release breaks", &tells))
        (others(matrix))
        (remainder(matrix))
    };
    parts.extend([
        read("clause-by-release", "Clause by release", clauses),
        read("changes", "What changed when", turns(matrix)),
        on_demand("deviations", "Deviations", cards::cards(matrix)),
        on_demand("clauses", "Clauses", clauses::list(matrix)),
        read("releases", "Releases", html! { (releases(matrix)) (how(key)) }),
    ]);
    parts
}

impl Part {
    fn html(&self) -> Markup {
        let Part { id, title, body, is_on_demand } = self;
        html! {
            section.on-demand[*is_on_demand] id=(id) {
                h2 { (title) }
                (body)
            }
        }
    }
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
    let widening = matrix.causes.iter().filter(|cause| cause.widened()).count();
    html! {
        p {
            "Does a thread keep the policy that it was given: through turns, forks, restarts and \
             resumes? " (runs(matrix, key)) " Every answer was compared with the contract of \
             heirloom. Each difference was reduced to a short program and confirmed in fresh \
             processes."
        }
        @if let Some(gaps) = super::gaps(matrix) {
            p { strong { (capitalised(&gaps)) } ". What is not known of them has a ? below." }
        }
        p {
            strong { (plural(matrix.causes.len(), "cause")) }
            @if widening > 0 { ", " (widening) " of which let a release allow more than it should" }
            ". They break " (plural(broken, "row")) " of the table of clauses, " (widened)
            " of them with more allowed."
        }
        p.paper.faint {
            "This is the short form for paper. To print the program of a cause or of a deviation \
             too, follow the link to it before you print."
        }
    }
}

/// How many programs the releases ran that came to their end, in a sentence.
fn runs(matrix: &Matrix, key: &Key) -> String {
    let whole = matrix.columns.iter().filter_map(Column::results);
    let whole: Vec<&Results> = whole.filter(|results| !results.interrupted).collect();
    let each = match whole.len() {
        0 => return "No release was run to its end.".to_owned(),
        1 if matrix.columns.len() == 1 => "The release ran".to_owned(),
        count if count == matrix.columns.len() => format!("Each of {count} releases ran the same"),
        _ => "Each release that was run to its end ran the same".to_owned(),
    };
    let random = plural(key.cases, "random program");
    let further = whole.iter().map(|results| results.cases.saturating_sub(key.cases));
    let (fewest, most) = (further.clone().min().unwrap_or(0), further.max().unwrap_or(0));
    let further = match (fewest, most) {
        (_, 0) => return format!("{each} {random}."),
        (fewest, most) if fewest == most => most.to_string(),
        (fewest, most) => format!("{fewest} to {most}"),
    };
    format!(
        "{each} {random}, and {further} more: programs of known deviations, or \
         programs by which another release shows a difference."
    )
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { b.holds { "✓" } "holds, or does not show it" }
            li { b.broken { "✗" } "broken, or shows it by so many findings" }
            li { b.widened { "▲" } "the same, and allows more than it should" }
            li { b.known { "✗" } b.known { "▲" } "known deviation" }
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
                            th scope="row" { (head(**place, cells)) }
                            @for cell in *cells { (sign(cell)) }
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

/// The name of a row, which leads to what breaks it, or else to the clause.
fn head(place: Row, cells: &[Cell]) -> Markup {
    let is_broken = cells.iter().any(|cell| !cell.breaches.is_empty());
    let id = if is_broken { cards::anchor(place) } else { clauses::anchor(place.clause) };
    html! { a href={ "#" (id) } { (name(place)) } }
}

/// A cell: a sign, which leads to the program where there is one.
fn sign(cell: &Cell) -> Markup {
    let Some(breach) = cell.breaches.first() else {
        return match cell.state {
            State::Untestable => html! { td.none { "–" } },
            State::Untried => html! { td.none { "·" } },
            State::Unknown => html! { td.none { "?" } },
            State::Holds | State::Broken => html! { td.holds { "✓" } },
        };
    };
    let (sign, class) = if cell.widened() { ("▲", "widened") } else { ("✗", "broken") };
    let class = if cell.is_known() { "known" } else { class };
    html! { td class=(class) { a href={ "#" (breach.signature.file_stem()) } { (sign) } } }
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
                                @match program(matrix, turn) {
                                    Some(id) => a href={ "#" (id) } { (name(turn.place)) },
                                    None => (name(turn.place)),
                                }
                                " " (super::turned(matrix, turn))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The card with the program that shows a turn, on either side of it.
fn program(matrix: &Matrix, turn: &TurningPoint) -> Option<String> {
    let told = |column, signatures: &[_]| {
        let first = signatures.first()?;
        matrix.told(column, first)?;
        Some(first.file_stem())
    };
    told(turn.to, &turn.gained).or_else(|| told(turn.from, &turn.lost))
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
