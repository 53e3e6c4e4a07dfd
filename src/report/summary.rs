//! The results of a campaign as one JSON object, `summary.json`, written and read.
//!
//! Versioned by its schema. Dimensions and clauses are spelled as in the contract; `clauses` has
//! every clause, so that those that were never tested are listed. Keys are added under the same
//! version, and never taken away.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::words;
use crate::campaign::{Gone, InvestigationRuns, Noticed, Outcome, Stale, Subject};
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::record::FindingRecord;
use crate::judge::verdict::{Cell, Count};

/// The schema that is written.
pub const SCHEMA: &str = "heirloom summary v3";

/// The schemas that are read.
const READ: [&str; 3] = [SCHEMA, "heirloom summary v2", "heirloom summary v1"];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    schema: String,
    server: Subject,
    seed: u64,
    cases: u64,
    steps: u64,
    wall_seconds: f64,
    server_cpu_seconds: f64,
    harness_cpu_seconds: f64,
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
    cells: Vec<CellCount>,
    pub stale: Vec<StaleRecord>,
    pub gone: Vec<Gone>,
    pub interrupted: bool,
    conclusion: String,
    exit_code: u8,
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
    case: String,
    line: usize,
    /// Whether the row is about upgraded homes.
    #[serde(default)]
    pub moved: bool,
    why: String,
}

impl Summary {
    pub fn new(outcome: &Outcome) -> Summary {
        let conclusion = outcome.conclusion();
        let reason =
            |(reason, count): (&String, &u64)| Reason { reason: reason.clone(), count: *count };
        let cell = |(cell, count): (&Cell, &Count)| CellCount { cell: *cell, count: *count };
        Summary {
            schema: SCHEMA.to_owned(),
            server: outcome.subject.clone(),
            seed: outcome.seed,
            cases: outcome.cases,
            steps: outcome.steps,
            wall_seconds: outcome.wall.as_secs_f64(),
            server_cpu_seconds: outcome.server_cpu.as_secs_f64(),
            harness_cpu_seconds: outcome.harness_cpu.as_secs_f64(),
            clauses: by_clause(outcome),
            causes: outcome.causes.clone(),
            investigation: outcome.investigation.clone(),
            findings: outcome.findings.iter().map(|report| report.record.clone()).collect(),
            notices: outcome.notices.clone(),
            inconclusive: outcome.inconclusive.iter().map(reason).collect(),
            no_sandbox: outcome.no_sandbox.clone(),
            performed: outcome.performed.clone(),
            left_out: outcome.left_out.clone(),
            cells: outcome.tally.iter().map(cell).collect(),
            gone: outcome.gone.clone(),
            stale: outcome.stale.iter().map(StaleRecord::new).collect(),
            interrupted: outcome.interrupted,
            conclusion: <&str>::from(conclusion).to_owned(),
            exit_code: conclusion as u8,
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
        let Stale { id, case, line, moved, .. } = stale.clone();
        StaleRecord { id, case, line, moved, why: words::stale(stale) }
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
