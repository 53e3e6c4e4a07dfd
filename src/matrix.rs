//! The same cases on one release after another: which causes each release shows, and how each
//! clause stands on it.
//!
//! A campaign per release makes a column. A cause makes a row, and so do clause and dimension. A
//! program that exposes a
//! deviation on one release is run on all the others, so that an empty cell means "tried, and not
//! found". Results are stored by the digest of the server and everything that the cases depend on,
//! and are not run again. A release that cannot be fetched, or does not start, is a column that
//! says so. A matrix emits `Event`s and prints nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::campaign::{self, FindingReport, Subject};
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::signature::Signature;
use crate::judge::verdict::Count;
use crate::policy::Dimension;

pub mod bisect;
pub mod causes;
pub mod change;
mod join;
pub mod record;
pub mod merge;
pub mod run;
pub mod store;
pub mod table;
#[cfg(test)]
mod tests;
pub mod trial;

/// Runs in fresh processes that confirm a finding on a release. They are few, since a finding that
/// several releases show is confirmed by each.
pub const CONFIRMATIONS: u32 = 2;

/// The default number of cases on each release: each clause that can be tested is tested dozens of
/// times, and a release takes a few minutes.
pub const CASES: u64 = 200;

/// The default seed: fixed, so that stored results are found again.
pub const SEED: u64 = 1;

/// The events of a matrix, in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// The next release is still being fetched.
    Waiting { label: String },
    Running {
        label: String,
        /// Which of the releases, from 1.
        number: usize,
        /// How many releases there are.
        of: usize,
        /// Its random cases.
        cases: u64,
        /// The programs of known deviations, and of what the releases before it have shown.
        programs: usize,
    },
    /// Programs of later releases are run on one that had its campaign before.
    Asking { label: String, programs: usize },
    /// An event of the campaign on the release that runs.
    Campaign(campaign::Event),
    /// A release is done, run now or found in the store.
    Done(Box<Column>),
}

#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in every table: the version, or the path if it reports none.
    pub label: String,
    pub version: Option<Version>,
    pub outcome: Outcome,
}

impl Column {
    /// The client of the SDK that performed the cases, with its release; the label ends with it.
    pub fn client(&self) -> Option<&str> {
        let client = self.label.rsplit_once(' ').map(|(_, client)| client);
        client.filter(|client| client.starts_with("python"))
    }

    /// The label without the client.
    pub fn server(&self) -> &str {
        let client = self.client().map_or(0, |client| client.len() + 1);
        &self.label[..self.label.len() - client]
    }
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Ran(Box<Results>),
    /// Not run, with the reason.
    NotRun(String),
}

/// The results of a campaign on one release.
#[derive(Clone, Debug)]
pub struct Results {
    pub subject: Subject,
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    pub wall: Duration,
    pub tally: BTreeMap<Row, Count>,
    /// The clauses that this release lacks the operations for.
    pub untestable: BTreeSet<Clause>,
    /// The signatures of which a program was run on it.
    pub asked: BTreeSet<Signature>,
    /// The programs of signatures that were run on it, as text: two causes may show one signature,
    /// each in a program of its own.
    pub programs: BTreeSet<String>,
    /// Confirmed ones first, then those that widen, then by signature.
    pub findings: Vec<FindingReport>,
    /// The causes that the findings were explained by, each with an id of its own.
    pub causes: Vec<CauseRecord>,
    /// The reasons of inconclusive cases, and how many had each.
    pub inconclusive: BTreeMap<String, u64>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Whether it was found in the store.
    pub stored: bool,
}

/// A row: a clause in a dimension, or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    pub clause: Clause,
    pub dimension: Option<Dimension>,
}

/// How a clause stands on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Holds,
    /// A finding breaks it, confirmed in fresh processes.
    Broken,
    /// The release lacks the operations for it.
    Untestable,
    /// The release ran to its end, and no case tested it.
    Untried,
    /// The release was not run, or not to the end; or it was not asked for what another release
    /// shows.
    Unknown,
}

/// A clause in a dimension on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub state: State,
    /// Comparisons; if no release compares it, answers that rested on it.
    pub tested: u64,
    pub breaches: Vec<Breach>,
}

/// A signature on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub signature: Signature,
    /// The name of its files.
    pub id: String,
    /// Whether the release allows more than was expected.
    pub widened: bool,
    /// Whether the list of known deviations excuses it here.
    pub known: bool,
    pub since: Since,
}

/// Since which release a signature shows, as far as the releases that were run can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    After {
        /// The first that shows it.
        first: String,
        /// The last before it that was tested and does not.
        last: String,
    },
    /// The first release that was tested shows it already.
    AtLeast { first: String },
}

/// A cause on every release, merged from the causes of the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixCause {
    /// Unique in the matrix.
    pub id: String,
    pub title: String,
    /// As the release has it whose cause explains the most of the others.
    pub record: CauseRecord,
    pub clauses: BTreeSet<Clause>,
    pub dimensions: BTreeSet<Dimension>,
    /// A cell for each column.
    pub cells: Vec<CauseCell>,
    /// The releases in succession that show it, in order; at least one.
    pub periods: Vec<Period>,
}

/// How a cause stands on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CauseCell {
    Shows(Showing),
    /// The release ran to its end, was asked, and does not show it.
    Absent,
    /// The release lacks the operations for every clause of it.
    Unsupported,
    /// The release was not run, was stopped before it showed it, or was not asked.
    Unknown,
}

/// What a release shows of a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Showing {
    /// Indices of the column's findings, the best example first; at least one.
    pub findings: Vec<usize>,
    /// Whether one of them widens.
    pub widened: bool,
    /// Whether the list of known deviations excuses all of them.
    pub known: bool,
}

/// Releases in succession that show a cause, as indices of columns. Releases of which nothing is
/// known are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub first: usize,
    pub last: usize,
    /// The last release before it that does not show it, where one is known.
    pub before: Option<usize>,
    /// The first release after it that does not show it, where one is known.
    pub after: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Matrix {
    /// The releases, in the order of the command.
    pub columns: Vec<Column>,
    /// Those that are not known first, then those that widen, then by the first release.
    pub causes: Vec<MatrixCause>,
    /// The rows, in the order of the contract, each with a cell for every column.
    pub rows: BTreeMap<Row, Vec<Cell>>,
}

/// A release that breaks or keeps a clause otherwise than the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurningPoint {
    pub place: Row,
    /// The last release before it on which the clause was tested: an index of a column.
    pub from: usize,
    /// The release: an index of a column.
    pub to: usize,
    /// Signatures that show from here on.
    pub gained: Vec<Signature>,
    /// Signatures that no longer show.
    pub lost: Vec<Signature>,
}

impl Column {
    pub fn results(&self) -> Option<&Results> {
        match &self.outcome {
            Outcome::Ran(results) => Some(results),
            Outcome::NotRun(_) => None,
        }
    }
}
