//! What was compared: a table of clause and dimension by view.
//!
//! A cell has the number of comparisons, and after a stroke how many of them broke the clause. A
//! clause that was never compared has a line all the same; a view that compared nothing has no
//! column, so that the table fits a terminal.

use std::collections::{BTreeMap, BTreeSet};

use super::words;
use crate::contract::all;
use crate::judge::{Cell, Count, View};
use crate::policy::Dimension;

/// Columns between two columns of the table.
const GAP: usize = 2;

/// The columns, in order; the last is for clauses that an answer rested on.
const VIEWS: [Option<View>; 11] = [
    Some(View::Reply),
    Some(View::Notice),
    Some(View::WarmRead),
    Some(View::ColdRead),
    Some(View::ModelContext),
    Some(View::Rollout),
    Some(View::Store),
    Some(View::Probe),
    Some(View::Schema),
    Some(View::Wire),
    None,
];

/// What the table's cells mean.
const LEGEND: &str = "\
10/5: compared 10 times, 5 of them broken; rests: an answer rested on it, and was not
compared by itself; never: no case reached it. A view that compared nothing has no column.
";

/// The table, ending its last line; a view that compared nothing has no column.
pub fn table(tally: &BTreeMap<Cell, Count>) -> String {
    let name = |view: Option<View>| view.map_or("rests", |view| words::view(view).0);
    let columns: Vec<(Option<View>, usize)> = VIEWS
        .into_iter()
        .filter_map(|view| {
            let cells = tally.iter().filter(|(cell, _)| cell.view == view);
            let widest = cells.map(|(_, tally)| count(Some(tally)).len()).max()?;
            Some((view, widest.max(name(view).len()) + GAP))
        })
        .collect();
    let names = columns.iter().map(|(view, width)| format!("{:>width$}", name(*view)));
    let mut text = format!("{:<12}{}\n", "clause", names.collect::<String>());
    for clause in all().iter().map(|row| row.clause) {
        let cells = tally.keys().filter(|cell| cell.clause == clause);
        let dimensions: BTreeSet<Option<Dimension>> = cells.map(|cell| cell.dimension).collect();
        if dimensions.is_empty() {
            text.push_str(&format!("{clause:<12}never\n"));
        }
        for dimension in dimensions {
            let of = dimension.map_or(String::new(), |dimension| dimension.to_string());
            let cells = columns.iter().map(|(view, width)| {
                let cell = Cell { clause, view: *view, dimension };
                format!("{:>width$}", count(tally.get(&cell)))
            });
            let line = format!("{clause:<5}{of:<7}{}", cells.collect::<String>());
            text.push_str(&format!("{}\n", line.trim_end()));
        }
    }
    text + LEGEND
}

/// How often each kind of line was performed, most often first, ending its last line.
pub fn performed(performed: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<(&String, &u64)> = performed.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let lines = all.iter().map(|(verb, count)| format!("{verb:<28}{count:>10}\n"));
    lines.fold("step                       performed\n".to_owned(), |text, line| text + &line)
}

/// How often each view was compared, and how often it was wrong, ending its last line.
pub fn views(tally: &BTreeMap<Cell, Count>) -> String {
    let each = VIEWS.into_iter().flatten().map(|view| {
        let of_view = tally.iter().filter(|(cell, _)| cell.view == Some(view));
        let mut sum = Count::default();
        of_view.for_each(|(_, count)| sum += *count);
        format!("{:<28}{:>10}{:>10}\n", words::view(view).0, sum.tested, sum.broken)
    });
    each.fold("view                         compared     wrong\n".to_owned(), |text, line| {
        text + &line
    })
}

fn count(tally: Option<&Count>) -> String {
    match tally {
        None => String::new(),
        Some(Count { tested, broken: 0, .. }) => tested.to_string(),
        Some(Count { tested, broken, .. }) => format!("{tested}/{broken}"),
    }
}
