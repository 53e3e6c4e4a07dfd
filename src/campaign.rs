//! Seeds × workers × budget to verdicts, one smallest case per signature.
//!
//! Workers draw case after case; results are taken in the order of their index, so the same seed
//! with the same number of cases gives the same findings with any number of workers. A signature
//! that is new is reproduced in fresh processes, shrunk and confirmed before it is told. Speaks in
//! `Event`s and prints nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use semver::Version;

use self::probe::ProbeResult;
use crate::contract::Clause;
use crate::drive::test_bed::TestBed;
use crate::judge::signature::Signature;
use crate::judge::{Cell, Finding, Tally};
use crate::known::Known;
use crate::known::day::Day;
use crate::program::Program;
use crate::program::generate::Draw;
use crate::trace::Trace;

mod workers;
pub mod probe;
mod queue;
pub mod confirm;
mod totals;
pub mod token;

/// What a campaign is to do.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// What the cases are drawn from.
    pub seed: u64,
    /// How many cases; none: as many as the time allows.
    pub cases: Option<u64>,
    /// How long new cases are begun; what was found is still shrunk and confirmed after it.
    pub time: Option<Duration>,
    /// Workers, each with a server of its own.
    pub jobs: usize,
    /// Operations in a case at the most.
    pub max_ops: usize,
    /// Whether the secondary dimensions are drawn too: model, effort, tier, working directory,
    /// collaboration mode and plugins.
    pub secondary: bool,
    /// The releases that cases move their homes to and back.
    pub others: Vec<Version>,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// Whether a finding that widens gets a deed of its own.
    pub deeds: bool,
    /// What is excused.
    pub known: Known,
    /// Programs that showed a signature elsewhere: each is a case after those that are counted, and
    /// is tried before a smaller one is searched.
    pub programs: BTreeMap<Signature, Program>,
}

/// Confirming runs, unless a caller says otherwise: a race that shows once in two is seen with 97
/// %.
pub const CONFIRMATIONS: u32 = 5;

/// How long the default campaign draws cases: what a person is willing to wait for.
pub const TIME: Duration = Duration::from_secs(120);

/// The server that a campaign runs, as it is told.
#[derive(Clone, Debug)]
pub struct Subject {
    /// How it was asked for.
    pub spec: String,
    /// What it says of itself.
    pub version: Option<Version>,
    /// The digest of its executable or package.
    pub digest: String,
    /// The releases that were made ready beside it.
    pub others: Vec<Version>,
}

/// Something that happened, in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// The campaign begins.
    Began {
        /// The server.
        subject: Subject,
        /// The seed.
        seed: u64,
        /// The number of workers.
        jobs: usize,
        /// The number of cases, where it is given.
        cases: Option<u64>,
        /// The time to draw cases, where it is given.
        time: Option<Duration>,
    },
    /// The server prints no schema: nothing is gated, and W2 looks at JSON-RPC alone.
    NoSchema {
        /// Why there is none.
        reason: String,
    },
    /// This machine cannot sandbox a command: clauses that need it are not tested.
    NoSandbox {
        /// Why not.
        reason: String,
    },
    /// A case was run and judged; in order of the index.
    Case {
        /// Its index.
        index: u64,
        /// The program's lines before the audit.
        steps: usize,
        /// The signatures that it showed.
        signatures: Vec<Signature>,
        /// Why nothing can be said of it, where that is so.
        inconclusive: Option<String>,
    },
    /// A signature showed for the first time, or for the first time with more allowed than was due.
    Found {
        /// The signature.
        signature: Signature,
        /// The case's index.
        index: u64,
        /// Whether the known list excuses it.
        known: bool,
    },
    /// A step of the search for a smaller case.
    Shrinking {
        /// The signature.
        signature: Signature,
        /// Runs so far.
        runs: u32,
        /// The lines of the smallest so far.
        lines: usize,
    },
    /// A finding is told: new and confirmed, known, or flaky.
    FindingReport(Box<FindingReport>),
    /// A row of the known list can no longer be defended.
    Stale(Stale),
    /// The campaign is over.
    Ended(Box<Outcome>),
}

/// How a finding stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Confirmed in fresh processes, and not excused.
    New,
    /// Excused by the known list.
    Known,
    /// Seen once and never again.
    Flaky,
}

/// A finding with everything that there is to tell of it.
#[derive(Clone, Debug)]
pub struct FindingReport {
    /// A short name, made from the signature: it names the files.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// The finding, as the smallest case shows it.
    pub finding: Finding,
    /// The smallest case.
    pub program: Program,
    /// Its trace.
    pub trace: Trace,
    /// For a flaky one, the trace of a run that did not show it.
    pub unlike: Option<Trace>,
    /// What the server wrote on stderr at its end.
    pub stderr: String,
    /// The token of the case that showed it first.
    pub token: String,
    /// Confirming runs that showed it, of how many.
    pub confirmed: (u32, u32),
    /// Runs that the search took.
    pub shrink_runs: u32,
    /// Since the campaign began.
    pub found_after: Duration,
    /// The row that excuses it: its reason or link, and its case.
    pub excuse: Option<(String, String)>,
    /// What a deed of its own showed, where the finding widens and was confirmed.
    pub deed: Option<ProbeResult>,
}

/// A notice and how often it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// The clause.
    pub clause: Clause,
    /// What it is.
    pub text: String,
    /// In how many cases.
    pub count: u64,
    /// The token of the first.
    pub token: String,
}

/// A row of the known list that can no longer be defended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Its signature.
    pub signature: Signature,
    /// Its case file.
    pub case: String,
    /// The line of the list where it begins.
    pub line: usize,
    /// Whether it is about homes that another release had before.
    pub moved: bool,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its own case no longer shows it.
    Unseen,
    /// Its day has passed.
    Expired(Day),
}

/// What a campaign came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The server.
    pub subject: Subject,
    /// The seed.
    pub seed: u64,
    /// Cases run and judged.
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    /// From beginning to end.
    pub wall: Duration,
    /// CPU of the servers and what they started.
    pub server_cpu: Duration,
    /// CPU of this process.
    pub harness_cpu: Duration,
    /// What was compared.
    pub tally: BTreeMap<Cell, Tally>,
    /// Every finding, widened first, then by clause.
    pub findings: Vec<FindingReport>,
    /// Every notice.
    pub notices: Vec<Noticed>,
    /// Why cases said nothing, and how many.
    pub inconclusive: BTreeMap<String, u64>,
    /// Why this machine cannot sandbox a command, where it cannot: E2 is not tested then.
    pub no_sandbox: Option<String>,
    /// The lines that were performed, by what they do.
    pub performed: BTreeMap<String, u64>,
    /// What the release was not asked for, since its schema does not have it, and how often.
    pub left_out: BTreeMap<String, u64>,
    /// The clauses that these steps were to test.
    pub withheld: BTreeSet<Clause>,
    /// Rows that are stale.
    pub stale: Vec<Stale>,
    /// Whether it was stopped before its budget was spent.
    pub interrupted: bool,
}

/// What a campaign says of the server in one word; its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// It conforms, known deviations aside.
    Conforms = 0,
    /// It has a finding that is not known.
    NewFinding = 1,
    /// The harness had trouble of its own.
    Trouble = 3,
    /// A known deviation is stale.
    StaleKnown = 4,
    /// No case was run.
    NothingRan = 5,
}

impl Outcome {
    /// The conclusion: a new finding before everything else.
    pub fn conclusion(&self) -> Conclusion {
        let new = self.findings.iter().any(|told| told.status == Status::New);
        match () {
            () if new => Conclusion::NewFinding,
            () if self.cases == 0 => Conclusion::NothingRan,
            () if !self.inconclusive.is_empty() => Conclusion::Trouble,
            () if !self.stale.is_empty() => Conclusion::StaleKnown,
            () => Conclusion::Conforms,
        }
    }
}

impl Campaign {
    /// How its cases are drawn.
    pub fn draw(&self) -> Draw {
        let releases = self.others.clone();
        Draw { max_steps: self.max_ops, secondary: self.secondary, releases }
    }

    /// The cases that are run, where they are counted: those that are drawn, then the programs.
    pub fn counted(&self) -> Option<u64> {
        let programs = u64::try_from(self.programs.len()).expect("programs are counted in memory");
        self.cases.map(|cases| cases.saturating_add(programs))
    }

    /// The program that is the case of this index, where it is none that is drawn.
    pub fn program(&self, index: u64) -> Option<(&Signature, &Program)> {
        let at = index.checked_sub(self.cases?)?;
        self.programs.iter().nth(usize::try_from(at).ok()?)
    }

    /// Runs the campaign. `stop` may be set at any time; what was found until then is still told.
    pub fn run(
        &self,
        test_bed: &Arc<TestBed>,
        subject: Subject,
        stop: &AtomicBool,
        mut tell: impl FnMut(Event),
    ) -> Outcome {
        workers::run(self, (test_bed, subject), stop, &mut tell)
    }
}
