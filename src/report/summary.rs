//! What a campaign came to, as one JSON object: `summary.json`.
//!
//! Versioned by its schema. Dimensions and clauses are spelled as in the contract, and `clauses`
//! has every clause, so that what never fired is seen. Keys are added under the same version, and
//! never taken away.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Serialize;
use serde_json::Value;

use super::json::server;
use super::words;
use crate::campaign::probe::Proof;
use crate::campaign::{FindingReport, Noticed, Outcome, Stale, Status};
use crate::contract::{Clause, Strength, all};
use crate::judge::signature::Signature;
use crate::judge::{Cell, Tally, View};
use crate::policy::Dimension;

/// The schema that is written.
pub const SCHEMA: &str = "heirloom summary v1";

/// The whole of it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    schema: &'static str,
    server: Value,
    seed: u64,
    cases: u64,
    steps: u64,
    wall_seconds: f64,
    server_cpu_seconds: f64,
    harness_cpu_seconds: f64,
    clauses: Vec<Fired>,
    findings: Vec<Recorded>,
    notices: Vec<NoticeRecord>,
    inconclusive: Vec<Reason>,
    no_sandbox: Option<String>,
    /// The lines that were performed, by what they do.
    performed: BTreeMap<String, u64>,
    /// What the release was not asked for, since it does not have it.
    left_out: BTreeMap<String, u64>,
    cells: Vec<CellRecord>,
    stale: Vec<StaleRecord>,
    interrupted: bool,
    conclusion: &'static str,
    exit_code: u8,
}

/// One clause and how often it was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Fired {
    /// The clause.
    pub id: Clause,
    /// Comparisons, and times that an answer rested on it.
    pub fired: u64,
    /// Of them, comparisons of its own.
    pub compared: u64,
    /// Of them, those that agreed.
    pub held: u64,
    /// Of them, those that did not.
    pub broken: u64,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub struct Recorded {
    id: String,
    signature: Signature,
    status: Status,
    clause: Clause,
    strength: Strength,
    dimension: Option<Dimension>,
    views: BTreeSet<View>,
    expected: String,
    seen: String,
    seen_form: Option<String>,
    /// The release that ran where it showed.
    release: Option<Version>,
    /// The other releases that had the home before.
    before: BTreeSet<Version>,
    origin: String,
    also_fits: Vec<String>,
    widened: bool,
    confirmed: Confirmed,
    steps: usize,
    shrink_runs: u32,
    found_after_seconds: f64,
    /// The case file, below the folder of the run.
    case: String,
    token: String,
    excuse: Option<String>,
    deed: Option<DeedRecord>,
}

/// What a deed of the finding's own showed.
#[derive(Clone, Debug, Serialize)]
struct DeedRecord {
    proof: Proof,
    words: String,
    /// Its case file, below the folder of the run, where a program was run.
    case: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Confirmed {
    shown: u32,
    runs: u32,
}

/// One cell of the coverage table; without a view, where answers rested on the clause.
#[derive(Clone, Debug, Serialize)]
struct CellRecord {
    clause: Clause,
    view: Option<View>,
    dimension: Option<Dimension>,
    fired: u64,
    broken: u64,
}

impl CellRecord {
    fn new((cell, tally): (&Cell, &Tally)) -> CellRecord {
        let Cell { clause, view, dimension } = *cell;
        let Tally { fired, broken, .. } = *tally;
        CellRecord { clause, view, dimension, fired, broken }
    }
}

#[derive(Clone, Debug, Serialize)]
struct NoticeRecord {
    clause: Clause,
    text: String,
    count: u64,
    token: String,
}

#[derive(Clone, Debug, Serialize)]
struct Reason {
    reason: String,
    count: u64,
}

#[derive(Clone, Debug, Serialize)]
struct StaleRecord {
    signature: Signature,
    case: String,
    line: usize,
    /// Whether the row is about homes that another release had before.
    moved: bool,
    why: String,
}

impl Summary {
    /// The summary of an outcome.
    pub fn new(outcome: &Outcome) -> Summary {
        let conclusion = outcome.conclusion();
        let inconclusive = outcome.inconclusive.iter();
        let stale = outcome.stale.iter();
        Summary {
            schema: SCHEMA,
            server: server(&outcome.subject),
            seed: outcome.seed,
            cases: outcome.cases,
            steps: outcome.steps,
            wall_seconds: outcome.wall.as_secs_f64(),
            server_cpu_seconds: outcome.server_cpu.as_secs_f64(),
            harness_cpu_seconds: outcome.harness_cpu.as_secs_f64(),
            clauses: fired(outcome),
            findings: outcome.findings.iter().map(Recorded::new).collect(),
            notices: outcome.notices.iter().map(notice).collect(),
            inconclusive: inconclusive
                .map(|(reason, count)| Reason { reason: reason.clone(), count: *count })
                .collect(),
            no_sandbox: outcome.no_sandbox.clone(),
            performed: outcome.performed.clone(),
            left_out: outcome.left_out.clone(),
            cells: outcome.tally.iter().map(CellRecord::new).collect(),
            stale: stale.map(StaleRecord::new).collect(),
            interrupted: outcome.interrupted,
            conclusion: conclusion.into(),
            exit_code: conclusion as u8,
        }
    }
}

impl StaleRecord {
    fn new(stale: &Stale) -> StaleRecord {
        let Stale { signature, case, line, moved, .. } = stale.clone();
        StaleRecord { signature, case, line, moved, why: words::stale(stale) }
    }
}

impl Recorded {
    /// The record of a finding.
    pub fn new(told: &FindingReport) -> Recorded {
        let finding = &told.finding;
        Recorded {
            id: told.id.clone(),
            signature: finding.signature(),
            status: told.status,
            clause: finding.clause,
            strength: finding.strength,
            dimension: finding.dimension,
            views: finding.views.clone(),
            expected: finding.expected.clone(),
            seen: finding.seen.clone(),
            seen_form: finding.seen_form.clone(),
            release: finding.residence.release.clone(),
            before: finding.residence.before.clone(),
            origin: finding.origin.to_string(),
            also_fits: finding.also_fits.iter().map(ToString::to_string).collect(),
            widened: finding.widened,
            confirmed: Confirmed { shown: told.confirmed.0, runs: told.confirmed.1 },
            steps: told.program.lines(),
            shrink_runs: told.shrink_runs,
            found_after_seconds: told.found_after.as_secs_f64(),
            case: format!("findings/{}.case", told.id),
            token: told.token.clone(),
            excuse: told.excuse.as_ref().map(|(reason, _)| reason.clone()),
            deed: told.deed.as_ref().map(|deed| DeedRecord {
                proof: deed.proof,
                words: deed.words.clone(),
                case: deed.run.as_ref().map(|_| format!("findings/{}.deed.case", told.id)),
            }),
        }
    }
}

/// Every clause of the contract with its sums, in the contract's order.
pub fn fired(outcome: &Outcome) -> Vec<Fired> {
    let sum = |id: Clause| {
        let cells = outcome.tally.iter().filter(|(cell, _)| cell.clause == id);
        let zero = Fired { id, fired: 0, compared: 0, held: 0, broken: 0 };
        cells.fold(zero, |sum, (cell, tally)| Fired {
            id,
            fired: sum.fired + tally.fired,
            compared: sum.compared + cell.view.map_or(0, |_| tally.fired),
            held: sum.held + tally.held,
            broken: sum.broken + tally.broken,
        })
    };
    all().iter().map(|row| sum(row.clause)).collect()
}

fn notice(noticed: &Noticed) -> NoticeRecord {
    let Noticed { clause, text, count, token } = noticed.clone();
    NoticeRecord { clause, text, count, token }
}
