//! The results of a campaign as one JSON object, `summary.json`, written and read.
//!
//! Versioned by its schema. Dimensions and clauses are spelled as in the contract; `clauses` has
//! every clause, so that those that were never tested are listed. Keys are added under the same
//! version, and never taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};
use toml::value::Datetime;

use super::words;
use crate::campaign::shard::Shard;
use crate::campaign::work_time::WorkTime;
use crate::campaign::{
    FindingReport, Gone, InvestigationRuns, Noticed, Outcome, Since, Stale, Subject, Why,
};
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::record::FindingRecord;
use crate::judge::verdict::{Cell, Count};
use crate::model::REVISION;

/// The schema that is written.
pub const SCHEMA: &str = "heirloom summary v3";

/// The schemas that are read.
const READ: [&str; 3] = [SCHEMA, "heirloom summary v2", "heirloom summary v1"];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    schema: String,
    /// The model's revision, by which its cases were drawn and judged.
    pub revision: u32,
    server: Subject,
    seed: u64,
    shard: Shard,
    cases: u64,
    steps: u64,
    wall_seconds: f64,
    server_cpu_seconds: f64,
    harness_cpu_seconds: f64,
    workers: WorkTime,
    clauses: Vec<ClauseCount>,
    pub causes: Vec<CauseRecord>,
    pub findings: Vec<FindingRecord>,
    investigation: InvestigationRuns,
    notices: Vec<Noticed>,
    inconclusive: Vec<Reason>,
    no_sandbox: Option<String>,
    /// How often each kind of line was performed.
    performed: BTreeMap<String, u64>,
    /// What the release does not have, and how many steps needed it.
    left_out: BTreeMap<String, u64>,
    /// The clauses that these steps would have tested.
    withheld: BTreeSet<Clause>,
    cells: Vec<CellCount>,
    pub stale: Vec<StaleRecord>,
    pub gone: Vec<Gone>,
    pub interrupted: bool,
    since: Option<Since>,
    conclusion: String,
    exit_code: u8,
    pub command: CommandRecord,
}

/// How heirloom was called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandRecord {
    /// The command that runs the campaign again.
    pub again: String,
    /// The flags that name the same server to another command.
    pub server_flags: String,
    /// The list of known deviations.
    pub known_list: String,
}

/// How often a clause was tested.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClauseCount {
    pub id: Clause,
    #[serde(flatten)]
    pub count: Count,
}

/// One cell of the coverage table; without a view, where answers rested on the clause.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct CellCount {
    #[serde(flatten)]
    cell: Cell,
    #[serde(flatten)]
    count: Count,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reason {
    reason: String,
    count: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StaleRecord {
    /// The id of the row; older summaries have the signature.
    #[serde(alias = "signature")]
    pub id: String,
    #[serde(default)]
    title: String,
    case: String,
    line: usize,
    /// Whether the row is about upgraded homes.
    #[serde(default)]
    pub moved: bool,
    why: String,
    /// The day that has passed.
    #[serde(default)]
    expired: Option<Datetime>,
}

impl Summary {
    pub fn new(outcome: &Outcome) -> Summary {
        let conclusion = outcome.conclusion();
        let reason =
            |(reason, count): (&String, &u64)| Reason { reason: reason.clone(), count: *count };
        let cell = |(cell, count): (&Cell, &Count)| CellCount { cell: *cell, count: *count };
        Summary {
            schema: SCHEMA.to_owned(),
            revision: REVISION,
            server: outcome.subject.clone(),
            seed: outcome.seed,
            shard: outcome.shard,
            cases: outcome.cases,
            steps: outcome.steps,
            wall_seconds: outcome.wall.as_secs_f64(),
            server_cpu_seconds: outcome.server_cpu.as_secs_f64(),
            harness_cpu_seconds: outcome.harness_cpu.as_secs_f64(),
            workers: outcome.work,
            clauses: by_clause(outcome),
            causes: outcome.causes.clone(),
            investigation: outcome.investigation.clone(),
            findings: outcome.findings.iter().map(|report| report.record.clone()).collect(),
            notices: outcome.notices.clone(),
            inconclusive: outcome.inconclusive.iter().map(reason).collect(),
            no_sandbox: outcome.no_sandbox.clone(),
            performed: outcome.performed.clone(),
            left_out: outcome.left_out.clone(),
            withheld: outcome.withheld.clone(),
            cells: outcome.tally.iter().map(cell).collect(),
            gone: outcome.gone.clone(),
            stale: outcome.stale.iter().map(StaleRecord::new).collect(),
            interrupted: outcome.interrupted,
            since: outcome.since.clone(),
            conclusion: <&str>::from(conclusion).to_owned(),
            exit_code: conclusion as u8,
            command: CommandRecord::default(),
        }
    }

    /// The outcome that it was made of, with these reports of its findings.
    pub fn outcome(self, findings: Vec<FindingReport>) -> Outcome {
        let reason = |reason: Reason| (reason.reason, reason.count);
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Outcome {
            subject: self.server,
            seed: self.seed,
            shard: self.shard,
            cases: self.cases,
            steps: self.steps,
            wall: time(self.wall_seconds),
            server_cpu: time(self.server_cpu_seconds),
            harness_cpu: time(self.harness_cpu_seconds),
            work: self.workers,
            tally: self.cells.into_iter().map(|one| (one.cell, one.count)).collect(),
            causes: self.causes,
            findings,
            investigation: self.investigation,
            notices: self.notices,
            inconclusive: self.inconclusive.into_iter().map(reason).collect(),
            no_sandbox: self.no_sandbox,
            performed: self.performed,
            left_out: self.left_out,
            withheld: self.withheld,
            stale: self.stale.into_iter().map(StaleRecord::stale).collect(),
            gone: self.gone,
            interrupted: self.interrupted,
            since: self.since,
        }
    }

    /// Reads a summary of this version or an older one.
    ///
    /// # Errors
    /// Why the text is not one.
    pub fn read(text: &str) -> Result<Summary, String> {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        if !READ.iter().any(|schema| value["schema"] == *schema) {
            let expected = "name the folder of a run, with its summary.json";
            return Err(format!("it is not the summary of a run; {expected}"));
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    pub fn release(&self) -> Option<&Version> {
        self.server.version.as_ref()
    }

    /// How often a clause was tested.
    pub fn count(&self, clause: Clause) -> Count {
        let row = self.clauses.iter().find(|row| row.id == clause);
        row.map(|row| row.count).unwrap_or_default()
    }

    /// A case for each dimension in which a clause is broken, below the folder of the run; those
    /// that widen come first.
    pub fn cases(&self, clause: Clause) -> Vec<&str> {
        let of_clause = |record: &&FindingRecord| record.finding.clause == clause;
        let mut breaks: Vec<&FindingRecord> = self.findings.iter().filter(of_clause).collect();
        breaks.sort_by_key(|record| !record.finding.widened);
        let mut dimensions = BTreeSet::new();
        breaks.retain(|record| dimensions.insert(record.finding.dimension));
        breaks.into_iter().map(|record| record.case.as_str()).collect()
    }
}

impl StaleRecord {
    fn new(stale: &Stale) -> StaleRecord {
        let Stale { id, title, case, line, moved, why } = stale.clone();
        let expired = match why {
            Why::Unseen => None,
            Why::Expired(day) => Some(day.into()),
        };
        StaleRecord { id, title, case, line, moved, why: words::stale(stale), expired }
    }

    fn stale(self) -> Stale {
        let StaleRecord { id, title, case, line, moved, expired, .. } = self;
        let day = expired.and_then(|expired| expired.date);
        let why = day.map_or(Why::Unseen, Why::Expired);
        Stale { id, title, case, line, moved, why }
    }
}

/// Every clause that can be tested with its sums, in the contract's order.
pub fn by_clause(outcome: &Outcome) -> Vec<ClauseCount> {
    let sum = |id: Clause| {
        let cells = outcome.tally.iter().filter(|(cell, _)| cell.clause == id);
        let mut count = Count::default();
        cells.for_each(|(_, more)| count += *more);
        ClauseCount { id, count }
    };
    words::testable(&outcome.subject).into_iter().map(sum).collect()
}
