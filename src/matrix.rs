//! The same cases on one release after another, and what each of them holds.
//!
//! A campaign per release makes a column; clause and dimension make a row. What one release shows,
//! every other is asked for by the same program, so that what is missing there is missing. What was
//! run is stored by the digest of the server and everything that the cases depend on, and is not
//! run again. A release that cannot be had, or does not start, is a column that says so. Speaks in
//! `Event`s and prints nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::campaign::{self, Campaign, FindingReport, Subject};
use crate::contract::Clause;
use crate::home::FeatureSet;
use crate::judge::signature::Signature;
use crate::policy::Dimension;
use crate::program::Program;

pub mod bisect;
pub mod change;
pub mod record;
pub mod run;
pub mod store;
pub mod table;
pub mod trial;

use self::store::Store;

/// Runs in fresh processes that confirm a finding on a release: what is seen on several releases is
/// confirmed by these too.
pub const CONFIRMATIONS: u32 = 2;

/// Cases on each release, unless a caller says otherwise: each clause that can fire today does so
/// dozens of times, and a release takes a few minutes.
pub const CASES: u64 = 200;

/// The seed, unless a caller says otherwise: what was run with it is found again.
pub const SEED: u64 = 1;

/// What a matrix is to do.
#[derive(Clone, Debug)]
pub struct MatrixRun {
    /// The campaign on each release; its cases are counted, since time is not the same everywhere.
    pub campaign: Campaign,
    /// The product state of the servers.
    pub profile: FeatureSet,
    /// Programs of deviations that are known of: every release is asked for them.
    pub programs: BTreeMap<Signature, Program>,
    /// Where results are kept.
    pub store: Store,
}

/// Something that happened, in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// A release is waited for: it is fetched.
    Waiting {
        /// The release.
        label: String,
    },
    /// A release begins to run.
    Running {
        /// The release.
        label: String,
        /// Which of those that are asked for, from 1.
        number: usize,
        /// How many are asked for.
        of: usize,
    },
    /// A release that was run is asked for what others show since.
    Asking {
        /// The release.
        label: String,
        /// How many programs.
        programs: usize,
    },
    /// The campaign on it says something.
    Campaign(campaign::Event),
    /// A release is done, run now or found in the store.
    Done(Box<Column>),
}

/// One release.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in every table: the version, or the path where it states none.
    pub label: String,
    /// What it says it is.
    pub version: Option<Version>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a release.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was run, now or before.
    Ran(Box<Results>),
    /// It was not, and why.
    NotRun(String),
}

/// What a campaign found on one release.
#[derive(Clone, Debug)]
pub struct Results {
    /// The server.
    pub subject: Subject,
    /// Cases run and judged.
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    /// From beginning to end.
    pub wall: Duration,
    /// How often each clause was compared in each dimension.
    pub tally: BTreeMap<Row, Count>,
    /// The clauses that this release cannot be asked for.
    pub untestable: BTreeSet<Clause>,
    /// The signatures that it was asked for by a program which shows them somewhere.
    pub asked: BTreeSet<Signature>,
    /// The findings, widened first, flaky ones last.
    pub findings: Vec<FindingReport>,
    /// Why cases said nothing, and how many.
    pub inconclusive: BTreeMap<String, u64>,
    /// Whether it was stopped before its time.
    pub interrupted: bool,
    /// Whether it was found in the store.
    pub stored: bool,
}

/// A row: a clause in a dimension, or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// The clause.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
}

/// How often a row was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Comparisons by a view.
    pub compared: u64,
    /// Answers that rested on the clause.
    pub rested: u64,
}

/// How a clause stands on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Every comparison agreed.
    Holds,
    /// A finding breaks it, confirmed in fresh processes.
    Broken,
    /// The release cannot be asked for it.
    Untestable,
    /// No case asked for it, or the release was not run.
    Untried,
}

/// A clause in a dimension on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// How it stands.
    pub state: State,
    /// Comparisons, and answers that rested on it.
    pub fired: u64,
    /// What breaks it, what widens first.
    pub breaches: Vec<Breach>,
}

/// A signature on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The signature.
    pub signature: Signature,
    /// The name of its files.
    pub id: String,
    /// Whether the release allows more than was due.
    pub widened: bool,
    /// Whether the list of known deviations excuses it here.
    pub known: bool,
    /// Since which release.
    pub since: Since,
}

/// Since which release a signature shows, as far as the releases that were run can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The first that shows it, and the last before it that did not.
    After {
        /// The first.
        first: String,
        /// The last that did not.
        last: String,
    },
    /// The first that was asked shows it already.
    AtLeast {
        /// The first that was asked.
        first: String,
    },
}

/// All columns, and what becomes of every clause on them.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The releases, in the order in which they were asked for.
    pub columns: Vec<Column>,
    /// The rows, in the order of the contract, each with a cell for every column.
    pub rows: BTreeMap<Row, Vec<Cell>>,
}

/// A clause that a release breaks or keeps otherwise than the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurningPoint {
    /// The clause and dimension.
    pub place: Row,
    /// The last release before it at which the clause was tried: an index of a column.
    pub from: usize,
    /// The release: an index of a column.
    pub to: usize,
    /// What shows from here on.
    pub gained: Vec<Signature>,
    /// What no longer shows.
    pub lost: Vec<Signature>,
}

impl Column {
    /// Its results, if it was run.
    pub fn results(&self) -> Option<&Results> {
        match &self.outcome {
            Outcome::Ran(results) => Some(results),
            Outcome::NotRun(_) => None,
        }
    }
}
