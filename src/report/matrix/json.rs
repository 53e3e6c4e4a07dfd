//! The matrix as one JSON object: `matrix.json`.
//!
//! Versioned by its schema, written and read here alone. Keys are added under the same version, and
//! never taken away. Clauses, dimensions and signatures are spelled as in the contract.

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::files::case_path;
use crate::campaign::{FindingReport, Status};
use crate::contract::Clause;
use crate::judge::signature::Signature;
use crate::matrix::record::Key;
use crate::matrix::{Cell, Column, Matrix, Outcome, Row, Since, State};
use crate::policy::Dimension;

/// The schema that is written.
pub const SCHEMA: &str = "heirloom matrix v1";

/// The whole of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// The schema.
    pub schema: String,
    /// The version of heirloom that wrote it.
    pub heirloom: String,
    /// What was run on each release.
    #[serde(flatten)]
    pub key: Key,
    /// The releases, in order.
    pub releases: Vec<Release>,
    /// Every clause in every dimension on every release.
    pub cells: Vec<Entry>,
    /// Every finding of every release.
    pub findings: Vec<Shown>,
    /// What changed when.
    pub turns: Vec<Turned>,
}

/// One release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Its name in the other lists.
    pub release: String,
    /// What it says it is.
    pub version: Option<Version>,
    /// The digest of its executable.
    pub digest: Option<String>,
    /// Why it was not run, where it was not.
    pub not_run: Option<String>,
    /// Cases run and judged.
    pub cases: u64,
    /// Their lines before the audits.
    pub steps: u64,
    /// From beginning to end of its own run.
    pub wall_seconds: f64,
    /// Cases that said nothing, by trouble of the suite.
    pub inconclusive: u64,
    /// The signatures that it was asked for by a program which shows them somewhere.
    pub asked: BTreeSet<Signature>,
}

/// A clause in a dimension on a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The clause.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
    /// The release.
    pub release: String,
    /// How it stands.
    pub state: State,
    /// How often it was tried.
    pub fired: u64,
    /// Whether the release allows more than is due.
    pub widened: bool,
    /// Whether everything that breaks it is a known deviation.
    pub known: bool,
    /// What breaks it.
    pub signatures: Vec<Signature>,
    /// The case to see it, below the folder of the matrix.
    pub case: Option<String>,
}

/// A finding on a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The signature.
    pub signature: Signature,
    /// The release.
    pub release: String,
    /// How it stands.
    pub status: Status,
    /// Whether the release allows more than is due.
    pub widened: bool,
    /// Whether it is a known deviation there.
    pub known: bool,
    /// What was due.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// The form of what was seen, where it is a value.
    pub seen_form: Option<String>,
    /// Confirming runs that showed it, and how many there were.
    pub confirmed: (u32, u32),
    /// The first release that shows it, of an unbroken row of them.
    pub since: Option<String>,
    /// The last release before that which was tried and did not.
    pub after: Option<String>,
    /// The case file, below the folder of the matrix.
    pub case: String,
}

/// A clause that a release breaks or keeps otherwise than the one before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turned {
    /// The clause.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
    /// The release before it that was tried.
    pub from: String,
    /// The release.
    pub to: String,
    /// What shows from here on.
    pub gained: Vec<Signature>,
    /// What no longer shows.
    pub lost: Vec<Signature>,
}

impl Document {
    /// The document of a matrix.
    pub fn new(matrix: &Matrix, key: Key) -> Document {
        let columns = || matrix.columns.iter().enumerate();
        let cells = matrix.rows.iter().flat_map(|(place, cells)| {
            let beside = matrix.columns.iter().zip(cells);
            beside.map(|(column, cell)| entry(*place, column, cell))
        });
        let shown = |(at, column): (usize, &Column)| -> Vec<Shown> {
            let findings = column.results().into_iter().flat_map(|results| &results.findings);
            findings.map(|told| shown(matrix, at, told)).collect()
        };
        let label = |at: usize| matrix.columns[at].label.clone();
        let turned = |turn: crate::matrix::TurningPoint| Turned {
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
            releases: columns().map(|(_, column)| release(column)).collect(),
            cells: cells.collect(),
            findings: columns().flat_map(shown).collect(),
            turns: matrix.turns().into_iter().map(turned).collect(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Why the text is none, in words.
    pub fn read(text: &str) -> Result<Document, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_str);
        match schema {
            Some(SCHEMA) => serde_json::from_value(value).map_err(|error| error.to_string()),
            other => Err(format!("its schema is `{}`, not `{SCHEMA}`", other.unwrap_or("none"))),
        }
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
        cases: results.map_or(0, |results| results.cases),
        steps: results.map_or(0, |results| results.steps),
        wall_seconds: results.map_or(0.0, |results| results.wall.as_secs_f64()),
        inconclusive: results.map_or(0, |results| results.inconclusive.values().sum()),
        asked: results.map(|results| results.asked.clone()).unwrap_or_default(),
    }
}

fn entry(place: Row, column: &Column, cell: &Cell) -> Entry {
    Entry {
        clause: place.clause,
        dimension: place.dimension,
        release: column.label.clone(),
        state: cell.state,
        fired: cell.fired,
        widened: cell.widened(),
        known: cell.is_known(),
        signatures: cell.breaches.iter().map(|breach| breach.signature.clone()).collect(),
        case: cell.breaches.first().map(|breach| case_path(&column.label, &breach.id)),
    }
}

fn shown(matrix: &Matrix, at: usize, told: &FindingReport) -> Shown {
    let (finding, label) = (&told.finding, &matrix.columns[at].label);
    let place = Row { clause: finding.clause, dimension: finding.dimension };
    let signature = finding.signature();
    let cell = matrix.rows.get(&place).map(|cells| &cells[at]);
    let breach =
        cell.and_then(|cell| cell.breaches.iter().find(|breach| breach.signature == signature));
    let (since, after) = match breach.map(|breach| breach.since.clone()) {
        Some(Since::After { first, last }) => (Some(first), Some(last)),
        Some(Since::AtLeast { first }) => (Some(first), None),
        None => (None, None),
    };
    Shown {
        signature,
        release: label.clone(),
        status: told.status,
        widened: finding.widened,
        known: breach.is_some_and(|breach| breach.known),
        expected: finding.expected.clone(),
        seen: finding.seen.clone(),
        seen_form: finding.seen_form.clone(),
        confirmed: told.confirmed,
        since,
        after,
        case: case_path(label, &told.id),
    }
}
