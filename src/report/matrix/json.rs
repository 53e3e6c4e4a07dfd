//! The matrix as one JSON object, `matrix.json`, written and read.
//!
//! Versioned by its schema. Keys are added under the same version, and never taken away. Clauses,
//! dimensions and signatures are spelled as in the contract.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::campaign::FindingReport;
use crate::contract::Clause;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::signature::Signature;
use crate::matrix::record::Key;
use crate::matrix::{
    CauseCell, Cell, Column, Matrix, MatrixCause, Outcome, Period, Row, Since, State, TurningPoint,
};
use crate::policy::Dimension;

/// The schema that is written.
pub const SCHEMA: &str = "heirloom matrix v3";

/// An older schema that is read: it has no causes, and does not say which releases were stopped.
const WITHOUT_CAUSES: &str = "heirloom matrix v2";

/// An older schema that is read: the keys of a finding stand beside those of its release.
const FLAT: &str = "heirloom matrix v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    pub schema: String,
    /// The version of heirloom that wrote it.
    pub heirloom: String,
    /// The settings of the run on each release.
    #[serde(flatten)]
    pub key: Key,
    pub releases: Vec<Release>,
    #[serde(default)]
    pub causes: Vec<CauseEntry>,
    /// Every clause in every dimension on every release.
    pub cells: Vec<Entry>,
    /// Every finding of every release.
    pub findings: Vec<MatrixFinding>,
    pub turns: Vec<Turned>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Its name in the other lists.
    pub release: String,
    pub version: Option<Version>,
    /// The digest of its executable.
    pub digest: Option<String>,
    /// Why it was not run.
    pub not_run: Option<String>,
    /// Whether it was stopped before its end.
    #[serde(default)]
    pub interrupted: bool,
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    /// From beginning to end of its own run.
    pub wall_seconds: f64,
    /// The number of inconclusive cases.
    pub inconclusive: u64,
    /// The signatures whose program was run on it.
    pub asked: BTreeSet<Signature>,
}

/// A cause on every release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CauseEntry {
    /// The `cause` of its findings.
    pub id: String,
    pub title: String,
    /// `known` if the list of known deviations excuses all of it.
    pub status: Status,
    pub widened: bool,
    pub clauses: BTreeSet<Clause>,
    pub dimensions: BTreeSet<Dimension>,
    pub matters: Vec<String>,
    pub does_not_matter: Vec<String>,
    /// The first of the last releases in succession that show it.
    pub since: Option<String>,
    /// The last of these, if a later release does not show it.
    pub until: Option<String>,
    /// All releases in succession that show it.
    pub periods: Vec<Succession>,
    pub releases: BTreeMap<String, CauseState>,
    /// A case of the last release that shows it, below the folder of the matrix.
    pub case: Option<String>,
}

/// Releases in succession that show a cause.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Succession {
    pub first: String,
    pub last: String,
    /// The last release before that was asked and does not show it.
    pub before: Option<String>,
    /// The first release after that was asked and does not show it.
    pub after: Option<String>,
}

/// How a cause stands on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CauseState {
    Shows,
    Absent,
    Unsupported,
    Unknown,
}

/// A clause in a dimension on a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub clause: Clause,
    pub dimension: Option<Dimension>,
    pub release: String,
    pub state: State,
    #[serde(rename = "fired")]
    pub tested: u64,
    /// Whether the release allows more than is expected.
    pub widened: bool,
    /// Whether all breaches are known deviations.
    pub known: bool,
    pub signatures: Vec<Signature>,
    /// The case of the first breach, below the folder of the matrix.
    pub case: Option<String>,
}

/// A finding on a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MatrixFinding {
    pub release: String,
    /// Whether it is a known deviation there.
    pub known: bool,
    /// The first release of an unbroken row that shows it.
    pub since: Option<String>,
    /// The last release before that which was tested and does not.
    pub after: Option<String>,
    pub finding: FindingRecord,
}

/// A clause that a release breaks or keeps otherwise than the one before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turned {
    pub clause: Clause,
    pub dimension: Option<Dimension>,
    /// The last release before it that was tested.
    pub from: String,
    pub to: String,
    /// Signatures that show from here on.
    pub gained: Vec<Signature>,
    /// Signatures that no longer show.
    pub lost: Vec<Signature>,
}

impl Document {
    pub fn new(matrix: &Matrix, key: Key) -> Document {
        let columns = || matrix.columns.iter().enumerate();
        let cells = matrix.rows.iter().flat_map(|(row, cells)| {
            let beside = matrix.columns.iter().zip(cells);
            beside.map(|(column, cell)| entry(*row, column, cell))
        });
        let findings = columns().flat_map(|(at, column)| {
            let findings = column.results().into_iter().flat_map(|results| &results.findings);
            findings.map(move |report| finding(matrix, at, report))
        });
        let label = |at: usize| matrix.columns[at].label.clone();
        let turned = |turn: TurningPoint| Turned {
            clause: turn.place.clause,
            dimension: turn.place.dimension,
            from: label(turn.from),
            to: label(turn.to),
            gained: turn.gained,
            lost: turn.lost,
        };
        Document {
            schema: SCHEMA.to_owned(),
            heirloom: env!("CARGO_PKG_VERSION").to_owned(),
            key,
            releases: matrix.columns.iter().map(release).collect(),
            causes: matrix.causes.iter().map(|one| cause(one, &matrix.columns)).collect(),
            cells: cells.collect(),
            findings: findings.collect(),
            turns: matrix.turns().into_iter().map(turned).collect(),
        }
    }

    /// Reads a document of this version or an older one.
    ///
    /// # Errors
    /// Why the text is not one.
    pub fn read(text: &str) -> Result<Document, String> {
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        match value["schema"].as_str() {
            Some(SCHEMA | WITHOUT_CAUSES) => {}
            Some(FLAT) => nest_findings(&mut value),
            other => {
                let schema = other.unwrap_or("none");
                return Err(format!("its schema is `{schema}`, not `{SCHEMA}`"));
            }
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }
}

/// Where a case lies below the folder of a matrix.
pub fn case_path(label: &str, id: &str) -> String {
    let label = label.replace(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.', "_");
    format!("cases/{label}/{id}.case")
}

fn nest_findings(document: &mut Value) {
    for finding in document["findings"].as_array_mut().into_iter().flatten() {
        let mut record = finding.clone();
        // There it is the name of the column, which need not be a version.
        record.as_object_mut().and_then(|keys| keys.remove("release"));
        finding["finding"] = record;
    }
}

fn release(column: &Column) -> Release {
    let results = column.results();
    let not_run = match &column.outcome {
        Outcome::Ran(_) => None,
        Outcome::NotRun(reason) => Some(reason.clone()),
    };
    Release {
        release: column.label.clone(),
        version: column.version.clone(),
        digest: results.map(|results| results.subject.digest.clone()),
        not_run,
        interrupted: results.is_some_and(|results| results.interrupted),
        cases: results.map_or(0, |results| results.cases),
        steps: results.map_or(0, |results| results.steps),
        wall_seconds: results.map_or(0.0, |results| results.wall.as_secs_f64()),
        inconclusive: results.map_or(0, |results| results.inconclusive.values().sum()),
        asked: results.map(|results| results.asked.clone()).unwrap_or_default(),
    }
}

fn cause(cause: &MatrixCause, columns: &[Column]) -> CauseEntry {
    let label = |at: usize| columns[at].label.clone();
    let succession = |period: &Period| Succession {
        first: label(period.first),
        last: label(period.last),
        before: period.before.map(label),
        after: period.after.map(label),
    };
    let newest = cause.periods.last();
    let cells = || cause.cells.iter().zip(columns);
    let case = |(cell, column): (&CauseCell, &Column)| {
        let first = cell.findings(column).next()?;
        Some(case_path(&column.label, &first.id))
    };
    CauseEntry {
        id: cause.id.clone(),
        title: cause.title.clone(),
        status: if cause.is_known() { Status::Known } else { Status::New },
        widened: cause.widened(),
        clauses: cause.clauses.clone(),
        dimensions: cause.dimensions.clone(),
        matters: cause.record.matters.clone(),
        does_not_matter: cause.record.does_not_matter.clone(),
        since: newest.map(|period| label(period.first)),
        until: newest.filter(|period| period.after.is_some()).map(|period| label(period.last)),
        periods: cause.periods.iter().map(succession).collect(),
        releases: cells().map(|(cell, column)| (column.label.clone(), state(cell))).collect(),
        case: cells().rev().find_map(case),
    }
}

fn state(cell: &CauseCell) -> CauseState {
    match cell {
        CauseCell::Shows(_) => CauseState::Shows,
        CauseCell::Absent => CauseState::Absent,
        CauseCell::Unsupported => CauseState::Unsupported,
        CauseCell::Unknown => CauseState::Unknown,
    }
}

fn entry(row: Row, column: &Column, cell: &Cell) -> Entry {
    Entry {
        clause: row.clause,
        dimension: row.dimension,
        release: column.label.clone(),
        state: cell.state,
        tested: cell.tested,
        widened: cell.widened(),
        known: cell.is_known(),
        signatures: cell.breaches.iter().map(|breach| breach.signature.clone()).collect(),
        case: cell.breaches.first().map(|breach| case_path(&column.label, &breach.id)),
    }
}

fn finding(matrix: &Matrix, at: usize, report: &FindingReport) -> MatrixFinding {
    let (finding, label) = (&report.finding, &matrix.columns[at].label);
    let row = Row { clause: finding.clause, dimension: finding.dimension };
    let signature = finding.signature();
    let breaches = matrix.rows.get(&row).map(|cells| &cells[at].breaches);
    let breach = breaches.and_then(|all| all.iter().find(|breach| breach.signature == signature));
    let (since, after) = match breach.map(|breach| breach.since.clone()) {
        Some(Since::After { first, last }) => (Some(first), Some(last)),
        Some(Since::AtLeast { first }) => (Some(first), None),
        None => (None, None),
    };
    let shows = |cause: &&MatrixCause| {
        let mut findings = cause.cells[at].findings(&matrix.columns[at]);
        findings.any(|one| one.id == report.id)
    };
    // The causes of a release have other ids than those of the matrix.
    let cause = matrix.causes.iter().find(shows).map(|cause| cause.id.clone());
    MatrixFinding {
        release: label.clone(),
        known: breach.is_some_and(|breach| breach.known),
        since,
        after,
        finding: FindingRecord {
            case: case_path(label, &report.id),
            cause,
            ..report.record.clone()
        },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::{Document, FLAT};

    #[test]
    fn findings_of_an_older_matrix_are_read() {
        let finding = json!({
            "signature": "R4/AP/resume/never/config", "release": "0.144.4 (./codex)",
            "status": "new", "widened": true, "known": false, "expected": "never",
            "seen": "on-request", "seen_form": "on-request", "confirmed": [2, 5],
            "since": null, "after": null, "case": "cases/a.case",
        });
        let document = json!({
            "schema": FLAT, "heirloom": "0.1.0", "revision": 1, "seed": 1, "cases": 1,
            "max_ops": 12, "confirmations": 5, "profile": "default", "releases": [], "cells": [],
            "findings": [finding], "turns": [],
        });
        let document = Document::read(&document.to_string()).expect("it is a document");
        let found = &document.findings[0];
        let (record, finding) = (&found.finding, &found.finding.finding);
        expect!["0.144.4 (./codex): R4/AP/resume/never/config widened, 2 of 5, cases/a.case"]
            .assert_eq(&format!(
                "{}: {} {}, {} of {}, {}",
                found.release,
                finding.signature(),
                if finding.widened { "widened" } else { "not widened" },
                record.confirmed.shown,
                record.confirmed.runs,
                record.case,
            ));
    }
}
