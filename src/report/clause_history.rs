//! What runs say of a clause: the last run, the last matrix, and the list of known deviations.
//!
//! Each line says where it comes from. A clause that no run has tested is not a clause that holds.

use std::path::{Component, Path, PathBuf};

use itertools::Itertools;
use semver::Version;

use super::matrix::json::{CauseEntry, Document, Entry, Succession};
use super::read_results::{Read, Record};
use super::style::Style;
use super::words::plural;
use crate::cause::record::CauseRecord;
use crate::cause::words as cause_words;
use crate::cause::{Known, Row};
use crate::contract::Clause;
use crate::judge::verdict::Count;
use crate::matrix::State;

/// The records about a clause.
#[derive(Clone, Debug, Default)]
pub struct ClauseHistory {
    /// The last run, where there is one.
    pub run: Option<Read>,
    /// The last matrix, where there is one.
    pub matrix: Option<Read>,
    pub known: Known,
    /// The folder of the list, from which it names its cases.
    pub list_folder: PathBuf,
    pub called: String,
}

impl ClauseHistory {
    /// The history of one clause.
    pub fn text(&self, clause: Clause, style: &Style) -> String {
        let heading = style.heading("Runs");
        let (run, releases) = (self.last_run(clause, style), self.releases(clause, style));
        format!("\n{heading}{run}{releases}{}", self.excused(clause, style))
    }

    fn last_run(&self, clause: Clause, style: &Style) -> String {
        let Some(Read { folder, record: Record::Run(run), .. }) = &self.run else {
            return style.row("last run", "there is none here; `heirloom check` makes one");
        };
        let on = run.release().map_or(String::new(), |release| format!(" on codex {release}"));
        let Count { tested, broken, .. } = run.count(clause);
        let times = plural(tested, "time");
        let how = match (tested, broken) {
            (0, _) => "not tested".to_owned(),
            (_, 0) => format!("tested {times}, held each time"),
            _ => format!("tested {times}, broken {}", plural(broken, "time")),
        };
        let mut text = style.row("last run", &format!("{how}{on}"));
        text.push_str(&style.row_whole("", &folder.display().to_string()));
        let of_clause = |cause: &&CauseRecord| cause.clauses.contains(&clause);
        for cause in run.causes.iter().filter(of_clause) {
            text.push_str(&style.row("cause", &run_cause(cause)));
        }
        for case in run.cases(clause) {
            let command = self.replay(&folder.join(case), run.release());
            text.push_str(&style.row_whole("see it", &command));
        }
        text
    }

    /// The releases of the matrix that break it.
    fn releases(&self, clause: Clause, style: &Style) -> String {
        let Some(Read { folder, record: Record::Matrix(document), .. }) = &self.matrix else {
            return style.row("releases", "there is no matrix here; `heirloom matrix` makes one");
        };
        let of_clause = |cell: &&Entry| cell.clause == clause;
        let cells: Vec<&Entry> = document.cells.iter().filter(of_clause).collect();
        let is_broken = |cell: &Entry| cell.state == State::Broken;
        let broken: Vec<&Entry> = cells.iter().copied().filter(|cell| is_broken(cell)).collect();
        let tested = cells.iter().any(|cell| is_broken(cell) || cell.state == State::Holds);
        let line = if !tested {
            "not tested on any release of the matrix".to_owned()
        } else if broken.is_empty() {
            let times = cells.iter().map(|cell| cell.tested).sum::<u64>();
            format!("no release breaks it; it was tested {}", plural(times, "time"))
        } else {
            format!("broken by {}", listed(document, &broken))
        };
        let mut text = style.row("releases", &line);
        text.push_str(&style.row_whole("", &folder.display().to_string()));
        let of_clause = |cause: &&CauseEntry| cause.clauses.contains(&clause);
        for cause in document.causes.iter().filter(of_clause) {
            text.push_str(&style.row("cause", &matrix_cause(cause)));
        }
        for (cell, case) in examples(&broken) {
            let release = cell.release.parse().ok();
            let command = self.replay(&folder.join(case), release.as_ref());
            text.push_str(&style.row_whole("see it", &command));
        }
        text
    }

    /// Where the case of a row is: a path if it exists, else its name.
    fn case(&self, row: &Row) -> String {
        let path = normalised(&self.list_folder.join(&row.case));
        let name = row.case.rsplit('/').next().unwrap_or(&row.case);
        if path.exists() { path.display().to_string() } else { name.to_owned() }
    }

    fn excused(&self, clause: Clause, style: &Style) -> String {
        let rows = self.known.rows.iter().filter(|row| row.scope.clauses.contains(&clause));
        let rows = rows.map(|row| {
            let from = row.from.as_ref();
            let from = from.map_or(String::new(), |from| format!(", on homes from {from}"));
            let line = format!("{} (in {}{from})", row.title, row.releases);
            let case = style.row_whole("", &format!("its case is {}", self.case(row)));
            format!("{}{case}", style.row("known", &line))
        });
        rows.collect()
    }

    fn replay(&self, case: &Path, release: Option<&Version>) -> String {
        let server = release.map_or(String::new(), |release| format!(" --server {release}"));
        format!("{} replay {}{server}", self.called, case.display())
    }
}

/// A cause of the last run in a line.
fn run_cause(cause: &CauseRecord) -> String {
    let widened = if cause.widened { "WIDENED, " } else { "" };
    let findings = plural(cause.findings.len(), "finding");
    format!("{} ({widened}{}, {findings})", cause.title, cause.status)
}

/// A cause of the matrix in a line, with the releases that show it.
fn matrix_cause(cause: &CauseEntry) -> String {
    let widened = if cause.widened { "WIDENED, " } else { "" };
    let periods = cause.periods.iter().map(|period| {
        let Succession { first, last, .. } = period;
        if first == last { first.clone() } else { format!("{first} to {last}") }
    });
    let periods = periods.collect::<Vec<_>>().join(" and ");
    format!("{} ({widened}{}, on {periods})", cause.title, cause.status)
}

/// A broken cell and its case for each dimension, of the last release that breaks it; those that
/// allow more first.
fn examples<'a>(broken: &[&'a Entry]) -> Vec<(&'a Entry, &'a String)> {
    let cells = broken.iter().rev().filter_map(|cell| Some((*cell, cell.case.as_ref()?)));
    let cells = cells.sorted_by_key(|(cell, _)| !cell.widened);
    cells.unique_by(|(cell, _)| cell.dimension).collect()
}

/// The path without `folder/..`.
fn normalised(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        let in_folder = matches!(path.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && in_folder {
            path.pop();
        } else {
            path.push(part);
        }
        path
    })
}

/// The releases of broken cells, each once, with the settings that break.
fn listed(document: &Document, broken: &[&Entry]) -> String {
    let about = |cell: &&&Entry| {
        let dimension = cell.dimension.map_or("", cause_words::dimension);
        let widened = if cell.widened { " WIDENED" } else { "" };
        format!("{dimension}{widened}").trim().to_owned()
    };
    let releases = document.releases.iter().filter_map(|release| {
        let here = broken.iter().filter(|cell| cell.release == release.release);
        let cells: Vec<String> = here.map(|cell| about(&cell)).collect();
        let about = cells.iter().filter(|about| !about.is_empty()).join(", ");
        let about = if about.is_empty() { about } else { format!(" ({about})") };
        (!cells.is_empty()).then(|| format!("{}{about}", release.release))
    });
    releases.collect::<Vec<_>>().join("; ")
}
