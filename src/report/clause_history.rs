//! What is known of a clause beside its words: from the last run, from a matrix, from the
//! list of known deviations.
//!
//! Says where each thing comes from, and says so where there is nothing: a clause of which no run
//! is here is not a clause that holds.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use semver::Version;

use super::matrix::json::{Document, Entry};
use super::read_results::{Read, Record};
use super::style::{Color, Style};
use super::words::plural;
use crate::contract::Clause;
use crate::judge::Count;
use crate::known::{Known, Row};
use crate::matrix::State;

/// Where it is looked for.
#[derive(Clone, Debug, Default)]
pub struct ClauseHistory {
    /// The last run, where there is one.
    pub run: Option<Read>,
    /// The last matrix, where there is one.
    pub matrix: Option<Read>,
    /// The list of known deviations.
    pub known: Known,
    /// The folder of the list, from which it names its cases.
    pub list: PathBuf,
}

impl ClauseHistory {
    /// What is known of one clause.
    pub fn of(&self, clause: Clause, paint: &Style) -> String {
        let mut text = format!("\n{}\n", paint.ink(Color::Strong, "Runs"));
        text.push_str(&self.last_run(clause, paint));
        text.push_str(&self.releases(clause, paint));
        text.push_str(&self.excused(clause, paint));
        text
    }

    fn last_run(&self, clause: Clause, paint: &Style) -> String {
        let Some(Read { folder, record: Record::Run(run) }) = &self.run else {
            let none = "there is none here; `heirloom check` makes one";
            return paint.row("last run", none);
        };
        let Count { tested, broken, .. } = run.count(clause);
        let on = run.release().map_or(String::new(), |release| format!(" on codex {release}"));
        let how = match (tested, broken) {
            (0, _) => "never tried".to_owned(),
            (_, 0) => format!("tried {}, held each time", plural(tested, "time")),
            _ => format!("tried {}, broken {}", plural(tested, "time"), plural(broken, "time")),
        };
        let mut text = paint.row("last run", &format!("{how}{on}"));
        text.push_str(&paint.row_whole("", &folder.display().to_string()));
        for case in run.cases(clause) {
            text.push_str(&paint.row_whole("see it", &replay(&folder.join(case), run.release())));
        }
        text
    }

    /// The releases that break it, as the matrix has them.
    fn releases(&self, clause: Clause, paint: &Style) -> String {
        let Some(Read { folder, record: Record::Matrix(document) }) = &self.matrix else {
            let none = "there is no matrix here; `heirloom matrix` makes one";
            return paint.row("releases", none);
        };
        let mut text = String::new();
        let of_clause = |cell: &&Entry| cell.clause == clause;
        let cells: Vec<&Entry> = document.cells.iter().filter(of_clause).collect();
        let tried = |cell: &&&Entry| matches!(cell.state, State::Holds | State::Broken);
        let broken: Vec<&&Entry> =
            cells.iter().filter(|cell| cell.state == State::Broken).collect();
        let times: u64 = cells.iter().map(|cell| cell.tested).sum();
        let line = match (broken.len(), cells.iter().filter(tried).count()) {
            (_, 0) => "no release of the matrix tried it".to_owned(),
            (0, _) => format!("no release breaks it; it was tried {}", plural(times, "time")),
            _ => format!("broken by {}", listed(document, &broken)),
        };
        text.push_str(&paint.row("releases", &line));
        text.push_str(&paint.row_whole("", &folder.display().to_string()));
        for (cell, case) in shown(&broken) {
            let release = cell.release.parse().ok();
            let command = replay(&folder.join(case), release.as_ref());
            text.push_str(&paint.row_whole("see it", &command));
        }
        text
    }

    /// Where the case of a row is: a path where it is there, else its name.
    fn case(&self, row: &Row) -> String {
        let path = straight(&self.list.join(&row.case));
        let name = row.case.rsplit('/').next().unwrap_or(&row.case);
        if path.exists() { path.display().to_string() } else { name.to_owned() }
    }

    fn excused(&self, clause: Clause, paint: &Style) -> String {
        let rows = self.known.rows.iter().filter(|row| row.signature.clause == clause);
        let mut text = String::new();
        for row in rows {
            let why = row.reason.as_deref().or(row.link.as_deref()).unwrap_or_default();
            let from = row.from.as_ref();
            let from = from.map_or(String::new(), |from| format!(", on homes from {from}"));
            let line = format!("{} in {}{from}: {why}", row.signature, row.releases);
            text.push_str(&paint.row("known", &line));
            text.push_str(&paint.row_whole("", &format!("its case is {}", self.case(row))));
        }
        text
    }
}

/// A broken cell and its case for each dimension, of the last release that breaks it; what allows
/// more than is due stands before the rest.
fn shown<'a>(broken: &[&&'a Entry]) -> Vec<(&'a Entry, &'a String)> {
    let cells = broken.iter().rev().filter_map(|cell| Some((**cell, cell.case.as_ref()?)));
    let mut cells: Vec<(&Entry, &String)> = cells.collect();
    cells.sort_by_key(|(cell, _)| !cell.widened);
    let mut told = BTreeSet::new();
    cells.retain(|(cell, _)| told.insert(cell.dimension));
    cells
}

/// The path without the steps into a folder and out of it again.
fn straight(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut all, one| {
        let into = matches!(all.components().next_back(), Some(Component::Normal(_)));
        match one {
            Component::ParentDir if into => drop(all.pop()),
            one => all.push(one),
        }
        all
    })
}

/// The releases of broken cells, each once, with the dimensions that break.
fn listed(document: &Document, broken: &[&&Entry]) -> String {
    let dimension = |cell: &&&&Entry| {
        let widened = if cell.widened { " (WIDENED)" } else { "" };
        let dimension = cell.dimension.map_or(String::new(), |one| format!(" {one}"));
        format!("{dimension}{widened}")
    };
    let releases = document.releases.iter().filter_map(|release| {
        let here = broken.iter().filter(|cell| cell.release == release.release);
        let dimensions: Vec<String> = here.map(|cell| dimension(&cell)).collect();
        let name = &release.release;
        (!dimensions.is_empty()).then(|| format!("{name}{}", dimensions.join(",")))
    });
    releases.collect::<Vec<_>>().join("; ")
}

fn replay(case: &Path, release: Option<&Version>) -> String {
    let server = release.map_or(String::new(), |release| format!(" --server {release}"));
    format!("heirloom replay {}{server}", case.display())
}
