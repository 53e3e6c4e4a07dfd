//! The tables of `--coverage`: how often each step was performed, and what was compared.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use strum::IntoEnumIterator;

use crate::contract::{all, row};
use crate::judge::verdict::{Cell, Count};
use crate::policy::Dimension;
use crate::trace::view::View;

/// Columns between two columns of the table.
const GAP: usize = 2;

const LEGEND: &str = "\
10/5: compared 10 times, 5 of them broken. indirect: an answer relied on the clause, which was
not compared itself. never: not tested. A view in which nothing was compared has no column.
";

/// The columns, in order; the last is for clauses that an answer rested on.
fn columns() -> impl Iterator<Item = Option<View>> {
    View::iter().map(Some).chain([None])
}

/// The table of clause and dimension by view, ending its last line.
pub fn table(tally: &BTreeMap<Cell, Count>) -> String {
    let columns: Vec<(Option<View>, usize)> =
        columns().filter_map(|view| Some((view, width(tally, view)?))).collect();
    let names = columns.iter().map(|(view, width)| format!("{:>width$}", name(*view)));
    let mut text = format!("{:<12}{}\n", "clause", names.collect::<String>());
    for clause in all().iter().map(|row| row.clause) {
        let cells = tally.keys().filter(|cell| cell.clause == clause);
        let dimensions: BTreeSet<Option<Dimension>> = cells.map(|cell| cell.dimension).collect();
        if dimensions.is_empty() && clause.is_about_sdk() {
            continue;
        }
        if dimensions.is_empty() {
            text.push_str(&format!("{clause:<12}never: {}\n", row(clause).title));
        }
        for dimension in dimensions {
            let about = dimension.map_or(String::new(), |dimension| dimension.to_string());
            let cells = columns.iter().map(|(view, width)| {
                let cell = Cell { clause, view: *view, dimension };
                format!("{:>width$}", tally.get(&cell).map_or(String::new(), count))
            });
            let line = format!("{clause:<5}{about:<7}{}", cells.collect::<String>());
            text.push_str(&format!("{}\n", line.trim_end()));
        }
    }
    text + LEGEND
}

fn name(view: Option<View>) -> String {
    view.map_or("indirect".to_owned(), |view| view.to_string())
}

/// The width of a column; none where nothing was compared.
fn width(tally: &BTreeMap<Cell, Count>, view: Option<View>) -> Option<usize> {
    let cells = tally.iter().filter(|(cell, _)| cell.view == view);
    let widest = cells.map(|(_, tally)| count(tally).len()).max()?;
    Some(widest.max(name(view).len()) + GAP)
}

fn count(tally: &Count) -> String {
    match tally.broken {
        0 => tally.tested.to_string(),
        broken => format!("{}/{broken}", tally.tested),
    }
}

/// How often each kind of step was performed, most often first, ending its last line.
pub fn performed(performed: &BTreeMap<String, u64>) -> String {
    let by_count = performed.iter().sorted_by_key(|(_, count)| std::cmp::Reverse(**count));
    let lines = by_count.map(|(verb, count)| format!("{verb:<28}{count:>10}\n"));
    format!("step                       performed\n{}", lines.collect::<String>())
}

/// How often each view was compared, and how often it was wrong, ending its last line.
pub fn views(tally: &BTreeMap<Cell, Count>) -> String {
    let lines = columns().flatten().map(|view| {
        let cells = || tally.iter().filter(|(cell, _)| cell.view == Some(view));
        let tested: u64 = cells().map(|(_, tally)| tally.tested).sum();
        let broken: u64 = cells().map(|(_, tally)| tally.broken).sum();
        format!("{:<28}{tested:>10}{broken:>10}\n", view.to_string())
    });
    format!("view                         compared     wrong\n{}", lines.collect::<String>())
}
