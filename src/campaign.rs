//! Seeds × workers × budget to verdicts, one smallest case per signature.
//!
//! Workers draw case after case. Results are taken in the order of their index, so the same seed
//! with the same number of cases gives the same findings with any number of workers. A new
//! signature is reproduced in fresh processes, shrunk and confirmed before it is reported. A
//! campaign emits `Event`s and prints nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::thread;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};
use toml::value::Date;

use crate::cause::record::CauseRecord;
use crate::cause::{Known, Row};
use crate::contract::Clause;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::judge::verdict::{Cell, Count, Finding};
use crate::policy::features::FeatureMix;
use crate::program::Program;
use crate::program::generate::focus::Focus;
use crate::program::generate::{self, Draw, STEPS_MAX};
use crate::program::sdk::SdkClient;
use crate::trace::Trace;
use crate::transcript::Transcript;

use self::shard::Shard;
use self::work_time::WorkTime;

pub mod confirm;
mod investigate;
pub mod probe;
mod queue;
pub mod selection;
pub mod shard;
pub mod token;
mod totals;
mod waiting;
pub mod work_time;
mod workers;

#[derive(Clone, Debug)]
pub struct Campaign {
    /// The cases are drawn from it.
    pub seed: u64,
    /// None: as many as the time allows.
    pub cases: Option<u64>,
    /// The part of these cases that is run.
    pub shard: Shard,
    /// How long new cases are started; findings are still shrunk and confirmed afterwards.
    pub time: Option<Duration>,
    /// Workers, each with its own server.
    pub jobs: usize,
    /// Most operations in a case.
    pub max_ops: usize,
    /// The area that cases lean to.
    pub focus: Focus,
    /// The features of the server that cases run with.
    pub features: FeatureMix,
    /// The releases that cases upgrade and downgrade to.
    pub others: Vec<Version>,
    /// The client of the SDK that performs them, if one does.
    pub client: Option<SdkClient>,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// Whether a finding that widens is followed by a probe.
    pub probes: bool,
    pub known: Known,
    /// Whether the cases of known deviations are replayed at the end, within the time.
    pub stale_check: bool,
    /// Programs that showed a signature on another release. Each is a case after those that are
    /// drawn, and is tried before a smaller one is searched.
    pub programs: BTreeMap<Signature, Program>,
    /// Causes of other releases. A finding that the program of one of them shows here has that
    /// cause, and is neither shrunk nor explained again.
    pub causes: Vec<CauseReport>,
}

impl Default for Campaign {
    /// Two minutes of every area on all cores, with nothing excused.
    fn default() -> Campaign {
        Campaign {
            seed: 1,
            cases: None,
            shard: Shard::default(),
            time: Some(TIME),
            jobs: thread::available_parallelism().map_or(1, usize::from),
            max_ops: STEPS_MAX,
            focus: Focus::default(),
            features: FeatureMix::default(),
            others: Vec::new(),
            client: None,
            confirmations: CONFIRMATIONS,
            probes: true,
            known: Known::default(),
            stale_check: true,
            programs: BTreeMap::new(),
            causes: Vec::new(),
        }
    }
}

/// The default number of confirming runs: a race that shows in every other run is seen with 97 %.
pub const CONFIRMATIONS: u32 = 5;

/// How long the default campaign draws cases: as long as a person is willing to wait.
pub const TIME: Duration = Duration::from_secs(120);

/// The server that a campaign runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// How it was asked for.
    pub spec: String,
    pub version: Option<Version>,
    /// Of its executable or package.
    pub digest: String,
    /// The other releases that cases may use.
    pub others: Vec<Version>,
    /// The client of the SDK with its release, where that performs the cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// The events of a campaign, in order.
#[derive(Clone, Debug)]
pub enum Event {
    Began {
        subject: Subject,
        seed: u64,
        jobs: usize,
        cases: Option<u64>,
        time: Option<Duration>,
    },
    /// The server prints no schema: every operation is tried, and W2 checks JSON-RPC alone.
    NoSchema {
        reason: String,
    },
    /// This machine cannot sandbox a command: clauses that need it are not tested.
    NoSandbox {
        reason: String,
    },
    /// A case was run and judged; in the order of the index.
    Case {
        index: u64,
        /// The program's lines before the audit.
        steps: usize,
        signatures: Vec<Signature>,
        /// Its comparisons.
        tally: BTreeMap<Cell, Count>,
        /// Why it has no verdict.
        inconclusive: Option<String>,
    },
    /// A signature showed for the first time, or for the first time with a widening.
    Found {
        signature: Signature,
        index: u64,
        /// The title of the row that excuses it, where one does.
        row: Option<String>,
    },
    /// A step of the search for a smaller case.
    Shrinking {
        signature: Signature,
        runs: u32,
        /// The lines of the smallest so far.
        lines: usize,
    },
    /// A program that differs in one point was run, to see what the finding depends on.
    Explaining {
        signature: Signature,
        runs: u32,
        /// So many at the most.
        most: u32,
    },
    /// A smallest program was run again, to confirm a finding.
    Confirming {
        signature: Signature,
        done: u32,
        runs: u32,
    },
    /// Nothing else has happened for some seconds: runs are under way.
    Waiting,
    /// A finding is confirmed, known or flaky.
    FindingReport(Box<FindingReport>),
    /// A finding has a cause that no finding before it had.
    Cause(Box<CauseReport>),
    /// A case of the known list was replayed.
    StaleCheck {
        done: usize,
        rows: usize,
    },
    Stale(Stale),
    Gone(Gone),
    Ended(Box<Outcome>),
}

/// A finding with the runs behind it.
#[derive(Clone, Debug)]
pub struct FindingReport {
    pub record: FindingRecord,
    /// A run of the smallest program, which shows it.
    pub trace: Trace,
    /// For one that is not sure, a run that did not show it.
    pub unlike: Option<Trace>,
    /// The last words of the servers on stderr in that run.
    pub stderr: String,
    /// The run of the probe, where there is one.
    pub probe_run: Option<Trace>,
    /// What was done and what came in the run of the smallest program, where that was recorded.
    pub transcript: Option<Transcript>,
}

impl Deref for FindingReport {
    type Target = FindingRecord;

    fn deref(&self) -> &FindingRecord {
        &self.record
    }
}

/// A cause, and the finding that it was explained from.
#[derive(Clone, Debug)]
pub struct CauseReport {
    pub record: CauseRecord,
    /// The first of its findings.
    pub finding: FindingReport,
}

/// A notice and how often it showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    pub clause: Clause,
    pub text: String,
    pub count: u64,
    /// The token of the first.
    pub token: String,
}

/// The runs that were spent on new findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvestigationRuns {
    /// For shrinking and explaining, of each new cause.
    pub per_cause: Vec<u32>,
    /// To see whether a cause explains a further finding.
    pub trials: u32,
    /// Of all kinds, those that reproduce and confirm included.
    pub all: u32,
}

/// A row of the known list that has become wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The id of the row.
    pub id: String,
    pub title: String,
    pub case: String,
    /// The line of the list where it begins.
    pub line: usize,
    /// Whether it is about upgraded homes.
    pub moved: bool,
    pub why: Why,
}

/// A known deviation of an older release that the checked one does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Of the row.
    pub id: String,
    pub title: String,
}

/// Why a row is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its case no longer shows the deviation.
    Unseen,
    Expired(Date),
}

/// The results of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub subject: Subject,
    pub seed: u64,
    /// The part of a campaign that this is.
    pub shard: Shard,
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    pub wall: Duration,
    /// CPU of the servers and the processes that they started.
    pub server_cpu: Duration,
    pub harness_cpu: Duration,
    /// What the workers did.
    pub work: WorkTime,
    /// Comparisons, by clause, view and dimension.
    pub tally: BTreeMap<Cell, Count>,
    /// New ones first, then those that widen, in the order in which they showed.
    pub causes: Vec<CauseRecord>,
    /// Confirmed ones first, then those that widen, then by signature.
    pub findings: Vec<FindingReport>,
    /// How much the explanations took.
    pub investigation: InvestigationRuns,
    pub notices: Vec<Noticed>,
    /// The reasons of inconclusive cases, and how many had each.
    pub inconclusive: BTreeMap<String, u64>,
    /// Why this machine cannot sandbox a command, if it cannot: E2 is not tested then.
    pub no_sandbox: Option<String>,
    /// How often each kind of line was performed.
    pub performed: BTreeMap<String, u64>,
    /// Methods and fields that the release's schema does not have, and how many steps needed each.
    pub left_out: BTreeMap<String, u64>,
    /// The clauses that these steps would have tested.
    pub withheld: BTreeSet<Clause>,
    pub stale: Vec<Stale>,
    /// Deviations of older releases that this one does not show.
    pub gone: Vec<Gone>,
    /// Whether it was stopped before its budget was spent.
    pub interrupted: bool,
    /// What is another than in an earlier campaign, where it was compared with one.
    pub since: Option<Since>,
}

/// The causes of a campaign beside those of an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The folder of the earlier one.
    pub run: String,
    /// Titles of causes that the earlier one did not show.
    pub more: Vec<String>,
    /// Titles of causes that only the earlier one showed.
    pub fewer: Vec<String>,
}

/// The verdict on the server; its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
pub enum Conclusion {
    #[strum(serialize = "conforms")]
    Conforms = 0,
    #[strum(serialize = "new finding")]
    NewFinding = 1,
    /// Trouble of the suite itself.
    #[strum(serialize = "trouble")]
    Trouble = 3,
    #[strum(serialize = "stale known")]
    StaleKnown = 4,
    #[strum(serialize = "nothing ran")]
    NothingRan = 5,
    /// It was stopped before its end, and showed nothing new by then; the number that a shell gives
    /// to what Ctrl-C has ended.
    #[strum(serialize = "interrupted")]
    Interrupted = 130,
}

impl FindingReport {
    /// A finding as its case showed it, confirmed by nothing yet.
    pub fn new(finding: Finding, trace: Trace) -> FindingReport {
        let mut record = FindingRecord::new(finding, trace.server.as_ref());
        record.steps = trace.program.lines();
        let (unlike, stderr, probe_run, transcript) = (None, String::new(), None, None);
        FindingReport { record, trace, unlike, stderr, probe_run, transcript }
    }
}

impl Stale {
    fn new(row: &Row, why: Why) -> Stale {
        let Row { id, title, case, line, from, .. } = row.clone();
        Stale { id, title, case, line, moved: from.is_some(), why }
    }
}

impl Outcome {
    /// A new finding outweighs everything else.
    pub fn conclusion(&self) -> Conclusion {
        if self.findings.iter().any(|report| report.status == Status::New) {
            Conclusion::NewFinding
        } else if self.interrupted {
            Conclusion::Interrupted
        } else if self.cases == 0 {
            Conclusion::NothingRan
        } else if !self.inconclusive.is_empty() {
            Conclusion::Trouble
        } else if !self.stale.is_empty() {
            Conclusion::StaleKnown
        } else {
            Conclusion::Conforms
        }
    }
}

impl Campaign {
    /// How its cases are drawn.
    pub fn draw(&self) -> Draw {
        let Campaign { max_ops: max_steps, focus, features, others, client, .. } = self;
        let (max_steps, focus, features) = (*max_steps, *focus, *features);
        Draw { max_steps, focus, features, releases: others.clone(), client: *client }
    }

    /// The program of this number that its seed draws.
    pub fn drawn_program(&self, number: u64) -> Program {
        generate::drawn(self.seed, number, self.draw())
    }

    /// The number of cases, where it is given: those that are drawn, then the programs.
    pub fn counted(&self) -> Option<u64> {
        let programs = u64::try_from(self.programs.len()).expect("programs are counted in memory");
        self.drawn().map(|cases| cases.saturating_add(programs))
    }

    /// The number of cases that are drawn, where it is given.
    fn drawn(&self) -> Option<u64> {
        self.cases.map(|cases| self.shard.count(cases))
    }

    /// The program that is the case at this place, unless that one is drawn.
    pub fn program(&self, place: u64) -> Option<(&Signature, &Program)> {
        let at = place.checked_sub(self.drawn()?)?;
        self.programs.iter().nth(usize::try_from(at).ok()?)
    }
}
